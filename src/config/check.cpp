#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/ids.h"
#include "base/priority_class.h"
#include "base/time_text.h"
#include "config/read.h"
#include "config/values.h"

namespace sovmesh::config {
namespace {

constexpr std::size_t kPepperBytesMin = 32;

class Checker {
 public:
  Checker(const Config& config, std::vector<Finding>& findings)
      : config_(config), findings_(findings) {}

  void run() {
    for (const Engine& engine : config_.engines)
      check_engine(engine);
    for (const Tenant& tenant : config_.tenants)
      check_tenant(tenant);
    for (const Model& model : config_.models)
      check_model(model);
    for (const Route& route : config_.routes)
      check_route(route);
    check_listeners();
    check_security();
  }

 private:
  void error(const Position& at, std::string message) {
    findings_.push_back({.position = at, .message = std::move(message)});
  }
  // A name that stands twice among objects of one kind.
  void once(std::map<std::string, Position>& seen, const std::string& kind, const std::string& name,
            const Position& at) {
    const auto [first, fresh] = seen.try_emplace(name, at);
    if (!fresh) {
      error(at, fmt::format("{} '{}' stands twice; first at {}", kind, name, first->second.text()));
    }
  }
  void warning(const Position& at, std::string message) {
    findings_.push_back({.position = at, .message = std::move(message), .is_error = false});
  }
  // A setting that was written down, be it with its default value.
  void pointless(const Given& given, std::string_view setting, std::string_view why) {
    if (const Position* at = given.find(setting); at != nullptr)
      error(*at, fmt::format("'{}' has no effect: {}", setting, why));
  }

  void check_engine(const Engine& engine) {
    once(engines_, "engine", engine.name, engine.position);
    if (engine.managed) {
      if (engine.model_file.empty()) error(engine.position, "a managed engine needs 'model_file'");
      for (const char* setting :
           {"url", "api_key", "ca_file", "discover_models", "dialect", "read_load"})
        pointless(engine.given, setting, "the engine is managed");
      pointless(engine.given, "capabilities", "a managed engine's are known");
      return;
    }
    if (engine.url.empty()) error(engine.position, "a remote engine needs 'url'");
    for (const char* setting :
         {"model_file", "adapter_files", "program", "context_tokens", "threads", "embeddings",
          "start_at_boot", "memory_max_bytes", "sandbox"})
      pointless(engine.given, setting, "the engine is remote");
    if (!engine.url.empty() && !engine.url.starts_with("https://"))
      pointless(engine.given, "ca_file", "the url is not https");
    if (engine.dialect == "openai")
      pointless(engine.given, "read_load", "this dialect has no metrics page");
  }

  void check_tenant(const Tenant& tenant) {
    once(tenants_, "tenant", tenant.name, tenant.position);
    check_name(TenantSlug::parse(tenant.name), tenant.position);
    for (const std::string& host : tenant.hosts) {
      once(hosts_, "host", host, tenant.position);
      check_name(check_host_name(host), tenant.position);
    }
    std::map<std::string, Position> projects{{"default", tenant.position}};
    for (const Project& project : tenant.projects) {
      check_name(ProjectSlug::parse(project.name), project.position);
      if (project.name != "default") once(projects, "project", project.name, project.position);
    }
    std::map<std::string, Position> keys;
    for (const Key& key : tenant.keys) {
      once(keys, "key", key.name, key.position);
      if (key.secret.empty()) error(key.position, fmt::format("key '{}' needs 'secret'", key.name));
      if (!projects.contains(key.project)) {
        error(key.position, fmt::format("key '{}': tenant '{}' has no project '{}'", key.name,
                                        tenant.name, key.project));
      }
      if (key.expires_at && !parse_rfc3339(*key.expires_at)) {
        error(key.position, fmt::format("expires_at: want a time as 2027-01-31T00:00:00Z, not '{}'",
                                        *key.expires_at));
      }
      if (!parse_priority_class(key.max_priority)) {
        error(place(key, "max_priority"),
              fmt::format("max_priority: want interactive, agent or batch, not '{}'",
                          key.max_priority));
      }
      check_labels(key);
      for (const std::string& scope : key.scopes)
        check_scope(scope, key);
      if (key.scopes.empty()) {
        warning(place(key, "scopes"),
                fmt::format("key '{}' may do nothing: its scopes are empty", key.name));
      }
      for (const std::string& model : key.models.value_or(std::vector<std::string>()))
        check_model_of_key(model, key);
    }
  }

