#include "fairness/solidarity.h"

#include <gtest/gtest.h>

#include "fairness/cost.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::fairness {
namespace {

// Three members of 350,000, 60,000 and 10,000 citizens, 2.4 million a year, one pool of four GPUs.
TEST(Solidarity, WorkedExampleComesOut) {
  const std::vector<MemberSize> members = {{.size = 350'000}, {.size = 60'000}, {.size = 10'000}};
  const auto shares = divide(members, 4, 2'400'000, {});
  ASSERT_THAT(shares, Succeeds());
  EXPECT_NEAR((*shares)[0].share, 0.63, 0.005);
  EXPECT_NEAR((*shares)[1].share, 0.26, 0.005);
  EXPECT_NEAR((*shares)[2].share, 0.11, 0.005);
  EXPECT_NEAR((*shares)[0].fee, 1'840'000, 5'000);
  EXPECT_NEAR((*shares)[1].fee, 450'000, 5'000);
  EXPECT_NEAR((*shares)[2].fee, 110'000, 5'000);
  EXPECT_NEAR((*shares)[0].solidarity, -0.14, 0.005);
  EXPECT_NEAR((*shares)[0].nominal + (*shares)[1].nominal + (*shares)[2].nominal, 4, 1e-9);
}

TEST(Solidarity, ContributedHardwareIsGuaranteedTwice) {
  const std::vector<MemberSize> members = {{.size = 1, .contributed = 1}, {.size = 1}};
  const auto shares = divide(members, 4, 100, {});
  ASSERT_THAT(shares, Succeeds());
  EXPECT_DOUBLE_EQ((*shares)[0].nominal, 3);  // 2, and half of what is left
  EXPECT_DOUBLE_EQ((*shares)[1].nominal, 1);
}

TEST(Solidarity, GuaranteesNeverExceedTheCapacity) {
  const std::vector<MemberSize> members = {{.size = 1, .contributed = 3},
                                           {.size = 1, .contributed = 1}};
  const auto shares = divide(members, 4, 100, {});
  ASSERT_THAT(shares, Succeeds());
  EXPECT_DOUBLE_EQ((*shares)[0].nominal, 3);
  EXPECT_DOUBLE_EQ((*shares)[1].nominal, 1);
}

TEST(Solidarity, SaysWhatIsOutOfRange) {
  const std::vector<MemberSize> bad = {{.size = 1}, {.size = 0}};
  const auto shares = divide(bad, 4, 100, {});
  ASSERT_THAT(shares, FailsWith(Code::config_invalid));
  EXPECT_EQ(shares.error().param(), "members[1].size");
  const std::vector<MemberSize> good = {{.size = 1}};
  EXPECT_THAT(divide(good, 0, 100, {}), FailsWith(Code::config_invalid));
  EXPECT_THAT(divide(good, 4, -1, {}), FailsWith(Code::config_invalid));
  EXPECT_THAT(divide(good, 4, 100, {.alpha = 1.1}), FailsWith(Code::config_invalid));
  EXPECT_THAT(divide({}, 4, 100, {}), Succeeds());
}

TEST(CostRates, CountUncachedCachedAndOutputTokens) {
  const CostRates rates{.uncached_input = 80, .cached_input = 4, .output = 2'000};
  EXPECT_EQ(rates.of(100, 1'000, 10), 8'000 + 4'000 + 20'000);
  EXPECT_EQ(rates.of(-5, 0, 0), 0);
  EXPECT_EQ(rates.of(std::int64_t{1} << 60, 0, 0), kCostMax);
  // 900 of 1,000 tokens are in the cache, 300 of them put there by the tenant itself.
  EXPECT_EQ(rates.of_input(1'000, 300), 700 * 80 + 300 * 4);
  EXPECT_EQ(rates.of_input(1'000, 5'000), 1'000 * 4);
}

}  // namespace
}  // namespace sovmesh::fairness
