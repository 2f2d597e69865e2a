#include "control/file_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "config/values.h"

namespace sovmesh::control {
namespace {

constexpr std::int32_t kMicrosPerBasisPoint = Decimal::kMicro / 100;

std::unexpected<Error> broken(const config::Position& at, const std::string& route,
                              std::string_view why) {
  return our_error(Code::config_invalid,
                   fmt::format("{}: error: route '{}': {}", at.text(), route, why));
}

std::string message_of(const Error& error) {
  if (error.param().empty()) return error.message();
  return fmt::format("{}: {}", error.param(), error.message());
}

Result<ModelName> model_at(std::string_view field, const std::string& text) {
  auto name = ModelName::parse(text);
  if (name) return name;
  return fail(std::move(name).error().with_param(std::string(field)));
}

Result<catalog::Match> label_of(const config::KeyLabel& spec, const std::string& at) {
  if (auto fits = config::check_label(spec.name, spec.value); !fits)
    return fail(std::move(fits).error().with_param(at));
  return catalog::Match{
      .of = catalog::Match::Of::key_label, .name = spec.name, .value = spec.value};
}

Result<catalog::GreyChannel> grey_of(const config::GreyChannel& spec,
                                     const TenantNamed& tenant_named) {
  TRY(ModelName version, model_at("grey.version", spec.version));
  catalog::GreyChannel grey{.name = spec.name, .version = std::move(version), .tenants = {}};
  for (const std::string& slug : spec.tenants) {
    auto tenant = tenant_named(slug);
    if (!tenant) return fail(std::move(tenant).error().with_param("grey.tenants"));
    grey.tenants.insert(*tenant);
  }
  if (spec.key_label) {
    TRY(grey.key_label, label_of(*spec.key_label, "grey.key_label"));
  }
  return grey;
}

Result<catalog::Condition> condition_of(const config::RouteCondition& spec, std::size_t i,
                                        const TenantNamed& tenant_named) {
  const std::string at = fmt::format("conditions[{}]", i);
  TRY(ModelName version, model_at(at + ".version", spec.version));
  catalog::Condition condition{.name = spec.name, .all = {}, .version = std::move(version)};
  for (const config::HeaderMatch& match : spec.headers) {
    condition.all.push_back(
        {.of = catalog::Match::Of::header, .name = match.name, .value = match.value});
  }
  for (std::size_t j = 0; j < spec.key_labels.size(); ++j) {
    TRY(condition.all.emplace_back(),
        label_of(spec.key_labels[j], fmt::format("{}.key_labels[{}]", at, j)));
  }
  if (!spec.tenant.empty()) {
    auto tenant = tenant_named(spec.tenant);
    if (!tenant) return fail(std::move(tenant).error().with_param(at + ".tenant"));
    condition.tenant = *tenant;
  }
  if (!spec.project.empty()) {
    auto project = ProjectSlug::parse(spec.project);
    if (!project) return fail(std::move(project).error().with_param(at + ".project"));
    condition.project = *std::move(project);
  }
  return condition;
}

Result<catalog::Fallback> fallback_of(const config::RouteFallback& spec, std::size_t i) {
  using Kind = catalog::Fallback::Kind;
  const std::string field = fmt::format("fallbacks[{}]", i);
  if (spec.model.empty() == spec.route.empty())
    return client_error(Code::invalid_value, "want model or route, and not both", field);
  const Kind kind = spec.route.empty() ? Kind::model : Kind::route;
  TRY(ModelName name, model_at(field, spec.route.empty() ? spec.model : spec.route));
  return catalog::Fallback{.kind = kind, .name = std::move(name)};
}

Result<catalog::Mirror> mirror_of(const config::RouteMirror& spec) {
  TRY(ModelName version, model_at("mirror.version", spec.version));
  if (spec.share > Decimal{.whole = 100} || spec.share.millionths % kMicrosPerBasisPoint != 0)
    return client_error(Code::invalid_value, "want percent, up to 100, with at most 2 decimals",
                        "mirror.share");
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

// "routes[2].versions[0].model" -> 2 and "versions[0].model".
std::size_t take_position(std::string_view& param) {
  constexpr std::string_view kBefore = "routes[";
  const std::size_t at = std::strtoul(param.data() + kBefore.size(), nullptr, 10);
  param.remove_prefix(param.find("].") + 2);
  return at;
}

config::RouteTimeouts spec_of(const catalog::RouteTimeouts& times) {
  return {.connect = times.connect,
          .first_token = times.first_token,
          .first_token_per_1000 = times.first_token_per_1000,
          .inter_token = times.inter_token,
          .total = times.total,
          .position = {}};
}

bool is_said(const catalog::RouteTimeouts& times) {
  return times.connect || times.first_token || times.inter_token || times.total;
}

config::RouteMirror spec_of(const catalog::Mirror& mirror) {
  return {.version = std::string(mirror.version.text()),
          .share = {.whole = mirror.share / 100,
                    .millionths = mirror.share % 100 * kMicrosPerBasisPoint},
          .in_flight_max = mirror.in_flight_max,
          .prompt_bytes_max = mirror.prompt_bytes_max,
          .position = {}};
}

config::RouteFallback spec_of(const catalog::Fallback& fallback) {
  const std::string name(fallback.name.text());
  const bool is_model = fallback.kind == catalog::Fallback::Kind::model;
  return {.model = is_model ? name : "", .route = is_model ? "" : name, .position = {}};
}

config::RouteCondition spec_of(const catalog::Condition& condition, const TenantName& tenant_name) {
  config::RouteCondition spec{.name = condition.name,
                              .version = std::string(condition.version.text()),
                              .headers = {},
                              .key_labels = {},
                              .tenant = condition.tenant ? tenant_name(*condition.tenant) : "",
                              .project = {},
                              .position = {}};
  if (condition.project) spec.project = condition.project->text();
  for (const catalog::Match& match : condition.all) {
    if (match.of == catalog::Match::Of::header)
      spec.headers.push_back({.name = match.name, .value = match.value, .position = {}});
    else
      spec.key_labels.push_back({.name = match.name, .value = match.value, .position = {}});
  }
  return spec;
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

std::set<ModelName> names_of(const std::vector<catalog::Model>& models) {
  std::set<ModelName> names;
  for (const catalog::Model& model : models)
    names.insert(model.name);
  return names;
}

// One that is made or changed, and all others.
Result<void> check_together(const catalog::Route& route, const std::vector<catalog::Route>& others,
                            const std::set<ModelName>& models) {
  std::vector<catalog::Route> all{route};
  all.insert(all.end(), others.begin(), others.end());
  const auto valid = catalog::validate(all, models);
  if (valid) return {};
  const std::string text(valid.error().param());
  std::string_view param = text;
  const std::size_t at = take_position(param);
  if (at == 0)
    return client_error(Code::invalid_value, valid.error().message(), std::string(param));
  // What was wrong before, as a route whose name an engine has begun to list, hinders no other one.
  std::vector<catalog::Route> sound;
  for (const catalog::Route& other : others)
    if (catalog::validate(std::vector{other}, models)) sound.push_back(other);
  if (sound.size() < others.size()) return check_together(route, sound, models);
  return client_error(Code::invalid_value,
                      fmt::format("the route '{}' would be wrong: {}: {}", all[at].name.text(),
                                  param, valid.error().message()));
}

}  // namespace

Result<catalog::Route> route_of(const config::Route& spec, const TenantNamed& tenant_named) {
  TRY(ModelName name, model_at("name", spec.name));
  catalog::Route route{.name = std::move(name)};
  for (std::size_t i = 0; i < spec.versions.size(); ++i) {
    const config::RouteVersion& version = spec.versions[i];
    TRY(ModelName model, model_at(fmt::format("versions[{}].model", i), version.model));
    route.versions.push_back({.model = std::move(model),
                              .weight = version.weight,
                              .stage = catalog::parse_stage(version.stage).value()});
  }
  route.sticky = catalog::parse_sticky_by(spec.sticky).value();
  if (spec.grey) {
    TRY(route.grey, grey_of(*spec.grey, tenant_named));
  }
  for (std::size_t i = 0; i < spec.conditions.size(); ++i) {
    TRY(catalog::Condition made, condition_of(spec.conditions[i], i, tenant_named));
    route.conditions.push_back(std::move(made));
  }
  if (spec.mirror) {
    TRY(route.mirror, mirror_of(*spec.mirror));
  }
  for (std::size_t i = 0; i < spec.fallbacks.size(); ++i) {
    TRY(catalog::Fallback made, fallback_of(spec.fallbacks[i], i));
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
  route.from_file = !spec.position.file.empty();
  route.source = spec.position.text();
  return route;
}

config::Route spec_of(const catalog::Route& route, const TenantName& tenant_name) {
  config::Route spec;
  spec.name = route.name.text();
  for (const catalog::RouteVersion& version : route.versions) {
    spec.versions.push_back({.model = std::string(version.model.text()),
                             .weight = version.weight,
                             .stage = std::string(catalog::name(version.stage)),
                             .position = {}});
  }
  spec.sticky = catalog::name(route.sticky);
  if (route.grey) {
    config::GreyChannel& grey = spec.grey.emplace();
    grey.name = route.grey->name;
    grey.version = route.grey->version.text();
    for (const TenantId tenant : route.grey->tenants)
      grey.tenants.push_back(tenant_name(tenant));
    if (const auto& label = route.grey->key_label)
      grey.key_label = config::KeyLabel{.name = label->name, .value = label->value, .position = {}};
  }
  for (const catalog::Condition& condition : route.conditions)
    spec.conditions.push_back(spec_of(condition, tenant_name));
  for (const catalog::Fallback& fallback : route.fallbacks)
    spec.fallbacks.push_back(spec_of(fallback));
  if (route.mirror) spec.mirror = spec_of(*route.mirror);
  if (is_said(route.timeouts)) spec.timeouts = spec_of(route.timeouts);
  return spec;
}

Result<void> check_api_route(const catalog::Route& route, const std::vector<catalog::Route>& others,
                             const std::vector<catalog::Model>& models) {
  TRY_VOID(check_together(route, others, names_of(models)));
  const auto find = [&](const ModelName& name) {
    const auto found = std::ranges::find(models, name, &catalog::Model::name);
    // What an engine lists says of itself that it can do everything.
    return found == models.end() || found->discovered ? nullptr : &*found;
  };
  const auto able = catalog::check_abilities(route, find);
  if (able) return {};
  return client_error(Code::invalid_value, able.error().message(),
                      std::string(able.error().param()));
}

Result<void> check_beside(const std::vector<catalog::Route>& of_file,
                          const std::vector<catalog::Route>& of_api,
                          const std::set<ModelName>& models) {
  std::vector<catalog::Route> all = of_api;
  all.insert(all.end(), of_file.begin(), of_file.end());
  const auto valid = catalog::validate(all, models);
  if (valid) return {};
  const std::string text(valid.error().param());
  std::string_view param = text;
  const std::string name(all[take_position(param)].name.text());
  return our_error(
      Code::config_invalid,
      fmt::format("error: the route '{}', which the admin API made, would be wrong: {}: {}. Leave "
                  "what it needs, or change or delete the route first (sovmesh route)",
                  name, param, valid.error().message()));
}

Result<std::vector<catalog::Route>> routes_of(const std::vector<config::Route>& specs,
                                              const TenantNamed& tenant_named,
                                              const std::set<ModelName>& models) {
  std::vector<catalog::Route> routes;
  for (const config::Route& spec : specs) {
    auto route = route_of(spec, tenant_named);
    if (!route) return broken(spec.position, spec.name, message_of(route.error()));
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

std::set<ModelName> models_of(const std::vector<catalog::Route>& routes) {
  std::set<ModelName> models;
  for (const catalog::Route& route : routes) {
    for (const catalog::RouteVersion& version : route.versions)
      models.insert(version.model);
    for (const catalog::Fallback& fallback : route.fallbacks) {
      if (fallback.kind == catalog::Fallback::Kind::model) models.insert(fallback.name);
    }
  }
  return models;
}

}  // namespace sovmesh::control
