#include "control/event_log.h"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace sovmesh::control {
namespace {

bool all(const Event&) { return true; }

Event event(std::string kind) {
  return {.kind = std::move(kind), .subject = "engines/tiny", .text = "it happened"};
}

TEST(EventLog, TellsTheNewestFirstInPages) {
  ManualClock clock;
  EventLog log(clock);
  for (int i = 0; i < 5; ++i)
    log.note(event("engine." + std::to_string(i)));
  const auto first = log.newest(all, std::nullopt, 2);
  ASSERT_EQ(first.events.size(), 2U);
  EXPECT_TRUE(first.has_more);
  EXPECT_EQ(first.events[0].event.kind, "engine.4");
  log.note(event("engine.5"));  // moves nothing
  const auto second = log.newest(all, first.events[1].id, 3);
  ASSERT_EQ(second.events.size(), 3U);
  EXPECT_EQ(second.events[0].event.kind, "engine.2");
  EXPECT_FALSE(second.has_more);
}

TEST(EventLog, IdsGrowInOneInstantAndOverARestart) {
  ManualClock clock;
  std::int64_t last = 0;
  for (int boot = 0; boot < 2; ++boot) {
    EventLog log(clock);
    for (int i = 0; i < 3; ++i) {
      log.note(event("a.b"));
      EXPECT_GT(log.last(), last);
      last = log.last();
    }
    clock.advance(std::chrono::seconds(1));
  }
}

TEST(EventLog, KeepsAsManyAsItsBoundAndSaysWhatIsMissing) {
  ManualClock clock;
  EventLog log(clock);
  log.note(event("first.one"));
  const std::int64_t first = log.last();
  for (std::size_t i = 0; i < EventLog::kEventsMax; ++i)
    log.note(event("a.b"));
  EXPECT_EQ(log.newest(all, std::nullopt, 20'000).events.size(), EventLog::kEventsMax);
  EXPECT_FALSE(log.since(first, all, 10).has_gap) << "the one that is gone had been seen";
  log.note(event("a.b"));
  EXPECT_TRUE(log.since(first, all, 10).has_gap);
}

TEST(EventLog, GoesOnFromWhereSomebodyWas) {
  ManualClock clock;
  EventLog log(clock);
  const auto only_b = [](const Event& one) { return one.kind == "b.b"; };
  log.note(event("a.a"));
  log.note(event("b.b"));
  log.note(event("a.a"));
  const auto seen = log.since(0, only_b, 10);
  ASSERT_EQ(seen.events.size(), 1U);
  EXPECT_EQ(seen.seen, log.last()) << "what is not wanted is not looked at again";
  EXPECT_TRUE(log.since(seen.seen, only_b, 10).events.empty());
}

TEST(EventLog, ShowsAnEventAsJson) {
  ManualClock clock;
  EventLog log(clock);
  Event one = event("key.revoke");
  one.severity = Severity::warning;
  one.tenant = Event::Tenant{.id = {}, .slug = "aurora"};
  one.data = R"({"key":"abc"})";
  log.note(one);
  const std::string json = event_json(log.newest(all, std::nullopt, 1).events[0]);
  EXPECT_NE(json.find(R"("kind":"key.revoke","severity":"warning","subject":"engines/tiny",)"
                      R"("tenant":"aurora","text":"it happened","data":{"key":"abc"})"),
            json.npos)
      << json;
}

}  // namespace
}  // namespace sovmesh::control
