#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sovmesh::rollout {

// Counts of positive numbers (microseconds, tokens) in buckets that grow by the fourth root of 2.
// The same size whatever comes, and a factor of 2^(n/4) is a shift by n buckets. Bucket 0 holds
// what is at most 1, bucket b what is in (2^((b-1)/4), 2^(b/4)], the last one all that is larger.
class Histogram {
 public:
  static constexpr std::size_t kBuckets = 129;  // up to 2^32: over an hour in microseconds
  static constexpr std::size_t kPerOctave = 4;

  static std::size_t bucket_of(std::int64_t value);
  static double upper_bound(std::size_t bucket);

  void add(std::int64_t value) { add_to(bucket_of(value), 1); }
  void add_to(std::size_t bucket, std::uint64_t times);
  Histogram& operator+=(const Histogram& other);

  std::uint64_t count() const { return count_; }
  std::uint64_t in(std::size_t bucket) const { return counts_[bucket]; }
  // How many are in higher buckets.
  std::uint64_t beyond(std::size_t bucket) const;
  // The bucket that holds the quantile `q`, 0 to 1; not of an empty one.
  std::size_t bucket_at(double q) const;
  // That bucket's upper bound; 0 when empty.
  double quantile(double q) const;
  friend bool operator==(const Histogram&, const Histogram&) = default;

 private:
  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t count_ = 0;
};

}  // namespace sovmesh::rollout
