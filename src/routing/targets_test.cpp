#include "routing/targets.h"

#include <gtest/gtest.h>

namespace sovmesh::routing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Rates kRates{.a = 100, .b = 50, .c = 0.02, .base = 10'000};
const Targets kTargets{.first_token = seconds(2),
                       .first_token_per_1000 = milliseconds(125),
                       .per_token = milliseconds(60)};
const Instant kCame = Instant{} + seconds(100);

TEST(Targets, LeaveHalfOfTheTimeToTheEnginesOwnQueue) {
  EXPECT_EQ(latest_start(kTargets, kCame, 0, kRates), kCame + seconds(1));
  // 6,000 tokens: 750 ms more, less 6,000 x 100 us x 1.1 of prefill.
  EXPECT_EQ(latest_start(kTargets, kCame, 6'000, kRates), kCame + milliseconds(1'000 + 750 - 660));
}

TEST(Targets, WhatCannotMeetThemIsLateFromTheBeginning) {
  EXPECT_LT(latest_start(kTargets, kCame, 100'000, kRates), kCame);
}

TEST(Targets, ThePaceOfStreamsIsWhatTheyHadAndWhatStandsBeforeThem) {
  EXPECT_EQ(expected_pace_us({}, kRates, 5'000, 5'000, 10, kCame), 0);
  // Two streams of 4 s and 2 s that have made 100 tokens each: 30 ms a token so far.
  const Streams two{.count = 2, .begun_s = 96 + 98, .tokens = 200};
  EXPECT_NEAR(expected_pace_us(two, kRates, 0, 0, 0, kCame), 30'000, 1e-6);
  // 10,000 tokens of prefill hold both up for 1 s: 8 s for 200 tokens.
  EXPECT_NEAR(expected_pace_us(two, kRates, 10'000, 0, 0, kCame), 40'000, 1e-6);
  // A hundred more tokens each, at 10,100 us a step.
  EXPECT_NEAR(expected_pace_us(two, kRates, 0, 0, 100, kCame), (6e6 + 2 * 100 * 10'100) / 400,
              1e-6);
}

TEST(Targets, LateRequestsLeaveHalfOfTheTimeBetweenTokensToOthers) {
  const auto crowded = [](double tokens) {
    const Streams one{.count = 1, .begun_s = 90, .tokens = tokens};
    return is_crowded(kTargets, one, kRates, 0, 0, 0, kCame);
  };
  EXPECT_FALSE(is_crowded(kTargets, {}, kRates, 1e6, 1e6, 0, kCame)) << "nobody is slowed down";
  EXPECT_FALSE(crowded(500)) << "20 ms a token";
  EXPECT_TRUE(crowded(250)) << "40 ms";
}

}  // namespace
}  // namespace sovmesh::routing
