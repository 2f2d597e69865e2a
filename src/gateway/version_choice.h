#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/snapshot.h"
#include "catalog/records.h"
#include "catalog/route.h"
#include "catalog/route_choice.h"
#include "gateway/engine_set.h"
#include "http/head.h"
#include "identity/authenticator.h"

namespace sovmesh::gateway {

// The header that names a request's conversation, for routes that keep them together.
constexpr std::string_view kSessionHeader = "x-sm-session";

// The model that is to answer. Pointers live in the caller's snapshot.
struct ChosenModel {
  const catalog::Model* model = nullptr;
  const catalog::Route* route = nullptr;  // null: called by its own name
  std::optional<catalog::Choice> choice;  // of the route; nothing: a fallback took its place
};

// What `name` leads this caller to. Names that he may not use, be they of models or of routes, give
// the same 404 as unknown ones. Where the engine of a route's version is not healthy, the first of
// the route's fallbacks whose engine is takes its place.
Result<ChosenModel> choose_model(const identity::Caller& caller, std::string_view name,
                                 const http::RequestHead& head, const EngineSet& engines);

// How long one request may take: as its route says, else as its model.
struct RequestTimes {
  std::chrono::milliseconds first_token;
  std::chrono::milliseconds stall;
  std::chrono::milliseconds total;
};
RequestTimes times_of(const ChosenModel& chosen, std::int64_t prompt_tokens);

}  // namespace sovmesh::gateway
