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
  // What 400 output tokens cost is 1,000.
  Result<void> cover(Reservation& stream, std::int64_t generated, std::int64_t prompt = 0) {
    const auto amounts = [](std::int64_t input, std::int64_t output) {
      return Amounts{
          .input_tokens = input, .output_tokens = output, .money_micro = (output * 10 + 3) / 4};
    };
    return limits::cover(stream, prompt, generated, amounts, now_);
  }
};

TEST_F(LeaseTest, TakesSlicesAsTokensCome) {
  Reservation stream = reserve({.output_tokens = 100, .money_micro = 250});
  EXPECT_THAT(cover(stream, 100), Succeeds());
  EXPECT_EQ(reserved(0), 100);
  EXPECT_THAT(cover(stream, 101), Succeeds());
  EXPECT_EQ(reserved(0), 100 + kSlice);
  EXPECT_EQ(reserved(1), (100 + kSlice) * 10 / 4);
  EXPECT_THAT(cover(stream, 100 + kSlice), Succeeds());
  EXPECT_EQ(reserved(0), 100 + kSlice);
}

TEST_F(LeaseTest, TakesWhatIsLeftWhenThereIsNoRoomForASlice) {
  Reservation stream = reserve({.output_tokens = 900, .money_micro = 2'250});
  EXPECT_THAT(cover(stream, 901), Succeeds());
  EXPECT_EQ(reserved(0), 964) << "the largest half of a half that has room";
  EXPECT_THAT(cover(stream, 1'000), Succeeds());
  EXPECT_EQ(reserved(0), 1'000);
  EXPECT_EQ(reserved(1), 2'500);
  EXPECT_THAT(cover(stream, 1'001), FailsWith(Code::insufficient_quota));
  EXPECT_EQ(reserved(0), 1'000);
}

TEST_F(LeaseTest, CoversALargeReadAtOnce) {
  Reservation stream = reserve({.output_tokens = 1});
  EXPECT_THAT(cover(stream, 730), Succeeds());
  EXPECT_EQ(reserved(0), 730);
}

TEST_F(LeaseTest, CoversAPromptThatWasLongerThanItsEstimate) {
  Reservation stream = reserve({.input_tokens = 5, .output_tokens = 10});
  EXPECT_THAT(cover(stream, 10, 50), Succeeds());
  EXPECT_EQ(stream.held().input_tokens, 50);
  EXPECT_EQ(reserved(0), 10);
  EXPECT_THAT(cover(stream, 10, 3), Succeeds());
  EXPECT_EQ(stream.held().input_tokens, 50);
}

TEST_F(LeaseTest, SurvivesNumbersThatNobodyMeans) {
  Reservation stream = reserve({});
  const auto amounts = [](std::int64_t, std::int64_t output) {
    return Amounts{.output_tokens = output, .money_micro = kRequestMax};
  };
  EXPECT_THAT(limits::cover(stream, -7, std::numeric_limits<std::int64_t>::max(), amounts, now_),
              FailsWith(Code::insufficient_quota));
  EXPECT_THAT(cover(stream, -5), Succeeds());
}

}  // namespace
}  // namespace sovmesh::limits
