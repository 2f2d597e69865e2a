#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <vector>

#include "rt/blocking.h"
#include "rt/sim/world.h"

namespace sovmesh::rt::sim {

// Runs work as a few threads would: in order of arrival, each piece at the end of a seeded delay.
// With one thread pieces never overtake each other.
class SimBlockingPool final : public BlockingPool {
 public:
  SimBlockingPool(SimWorld& world, std::size_t threads, std::size_t queue_max)
      : world_(world), queue_max_(queue_max), free_at_(threads, world.now()) {}

  bool submit(std::move_only_function<void()> work) override;
  // How long one piece takes from now on.
  void set_delay(std::chrono::nanoseconds min, std::chrono::nanoseconds max);
  std::size_t waiting() const { return waiting_; }  // submitted and not yet run

 private:
  SimWorld& world_;
  std::size_t queue_max_;
  std::chrono::nanoseconds delay_min_ = std::chrono::microseconds(50);
  std::chrono::nanoseconds delay_max_ = std::chrono::milliseconds(5);
  std::vector<Instant> free_at_;  // by thread
  std::size_t waiting_ = 0;
};

}  // namespace sovmesh::rt::sim
