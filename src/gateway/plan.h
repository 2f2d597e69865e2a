#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "base/hash.h"
#include "catalog/records.h"
#include "engine/engine.h"
#include "fairness/cost.h"
#include "gateway/version_choice.h"
#include "llmapi/request.h"
#include "metering/usage.h"
#include "rt/event.h"

namespace sovmesh::gateway {

// What a valid, permitted request wants to have done.
struct Plan {
  const catalog::Model* model = nullptr;                 // lives in the caller's snapshot
  std::vector<std::shared_ptr<engine::Engine>> engines;  // any of them; not empty
  llmapi::Request request;
  std::size_t body_size = 0;     // of the request's body before it is completed for an engine
  Digest body_digest{};          // where there are several engines
  bool upstream_stream = false;  // ask the engine for a stream, whatever the client wants
  std::optional<metering::Idempotency> idempotency;
  RequestTimes times{};
  fairness::PriorityClass priority = fairness::PriorityClass::interactive;
  fairness::CostRates rates;  // of its tokens
  rt::Deadline total = rt::Deadline::never();
  bool has_begun_again = false;  // somebody was guaranteed its place

  // Whether another engine may get it after one has accepted it and failed.
  bool may_move() const { return engines.size() > 1 && !idempotency; }
  // Whether it may give way to somebody who is guaranteed its place, and be begun anew: once, and
  // only while the client has got nothing.
  bool may_begin_again() const {
    return priority == fairness::PriorityClass::batch && !idempotency && !has_begun_again;
  }
  // An engine may have to be sent it once more.
  bool is_needed() const { return may_move() || may_begin_again(); }
};

}  // namespace sovmesh::gateway
