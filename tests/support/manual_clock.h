#pragma once

#include <chrono>

#include "base/clock.h"

namespace sovmesh {

// Stands still until a test moves it.
class ManualClock : public Clock {
 public:
  Instant now() const override { return now_; }
  WallTime wall_now() const override { return wall_now_; }

  void advance(std::chrono::microseconds by) {
    now_ += by;
    wall_now_ += by;
  }
  // An administrator sets the clock: wall time moves, monotonic time does not.
  void jump_wall(std::chrono::microseconds by) { wall_now_ += by; }

 private:
  Instant now_{std::chrono::hours(1)};  // not the epoch: tests may look into the past
  WallTime wall_now_{std::chrono::sys_days(std::chrono::year(2030) / 1 / 15)};
};

}  // namespace sovmesh
