#include "routing/overload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace sovmesh::routing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

TEST(Overload, EachRungAtItsPressure) {
  const auto rungs = [](double p) {
    const OverloadActions a = actions_at(p);
    return std::vector<bool>{a.shed_batch, a.reset_largest, a.close_connections, a.refuse_new,
                             a.stop_accept};
  };
  EXPECT_THAT(rungs(0.79), ElementsAre(false, false, false, false, false));
  EXPECT_THAT(rungs(0.80), ElementsAre(true, false, false, false, false));
  EXPECT_THAT(rungs(0.85), ElementsAre(true, true, false, false, false));
  EXPECT_THAT(rungs(0.92), ElementsAre(true, true, true, false, false));
  EXPECT_THAT(rungs(0.95), ElementsAre(true, true, true, true, false));
  EXPECT_THAT(rungs(0.97), ElementsAre(true, true, true, true, true));
}

TEST(Overload, TimeoutsShrinkFromFullToTheirMinimum) {
  const auto at = [](double p) { return scaled_timeout(600s, actions_at(p).timeout_scale); };
  EXPECT_EQ(at(0.5), 600s);
  EXPECT_EQ(at(0.85), 600s);
  EXPECT_EQ(at(0.92), 181'400ms);
  EXPECT_EQ(at(0.95), 2s);
  EXPECT_EQ(at(1.2), 2s);
  EXPECT_EQ(scaled_timeout(1s, 0.1), 1s);  // shorter than the minimum already
}

TEST(Overload, ARungIsLeftOnlyWellBelowIt) {
  OverloadLadder ladder;
  EXPECT_FALSE(ladder.update(0.94).refuse_new);
  EXPECT_TRUE(ladder.update(0.951).refuse_new);
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(ladder.update(0.935).refuse_new);
  EXPECT_FALSE(ladder.update(0.929).refuse_new);
  EXPECT_FALSE(ladder.update(0.935).refuse_new);
  EXPECT_FALSE(ladder.update(0).shed_batch);
}

TEST(Overload, TheFullestResourceCounts) {
  Pressures pressures;
  pressures.share[Pressures::memory] = 0.4;
  pressures.share[Pressures::disk] = 0.96;
  EXPECT_EQ(pressures.largest(), 0.96);
  EXPECT_EQ(name(pressures.which()), "disk");
}

TEST(Overload, TheLargestStreamsGoFirstAndSmallOnesNever) {
  constexpr std::size_t kMiB = 1 << 20;
  EXPECT_THAT(largest_streams(std::vector<std::size_t>{kMiB - 1, 3 * kMiB, kMiB, 900 * kMiB, 10}),
              ElementsAre(3, 1, 2));
  const std::vector<std::size_t> many(200, 2 * kMiB);
  EXPECT_EQ(largest_streams(many).size(), kResetMax);
}

TEST(Overload, SheddingHasAnOrder) {
  const Instant now{};
  std::vector<Sheddable> order = {{.authenticated = false},
                                  {.over_quota = true},
                                  {.batch = true, .over_share = 9},
                                  {.batch = true},
                                  {.over_share = 2, .arrived = now},
                                  {.over_share = 0.5, .arrived = now + 9s},
                                  {.over_share = -3, .arrived = now + 5s},
                                  {.over_share = 0, .arrived = now + 1s}};
  for (std::size_t i = 0; i < order.size(); ++i)
    for (std::size_t j = 0; j < order.size(); ++j)
      EXPECT_EQ(sheds_before(order[i], order[j]), i < j) << i << ' ' << j;
}

TEST(Overload, WhatCannotMeetItsDeadlineIsDropped) {
  const Instant now = Instant{} + 1h;
  EXPECT_FALSE(hopeless(now - 2s, 3s, 5s, now));
  EXPECT_TRUE(hopeless(now - 2s, 3'001ms, 5s, now));
}

TEST(AdmissionControl, RefusesInProportionToFailuresOfTheLastHalfMinute) {
  Instant now = Instant{} + 1h;
  AdmissionControl control;
  EXPECT_EQ(control.refuse_probability(now), 0);
  for (int i = 0; i < 1'000; ++i)
    control.on_result(i % 100 != 0, now += 10ms);
  EXPECT_EQ(control.refuse_probability(now), 0);  // 99 % of success is fine
  for (int i = 0; i < 1'000; ++i)
    control.on_result(false, now += 10ms);
  EXPECT_NEAR(control.refuse_probability(now), (2'000 - 990 / 0.95) / 2'001, 1e-9);
  EXPECT_TRUE(control.admits(0.5, now));
  EXPECT_FALSE(control.admits(0.4, now));
  for (int i = 0; i < 3'000; ++i)
    control.on_result(false, now += 10ms);
  EXPECT_EQ(control.refuse_probability(now), AdmissionControl::kRefusedMax);
  EXPECT_EQ(control.refuse_probability(now + 31s), 0);
}

}  // namespace
}  // namespace sovmesh::routing
