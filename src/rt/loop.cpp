#include "rt/loop.h"

#include <algorithm>

namespace sovmesh::rt {

void Loop::forget(std::coroutine_handle<> handle) {
  // The newest first: what is destroyed was mostly made ready a moment ago.
  const auto found = std::find(ready_.rbegin(), ready_.rend(), handle);
  // A noop in its place keeps the cost at one search, also for the middle of a long queue.
  if (found != ready_.rend()) *found = std::noop_coroutine();
}

void Loop::run_ready() {
  while (!ready_.empty()) {
    const std::coroutine_handle<> handle = ready_.front();
    ready_.pop_front();
    handle.resume();
  }
}

}  // namespace sovmesh::rt
