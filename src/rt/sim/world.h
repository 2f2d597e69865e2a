#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/random.h"
#include "rt/loop.h"
#include "rt/task.h"

namespace sovmesh::rt::sim {

class SimWorld;
class Wire;

// Time that stands until the world moves it. The wall clock can be set apart from it.
class SimClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  WallTime wall_now() const override {
    return kFirstWall + wall_offset_ +
           std::chrono::floor<std::chrono::microseconds>(now_ - kFirstInstant);
  }

 private:
  friend class SimWorld;
  // Not zero, so that "an hour ago" is a valid Instant.
  static constexpr Instant kFirstInstant{std::chrono::hours(100)};
  static constexpr WallTime kFirstWall{std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)};

  Instant now_ = kFirstInstant;
  std::chrono::microseconds wall_offset_{};
};

// The same bytes for the same seed (splitmix64). Any thread, but only one keeps the order.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<unsigned char> out) override;

 private:
  Guarded<std::uint64_t> state_;
};

// A worker of the simulated machine. Everything is on the thread that runs the world.
class SimLoop final : public Loop {
 public:
  ~SimLoop() override { mark_ended(true); }
  void post(std::move_only_function<void()> work) override { posted_.push_back(std::move(work)); }
  // This loop runs nothing any more; the world goes on without it.
  void stop() override { mark_ended(true); }

 private:
  friend class SimWorld;
  explicit SimLoop(const Clock& clock) : Loop(clock) {}
  bool turn();  // says whether there was anything to do

  std::vector<std::move_only_function<void()>> posted_;
};

// A machine in which time passes only when nothing is left to do at the present moment. Everything
// that happens follows from the seed and from what the test does: ready coroutines run first, then
// due timers, then the next simulated event, and when all of that is done the clock jumps to the
// next timer or event. One thread; destroy what lives in the world before the world.
class SimWorld {
 public:
  static constexpr std::size_t kLogBytesMax = 64U << 20;  // later lines are dropped and counted
  static constexpr std::chrono::hours kIdleLimit{24};

  explicit SimWorld(std::uint64_t seed);
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  const Clock& clock() const { return clock_; }
  Instant now() const { return clock_.now(); }
  // For the code under test. What the world itself decides comes from chaos(), so that one more
  // draw in the product does not change the weather.
  Random& random() { return random_; }
  Random& chaos() { return chaos_; }
  SimLoop& loop() { return *loops_.front(); }
  // One more worker; it lives as long as the world, unless it is removed.
  SimLoop& add_loop();
  void remove_loop(SimLoop& loop);  // not from within that loop
  Wire& wire() { return *wire_; }

  // Runs `work` at that time (at once when it has passed), in the order of time and then of calls.
  void at(Instant when, std::move_only_function<void()> work);
  void after(std::chrono::nanoseconds delay, std::move_only_function<void()> work) {
    at(now() + delay, std::move(work));
  }
  // Uniform between the two, from chaos().
  std::chrono::nanoseconds random_delay(std::chrono::nanoseconds min, std::chrono::nanoseconds max);
  // The wall clock jumps, as after a bad NTP server; timers do not notice.
  void jump_wall(std::chrono::microseconds by);

  // "12.000345678 text": seconds since the world began.
  void note(std::string_view text);
  const std::string& log() const { return log_; }
  std::size_t log_lines_dropped() const { return log_lines_dropped_; }

  // Goes on until nothing is ready, armed or scheduled; false when that takes longer than `limit`.
  bool run_until_idle(std::chrono::nanoseconds limit = kIdleLimit);
  // Lets exactly this much time pass.
  void run_for(std::chrono::nanoseconds duration);
  // Goes on until `reached` holds (asked after each step); false when it never did within `limit`.
  bool run_until(const std::function<bool()>& reached, std::chrono::nanoseconds limit);
  // Runs one task to its end and returns its value. A task that has not ended after `limit` is a
  // std::runtime_error: the test fails with it.
  template <class T>
  T run(Task<T> task, std::chrono::nanoseconds limit = std::chrono::minutes(10)) {
    task.start();
    if (!run_until([&task] { return task.done(); }, limit))
      throw std::runtime_error("the task did not end in time");
    return task.result();
  }
  // No loop runs anything any more: groups may be destroyed with unfinished tasks.
  void end();

  std::size_t pending_events() const { return events_.size(); }
  std::size_t armed_timers() const;

 private:
  struct Event {
    Instant when;
    std::uint64_t order;
    std::move_only_function<void()> work;
    // For a heap with the earliest at its front.
    friend bool operator<(const Event& a, const Event& b) {
      return a.when != b.when ? a.when > b.when : a.order > b.order;
    }
  };
  bool step(Instant end);  // false when nothing is left to do until `end`
  bool turn_loops();
  bool run_due_event();
  std::optional<Instant> next_time() const;

  SimClock clock_;
  SeededRandom random_;
  SeededRandom chaos_;
  std::string log_;
  std::size_t log_lines_dropped_ = 0;
  std::vector<std::unique_ptr<SimLoop>> loops_;
  std::unique_ptr<Wire> wire_;
  std::uint64_t scheduled_ = 0;
  std::uint64_t turns_at_this_time_ = 0;
  bool ending_ = false;
  std::vector<Event> events_;  // a heap
};

}  // namespace sovmesh::rt::sim
