#include "store_sqlite/ledger_runner.h"

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <utility>

#include "rt/semaphore.h"

namespace sovmesh::store_sqlite {
namespace {

using std::chrono::microseconds;

class ThreadRunner : public LedgerRunner {
 public:
  explicit ThreadRunner(const Clock& clock) : clock_(clock) {}
  ~ThreadRunner() override { ThreadRunner::stop(); }

  void start(LedgerWork& work) override {
    // Threads inherit the signal mask: signals belong to whoever watches them.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this, &work] { run(work); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::pthread_setname_np(thread_.native_handle(), "ledger");
  }
  void wake() override {
    if (!woken_.exchange(true)) call_.release();
  }
  void stop() override {
    if (!thread_.joinable()) return;
    stopping_ = true;
    call_.release();
    thread_.join();
  }
  bool is_inline() const override { return false; }

 private:
  void run(LedgerWork& work) {
    while (!stopping_) {
      const Pause pause = work.run_once();
      if (!pause)
        call_.acquire();
      else if (*pause <= microseconds(0) || !call_.acquire_until(clock_.now() + *pause))
        continue;
      woken_ = false;  // before the work looks: a call that comes later counts again
    }
  }

  const Clock& clock_;
  rt::Semaphore call_;
  std::atomic<bool> woken_{false};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

class PoolRunner : public LedgerRunner {
 public:
  PoolRunner(rt::Loop& loop, rt::BlockingPool& pool)
      : loop_(loop), pool_(pool), self_(std::make_shared<PoolRunner*>(this)), timer_(*this) {}
  ~PoolRunner() override { PoolRunner::stop(); }

  void start(LedgerWork& work) override {
    work_ = &work;
    submit();
  }
  void wake() override {
    if (scheduled_)
      again_ = true;
    else
      submit();
  }
  void stop() override {
    work_ = nullptr;
    timer_.disarm();
    *self_ = nullptr;
  }
  bool is_inline() const override { return true; }

 private:
  struct PauseTimer : rt::Timer {
    explicit PauseTimer(PoolRunner& r) : Timer(&fired), runner(r) {}
    static void fired(Timer& timer) { static_cast<PauseTimer&>(timer).runner.submit(); }
    PoolRunner& runner;
  };
  // How long to wait when the pool takes no more work.
  static constexpr std::chrono::milliseconds kPoolFull{1};

  void submit() {
    if (work_ == nullptr || scheduled_) return;
    timer_.disarm();
    scheduled_ = pool_.submit([self = self_] {
      if (*self != nullptr) (*self)->run();
    });
    if (!scheduled_) loop_.timers().arm(timer_, loop_.clock().now() + kPoolFull);
  }
  void run() {
    const Pause pause = work_->run_once();
    scheduled_ = false;
    const bool again = std::exchange(again_, false);
    if (again || (pause && *pause <= microseconds(0)))
      submit();
    else if (pause)
      loop_.timers().arm(timer_, loop_.clock().now() + *pause);
  }

  rt::Loop& loop_;
  rt::BlockingPool& pool_;
  std::shared_ptr<PoolRunner*> self_;  // null inside once we are gone
  LedgerWork* work_ = nullptr;
  PauseTimer timer_;
  bool scheduled_ = false;  // a round is in the pool
  bool again_ = false;      // woken while it was
};

}  // namespace

std::unique_ptr<LedgerRunner> make_thread_runner(const Clock& clock) {
  return std::make_unique<ThreadRunner>(clock);
}

std::unique_ptr<LedgerRunner> make_pool_runner(rt::Loop& loop, rt::BlockingPool& pool) {
  return std::make_unique<PoolRunner>(loop, pool);
}

}  // namespace sovmesh::store_sqlite
