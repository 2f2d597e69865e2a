#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "rt/event.h"
#include "rt/sim/world.h"
#include "rt/task.h"
#include "rt/task_group.h"
#include "rt/test_loop.h"

namespace sovmesh::rt {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kEvents = 4;
constexpr std::size_t kWaiters = 12;

struct Seen {
  std::size_t who;
  Wake wake;
  friend bool operator==(const Seen&, const Seen&) = default;
};
std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << seen.who << ":" << static_cast<int>(seen.wake);
}

// What the contract in event.h says, without lists, handles and timers.
struct Expected {
  bool waiting = false;
  std::optional<Wake> woken;  // queued for this reason
  std::uint64_t queued_at = 0;
  std::uint64_t began = 0;
  std::size_t event = 0;
  std::optional<std::size_t> cancel;
  Deadline deadline = Deadline::never();
};

class EventModel {
 public:
  explicit EventModel(std::uint64_t seed) : random_(seed) {
    for (auto& event : events_)
      event = std::make_unique<Event>(loop_);
  }

  void step() {
    switch (random_.below(10)) {
      case 0:
      case 1:
      case 2:
        return begin_wait(random_.below(kWaiters));
      case 3:
      case 4:
        return set(random_.below(kEvents));
      case 5:
      case 6:
        return events_[random_.below(kEvents)]->clear();
      case 7:
        return drop(random_.below(kWaiters));
      default:
        return settle(random_.below(3) == 0 ? std::chrono::milliseconds(random_.below(30)) : 0ms);
    }
  }
  std::size_t linked_timers() { return loop_.timers().size(); }
  std::size_t expected_timers() const {
    return static_cast<std::size_t>(std::ranges::count_if(expected_, [](const Expected& e) {
      return e.waiting && !e.woken && !e.deadline.is_never();
    }));
  }

 private:
  static Task<void> wait(Event& event, Until until, std::size_t who, std::vector<Seen>& seen) {
    const Wake wake = co_await event.wait(until);
    seen.push_back({who, wake});
  }

  void begin_wait(std::size_t who) {
    Expected& e = expected_[who];
    if (e.waiting) return;
    e = Expected{.began = ++clock_ticks_, .event = random_.below(kEvents)};
    if (random_.below(2) == 0) e.cancel = random_.below(kEvents);
    if (random_.below(2) == 0) e.deadline = loop_.in(std::chrono::milliseconds(random_.below(40)));
    Event* const cancelled = e.cancel ? events_[*e.cancel].get() : nullptr;
    seen_.clear();
    tasks_[who] = wait(*events_[e.event], {e.deadline, cancelled}, who, seen_);
    tasks_[who].start();
    std::optional<Wake> at_once;
    if (e.deadline.passed(loop_.now())) at_once = Wake::timed_out;
    if (events_[e.event]->is_set()) at_once = Wake::ready;
    if (e.cancel && events_[*e.cancel]->is_set()) at_once = Wake::cancelled;
    e.waiting = !at_once;
    if (at_once) {
      EXPECT_EQ(seen_, (std::vector<Seen>{{who, *at_once}}));
    } else {
      EXPECT_TRUE(seen_.empty());
    }
  }

  void wake(Expected& e, Wake reason) {
    if (!e.woken) {
      e.woken = reason;
      e.queued_at = ++clock_ticks_;
    } else if (reason == Wake::cancelled || *e.woken == Wake::timed_out) {
      e.woken = reason;
    }
  }

  void set(std::size_t which) {
    const bool was_set = events_[which]->is_set();
    seen_.clear();
    events_[which]->set();
    EXPECT_TRUE(seen_.empty()) << "nothing resumes inside set()";
    if (was_set) return;
    for (Expected* e : in_order_of_waiting()) {
      if (e->event == which) wake(*e, Wake::ready);
      if (e->cancel == which) wake(*e, Wake::cancelled);
    }
  }

  std::vector<Expected*> in_order_of_waiting() {
    std::vector<Expected*> waiting;
    for (Expected& e : expected_) {
      if (e.waiting) waiting.push_back(&e);
    }
    std::ranges::sort(waiting, {}, &Expected::began);
    return waiting;
  }

  void drop(std::size_t who) {
    tasks_[who] = Task<void>();
    expected_[who] = Expected{};
  }

