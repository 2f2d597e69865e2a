#include "catalog/route.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cassert>
#include <map>
#include <utility>

namespace sovmesh::catalog {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kValueBytesMax = 256;
constexpr auto kTimeMax = std::chrono::milliseconds(24h);
constexpr std::int64_t kPromptBytesMax = 33'554'432;

std::unexpected<Error> wrong(std::string param, std::string message) {
  return client_error(Code::config_invalid, std::move(message), std::move(param));
}

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

// A header's name as RFC 9110 has it (token), in lower case.
bool is_header_name(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && text.size() <= kNameBytesMax && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

bool carries_credentials(std::string_view header) {
  constexpr std::array<std::string_view, 5> kNames{"authorization", "proxy-authorization", "cookie",
                                                   "api-key", "x-api-key"};
  return std::ranges::find(kNames, header) != kNames.end();
}

// chat, completions, embeddings
using Abilities = std::bitset<3>;
constexpr std::array<const char*, 3> kAbilities{"chat", "completions", "embeddings"};

Abilities abilities_of(const Model& model) {
  Abilities abilities;
  abilities[0] = model.chat;
  abilities[1] = model.completions;
  abilities[2] = model.embeddings;
  return abilities;
}

const char* lacking_of(const Abilities& asked, const Abilities& able) {
  for (std::size_t i = 0; i < kAbilities.size(); ++i)
    if (asked[i] && !able[i]) return kAbilities.at(i);
  return nullptr;
}

Result<void> check_versions(const Route& route) {
  const auto& versions = route.versions;
  if (versions.empty() || versions.size() > kRouteVersionsMax)
    return wrong("versions", fmt::format("want 1 to {} versions", kRouteVersionsMax));
  std::int64_t sum = 0;
  std::set<ModelName> seen;
  for (std::size_t i = 0; i < versions.size(); ++i) {
    if (!seen.insert(versions[i].model).second)
      return wrong(fmt::format("versions[{}].model", i),
                   fmt::format("{} is a version of this route already", versions[i].model.text()));
    if (versions[i].weight < 0 || versions[i].weight > kWeightMax)
      return wrong(fmt::format("versions[{}].weight", i), fmt::format("want 0 to {}", kWeightMax));
    sum += versions[i].weight;
  }
  if (sum == 0) return wrong("versions", "all weights are 0: no version would answer");
  const auto stable = std::ranges::count(versions, Stage::stable, &RouteVersion::stage);
  if (stable != 1)
    return wrong("versions", fmt::format("want exactly one version with the stage stable; there "
                                         "are {}",
                                         stable));
  return {};
}

Result<void> check_version_of(const Route& route, const ModelName& version, std::string param) {
  if (route.version(version)) return {};
  return wrong(std::move(param), fmt::format("{} is not a version of this route", version.text()));
}

Result<void> check_match(const Match& match, const std::string& at) {
  if (match.value.empty() || match.value.size() > kValueBytesMax)
    return wrong(at + ".value", fmt::format("want 1 to {} characters", kValueBytesMax));
  const auto is_control = [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; };
  if (std::ranges::any_of(match.value, is_control))
    return wrong(at + ".value", "has control characters, which none has");
  if (match.of == Match::Of::key_label) {
    if (match.name.empty() || match.name.size() > kNameBytesMax)
      return wrong(at + ".name", fmt::format("want 1 to {} characters", kNameBytesMax));
    return {};
  }
  if (!is_header_name(match.name))
    return wrong(at + ".name", "want the name of a header, in lower case");
  if (carries_credentials(match.name))
    return wrong(at + ".name", match.name + " carries credentials; routes may not look at it");
  return {};
}

// Each kind has places of its own: "conditions[0].key_labels[1]".
Result<void> check_matches(const std::vector<Match>& all, const std::string& at) {
  std::size_t headers = 0;
  std::size_t labels = 0;
  for (const Match& match : all) {
    const bool is_header = match.of == Match::Of::header;
    TRY_VOID(check_match(match, is_header ? fmt::format("{}.headers[{}]", at, headers++)
                                          : fmt::format("{}.key_labels[{}]", at, labels++)));
  }
  return {};
}

Result<void> check_conditions(const Route& route) {
  if (route.conditions.size() > kRouteConditionsMax)
    return wrong("conditions", fmt::format("want at most {}", kRouteConditionsMax));
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < route.conditions.size(); ++i) {
    const Condition& condition = route.conditions[i];
    const std::string at = fmt::format("conditions[{}]", i);
    if (!is_label(condition.name))
      return wrong(at + ".name", "want 1 to 64 characters of a-z, 0-9 and -");
    if (!seen.insert(condition.name).second)
      return wrong(at + ".name", "another condition has this name: " + condition.name);
    if (condition.all.empty() && !condition.tenant)
      return wrong(at, "want headers, key_labels or a tenant: it would fit every request");
    if (condition.all.size() > kConditionMatchesMax)
      return wrong(at + ".headers",
                   fmt::format("want at most {} headers and key_labels", kConditionMatchesMax));
    if (condition.project && !condition.tenant)
      return wrong(at + ".project", "name its tenant, too: each has projects of its own");
    TRY_VOID(check_matches(condition.all, at));
    TRY_VOID(check_version_of(route, condition.version, at + ".version"));
  }
  return {};
}

Result<void> check_mirror(const Route& route) {
  if (!route.mirror) return {};
  const Mirror& mirror = *route.mirror;
  TRY_VOID(check_version_of(route, mirror.version, "mirror.version"));
  if (route.version(mirror.version)->weight > 0)
    return wrong("mirror.version",
                 fmt::format("{} has a weight, so it would be compared with itself; give it the "
                             "weight 0",
                             mirror.version.text()));
  if (mirror.share < 1 || mirror.share > kWholeShare)
    return wrong("mirror.share", "want more than 0 and at most all");
  if (mirror.in_flight_max < 1 || mirror.in_flight_max > kMirrorInFlightMax)
    return wrong("mirror.in_flight_max", fmt::format("want 1 to {}", kMirrorInFlightMax));
  if (mirror.prompt_bytes_max < 1 || mirror.prompt_bytes_max > kPromptBytesMax)
    return wrong("mirror.prompt_bytes_max", fmt::format("want 1 to {}", kPromptBytesMax));
  return {};
}

Result<void> check_fallbacks(const Route& route) {
  if (route.fallbacks.size() > kRouteFallbacksMax)
    return wrong("fallbacks", fmt::format("want at most {}", kRouteFallbacksMax));
  std::set<std::pair<Fallback::Kind, ModelName>> seen;
  for (std::size_t i = 0; i < route.fallbacks.size(); ++i) {
    const Fallback& fallback = route.fallbacks[i];
    const std::string at = fmt::format("fallbacks[{}]", i);
    if (!seen.insert({fallback.kind, fallback.name}).second)
      return wrong(at, fmt::format("{} is in the list already", fallback.name.text()));
    if (fallback.kind == Fallback::Kind::route && fallback.name == route.name)
      return wrong(at, "the route would fall back to itself");
    if (fallback.kind == Fallback::Kind::model && route.versions.size() == 1 &&
        route.version(fallback.name))
      return wrong(at, fmt::format("{} is the only version, so it is what would have failed",
                                   fallback.name.text()));
  }
  return {};
}

Result<void> check_times(const RouteTimeouts& times) {
  const auto check = [](const std::optional<std::chrono::milliseconds>& time,
                        const char* param) -> Result<void> {
    if (time && (*time <= 0ms || *time > kTimeMax))
      return wrong(param, "want more than 0 and at most 24 hours");
    return {};
  };
  TRY_VOID(check(times.connect, "timeouts.connect"));
  TRY_VOID(check(times.first_token, "timeouts.first_token"));
  TRY_VOID(check(times.inter_token, "timeouts.inter_token"));
  TRY_VOID(check(times.total, "timeouts.total"));
  if (times.first_token_per_1000 < 0ms || times.first_token_per_1000 > kTimeMax)
    return wrong("timeouts.first_token_per_1000", "want 0 to 24 hours");
  if (times.first_token_per_1000 > 0ms && !times.first_token)
    return wrong("timeouts.first_token_per_1000", "adds to first_token, which is not set");
  for (const auto& [part, param] : {std::pair(times.connect, "timeouts.connect"),
                                    std::pair(times.first_token, "timeouts.first_token"),
                                    std::pair(times.inter_token, "timeouts.inter_token")}) {
    if (part && times.total && *part > *times.total)
      return wrong(param, "is longer than timeouts.total, so it would never be reached");
  }
  return {};
}

Result<void> check_retry(const RetryPolicy& retry) {
  if (retry.attempts_max < 1 || retry.attempts_max > kAttemptsMax)
    return wrong("retry.attempts_max", fmt::format("want 1 to {}", kAttemptsMax));
  if (retry.backoff_base < 0ms || retry.backoff_base > retry.backoff_max)
    return wrong("retry.backoff_base", "want 0 to backoff_max");
  if (retry.backoff_max > 60s) return wrong("retry.backoff_max", "want at most a minute");
  if (retry.budget_percent < 0 || retry.budget_percent > 100)
    return wrong("retry.budget_percent", "want 0 to 100");
  if (retry.budget_min < 0 || retry.budget_min > 100)
    return wrong("retry.budget_min", "want 0 to 100");
  return {};
}

// Routes by name, with their place in the configuration.
class RouteSet {
 public:
  explicit RouteSet(std::span<const Route> routes) : routes_(routes) {
    for (std::size_t i = 0; i < routes.size(); ++i)
      by_name_.emplace(routes[i].name, i);
  }

