#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "rt/blocking.h"
#include "rt/loop.h"

namespace sovmesh::store_sqlite {

// How long a writer may be left alone: nothing means until it is woken, zero means not at all.
using Pause = std::optional<std::chrono::microseconds>;

// One round of the ledger's writer: commits what waits. Calls never overlap.
class LedgerWork {
 public:
  virtual ~LedgerWork() = default;
  virtual Pause run_once() = 0;
};

// Where and when the writer runs. It is a port so that the same writer works on a thread of its own
// and, in simulations, inside the simulated world without any thread.
class LedgerRunner {
 public:
  virtual ~LedgerRunner() = default;
  virtual void start(LedgerWork& work) = 0;
  // Ends the current pause, or the next one when none is going on. Any thread.
  virtual void wake() = 0;
  // On return no call of the work runs and none will follow.
  virtual void stop() = 0;
  // True when nobody else runs the work while a caller blocks: flush() then runs it itself.
  virtual bool is_inline() const = 0;
};

// The real one: a thread named "ledger". `clock` is the machine's.
std::unique_ptr<LedgerRunner> make_thread_runner(const Clock& clock);

// For simulations: each round is one piece of work on the (simulated) blocking pool, pauses are
// timers of the loop. Everything on the loop's thread.
std::unique_ptr<LedgerRunner> make_pool_runner(rt::Loop& loop, rt::BlockingPool& pool);

// For tests: nothing runs until step() is called.
class ManualRunner : public LedgerRunner {
 public:
  void start(LedgerWork& work) override { work_ = &work; }
  void wake() override { woken_ = true; }
  void stop() override { work_ = nullptr; }
  bool is_inline() const override { return true; }

  bool woken() const { return woken_; }
  Pause step() {
    woken_ = false;
    return work_ != nullptr ? work_->run_once() : Pause{};
  }

 private:
  LedgerWork* work_ = nullptr;
  bool woken_ = false;
};

}  // namespace sovmesh::store_sqlite
