#include "routing/rates.h"

#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace sovmesh::routing {
namespace {

constexpr Rates kPrior{.a = 85, .b = 60, .c = 0.02, .base = 14'000};
constexpr Rates kTruth{.a = 140, .b = 110, .c = 0.012, .base = 9'000};

class RateTableTest : public ::testing::Test {
 protected:
  RateTable table_;
  std::size_t class_ = table_.add_class(kPrior);
  SeededRandom random_{7};

  double noise() { return 0.9 + 0.2 * random_.unit(); }
  void see_prefill(const Rates& truth, EndpointIndex e, double factor) {
    const double ahead = random_.below(3) == 0 ? random_.below(20'000) : 0;
    const double own = 1 + random_.below(8'000);
    const double context = own + random_.below(8'000);
    const double us = (ahead + own) * truth.a * (1 + context / kContextScale);
    table_.observe(class_, e, RateTable::FirstToken{ahead, own, context, us * factor / 1e6});
  }
  void see_step(const Rates& truth, EndpointIndex e, double factor) {
    const double running = 1 + random_.below(100);
    const double context = running * (200 + random_.below(4'000));
    const double us = truth.base + truth.b * running + truth.c * context;
    table_.observe(class_, e, RateTable::Step{running, context, us * factor / 1e6});
  }
};

TEST_F(RateTableTest, ConvergesToTheTruthFromAPriorThatIsFarOff) {
  for (int i = 0; i < 2'000; ++i) {
    see_prefill(kTruth, 0, noise());
    see_step(kTruth, 0, noise());
  }
  const Rates& now = table_.rates(class_);
  EXPECT_NEAR(now.a / kTruth.a, 1, 0.05);
  EXPECT_NEAR(now.base / kTruth.base, 1, 0.1);
  EXPECT_NEAR(now.b / kTruth.b, 1, 0.1);
  EXPECT_NEAR(now.c / kTruth.c, 1, 0.1);
}

TEST_F(RateTableTest, FollowsAChange) {
  for (int i = 0; i < 3'000; ++i)
    see_prefill(kPrior, 0, noise());
  for (int i = 0; i < 3'000; ++i)
    see_prefill(kTruth, 0, noise());
  EXPECT_NEAR(table_.rates(class_).a / kTruth.a, 1, 0.05);
}

TEST_F(RateTableTest, NonsenseMovesARateAtMostByTheClamp) {
  for (int i = 0; i < 5'000; ++i) {
    table_.observe(class_, 0, RateTable::FirstToken{0, 1, 0, 3'600.0});
    table_.observe(class_, 0, RateTable::Step{1, 1, 3'600.0});
    table_.observe(class_, 0, RateTable::FirstToken{0, 0, 0, 1});
    table_.observe(class_, 0, RateTable::FirstToken{0, 10, 0, -1});
    table_.observe(class_, 0, RateTable::Step{1, 1, 0});
  }
  EXPECT_DOUBLE_EQ(table_.rates(class_).a, kPrior.a * RateTable::kClamp);
  EXPECT_LE(table_.rates(class_).base, kPrior.base * RateTable::kClamp);
}

TEST_F(RateTableTest, OneOutlierHardlyCounts) {
  for (int i = 0; i < 500; ++i)
    see_prefill(kPrior, 0, noise());
  table_.observe(class_, 0, RateTable::FirstToken{0, 1'000, 1'000, 7'200.0});
  EXPECT_NEAR(table_.rates(class_).a / kPrior.a, 1, 0.05);
}

TEST_F(RateTableTest, ALongTimeInOnePlaceDoesNotForgetTheRest) {
  for (int i = 0; i < 1'000; ++i)
    see_step(kTruth, 0, 1);
  for (int i = 0; i < 50'000; ++i)  // always the same batch: says nothing about b and c apart
    table_.observe(
        class_, 0,
        RateTable::Step{10, 10'000,
                        (kTruth.base + 10 * kTruth.b + 10'000 * kTruth.c) * noise() / 1e6});
  for (int i = 0; i < 200; ++i)
    see_step(kTruth, 0, noise());
  EXPECT_NEAR(table_.rates(class_).base / kTruth.base, 1, 0.15);
  EXPECT_NEAR(table_.rates(class_).b / kTruth.b, 1, 0.3);
}

TEST_F(RateTableTest, AnEndpointThatIsSlowerThanItsClassDrifts) {
  for (int i = 0; i < 3'000; ++i) {
    const auto e = static_cast<EndpointIndex>(i % 10);
    see_prefill(kPrior, e, e == 3 ? 3 : 1);
    see_step(kPrior, e, e == 3 ? 3 : 1);
  }
  EXPECT_GT(table_.drift(3), 2);
  for (EndpointIndex e = 0; e < 10; ++e)
    if (e != 3) EXPECT_LT(table_.drift(e), 1.2) << e;
  EXPECT_DOUBLE_EQ(table_.drift(500), 1);
  table_.forget(3);
  EXPECT_DOUBLE_EQ(table_.drift(3), 1);
}

TEST_F(RateTableTest, ClassesAreBounded) {
  while (table_.classes() < RateTable::kClassesMax)
    table_.add_class(kPrior);
  EXPECT_EQ(table_.add_class(kPrior), RateTable::kClassesMax);
  EXPECT_EQ(table_.classes(), RateTable::kClassesMax);
}

}  // namespace
}  // namespace sovmesh::routing
