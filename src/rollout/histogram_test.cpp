#include "rollout/histogram.h"

#include <gtest/gtest.h>

#include <limits>

namespace sovmesh::rollout {
namespace {

TEST(Histogram, BucketsHoldWhatTheirBoundsSay) {
  for (std::int64_t value = 2; value < 4'000'000'000; value += value / 3 + 1) {
    const std::size_t bucket = Histogram::bucket_of(value);
    EXPECT_LE(static_cast<double>(value), Histogram::upper_bound(bucket) * (1 + 1e-12)) << value;
    EXPECT_GT(static_cast<double>(value), Histogram::upper_bound(bucket - 1) * (1 - 1e-12))
        << value;
  }
}

TEST(Histogram, PowersOfTwoAreOnBounds) {
  for (int power = 0; power < 32; ++power) {
    EXPECT_EQ(Histogram::bucket_of(std::int64_t{1} << power),
              static_cast<std::size_t>(power) * Histogram::kPerOctave);
    EXPECT_EQ(Histogram::upper_bound(static_cast<std::size_t>(power) * Histogram::kPerOctave),
              static_cast<double>(std::int64_t{1} << power));
  }
}

TEST(Histogram, TakesWhateverComes) {
  Histogram all;
  for (const std::int64_t value :
       {std::numeric_limits<std::int64_t>::min(), std::int64_t{0}, std::int64_t{1}})
    all.add(value);
  EXPECT_EQ(all.in(0), 3U);
  all.add(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(all.in(Histogram::kBuckets - 1), 1U);
  EXPECT_EQ(all.count(), 4U);
}

TEST(Histogram, GivesQuantilesByTheirBucket) {
  Histogram times;
  EXPECT_EQ(times.quantile(0.5), 0);
  for (int i = 0; i < 90; ++i)
    times.add(1'000);
  for (int i = 0; i < 10; ++i)
    times.add(64'000);
  EXPECT_EQ(times.quantile(0.5), 1'024);
  EXPECT_EQ(times.quantile(0.9), 1'024);
  EXPECT_EQ(times.quantile(0.91), 65'536);
  EXPECT_EQ(times.quantile(1), 65'536);
  EXPECT_EQ(times.beyond(Histogram::bucket_of(1'000)), 10U);
  EXPECT_EQ(times.beyond(Histogram::kBuckets - 1), 0U);
}

TEST(Histogram, Adds) {
  Histogram a;
  a.add(5);
  Histogram b;
  b.add(5);
  b.add(7'000);
  a += b;
  EXPECT_EQ(a.count(), 3U);
  EXPECT_EQ(a.in(Histogram::bucket_of(5)), 2U);
}

}  // namespace
}  // namespace sovmesh::rollout
