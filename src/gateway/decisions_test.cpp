#include "gateway/decisions.h"

#include <gtest/gtest.h>

namespace sovmesh::gateway {
namespace {

template <class Id>
Id id(std::size_t n) {
  std::array<unsigned char, 16> bytes{};
  bytes[14] = static_cast<unsigned char>(n / 256);
  bytes[15] = static_cast<unsigned char>(n % 256);
  return {Ulid::from_bytes(bytes)};
}

void add(Decisions& decisions, std::size_t request, std::size_t tenant,
         std::string engine = "gpu-1") {
  decisions.add(id<RequestId>(request), {.tenant = id<TenantId>(tenant)},
                {.engine = std::move(engine)});
}
bool has(const Decisions& decisions, std::size_t request) {
  return decisions.find(id<RequestId>(request)).has_value();
}

TEST(Decisions, AFloodOfOneTenantLeavesThoseOfOthers) {
  Decisions decisions;
  add(decisions, 1, 1);
  for (std::size_t n = 0; n < 1'000; ++n)
    add(decisions, 100 + n, 2);
  EXPECT_TRUE(has(decisions, 1));
  EXPECT_FALSE(has(decisions, 100 + 999 - Decisions::kPerTenantMax));
  EXPECT_TRUE(has(decisions, 100 + 1'000 - Decisions::kPerTenantMax));
}

TEST(Decisions, KeepsNoMoreThanItsBoundOfManyTenants) {
  Decisions decisions;
  for (std::size_t n = 0; n <= Decisions::kAllMax; ++n)
    add(decisions, n, n);
  EXPECT_FALSE(has(decisions, 0));
  EXPECT_TRUE(has(decisions, 1));
  EXPECT_TRUE(has(decisions, Decisions::kAllMax));
}

TEST(Decisions, TheAttemptsOfARequestStandTogetherWithTheirOutcomes) {
  Decisions decisions;
  add(decisions, 1, 1, "gpu-1");
  decisions.end(id<RequestId>(1), "upstream_error");
  for (std::size_t n = 0; n < 2 * Decisions::kAttemptsMax; ++n)
    add(decisions, 1, 1, "gpu-2");
  decisions.end(id<RequestId>(1), "ok");
  decisions.end(id<RequestId>(2), "ok");  // not kept
  const auto found = decisions.find(id<RequestId>(1));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->attempts.size(), Decisions::kAttemptsMax);
  EXPECT_EQ(found->attempts.front().outcome, "upstream_error");
  EXPECT_EQ(found->attempts.back().engine, "gpu-2");
  EXPECT_EQ(found->attempts.back().outcome, "ok");
}

}  // namespace
}  // namespace sovmesh::gateway
