#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "catalog/records.h"

namespace sovmesh::catalog {

// Shares of traffic, in basis points: 10,000 is all of it.
constexpr int kWholeShare = 10'000;

constexpr std::size_t kRouteVersionsMax = 16;
constexpr std::size_t kRouteConditionsMax = 32;
constexpr std::size_t kConditionMatchesMax = 8;
constexpr std::size_t kRouteFallbacksMax = 8;
// How many routes a chain of fallbacks may lead through.
constexpr std::size_t kFallbackDepthMax = 4;
constexpr std::int64_t kWeightMax = 1'000'000;
constexpr int kAttemptsMax = 3;
constexpr int kMirrorInFlightMax = 1'000;

// What a version is for. `stable` is the one that others are compared with and fall back to.
enum class Stage : std::uint8_t { stable, canary, experiment };
std::string_view name(Stage stage);
std::optional<Stage> parse_stage(std::string_view text);

// One of the models that answer for a route. `weight` is relative to the other versions' weights;
// 0: only by the grey channel, a condition, a mirror or a rollout.
struct RouteVersion {
  ModelName model;
  std::int64_t weight = 0;  // 0..kWeightMax
  Stage stage = Stage::stable;
};

// Whose requests stay together at one version. Where a request lacks it the next wider one counts:
// session, then user, then tenant.
enum class StickyBy : std::uint8_t { tenant, user, session };
std::string_view name(StickyBy by);
std::optional<StickyBy> parse_sticky_by(std::string_view text);

// The header with which a request asks for a channel.
constexpr std::string_view kChannelHeader = "x-sm-channel";

// The value of a header, or of a label of the key that is shown, compared byte by byte; of several
// headers one is enough. Anybody can set a header; labels are set by who makes the key.
struct Match {
  enum class Of : std::uint8_t { header, key_label };
  Of of = Of::header;
  std::string name;  // a header's in lower case; never one that carries credentials
  std::string value;
};

// A version for those who asked for it: a tenant that opted in, and of it the requests that name
// the channel in kChannelHeader, or whose key has the label.
struct GreyChannel {
  std::string name;  // 1..64 characters of [a-z0-9-]
  ModelName version;
  std::set<TenantId> tenants;  // that opted in
  std::optional<Match> key_label = {};
};

// Requests that match in everything go to `version`. The first condition that fits counts.
struct Condition {
  std::string name;  // what explanations call it; unique within the route
  std::vector<Match> all;
  ModelName version;
  std::optional<TenantId> tenant = {};      // nothing: anybody's
  std::optional<ProjectSlug> project = {};  // of that tenant
};

// A share of the requests is copied to `version`. Copies are never charged, never wait for and are
// dropped beyond `in_flight_max` or `prompt_bytes_max`.
struct Mirror {
  ModelName version;
  int share = 0;  // basis points, 1..kWholeShare
  int in_flight_max = 4;
  std::int64_t prompt_bytes_max = 1'048'576;
};

// Where a request goes when its version cannot answer and nothing has been sent yet.
struct Fallback {
  enum class Kind : std::uint8_t { model, route };
  Kind kind = Kind::model;
  ModelName name;
};

// What is absent is as the model has it.
struct RouteTimeouts {
  std::optional<std::chrono::milliseconds> connect;
  // For an empty prompt, and what each 1,000 tokens of prompt add to it.
  std::optional<std::chrono::milliseconds> first_token;
  std::chrono::milliseconds first_token_per_1000{0};
  std::optional<std::chrono::milliseconds> inter_token;
  std::optional<std::chrono::milliseconds> total;
};
// Nothing: as the model has it. `total` bounds it.
std::optional<std::chrono::milliseconds> first_token_timeout(const RouteTimeouts& timeouts,
                                                             std::int64_t prompt_tokens);

// Only what has sent no byte yet is tried again, and never at the same endpoint.
struct RetryPolicy {
  int attempts_max = 2;  // the first one included
  std::chrono::milliseconds backoff_base{25};
  std::chrono::milliseconds backoff_max{250};
  int budget_percent = 20;  // of the requests in flight
  int budget_min = 3;       // retries at once that are always allowed
};

// A public model name whose requests are spread over versions. A route may have the name of one of
// its versions: then it stands in front of that model.
struct Route {
  ModelName name;                      // unique
  std::vector<RouteVersion> versions;  // exactly one of them is stable
  StickyBy sticky = StickyBy::session;
  std::optional<GreyChannel> grey;
  std::vector<Condition> conditions;  // in order
  std::optional<Mirror> mirror;
  std::vector<Fallback> fallbacks;  // in order
  RouteTimeouts timeouts;
  RetryPolicy retry;
  std::int64_t revision = 0;
  WallTime created_at{};
  WallTime updated_at{};
  bool from_file = false;
  std::string source;  // "file:line" when from_file

  const RouteVersion& stable() const;                         // of a valid route
  const RouteVersion* version(const ModelName& model) const;  // null: none of its versions
};

// Code::config_invalid with the field as its param ("versions[1].weight") for what could not take
// effect or is surely a mistake. Says nothing of other objects.
Result<void> validate(const Route& route);
// All routes of a configuration against each other and against the models that there are: names
// that are unknown, hide a model or come twice, and fallbacks that lead back or too far.
Result<void> validate(std::span<const Route> routes, const std::set<ModelName>& models);
// Whether its mirror can do all that its versions are asked for, and each model to fall back to
// some of it; an error as those of validate(). `find`: null for a model of which nothing is known.
Result<void> check_abilities(const Route& route,
                             const std::function<const Model*(const ModelName&)>& find);

}  // namespace sovmesh::catalog
