#pragma once

#include <coroutine>
#include <cstddef>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "rt/event.h"
#include "rt/timer_wheel.h"

namespace sovmesh::rt {

// One worker: runs ready coroutines, then timers, then waits for the outside world. Everything
// except post() is for the worker's own thread. Two implementations: EpollLoop (real) and
// sim::SimLoop.
class Loop {
 public:
  // Wakes and scratch memory are per loop, so nothing here is shared between workers.
  static constexpr std::size_t kScratchBytes = std::size_t{64} * 1024;

  virtual ~Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  const Clock& clock() const { return clock_; }
  // The time this turn of the loop began: one clock read per turn, good enough for deadlines.
  Instant now() const { return turn_began_; }
  Deadline in(std::chrono::milliseconds delay) const { return Deadline::at(now() + delay); }
  TimerWheel& timers() { return timers_; }

  // Resumes `handle` in a later step of the same turn; first in, first out.
  void ready(std::coroutine_handle<> handle) { ready_.push_back(handle); }
  // Forgets a handle that was made ready and not yet resumed (its frame is about to go).
  void forget(std::coroutine_handle<> handle);

  // Runs `work` on this loop's thread. Any thread may call it, also after run() has returned (then
  // `work` is destroyed unrun with the loop).
  virtual void post(std::move_only_function<void()> work) = 0;
  // Makes run() return after the current turn. Any thread.
  virtual void stop() = 0;

  // True once nothing will run on this loop any more: groups may then destroy unfinished tasks.
  bool has_ended() const { return ended_; }

  // The read buffer that all connections of this worker share: filled and used up within one
  // synchronous step, never across a co_await.
  std::span<char> scratch() { return scratch_; }

 protected:
  explicit Loop(const Clock& clock)
      : clock_(clock), turn_began_(clock.now()), timers_(turn_began_), scratch_(kScratchBytes) {}
  void begin_turn() { turn_began_ = clock_.now(); }
  // Resumes what is ready now and what becomes ready meanwhile.
  void run_ready();
  bool has_ready() const { return !ready_.empty(); }
  // Implementations call it when run() returns and when they are destroyed.
  void mark_ended(bool ended) { ended_ = ended; }

 private:
  const Clock& clock_;
  Instant turn_began_;
  TimerWheel timers_;
  std::deque<std::coroutine_handle<>> ready_;
  std::vector<char> scratch_;
  bool ended_ = false;
};

}  // namespace sovmesh::rt
