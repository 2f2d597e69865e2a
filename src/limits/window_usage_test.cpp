#include "limits/window_usage.h"

#include <gtest/gtest.h>

#include "base/time_text.h"

namespace sovmesh::limits {
namespace {

using namespace std::chrono_literals;

WallTime at(std::string_view text) { return parse_rfc3339(text).value(); }
const WallTime kNoon = at("2026-05-12T12:00:00Z");

WindowUsage minutes() { return {Window::minute, Alignment::calendar, {}}; }
WindowUsage rolling() { return {Window::minute, Alignment::rolling, {}}; }

std::int64_t used_at(WindowUsage& usage, WallTime now) {
  usage.move_to(now);
  return usage.used();
}
void add_at(WindowUsage& usage, WallTime now, std::int64_t amount) {
  usage.move_to(now);
  usage.add(amount);
}

TEST(CalendarUsage, BelongsToItsWindow) {
  WindowUsage usage = minutes();
  add_at(usage, kNoon, 60);
  EXPECT_EQ(used_at(usage, kNoon + 60s - 1us), 60);
  EXPECT_EQ(usage.free_at(1), kNoon + 60s);
  EXPECT_EQ(used_at(usage, kNoon + 60s), 0);
}

// Two workers at the end of a minute: one has read the clock a little earlier.
TEST(CalendarUsage, IsCountedInEachOfTwoWindowsThatTakeTurns) {
  WindowUsage usage = minutes();
  add_at(usage, kNoon, 60);
  add_at(usage, kNoon + 60s, 5);
  EXPECT_EQ(used_at(usage, kNoon + 59s), 60);
  EXPECT_EQ(used_at(usage, kNoon + 60s), 5);
  add_at(usage, kNoon + 59s, 1);
  EXPECT_EQ(used_at(usage, kNoon + 60s), 5);
  EXPECT_EQ(used_at(usage, kNoon + 59s), 61);
}

TEST(CalendarUsage, IsTakenAlongByAStepBack) {
  WindowUsage usage = minutes();
  add_at(usage, kNoon, 10);
  add_at(usage, kNoon + 60s, 60);
  EXPECT_EQ(used_at(usage, kNoon), 60) << "no more is free than before the step";
  EXPECT_EQ(used_at(usage, kNoon - 365 * 24h), 60);
  EXPECT_EQ(used_at(usage, kNoon - 365 * 24h + 60s), 0) << "and the lock ends with that window";
}

TEST(CalendarUsage, IsThereAgainWhenTheLatestWindowComesAgain) {
  WindowUsage usage = minutes();
  add_at(usage, kNoon, 60);
  EXPECT_EQ(used_at(usage, kNoon - 10min), 60);
  for (auto later = 9min; later > 0min; later -= 1min)
    EXPECT_EQ(used_at(usage, kNoon - later), 0);
  EXPECT_EQ(used_at(usage, kNoon), 60);
  EXPECT_EQ(used_at(usage, kNoon + 1min), 0);
}

TEST(CalendarUsage, OfAYearAheadLocksNobodyOutForAYear) {
  WindowUsage usage = minutes();
  add_at(usage, kNoon, 30);
  add_at(usage, kNoon + 365 * 24h, 60);
  EXPECT_EQ(used_at(usage, kNoon + 1s), 60);
  EXPECT_EQ(used_at(usage, kNoon + 1min), 0);
}

TEST(CalendarUsage, IsGivenBackWhereItWasAdded) {
  WindowUsage usage = minutes();
  add_at(usage, kNoon, 2);
  add_at(usage, kNoon + 1min, 3);
  usage.take_back(1, kNoon);
  EXPECT_EQ(usage.used(), 3);
  EXPECT_EQ(used_at(usage, kNoon + 59s), 3) << "taken along";
  usage.take_back(1, kNoon + 1min);
  EXPECT_EQ(used_at(usage, kNoon + 1min), 2);
  usage.take_back(9, kNoon + 1min);
  EXPECT_EQ(usage.used(), 0);
}

TEST(CalendarUsage, IsOverWhenNothingOfItCanCountAgain) {
  WindowUsage usage = minutes();
  add_at(usage, kNoon, 1);
  EXPECT_FALSE(usage.is_over(kNoon + 59s));
  EXPECT_TRUE(usage.is_over(kNoon + 60s));
  usage.move_to(kNoon - 1h);
  EXPECT_FALSE(usage.is_over(kNoon - 30min)) << "noon comes again";
  WindowUsage lifetime(Window::lifetime, Alignment::calendar, {});
  add_at(lifetime, kNoon, 1);
  EXPECT_FALSE(lifetime.is_over(kNoon + 1'000 * 365 * 24h));
  EXPECT_EQ(lifetime.free_at(1), std::nullopt);
  EXPECT_EQ(lifetime.reset_at(), std::nullopt);
}

TEST(CalendarUsage, DoesNotOverflow) {
  WindowUsage usage = minutes();
  add_at(usage, kNoon, std::numeric_limits<std::int64_t>::max() - 1);
  usage.add(5);
  EXPECT_EQ(usage.used(), std::numeric_limits<std::int64_t>::max());
}

TEST(RollingUsage, CountsForAWindowAndAtMostOnePartMore) {
  const auto part = std::chrono::microseconds(60s) / WindowUsage::kParts;
  // At the beginning, in the middle and at the end of a part.
  for (const auto offset : {0us, part / 2, part - 1us}) {
    WindowUsage usage = rolling();
    const WallTime begin = WallTime((kNoon.time_since_epoch() / part) * part) + offset;
    add_at(usage, begin, 7);
    EXPECT_EQ(used_at(usage, begin + 60s - 1us), 7);
    EXPECT_EQ(used_at(usage, begin + 60s), 7);
    EXPECT_EQ(used_at(usage, begin + 60s + part), 0);
  }
}

TEST(RollingUsage, SaysWhenHowMuchIsFree) {
  WindowUsage usage = rolling();
  add_at(usage, kNoon, 10);
  add_at(usage, kNoon + 20s, 10);
  add_at(usage, kNoon + 40s, 10);
  usage.move_to(kNoon + 50s);
  for (const std::int64_t amount : {1, 10, 11, 20, 21, 30, 99}) {
    const WallTime free = usage.free_at(amount).value();
    WindowUsage later = rolling();
    add_at(later, kNoon, 10);
    add_at(later, kNoon + 20s, 10);
    add_at(later, kNoon + 40s, 10);
    EXPECT_LE(used_at(later, free), std::max<std::int64_t>(30 - amount, 0)) << amount;
    EXPECT_EQ(usage.free_at(30), usage.reset_at());
  }
}

TEST(RollingUsage, ReadsASmallStepBackAsNoStep) {
  WindowUsage usage = rolling();
  add_at(usage, kNoon, 5);
  add_at(usage, kNoon - 30s, 5);
  EXPECT_EQ(usage.used(), 10);
  EXPECT_EQ(used_at(usage, kNoon + 59s), 10) << "both count from the latest time";
  EXPECT_EQ(used_at(usage, kNoon + 62s), 0);
}

TEST(RollingUsage, MovesWithALargeStepBackAndIsThereAgainLater) {
  WindowUsage usage = rolling();
  add_at(usage, kNoon, 5);
  EXPECT_EQ(used_at(usage, kNoon - 1h), 5);
  EXPECT_EQ(used_at(usage, kNoon - 1h + 62s), 0) << "locked for a window, not for an hour";
  EXPECT_FALSE(usage.is_over(kNoon - 30min));
  EXPECT_EQ(used_at(usage, kNoon), 5);
  EXPECT_EQ(used_at(usage, kNoon + 62s), 0);
  EXPECT_TRUE(usage.is_over(kNoon + 62s));
}

TEST(RollingUsage, IsGivenBackAsFarAsItStillCounts) {
  WindowUsage usage = rolling();
  add_at(usage, kNoon, 5);
  add_at(usage, kNoon + 30s, 5);
  usage.take_back(2, kNoon);
  EXPECT_EQ(usage.used(), 8);
  usage.take_back(2, kNoon - 1h);
  EXPECT_EQ(usage.used(), 8);
  usage.take_back(9, kNoon + 1h);
  EXPECT_EQ(usage.used(), 3) << "what was added last is all that a later time can mean";
}

TEST(RollingUsage, TakesThePastInParts) {
  WindowUsage usage = rolling();
  usage.move_to(kNoon);
  usage.add_past(3, kNoon - 50s);
  usage.add_past(4, kNoon - 10s);
  usage.add_past(100, kNoon - 2min);
  EXPECT_EQ(usage.used(), 7);
  EXPECT_EQ(used_at(usage, kNoon + 20s), 4);
}

TEST(RollingUsage, WorksBefore1970) {
  WindowUsage usage = rolling();
  const WallTime early = at("1969-12-31T23:59:59.5Z");
  add_at(usage, early, 5);
  EXPECT_EQ(used_at(usage, early + 1s), 5);
  EXPECT_EQ(used_at(usage, early + 62s), 0);
}

}  // namespace
}  // namespace sovmesh::limits
