// Rollouts through the admin API: start, steps by hand, what is stored and what is refused.

#include <gmock/gmock.h>

#include "config/load.h"
#include "control/rollout_json.h"
#include "tests/flow/admin_world.h"

namespace sovmesh::control {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kConfig = R"(engines:
  - {name: tiny, kind: remote, url: "http://127.0.0.1:9/v1"}
models:
  - {name: old, engine: tiny}
  - {name: new, engine: tiny}
routes:
  - name: chat
    versions:
      - {model: old, weight: WEIGHT}
      - {model: new, stage: canary}
)";

class AdminRolloutsTest : public AdminWorld {
 protected:
  AdminRolloutsTest() { use_weight("9"); }

  void use_weight(const std::string& weight) {
    std::string text(kConfig);
    text.replace(text.find("WEIGHT"), 6, weight);
    const auto loaded =
        config::load_text(text, [](std::string_view) -> std::optional<std::string> { return {}; });
    ASSERT_TRUE(loaded.config) << config::to_text(loaded.findings);
    ASSERT_TRUE(publisher_.apply(*loaded.config));
  }
  std::string start(const std::string& more = "") {
    return ok("POST", "rollouts", R"({"route":"chat","candidate":"new")" + more + "}");
  }
  std::string state() { return member(ok("GET", "rollouts/chat"), "state"); }
  // The candidate's share that requests go by; -1: no rollout.
  int share() const {
    const auto in_force = rollouts_.in_force().get();
    const auto found = in_force->find(ModelName::parse("chat").value());
    return found == in_force->end() ? -1 : found->second.shift.share;
  }
};

TEST_F(AdminRolloutsTest, OneIsStartedWaitsAndBeginsWhenItsEngineIsReady) {
  readiness_ = {.ready = false, .why = "asleep"};
  EXPECT_EQ(member(start(R"(,"steps":["5%:10m"],"gates":["error_rate:1%"])"), "state"), "waiting");
  EXPECT_EQ(share(), 0);
  rollouts_.look();
  EXPECT_EQ(state(), "waiting");
  readiness_.ready = true;
  rollouts_.look();
  EXPECT_EQ(state(), "holding");
  EXPECT_EQ(share(), 500);
  ASSERT_EQ(told_.size(), 1U);
  EXPECT_THAT(ok("GET", "rollouts"), HasSubstr(R"("candidate":"new")"));
}

TEST_F(AdminRolloutsTest, ByHandItIsPausedResumedAndAborted) {
  start();
  rollouts_.look();
  EXPECT_EQ(share(), 100);
  ok("POST", "rollouts/chat/pause", "{}");
  EXPECT_EQ(state(), "paused");
  EXPECT_EQ(share(), 100);
  EXPECT_EQ(refusal("POST", "rollouts/chat/pause", "{}"), Code::conflict);
  ok("POST", "rollouts/chat/resume", "{}");
  EXPECT_EQ(state(), "holding");
  EXPECT_THAT(ok("POST", "rollouts/chat/abort", R"({"reason":"users complain"})"),
              HasSubstr("aborted by hand: users complain"));
  EXPECT_EQ(share(), 0);
  EXPECT_EQ(refusal("POST", "rollouts/chat/promote", "{}"), Code::conflict);
}

