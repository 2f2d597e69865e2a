#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/ids.h"
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
  void pointless(const Position& at, std::string_view setting, std::string_view why) {
    error(at, fmt::format("'{}' has no effect: {}", setting, why));
  }

  void check_engine(const Engine& engine) {
    once(engines_, "engine", engine.name, engine.position);
    const Engine defaults;
    if (engine.managed) {
      if (engine.model_file.empty()) error(engine.position, "a managed engine needs 'model_file'");
      if (!engine.url.empty()) pointless(engine.position, "url", "the engine is managed");
      if (!engine.api_key.empty()) pointless(engine.position, "api_key", "the engine is managed");
      if (!engine.ca_pem.empty()) pointless(engine.position, "ca_file", "the engine is managed");
      if (!engine.capabilities.empty()) {
        pointless(engine.position, "capabilities", "a managed engine's are known");
      }
      if (engine.discover_models) {
        pointless(engine.position, "discover_models", "the engine is managed");
      }
      if (engine.dialect != defaults.dialect) {
        pointless(engine.position, "dialect", "the engine is managed");
      }
      return;
    }
    if (engine.url.empty()) error(engine.position, "a remote engine needs 'url'");
    const auto managed_only = [&](std::string_view setting, bool set) {
      if (set) pointless(engine.position, setting, "the engine is remote");
    };
    managed_only("model_file", !engine.model_file.empty());
    managed_only("adapter_files", !engine.adapter_files.empty());
    managed_only("program", !engine.program.empty());
    managed_only("context_tokens", engine.context_tokens != defaults.context_tokens);
    managed_only("threads", engine.threads != defaults.threads);
    managed_only("embeddings", engine.embeddings != defaults.embeddings);
    managed_only("start_at_boot", engine.start_at_boot != defaults.start_at_boot);
    managed_only("memory_max_bytes", engine.memory_max_bytes != 0);
    managed_only("sandbox", engine.sandbox != defaults.sandbox);
    if (!engine.ca_pem.empty() && !engine.url.starts_with("https://")) {
      pointless(engine.position, "ca_file", "the url is not https");
    }
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
      for (const std::string& scope : key.scopes)
        check_scope(scope, key);
      for (const std::string& model : key.models.value_or(std::vector<std::string>())) {
        check_name(ModelName::parse(model), key.position);
      }
    }
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
    const auto engine = std::ranges::find(config_.engines, model.engine, &Engine::name);
    if (engine == config_.engines.end()) {
      error(model.position, fmt::format("model '{}' names the engine '{}', which does not exist",
                                        model.name, model.engine));
    } else if (model.adapter) {
      const auto adapters = static_cast<int>(engine->adapter_files.size());
      if (!engine->managed)
        pointless(model.position, "adapter", "the engine is remote; use engine_model");
      if (engine->managed && *model.adapter >= adapters) {
        error(model.position,
              fmt::format("adapter: engine '{}' has {} adapter_files, counted from 0", engine->name,
                          adapters));
      }
    }
    if (engine != config_.engines.end() && engine->managed && model.embeddings &&
        !engine->embeddings) {
      pointless(model.position, "embeddings", "the engine does not offer them");
    }
    if (engine != config_.engines.end() && engine->managed &&
        model.context_tokens > engine->context_tokens) {
      pointless(model.position, "context_tokens",
                fmt::format("the engine has {} for one request", engine->context_tokens));
    }
    if (!model.chat && !model.completions && !model.embeddings) {
      error(model.position, fmt::format("model '{}' offers nothing", model.name));
    }
    for (const std::string& tenant : model.tenants.value_or(std::vector<std::string>())) {
      check_name(TenantSlug::parse(tenant), model.position);
    }
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
  std::map<std::string, Position> hosts_;
};

}  // namespace

void check(const Config& config, std::vector<Finding>& findings) {
  Checker(config, findings).run();
}

}  // namespace sovmesh::config
