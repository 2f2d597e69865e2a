#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "compose/litellm_parts.h"
#include "compose/yaml_text.h"

namespace sovmesh::compose::litellm {
namespace {

using Outcome = ImportFinding::Outcome;

constexpr std::size_t kFallbacksMax = 8;
constexpr std::size_t kVersionNameMax = 120;

class Writer {
 public:
  Writer(const Contents& contents, std::vector<ImportFinding>& findings)
      : contents_(contents), limits_(contents.limits), findings_(findings) {}

  std::string write() {
    group();
    make_routes();
    Json out = Json::object();
    Json engines = Json::array();
    for (const Engine& engine : contents_.engines)
      engines.push_back(engine_json(engine));
    out["engines"] = std::move(engines);
    if (!models_.empty()) out["models"] = models_;
    if (!routes_.empty()) out["routes"] = routes_;
    Json tenant{{"name", kTenant}};
    if (contents_.has_money) tenant["currency"] = "USD";
    if (!limits_.empty()) tenant["limits"] = limits_;
    out["tenants"] = Json::array({std::move(tenant)});
    if (!prices_.empty()) out["prices"] = prices_;
    return "# Written by `sovmesh import litellm`. Keys of callers are not in it: make them with\n"
           "# `sovmesh key create --tenant default`.\n" +
           yaml_text(out);
  }

 private:
  static Json engine_json(const Engine& engine) {
    Json json{{"name", engine.name},
              {"kind", "remote"},
              {"dialect", engine.dialect},
              {"url", engine.url}};
    if (!engine.key.empty()) json["api_key"] = engine.key;
    if (engine.slots) json["slots"] = *engine.slots;
    if (engine.discovers) json["discover_models"] = true;
    if (engine.embeddings) json["capabilities"] = {{"embeddings", true}};
    return json;
  }

  void add_model(const std::string& name, const Deployment& one,
                 const std::vector<std::string>& engines) {
    Json model{{"name", name}};
    if (engines.size() == 1)
      model["engine"] = engines.front();
    else
      model["engines"] = engines;
    if (one.engine_model != name) model["engine_model"] = one.engine_model;
    for (const auto& [member, value] : one.model.items())
      model[member] = value;
    models_.push_back(std::move(model));
    names_.insert(name);
    if (!one.price) return;
    Json price{{"model", name}, {"currency", "USD"}};
    for (const auto& [member, value] : one.price->items())
      price[member] = value;
    prices_.push_back(std::move(price));
  }

  // Deployments of one name: replicas where they are alike, else versions of a route.
  void group() {
    std::vector<std::string> order;
    std::map<std::string, std::vector<const Deployment*>> groups;
    for (const Deployment& one : contents_.deployments) {
      if (!groups.contains(one.group)) order.push_back(one.group);
      groups[one.group].push_back(&one);
    }
    for (const std::string& name : order) {
      const auto& all = groups[name];
      add_group(name, all);
      add_rates(name, all);
    }
  }

  void add_group(const std::string& name, const std::vector<const Deployment*>& all) {
    const Deployment& first = *all.front();
    std::vector<std::string> engines;
    bool alike = true;
    for (const Deployment* one : all) {
      alike = alike && one->engine_model == first.engine_model && one->model == first.model &&
              one->price == first.price && !one->weight;
      if (std::ranges::find(engines, one->engine) == engines.end()) engines.push_back(one->engine);
    }
    if (alike) return add_model(name, first, engines);
    Json versions = Json::array();
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::string version = fmt::format("{}-{}", name.substr(0, kVersionNameMax), i + 1);
      add_model(version, *all[i], {all[i]->engine});
      versions.push_back({{"model", version},
                          {"weight", all[i]->weight.value_or(1)},
                          {"stage", i == 0 ? "stable" : "experiment"}});
    }
    versions_[name] = std::move(versions);
  }

  void add_rates(const std::string& name, const std::vector<const Deployment*>& all) {
    std::int64_t requests = 0, tokens = 0;
    for (const Deployment* one : all) {
      requests += one->rpm.value_or(0);
      tokens += one->tpm.value_or(0);
    }
    const auto add = [&](const char* measure, std::int64_t amount) {
      if (amount > 0)
        limits_.push_back(
            {{"measure", measure}, {"window", "minute"}, {"amount", amount}, {"model", name}});
    };
    add("requests", requests);
    add("total_tokens", tokens);
  }

