#include "fairness/drain_rate.h"

namespace sovmesh::fairness {
namespace {

double micros(Instant::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

}  // namespace

void DrainRate::advance(bool is_waiting, Instant now) {
  if (is_waiting_ && now > at_) {
    part_time_ += micros(now - at_);
    if (part_time_ >= micros(kPart)) {
      // A long part counts by its length, so that rare calls do not keep what is old.
      const bool is_long = part_time_ >= 10 * micros(kPart);
      cost_ = (is_long ? 0 : cost_ * kKeep) + part_cost_;
      time_ = (is_long ? 0 : time_ * kKeep) + part_time_;
      part_cost_ = part_time_ = 0;
    }
  }
  at_ = now;
  is_waiting_ = is_waiting;
}

std::optional<double> DrainRate::rate() const {
  const double time = time_ + part_time_;
  const double cost = cost_ + part_cost_;
  if (time < micros(kMeasured) || cost <= 0) return std::nullopt;
  return cost / time;
}

}  // namespace sovmesh::fairness
