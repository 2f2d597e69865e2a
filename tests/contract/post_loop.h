#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <utility>

#include "base/guarded.h"
#include "rt/loop.h"
#include "rt/semaphore.h"

namespace sovmesh {

// A loop without sockets, for tests with real threads: runs what other threads post.
class PostLoop : public rt::Loop {
 public:
  static constexpr std::chrono::seconds kPatience{20};

  explicit PostLoop(const Clock& clock) : Loop(clock) {}
  ~PostLoop() override { mark_ended(true); }

  void post(std::move_only_function<void()> work) override {
    posted_.with([&](Queue& queue) { queue.push_back(std::move(work)); });
    called_.release();
  }
  void stop() override {}

  // False when nothing came for a long time.
  bool run_until(const std::function<bool()>& reached) {
    for (;;) {
      begin_turn();
      run_posted();
      timers().advance(now());
      run_ready();
      if (reached()) return true;
      if (!called_.acquire_until(clock().now() + kPatience)) return false;
    }
  }

 private:
  using Queue = std::deque<std::move_only_function<void()>>;
  void run_posted() {
    Queue taken;
    posted_.with([&](Queue& queue) { taken.swap(queue); });
    for (auto& work : taken)
      work();
  }
  Guarded<Queue> posted_;
  rt::Semaphore called_;
};

}  // namespace sovmesh