  template <class Object>
  static const Object* find_named(const std::vector<Object>& objects, const std::string& name) {
    const auto found = std::ranges::find(objects, name, &Object::name);
    return found == objects.end() ? nullptr : &*found;
  }
  template <class Object>
  static bool is_named(const std::vector<Object>& objects, const std::string& name) {
    return find_named(objects, name) != nullptr;
  }

  // Names only; what belongs together is checked where models of the admin API are known, too.
  void check_route(const Route& route) {
    once(routes_, "route", route.name, route.position);
    check_name(ModelName::parse(route.name), route.position);
    for (const RouteVersion& version : route.versions)
      check_model_of_route(version.model, version.position);
    for (const RouteCondition& condition : route.conditions)
      check_condition(condition);
    if (route.grey) {
      check_name(ModelName::parse(route.grey->version), route.grey->position);
      if (const auto& label = route.grey->key_label)
        check_name(check_label(label->name, label->value), label->position);
      for (const std::string& tenant : route.grey->tenants)
        check_name(TenantSlug::parse(tenant), route.grey->position);
    }
    for (const RouteFallback& fallback : route.fallbacks)
      check_fallback(route, fallback);
    if (route.mirror) check_mirror(route, *route.mirror);
  }

  void check_condition(const RouteCondition& condition) {
    check_name(ModelName::parse(condition.version), condition.position);
    for (const KeyLabel& label : condition.key_labels)
      check_name(check_label(label.name, label.value), label.position);
    if (!condition.tenant.empty())
      check_name(TenantSlug::parse(condition.tenant), condition.position);
    if (!condition.project.empty())
      check_name(ProjectSlug::parse(condition.project), condition.position);
    check_project(condition);
  }

  // The admin API may have made it.
  void check_project(const RouteCondition& condition) {
    const Tenant* const tenant = find_named(config_.tenants, condition.tenant);
    if (tenant == nullptr || condition.project.empty() || condition.project == "default" ||
        is_named(tenant->projects, condition.project))
      return;
    warning(condition.position, fmt::format("the file declares no project '{}' of the tenant '{}'",
                                            condition.project, condition.tenant));
  }

  // What its versions are asked for, it must be able to do. Models that are not declared here are
  // looked at when they are asked.
  void check_mirror(const Route& route, const RouteMirror& mirror) {
    check_name(ModelName::parse(mirror.version), mirror.position);
    constexpr std::int64_t kMicrosPerBasisPoint = Decimal::kMicro / 100;
    if (mirror.share > Decimal{.whole = 100} ||
        mirror.share.millionths % kMicrosPerBasisPoint != 0) {
      error(mirror.position, fmt::format("the share of a mirror is percent, up to 100, with at "
                                         "most 2 decimals; not {}",
                                         to_text(mirror.share)));
    }
    const Model* const copy = find_named(config_.models, mirror.version);
    if (copy == nullptr) return;
    for (const RouteVersion& version : route.versions) {
      const Model* const model = find_named(config_.models, version.model);
      if (model == nullptr || model == copy) continue;
      const char* const lacking = model->chat && !copy->chat                 ? "chat"
                                  : model->completions && !copy->completions ? "completions"
                                  : model->embeddings && !copy->embeddings   ? "embeddings"
                                                                             : nullptr;
      if (lacking == nullptr) continue;
      error(mirror.position,
            fmt::format("the mirror '{}' has no {}, which the version '{}' has: copies of such "
                        "requests could not be made; mirror to a model of the same kind",
                        mirror.version, lacking, version.model));
      return;
    }
  }

