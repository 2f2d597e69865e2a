#include "routing/retry_budget.h"

#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace sovmesh::routing {
namespace {

using namespace std::chrono_literals;

// All engines fail. Requests run `at_once` at a time; each that may is tried again.
std::int64_t attempts(std::int64_t requests, std::int64_t at_once, std::uint64_t seed) {
  SeededRandom random(seed);
  RetryBudget budget;
  std::int64_t begun = 0, made = 0, first = 0, again = 0;
  while (begun < requests || first + again > 0) {
    const bool room = begun < requests && first + again < at_once;
    if (room && (first + again == 0 || random.below(2) == 0)) {
      budget.on_request();
      ++begun, ++first, ++made;
    } else if (again > 0 && (first == 0 || random.below(2) == 0)) {
      budget.on_retry_done();
      budget.on_request_done(false);
      --again;
    } else {
      --first;
      if (budget.try_retry())
        ++again, ++made;
      else
        budget.on_request_done(false);
    }
  }
  EXPECT_EQ(budget.retries_running(), 0);
  return made;
}

TEST(RetryBudget, WhenAllEnginesFailAttemptsStayWithinAFifthAndThree) {
  for (const std::int64_t at_once : {1, 2, 10, 100, 5'000})
    for (const std::int64_t requests : {1, 3, 10, 100, 10'000})
      for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        const std::int64_t made = attempts(requests, at_once, seed);
        EXPECT_LE(static_cast<double>(made), 1.2 * static_cast<double>(requests) + 3)
            << requests << " requests, " << at_once << " at once";
        EXPECT_GT(made, requests);
      }
}

TEST(RetryBudget, RetriesAtOnceAreAFifthOfWhatRunsAndAtLeastThree) {
  RetryBudget budget;
  for (int i = 0; i < 400; ++i)
    budget.on_request();
  for (int i = 0; i < 300; ++i)
    budget.on_request_done(true);
  int retries = 0;
  while (budget.try_retry())
    ++retries;
  EXPECT_EQ(retries, 20);
  EXPECT_FALSE(budget.spent());
  for (int i = 0; i < 20; ++i)
    budget.on_retry_done();
  for (int i = 0; i < 98; ++i)
    budget.on_request_done(true);
  for (retries = 0; budget.try_retry();)
    ++retries;
  EXPECT_EQ(retries, 3);
  EXPECT_EQ(budget.refused(), 2U);
}

TEST(RetryBudget, ASuccessBringsBackTheFirstThree) {
  RetryBudget budget;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(budget.try_retry());
    budget.on_retry_done();
  }
  EXPECT_TRUE(budget.spent());
  EXPECT_FALSE(budget.try_retry());
  for (int i = 0; i < 5; ++i) {
    budget.on_request();
    budget.on_request_done(true);
  }
  EXPECT_NEAR(budget.balance(), 3, 0.21);
}

TEST(RetryDelay, GrowsWithFullJitterUpToItsMaximum) {
  const RetryPolicy policy{.attempts_max = 10};
  const auto most = [&](int attempts) {
    return retry_delay(policy, {.attempts = attempts, .left = 10s}, 0.9999);
  };
  EXPECT_EQ(retry_delay(policy, {.attempts = 1, .left = 10s}, 0), 0ms);
  EXPECT_EQ(most(1), 24ms);
  EXPECT_EQ(most(2), 49ms);
  EXPECT_EQ(most(9), 249ms);
}

TEST(RetryDelay, NothingIsTriedAgainThatShouldNot) {
  const RetryPolicy policy;
  EXPECT_TRUE(retry_delay(policy, {.attempts = 1, .left = 1s}, 0.5));
  EXPECT_FALSE(retry_delay(policy, {.attempts = 2, .left = 1s}, 0.5));
  EXPECT_FALSE(retry_delay(policy, {.attempts = 1, .bytes_sent = true, .left = 1s}, 0.5));
  EXPECT_FALSE(retry_delay(policy, {.attempts = 1, .left = 10ms}, 0.5));
  EXPECT_FALSE(retry_delay(policy, {.attempts = 1, .left = 0ms}, 0));
}

}  // namespace
}  // namespace sovmesh::routing
