#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "limits/limit.h"

namespace sovmesh::limits {

// What was used of one window: plain arithmetic, no lock. Each call says which time it is; that may
// be earlier than the last (workers race, clocks are set), and then:
// - nothing that was used becomes free again by it, and
// - once time runs again, the wait is that of the window that really contains it.
//
// Calendar windows: usage belongs to the window that contains `now`. A step back enters an older
// window with at least what the one left behind had used. The window with the latest beginning is
// remembered, and the one left last: when time comes there again, its usage is there again.
// Rolling windows: up to one window back, an earlier time is read as the latest one. A longer step
// back moves all that is used to `now`; when time comes again to where it was, it is there again.
class WindowUsage {
 public:
  // Rolling windows are kept in this many parts. What was used is free again one window later at
  // the earliest and one part after that at the latest: never too early.
  static constexpr std::int64_t kParts = 64;

  WindowUsage(Window window, Alignment alignment, TimeZone zone);

  void move_to(WallTime now) {
    if (now >= begin_ && now < end_) return;  // nearly always
    move(now);
  }
  // These are about the time of the last move_to().
  std::int64_t used() const { return used_; }
  void add(std::int64_t amount);
  // Gives back what was added at `added_at`, as far as it still counts.
  void take_back(std::int64_t amount, WallTime added_at);
  // Usage from before counting began.
  void add_past(std::int64_t amount, WallTime at);

  // When at least `amount` of what is used will be free, or all of it if it is less. Nothing:
  // never.
  std::optional<WallTime> free_at(std::int64_t amount) const;
  std::optional<WallTime> window_start(WallTime now) const;
  // Calendar: the end of the window. Rolling: when nothing counts any more, if something does.
  std::optional<WallTime> reset_at() const;
  // Tells windows apart; the same for all of a rolling one.
  WallTime window_id() const { return is_rolling() ? WallTime() : begin_; }
  std::chrono::microseconds rolling_length() const { return part_ * kParts; }
  bool is_rolling() const { return part_.count() != 0; }
  bool is_endless() const { return window_ == Window::lifetime || window_ == Window::none; }
  // Nothing that counts now or could count again.
  bool is_over(WallTime now) const;

 private:
  struct Past {
    TimeZone::Period period;
    std::int64_t used = 0;
  };
  using Parts = std::array<std::int64_t, static_cast<std::size_t>(kParts) + 1>;

  void move(WallTime now);
  void move_calendar(WallTime now);
  void move_rolling(WallTime now);
  void go_back_to(std::int64_t index);
  void go_on_to(std::int64_t index);
  void remember(const Past& left);
  std::int64_t part_of(WallTime time) const;
  std::int64_t& part(std::int64_t index) const;
  WallTime free_at_part(std::int64_t index) const;

  // The window, or of a rolling one the newest part: while `now` is inside, nothing changes.
  WallTime begin_{};
  WallTime end_{};
  std::int64_t used_ = 0;
  Window window_;
  TimeZone zone_;
  // Calendar: what was left last, and the latest of all when that is another.
  std::array<std::optional<Past>, 2> past_;
  // Rolling.
  std::chrono::microseconds part_{0};
  std::int64_t newest_ = 0;
  struct Ahead {  // what a step back left behind
    std::int64_t newest = 0;
    std::int64_t used = 0;
  };
  std::optional<Ahead> ahead_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace sovmesh::limits
