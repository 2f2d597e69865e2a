#include <atomic>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "rt/blocking.h"
#include "rt/real_test.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::rt {
namespace {

using BlockingPoolTest = RealLoopTest;

Task<Result<std::thread::id>> where(BlockingPool& pool, Loop& loop) {
  co_return co_await run_blocking(
      pool, loop, []() -> Result<std::thread::id> { return std::this_thread::get_id(); });
}

TEST_F(BlockingPoolTest, RunsElsewhereAndResumesHere) {
  const auto pool = make_blocking_pool(2, 10);
  const auto ran_on = finish(where(*pool, *loop_));
  ASSERT_THAT(ran_on, Succeeds());
  EXPECT_NE(*ran_on, std::this_thread::get_id());
}

Task<Result<int>> fail_there(BlockingPool& pool, Loop& loop) {
  co_return co_await run_blocking(
      pool, loop, []() -> Result<int> { return our_error(Code::io_error, "disk on fire"); });
}

TEST_F(BlockingPoolTest, PassesErrorsOn) {
  const auto pool = make_blocking_pool(1, 10);
  EXPECT_THAT(finish(fail_there(*pool, *loop_)), FailsWith(Code::io_error));
}

TEST_F(BlockingPoolTest, RefusesWhatItsQueueCannotHold) {
  std::binary_semaphore started(0);
  std::binary_semaphore go_on(0);
  std::atomic<int> ran = 0;
  auto pool = make_blocking_pool(1, 2);
  ASSERT_TRUE(pool->submit([&] {
    started.release();
    go_on.acquire();
    ++ran;
  }));
  started.acquire();  // now the only thread is busy and the queue is empty
  EXPECT_TRUE(pool->submit([&] { ++ran; }));
  EXPECT_TRUE(pool->submit([&] { ++ran; }));
  EXPECT_FALSE(pool->submit([&] { ++ran; }));
  EXPECT_THAT(finish(where(*pool, *loop_)), FailsWith(Code::overloaded));
  go_on.release();
  pool.reset();
  EXPECT_EQ(ran, 3);  // what was accepted has run
}

TEST_F(BlockingPoolTest, ServesManyThreads) {
  std::atomic<int> ran = 0;
  auto pool = make_blocking_pool(4, 100'000);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i)
        pool->submit([&] { ++ran; });
    });
  for (auto& thread : threads)
    thread.join();
  pool.reset();
  EXPECT_EQ(ran, 8000);
}

}  // namespace
}  // namespace sovmesh::rt
