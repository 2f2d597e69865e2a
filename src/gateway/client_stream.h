#pragma once

#include <chrono>
#include <string>

#include "gateway/record.h"
#include "http/exchange.h"
#include "rt/loop.h"
#include "rt/task.h"
#include "rt/timer_wheel.h"

namespace sovmesh::gateway {

// The client's side of a streamed answer. Its status is held back until the first event, or until
// the client has waited so long that it gets a sign of life; from then on errors are in-band.
class ClientStream {
 public:
  ClientStream(http::Exchange& exchange, RequestRecord& record)
      : exchange_(exchange), record_(record) {}
  bool committed() const { return committed_; }
  // Sends what has been collected in `out`.
  Result<void> flush(std::string& out);
  // A comment that shows the client we are alive.
  Result<void> comment();
  // The end of a committed stream that failed: noted, and told to a client that is still there.
  SM_OWN_FRAME rt::Task<void> fail(Error error);

 private:
  void commit();

  http::Exchange& exchange_;
  RequestRecord& record_;
  bool committed_ = false;
};

// Comments to a client whose request waits for something of ours (a seat, a model, the ledger):
// the first when `begin` comes, then each `every`.
class KeepAlive : rt::Timer {
 public:
  KeepAlive(rt::Loop& loop, ClientStream& client, Instant begin, std::chrono::milliseconds every)
      : Timer(&fired), loop_(loop), client_(client), every_(every) {
    loop_.timers().arm(*this, begin);
  }

 private:
  static void fired(rt::Timer& timer) {
    auto& self = static_cast<KeepAlive&>(timer);
    // One that is gone is noticed by the wait itself.
    if (self.client_.comment()) self.loop_.timers().arm(self, self.loop_.now() + self.every_);
  }

  rt::Loop& loop_;
  ClientStream& client_;
  std::chrono::milliseconds every_;
};

}  // namespace sovmesh::gateway
