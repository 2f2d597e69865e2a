#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <utility>

#include "base/clock.h"
#include "rt/loop.h"

namespace sovmesh::rt {

// The smallest loop, for tests of the primitives: time stands until pass() moves it.
class ManualClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  WallTime wall_now() const override { return WallTime{}; }
  void set(Instant now) { now_ = now; }

 private:
  Instant now_{};
};

class TestLoop final : public Loop {
 public:
  explicit TestLoop(ManualClock& clock) : Loop(clock), manual_(clock) {}
  ~TestLoop() override { mark_ended(true); }

  void post(std::move_only_function<void()> work) override { posted_.push_back(std::move(work)); }
  void stop() override {}
  void end() { mark_ended(true); }  // from now on groups may destroy unfinished tasks

  // Runs everything that can run without the passing of time.
  void settle() {
    begin_turn();
    do {
      while (!posted_.empty()) {
        auto work = std::move(posted_.front());
        posted_.pop_front();
        work();
      }
      timers().advance(now());
      run_ready();
    } while (!posted_.empty());
  }
  // Goes from timer to timer, as a real loop would, until `duration` is over.
  void pass(std::chrono::nanoseconds duration) {
    const Instant end = manual_.now() + duration;
    settle();
    for (auto next = timers().next(); next && *next < end; next = timers().next()) {
      manual_.set(*next);
      settle();
    }
    manual_.set(end);
    settle();
  }

 private:
  ManualClock& manual_;
  std::deque<std::move_only_function<void()>> posted_;
};

}  // namespace sovmesh::rt
