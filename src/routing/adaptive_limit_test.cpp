#include "routing/adaptive_limit.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/seeded_random.h"

namespace sovmesh::routing {
namespace {

using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;

class AdaptiveLimitTest : public ::testing::Test {
 protected:
  Instant now_ = Instant{} + 1h;
  SeededRandom random_{9};
  AdaptiveLimit limit_{{.floor = 4, .ceiling = 200}, 0.5, now_};

  // One first token: `slow` times as long as an idle engine takes, whatever the prompt.
  void see(double slow) {
    const std::int64_t tokens = 100 + random_.below(8'000);
    limit_.on_first_token(Seconds(slow * 1e-4 * static_cast<double>(tokens)), tokens, 0.5,
                          now_ += 10ms);
  }
  void measure() {
    while (limit_.measuring())
      see(1);
  }
};

TEST_F(AdaptiveLimitTest, MeasuresAtItsFloorFirst) {
  EXPECT_TRUE(limit_.measuring());
  EXPECT_EQ(limit_.limit(), 4);
  EXPECT_TRUE(limit_.admits(3));
  EXPECT_FALSE(limit_.admits(4));
  measure();
  EXPECT_NEAR(limit_.best(), 1e-4, 1e-6);
}

TEST_F(AdaptiveLimitTest, FollowsTheFormula) {
  measure();
  const auto next = [](double limit, double gradient) {
    return limit * gradient + std::sqrt(limit);
  };
  double expected = 4;
  for (int window = 0; window < 6; ++window) {
    for (int i = 0; i < 10; ++i)
      see(1.6);
    expected = next(expected, 1.25 / 1.6);
    EXPECT_EQ(limit_.limit(), static_cast<std::int64_t>(std::max(expected, 4.0)));
    expected = std::max(expected, 4.0);
  }
}

TEST_F(AdaptiveLimitTest, SettlesWhereTheEngineBeginsToQueue) {
  measure();
  // An engine that serves 40 at once without delay, and is as slow as it is overbooked beyond.
  for (int i = 0; i < 3'000; ++i)
    see(std::max(1.0, static_cast<double>(limit_.limit()) / 40));
  EXPECT_GT(limit_.limit(), 40);
  EXPECT_LT(limit_.limit(), 80);
}

TEST_F(AdaptiveLimitTest, StaysWithinItsBounds) {
  measure();
  for (int i = 0; i < 1'000; ++i)
    see(0.5);
  EXPECT_EQ(limit_.limit(), 200);
  for (int i = 0; i < 2'000; ++i)
    see(100);
  EXPECT_LE(limit_.limit(), 7);
  EXPECT_GE(limit_.limit(), 4);
}

TEST_F(AdaptiveLimitTest, MeasuresAnewAboutOnceAMinute) {
  measure();
  const Instant measured = now_;
  while (!limit_.measuring())
    see(1.2);
  EXPECT_EQ((now_ - measured) / 1s, 60);
  // The model was changed: the engine is slower for good, and that is its best now.
  while (limit_.measuring())
    see(3);
  EXPECT_NEAR(limit_.best(), 3e-4, 1e-6);

  AdaptiveLimit early({.floor = 1, .ceiling = 2}, 0, Instant{});
  AdaptiveLimit late({.floor = 1, .ceiling = 2}, 1, Instant{});
  for (int i = 0; i < 50; ++i) {
    early.on_first_token(1s, 1'000, 0, Instant{});
    late.on_first_token(1s, 1'000, 1, Instant{});
  }
  const Instant at = Instant{} + 51s;
  early.on_first_token(1s, 1'000, 0, at);
  late.on_first_token(1s, 1'000, 1, at);
  EXPECT_TRUE(early.measuring());
  EXPECT_FALSE(late.measuring());
}

TEST_F(AdaptiveLimitTest, ALongAnswerOrALongPromptDoesNotLookLikeLoad) {
  measure();
  for (int i = 0; i < 100; ++i)
    see(1);
  const std::int64_t before = limit_.limit();
  limit_.on_first_token(8s, 80'000, 0.5, now_ += 10ms);
  EXPECT_GE(limit_.limit(), before);
}

// Long answers hold all that there is: nothing begins, and nothing could be seen.
TEST_F(AdaptiveLimitTest, LongAnswersThatHoldAllOfItDoNotKeepItAtItsFloor) {
  measure();
  ASSERT_EQ(limit_.limit(), 4);
  for (int i = 0; i < 300; ++i)
    limit_.look(limit_.limit(), 0, 0.5, now_ += 100ms);
  EXPECT_EQ(limit_.limit(), 200);
}

TEST_F(AdaptiveLimitTest, BeforeTheFirstMeasurementTheyDoNotEither) {
  for (int i = 0; i < 3; ++i)
    see(1);
  for (int i = 0; i < 11; ++i)
    limit_.look(4, 0, 0.5, now_ += 100ms);
  EXPECT_TRUE(limit_.measuring());
  EXPECT_EQ(limit_.limit(), 6);
  see(1);
  see(1);
  for (int i = 0; i < 11; ++i)
    limit_.look(6, 0, 0.5, now_ += 100ms);
  EXPECT_FALSE(limit_.measuring());
  EXPECT_NEAR(limit_.best(), 1e-4, 1e-6);
}

TEST_F(AdaptiveLimitTest, WaitsForTheFirstTokensOfThoseThatHaveBegun) {
  measure();
  for (int i = 0; i < 100; ++i)
    limit_.look(4, 1, 0.5, now_ += 100ms);
  EXPECT_EQ(limit_.limit(), 4);
  for (int i = 0; i < 100; ++i) {  // they come and go
    limit_.look(4, 0, 0.5, now_ += 500ms);
    limit_.look(3, 0, 0.5, now_ += 100ms);
  }
  EXPECT_EQ(limit_.limit(), 4);
}

TEST_F(AdaptiveLimitTest, DoesNotGrowWhereMoreRunThanItAllows) {
  measure();
  for (int i = 0; i < 1'000; ++i)
    see(100);
  const std::int64_t limit = limit_.limit();
  for (int i = 0; i < 100; ++i)
    limit_.look(limit + 1, 0, 0.5, now_ += 100ms);
  EXPECT_EQ(limit_.limit(), limit);
}

TEST_F(AdaptiveLimitTest, GivesUpAMeasurementThatLongAnswersHold) {
  measure();
  while (!limit_.measuring())
    see(1);
  const double best = limit_.best();
  EXPECT_EQ(limit_.limit(), 4);
  for (int i = 0; i < 11; ++i)
    limit_.look(150, 0, 0.5, now_ += 100ms);  // from before it
  EXPECT_FALSE(limit_.measuring());
  EXPECT_EQ(limit_.best(), best);
  EXPECT_EQ(limit_.limit(), 200) << "as it was";
}

TEST_F(AdaptiveLimitTest, MeasuresOnlyWhatBeganAtItsFloor) {
  measure();
  while (!limit_.measuring())
    see(1);
  for (int i = 0; i < 100; ++i)  // as slow as they were with many others
    limit_.on_first_token(8s, 10'000, 0.5, now_ += 10ms);
  EXPECT_TRUE(limit_.measuring());
  for (int i = 0; i < 60; ++i)
    limit_.on_first_token(10ms, 50, 0.5, now_ += 20ms);
  EXPECT_FALSE(limit_.measuring());
  EXPECT_NEAR(limit_.best(), 2e-4, 1e-6);
}

}  // namespace
}  // namespace sovmesh::routing
