#include "routing/poison.h"

#include <gtest/gtest.h>

namespace sovmesh::routing {
namespace {

using namespace std::chrono_literals;
using Verdict = PoisonList::Verdict;

TenantId tenant(unsigned char number) {
  std::array<unsigned char, 16> bytes{};
  bytes[15] = number;
  return {Ulid::from_bytes(bytes)};
}
const TenantId kAurora = tenant(1);
Digest body(unsigned number) { return sha256(std::to_string(number)); }

class PoisonTest : public ::testing::Test {
 protected:
  PoisonList list_{100};
  Instant now_ = Instant{} + 1h;
};

TEST_F(PoisonTest, ABodyThatFailsOnTwoEndpointsIsQuarantined) {
  EXPECT_EQ(list_.on_failure(kAurora, body(1), 4, now_).verdict, Verdict::unknown);
  EXPECT_EQ(list_.on_failure(kAurora, body(1), 4, now_).verdict, Verdict::unknown);
  EXPECT_FALSE(list_.quarantined(kAurora, body(1), now_));
  const auto second = list_.on_failure(kAurora, body(1), 5, now_);
  EXPECT_EQ(second.verdict, Verdict::poison);
  EXPECT_EQ(second.forgive, EndpointIndex{4});
  EXPECT_EQ(list_.quarantined(kAurora, body(1), now_), now_ + 10min);
  const auto third = list_.on_failure(kAurora, body(1), 6, now_);
  EXPECT_EQ(third.verdict, Verdict::poison);
  EXPECT_EQ(third.forgive, std::nullopt);
  EXPECT_FALSE(list_.quarantined(kAurora, body(1), now_ + 10min));
}

TEST_F(PoisonTest, OtherTenantsAndOtherBodiesAreNotTouched) {
  list_.on_failure(kAurora, body(1), 4, now_);
  list_.on_failure(kAurora, body(1), 5, now_);
  EXPECT_FALSE(list_.quarantined(tenant(2), body(1), now_));
  EXPECT_FALSE(list_.quarantined(kAurora, body(2), now_));
  EXPECT_EQ(list_.on_failure(tenant(2), body(1), 5, now_).verdict, Verdict::unknown);
}

TEST_F(PoisonTest, ASuccessClearsTheBody) {
  list_.on_failure(kAurora, body(1), 4, now_);
  list_.on_success(kAurora, body(1));
  EXPECT_EQ(list_.on_failure(kAurora, body(1), 5, now_).verdict, Verdict::unknown);
}

TEST_F(PoisonTest, AFailureIsForgottenInTime) {
  list_.on_failure(kAurora, body(1), 4, now_);
  EXPECT_EQ(list_.on_failure(kAurora, body(1), 5, now_ + PoisonList::kRemember).verdict,
            Verdict::unknown);
}

TEST_F(PoisonTest, TheListIsBoundedAndTheOldestGoes) {
  list_.on_failure(kAurora, body(0), 4, now_);
  list_.on_failure(kAurora, body(0), 5, now_);
  for (unsigned i = 1; i < 100; ++i) {
    list_.on_failure(kAurora, body(i), 4, now_ += 1ms);
    list_.on_success(kAurora, body(i));
    list_.on_failure(kAurora, body(i), 4, now_);
  }
  EXPECT_EQ(list_.size(), 100U);
  EXPECT_TRUE(list_.quarantined(kAurora, body(0), now_));
  list_.on_failure(kAurora, body(100), 4, now_);
  EXPECT_EQ(list_.size(), 100U);
  EXPECT_FALSE(list_.quarantined(kAurora, body(0), now_));
  EXPECT_LE(list_.lines(), 200U);
}

TEST_F(PoisonTest, FailuresAndSuccessesOfTheSameBodyForeverTakeNoMemory) {
  for (int i = 0; i < 10'000; ++i) {
    list_.on_failure(kAurora, body(1), 4, now_);
    list_.on_success(kAurora, body(1));
  }
  EXPECT_LE(list_.lines(), 200U);
}

}  // namespace
}  // namespace sovmesh::routing