  Result<void> check_names(std::size_t at, const std::set<ModelName>& models) const {
    const Route& route = routes_[at];
    if (by_name_.at(route.name) != at)
      return wrong(param(at, "name"),
                   fmt::format("another route has this name: {}", route.name.text()));
    if (models.contains(route.name) && !route.version(route.name))
      return wrong(param(at, "name"),
                   fmt::format("would hide the model {}; make it one of the route's versions or "
                               "choose another name",
                               route.name.text()));
    for (std::size_t i = 0; i < route.versions.size(); ++i) {
      if (!models.contains(route.versions[i].model))
        return wrong(param(at, fmt::format("versions[{}].model", i)),
                     fmt::format("there is no model {}", route.versions[i].model.text()));
    }
    for (std::size_t i = 0; i < route.fallbacks.size(); ++i) {
      const Fallback& fallback = route.fallbacks[i];
      const bool is_model = fallback.kind == Fallback::Kind::model;
      if (!(is_model ? models.contains(fallback.name) : by_name_.contains(fallback.name)))
        return wrong(
            param(at, fmt::format("fallbacks[{}]", i)),
            fmt::format("there is no {} {}", is_model ? "model" : "route", fallback.name.text()));
    }
    return {};
  }

  // No way along fallbacks comes back to where it was, or leads through too many routes.
  Result<void> check_ways_from(std::size_t at) const {
    std::vector<std::size_t> way;
    return follow(at, way);
  }

