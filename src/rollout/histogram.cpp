#include "rollout/histogram.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "rollout/arm.h"

namespace sovmesh::rollout {

std::size_t Histogram::bucket_of(std::int64_t value) {
  if (value <= 1) return 0;
  const double place = std::ceil(std::log2(static_cast<double>(value)) * kPerOctave);
  return std::min(static_cast<std::size_t>(place), kBuckets - 1);
}

double Histogram::upper_bound(std::size_t bucket) {
  return std::exp2(static_cast<double>(bucket) / kPerOctave);
}

void Histogram::add_to(std::size_t bucket, std::uint64_t times) {
  assert(bucket < kBuckets);
  counts_[bucket] += times;
  count_ += times;
}

Histogram& Histogram::operator+=(const Histogram& other) {
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket)
    counts_[bucket] += other.counts_[bucket];
  count_ += other.count_;
  return *this;
}

std::size_t Histogram::bucket_at(double q) const {
  assert(count_ > 0 && q >= 0 && q <= 1);
  const double wanted = q * static_cast<double>(count_);
  std::uint64_t below = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    below += counts_[bucket];
    if (below > 0 && static_cast<double>(below) >= wanted) return bucket;
  }
  return kBuckets - 1;
}

double Histogram::quantile(double q) const { return count_ == 0 ? 0 : upper_bound(bucket_at(q)); }

std::uint64_t Histogram::beyond(std::size_t bucket) const {
  std::uint64_t sum = 0;
  for (std::size_t above = bucket + 1; above < kBuckets; ++above)
    sum += counts_[above];
  return sum;
}

Arm& Arm::operator+=(const Arm& other) {
  requests += other.requests;
  errors += other.errors;
  refusals += other.refusals;
  ttft_us += other.ttft_us;
  tpot_us += other.tpot_us;
  output_tokens += other.output_tokens;
  return *this;
}

}  // namespace sovmesh::rollout
