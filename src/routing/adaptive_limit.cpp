#include "routing/adaptive_limit.h"

#include <algorithm>
#include <cmath>

namespace sovmesh::routing {

AdaptiveLimit::AdaptiveLimit(const Bounds& bounds, double random, Instant now)
    : bounds_{std::max<std::int64_t>(bounds.floor, 1), std::max(bounds.floor, bounds.ceiling)},
      limit_(static_cast<double>(bounds_.floor)),
      window_since_(now) {
  plan_measurement(random, now);
}

void AdaptiveLimit::plan_measurement(double random, Instant now) {
  const std::chrono::duration<double> wait = kMeasureEvery * (1 + kJitter * (2 * random - 1));
  measure_at_ = now + std::chrono::duration_cast<Instant::duration>(wait);
}

std::int64_t AdaptiveLimit::limit() const {
  return measuring_ ? bounds_.floor : static_cast<std::int64_t>(limit_);
}

double AdaptiveLimit::take_median() {
  const auto middle = samples_.begin() + static_cast<std::ptrdiff_t>(samples_.size() / 2);
  std::ranges::nth_element(samples_, middle);
  const double median = *middle;
  samples_.clear();
  return median;
}

void AdaptiveLimit::on_first_token(std::chrono::duration<double> time, std::int64_t uncached_tokens,
                                   double random, Instant now) {
  const double sample =
      time.count() / static_cast<double>(std::max<std::int64_t>(uncached_tokens, 1));
  if (samples_.size() < kSamplesMax && sample > 0) samples_.push_back(sample);
  if (measuring_) {
    if (samples_.size() < kMeasured) return;
    best_ = take_median();
    measuring_ = false;
    plan_measurement(random, now);
    window_since_ = now;
    return;
  }
  if (now - window_since_ >= kWindow && samples_.size() >= kSamplesMin) {
    const double gradient = std::clamp(best_ * kBuffer / take_median(), kGradientMin, kGradientMax);
    limit_ = std::clamp(limit_ * gradient + std::sqrt(limit_), static_cast<double>(bounds_.floor),
                        static_cast<double>(bounds_.ceiling));
    window_since_ = now;
  }
  if (now >= measure_at_) {
    measuring_ = true;
    samples_.clear();
  }
}

}  // namespace sovmesh::routing
