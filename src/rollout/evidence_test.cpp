#include "rollout/evidence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace sovmesh::rollout {
namespace {

double choose(int n, int k) {
  double result = 1;
  for (int i = 0; i < k; ++i)
    result = result * (n - i) / (i + 1);
  return result;
}

// By its definition: the probability of the split at odds ratio `odds`.
double probability(int stable, int candidate, int events, int split, double odds) {
  double sum = 0;
  for (int x = std::max(0, events - stable); x <= std::min(events, candidate); ++x)
    sum += choose(candidate, x) * choose(stable, events - x) * std::pow(odds, x);
  return choose(candidate, split) * choose(stable, events - split) * std::pow(odds, split) / sum;
}

Table table(int stable, int candidate, int events, int split) {
  return {.stable_events = static_cast<std::uint64_t>(events - split),
          .stable_total = static_cast<std::uint64_t>(stable),
          .candidate_events = static_cast<std::uint64_t>(split),
          .candidate_total = static_cast<std::uint64_t>(candidate)};
}

TEST(Evidence, IsTheRatioOfFishersProbabilities) {
  for (const int stable : {0, 1, 7, 40}) {
    for (const int candidate : {1, 3, 12}) {
      for (int events = 0; events <= stable + candidate; ++events) {
        for (int split = std::max(0, events - stable); split <= std::min(events, candidate);
             ++split) {
          for (const double odds : kOddsRatios) {
            for (const double tolerated : {1.0, 1.7}) {
              const double expected =
                  std::log(probability(stable, candidate, events, split, odds) /
                           probability(stable, candidate, events, split, tolerated));
              EXPECT_NEAR(
                  log_likelihood_ratio(table(stable, candidate, events, split), odds, tolerated),
                  expected, 1e-8)
                  << stable << ' ' << candidate << ' ' << events << ' ' << split << ' ' << odds;
            }
          }
        }
      }
    }
  }
}

// What makes it safe to look at any time: under "no worse" the expectation of a look's ratio is 1.
TEST(Evidence, HasTheExpectationOneWhereTheVersionsAreAlike) {
  constexpr int kStable = 60;
  constexpr int kCandidate = 20;
  for (const int events : {1, 5, 30, 79}) {
    for (const double odds : kOddsRatios) {
      double expectation = 0;
      for (int x = std::max(0, events - kStable); x <= std::min(events, kCandidate); ++x)
        expectation +=
            probability(kStable, kCandidate, events, x, 1) *
            std::exp(log_likelihood_ratio(table(kStable, kCandidate, events, x), odds, 1));
      EXPECT_NEAR(expectation, 1, 1e-6) << events << ' ' << odds;
    }
  }
}

TEST(Evidence, SaysNothingWhereThereIsNothingToCompare) {
  for (const double odds : kOddsRatios) {
    EXPECT_NEAR(log_likelihood_ratio(table(0, 10, 5, 5), odds, 1), 0, 1e-9);     // no stable
    EXPECT_NEAR(log_likelihood_ratio(table(10, 0, 5, 0), odds, 1), 0, 1e-9);     // no candidate
    EXPECT_NEAR(log_likelihood_ratio(table(10, 10, 0, 0), odds, 1), 0, 1e-9);    // no event
    EXPECT_NEAR(log_likelihood_ratio(table(10, 10, 20, 10), odds, 1), 0, 1e-9);  // all events
    EXPECT_EQ(log_likelihood_ratio(Histogram(), Histogram(), 0, odds), 0);
  }
}

TEST(Evidence, StaysExactForManyRequests) {
  // Twice as many of each do not change the sign, and no term overflows.
  const double few = log_likelihood_ratio(table(100'000, 10'000, 1'200, 300), 2, 1);
  const double many = log_likelihood_ratio(table(1'000'000, 100'000, 12'000, 3'000), 2, 1);
  EXPECT_GT(few, 0);
  EXPECT_NEAR(many / few, 10, 0.1);
}

Histogram times(int count, double median, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> draw(std::log(median), 0.8);
  Histogram all;
  for (int i = 0; i < count; ++i)
    all.add(static_cast<std::int64_t>(draw(random)));
  return all;
}

TEST(Evidence, OfTimesSpeaksAgainstSlowerOnesOnly) {
  const Histogram stable = times(2'000, 300'000, 1);
  EXPECT_GT(log_likelihood_ratio(stable, times(200, 900'000, 2), 0, 5), 20);
  EXPECT_LT(log_likelihood_ratio(stable, times(200, 300'000, 3), 0, 2), 0);
  EXPECT_LT(log_likelihood_ratio(stable, times(200, 100'000, 4), 0, 2), -10);
  // 2^(6/4) is about 2.83 times.
  EXPECT_LT(log_likelihood_ratio(stable, times(200, 800'000, 5), 6, 2), 0);
}

TEST(Evidence, OfAnObjectiveIsTheRatioOfBinomials) {
  // 3 of 10 at a rate of 0.1, against odds twice as high: a rate of 2/11.
  const double expected = std::log(std::pow((2.0 / 11) / 0.1, 3) * std::pow((9.0 / 11) / 0.9, 7));
  EXPECT_NEAR(log_likelihood_ratio(3, 10, 0.1, 2), expected, 1e-12);
  EXPECT_EQ(log_likelihood_ratio(0, 0, 0.1, 2), 0);
}

Alternatives all(double log_ratio) {
  Alternatives ratios{};
  ratios.fill(log_ratio);
  return ratios;
}

TEST(ChangeTest, StaysAtOneWhileNothingSpeaksEitherWay) {
  ChangeTest test;
  EXPECT_EQ(test.log_value(), 0);
  for (int i = 0; i < 1'000; ++i) {
    test.look(all(0), 2);
    EXPECT_NEAR(test.log_value(), 0, 1e-9);
  }
}

TEST(ChangeTest, ForgetsALongGoodTime) {
  ChangeTest fresh;
  ChangeTest old;
  for (int i = 0; i < 100; ++i)
    old.look(all(-5), 1);
  int looks_fresh = 0;
  int looks_old = 0;
  for (; fresh.log_value() < 7; ++looks_fresh)
    fresh.look(all(2), 1);
  for (; old.log_value() < 7; ++looks_old)
    old.look(all(2), 1);
  EXPECT_LE(looks_old, looks_fresh + 2);
}

TEST(ChangeTest, CountsRequestsThatVaryTogetherForLess) {
  ChangeTest one;
  ChangeTest four;
  one.look(all(8), 1);
  four.look(all(8), 4);
  EXPECT_GT(one.log_value(), four.log_value());
}

TEST(ChangeTest, GoesOnFromItsState) {
  ChangeTest whole;
  ChangeTest parts;
  for (int i = 0; i < 10; ++i) {
    whole.look(all(0.3 * i - 1), 2);
    parts = ChangeTest(parts.state());
    parts.look(all(0.3 * i - 1), 2);
  }
  EXPECT_EQ(whole.state(), parts.state());
}

// Ville's inequality, on the splits themselves: looked at 200 times, evidence passes 1/alpha with
// probability alpha at most.
TEST(ChangeTest, RarelyPassesItsLimitWhereTheVersionsAreAlike) {
  constexpr int kRuns = 2'000;
  constexpr double kAlpha = 0.05;
  std::mt19937_64 random(11);
  int passed = 0;
  for (int run = 0; run < kRuns; ++run) {
    ChangeTest test;
    bool over = false;
    for (int look = 0; look < 200 && !over; ++look) {
      // The rate differs from look to look, as by day and night.
      const double rate = look % 20 < 10 ? 0.01 : 0.2;
      const int stable_events = std::binomial_distribution<int>(40, rate)(random);
      const int candidate_events = std::binomial_distribution<int>(10, rate)(random);
      Alternatives ratios{};
      for (std::size_t i = 0; i < kAlternatives; ++i)
        ratios[i] = log_likelihood_ratio(
            table(40, 10, stable_events + candidate_events, candidate_events), kOddsRatios[i], 1);
      test.look(ratios, 1);
      over = test.log_value() >= std::log(1 / kAlpha);
    }
    passed += over;
  }
  // Three standard deviations above alpha.
  EXPECT_LE(passed, kRuns * kAlpha + 3 * std::sqrt(kRuns * kAlpha * (1 - kAlpha)));
  EXPECT_GT(passed, 0);  // a test that never passes anything would be no test
}

}  // namespace
}  // namespace sovmesh::rollout
