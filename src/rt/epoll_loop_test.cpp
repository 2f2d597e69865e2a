#include "rt/epoll_loop.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "rt/real_test.h"

namespace sovmesh::rt {
namespace {

using std::chrono::milliseconds;

using EpollLoopTest = RealLoopTest;

TEST_F(EpollLoopTest, RunsPostedWorkInOrder) {
  std::vector<int> order;
  for (int i = 0; i < 3; ++i)
    loop_->post([&order, i] { order.push_back(i); });
  ASSERT_TRUE(drive([&] { return order.size() == 3; }));
  EXPECT_EQ(order, (std::vector{0, 1, 2}));
}

TEST_F(EpollLoopTest, StopBeforeRunCounts) {
  loop_->stop();
  loop_->run();
  EXPECT_TRUE(loop_->has_ended());
}

TEST_F(EpollLoopTest, CanRunAgainAfterStop) {
  int runs = 0;
  for (int i = 0; i < 2; ++i) {
    loop_->post([&] { ++runs; });
    loop_->post([&] { loop_->stop(); });
    loop_->run();
  }
  EXPECT_EQ(runs, 2);
}

TEST_F(EpollLoopTest, PostFromOtherThreadsWakesASleepingLoopEveryTime) {
  constexpr int thread_count = 4;
  constexpr int each = 5000;
  int received = 0;  // touched by the loop's thread alone
  std::vector<std::thread> threads;
  threads.reserve(thread_count);
  for (int t = 0; t < thread_count; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < each; ++i)
        loop_->post([&] {
          if (++received == thread_count * each) loop_->stop();
        });
    });
  }
  loop_->run();
  for (auto& thread : threads)
    thread.join();
  EXPECT_EQ(received, thread_count * each);
}

// One message at a time in each direction: the loop goes to sleep before nearly every post.
TEST_F(EpollLoopTest, TwoLoopsWakeEachOther) {
  const auto other = std::move(EpollLoop::make(*clock_)).value();
  std::thread thread([&other] { other->run(); });
  int rounds = 0;
  std::function<void()> serve = [&] {
    if (++rounds == 2000) return loop_->stop();
    other->post([&] { loop_->post([&] { serve(); }); });
  };
  loop_->post([&] { serve(); });
  loop_->run();
  other->stop();
  thread.join();
  EXPECT_EQ(rounds, 2000);
}

TEST_F(EpollLoopTest, DestroysWorkThatWasPostedAfterTheEnd) {
  auto token = std::make_shared<int>(0);
  loop_->post([token] { FAIL(); });
  EXPECT_EQ(token.use_count(), 2);
  loop_.reset();
  EXPECT_EQ(token.use_count(), 1);
}

Task<bool> nap(Loop& loop, milliseconds delay) {
  const Until until{loop.in(delay), nullptr};
  co_return co_await sleep(loop, until);
}

TEST_F(EpollLoopTest, TimersFireNotBeforeTheirTime) {
  const Instant begin = clock_->now();
  EXPECT_TRUE(finish(nap(*loop_, milliseconds(30))));
  EXPECT_GE(clock_->now() - begin, milliseconds(29));  // now() of the loop is a moment old
}

struct Pair {
  Pair() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0)
      std::abort();
    ours = Fd(ends[0]);
    theirs = Fd(ends[1]);
  }
  Fd ours;
  Fd theirs;
};

struct Remover final : FdHandler {
  void on_events(std::uint32_t) override {
    ++called;
    for (const auto& [fd, handler] : victims)
      loop->remove(fd, *handler);
    victims.clear();
  }
  EpollLoop* loop = nullptr;
  int called = 0;
  std::vector<std::pair<int, Remover*>> victims;
};

TEST_F(EpollLoopTest, AHandlerRemovedByAnotherOfTheSameBatchHearsNothing) {
  std::array<Pair, 2> pairs;
  std::array<Remover, 2> handlers;
  for (std::size_t i = 0; i < 2; ++i) {
    handlers[i].loop = loop_.get();
    handlers[i].victims = {{pairs[1 - i].ours.get(), &handlers[1 - i]}};
    ASSERT_TRUE(loop_->add(pairs[i].ours.get(), EPOLLIN | EPOLLET, handlers[i]));
    ASSERT_EQ(::write(pairs[i].theirs.get(), "x", 1), 1);
  }
  ASSERT_TRUE(drive([&] { return handlers[0].called + handlers[1].called > 0; }));
  loop_->turn(clock_->now());
  EXPECT_EQ(handlers[0].called + handlers[1].called, 1);
}

// More ready descriptors than one turn takes: the rest come in the next turns.
TEST_F(EpollLoopTest, OneTurnTakesABoundedNumberOfEvents) {
  constexpr std::size_t count = EpollLoop::kEventsPerTurn + 10;
  std::vector<Pair> pairs(count);
  std::vector<Remover> handlers(count);
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_TRUE(loop_->add(pairs[i].ours.get(), EPOLLIN | EPOLLET, handlers[i]));
    ASSERT_EQ(::write(pairs[i].theirs.get(), "x", 1), 1);
  }
  const auto called = [&] {
    std::size_t sum = 0;
    for (const auto& handler : handlers)
      sum += static_cast<std::size_t>(handler.called);
    return sum;
  };
  loop_->turn(clock_->now());
  EXPECT_EQ(called(), EpollLoop::kEventsPerTurn);
  loop_->turn(clock_->now());
  EXPECT_EQ(called(), count);
}

TEST(SystemClock, WallTimeIsAfterThisWasWritten) {
  const auto clock = make_system_clock();
  EXPECT_GT(clock->wall_now(), WallTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)));
  EXPECT_LE(clock->now(), clock->now());
}

TEST(SystemRandom, NeverRepeatsItself) {
  const auto random = make_system_random();
  std::vector<std::uint64_t> seen;
  seen.reserve(1000);
  for (int i = 0; i < 1000; ++i)
    seen.push_back(random->next_u64());
  std::array<unsigned char, 1000> large{};
  random->fill(large);
  EXPECT_NE(std::ranges::count(large, 0), 1000);
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
}

}  // namespace
}  // namespace sovmesh::rt
