#include "rt/sim/blocking.h"

#include <algorithm>
#include <utility>

namespace sovmesh::rt::sim {

bool SimBlockingPool::submit(std::move_only_function<void()> work) {
  if (waiting_ >= queue_max_) return false;
  ++waiting_;
  Instant& thread = *std::ranges::min_element(free_at_);
  thread = std::max(thread, world_.now()) + world_.random_delay(delay_min_, delay_max_);
  world_.at(thread, [this, work = std::move(work)]() mutable {
    --waiting_;
    work();
  });
  return true;
}

void SimBlockingPool::set_delay(std::chrono::nanoseconds min, std::chrono::nanoseconds max) {
  delay_min_ = min;
  delay_max_ = max;
}

}  // namespace sovmesh::rt::sim
