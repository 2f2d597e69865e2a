#include "access/call_rate.h"

#include <gtest/gtest.h>

namespace sovmesh::access {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant kStart{std::chrono::hours(1)};

int taken(CallRate& rate, std::string_view caller, int tries, Instant now) {
  int count = 0;
  for (int i = 0; i < tries; ++i)
    if (rate.take(caller, now).count() == 0) ++count;
  return count;
}

TEST(CallRate, ABurstThenSoManyASecond) {
  CallRate rate({.per_second = 10, .burst = 25});
  EXPECT_EQ(taken(rate, "ann", 100, kStart), 25);
  EXPECT_EQ(rate.take("ann", kStart), milliseconds(100));
  EXPECT_EQ(taken(rate, "ann", 100, kStart + milliseconds(99)), 0);
  EXPECT_EQ(taken(rate, "ann", 100, kStart + milliseconds(100)), 1);
  EXPECT_EQ(taken(rate, "ann", 100, kStart + seconds(1)), 9);
  EXPECT_EQ(taken(rate, "ann", 100, kStart + seconds(60)), 25) << "never more than a burst";
}

TEST(CallRate, EachCallerHasABucketOfHisOwn) {
  CallRate rate({.per_second = 1, .burst = 2});
  EXPECT_EQ(taken(rate, "ann", 5, kStart), 2);
  EXPECT_EQ(taken(rate, "bob", 5, kStart), 2);
}

TEST(CallRate, WaitingAsLongAsItSaysIsEnough) {
  CallRate rate({.per_second = 3, .burst = 1});
  EXPECT_EQ(taken(rate, "ann", 1, kStart), 1);
  EXPECT_EQ(taken(rate, "ann", 1, kStart + rate.take("ann", kStart)), 1);
}

TEST(CallRate, WithoutABoundNobodyWaitsAndNobodyIsRemembered) {
  CallRate rate({.per_second = 0, .burst = 1});
  EXPECT_EQ(taken(rate, "ann", 10'000, kStart), 10'000);
  EXPECT_EQ(rate.callers(), 0U);
}

TEST(CallRate, RemembersSoManyAndThoseAtTheirBoundLongest) {
  CallRate rate({.per_second = 1, .burst = 10});
  EXPECT_EQ(taken(rate, "flooder", 100, kStart), 10);
  for (std::size_t i = 0; i < 3 * CallRate::kEntriesMax; ++i)
    ASSERT_EQ(rate.take(std::to_string(i), kStart).count(), 0);
  EXPECT_LE(rate.callers(), CallRate::kEntriesMax);
  EXPECT_EQ(taken(rate, "flooder", 100, kStart), 0) << "pushed out, he would begin anew";
  EXPECT_EQ(taken(rate, "late", 1, kStart + seconds(20)), 1);
}

}  // namespace
}  // namespace sovmesh::access
