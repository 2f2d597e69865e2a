#pragma once

#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "gateway/record.h"
#include "http/exchange.h"
#include "identity/authenticator.h"
#include "llmapi/request.h"
#include "observe/log.h"
#include "rt/blocking.h"
#include "rt/task.h"
#include "store/replay.h"

namespace sovmesh::gateway {

// Keeps whole answers for repeats of an Idempotency-Key, and gives them again. Shared by all
// workers.
class Replays {
 public:
  Replays(store::ReplayStore& store, rt::BlockingPool& pool, const observe::Log& log)
      : store_(store), pool_(pool), log_(log) {}

  // Its tenant wants it.
  static bool are_for(const identity::Caller& caller) {
    return caller.tenant_entry().replay.has_value();
  }
  // Waits until it is on the disk. That an answer could not be kept is said in the log alone.
  SM_OWN_FRAME rt::Task<void> keep(const identity::Caller& caller, RequestId request,
                                   std::string answer, rt::Loop& loop);
  // Answers with what `earlier` was answered, in the form that is asked now. An error: it is not
  // there (any more), and nothing has been sent.
  rt::Task<Result<void>> give(http::Exchange& exchange, RequestRecord& record,
                              llmapi::ReplyForm form, RequestId earlier);

 private:
  store::ReplayStore& store_;
  rt::BlockingPool& pool_;
  const observe::Log& log_;
};

}  // namespace sovmesh::gateway
