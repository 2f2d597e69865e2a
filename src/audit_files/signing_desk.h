#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "audit_files/options.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/result.h"
#include "rt/blocking.h"
#include "rt/semaphore.h"

namespace sovmesh::audit_files {

// Where signatures are made: on a thread beside the writer, which goes on with entries however long
// one takes; inline, before begin() returns. One at a time; all calls are the writer's.
class SigningDesk {
 public:
  using Work = std::move_only_function<Result<std::string>()>;

  // `on_done` is called by the thread when there is something to collect.
  SigningDesk(WriterRuns runs, std::function<void()> on_done);
  ~SigningDesk();  // waits for what is under way
  SigningDesk(const SigningDesk&) = delete;
  SigningDesk& operator=(const SigningDesk&) = delete;

  bool is_busy() const { return busy_; }
  void begin(Work work);
  // What came of it, once; nothing while it is under way.
  std::optional<Result<std::string>> collect();
  // Waits until there is something to collect, or until an instant of the machine's clock. False:
  // nothing yet.
  bool wait_until(Instant when);

 private:
  bool busy_ = false;  // begun and not collected
  std::function<void()> on_done_;
  Guarded<std::optional<Result<std::string>>> outcome_;
  rt::Semaphore done_;
  std::unique_ptr<rt::BlockingPool> thread_;  // null: inline. Last: it waits for what runs
};

}  // namespace sovmesh::audit_files
