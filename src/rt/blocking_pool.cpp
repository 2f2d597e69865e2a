#include <pthread.h>

#include <algorithm>
#include <cassert>
#include <csignal>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "rt/real.h"
#include "rt/semaphore.h"

namespace sovmesh::rt {
namespace {

// One release per piece of work and one per thread at the end. What was accepted runs, also when
// the pool is destroyed meanwhile: its caller waits for it.
class ThreadPool final : public BlockingPool {
 public:
  ThreadPool(std::size_t threads, std::size_t queue_max) : queue_max_(queue_max) {
    assert(threads > 0);
    // Threads inherit the signal mask: signals belong to whoever watches them.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    for (std::size_t i = 0; i < threads; ++i)
      threads_.emplace_back([this] { serve(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  ~ThreadPool() override {
    for ([[maybe_unused]] const auto& thread : threads_)
      waiting_.release();
    for (auto& thread : threads_)
      thread.join();
  }

  bool submit(std::move_only_function<void()> work) override {
    const bool taken = queue_.with([&](Queue& queue) {
      if (queue.size() >= queue_max_) return false;
      queue.push_back(std::move(work));
      return true;
    });
    if (taken) waiting_.release();
    return taken;
  }

 private:
  using Queue = std::deque<std::move_only_function<void()>>;

  void serve() {
    ::pthread_setname_np(::pthread_self(), "blocking");
    for (;;) {
      waiting_.acquire();
      std::move_only_function<void()> work = queue_.with([](Queue& queue) {
        std::move_only_function<void()> first;
        if (!queue.empty()) {
          first = std::move(queue.front());
          queue.pop_front();
        }
        return first;
      });
      if (!work) return;  // the end: every earlier release had its work
      work();
    }
  }

  const std::size_t queue_max_;
  Guarded<Queue> queue_;
  Semaphore waiting_;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<BlockingPool> make_blocking_pool(std::size_t threads, std::size_t queue_max) {
  return std::make_unique<ThreadPool>(threads, queue_max);
}

}  // namespace sovmesh::rt
