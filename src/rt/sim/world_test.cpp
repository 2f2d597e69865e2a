#include "rt/sim/world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "rt/task_group.h"

namespace sovmesh::rt::sim {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

Task<Instant> sleep_and_tell(Loop& loop, std::chrono::milliseconds delay) {
  co_await sleep(loop, Until{loop.in(delay), nullptr});
  co_return loop.clock().now();
}

Task<void> tick(Loop& loop, std::chrono::milliseconds period, int& count, Event& stop) {
  while (co_await sleep(loop, Until{loop.in(period), &stop}))
    ++count;
}

TEST(SimWorld, TimeJumpsToTheNextTimer) {
  SimWorld world(1);
  const Instant began = world.now();
  const Instant woke = world.run(sleep_and_tell(world.loop(), 3'600'001ms), 2h);
  EXPECT_EQ(woke - began, 3'600'001ms);
}

TEST(SimWorld, EventsRunInTheOrderOfTimeThenOfCalls) {
  SimWorld world(1);
  std::vector<int> order;
  world.after(2ms, [&] { order.push_back(3); });
  world.after(1ms, [&] { order.push_back(1); });
  world.after(1ms, [&] { order.push_back(2); });
  world.after(0ms, [&] { world.after(0ms, [&] { order.push_back(0); }); });
  EXPECT_TRUE(world.run_until_idle());
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3));
}

TEST(SimWorld, RunForPassesExactlyThatTime) {
  SimWorld world(1);
  Event stop(world.loop());
  TaskGroup group(world.loop(), 1);
  int count = 0;
  group.spawn(tick(world.loop(), 10ms, count, stop));
  const Instant began = world.now();
  world.run_for(105ms);
  EXPECT_EQ(world.now() - began, 105ms);
  EXPECT_EQ(count, 10);
  EXPECT_FALSE(world.run_until_idle(1s)) << "it ticks for ever";
  stop.set();
  EXPECT_TRUE(world.run_until_idle());
  EXPECT_EQ(world.armed_timers(), 0U);
}

TEST(SimWorld, RunUntilStopsWhenThePredicateHolds) {
  SimWorld world(1);
  bool reached = false;
  world.after(5ms, [&] { reached = true; });
  world.after(50ms, [] {});
  const Instant began = world.now();
  EXPECT_TRUE(world.run_until([&] { return reached; }, 1s));
  EXPECT_EQ(world.now() - began, 5ms);
  EXPECT_FALSE(world.run_until([] { return false; }, 10ms));
}

TEST(SimWorld, ATaskThatNeverEndsFailsTheTest) {
  SimWorld world(1);
  EXPECT_THROW(world.run(sleep_and_tell(world.loop(), 20ms), 10ms), std::runtime_error);
}

TEST(SimWorld, TheWallClockJumpsAlone) {
  SimWorld world(1);
  const WallTime wall = world.clock().wall_now();
  world.run_for(1s);
  EXPECT_EQ(world.clock().wall_now() - wall, 1s);
  const Instant now = world.now();
  world.jump_wall(-24h * 365);
  EXPECT_EQ(world.clock().wall_now() - wall, 1s - 24h * 365);
  EXPECT_EQ(world.now(), now);
  EXPECT_EQ(world.log(), "1.000000000 wall clock jumps by -31536000000000 us\n");
}

TEST(SimWorld, PostedWorkRunsOnTheLoop) {
  SimWorld world(1);
  SimLoop& other = world.add_loop();
  std::vector<int> order;
  world.loop().post([&] {
    order.push_back(1);
    other.post([&] { order.push_back(2); });
  });
  EXPECT_TRUE(world.run_until_idle());
  EXPECT_THAT(order, ElementsAre(1, 2));
  other.stop();
  other.post([&] { order.push_back(3); });
  EXPECT_TRUE(world.run_until_idle());
  EXPECT_EQ(order.size(), 2U) << "a stopped loop runs nothing";
}

void post_again(SimLoop& loop) {
  loop.post([&loop] { post_again(loop); });
}

TEST(SimWorld, ALoopThatNeverComesToRestFailsTheTest) {
  SimWorld world(1);
  post_again(world.loop());
  EXPECT_THROW(world.run_for(1s), std::runtime_error);
}

TEST(SimWorld, TheLogIsBounded) {
  SimWorld world(1);
  const std::string line(1U << 20, 'x');
  for (std::size_t i = 0; i < SimWorld::kLogBytesMax / line.size() + 3; ++i)
    world.note(line);
  EXPECT_LE(world.log().size(), SimWorld::kLogBytesMax);
  EXPECT_EQ(world.log_lines_dropped(), 4U);
}

TEST(SimWorld, RandomnessFollowsTheSeed) {
  SimWorld a(7);
  SimWorld b(7);
  SimWorld c(8);
  const std::uint64_t first = a.random().next_u64();
  EXPECT_EQ(first, b.random().next_u64());
  EXPECT_NE(first, c.random().next_u64());
  EXPECT_NE(first, a.chaos().next_u64());
}

}  // namespace
}  // namespace sovmesh::rt::sim
