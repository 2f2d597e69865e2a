#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "catalog/route.h"

namespace sovmesh::catalog {

struct NamedValue {
  std::string_view name;  // headers: in lower case
  std::string_view value;
};

// What a choice may depend on. Views: valid during the call.
struct RouteFacts {
  TenantId tenant;
  std::string_view user;     // the key's owner; empty: none
  std::string_view session;  // the conversation; empty: unknown
  std::span<const NamedValue> headers;
  std::span<const NamedValue> key_labels;
  std::string_view project;  // of the tenant
};

// Whether this caller may use a model now: access list, key, data residency. Asked again for each
// version and each fallback.
using MayUse = std::function<bool(const ModelName&)>;

// How a rollout ended: its candidate got all, or nothing.
struct Outcome {
  ModelName version;
  bool promoted = false;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// The route as those outcomes leave it, one after the other: weights, and which version is stable.
Route with_outcomes(Route route, std::span<const Outcome> outcomes);

// A rollout's hand on the weights: `version` gets `share` of all, and the others keep what is left
// in the proportions of their weights, as the rollouts before it have left them. It is nothing to
// callers who may not use `version`, and to routes that have no such version.
struct Shift {
  ModelName version;
  int share = 0;                     // basis points
  std::vector<Outcome> before = {};  // the oldest first; for who may use the version of each
};

enum class Rule : std::uint8_t { grey_channel, condition, weight };
std::string_view name(Rule rule);

struct Choice {
  std::size_t version = 0;  // of Route::versions
  Rule rule = Rule::weight;
  std::size_t condition = 0;  // of Route::conditions, where that is the rule
  bool by_label = false;      // of the key, where the channel is the rule
  StickyBy stuck_by{};        // what held it to its version, where weight is the rule
};

// The version for a request; nothing when the caller may use none of those that have a weight.
//
// By weight: each version draws a number from the sticky key and its own name, and the highest in
// proportion to weight wins (weighted rendezvous hashing). So
// - the same key gets the same version, whatever the order of versions and on every machine;
// - when weights change, a key moves from version A to B only if B's weight grew in proportion to
//   A's. Growing one version moves keys into it and none elsewhere; shrinking it back to what it
//   was brings each of them back to where it came from;
// - a version that the caller may not use changes nothing between the others.
std::optional<Choice> choose(const Route& route, const RouteFacts& facts, const MayUse& may_use,
                             const Shift* shift = nullptr);

// The weights that choose() compares, by Route::versions; only their proportions count.
std::array<std::int64_t, kRouteVersionsMax> effective_weights(const Route& route,
                                                              const Shift* shift);

// The version that gets a copy of this request, or null. `draw` is 64 random bits of its own.
const Mirror* mirror_for(const Route& route, const Choice& choice, const MayUse& may_use,
                         std::uint64_t draw);

// One name of a chain of fallbacks, and whether it can be tried.
struct FallbackStep {
  enum class Verdict : std::uint8_t { may_try, not_permitted, already_tried };
  ModelName model;
  ModelName route;  // whose list it is from
  Verdict verdict = Verdict::may_try;
};
struct RouteInForce {
  const Route* route = nullptr;  // null: no such route
  const Shift* shift = nullptr;
};
using FindRoute = std::function<RouteInForce(const ModelName&)>;

// What is left to try after `failed`, in order, each model once; at most kRouteFallbacksMax in
// effect. A fallback that is a route chooses among its versions by the same facts. The caller's
// rights are checked for each of them.
std::vector<FallbackStep> fallbacks(const Route& route, const ModelName& failed,
                                    const RouteFacts& facts, const MayUse& may_use,
                                    const FindRoute& find);

// Why that version: "it asked for the channel preview".
std::string reason(const Route& route, const Choice& choice);
// For the tenant: the rule and the version of its own request. Never weights, other versions,
// other tenants, or what it may not use.
std::string tenant_text(const Route& route, const Choice& choice);
// For operators: every version with its share and why it was passed over.
std::string operator_text(const Route& route, const Choice& choice, const MayUse& may_use,
                          const Shift* shift = nullptr);

}  // namespace sovmesh::catalog
