#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace sovmesh::rt {

class TimerWheel;

// One pending expiry, owned by whoever waits; arming and disarming are O(1) and never allocate.
class Timer {
 public:
  using Fired = void (*)(Timer&);
  // `expiry`: what expiry() says before it is armed.
  explicit Timer(Fired fired, Instant expiry = {}) : fired_(fired), expiry_(expiry) {}
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
  std::uint64_t order_ = 0;  // of arming
  std::uint16_t slot_ = 0;
};

// Hierarchical wheel, four levels of 64 slots, tick 4 ms: the whole range is about 18 h, longer
// waits are kept in the last slot and placed again. Fires a timer never before its expiry and at
// most one tick (plus the caller's own lateness) after it. Timers fire in the order of their
// expiry, then in the order they were armed. One thread.
//
// A tick is [k * kTick, (k + 1) * kTick) after the start. Only the current tick's slot is sorted;
// every other slot is a plain list until it becomes current.
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
  List& slot(unsigned level, std::uint64_t index) {
    return slots_[std::uint64_t{level} * kSlots + index];
  }
  void place(Timer& timer);
  void append(Timer& timer, unsigned level, std::uint64_t index);
  void sort_in(Timer& timer);
  static bool before(const Timer& a, const Timer& b);
  static Timer* merge_sort(Timer*& rest, std::size_t count);
  static void sort(List& list);
  void unlink(Timer& timer);
  void enter(std::uint64_t tick);
  void fire_current(Instant now);
  std::uint64_t tick_of(Instant at) const;  // rounded down, never before the current one
  Instant start_of(std::uint64_t tick) const;
  // First tick after the current one where a slot of any level begins that has timers.
  std::optional<std::uint64_t> next_tick() const;

  Instant start_;
  // Every tick before it has been fired, and no slot above level 0 that contains it has timers.
  std::uint64_t current_ = 0;
  std::uint64_t armed_ = 0;  // timers ever armed
  std::array<List, std::size_t{kLevels} * kSlots> slots_{};
  std::array<std::uint64_t, kLevels> occupied_{};
  std::size_t size_ = 0;
};

}  // namespace sovmesh::rt
