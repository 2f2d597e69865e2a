#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace sovmesh::rt {

class TimerWheel;

// One pending expiry, owned by whoever waits; arming and disarming are O(1) and never allocate.
class Timer {
 public:
  using Fired = void (*)(Timer&);
  explicit Timer(Fired fired) : fired_(fired) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { disarm(); }

  bool armed() const { return wheel_ != nullptr; }
  Instant expiry() const { return expiry_; }
  void disarm();

 private:
  friend class TimerWheel;
  Fired fired_;
  TimerWheel* wheel_ = nullptr;
  Timer* previous_ = nullptr;
  Timer* next_ = nullptr;
  Instant expiry_{};
  std::uint16_t slot_ = 0;
};

// Hierarchical wheel, four levels of 64 slots, tick 4 ms: the whole range is about 18 h, longer
// waits are kept in the last slot and placed again. Fires a timer never before its expiry and at
// most one tick (plus the caller's own lateness) after it. Timers that expire in the same tick fire
// in the order of their expiry, then in the order they were armed. One thread.
class TimerWheel {
 public:
  static constexpr std::chrono::milliseconds kTick{4};

  explicit TimerWheel(Instant start);
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  void arm(Timer& timer, Instant expiry);  // re-arms when armed already
  void disarm(Timer& timer);
  // Fires everything with expiry <= now. A fired timer is disarmed before its function runs; the
  // function may arm and disarm any timer.
  void advance(Instant now);
  // No timer fires before this; may be early (a slot boundary), never late. Nothing when idle.
  std::optional<Instant> next() const;
  std::size_t size() const { return size_; }

 private:
  static constexpr unsigned kLevels = 4;
  static constexpr unsigned kSlots = 64;
  struct List {
    Timer* head = nullptr;
    Timer* tail = nullptr;
  };
  void place(Timer& timer);
  void unlink(Timer& timer);
  std::uint64_t tick_of(Instant at) const;  // rounded up

  Instant start_;
  std::uint64_t current_ = 0;  // every tick <= current_ has been fired
  std::array<List, kLevels * kSlots> slots_{};
  std::array<std::uint64_t, kLevels> occupied_{};
  std::size_t size_ = 0;
};

}  // namespace sovmesh::rt
