#include "gateway/live_counts.h"

#include <gtest/gtest.h>

namespace sovmesh::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TenantId tenant(unsigned char number) {
  std::array<unsigned char, 16> bytes{};
  bytes[15] = number;
  bytes[14] = 1;
  return {Ulid::from_bytes(bytes)};
}

Instant at(seconds time) { return Instant(time); }

TEST(LiveCounts, CountTheLastWholeSecondsAndForgetWhatIsOlder) {
  LiveCounts counts;
  for (int i = 0; i < 20; ++i)
    counts.note_end({.tenant = tenant(1), .failed = i < 5}, at(seconds(100)));
  counts.note_tokens(tenant(1), 300, at(seconds(100)));
  EXPECT_EQ(counts.read(at(seconds(100))).requests_per_s, 0) << "this second is not over";
  const auto now = counts.read(at(seconds(101)));
  EXPECT_DOUBLE_EQ(now.requests_per_s, 2);
  EXPECT_DOUBLE_EQ(now.errors_per_s, 0.5);
  EXPECT_DOUBLE_EQ(now.output_tokens_per_s, 30);
  EXPECT_DOUBLE_EQ(counts.read(at(seconds(110))).requests_per_s, 2);
  EXPECT_EQ(counts.read(at(seconds(111))).requests_per_s, 0);
  // The place of a second that is gone begins anew.
  counts.note_end({.tenant = tenant(1)}, at(seconds(100 + LiveCounts::kWindow + 1)));
  EXPECT_DOUBLE_EQ(counts.read(at(seconds(112))).requests_per_s, 0.1);
}

TEST(LiveCounts, TellTimesToFirstTokenOfThoseWhoHadOne) {
  LiveCounts counts;
  EXPECT_FALSE(counts.read(at(seconds(5))).first_token_p50_ms);
  for (int i = 1; i <= 100; ++i)
    counts.note_end({.tenant = tenant(1), .first_token = milliseconds(i)}, at(seconds(50)));
  counts.note_end({.tenant = tenant(1)}, at(seconds(50)));
  const auto now = counts.read(at(seconds(51)));
  EXPECT_DOUBLE_EQ(now.first_token_p50_ms.value(), 50);
  EXPECT_DOUBLE_EQ(now.first_token_p95_ms.value(), 95);
}

TEST(LiveCounts, ATenantsFiguresAreItsOwn) {
  LiveCounts counts;
  const std::set<TenantId> first{tenant(1)};
  counts.note_end({.tenant = tenant(1), .first_token = milliseconds(10)}, at(seconds(50)));
  const auto alone = counts.read(at(seconds(51)), &first);
  for (int i = 0; i < 500; ++i)
    counts.note_end({.tenant = tenant(2), .failed = true, .first_token = seconds(9)},
                    at(seconds(50)));
  counts.note_tokens(tenant(2), 5'000, at(seconds(50)));
  const auto beside = counts.read(at(seconds(51)), &first);
  EXPECT_EQ(alone.requests_per_s, beside.requests_per_s);
  EXPECT_EQ(beside.errors_per_s, 0);
  EXPECT_EQ(beside.output_tokens_per_s, 0);
  EXPECT_EQ(beside.first_token_p95_ms, 10);
  const auto busiest = counts.busiest(at(seconds(51)), 10);
  ASSERT_EQ(busiest.size(), 2U);
  EXPECT_EQ(busiest[0].tenant, tenant(2));
  EXPECT_EQ(counts.busiest(at(seconds(51)), 1).size(), 1U);
  EXPECT_EQ(counts.busiest(at(seconds(51)), 10, &first).size(), 1U);
}

TEST(LiveCounts, TenantsBeyondTheBoundCountInTheWhole) {
  LiveCounts counts;
  const auto numbered = [](std::size_t n) {
    std::array<unsigned char, 16> bytes{};
    bytes[14] = static_cast<unsigned char>(n >> 8U);
    bytes[15] = static_cast<unsigned char>(n);
    return TenantId{Ulid::from_bytes(bytes)};
  };
  for (std::size_t i = 0; i < LiveCounts::kTenantsMax + 10; ++i)
    counts.note_end({.tenant = numbered(i)}, at(seconds(50)));
  EXPECT_EQ(counts.busiest(at(seconds(51)), 10'000).size(), LiveCounts::kTenantsMax);
  EXPECT_DOUBLE_EQ(counts.read(at(seconds(51))).requests_per_s,
                   static_cast<double>(LiveCounts::kTenantsMax + 10) / 10);
  // Those who have had nothing for a while make room.
  counts.note_end({.tenant = numbered(60'000)}, at(seconds(90)));
  EXPECT_EQ(counts.busiest(at(seconds(91)), 10).size(), 1U);
}

}  // namespace
}  // namespace sovmesh::gateway