  void check_fallback(const Route& route, const RouteFallback& fallback) {
    if (fallback.model.empty() == fallback.route.empty()) {
      error(fallback.position, "a fallback needs 'model' or 'route', and not both");
    } else if (fallback.route.empty()) {
      check_model_of_route(fallback.model, fallback.position);
      check_kind(route, fallback);
    } else {
      check_name(ModelName::parse(fallback.route), fallback.position);
    }
  }

  // One that can do nothing of what the versions can would never answer.
  void check_kind(const Route& route, const RouteFallback& fallback) {
    const Model* const other = find_named(config_.models, fallback.model);
    if (other == nullptr) return;
    const bool may_help = std::ranges::any_of(route.versions, [&](const RouteVersion& version) {
      const Model* const model = find_named(config_.models, version.model);
      return model == nullptr || (model->chat && other->chat) ||
             (model->completions && other->completions) || (model->embeddings && other->embeddings);
    });
    if (may_help) return;
    error(fallback.position,
          fmt::format("the fallback '{}' can do nothing of what the versions of the route can; "
                      "fall back to a model of the same kind",
                      fallback.model));
  }

  // As of keys.
  void check_model_of_route(const std::string& model, const Position& at) {
    const Result<ModelName> name = ModelName::parse(model);
    check_name(name, at);
    if (!name || is_named(config_.models, model) ||
        std::ranges::any_of(config_.engines, &Engine::discover_models))
      return;
    warning(at, fmt::format("the route names the model '{}', which this configuration does not "
                            "declare",
                            model));
  }

  // A model may also come from the admin API or from an engine's own list.
  void check_model_of_key(const std::string& model, const Key& key) {
    const Result<ModelName> name = ModelName::parse(model);
    check_name(name, place(key, "models"));
    const bool is_declared = is_named(config_.models, model) || is_named(config_.routes, model);
    if (!name || is_declared || std::ranges::any_of(config_.engines, &Engine::discover_models))
      return;
    warning(place(key, "models"),
            fmt::format("key '{}' names the model '{}', which this configuration does not declare",
                        key.name, model));
  }

  void check_labels(const Key& key) {
    if (key.labels.size() > kLabelsMax)
      error(place(key, "labels"), fmt::format("key '{}' has {} labels: want at most {}", key.name,
                                              key.labels.size(), kLabelsMax));
    for (const auto& [name, value] : key.labels)
      check_name(check_label(name, value), place(key, "labels"));
  }

  void check_scope(const std::string& scope, const Key& key) {
    static const std::set<std::string> known{"inference", "read:models", "read:usage"};
    if (!known.contains(scope)) {
      error(key.position,
            fmt::format("scopes: '{}' is not one of {}", scope, fmt::join(known, ", ")));
    }
  }

  void check_model(const Model& model) {
    once(models_, "model", model.name, model.position);
    check_name(ModelName::parse(model.name), model.position);
    check_engines(model);
    if (!model.chat && !model.completions && !model.embeddings) {
      error(model.position, fmt::format("model '{}' offers nothing", model.name));
    }
    for (const std::string& tenant : model.tenants.value_or(std::vector<std::string>())) {
      check_name(TenantSlug::parse(tenant), model.position);
    }
    check_bounds(model);
  }

  void check_engines(const Model& model) {
    if (model.engine.empty() && model.engines.empty()) {
      error(model.position, fmt::format("model '{}' needs 'engine' or 'engines'", model.name));
      return;
    }
    if (!model.engine.empty() && !model.engines.empty())
      error(place(model, "engines"), "want 'engine' or 'engines', not both");
    std::set<std::string> seen;
    for (const std::string& name : engines_of(model)) {
      check_engine_of_model(name, model);
      if (!seen.insert(name).second)
        error(place(model, "engines"), fmt::format("the engine '{}' stands twice", name));
    }
  }

