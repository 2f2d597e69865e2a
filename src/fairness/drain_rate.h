#pragma once

#include <chrono>
#include <optional>

#include "base/clock.h"
#include "fairness/cost.h"

namespace sovmesh::fairness {

// How fast the pool works through what waits: GPU-microseconds charged per microsecond in which
// somebody waited. Time in which nobody waited says nothing about what the pool could do.
// A mean over about the last ten seconds of such time.
class DrainRate {
 public:
  explicit DrainRate(Instant now) : at_(now) {}

  void note_charge(double cost) {
    if (is_waiting_) part_cost_ += cost;
  }
  // Before the state changes, and now and then.
  void advance(bool is_waiting, Instant now);
  // GSE/s; none before kMeasured of waiting have been seen.
  std::optional<double> rate() const;

 private:
  static constexpr std::chrono::seconds kPart{1};
  static constexpr std::chrono::seconds kMeasured{2};
  static constexpr double kKeep = 0.9;  // of what is known, with each part: about ten of them count

  Instant at_;
  bool is_waiting_ = false;
  double part_cost_ = 0, part_time_ = 0;  // microseconds
  double cost_ = 0, time_ = 0;
};

}  // namespace sovmesh::fairness
