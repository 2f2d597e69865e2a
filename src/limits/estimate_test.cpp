#include "limits/estimate.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "limits/lease.h"
#include "limits/local_limiter.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::limits {
namespace {

TenantId tenant(unsigned char number) {
  std::array<unsigned char, 16> bytes{};
  bytes[15] = number;
  return {Ulid::from_bytes(bytes)};
}

TEST(OutputEstimate, StartsWithAValueThatIsWrittenDown) {
  OutputEstimate estimate;
  EXPECT_EQ(estimate.estimate(tenant(1), "tiny"), OutputEstimate::kStart);
  EXPECT_EQ(estimate.size(), 0U) << "a question is not remembered";
}

TEST(OutputEstimate, FollowsWhatATenantsRequestsBring) {
  OutputEstimate estimate;
  estimate.observe(tenant(1), "tiny", 356);
  EXPECT_EQ(estimate.estimate(tenant(1), "tiny"), 266);
  for (int i = 0; i < 100; ++i)
    estimate.observe(tenant(1), "tiny", 1'000);
  EXPECT_NEAR(static_cast<double>(estimate.estimate(tenant(1), "tiny")), 1'000, 1);
  for (int i = 0; i < 200; ++i)
    estimate.observe(tenant(1), "tiny", 0);
  EXPECT_EQ(estimate.estimate(tenant(1), "tiny"), 1);
}

TEST(OutputEstimate, KnowsNothingOfOtherTenantsOrModels) {
  OutputEstimate estimate;
  for (int i = 0; i < 50; ++i)
    estimate.observe(tenant(1), "tiny", 5'000);
  EXPECT_EQ(estimate.estimate(tenant(2), "tiny"), OutputEstimate::kStart);
  EXPECT_EQ(estimate.estimate(tenant(1), "large"), OutputEstimate::kStart);
}

TEST(OutputEstimate, ForgetsThePairThatWasUnusedForLongest) {
  OutputEstimate estimate(2);
  estimate.observe(tenant(1), "tiny", 10'256);
  estimate.observe(tenant(2), "tiny", 10'256);
  EXPECT_EQ(estimate.estimate(tenant(1), "tiny"), 1'256);  // used of late
  estimate.observe(tenant(3), "tiny", 10'256);
  EXPECT_EQ(estimate.size(), 2U);
  EXPECT_EQ(estimate.estimate(tenant(1), "tiny"), 1'256);
  EXPECT_EQ(estimate.estimate(tenant(2), "tiny"), OutputEstimate::kStart);
}

TEST(OutputToReserve, IsWhatTheClientAsksForOrAtMostASlice) {
  EXPECT_EQ(output_to_reserve(4'000, 100), 4'000);
  EXPECT_EQ(output_to_reserve(-1, 100), 0);
  EXPECT_EQ(output_to_reserve({}, 100), 100);
  EXPECT_EQ(output_to_reserve({}, 100'000), kSlice);
  EXPECT_EQ(output_to_reserve({}, 0), 1);
}

class LeaseTest : public testing::Test {
 protected:
  LeaseTest() {
    std::vector<Limit> limits = {{.name = "tokens",
                                  .target = Target::each(Scope::tenant),
                                  .measure = Measure::output_tokens,
                                  .window = Window::day,
                                  .amount = 1'000},
                                 {.name = "money",
                                  .target = Target::each(Scope::tenant),
                                  .measure = Measure::money_micro,
                                  .window = Window::day,
                                  .amount = 1'000'000}};
    EXPECT_THAT(limiter_.configure(std::move(limits), now_), Succeeds());
  }
  Reservation reserve(const Amounts& wanted) {
    return limiter_.reserve(who_, wanted, now_).value();
  }
  std::int64_t reserved(std::size_t limit) {
    return limiter_.status(who_, now_).at(limit).reserved;
  }

  WallTime now_{};
  Subject who_{.tenant = tenant(1), .tenant_name = "aurora", .model = "tiny"};
  LocalLimiter limiter_;
  Amounts slice_{.output_tokens = 400, .money_micro = 1'000};
};

TEST_F(LeaseTest, TakesSlicesAsTokensCome) {
  Reservation stream = reserve({.output_tokens = 100});
  Lease lease(stream, slice_);
  EXPECT_THAT(lease.cover(100, now_), Succeeds());
  EXPECT_EQ(reserved(0), 100);
  EXPECT_THAT(lease.cover(101, now_), Succeeds());
  EXPECT_EQ(reserved(0), 500);
  EXPECT_EQ(reserved(1), 1'000);
  EXPECT_THAT(lease.cover(500, now_), Succeeds());
  EXPECT_EQ(reserved(0), 500);
}

TEST_F(LeaseTest, TakesWhatIsLeftWhenThereIsNoRoomForASlice) {
  Reservation stream = reserve({.output_tokens = 900, .money_micro = 0});
  Lease lease(stream, slice_);
  EXPECT_THAT(lease.cover(901, now_), Succeeds());
  EXPECT_EQ(reserved(0), 901);
  EXPECT_EQ(reserved(1), 3) << "a part of a slice's money, rounded up";
  EXPECT_THAT(lease.cover(1'000, now_), Succeeds());
  EXPECT_EQ(reserved(0), 1'000);
  EXPECT_THAT(lease.cover(1'001, now_), FailsWith(Code::insufficient_quota));
  EXPECT_EQ(reserved(0), 1'000);
}

TEST_F(LeaseTest, CoversALargeReadAtOnce) {
  Reservation stream = reserve({.output_tokens = 1});
  Lease lease(stream, {.output_tokens = 100});
  EXPECT_THAT(lease.cover(730, now_), Succeeds());
  EXPECT_EQ(reserved(0), 801);
}

TEST_F(LeaseTest, SurvivesNumbersThatNobodyMeans) {
  Reservation stream = reserve({});
  Lease lease(stream, {.output_tokens = 0, .money_micro = kRequestMax});
  EXPECT_THAT(lease.cover(std::numeric_limits<std::int64_t>::max(), now_),
              FailsWith(Code::insufficient_quota));
  EXPECT_THAT(lease.cover(-5, now_), Succeeds());
}

}  // namespace
}  // namespace sovmesh::limits
