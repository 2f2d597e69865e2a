#pragma once

#include <chrono>

namespace sovmesh {

// Monotonic: for timers, deadlines and durations.
using Instant = std::chrono::steady_clock::time_point;
// Wall clock, UTC: for records and for what other people date (certificates, tokens), never for
// timers.
using WallTime = std::chrono::sys_time<std::chrono::microseconds>;

// The only source of "now". Anything that schedules, expires or refills takes a Clock or an
// Instant.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall_now() const = 0;
};

}  // namespace sovmesh
