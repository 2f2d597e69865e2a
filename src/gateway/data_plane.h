#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "gateway/completion.h"
#include "gateway/services.h"
#include "http/exchange.h"

namespace sovmesh::gateway {

// Whether the process should get traffic; shared by all workers. Starts as not ready.
class Readiness {
 public:
  void set_ready(bool ready) { ready_.store(ready, std::memory_order_relaxed); }
  bool ready() const { return ready_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> ready_{false};
};

// The handler of one worker's data listeners: knows who is calling, finds the route, answers,
// records.
class DataPlane : public http::Handler {
 public:
  DataPlane(const Services& services, const Settings& settings, const Readiness& readiness,
            rt::Loop& loop, http::ClientPool& upstream);

  rt::Task<void> handle(http::Exchange& exchange) override;
  rt::Task<void> refuse(http::Exchange& exchange, int status, const Error& error) override;

  // The drain deadline has come: running streams end with an error event at their next look-up
  // (Settings::look_up at the latest), new requests are refused.
  void cut_off() {
    worker_.cut_off = true;
    worker_.copies.cancel();
  }

 private:
  // Which request it is, from whom and since when.
  void note_arrival(const http::Exchange& exchange, RequestRecord& record);
  void begin(http::Exchange& exchange, const Route& route, RequestRecord& record);
  rt::Task<void> answer(http::Exchange& exchange, const Route& route,
                        std::unique_ptr<RequestRecord>& held);
  rt::Task<void> answer_health(http::Exchange& exchange, Endpoint endpoint, RequestRecord& record);
  rt::Task<Result<void>> serve_usage(http::Exchange& exchange, RequestRecord& record);
  Result<void> identify(http::Exchange& exchange, const Route& route, RequestRecord& record) const;

  const Services& services_;
  const Settings& settings_;
  const Readiness& readiness_;
  WorkerState worker_;
  CompletionService completions_;
};

}  // namespace sovmesh::gateway
