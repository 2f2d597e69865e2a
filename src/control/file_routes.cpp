#include "control/file_routes.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <utility>

#include "base/hash.h"

namespace sovmesh::control {
namespace {

std::unexpected<Error> broken(const config::Position& at, const std::string& route,
                              std::string_view why) {
  return our_error(Code::config_invalid,
                   fmt::format("{}: error: route '{}': {}", at.text(), route, why));
}

Result<catalog::GreyChannel> grey_of(const config::GreyChannel& spec,
                                     const TenantNamed& tenant_named) {
  TRY(ModelName version, ModelName::parse(spec.version));
  catalog::GreyChannel grey{.name = spec.name, .version = std::move(version), .tenants = {}};
  for (const std::string& slug : spec.tenants) {
    TRY(const TenantId tenant, tenant_named(slug));
    grey.tenants.insert(tenant);
  }
  return grey;
}

Result<catalog::Condition> condition_of(const config::RouteCondition& spec) {
  TRY(ModelName version, ModelName::parse(spec.version));
  catalog::Condition condition{.name = spec.name, .all = {}, .version = std::move(version)};
  for (const config::HeaderMatch& match : spec.headers) {
    condition.all.push_back(
        {.of = catalog::Match::Of::header, .name = match.name, .value = match.value});
  }
  return condition;
}

Result<catalog::Fallback> fallback_of(const config::RouteFallback& spec) {
  using Kind = catalog::Fallback::Kind;
  const Kind kind = spec.route.empty() ? Kind::model : Kind::route;
  TRY(ModelName name, ModelName::parse(spec.route.empty() ? spec.model : spec.route));
  return catalog::Fallback{.kind = kind, .name = std::move(name)};
}

Result<catalog::Mirror> mirror_of(const config::RouteMirror& spec) {
  constexpr std::int64_t kMicrosPerBasisPoint = Decimal::kMicro / 100;
  TRY(ModelName version, ModelName::parse(spec.version));
  return catalog::Mirror{.version = std::move(version),
                         .share = static_cast<int>(spec.share.whole * 100 +
                                                   spec.share.millionths / kMicrosPerBasisPoint),
                         .in_flight_max = spec.in_flight_max,
                         .prompt_bytes_max = spec.prompt_bytes_max};
}

// Another one as soon as versions or weights are others: then the outcome of a rollout before that
// no longer counts.
std::int64_t revision_of(const catalog::Route& route) {
  std::string text;
  for (const catalog::RouteVersion& version : route.versions) {
    text += fmt::format("{} {} {}\n", version.model.text(), version.weight,
                        catalog::name(version.stage));
  }
  const Digest digest = sha256(text);
  std::int64_t revision = 0;
  for (const unsigned char byte : std::span(digest).first(6))
    revision = revision * 256 + byte;
  return revision;
}

Result<catalog::Route> route_of(const config::Route& spec, const TenantNamed& tenant_named) {
  TRY(ModelName name, ModelName::parse(spec.name));
  catalog::Route route{.name = std::move(name)};
  for (const config::RouteVersion& version : spec.versions) {
    TRY(ModelName model, ModelName::parse(version.model));
    route.versions.push_back({.model = std::move(model),
                              .weight = version.weight,
                              .stage = catalog::parse_stage(version.stage).value()});
  }
  route.sticky = catalog::parse_sticky_by(spec.sticky).value();
  if (spec.grey) {
    TRY(route.grey, grey_of(*spec.grey, tenant_named));
  }
  for (const config::RouteCondition& condition : spec.conditions) {
    TRY(catalog::Condition made, condition_of(condition));
    route.conditions.push_back(std::move(made));
  }
  if (spec.mirror) {
    TRY(route.mirror, mirror_of(*spec.mirror));
  }
  for (const config::RouteFallback& fallback : spec.fallbacks) {
    TRY(catalog::Fallback made, fallback_of(fallback));
    route.fallbacks.push_back(std::move(made));
  }
  if (spec.timeouts) {
    route.timeouts = {.connect = spec.timeouts->connect,
                      .first_token = spec.timeouts->first_token,
                      .first_token_per_1000 = spec.timeouts->first_token_per_1000,
                      .inter_token = spec.timeouts->inter_token,
                      .total = spec.timeouts->total};
  }
  route.revision = revision_of(route);
  route.from_file = true;
  route.source = spec.position.text();
  return route;
}

// "routes[2].versions[0].model" -> 2 and "versions[0].model".
std::size_t take_position(std::string_view& param) {
  constexpr std::string_view kBefore = "routes[";
  const std::size_t at = std::strtoul(param.data() + kBefore.size(), nullptr, 10);
  param.remove_prefix(param.find("].") + 2);
  return at;
}

// The error of catalog::validate() with its place in the file.
std::unexpected<Error> placed(const Error& error, const std::vector<config::Route>& specs) {
  const std::string text(error.param());
  std::string_view param = text;
  const config::Route& spec = specs[take_position(param)];
  const config::Position* at = spec.given.find(param.substr(0, param.find_first_of("[.")));
  return broken(at != nullptr ? *at : spec.position, spec.name,
                fmt::format("{}: {}", param, error.message()));
}

}  // namespace

Result<std::vector<catalog::Route>> routes_of(const std::vector<config::Route>& specs,
                                              const TenantNamed& tenant_named,
                                              const std::set<ModelName>& models) {
  std::vector<catalog::Route> routes;
  for (const config::Route& spec : specs) {
    auto route = route_of(spec, tenant_named);
    if (!route) return broken(spec.position, spec.name, route.error().message());
    routes.push_back(*std::move(route));
  }
  if (const auto valid = catalog::validate(routes, models); !valid)
    return placed(valid.error(), specs);
  return routes;
}

std::set<ModelName> models_of(const std::vector<config::Route>& specs) {
  std::set<ModelName> models;
  const auto add = [&](const std::string& text) {
    if (auto name = ModelName::parse(text)) models.insert(*std::move(name));
  };
  for (const config::Route& spec : specs) {
    for (const config::RouteVersion& version : spec.versions)
      add(version.model);
    for (const config::RouteFallback& fallback : spec.fallbacks) {
      if (fallback.route.empty()) add(fallback.model);
    }
  }
  return models;
}

}  // namespace sovmesh::control
