#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "catalog/records.h"
#include "engine/engine.h"
#include "fairness/cost.h"
#include "gateway/engine_set.h"
#include "gateway/version_choice.h"
#include "llmapi/request.h"
#include "metering/price.h"
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
  const catalog::Mirror* mirror = nullptr;   // of its route, that gets a copy of it
  bool has_fallbacks = false;                // its route names other models
  std::vector<const catalog::Model*> tried;  // that it was or is for
  std::string why;                           // this model; for who explains it, where one does
  // What its tenant's settings say against it. It runs nowhere; but the settings may be younger
  // than the answer that its Idempotency-Key stands for.
  std::optional<Error> refusal;
  const catalog::Route* route = nullptr;  // where the settings hide what the client called
  bool has_begun_again = false;           // somebody was guaranteed its place

  // Whether another engine may get it after one has accepted it and failed.
  bool may_move() const { return (engines.size() > 1 || has_fallbacks) && !idempotency; }
  // Whether it may give way to somebody who is guaranteed its place, and be begun anew: once, and
  // only while the client has got nothing.
  bool may_begin_again() const {
    return priority == fairness::PriorityClass::batch && !idempotency && !has_begun_again;
  }
  // An engine may have to be sent it once more.
  bool is_needed() const { return may_move() || may_begin_again(); }
};

// How the model wants requests to be.
llmapi::FieldPolicy policy_of(const catalog::Model& model);

// Those of the model's engines that can do what is asked. An error: there is none.
Result<std::vector<std::shared_ptr<engine::Engine>>> engines_for(const llmapi::Request& request,
                                                                 const catalog::Model& model,
                                                                 const EngineSet& engines);

// The request is for this model: those of its engines that can do what is asked, and how they are
// asked. An error: there is none.
Result<void> plan_engines(Plan& plan, const catalog::Model& model, const EngineSet& engines);

// What its tokens take of a GPU, by the model's price where that says so.
fairness::CostRates rates_of(const metering::Price* price);

}  // namespace sovmesh::gateway
