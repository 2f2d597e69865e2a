#include "audit_files/refusals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/support/manual_clock.h"

namespace sovmesh::audit_files {
namespace {

using std::chrono::seconds;
using Whose = RefusedSum::Whose;

class RefusalsTest : public testing::Test {
 protected:
  static KeyId key(std::size_t number) {
    std::string text = std::to_string(number);
    text.insert(0, 12 - text.size(), 'k');
    return *KeyId::parse(text);
  }
  bool admit(std::size_t number, std::string_view why = "queue_full") {
    return refusals_.admit(tenant_, key(number), why, clock_.now());
  }
  std::vector<RefusedSum> due() { return refusals_.due(clock_.now(), 100'000); }

  ManualClock clock_;
  TenantId tenant_{Ulid::from_bytes({1})};
  Refusals refusals_;
};

TEST_F(RefusalsTest, TheFirstOfEachKeyAndMinuteAreEntries) {
  for (std::uint64_t i = 0; i < Refusals::kOwnMax; ++i)
    EXPECT_TRUE(admit(1));
  EXPECT_FALSE(refusals_.due_at()) << "nothing is left to say";
  EXPECT_FALSE(admit(1));
  EXPECT_TRUE(admit(2)) << "another key";
  EXPECT_EQ(refusals_.due_at(), clock_.now() + Refusals::kWindow);
  clock_.advance(seconds(59));
  EXPECT_FALSE(admit(1, "insufficient_quota"));
  EXPECT_TRUE(due().empty());
  clock_.advance(seconds(1));
  const auto sums = due();
  ASSERT_EQ(sums.size(), 1U);
  EXPECT_EQ(sums[0].key, key(1));
  EXPECT_EQ(sums[0].counts.text(), "insufficient_quota 1, queue_full 1");
  refusals_.told(1);
  EXPECT_TRUE(due().empty());
  EXPECT_TRUE(admit(1));
}

TEST_F(RefusalsTest, KeysAndReasonsThatAreToldApartAreBounded) {
  for (std::size_t i = 0; i < Refusals::kKeysMax; ++i)
    EXPECT_TRUE(admit(i));
  EXPECT_FALSE(admit(Refusals::kKeysMax));
  EXPECT_FALSE(admit(Refusals::kKeysMax + 1));
  for (std::size_t i = 0; i < 2 * RefusalCounts::kReasonsMax; ++i)
    refusals_.count_stranger("why" + std::to_string(100 + i), clock_.now());
  clock_.advance(seconds(60));
  const auto sums = due();
  ASSERT_EQ(sums.size(), 2U);
  EXPECT_EQ(sums[0].whose, Whose::other_keys);
  EXPECT_EQ(sums[0].counts.total(), 2U);
  EXPECT_EQ(sums[1].whose, Whose::strangers);
  EXPECT_EQ(sums[1].counts.total(), 2 * RefusalCounts::kReasonsMax);
  const std::string text = sums[1].counts.text();
  EXPECT_EQ(std::ranges::count(text, ',') + 1, RefusalCounts::kReasonsMax) << text;
  EXPECT_THAT(text, testing::HasSubstr("other 17"));
}

TEST_F(RefusalsTest, NoMinuteBeginsWhileSumsOfTheLastOneWait) {
  for (std::uint64_t i = 0; i < Refusals::kOwnMax + 1; ++i)
    (void)admit(1);
  for (int minute = 0; minute < 5; ++minute) {
    clock_.advance(seconds(60));
    EXPECT_EQ(due().size(), 1U) << "still the first one's";
    EXPECT_EQ(admit(1), minute == 0);
    for (std::uint64_t i = 0; i < Refusals::kOwnMax; ++i)
      (void)admit(1);
  }
}

TEST_F(RefusalsTest, AllSumsCanBecomeOne) {
  for (std::size_t round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < Refusals::kKeysMax; ++i) {
      for (std::uint64_t j = 0; j < Refusals::kOwnMax + 1; ++j)
        (void)admit(i);
    }
    refusals_.close();
    EXPECT_EQ(due().size(), (round + 1) * Refusals::kKeysMax);
  }
  refusals_.fold();
  const auto sums = due();
  ASSERT_EQ(sums.size(), 1U);
  EXPECT_EQ(sums[0].whose, Whose::all);
  EXPECT_EQ(sums[0].counts.total(), 3 * Refusals::kKeysMax);
}

TEST_F(RefusalsTest, WhatIsHeldIsOneSumAndNothingElseIsDue) {
  for (std::uint64_t i = 0; i < Refusals::kOwnMax + 1; ++i)
    (void)admit(1);
  refusals_.hold(true);
  EXPECT_FALSE(admit(2));
  refusals_.count_stranger("no_key", clock_.now());
  clock_.advance(seconds(120));
  EXPECT_TRUE(due().empty());
  EXPECT_FALSE(refusals_.due_at());
  refusals_.hold(false);
  ASSERT_EQ(due().size(), 1U);
  EXPECT_EQ(due()[0].whose, Whose::all);
  EXPECT_EQ(due()[0].counts.text(), "no_key 1, queue_full 1");
  refusals_.told(1);
  ASSERT_EQ(due().size(), 1U) << "the minute before";
  EXPECT_EQ(due()[0].key, key(1));
}

}  // namespace
}  // namespace sovmesh::audit_files
