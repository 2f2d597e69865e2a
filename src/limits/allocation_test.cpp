#include <gtest/gtest.h>

#include "limits/estimate.h"
#include "limits/local_limiter.h"
#include "tests/support/count_allocations.h"

#ifdef SM_COUNTS_ALLOCATIONS

namespace sovmesh::limits {
namespace {

using namespace std::chrono_literals;

TEST(LocalLimiter, TakesNoMemoryForARequestOfAKnownSubject) {
  std::vector<Limit> limits = {{.name = "rpm",
                                .target = Target::each(Scope::key),
                                .measure = Measure::requests,
                                .window = Window::minute,
                                .amount = 1'000'000},
                               {.name = "rolling",
                                .target = Target::each(Scope::user),
                                .measure = Measure::total_tokens,
                                .window = Window::hour,
                                .alignment = Alignment::rolling,
                                .amount = 1'000'000'000},
                               {.name = "own",
                                .target = Target::each(Scope::tenant),
                                .measure = Measure::concurrency,
                                .window = Window::none,
                                .amount = 100}};
  LocalLimiter limiter;
  OutputEstimate estimate;
  WallTime now{};
  ASSERT_TRUE(limiter.configure(std::move(limits), now));
  const Subject who{.key = KeyId::parse("abcdefghijkl").value(),
                    .user = "somebody.with.a.long.name@aurora.example",
                    .tenant_name = "aurora",
                    .model = "a-model-with-a-name-that-is-not-short"};
  const auto request = [&] {
    now += 1s;
    const auto output = estimate.estimate(who.tenant, who.model);
    auto reservation = limiter.reserve(who, {.input_tokens = 9, .output_tokens = output}, now);
    ASSERT_TRUE(reservation);
    ASSERT_TRUE(reservation->extend({.output_tokens = 512}, now));
    (void)limiter.headers(who, now);
    reservation->settle({.input_tokens = 9, .output_tokens = 400}, now);
    estimate.observe(who.tenant, who.model, 400);
  };
  request();
  const std::size_t before = allocations;
  for (int i = 0; i < 1'000; ++i)  // over several minutes and many parts of an hour
    request();
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace sovmesh::limits

#endif