  Json versions_of(const std::string& name) const {
    const auto found = versions_.find(name);
    if (found != versions_.end()) return found->second;
    return Json::array({{{"model", name}, {"weight", 1}}});
  }
  bool is_there(const std::string& name) const {
    return names_.contains(name) || versions_.contains(name);
  }

  void tell(const Wish& wish, Outcome outcome, std::string text) {
    findings_.push_back({.position = wish.position,
                         .field = wish.field,
                         .outcome = outcome,
                         .text = std::move(text)});
  }

  // What a route falls back to: models, or routes that have versions. Names that are not there, and
  // those beyond kFallbacksMax, are in `lost`.
  Json fallbacks_of(const std::string& name, const Wish& wish, std::set<std::string>& lost) const {
    Json list = Json::array();
    for (const std::string& one : wish.names) {
      if (one == name) continue;
      if (!is_there(one) || list.size() >= kFallbacksMax)
        lost.insert(one);
      else
        list.push_back({{versions_.contains(one) ? "route" : "model", one}});
    }
    return list;
  }
  void tell_fallbacks(const Wish& wish, const char* what, const std::set<std::string>& lost) {
    if (lost.empty()) return tell(wish, Outcome::taken, what);
    tell(wish, Outcome::changed,
         fmt::format("{}, without '{}': no model of the outcome, or more than {}", what,
                     fmt::join(lost, "', '"), kFallbacksMax));
  }

  void add_route(const std::string& name, Json versions, Json fallbacks) {
    Json route{{"name", name}, {"versions", std::move(versions)}};
    if (!fallbacks.empty()) route["fallbacks"] = std::move(fallbacks);
    routes_.push_back(std::move(route));
  }

  // Falls back to what is said of it, or of all.
  void make_routes() {
    std::set<std::string> made;
    for (const auto& [name, wish] : contents_.fallbacks) {
      if (!is_there(name)) {
        tell(wish, Outcome::impossible, fmt::format("lost: '{}' is no model of the outcome", name));
        continue;
      }
      std::set<std::string> lost;
      Json list = fallbacks_of(name, wish, lost);
      tell_fallbacks(wish, "fallbacks of a route of this name", lost);
      if (list.empty()) continue;
      made.insert(name);
      add_route(name, versions_of(name), std::move(list));
    }
    make_other_routes(made);
    for (const auto& [alias, wish] : contents_.aliases) {
      const std::string& target = wish.names.front();
      if (!is_there(target) || is_there(alias)) {
        tell(wish, Outcome::impossible,
             fmt::format("lost: '{}' is no model of the outcome, or the alias is one", target));
        continue;
      }
      tell(wish, Outcome::taken, "a route of this name");
      add_route(alias, versions_of(target), Json::array());
    }
  }
  void make_other_routes(const std::set<std::string>& made) {
    const auto& defaults = contents_.default_fallbacks;
    std::set<std::string> left;
    for (const auto& [name, versions] : versions_)
      left.insert(name);
    if (defaults)
      for (const Deployment& one : contents_.deployments)
        left.insert(one.group);
    std::set<std::string> lost;
    for (const std::string& name : left) {
      if (made.contains(name)) continue;
      Json list = defaults ? fallbacks_of(name, *defaults, lost) : Json::array();
      if (!list.empty() || versions_.contains(name))
        add_route(name, versions_of(name), std::move(list));
    }
    if (defaults)
      tell_fallbacks(*defaults, "fallbacks of a route for every model that has none of its own",
                     lost);
  }

  const Contents& contents_;
  Json limits_;
  std::vector<ImportFinding>& findings_;
  Json models_ = Json::array();
  Json routes_ = Json::array();
  Json prices_ = Json::array();
  std::set<std::string> names_;           // of models
  std::map<std::string, Json> versions_;  // of routes that stand for several models
};

}  // namespace

std::string write_configuration(const Contents& contents, std::vector<ImportFinding>& findings) {
  return Writer(contents, findings).write();
}

}  // namespace sovmesh::compose::litellm
