#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/result.h"
#include "observe/log.h"
#include "rt/blocking.h"
#include "rt/loop.h"
#include "rt/semaphore.h"
#include "rt/task.h"
#include "store/audit.h"
#include "store/ledger.h"

namespace sovmesh::compose {

// When the ledger is verified next: every `every` (positive), counted from 03:00 UTC.
WallTime next_check(WallTime now, std::chrono::milliseconds every);

// Verifies the ledger now and then, on a thread of its own and slowly: it rests as long as it
// works, and reads 100,000 rows a second at most. A drift is logged, is in the audit log, and sets
// LedgerStats::drift_tokens.
class LedgerCheck {
 public:
  static constexpr std::chrono::hours kTimeMax{1};  // then it is given up, and the log says so
  static constexpr std::chrono::milliseconds kRestLeast{10};  // after kVerifyStepRows

  struct Parts {
    store::Ledger& ledger;
    const Clock& clock;
    const observe::Log& log;
    store::Audit* audit = nullptr;  // null: none
    // Waits on the checking thread until an instant. Empty: until then or stop().
    std::function<void(Instant)> wait_until = {};
  };
  explicit LedgerCheck(Parts parts);

  // Once, now; blocks. An error: it could not be done or was stopped. What it found is no error.
  Result<store::VerifyReport> check();
  // For ever, until `stopping`; call stop() before or with it.
  rt::Task<void> run(rt::Loop& loop, rt::Event& stopping, std::chrono::milliseconds every);
  // Ends a check that is under way. Any thread.
  void stop();

 private:
  Result<void> rest(Instant& step_began, Instant deadline);
  void tell(const store::VerifyReport& report) const;

  Parts parts_;
  std::atomic<bool> stopped_ = false;
  rt::Semaphore woken_;
  std::unique_ptr<rt::BlockingPool> thread_;  // last: it waits for what runs
};

}  // namespace sovmesh::compose
