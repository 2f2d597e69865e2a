#pragma once

#include "gateway/client_stream.h"
#include "gateway/record.h"
#include "gateway/services.h"
#include "http/exchange.h"
#include "llmapi/request.h"
#include "rt/task.h"

namespace sovmesh::gateway {

// Chat, completions and embeddings: the request path of docs/life-of-a-request.md, read top to
// bottom in run(). One object serves all requests of all workers.
class CompletionService {
 public:
  CompletionService(const Services& services, const Settings& settings)
      : services_(services), settings_(settings) {}

  // `record.caller` is proven already. Answers in every case.
  rt::Task<void> serve(http::Exchange& exchange, WorkerState& worker, llmapi::Operation operation,
                       RequestRecord& record) const;

 private:
  struct Plan;
  // An error: the client has not been told yet.
  rt::Task<Result<void>> run(http::Exchange& exchange, WorkerState& worker,
                             llmapi::Operation operation, ClientStream& client,
                             RequestRecord& record) const;
  SM_OWN_FRAME rt::Task<Result<Plan>> plan(http::Exchange& exchange, llmapi::Operation operation,
                                           RequestRecord& record) const;
  SM_OWN_FRAME rt::Task<Result<Seat>> seat(http::Exchange& exchange, const Plan& plan,
                                           RequestRecord& record) const;
  SM_OWN_FRAME rt::Task<Result<void>> dispatch(http::Exchange& exchange, Plan& plan,
                                               const Seat& seat, http::ClientCall& call,
                                               const RequestRecord& record) const;
  metering::Intent intent_of(const Plan& plan, const RequestRecord& record) const;

  const Services& services_;
  const Settings& settings_;
};

}  // namespace sovmesh::gateway
