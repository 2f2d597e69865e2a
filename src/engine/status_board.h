#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "engine/engine.h"
#include "rt/event.h"
#include "rt/loop.h"
#include "rt/task.h"

namespace sovmesh::engine {

// An engine's state as other threads see it, and the requests that wait for it to become ready.
// The engine's own loop writes; any loop reads and waits. Waiters are as many as requests in
// flight, which the gateway bounds.
class StatusBoard {
 public:
  explicit StatusBoard(const Clock& clock);

  struct Change {
    State state = State::stopped;
    std::string reason;  // why it is not ready, in words: for operators, not for clients
    std::optional<int> pid;
    // Waiting is in vain: waiters fail at once with Code::no_healthy_backend.
    bool hopeless = false;
    // When another attempt makes sense; becomes Retry-After.
    std::optional<std::chrono::milliseconds> retry_after;
  };
  void set(Change change);
  // Out of service it is not ready whatever set() says, waiters fail at once, and begin_start()
  // refuses; what set() says holds again afterwards.
  void set_out_of_service(bool is_out);
  // stopped -> starting, for exactly one of all who ask at once: that one starts the engine.
  bool begin_start();
  // A new process: what its predecessor had cached is lost.
  void count_start();

  Status status() const;
  // As set() and begin_start() left it, out of service or not.
  State own_state() const;
  // These are read for each request, so without the lock.
  bool is_ready() const { return ready_.load(std::memory_order_acquire); }
  bool is_out_of_service() const { return is_out_.load(std::memory_order_acquire); }
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

  // Waits on `loop` (the caller's) until the state is ready. At the deadline Code::model_loading
  // with Retry-After, or Code::no_healthy_backend when it is not loading but broken.
  rt::Task<Result<void>> wait_ready(rt::Loop& loop, rt::Until until);

 private:
  struct Waiter {
    explicit Waiter(rt::Loop& l) : loop(l), changed(l) {}
    rt::Loop& loop;
    rt::Event changed;  // touched on `loop` only
  };
  struct Shared {
    Change change;
    bool is_out = false;
    WallTime since{};
    int starts = 0;
    std::vector<std::shared_ptr<Waiter>> waiters;
  };
  // change(shared) under the lock; then whoever waits looks again.
  template <class F>
  void alter(F&& change);
  static State shown(const Shared& shared);
  static std::optional<Result<void>> verdict(const Shared& shared);
  static Error not_ready(const Shared& shared);

  const Clock& clock_;
  mutable Guarded<Shared> shared_;
  std::atomic<bool> ready_{false};
  std::atomic<bool> is_out_{false};
  std::atomic<std::uint64_t> generation_{0};
};

}  // namespace sovmesh::engine
