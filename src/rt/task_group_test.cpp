#include "rt/task_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "rt/test_loop.h"

namespace sovmesh::rt {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

std::vector<std::string>& escaped() {
  static std::vector<std::string> messages;
  return messages;
}

class TaskGroupTest : public testing::Test {
 protected:
  void SetUp() override {
    escaped().clear();
    TaskGroup::set_on_escape([](std::exception_ptr e) {
      try {
        std::rethrow_exception(std::move(e));
      } catch (const std::exception& error) {
        escaped().emplace_back(error.what());
      }
    });
  }
  void TearDown() override { TaskGroup::set_on_escape(nullptr); }

  static Task<void> note(Event& go, Until until, int who, std::vector<int>& order) {
    co_await go.wait(until);
    order.push_back(who);
  }
  static Task<void> hold(std::shared_ptr<int> token, Event& go) {
    co_await go.wait({Deadline::never(), nullptr});
    ++*token;
  }
  static Task<void> fails_after(Event& go, std::string message) {
    co_await go.wait({Deadline::never(), nullptr});
    throw std::runtime_error(message);
  }
  static Task<void> fails_at_once() {
    throw std::runtime_error("at once");
    co_return;
  }
  static Task<void> join(TaskGroup& group, Until until, std::optional<bool>& reached) {
    reached = co_await group.join(until);
  }
  Until never() { return {Deadline::never(), nullptr}; }

  ManualClock clock_;
  TestLoop loop_{clock_};
  Event go_{loop_};
  std::vector<int> order_;
};

TEST_F(TaskGroupTest, StartsATaskAtOnceAndForgetsItAtItsEnd) {
  TaskGroup group(loop_, 2);
  group.spawn(note(go_, never(), 1, order_));
  EXPECT_EQ(group.size(), 1U);
  EXPECT_FALSE(group.full());
  group.spawn(note(go_, never(), 2, order_));
  EXPECT_TRUE(group.full());
  go_.set();
  loop_.settle();
  EXPECT_THAT(order_, ElementsAre(1, 2));
  EXPECT_EQ(group.size(), 0U);
  group.spawn(note(go_, never(), 3, order_));
  EXPECT_EQ(group.size(), 0U) << "it ran to its end inside spawn()";
}

TEST_F(TaskGroupTest, JoinWaitsForTheLastTask) {
  TaskGroup group(loop_, 4);
  std::optional<bool> reached;
  Event second(loop_);
  group.spawn(note(go_, never(), 1, order_));
  group.spawn(note(second, never(), 2, order_));
  Task<void> joining = join(group, never(), reached);
  joining.start();
  go_.set();
  loop_.settle();
  EXPECT_EQ(reached, std::nullopt);
  second.set();
  loop_.settle();
  EXPECT_EQ(reached, true);
}

TEST_F(TaskGroupTest, JoinOfAnEmptyGroupIsImmediate) {
  TaskGroup group(loop_, 1);
  std::optional<bool> reached;
  Task<void> joining = join(group, {loop_.in(0ms), nullptr}, reached);
  joining.start();
  EXPECT_EQ(reached, true);
}

TEST_F(TaskGroupTest, JoinGivesUpAtItsDeadline) {
  TaskGroup group(loop_, 1);
  std::optional<bool> reached;
  group.spawn(note(go_, never(), 1, order_));
  Task<void> joining = join(group, {loop_.in(100ms), nullptr}, reached);
  joining.start();
  loop_.pass(110ms);
  EXPECT_EQ(reached, false);
  go_.set();
  loop_.settle();
}

TEST_F(TaskGroupTest, CancelReachesEveryWait) {
  TaskGroup group(loop_, 2);
  group.spawn(note(go_, {Deadline::never(), &group.cancelled()}, 1, order_));
  group.spawn(note(go_, {loop_.in(1h), &group.cancelled()}, 2, order_));
  group.cancel();
  loop_.settle();
  EXPECT_EQ(group.size(), 0U);
  EXPECT_THAT(order_, ElementsAre(1, 2));
  EXPECT_EQ(loop_.timers().size(), 0U);
}

TEST_F(TaskGroupTest, AnExceptionEndsOnlyItsOwnTask) {
  TaskGroup group(loop_, 4);
  std::optional<bool> reached;
  group.spawn(note(go_, never(), 1, order_));
  group.spawn(fails_after(go_, "later"));
  group.spawn(fails_at_once());
  group.spawn(note(go_, never(), 2, order_));
  EXPECT_EQ(group.size(), 3U);
  Task<void> joining = join(group, never(), reached);
  joining.start();
  go_.set();
  loop_.settle();
  EXPECT_THAT(escaped(), ElementsAre("at once", "later"));
  EXPECT_THAT(order_, ElementsAre(1, 2));
  EXPECT_EQ(reached, true);
}

TEST_F(TaskGroupTest, AnEndedLoopLetsFramesBeDestroyed) {
  const auto token = std::make_shared<int>(0);
  {
    TaskGroup group(loop_, 8);
    for (int i = 0; i < 4; ++i)
      group.spawn(hold(token, go_));
    group.spawn(note(go_, {loop_.in(1h), &group.cancelled()}, 1, order_));
    EXPECT_EQ(token.use_count(), 5);
    go_.set();  // their resumptions are queued and must be forgotten
    loop_.end();
  }
  EXPECT_EQ(token.use_count(), 1);
  loop_.settle();
  EXPECT_EQ(*token, 0);
  EXPECT_EQ(loop_.timers().size(), 0U);
}

#ifndef NDEBUG
TEST_F(TaskGroupTest, LeavingTasksInALiveLoopIsABug) {
  EXPECT_DEATH(
      {
        TaskGroup group(loop_, 1);
        group.spawn(note(go_, never(), 1, order_));
      },
      "has_ended");
}

TEST_F(TaskGroupTest, SpawningBeyondTheBoundIsABug) {
  TaskGroup group(loop_, 1);
  group.spawn(note(go_, never(), 1, order_));
  EXPECT_DEATH(group.spawn(note(go_, never(), 2, order_)), "full");
  go_.set();
  loop_.settle();
}
#endif

}  // namespace
}  // namespace sovmesh::rt
