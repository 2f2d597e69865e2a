#include "rt/event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

#include "rt/task.h"
#include "rt/test_loop.h"

namespace sovmesh::rt {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

struct Seen {
  int who;
  Wake wake;
  friend bool operator==(const Seen&, const Seen&) = default;
};

class EventTest : public testing::Test {
 protected:
  static Task<void> wait(Event& event, Until until, int who, std::vector<Seen>& seen) {
    const Wake wake = co_await event.wait(until);
    seen.push_back({who, wake});
  }
  static Task<void> sleeper(Loop& loop, Until until, std::optional<bool>& whole) {
    whole = co_await sleep(loop, until);
  }
  Task<void> waiting(int who, Until until) { return waiting_for(event_, who, until); }
  Task<void> waiting_for(Event& event, int who, Until until) {
    Task<void> task = wait(event, until, who, seen_);
    task.start();
    return task;
  }
  Until never() { return {Deadline::never(), nullptr}; }
  Until in(std::chrono::milliseconds delay) { return {loop_.in(delay), nullptr}; }

  ManualClock clock_;
  TestLoop loop_{clock_};
  Event event_{loop_};
  Event cancel_{loop_};
  std::vector<Seen> seen_;
};

TEST_F(EventTest, WakesInTheOrderOfWaitingAndNeverInsideSet) {
  const Task<void> first = waiting(1, never());
  const Task<void> second = waiting(2, in(1s));
  const Task<void> third = waiting(3, never());
  event_.set();
  EXPECT_THAT(seen_, ElementsAre());
  loop_.settle();
  EXPECT_THAT(seen_, ElementsAre(Seen{1, Wake::ready}, Seen{2, Wake::ready}, Seen{3, Wake::ready}));
  EXPECT_EQ(loop_.timers().size(), 0U);
}

TEST_F(EventTest, DoesNotSuspendWhenItIsSet) {
  event_.set();
  const Task<void> task = waiting(1, never());
  EXPECT_TRUE(task.done());
  EXPECT_TRUE(event_.is_set()) << "it stays set until clear()";
}

TEST_F(EventTest, ReasonsThatHoldAtOnceHaveAnOrder) {
  event_.set();
  cancel_.set();
  const Task<void> all = waiting(1, {loop_.in(0ms), &cancel_});
  cancel_.clear();
  const Task<void> late_and_ready = waiting(2, {loop_.in(0ms), &cancel_});
  event_.clear();
  const Task<void> late = waiting(3, {loop_.in(0ms), &cancel_});
  EXPECT_THAT(
      seen_, ElementsAre(Seen{1, Wake::cancelled}, Seen{2, Wake::ready}, Seen{3, Wake::timed_out}));
}

TEST_F(EventTest, AStrongerReasonBeforeTheResumptionWins) {
  const Task<void> task = waiting(1, {Deadline::never(), &cancel_});
  event_.set();
  cancel_.set();
  loop_.settle();
  EXPECT_THAT(seen_, ElementsAre(Seen{1, Wake::cancelled}));
}

TEST_F(EventTest, AWeakerReasonBeforeTheResumptionLoses) {
  const Task<void> task = waiting(1, {Deadline::never(), &cancel_});
  cancel_.set();
  event_.set();
  loop_.settle();
  EXPECT_THAT(seen_, ElementsAre(Seen{1, Wake::cancelled}));
}

TEST_F(EventTest, TimesOutNotEarlyAndOnce) {
  const Task<void> task = waiting(1, in(10ms));
  loop_.pass(9'999us);
  EXPECT_THAT(seen_, ElementsAre());
  loop_.pass(4ms);
  EXPECT_THAT(seen_, ElementsAre(Seen{1, Wake::timed_out}));
  event_.set();
  cancel_.set();
  loop_.settle();
  EXPECT_EQ(seen_.size(), 1U);
}

TEST_F(EventTest, CancellationEndsAWait) {
  const Task<void> task = waiting(1, {loop_.in(1s), &cancel_});
  cancel_.set();
  loop_.settle();
  EXPECT_THAT(seen_, ElementsAre(Seen{1, Wake::cancelled}));
  EXPECT_EQ(loop_.timers().size(), 0U);
}

TEST_F(EventTest, AnEventMayBeItsOwnCancellation) {
  const Task<void> task = waiting(1, {Deadline::never(), &event_});
  event_.set();
  loop_.settle();
  EXPECT_THAT(seen_, ElementsAre(Seen{1, Wake::cancelled}));
}

TEST_F(EventTest, DestroyingAWaitingFrameUnlinksIt) {
  std::optional<Task<void>> gone = waiting(1, {loop_.in(1s), &cancel_});
  const Task<void> stays = waiting(2, never());
  gone.reset();
  EXPECT_EQ(loop_.timers().size(), 0U);
  event_.set();
  cancel_.set();
  loop_.settle();
  EXPECT_THAT(seen_, ElementsAre(Seen{2, Wake::ready}));
}

TEST_F(EventTest, DestroyingAQueuedFrameForgetsItsResumption) {
  std::optional<Task<void>> gone = waiting(1, {loop_.in(1s), &cancel_});
  const Task<void> stays = waiting(2, never());
  event_.set();
  gone.reset();
  loop_.settle();
  EXPECT_THAT(seen_, ElementsAre(Seen{2, Wake::ready}));
}

TEST_F(EventTest, AWaiterMayOutliveItsEvent) {
  auto event = std::make_unique<Event>(loop_);
  auto queued_event = std::make_unique<Event>(loop_);
  const Task<void> orphan = waiting_for(*event, 1, in(10ms));
  const Task<void> queued = waiting_for(*queued_event, 2, never());
  queued_event->set();
  event.reset();
  queued_event.reset();
  loop_.pass(20ms);
  EXPECT_THAT(seen_, ElementsAre(Seen{2, Wake::ready}, Seen{1, Wake::timed_out}));
}

TEST_F(EventTest, AWaiterThatWaitsAgainIsWokenAgain) {
  const auto again = [](Event& event, int& rounds) -> Task<void> {
    for (; rounds < 3; ++rounds) {
      co_await event.wait({Deadline::never(), nullptr});
      event.clear();
    }
  };
  int rounds = 0;
  Task<void> task = again(event_, rounds);
  task.start();
  for (int i = 1; i <= 3; ++i) {
    event_.set();
    loop_.settle();
    EXPECT_EQ(rounds, i);
  }
  EXPECT_TRUE(task.done());
}

TEST_F(EventTest, SleepSaysWhetherItSleptToItsEnd) {
  std::optional<bool> whole;
  Task<void> task = sleeper(loop_, {loop_.in(50ms), &cancel_}, whole);
  task.start();
  loop_.pass(49ms);
  EXPECT_EQ(whole, std::nullopt);
  loop_.pass(5ms);
  EXPECT_EQ(whole, true);

  std::optional<bool> cut;
  Task<void> other = sleeper(loop_, {loop_.in(50ms), &cancel_}, cut);
  other.start();
  cancel_.set();
  loop_.settle();
  EXPECT_EQ(cut, false);
}

TEST_F(EventTest, WakesBecomeResults) {
  EXPECT_TRUE(to_result(Wake::ready, "read"));
  EXPECT_EQ(to_result(Wake::timed_out, "read").error().code(), Code::timed_out);
  EXPECT_EQ(to_result(Wake::cancelled, "read").error().code(), Code::cancelled);
  EXPECT_EQ(to_result(Wake::timed_out, "read").error().message(), "read: timed out");
}

}  // namespace
}  // namespace sovmesh::rt
