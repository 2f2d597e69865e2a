#pragma once

#include <optional>

#include "base/result.h"
#include "catalog/records.h"
#include "gateway/client_stream.h"
#include "gateway/record.h"
#include "gateway/services.h"
#include "http/client.h"
#include "http/exchange.h"
#include "llmapi/reply.h"
#include "metering/usage.h"
#include "rt/task.h"
#include "store/ledger.h"

namespace sovmesh::gateway {

// One engine call whose answer is to be brought to one client. The request has been sent and its
// intent is durable; everything here outlives the relay.
struct RelayJob {
  const Services& services;
  const Settings& settings;
  WorkerState& worker;
  http::Exchange& exchange;
  ClientStream& client;  // of `exchange`, for an answer that is streamed
  http::ClientCall& call;
  const catalog::Model& model;
  const llmapi::Request& request;
  llmapi::Dialect dialect;
  llmapi::ReplyIdentity identity;
  store::OpenRow& row;
  RequestRecord& record;
  rt::Deadline total;
};

// How it ended. `error`: nothing of an answer has been sent yet, and this is what the client gets.
struct RelayResult {
  metering::Settlement settlement;
  std::optional<Error> error;
};

// Engine stream -> client stream, event by event.
rt::Task<RelayResult> relay_stream(RelayJob job);
// Engine stream -> one client answer (llmapi::StreamAssembler).
rt::Task<RelayResult> relay_assembled(RelayJob job);
// Engine answer -> client answer.
rt::Task<RelayResult> relay_plain(RelayJob job);

// Whether anything follows an answer that is complete for us decides whether its connection is
// clean enough to keep. Many engines send the end of a stream's body apart from [DONE], so it is
// waited for: when client and ledger have what they need, and not for long.
rt::Task<void> read_to_end(http::ClientCall& call, rt::Loop& loop);

}  // namespace sovmesh::gateway