TEST_F(AdminRolloutsTest, PromotedItHasAllUntilTheRouteIsChanged) {
  start();
  ok("POST", "rollouts/chat/promote", "{}");
  EXPECT_EQ(share(), 10'000);
  use_weight("8");
  rollouts_.look();
  EXPECT_EQ(share(), -1);
}

TEST_F(AdminRolloutsTest, WhatItComesToHoldsAlsoWhereTheRouteChangedOnTheWay) {
  start();
  rollouts_.look();
  use_weight("8");
  ok("POST", "rollouts/chat/promote", "{}");
  EXPECT_EQ(share(), 10'000);
  rollouts_.look();
  EXPECT_EQ(share(), 10'000);
}

TEST_F(AdminRolloutsTest, TheNextOneComparesWithWhatWasPromoted) {
  start();
  ok("POST", "rollouts/chat/promote", "{}");
  EXPECT_THAT(call("POST", "rollouts", R"({"route":"chat","candidate":"new"})").error().message(),
              HasSubstr("new is the stable version itself since it was promoted"));
  EXPECT_EQ(share(), 10'000);
  const std::string back = ok("POST", "rollouts", R"({"route":"chat","candidate":"old"})");
  EXPECT_EQ(member(back, "stable"), "new");
  const auto shares = [this] {
    const std::string route = ok("GET", "routes/chat");
    return std::pair(route.contains(R"("model":"old","stage":"stable","weight":9,"share":"0%")"),
                     route.contains(R"("model":"new","stage":"canary","weight":0,"share":"100%")"));
  };
  EXPECT_EQ(shares(), std::pair(true, true));  // it waits
  Rollouts again({*store_, publisher_.directory(), world_.clock(),
                  [this](const catalog::Model&) { return readiness_; }});
  ASSERT_TRUE(again.load());
  EXPECT_EQ(again.all().at(0).before, rollouts_.all().at(0).before);
  EXPECT_EQ(again.all().at(0).before.size(), 1U);
  rollouts_.look();
  EXPECT_EQ(state(), "holding");  // and fits the route
  ok("POST", "rollouts/chat/abort", "{}");
  EXPECT_EQ(shares(), std::pair(true, true));
  use_weight("8");  // then the route's weights count alone
  rollouts_.look();
  EXPECT_THAT(ok("GET", "routes/chat"), HasSubstr(R"("weight":8,"share":"100%")"));
}

TEST_F(AdminRolloutsTest, OneOfARouteAtATime) {
  start();
  EXPECT_EQ(refusal("POST", "rollouts", R"({"route":"chat","candidate":"new"})"), Code::conflict);
  ok("POST", "rollouts/chat/abort", "{}");
  EXPECT_EQ(member(start(), "state"), "waiting");
}

TEST_F(AdminRolloutsTest, PlansThatCannotWorkAreRefused) {
  for (const char* body :
       {R"({"route":"chat","candidate":"old"})", R"({"route":"chat","candidate":"other"})",
        R"({"route":"chat","candidate":"new","steps":["0%:10m"]})",
        R"({"route":"chat","candidate":"new","steps":["5%"]})",
        R"({"route":"chat","candidate":"new","gates":["errors:1%"]})",
        R"({"route":"chat","candidate":"new","decision_interval":"soon"})"})
    EXPECT_EQ(refusal("POST", "rollouts", body), Code::invalid_value) << body;
  EXPECT_THAT(call("POST", "rollouts", R"({"route":"chat","candidate":"nwe"})").error().message(),
              HasSubstr("nwe is not a version of the route; beside the stable one there are: new"));
  EXPECT_THAT(call("POST", "rollouts/caht/abort").error().message(),
              HasSubstr("there is no rollout of route 'caht'"));
  EXPECT_EQ(refusal("POST", "rollouts", R"({"route":"none","candidate":"new"})"), Code::not_found);
  EXPECT_EQ(refusal("GET", "rollouts/chat"), Code::not_found);
  EXPECT_EQ(share(), -1);
}

TEST_F(AdminRolloutsTest, IfMatchGuardsAgainstWhatHappenedMeanwhile) {
  start();
  const std::string seen = call("GET", "rollouts/chat")->etag;
  rollouts_.look();
  EXPECT_EQ(refusal("POST", "rollouts/chat/promote", "{}", seen), Code::precondition_failed);
}

TEST_F(AdminRolloutsTest, ARestartGoesOnWhereItWas) {
  start();
  rollouts_.look();
  Rollouts again({*store_, publisher_.directory(), world_.clock(),
                  [this](const catalog::Model&) { return readiness_; }});
  ASSERT_TRUE(again.load());
  ASSERT_EQ(again.all().size(), 1U);
  EXPECT_EQ(again.all()[0].state, rollout::State::holding);
  EXPECT_EQ(again.all()[0].events, rollouts_.all()[0].events);
  EXPECT_EQ(again.in_force().get()->begin()->second.shift.share, 100);
}

TEST_F(AdminRolloutsTest, ARouteThatNoLongerFitsEndsIt) {
  start();
  rollouts_.look();
  const auto without_routes = config::load_text(
      "engines:\n  - {name: tiny, kind: remote, url: \"http://127.0.0.1:9/v1\"}\n",
      [](std::string_view) -> std::optional<std::string> { return {}; });
  ASSERT_TRUE(without_routes.config);
  ASSERT_TRUE(publisher_.apply(*without_routes.config));
  rollouts_.look();
  EXPECT_EQ(state(), "rolled_back");
  EXPECT_EQ(share(), -1);
}

TEST_F(AdminRolloutsTest, RoutesAreShownWithTheSharesThatHold) {
  EXPECT_THAT(ok("GET", "routes/chat"),
              HasSubstr(R"("model":"new","stage":"canary","weight":0,"share":"0%")"));
  start(R"(,"steps":["25%:10m"])");
  rollouts_.look();
  EXPECT_THAT(ok("GET", "routes"), HasSubstr(R"("share":"25%")"));
  EXPECT_EQ(refusal("GET", "routes/none"), Code::not_found);
}

TEST_F(AdminRolloutsTest, EachEventIsToldOnceWithWhatItWas) {
  start();
  rollouts_.look();
  rollouts_.look();
  ok("POST", "rollouts/chat/pause", "{}");
  ok("POST", "rollouts/chat/resume", "{}");
  ok("POST", "rollouts/chat/abort", R"({"reason":"users complain"})");
  start();
  ok("POST", "rollouts/chat/promote", "{}");
  std::vector<std::string> types;
  for (const std::string& event : happened_)
    types.push_back(member(event, "type"));
  EXPECT_THAT(types, testing::ElementsAre("rollout.started", "rollout.step", "rollout.paused",
                                          "rollout.resumed", "rollout.aborted", "rollout.started",
                                          "rollout.promoted"));
  EXPECT_EQ(member(happened_[4], "text"), "aborted by hand: users complain");
  EXPECT_EQ(member(happened_[1], "share"), "1%");
  EXPECT_EQ(member(happened_[6], "candidate"), "new");
}

TEST_F(AdminRolloutsTest, ARollbackIsToldWithItsGateAndFigures) {
  start(R"(,"gates":["error_rate:1%"],"sample_min":20)");
  rollouts_.look();
  const auto tally = rollouts_.in_force().get()->begin()->second.tally;
  for (int i = 0; i < 200; ++i) {
    tally->add({.by_candidate = true, .failed = i % 2 == 0});
    tally->add({.by_candidate = false});
  }
  rollouts_.look();
  ASSERT_EQ(state(), "rolled_back");
  const std::string told = happened_.back();
  EXPECT_EQ(member(told, "type"), "rollout.rolled_back");
  EXPECT_EQ(member(told, "gate"), "error_rate");
  EXPECT_THAT(told, HasSubstr(R"("stable_requests":200,"stable_errors":0,)"
                              R"("candidate_requests":200,"candidate_errors":100)"));
  EXPECT_THAT(told, HasSubstr(R"("verdict":"regressed","text":")"));
}

TEST_F(AdminRolloutsTest, WhatIsStoredIsReadBackWhole) {
  start(R"(,"gates":["error_rate:1%:5%","ttft:41%:p95<2s"])");
  rollouts_.look();
  rollout::Rollout one = rollouts_.all()[0];
  rollout::Look look;
  look.candidate.requests = 300;
  look.candidate.errors = 3;
  look.candidate.ttft_us.add_to(40, 300);
  look.stable = look.candidate;
  rollout::decide(one, look, readiness_, world_.clock().wall_now() + 1min);
  const auto read = parse_rollout(rollout_json(one));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->seen, one.seen);
  EXPECT_EQ(read->events, one.events);
  EXPECT_EQ(read->held, one.held);
  EXPECT_EQ(read->plan.gates[1].objective->time_max, 2s);
  EXPECT_EQ(rollout_json(*read), rollout_json(one));
  EXPECT_FALSE(parse_rollout("{}"));
  EXPECT_FALSE(parse_rollout("no JSON"));
}

}  // namespace
}  // namespace sovmesh::control
