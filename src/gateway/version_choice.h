#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/records.h"
#include "catalog/route.h"
#include "catalog/route_choice.h"
#include "gateway/engine_set.h"
#include "http/head.h"
#include "identity/authenticator.h"
#include "rollout/in_force.h"

namespace sovmesh::gateway {

// The header that names a request's conversation, for routes that keep them together.
constexpr std::string_view kSessionHeader = "x-sm-session";

// The model that is to answer. Pointers live in the caller's snapshot.
struct ChosenModel {
  const catalog::Model* model = nullptr;
  const catalog::Route* route = nullptr;  // null: called by its own name
  std::optional<catalog::Choice> choice;  // of the route; nothing: a fallback took its place
  // Where the request counts in a comparison of the route's versions; null: it does not.
  std::shared_ptr<rollout::Tally> tally = nullptr;
  bool is_candidate = false;
};

// What `name` leads this caller to. Names that he may not use, be they of models or of routes, give
// the same 404 as unknown ones. Where the engine of a route's version is not healthy, the first of
// the route's fallbacks whose engine is takes its place. `rollouts`: null when there are none.
Result<ChosenModel> choose_model(const identity::Caller& caller, std::string_view name,
                                 const http::RequestHead& head, const EngineSet& engines,
                                 const rollout::RoutesInForce* rollouts);

// What `name` is for whoever has this key, also where its tenant has taken it out of use: so that a
// request that was answered before can be read again. Of a route, its stable version. Nothing: it
// is not for this key.
std::optional<ChosenModel> model_of_before(const identity::Caller& caller, std::string_view name);

// The mirror of the route that gets a copy of the request; null: none. `draw`: see mirror_for().
const catalog::Mirror* mirror_of(const identity::Caller& caller, const ChosenModel& chosen,
                                 std::uint64_t draw);

// What may answer instead when the engines of the route's version have failed: its fallbacks in
// order, those that the caller may use and whose engines are not known to be sick.
std::vector<const catalog::Model*> fallbacks_of(const identity::Caller& caller,
                                                const catalog::Route& route,
                                                const http::RequestHead& head,
                                                const EngineSet& engines,
                                                const rollout::RoutesInForce* rollouts);

// How long one request may take: as its route says, else as its model.
struct RequestTimes {
  std::optional<std::chrono::milliseconds> connect = {};  // nothing: as for all connections
  std::chrono::milliseconds first_token;
  std::chrono::milliseconds stall;
  std::chrono::milliseconds total;
};
RequestTimes times_of(const ChosenModel& chosen, std::int64_t prompt_tokens);

}  // namespace sovmesh::gateway