  void settle(std::chrono::milliseconds passing) {
    seen_.clear();
    loop_.settle();  // what was queued runs first, then the timers
    check_resumed();
    const Instant end = clock_.now() + passing;
    std::vector<Expected*> late;
    for (Expected* e : in_order_of_waiting()) {
      if (e->deadline.passed(end)) late.push_back(e);
    }
    std::ranges::sort(late, {},
                      [](const Expected* e) { return std::pair(e->deadline.when(), e->began); });
    for (Expected* e : late)
      wake(*e, Wake::timed_out);
    seen_.clear();
    loop_.pass(passing);
    check_resumed();
  }

  void check_resumed() {
    std::vector<std::pair<std::uint64_t, Seen>> queued;
    for (std::size_t who = 0; who < kWaiters; ++who) {
      Expected& e = expected_[who];
      if (!e.woken) continue;
      queued.push_back({e.queued_at, {who, *e.woken}});
      e = Expected{};
    }
    std::ranges::sort(queued, {}, &std::pair<std::uint64_t, Seen>::first);
    std::vector<Seen> want;
    for (const auto& [order, seen] : queued)
      want.push_back(seen);
    EXPECT_EQ(seen_, want);
  }

  sim::SeededRandom random_;
  ManualClock clock_;
  TestLoop loop_{clock_};
  std::array<std::unique_ptr<Event>, kEvents> events_;
  std::array<Task<void>, kWaiters> tasks_;
  std::array<Expected, kWaiters> expected_{};
  std::vector<Seen> seen_;
  std::uint64_t clock_ticks_ = 0;
};

TEST(EventModel, AnyOrderOfSettingClearingWaitingAndDestroyingFitsTheContract) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    EventModel model(seed);
    for (int step = 0; step < 300; ++step) {
      model.step();
      ASSERT_EQ(model.linked_timers(), model.expected_timers()) << seed << "/" << step;
      ASSERT_FALSE(testing::Test::HasFailure()) << seed << "/" << step;
    }
  }
}

// Exceptions at every depth and moment, while frames below own things that must be released.
class Escapes : public testing::Test {
 protected:
  static int escaped;
  void SetUp() override {
    escaped = 0;
    TaskGroup::set_on_escape([](std::exception_ptr) { ++escaped; });
  }
  void TearDown() override { TaskGroup::set_on_escape(nullptr); }

  static Task<void> dig(Event& go, int depth, std::shared_ptr<int> token) {
    const std::shared_ptr<int> mine = token;
    if (depth == 0) {
      co_await go.wait({Deadline::never(), nullptr});
      throw *mine;
    }
    co_await dig(go, depth - 1, std::move(token));
  }
  static Task<void> recover(Event& go, std::shared_ptr<int> token, int& caught) {
    try {
      co_await dig(go, 3, token);
    } catch (const int value) {
      caught = value;
    }
    co_await go.wait({Deadline::never(), nullptr});
    throw std::runtime_error("second");
  }
  static Task<void> spawn_and_throw(TaskGroup& group, Event& go, std::shared_ptr<int> token) {
    group.spawn(dig(go, 1, token));
    throw *token;
    co_return;
  }
};
int Escapes::escaped = 0;

TEST_F(Escapes, UnwindEveryFrameOfTheTaskAndNothingElse) {
  ManualClock clock;
  TestLoop loop(clock);
  Event go(loop);
  const auto token = std::make_shared<int>(17);
  int caught = 0;
  {
    TaskGroup group(loop, 10);
    group.spawn(dig(go, 5, token));
    group.spawn(recover(go, token, caught));
    group.spawn(spawn_and_throw(group, go, token));
    EXPECT_EQ(escaped, 1);
    EXPECT_EQ(group.size(), 3U);
    go.set();
    loop.settle();
    EXPECT_EQ(group.size(), 0U);
    EXPECT_TRUE(group.join({Deadline::never(), nullptr}).valid());
  }
  EXPECT_EQ(caught, 17);
  EXPECT_EQ(escaped, 4);
  EXPECT_EQ(token.use_count(), 1);
}

TEST(EscapesByDefault, AreWrittenToStandardError) {
  const auto fail_with = [](bool known) -> Task<void> {
    if (known) throw std::runtime_error("disk on fire");
    throw 1;
    co_return;
  };
  ManualClock clock;
  TestLoop loop(clock);
  TaskGroup group(loop, 1);
  testing::internal::CaptureStderr();
  group.spawn(fail_with(true));
  group.spawn(fail_with(false));
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "a task ended with an exception: disk on fire\n"
            "a task ended with an unknown exception\n");
}

}  // namespace
}  // namespace sovmesh::rt
