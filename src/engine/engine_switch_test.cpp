#include "engine/engine_switch.h"

#include <gmock/gmock.h>

#include "rt/sim/sim.h"
#include "tests/support/fake_engine.h"

namespace sovmesh::engine {
namespace {

using namespace std::chrono_literals;

class EngineSwitchTest : public testing::Test {
 protected:
  EngineSwitchTest() { engine_->is_managed_ = true; }
  ~EngineSwitchTest() override {
    tasks_.cancel();
    world_.run_until_idle(1min);
  }
  bool is_ended(std::chrono::milliseconds within) {
    return world_.run_until([this] { return engine_->stops_ > 0; }, within);
  }

  rt::sim::SimWorld world_{3};
  rt::TaskGroup tasks_{world_.loop(), 8};
  std::size_t in_flight_ = 0;
  int told_ = 0;
  int in_service_told_ = 0;
  std::shared_ptr<FakeEngine> engine_ = std::make_shared<FakeEngine>("tiny", 4);
  EngineSwitch switch_{{.loop = world_.loop(),
                        .tasks = tasks_,
                        .in_flight = [this](const Engine&) { return in_flight_; },
                        .on_change = [this](const Engine&) { ++told_; },
                        .on_service = [this] { ++in_service_told_; }}};
};

TEST_F(EngineSwitchTest, AnIdleEngineEndsAtOnce) {
  switch_.stop(engine_, 600s);
  EXPECT_TRUE(engine_->is_out_of_service()) << "when stop() returns";
  EXPECT_EQ(in_service_told_, 1) << "who waits for it hears of it then, too";
  EXPECT_TRUE(is_ended(10ms));
  EXPECT_EQ(told_, 1);
}

TEST_F(EngineSwitchTest, WhatRunsMayEndWithinTheGrace) {
  in_flight_ = 2;
  switch_.stop(engine_, 30s);
  EXPECT_FALSE(is_ended(20s));
  in_flight_ = 0;
  EXPECT_TRUE(is_ended(100ms));
}

TEST_F(EngineSwitchTest, TheGraceIsNotWaitedForLonger) {
  in_flight_ = 1;
  switch_.stop(engine_, 30s);
  EXPECT_FALSE(is_ended(29s));
  EXPECT_TRUE(is_ended(1100ms));
}

TEST_F(EngineSwitchTest, ASecondStopSetsAnotherGraceAndEndsItOnce) {
  in_flight_ = 1;
  switch_.stop(engine_, 600s);
  world_.run_for(1s);
  switch_.stop(engine_, 0s);
  EXPECT_TRUE(is_ended(100ms));
  world_.run_for(700s);
  EXPECT_EQ(engine_->stops_, 1);
  switch_.stop(engine_, 0s);
  world_.run_for(1s);
  EXPECT_EQ(engine_->stops_, 2) << "what is stopped already ends at once";
}

TEST_F(EngineSwitchTest, AStartWhileItDrainsKeepsItsProcess) {
  in_flight_ = 1;
  switch_.stop(engine_, 30s);
  world_.run_for(1s);
  switch_.start(engine_);
  EXPECT_FALSE(engine_->is_out_of_service());
  world_.run_for(60s);
  EXPECT_EQ(engine_->stops_, 0);
  EXPECT_EQ(tasks_.size(), 0U);
}

// An engine whose process takes a second to end.
class SlowEngine : public FakeEngine {
 public:
  SlowEngine(rt::Loop& loop, const char* name) : FakeEngine(name, 4), loop_(loop) {
    is_managed_ = true;
  }
  rt::Task<void> stop(rt::Deadline) override {
    ++stops_;
    const rt::Until until{loop_.in(1s), nullptr};
    co_await rt::sleep(loop_, until);
    has_ended = true;
  }
  bool has_ended = false;

 private:
  rt::Loop& loop_;
};

TEST_F(EngineSwitchTest, AStartWhileItEndsFollowsTheEnd) {
  const auto slow = std::make_shared<SlowEngine>(world_.loop(), "slow");
  switch_.stop(slow, 0s);
  world_.run_for(100ms);
  switch_.start(slow);
  EXPECT_TRUE(slow->is_out_of_service()) << "its process is going";
  world_.run_until([&] { return slow->has_ended; }, 2s);
  world_.run_for(10ms);
  EXPECT_FALSE(slow->is_out_of_service());

  switch_.stop(slow, 0s);
  world_.run_for(100ms);
  switch_.start(slow);
  switch_.stop(slow, 0s);
  world_.run_for(5s);
  EXPECT_TRUE(slow->is_out_of_service()) << "the last wish counts";
}

TEST_F(EngineSwitchTest, ARemoteEngineIsOnlyTakenOut) {
  engine_->is_managed_ = false;
  switch_.stop(engine_, 0s);
  world_.run_for(10s);
  EXPECT_TRUE(engine_->is_out_of_service());
  EXPECT_EQ(engine_->stops_, 0);
  switch_.start(engine_);
  world_.run_for(1s);
  EXPECT_FALSE(engine_->is_out_of_service());
  EXPECT_EQ(told_, 2);
}

TEST_F(EngineSwitchTest, WithoutRoomForATaskItStaysOutOfService) {
  rt::TaskGroup none(world_.loop(), 0);
  EngineSwitch full({.loop = world_.loop(),
                     .tasks = none,
                     .in_flight = [](const Engine&) { return std::size_t{0}; },
                     .on_change = {}});
  full.stop(engine_, 0s);
  world_.run_for(1s);
  EXPECT_TRUE(engine_->is_out_of_service());
  EXPECT_EQ(engine_->stops_, 0);
}

}  // namespace
}  // namespace sovmesh::engine
