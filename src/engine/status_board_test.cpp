#include "engine/status_board.h"

#include <gmock/gmock.h>

#include "rt/sim/sim.h"
#include "rt/task_group.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::engine {
namespace {

using namespace std::chrono_literals;

class StatusBoardTest : public testing::Test {
 protected:
  rt::Until within(std::chrono::milliseconds time) { return {world_.loop().in(time), nullptr}; }
  Result<void> wait(std::chrono::milliseconds time) {
    return world_.run(board_.wait_ready(world_.loop(), within(time)));
  }
  rt::sim::SimWorld world_{5};
  StatusBoard board_{world_.clock()};
};

TEST_F(StatusBoardTest, ReadyIsAnsweredAtOnce) {
  board_.set({.state = State::ready, .reason = {}, .pid = 7});
  const Instant before = world_.now();
  EXPECT_THAT(wait(1s), Succeeds());
  EXPECT_EQ(world_.now(), before);
  EXPECT_EQ(board_.status().pid, 7);
}

TEST_F(StatusBoardTest, AChangeWakesWhoWaits) {
  board_.set({.state = State::starting, .reason = "starting"});
  world_.after(300ms, [this] { board_.set({.state = State::ready}); });
  EXPECT_THAT(wait(1s), Succeeds());
}

TEST_F(StatusBoardTest, TheDeadlineSaysLoadingOrBroken) {
  board_.set({.state = State::starting, .reason = "starting", .retry_after = 3s});
  const auto loading = wait(100ms);
  ASSERT_THAT(loading, FailsWith(Code::model_loading));
  EXPECT_EQ(loading.error().retry_after(), 3s);
  board_.set({.state = State::backing_off, .reason = "crashed"});
  EXPECT_THAT(wait(100ms), FailsWith(Code::no_healthy_backend));
}

TEST_F(StatusBoardTest, HopelessEndsTheWaitAndKeepsTheReasonForOperators) {
  board_.set({.state = State::starting, .reason = "starting"});
  world_.after(300ms, [this] {
    board_.set({.state = State::unhealthy, .reason = "10.0.0.7 refused", .hopeless = true});
  });
  const auto result = wait(10s);
  ASSERT_THAT(result, FailsWith(Code::no_healthy_backend));
  EXPECT_THAT(result.error().message(), testing::Not(testing::HasSubstr("10.0.0.7")));
  EXPECT_EQ(board_.status().reason, "10.0.0.7 refused");
}

TEST_F(StatusBoardTest, ACancelledWaitLeavesNoWaiter) {
  board_.set({.state = State::starting, .reason = "starting"});
  rt::Event gone(world_.loop());
  world_.after(50ms, [&gone] { gone.set(); });
  const rt::Until until{world_.loop().in(10s), &gone};
  EXPECT_THAT(world_.run(board_.wait_ready(world_.loop(), until)), FailsWith(Code::cancelled));
  board_.set({.state = State::ready});  // would touch a waiter that has gone
  world_.run_until_idle();
}

TEST_F(StatusBoardTest, ExactlyOneOfManyMayStart) {
  EXPECT_TRUE(board_.begin_start());
  EXPECT_FALSE(board_.begin_start());
  EXPECT_EQ(board_.status().state, State::starting);
}

TEST_F(StatusBoardTest, CountsStartsAndTheTimeOfTheLastChange) {
  const WallTime began = board_.status().since;
  EXPECT_EQ(board_.generation(), 0U);
  board_.count_start();
  EXPECT_EQ(board_.status().restarts, 0);
  board_.count_start();
  EXPECT_EQ(board_.status().restarts, 1);
  EXPECT_EQ(board_.generation(), 2U);
  world_.run_for(5s);
  board_.set({.state = State::ready});
  EXPECT_EQ(board_.status().since - began, 5s);
  world_.run_for(5s);
  board_.set({.state = State::ready});
  EXPECT_EQ(board_.status().since - began, 5s) << "the state did not change";
}

TEST_F(StatusBoardTest, OutOfServiceIsAnsweredAtOnceWhateverTheEngineSays) {
  board_.set({.state = State::ready, .reason = {}, .pid = 7});
  board_.set_out_of_service(true);
  EXPECT_FALSE(board_.is_ready());
  EXPECT_EQ(board_.status().state, State::draining);
  EXPECT_EQ(board_.status().reason, "stopped by an administrator");
  const Instant before = world_.now();
  EXPECT_THAT(wait(10s), FailsWith(Code::no_healthy_backend));
  EXPECT_EQ(world_.now(), before);
  board_.set({.state = State::ready, .reason = {}, .pid = 7});
  EXPECT_FALSE(board_.is_ready()) << "a probe does not put it back";

  board_.set({.state = State::stopped, .reason = "stopped"});
  EXPECT_EQ(board_.status().state, State::stopped);
  EXPECT_FALSE(board_.begin_start()) << "no request wakes it";
  board_.set_out_of_service(false);
  EXPECT_TRUE(board_.begin_start());
}

TEST_F(StatusBoardTest, GoingOutOfServiceReleasesThoseWhoWait) {
  board_.set({.state = State::starting, .reason = "starting"});
  world_.after(300ms, [this] { board_.set_out_of_service(true); });
  const Instant before = world_.now();
  EXPECT_THAT(wait(10s), FailsWith(Code::no_healthy_backend));
  EXPECT_LT(world_.now() - before, 400ms);
  EXPECT_EQ(board_.own_state(), State::starting);
}

TEST_F(StatusBoardTest, BackInServiceItIsWhatTheEngineSaidMeanwhile) {
  board_.set_out_of_service(true);
  EXPECT_EQ(board_.status().state, State::stopped) << "without a process";
  board_.set({.state = State::ready});
  board_.set_out_of_service(false);
  EXPECT_TRUE(board_.is_ready());
  EXPECT_THAT(wait(0s), Succeeds());
  EXPECT_EQ(board_.status().reason, "");
}

TEST(StateNames, AreThoseOfTheMetrics) {
  EXPECT_EQ(name(State::backing_off), "backing_off");
  EXPECT_EQ(name(State::ready), "ready");
}

}  // namespace
}  // namespace sovmesh::engine