  void check_engine_of_model(const std::string& name, const Model& model) {
    const auto engine = std::ranges::find(config_.engines, name, &Engine::name);
    if (engine == config_.engines.end()) {
      error(model.position, fmt::format("model '{}' names the engine '{}', which does not exist",
                                        model.name, name));
    } else if (model.adapter) {
      const auto adapters = static_cast<int>(engine->adapter_files.size());
      if (!engine->managed)
        pointless(model.given, "adapter", "the engine is remote; use engine_model");
      if (engine->managed && *model.adapter >= adapters) {
        error(model.position,
              fmt::format("adapter: engine '{}' has {} adapter_files, counted from 0", engine->name,
                          adapters));
      }
    }
    if (engine != config_.engines.end() && engine->managed && model.embeddings &&
        !engine->embeddings) {
      pointless(model.given, "embeddings", "the engine does not offer them");
    }
    if (engine != config_.engines.end() && engine->managed &&
        model.context_tokens > engine->context_tokens) {
      pointless(model.given, "context_tokens",
                fmt::format("the engine has {} for one request", engine->context_tokens));
    }
  }

  // Bounds that another one of the same model is always reached before.
  void check_bounds(const Model& model) {
    const auto never_reached = [&](std::string_view setting, std::chrono::milliseconds time) {
      if (time > model.total_timeout)
        pointless(model.given, setting, "it is longer than 'total_timeout'");
    };
    never_reached("first_token_timeout", model.first_token_timeout);
    never_reached("stall_timeout", model.stall_timeout);
    if (model.commit_after) never_reached("commit_after", *model.commit_after);
    if (model.context_tokens > 0 && model.output_tokens_max > model.context_tokens)
      pointless(model.given, "output_tokens_max", "it is larger than 'context_tokens'");
  }

  // Where a setting stands; else the object that does not have it.
  template <class Object>
  static const Position& place(const Object& object, std::string_view setting) {
    const Position* at = object.given.find(setting);
    return at != nullptr ? *at : object.position;
  }

  template <class T>
  void check_name(const Result<T>& parsed, const Position& at) {
    if (!parsed) error(at, parsed.error().message());
  }

  void check_security() {
    const std::optional<Secret>& pepper = config_.security.pepper;
    if (pepper && pepper->reveal().size() < kPepperBytesMin) {
      error(config_.security.position, fmt::format("pepper: want at least {} characters, it has {}",
                                                   kPepperBytesMin, pepper->reveal().size()));
    }
  }

  void check_listeners() {
    for (const std::string& host : config_.server.hosts) {
      if (host != "*") check_name(check_host_name(host), config_.server.position);
    }
    std::set<std::string> seen;
    for (const auto* listeners :
         {&config_.server.listen, &config_.server.admin_listen, &config_.server.metrics_listen}) {
      for (const std::string& address : *listeners) {
        const bool any_port = address.ends_with(":0");
        if (!any_port && !seen.insert(address).second) {
          error(config_.server.position, fmt::format("two listeners on {}", address));
        }
      }
    }
    for (const std::string& origin : config_.server.cors_origins) {
      if (const Result<void> fits = check_origin(origin); !fits) {
        error(config_.server.position,
              fmt::format("cors_origins: '{}': {}", origin, fits.error().message()));
      }
    }
    if (config_.server.listen.empty())
      error(config_.server.position, "listen: want at least one address");
  }

  const Config& config_;
  std::vector<Finding>& findings_;
  std::map<std::string, Position> engines_;
  std::map<std::string, Position> tenants_;
  std::map<std::string, Position> models_;
  std::map<std::string, Position> routes_;
  std::map<std::string, Position> hosts_;
};

}  // namespace

void check(const Config& config, std::vector<Finding>& findings) {
  Checker(config, findings).run();
  check_metering(config, findings);
}

std::vector<Finding> check_dates(const Config& config, WallTime now) {
  std::vector<Finding> findings;
  for (const Tenant& tenant : config.tenants) {
    for (const Key& key : tenant.keys) {
      const auto end = key.expires_at ? parse_rfc3339(*key.expires_at) : std::nullopt;
      if (!end || *end > now) continue;
      const Position* at = key.given.find("expires_at");
      findings.push_back({.position = at != nullptr ? *at : key.position,
                          .message = fmt::format("key '{}' of '{}' has expired: it opens nothing",
                                                 key.name, tenant.name),
                          .is_error = false});
    }
  }
  return findings;
}

}  // namespace sovmesh::config
