#pragma once

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "limits/lease.h"
#include "limits/limiter.h"
#include "tests/contract/limiter_checks.h"
#include "tests/support/result_matchers.h"

// What every Limiter does. An adapter includes this once and instantiates it:
//   INSTANTIATE_TEST_SUITE_P(Local, LimiterSuite, testing::Values(make_my_limiter));
// The checks themselves are functions that say what is wrong (limiter_checks.h), so that a test can
// show that they find broken limiters.
namespace sovmesh::limits {

class LimiterSuite : public testing::TestWithParam<MakeLimiter> {
 protected:
  std::unique_ptr<Limiter> limiter_ = GetParam()();
};

TEST_P(LimiterSuite, ParallelRequestsNeverPassTheEdgeOfAnyMeasureAndWindow) {
  for (const Rate& rate : all_rates()) {
    EXPECT_EQ(wrong_at_the_edge(GetParam(), rate), "") << to_text(rate);
    const bool can_roll = rate.window >= Window::second && rate.window <= Window::day;
    if (!can_roll) continue;
    EXPECT_EQ(wrong_at_the_edge(GetParam(), rate, Alignment::rolling), "")
        << to_text(rate) << " rolling";
  }
}

TEST_P(LimiterSuite, AMixOfParallelRequestsLeavesNothingReserved) {
  EXPECT_EQ(wrong_after_a_storm(GetParam(), 1), "");
}

TEST_P(LimiterSuite, DoesWhatTheModelDoesInRandomHistories) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed)
    ASSERT_EQ(wrong_in_history(GetParam(), seed, 400), "") << "seed " << seed;
}

TEST_P(LimiterSuite, ARefusalLeavesNothingBehind) {
  EXPECT_EQ(wrong_after_refusals(GetParam()), "");
}

TEST_P(LimiterSuite, OvershootReachesOneSlicePerStreamAndIsCounted) {
  EXPECT_EQ(wrong_overshoot(GetParam()), "");
}

TEST_P(LimiterSuite, ChangingLimitsKeepsUsage) { EXPECT_EQ(wrong_after_changes(GetParam()), ""); }

TEST_P(LimiterSuite, WindowsEndByTheClockOfTheirZone) { EXPECT_EQ(wrong_resets(GetParam()), ""); }

TEST_P(LimiterSuite, AClockThatJumpsBackNeverRefills) {
  EXPECT_EQ(wrong_after_clock_steps(GetParam()), "");
}

TEST_P(LimiterSuite, ARollingWindowNeverCountsTooLittle) {
  for (const Window window : {Window::second, Window::minute, Window::hour, Window::day})
    for (std::uint64_t seed = 1; seed <= 10; ++seed)
      ASSERT_EQ(wrong_rolling(GetParam(), window, seed), "") << name(window) << " seed " << seed;
}

TEST_P(LimiterSuite, WhoWaitsAsToldGetsInAndNotEarlier) {
  for (const Rate& rate : all_rates()) {
    if (rate.measure == Measure::concurrency || rate.window == Window::lifetime) continue;
    EXPECT_EQ(wrong_wait(GetParam(), rate, Alignment::calendar), "") << to_text(rate);
    if (rate.window != Window::month) {
      EXPECT_EQ(wrong_wait(GetParam(), rate, Alignment::rolling), "") << to_text(rate);
    }
  }
}

}  // namespace sovmesh::limits
