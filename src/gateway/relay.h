#pragma once

#include <memory>
#include <utility>

#include "base/result.h"
#include "catalog/records.h"
#include "gateway/admission.h"
#include "gateway/client_stream.h"
#include "gateway/dispatcher.h"
#include "gateway/engine_health.h"
#include "gateway/plan.h"
#include "gateway/record.h"
#include "gateway/services.h"
#include "gateway/version_choice.h"
#include "http/client.h"
#include "http/exchange.h"
#include "llmapi/reply.h"
#include "metering/usage.h"
#include "rt/task.h"
#include "store/ledger.h"

namespace sovmesh::gateway {

// A request that an engine works on and whose intent is durable: all that is still needed of it.
// It may stay for minutes, so once something of the answer has gone out it holds neither the
// request's text nor what led here.
struct RelayJob {
  const Services& services;
  const Settings& settings;
  WorkerState& worker;
  http::Exchange& exchange;
  std::unique_ptr<RequestRecord> record;
  ClientStream client;          // of `exchange`, for an answer that is streamed
  const catalog::Model* model;  // lives in the caller's snapshot
  RequestTimes times;
  llmapi::ReplyForm form;
  bool upstream_stream;  // the engine streams, whatever the client gets
  Admission admission;
  Seat seat;
  std::unique_ptr<http::ClientCall> call;
  store::OpenRow row;
  Instant dispatched;
  rt::Deadline total;
  Replays* replays;  // keeps the whole answer; null: it is not kept
  Attempts attempts;
  std::int64_t prompt_floor;  // llmapi::Request::prompt_tokens_floor
  // While the request may go to another engine or be begun again: until its client has got
  // something.
  std::unique_ptr<Plan> plan = nullptr;
  bool has_answered = false;  // the head of the engine's answer has come
  bool is_accepted = false;   // with it the engine has accepted the request

  // The client has got something.
  void show() {
    plan.reset();
    if (seat.leeway() != fairness::Leeway::again) return;
    seat.set_leeway(upstream_stream ? fairness::Leeway::cut : fairness::Leeway::none);
  }
  // Another engine is asked, or the same one anew.
  void forget_answer() { has_answered = is_accepted = false; }
};

// They bring the answer and settle the row. An error: nothing of an answer has been sent yet, and
// this is what the client gets; with `job.plan` the row is open, and another engine may be asked.

// Engine stream -> client stream, event by event.
SM_OWN_FRAME rt::Task<Result<void>> relay_stream(RelayJob& job);
// Engine stream -> one client answer (llmapi::StreamAssembler).
SM_OWN_FRAME rt::Task<Result<void>> relay_assembled(RelayJob& job);
// Engine answer -> client answer.
SM_OWN_FRAME rt::Task<Result<void>> relay_plain(RelayJob& job);

// No engine's answer has come.
void settle_unanswered(RelayJob& job, const Error& error);

// A failure that another engine may not have. One that is full or loads has not failed.
bool may_be_better_elsewhere(const Error& error);

// Whether anything follows an answer that is complete for us decides whether its connection is
// clean enough to keep. Many engines send the end of a stream's body apart from [DONE], so it is
// waited for: when client and ledger have what they need, and not for long.
SM_OWN_FRAME rt::Task<void> read_to_end(http::ClientCall& call, rt::Loop& loop);

}  // namespace sovmesh::gateway