 private:
  static std::string param(std::size_t at, std::string_view field) {
    return fmt::format("routes[{}].{}", at, field);
  }

  // Ends: no way is longer than kFallbackDepthMax.
  Result<void> follow(std::size_t at, std::vector<std::size_t>& way) const {
    way.push_back(at);
    if (std::ranges::count(way, at) > 1)
      return wrong(param(way[0], "fallbacks"), "lead back: " + to_text(way));
    if (way.size() > kFallbackDepthMax)
      return wrong(param(way[0], "fallbacks"), fmt::format("lead through more than {} routes: {}",
                                                           kFallbackDepthMax, to_text(way)));
    for (const Fallback& fallback : routes_[at].fallbacks) {
      if (fallback.kind != Fallback::Kind::route) continue;
      TRY_VOID(follow(by_name_.at(fallback.name), way));
    }
    way.pop_back();
    return {};
  }

  std::string to_text(const std::vector<std::size_t>& way) const {
    std::string text;
    for (const std::size_t at : way)
      text.append(text.empty() ? "" : " > ").append(routes_[at].name.text());
    return text;
  }

  std::span<const Route> routes_;
  std::map<ModelName, std::size_t> by_name_;  // of two of a name the first
};

template <class Enum, std::size_t N>
std::optional<Enum> parse_name(std::string_view text, const std::array<Enum, N>& all) {
  const auto found = std::ranges::find_if(all, [text](Enum value) { return name(value) == text; });
  if (found == all.end()) return std::nullopt;
  return *found;
}

}  // namespace

