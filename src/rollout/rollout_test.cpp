#include "rollout/rollout.h"

#include <gmock/gmock.h>

#include "rollout/rollout_test_support.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::rollout {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;
using Act = Decision::Act;

class RolloutTest : public testing::Test {
 protected:
  // A minute passes, with 1,000 requests at the present share.
  Decision minute(const Figures& candidate = {}, std::uint64_t requests = 1'000) {
    now_ += 60s;
    return decide(rollout_, look_of(requests, rollout_.share(), {}, candidate), readiness_, now_);
  }
  void reach_step(std::size_t step) {
    while (rollout_.state == State::waiting || rollout_.step < step)
      minute();
  }

  WallTime now_ = at(0s);
  Readiness readiness_{.ready = true};
  Rollout rollout_ = start({}, steps_of_ten(), 7, at(0s));
};

TEST_F(RolloutTest, HasNoWeightBeforeTheCandidateIsReady) {
  readiness_ = {.ready = false, .why = "the model is loading"};
  EXPECT_EQ(rollout_.share(), 0);
  for (int i = 0; i < 5; ++i) {
    const Decision decision = minute();
    EXPECT_EQ(decision.act, Act::wait);
    EXPECT_EQ(decision.reason, "not ready: the model is loading");
    EXPECT_EQ(rollout_.share(), 0);
  }
  readiness_ = {.ready = true};
  EXPECT_EQ(minute().act, Act::step);
  EXPECT_EQ(rollout_.share(), 1'000);
}

TEST_F(RolloutTest, GivesUpOnACandidateThatIsNotReadyInTime) {
  readiness_ = {.ready = false, .why = "the model is loading"};
  for (int i = 0; i < 9; ++i)
    EXPECT_EQ(minute().act, Act::wait);
  const Decision decision = minute();
  EXPECT_EQ(decision.act, Act::roll_back);
  EXPECT_EQ(decision.reason, "not ready in time: the model is loading");
  EXPECT_EQ(rollout_.state, State::rolled_back);
}

TEST_F(RolloutTest, GoesStepByStepToPromotion) {
  minute();
  std::vector<int> shares{rollout_.share()};
  while (!is_over(rollout_.state)) {
    minute({}, 2'000);
    if (rollout_.share() != shares.back()) shares.push_back(rollout_.share());
  }
  EXPECT_THAT(shares, testing::ElementsAre(1'000, 2'000, 3'000, 4'000, 5'000, 6'000, 7'000, 8'000,
                                           9'000, 10'000));
  EXPECT_EQ(rollout_.state, State::promoted);
  EXPECT_EQ(now_, at(60s + 20 * 60s));  // each step held for its two minutes
}

TEST_F(RolloutTest, HoldsAStepForItsTimeAndItsRequests) {
  minute();
  EXPECT_EQ(minute().act, Act::hold);
  EXPECT_THAT(minute({}, 500).reason, StartsWith("too few requests yet: error rate"));  // 150
  EXPECT_EQ(minute().act, Act::step);
  // The next step needs requests of its own.
  minute({}, 10);
  EXPECT_EQ(minute({}, 10).reason, "too few requests yet: 4 of 200 in this step");
}

TEST_F(RolloutTest, RollsBackWithinOneDecisionIntervalOfARegression) {
  reach_step(3);
  const Decision decision = minute({.error_rate = 0.21});
  EXPECT_EQ(decision.act, Act::roll_back);
  EXPECT_THAT(decision.reason, StartsWith("error rate: stable 1.00 %"));
  EXPECT_EQ(decision.evidence.size(), 4U);
  EXPECT_EQ(rollout_.share(), 0);
  EXPECT_EQ(rollout_.state, State::rolled_back);
  EXPECT_THAT(rollout_.events.back().text, StartsWith("rolled back: error rate"));
  // It is over: nothing brings it back.
  EXPECT_EQ(minute().act, Act::wait);
  EXPECT_EQ(rollout_.share(), 0);
  EXPECT_THAT(promote(rollout_, readiness_, now_), FailsWith(Code::conflict));
  EXPECT_THAT(resume(rollout_, now_), FailsWith(Code::conflict));
}

TEST_F(RolloutTest, RollsBackACandidateThatIsNoLongerReady) {
  reach_step(1);
  readiness_ = {.ready = false, .why = "no engine serves it"};
  EXPECT_EQ(minute().reason, "no longer ready: no engine serves it");
  EXPECT_EQ(rollout_.share(), 0);
}

TEST_F(RolloutTest, DoesNotGoForwardWhileFiguresAreUnclear) {
  rollout_.plan.gates = {{.measure = Measure::error_rate}};
  reach_step(2);
  bool cautious = false;
  while (!is_over(rollout_.state)) {
    const Decision decision = minute({.error_rate = 0.06}, 300);
    if (!decision.reason.starts_with("waits for clearer figures")) continue;
    cautious = true;
    EXPECT_EQ(decision.act, Act::hold);
  }
  EXPECT_TRUE(cautious);
  EXPECT_EQ(rollout_.state, State::rolled_back);
}

TEST_F(RolloutTest, APauseKeepsTheShareAndStopsTheHold) {
  reach_step(1);
  minute();  // the first minute of two
  ASSERT_THAT(pause(rollout_, now_), Succeeds());
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(minute().reason, "paused");
    EXPECT_EQ(rollout_.share(), 2'000);
  }
  EXPECT_THAT(pause(rollout_, now_), FailsWith(Code::conflict));
  ASSERT_THAT(resume(rollout_, now_), Succeeds());
  EXPECT_EQ(rollout_.share(), 2'000);
  EXPECT_EQ(minute().act, Act::step);
}

TEST_F(RolloutTest, GatesRollBackInAPauseToo) {
  reach_step(1);
  ASSERT_THAT(pause(rollout_, now_), Succeeds());
  EXPECT_EQ(minute({.ttft_us = 900'000}).act, Act::roll_back);
  EXPECT_EQ(rollout_.share(), 0);
}

TEST_F(RolloutTest, APauseBeforeTheFirstStepHasNoWeight) {
  ASSERT_THAT(pause(rollout_, now_), Succeeds());
  EXPECT_EQ(minute().act, Act::wait);
  EXPECT_EQ(rollout_.share(), 0);
  ASSERT_THAT(resume(rollout_, now_), Succeeds());
  EXPECT_EQ(rollout_.state, State::waiting);
  EXPECT_EQ(minute().act, Act::step);
}

TEST_F(RolloutTest, IsAbortedAtOnceFromAnyStateThatIsNotOver) {
  for (const bool paused : {false, true}) {
    rollout_ = start({}, steps_of_ten(), 7, now_);
    reach_step(4);
    if (paused) ASSERT_THAT(pause(rollout_, now_), Succeeds());
    ASSERT_THAT(abort(rollout_, "users complain", now_), Succeeds());
    EXPECT_EQ(rollout_.share(), 0);
    EXPECT_EQ(rollout_.events.back().text, "aborted by hand: users complain");
    EXPECT_THAT(abort(rollout_, "", now_), FailsWith(Code::conflict));
  }
}

TEST_F(RolloutTest, IsPromotedByHandOnlyWhenReady) {
  EXPECT_THAT(promote(rollout_, {.ready = false, .why = "it sleeps"}, now_),
              FailsWith(Code::conflict));
  EXPECT_EQ(rollout_.share(), 0);
  ASSERT_THAT(promote(rollout_, readiness_, now_), Succeeds());
  EXPECT_EQ(rollout_.share(), catalog::kWholeShare);
}

TEST_F(RolloutTest, AClockThatJumpsEndsNoHold) {
  reach_step(1);
  now_ += std::chrono::hours(24 * 365);
  EXPECT_EQ(decide(rollout_, {}, readiness_, now_).act, Act::hold);  // two intervals count
  now_ -= std::chrono::hours(24 * 365 * 2);
  EXPECT_EQ(decide(rollout_, {}, readiness_, now_).act, Act::hold);
  EXPECT_EQ(rollout_.share(), 2'000);
  EXPECT_EQ(next_look(rollout_).at, now_ + 60s);
}

TEST_F(RolloutTest, LooksAtTheEndOfAnIntervalAndAFewTimesBefore) {
  EXPECT_EQ(next_look(rollout_).at, now_ + 60s);
  EXPECT_EQ(next_look(rollout_).candidate_requests, std::nullopt);
  minute();
  minute({}, 2'000);  // 200 requests of the candidate: the minimum sample
  const WallTime begin = now_;
  for (int i = 0; i < kEarlyLooksMax; ++i) {
    EXPECT_EQ(next_look(rollout_).candidate_requests, 25U);
    now_ += 5s;
    decide(rollout_, {}, readiness_, now_);
    EXPECT_EQ(next_look(rollout_).at, begin + 60s);
  }
  EXPECT_EQ(next_look(rollout_).candidate_requests, std::nullopt);
  now_ = begin + 60s;
  decide(rollout_, {}, readiness_, now_);
  EXPECT_EQ(next_look(rollout_).candidate_requests, 25U);
}

TEST_F(RolloutTest, LooksExactlyAtTheMinimumSample) {
  minute();
  minute({}, 1'900);  // 190 of 200
  EXPECT_EQ(next_look(rollout_).candidate_requests, 10U);
  for (int i = 0; i < kEarlyLooksMax; ++i)
    decide(rollout_, {}, readiness_, now_ += 5s);
  EXPECT_EQ(next_look(rollout_).candidate_requests, 10U);
}

TEST_F(RolloutTest, StaysInForceUntilTheRouteIsChanged) {
  catalog::Route route = chat(90, 10);
  route.revision = 7;
  const auto share = [&] {
    const auto shift = rollout_.shift(route);
    return shift ? shift->share : -1;
  };
  EXPECT_EQ(share(), 0);
  reach_step(1);
  EXPECT_EQ(share(), 2'000);
  route.revision = 8;
  EXPECT_EQ(share(), 2'000);  // an edit of the route does not end a rollout
  route.revision = 7;
  ASSERT_THAT(abort(rollout_, "", now_), Succeeds());
  EXPECT_EQ(share(), 0);  // not the 10 % of the route
  route.revision = 8;
  EXPECT_EQ(share(), -1);
}

TEST_F(RolloutTest, SettlesIntoTheRoute) {
  catalog::Route route = chat(90, 10);
  route.versions.push_back(
      {.model = model("b"), .weight = 50, .stage = catalog::Stage::experiment});
  EXPECT_THAT(settled(route, rollout_), FailsWith(Code::conflict));
  ASSERT_THAT(promote(rollout_, readiness_, now_), Succeeds());
  const auto promoted = settled(route, rollout_);
  ASSERT_THAT(promoted, Succeeds());
  EXPECT_THAT(catalog::validate(*promoted), Succeeds());
  EXPECT_EQ(promoted->stable().model, model("new"));
  EXPECT_EQ(promoted->stable().weight, 100);
  EXPECT_EQ(promoted->version(model("old"))->weight, 0);
  EXPECT_EQ(promoted->version(model("b"))->weight, 50);

  rollout_ = start({}, steps_of_ten(), 7, now_);
  ASSERT_THAT(abort(rollout_, "", now_), Succeeds());
  const auto back = settled(route, rollout_);
  ASSERT_THAT(back, Succeeds());
  EXPECT_EQ(back->stable().model, model("old"));
  EXPECT_EQ(back->stable().weight, 100);
  EXPECT_EQ(back->version(model("new"))->weight, 0);
  EXPECT_EQ(back->version(model("new"))->stage, catalog::Stage::canary);
}

TEST_F(RolloutTest, TheNextOneBeginsWhereTheLastOneEnded) {
  catalog::Route route = chat(90, 10);
  route.revision = 7;
  EXPECT_TRUE(outcomes_in_force(nullptr, route).empty());
  EXPECT_TRUE(outcomes_in_force(&rollout_, route).empty());  // not over
  ASSERT_THAT(promote(rollout_, readiness_, now_), Succeeds());
  Plan back = steps_of_ten();
  std::swap(back.stable, back.candidate);
  Rollout next = start({}, back, 7, now_);
  EXPECT_THAT(next.fits(route), FailsWith(Code::config_invalid));
  next.before = outcomes_in_force(&rollout_, route);
  ASSERT_THAT(next.fits(route), Succeeds());
  const auto has_all = [&](std::size_t version) {
    const auto shift = next.shift(route);
    const auto weights = catalog::effective_weights(route, shift ? &*shift : nullptr);
    return weights.at(version) > 0 && weights.at(1 - version) == 0;
  };
  EXPECT_TRUE(has_all(1));
  ASSERT_THAT(abort(next, "", now_), Succeeds());
  EXPECT_TRUE(has_all(1));
  // Each version once, however many there were.
  const auto outcomes = outcomes_in_force(&next, route);
  EXPECT_EQ(outcomes, (std::vector<catalog::Outcome>{{model("new"), true}, {model("old"), false}}));
  next.before = outcomes;
  EXPECT_EQ(outcomes_in_force(&next, route).size(), 2U);
  route.revision = 8;  // written into the route: nothing of that holds any more
  EXPECT_TRUE(outcomes_in_force(&rollout_, route).empty());
  EXPECT_FALSE(next.shift(route));
}

TEST_F(RolloutTest, APromotedVersionIsNoLongerMirrored) {
  catalog::Route route = chat(100, 0);
  route.mirror = catalog::Mirror{.version = model("new"), .share = 100};
  ASSERT_THAT(promote(rollout_, readiness_, now_), Succeeds());
  const auto promoted = settled(route, rollout_);
  ASSERT_THAT(promoted, Succeeds());
  EXPECT_THAT(catalog::validate(*promoted), Succeeds());
  EXPECT_FALSE(promoted->mirror);
}

TEST_F(RolloutTest, DoesNotSettleIntoARouteThatHasChanged) {
  ASSERT_THAT(promote(rollout_, readiness_, now_), Succeeds());
  catalog::Route route = chat(90, 10);
  route.versions.pop_back();
  const auto after = settled(route, rollout_);
  ASSERT_THAT(after, FailsWith(Code::conflict));
  EXPECT_THAT(after.error().message(), HasSubstr("the route has changed"));
}

TEST_F(RolloutTest, KeepsTheNewestEvents) {
  minute();
  for (std::size_t i = 0; i < kEventsMax; ++i) {
    ASSERT_THAT(pause(rollout_, now_), Succeeds());
    ASSERT_THAT(resume(rollout_, now_), Succeeds());
  }
  EXPECT_EQ(rollout_.events.size(), kEventsMax);
  EXPECT_EQ(rollout_.events.back().text, "resumed by hand");
}

}  // namespace
}  // namespace sovmesh::rollout
