#include "rt/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "base/result.h"

namespace sovmesh::rt {
namespace {

Task<int> answer() { co_return 42; }
Task<int> twice(Task<int> inner) {
  const int value = co_await std::move(inner);
  co_return 2 * value;
}
Task<int> throws() {
  throw std::runtime_error("broken");
  co_return 0;
}
Task<void> sets(bool& flag) {
  flag = true;
  co_return;
}
Task<std::unique_ptr<int>> owned() { co_return std::make_unique<int>(7); }

Result<int> half(int value) {
  if (value % 2 != 0) return client_error(Code::invalid_value, "odd");
  return value / 2;
}
Task<Result<int>> quarter(int value) {
  CO_TRY(const int once, half(value));
  CO_TRY(const int again, half(once));
  co_return again;
}

Task<int> count_down(int from) {
  if (from == 0) co_return 0;
  const int below = co_await count_down(from - 1);
  co_return below + 1;
}

TEST(Task, IsLazy) {
  bool ran = false;
  Task<void> task = sets(ran);
  EXPECT_FALSE(ran);
  task.start();
  EXPECT_TRUE(ran);
  EXPECT_TRUE(task.done());
}

TEST(Task, ReturnsItsValueToTheAwaiter) {
  Task<int> task = twice(answer());
  task.start();
  ASSERT_TRUE(task.done());
  EXPECT_EQ(task.result(), 84);
}

TEST(Task, CarriesMoveOnlyValues) {
  Task<std::unique_ptr<int>> task = owned();
  task.start();
  EXPECT_EQ(*task.result(), 7);
}

TEST(Task, ExceptionsReachTheAwaiter) {
  Task<int> task = twice(throws());
  task.start();
  ASSERT_TRUE(task.done());
  EXPECT_THROW(task.result(), std::runtime_error);
}

TEST(Task, TryMacrosLeaveTheCoroutineWithTheError) {
  Task<Result<int>> good = quarter(8);
  Task<Result<int>> bad = quarter(6);
  good.start();
  bad.start();
  EXPECT_EQ(good.result(), 2);
  EXPECT_EQ(bad.result().error().message(), "odd");
}

TEST(Task, AnUnstartedTaskIsDestroyedWithItsArguments) {
  const auto token = std::make_shared<int>(1);
  {
    const auto hold = [](std::shared_ptr<int> t) -> Task<int> { co_return *t; };
    const Task<int> task = hold(token);
    EXPECT_EQ(token.use_count(), 2);
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST(Task, NestingIsNotRecursionOnReturn) {
  Task<int> task = count_down(1'000);
  task.start();
  EXPECT_EQ(task.result(), 1'000);
}

}  // namespace
}  // namespace sovmesh::rt