std::string_view name(Stage stage) {
  switch (stage) {
    case Stage::stable:
      return "stable";
    case Stage::canary:
      return "canary";
    case Stage::experiment:
      return "experiment";
  }
  return "";
}

std::optional<Stage> parse_stage(std::string_view text) {
  return parse_name(text, std::array{Stage::stable, Stage::canary, Stage::experiment});
}

std::string_view name(StickyBy by) {
  switch (by) {
    case StickyBy::tenant:
      return "tenant";
    case StickyBy::user:
      return "user";
    case StickyBy::session:
      return "session";
  }
  return "";
}

std::optional<StickyBy> parse_sticky_by(std::string_view text) {
  return parse_name(text, std::array{StickyBy::tenant, StickyBy::user, StickyBy::session});
}

std::optional<std::chrono::milliseconds> first_token_timeout(const RouteTimeouts& timeouts,
                                                             std::int64_t prompt_tokens) {
  assert(prompt_tokens >= 0);
  if (!timeouts.first_token) return std::nullopt;
  // 128 bits: a day for each 1,000 tokens times any count of tokens.
  const auto added = static_cast<__int128>(timeouts.first_token_per_1000.count()) *
                     static_cast<__int128>(prompt_tokens) / 1'000;
  const auto most = static_cast<__int128>(timeouts.total.value_or(kTimeMax).count());
  const auto wanted = static_cast<__int128>(timeouts.first_token->count()) + added;
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(wanted, most)));
}

const RouteVersion& Route::stable() const {
  const auto found = std::ranges::find(versions, Stage::stable, &RouteVersion::stage);
  assert(found != versions.end());
  return *found;
}

const RouteVersion* Route::version(const ModelName& model) const {
  const auto found = std::ranges::find(versions, model, &RouteVersion::model);
  return found == versions.end() ? nullptr : &*found;
}

Result<void> validate(const Route& route) {
  TRY_VOID(check_versions(route));
  if (route.grey) {
    if (!is_label(route.grey->name))
      return wrong("grey.name", "want 1 to 64 characters of a-z, 0-9 and -");
    TRY_VOID(check_version_of(route, route.grey->version, "grey.version"));
  }
  TRY_VOID(check_conditions(route));
  TRY_VOID(check_mirror(route));
  TRY_VOID(check_fallbacks(route));
  TRY_VOID(check_times(route.timeouts));
  return check_retry(route.retry);
}

Result<void> validate(std::span<const Route> routes, const std::set<ModelName>& models) {
  const RouteSet set(routes);
  for (std::size_t i = 0; i < routes.size(); ++i) {
    if (auto valid = validate(routes[i]); !valid) {
      const std::string param = fmt::format("routes[{}].{}", i, valid.error().param());
      return fail(std::move(valid.error()).with_param(param));
    }
    TRY_VOID(set.check_names(i, models));
  }
  for (std::size_t i = 0; i < routes.size(); ++i)
    TRY_VOID(set.check_ways_from(i));
  return {};
}

Result<void> check_abilities(const Route& route,
                             const std::function<const Model*(const ModelName&)>& find) {
  Abilities asked;
  bool all_known = true;
  for (const RouteVersion& version : route.versions) {
    if (route.mirror && route.mirror->version == version.model) continue;
    const Model* const model = find(version.model);
    all_known = all_known && model != nullptr;
    if (model != nullptr) asked |= abilities_of(*model);
  }
  if (const Model* const copy = route.mirror ? find(route.mirror->version) : nullptr) {
    if (const char* const lacking = lacking_of(asked, abilities_of(*copy)))
      return wrong("mirror.version",
                   fmt::format("{} has no {}, which a version of the route has; mirror to a model "
                               "of the same kind",
                               copy->name.text(), lacking));
  }
  for (std::size_t i = 0; all_known && i < route.fallbacks.size(); ++i) {
    const Fallback& fallback = route.fallbacks[i];
    const Model* const model =
        fallback.kind == Fallback::Kind::model ? find(fallback.name) : nullptr;
    if (model == nullptr || (abilities_of(*model) & asked).any()) continue;
    return wrong(
        fmt::format("fallbacks[{}]", i),
        fmt::format("{} can do nothing of what the versions of the route can", model->name.text()));
  }
  return {};
}

}  // namespace sovmesh::catalog
