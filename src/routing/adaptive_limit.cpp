#include "routing/adaptive_limit.h"

#include <algorithm>
#include <cmath>

namespace sovmesh::routing {

AdaptiveLimit::AdaptiveLimit(const Bounds& bounds, double random, Instant now)
    : bounds_{std::max<std::int64_t>(bounds.floor, 1), std::max(bounds.floor, bounds.ceiling)},
      limit_(static_cast<double>(bounds_.floor)),
      measuring_since_(now),
      window_since_(now) {
  plan_measurement(random, now);
}

void AdaptiveLimit::plan_measurement(double random, Instant now) {
  const std::chrono::duration<double> wait = kMeasureEvery * (1 + kJitter * (2 * random - 1));
  measure_at_ = now + std::chrono::duration_cast<Instant::duration>(wait);
}

// Before anything is known it begins at its floor.
std::int64_t AdaptiveLimit::limit() const {
  return measuring_ && best_ > 0 ? bounds_.floor : static_cast<std::int64_t>(limit_);
}

double AdaptiveLimit::take_median() {
  const auto middle = samples_.begin() + static_cast<std::ptrdiff_t>(samples_.size() / 2);
  std::ranges::nth_element(samples_, middle);
  const double median = *middle;
  samples_.clear();
  return median;
}

void AdaptiveLimit::step(double gradient, Instant now) {
  limit_ = std::clamp(limit_ * gradient + std::sqrt(limit_), static_cast<double>(bounds_.floor),
                      static_cast<double>(bounds_.ceiling));
  window_since_ = now;
}

// With too few samples the best stays what it was.
void AdaptiveLimit::end_measurement(double random, Instant now) {
  if (samples_.size() >= kSamplesMin) best_ = take_median();
  samples_.clear();
  measuring_ = false;
  plan_measurement(random, now);
  window_since_ = now;
}

void AdaptiveLimit::on_first_token(std::chrono::duration<double> time, std::int64_t uncached_tokens,
                                   double random, Instant now) {
  // What began before a new measurement met the load that there was.
  if (measuring_ && best_ > 0 && now - time < measuring_since_) return;
  const double sample =
      time.count() / static_cast<double>(std::max<std::int64_t>(uncached_tokens, 1));
  if (samples_.size() < kSamplesMax && sample > 0) samples_.push_back(sample);
  if (measuring_) {
    if (samples_.size() >= kMeasured) end_measurement(random, now);
    return;
  }
  if (now - window_since_ >= kWindow && samples_.size() >= kSamplesMin)
    step(std::clamp(best_ * kBuffer / take_median(), kGradientMin, kGradientMax), now);
  if (now >= measure_at_) {
    measuring_ = true;
    measuring_since_ = now;
    held_since_.reset();
    samples_.clear();
  }
}

void AdaptiveLimit::look(std::int64_t taken, std::int64_t unanswered, double random, Instant now) {
  if (taken < limit() || unanswered > 0) return held_since_.reset();
  if (!held_since_) held_since_ = now;
  if (now - *held_since_ < kHeld) return;
  held_since_ = now;
  if (measuring_ && (best_ > 0 || samples_.size() >= kSamplesMin))
    return end_measurement(random, now);
  // Where more run than it allows it has just come down.
  if (taken == limit()) step(1, now);
}

}  // namespace sovmesh::routing
