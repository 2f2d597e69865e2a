#pragma once

#include <coroutine>
#include <cstdint>
#include <initializer_list>

#include "base/clock.h"
#include "base/result.h"
#include "rt/timer_wheel.h"

namespace sovmesh::rt {

class Loop;
class Event;

// When a wait ends by itself. Every wait has one; `never()` is for accept loops and the like, whose
// end is a cancellation.
class Deadline {
 public:
  static Deadline at(Instant when) { return Deadline(when); }
  static Deadline never() { return Deadline(Instant::max()); }
  Instant when() const { return when_; }
  bool is_never() const { return when_ == Instant::max(); }
  Deadline earlier(Deadline other) const { return when_ < other.when_ ? *this : other; }
  bool passed(Instant now) const { return now >= when_; }

 private:
  explicit Deadline(Instant when) : when_(when) {}
  Instant when_;
};

// Why a wait ended. When several reasons hold at once the order is cancelled, ready, timed_out.
enum class Wake : std::uint8_t { ready, timed_out, cancelled };

// Limits of a wait: its deadline, and a cancellation (an Event that stays set) or none.
struct Until {
  Deadline deadline;
  Event* cancelled = nullptr;
};

// A level-triggered flag that coroutines of one worker wait for. set() wakes all waiters (they
// resume from the loop, in the order they began to wait, never inside set()) and stays set until
// clear(). Not thread safe: other threads go through Loop::post.
//
//   socket drained           client gone             request finished
//   readable.clear() ...     gone.set()              done.set()
class Event {
 public:
  explicit Event(Loop& loop) : loop_(loop) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event();

  bool is_set() const { return (head_and_set_ & 1) != 0; }
  void set();
  void clear() { head_and_set_ &= ~std::uintptr_t{1}; }
  Loop& loop() const { return loop_; }

  class Wait;
  // co_await event.wait({deadline, &cancelled}) -> Wake. Suspends only when nothing holds yet.
  Wait wait(Until until);

 private:
  friend class Wait;
  // Membership of one waiter in one event's list, which is a ring. Each wait has two: what it waits
  // for and what cancels it. A connection has some nine events and a wait or two, so flags share a
  // word with a pointer.
  struct Link {
    Link(Event* e, bool cancels)
        : event_and_kind(reinterpret_cast<std::uintptr_t>(e) | (cancels ? 1U : 0U)) {}
    Event* event() const {
      // NOLINTNEXTLINE(performance-no-int-to-ptr): what the shared word is for
      return reinterpret_cast<Event*>(event_and_kind & ~std::uintptr_t{1});
    }
    bool cancels() const { return (event_and_kind & 1) != 0; }
    bool is_linked() const { return next != nullptr; }

    std::uintptr_t event_and_kind;
    Link* previous = nullptr;
    Link* next = nullptr;
  };
  struct Awaited : Link {
    explicit Awaited(Event& event) : Link(&event, false) {}
  };
  struct Cancelling : Link {
    explicit Cancelling(Event* event) : Link(event, true) {}
  };
  void attach(Link& link);
  void detach(Link& link);
  void wake_all();
  Link* head() const {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): what the shared word is for
    return reinterpret_cast<Link*>(head_and_set_ & ~std::uintptr_t{1});
  }
  void set_head(Link* head) {
    head_and_set_ = reinterpret_cast<std::uintptr_t>(head) | (head_and_set_ & 1);
  }

  Loop& loop_;
  std::uintptr_t head_and_set_ = 0;  // the first waiter, and whether it is set
};

// The awaitable. Lives in the waiting coroutine's frame; leaving scope unlinks it from everything.
class Event::Wait : Awaited, Cancelling, Timer {
 public:
  Wait(Event& event, Until until);
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait();

  bool await_ready();
  void await_suspend(std::coroutine_handle<> handle);
  Wake await_resume();

 private:
  friend class Event;
  static void timer_fired(Timer& timer);
  void finish(Wake wake);
  void unlink();

  Wake wake_ = Wake::ready;
  bool queued_ = false;  // resumption is in the loop's ready queue
  Loop& loop_;           // a wait may outlive its event
  std::coroutine_handle<> handle_;
};

inline Event::Wait Event::wait(Until until) { return Wait(*this, until); }

// Turns the end of a wait into a Result: timed_out and cancelled become errors with that code.
Result<void> to_result(Wake wake, std::string_view what);

// co_await sleep(loop, until): waits for the deadline; false when the cancellation came first.
class Sleep {
 public:
  Sleep(Loop& loop, Until until) : never_(loop), wait_(never_, until) {}
  bool await_ready() { return wait_.await_ready(); }
  void await_suspend(std::coroutine_handle<> handle) { wait_.await_suspend(handle); }
  bool await_resume() { return wait_.await_resume() != Wake::cancelled; }

 private:
  Event never_;
  Event::Wait wait_;
};
inline Sleep sleep(Loop& loop, Until until) { return Sleep(loop, until); }

}  // namespace sovmesh::rt
