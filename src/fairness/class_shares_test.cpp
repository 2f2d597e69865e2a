#include "fairness/class_shares.h"

#include <gtest/gtest.h>

namespace sovmesh::fairness {
namespace {

constexpr double kDebt = 1'000;

TEST(ClassShares, GoesByPriorityWhileNothingIsOwed) {
  EXPECT_EQ(ClassShares(Options{}.classes).order(), kAllClasses);
}

TEST(ClassShares, PutsTheOneFurthestBelowItsShareFirst) {
  ClassShares shares(Options{}.classes);
  for (const PriorityClass priority : kAllClasses)
    shares.set_waiting(priority, true, kDebt);
  shares.charge(PriorityClass::interactive, 100);
  EXPECT_DOUBLE_EQ(shares.balance(PriorityClass::interactive), -40);
  EXPECT_DOUBLE_EQ(shares.balance(PriorityClass::agent), 30);
  EXPECT_EQ(shares.order()[0], PriorityClass::agent);
  EXPECT_EQ(shares.order()[2], PriorityClass::interactive);
}

TEST(ClassShares, BanksNothingForAClassInWhichNobodyWaits) {
  ClassShares shares(Options{}.classes);
  shares.set_waiting(PriorityClass::interactive, true, kDebt);
  shares.set_waiting(PriorityClass::agent, true, kDebt);
  shares.charge(PriorityClass::interactive, 90);  // agent: 30
  shares.set_waiting(PriorityClass::agent, false, kDebt);
  shares.charge(PriorityClass::interactive, 90);  // alone: all of it is its share
  EXPECT_NEAR(shares.balance(PriorityClass::interactive), -30, 1e-9);
  shares.set_waiting(PriorityClass::agent, true, kDebt);
  EXPECT_NEAR(shares.balance(PriorityClass::agent), -30, 1e-9);
}

TEST(ClassShares, ForgivesDebtAboveItsCap) {
  ClassShares shares(Options{}.classes);
  shares.set_waiting(PriorityClass::interactive, true, kDebt);
  shares.charge(PriorityClass::batch, 1'000'000);  // streams of batch that run
  shares.set_waiting(PriorityClass::batch, true, kDebt);
  EXPECT_EQ(shares.balance(PriorityClass::interactive) - shares.balance(PriorityClass::batch),
            kDebt);
}

TEST(ClassShares, StrictClassGetsAllThatMinimumSharesLeave) {
  Options options;
  options.classes[0] = {.strict = true};
  options.classes[1].min_share = 0.2;
  options.classes[2].min_share = 0.1;
  ClassShares shares(options.classes);
  for (const PriorityClass priority : kAllClasses)
    shares.set_waiting(priority, true, kDebt);
  EXPECT_DOUBLE_EQ(shares.share(PriorityClass::interactive), 0.7);
  shares.set_waiting(PriorityClass::interactive, false, kDebt);
  EXPECT_DOUBLE_EQ(shares.share(PriorityClass::agent), 2.0 / 3);
  EXPECT_DOUBLE_EQ(shares.share(PriorityClass::interactive), 0.7);  // if it came
}

}  // namespace
}  // namespace sovmesh::fairness
