#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/result.h"
#include "rt/loop.h"
#include "rt/task.h"

namespace sovmesh::rt {

// Threads for calls that block (SQLite, files, resolvers of the system). Shared by all workers; the
// simulated one runs the work on the simulated scheduler after a seeded delay.
class BlockingPool {
 public:
  virtual ~BlockingPool() = default;
  // False when the queue (bounded) is full; then nothing will run.
  virtual bool submit(std::move_only_function<void()> work) = 0;
};

namespace detail {
template <class R>
struct BlockingState {
  explicit BlockingState(Loop& l) : loop(l), done(l) {}
  Loop& loop;
  Event done;
  std::optional<R> result;
};
}  // namespace detail

// Runs `work` on the pool and resumes on `loop` with its result; `work` returns a Result<T>. It
// cannot be interrupted: the caller waits until it has run, so `work` must have its own time limit
// (SQLite's busy timeout). Code::overloaded when the pool is full.
template <class F>
Task<std::invoke_result_t<F>> run_blocking(BlockingPool& pool, Loop& loop, F work) {
  using R = std::invoke_result_t<F>;
  auto state = std::make_shared<detail::BlockingState<R>>(loop);
  const bool taken = pool.submit([state, work = std::move(work)]() mutable {
    state->result.emplace(work());
    state->loop.post([state] { state->done.set(); });
  });
  if (!taken) co_return our_error(Code::overloaded, "too many blocking operations are waiting");
  co_await state->done.wait({Deadline::never(), nullptr});
  co_return std::move(*state->result);
}

}  // namespace sovmesh::rt
