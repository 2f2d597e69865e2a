#include "control/directory_publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/time_text.h"
#include "control/admin_objects.h"
#include "control/file_routes.h"
#include "control/key_maker.h"
#include "control/limit_set.h"
#include "control/pool_members.h"
#include "control/releases.h"
#include "control/same_stored.h"
#include "control/stored_routes.h"
#include "tenancy/key_format.h"

namespace sovmesh::control {
namespace {

using tenancy::Ownership;

constexpr std::string_view kDefaultProject = "default";

Ownership from_file(const config::Position& position) {
  return {.by = Ownership::By::file, .source = position.text()};
}

std::unexpected<Error> taken(std::string_view kind, std::string_view name,
                             const config::Position& position) {
  return our_error(Code::config_invalid,
                   fmt::format("{}: error: {} '{}' exists already: it was made through the admin "
                               "API. Remove it there or rename one of the two.",
                               position.text(), kind, name));
}

// What the file wants, with ids: known ones for objects that exist, new ones for the rest.
struct Wanted {
  std::vector<tenancy::Tenant> tenants;
  std::vector<tenancy::Project> projects;
  std::vector<tenancy::Key> keys;
  std::vector<catalog::Model> models;
  std::vector<catalog::Route> routes;
  std::vector<store::LimitRecord> limits;
  AllFileSettings settings;
};

class Planner {
 public:
  // `api_routes`: that stay beside the file's.
  Planner(const config::Config& config, const store::ControlData& now,
          const std::vector<catalog::Route>& api_routes,
          const identity::Authenticator& authenticator, UlidSource& ids)
      : config_(config),
        now_(now),
        api_routes_(api_routes),
        authenticator_(authenticator),
        ids_(ids) {}

  Result<Wanted> plan() {
    for (const config::Engine& engine : config_.engines) {
      if (std::ranges::find(now_.engines, engine.name, &store::EngineRecord::name) !=
          now_.engines.end())
        return taken("engine", engine.name, engine.position);
    }
    for (const config::Tenant& tenant : config_.tenants)
      TRY_VOID(add_tenant(tenant));
    for (const config::Model& model : config_.models)
      TRY_VOID(add_model(model));
    TRY_VOID(add_routes());
    for (const config::Tenant& tenant : config_.tenants)
      TRY_VOID(add_settings(tenant));
    for (const config::Pool& pool : config_.pools) {
      TRY_VOID(add_limits({.scope = limits::Scope::pool, .name = pool.name}, pool.limits));
      TRY_VOID(check_members(pool));
    }
    return std::move(wanted_);
  }

 private:
  Result<void> add_tenant(const config::Tenant& spec) {
    TRY(TenantSlug slug, TenantSlug::parse(spec.name));
    tenancy::Tenant tenant{.id = {}, .slug = std::move(slug)};
    const auto known = std::ranges::find(now_.tenants, tenant.slug, &tenancy::Tenant::slug);
    if (known != now_.tenants.end()) {
      if (known->meta.ownership.by != Ownership::By::file) {
        return taken("tenant", spec.name, spec.position);
      }
      tenant = *known;
    } else {
      tenant.id = {ids_.next()};
    }
    tenant.display_name = spec.display_name.empty() ? spec.name : spec.display_name;
    tenant.hosts = spec.hosts;
    tenant.suspended = spec.suspended;
    tenant.time_zone = spec.time_zone;
    tenant.currency = spec.currency;
    tenant.meta.ownership = from_file(spec.position);
    const TenantId id = tenant.id;
    wanted_.tenants.push_back(std::move(tenant));
    TRY_VOID(add_limits({.scope = limits::Scope::tenant, .tenant = id}, spec.limits));
    for (const config::User& user : spec.users) {
      TRY_VOID(
          add_limits({.scope = limits::Scope::user, .tenant = id, .name = user.name}, user.limits));
    }

    std::vector<config::Project> projects = spec.projects;
    if (std::ranges::find(projects, kDefaultProject, &config::Project::name) == projects.end()) {
      projects.push_back({.name = std::string(kDefaultProject), .position = spec.position});
    }
    for (const config::Project& project : projects)
      TRY_VOID(add_project(id, project));
    for (const config::Key& key : spec.keys)
      TRY_VOID(add_key(id, key));
    return {};
  }

  Result<void> add_project(TenantId tenant, const config::Project& spec) {
    TRY(ProjectSlug slug, ProjectSlug::parse(spec.name));
    tenancy::Project project{.id = {}, .tenant = tenant, .slug = std::move(slug)};
    const auto known = std::ranges::find_if(now_.projects, [&](const tenancy::Project& other) {
      return other.tenant == tenant && other.slug == project.slug;
    });
    if (known != now_.projects.end()) {
      project = *known;
    } else {
      project.id = {ids_.next()};
    }
    project.display_name = spec.display_name.empty() ? spec.name : spec.display_name;
    project.cost_centre = spec.cost_centre;
    project.meta.ownership = from_file(spec.position);
    const ProjectId id = project.id;
    wanted_.projects.push_back(std::move(project));
    return add_limits({.scope = limits::Scope::project, .tenant = tenant, .project = id},
                      spec.limits);
  }

  Result<void> add_key(TenantId tenant, const config::Key& spec) {
    const Result<KeyId> id = tenancy::parse_key(spec.secret.reveal());
    if (!id) {
      return our_error(Code::config_invalid,
                       fmt::format("{}: error: the secret of key '{}' is not a sovmesh key "
                                   "(sm-...). Make one with `sovmesh key generate`.",
                                   spec.position.text(), spec.name));
    }
    const auto project = std::ranges::find_if(wanted_.projects, [&](const tenancy::Project& other) {
      return other.tenant == tenant && other.slug.text() == spec.project;
    });
    if (project == wanted_.projects.end()) {
      return our_error(
          Code::config_invalid,
          fmt::format("{}: error: key '{}' names the project '{}', which does not exist",
                      spec.position.text(), spec.name, spec.project));
    }
    tenancy::Key key{.id = *id, .tenant = tenant, .project = project->id};
    const auto known = std::ranges::find(now_.keys, *id, &tenancy::Key::id);
    if (known != now_.keys.end()) {
      if (known->meta.ownership.by != Ownership::By::file) {
        return taken("key", id->text(), spec.position);
      }
      key = *known;
      key.tenant = tenant;
      key.project = project->id;
    }
    TRY_VOID(fill_key(key, spec));
    wanted_.keys.push_back(std::move(key));
    return add_limits({.scope = limits::Scope::key, .tenant = tenant, .key = *id}, spec.limits);
  }

  Result<void> add_limits(const store::LimitHolder& holder,
                          const std::vector<config::Limit>& specs) {
    for (const config::Limit& spec : specs)
      TRY_VOID(add_limit(holder, spec));
    return {};
  }

  // Members of the file are not stored; the same one may not be there through the API.
  Result<void> check_members(const config::Pool& pool) const {
    for (const store::PoolMemberRecord& record : now_.pool_members) {
      if (record.pool != pool.name) continue;
      const config::Member stored = member_of(record, now_);
      const auto same = std::ranges::find_if(pool.members, [&](const config::Member& member) {
        return member.tenant == stored.tenant && member.project == stored.project;
      });
      if (same != pool.members.end())
        return taken("member", stored.project.empty() ? stored.tenant : stored.project,
                     same->position);
    }
    return {};
  }

  Result<void> add_limit(const store::LimitHolder& holder, const config::Limit& spec) {
    const auto broken = [&](const Error& why) {
      return our_error(Code::config_invalid,
                       fmt::format("{}: error: limit: {}", spec.position.text(), why.message()));
    };
    auto wanted = limit_record(holder, spec);
    if (!wanted) return broken(wanted.error());
    const auto known = std::ranges::find_if(
        now_.limits, [&](const auto& other) { return is_same(other, *wanted); });
    if (known != now_.limits.end()) {
      if (known->meta.ownership.by != Ownership::By::file)
        return taken("limit", spec.name.empty() ? spec.measure : spec.name, spec.position);
      wanted->id = known->id;
      wanted->meta = known->meta;
    } else {
      wanted->id = {ids_.next()};
    }
    wanted->meta.ownership = from_file(spec.position);
    const auto limit = limit_of(*wanted, {.tenants = wanted_.tenants});
    if (!limit) return broken(limit.error());
    if (const auto fits = limits::validate(*limit); !fits) return broken(fits.error());
    wanted_.limits.push_back(*std::move(wanted));
    return {};
  }

  static Result<store::LimitRecord> limit_record(const store::LimitHolder& holder,
                                                 const config::Limit& spec) {
    const auto measure = parse_measure_word(spec.measure);
    const auto window = limits::parse_window(spec.window.value_or("none"));
    if (!measure || !window) return our_error(Code::config_invalid, "unknown measure or window");
    TRY(const std::int64_t amount, amount_of(*measure, spec.amount));
    return store::LimitRecord{
        .name = spec.name,
        .holder = holder,
        .measure = *measure,
        .window = *window,
        .alignment = spec.rolling ? limits::Alignment::rolling : limits::Alignment::calendar,
        .amount = amount,
        .shadow = spec.shadow,
        .model = spec.model.value_or("")};
  }

  Result<void> fill_key(tenancy::Key& key, const config::Key& spec) {
    key.display_name = spec.name;
    key.scopes.reset();
    for (const std::string& text : spec.scopes) {
      const auto scope = tenancy::parse_scope(text);
      if (!scope) {
        return our_error(Code::config_invalid,
                         fmt::format("{}: error: unknown scope '{}'", spec.position.text(), text));
      }
      key.scopes.set(static_cast<std::size_t>(*scope));
    }
    key.models.reset();
    if (spec.models) {
      key.models.emplace();
      for (const std::string& name : *spec.models) {
        TRY(ModelName model, ModelName::parse(name));
        key.models->insert(std::move(model));
      }
    }
    key.owner = spec.owner;
    const auto max_priority = parse_priority_class(spec.max_priority);
    if (!max_priority) {
      return our_error(Code::config_invalid, fmt::format("{}: error: unknown class '{}'",
                                                         spec.position.text(), spec.max_priority));
    }
    key.max_priority = *max_priority;
    key.labels = spec.labels;
    key.expires_at.reset();
    if (spec.expires_at) key.expires_at = parse_rfc3339(*spec.expires_at);
    key.revoked_at.reset();
    key.previous.reset();
    seal(key, authenticator_, spec.secret.reveal());
    key.meta.ownership = from_file(spec.position);
    return {};
  }

  Result<void> add_model(const config::Model& spec) {
    TRY(ModelName name, ModelName::parse(spec.name));
    catalog::Model model{.id = {}, .name = std::move(name)};
    const auto known = std::ranges::find(now_.models, model.name, &catalog::Model::name);
    if (known != now_.models.end()) {
      if (!known->from_file) return taken("model", spec.name, spec.position);
      model.id = known->id;
      model.revision = known->revision;
      model.created_at = known->created_at;
    } else {
      model.id = {ids_.next()};
    }
    model.engine = config::engines_of(spec).front();
    model.engines = spec.engines;
    model.engine_model = spec.engine_model.empty() ? spec.name : spec.engine_model;
    model.adapter = spec.adapter;
    model.owned_by = spec.owned_by;
    TRY_VOID(put_artifact(spec, model));
    model.chat = spec.chat;
    model.completions = spec.completions;
    model.embeddings = spec.embeddings;
    model.for_all_tenants = !spec.tenants.has_value();
    model.context_tokens = spec.context_tokens;
    model.output_tokens_max = spec.output_tokens_max;
    model.choices_max = spec.choices_max;
    model.extra_fields = {spec.extra_fields.begin(), spec.extra_fields.end()};
    model.reject_unknown_fields = spec.reject_unknown_fields;
    model.first_token_timeout = spec.first_token_timeout;
    model.stall_timeout = spec.stall_timeout;
    model.total_timeout = spec.total_timeout;
    model.commit_after = spec.commit_after;
    model.from_file = true;
    model.source = spec.position.text();
    for (const std::string& slug : spec.tenants.value_or(std::vector<std::string>())) {
      const auto id = tenant_named(slug);
      if (!id) {
        return our_error(Code::config_invalid,
                         fmt::format("{}: error: model '{}' {}", spec.position.text(), spec.name,
                                     id.error().message()));
      }
      model.tenants.insert(*id);
    }
    wanted_.models.push_back(std::move(model));
    return {};
  }

  // Files are imported into a running server, so what the file names is there when it is read.
  Result<void> put_artifact(const config::Model& spec, catalog::Model& model) const {
    model.artifact = spec.artifact;
    const auto is_it = [&](const auto& artifact) { return artifact.name.text() == spec.artifact; };
    if (spec.artifact.empty() || std::ranges::any_of(now_.artifacts, is_it)) return {};
    return our_error(
        Code::config_invalid,
        fmt::format("{}: error: model '{}' serves the artifact '{}', which has not been "
                    "imported here (sovmesh model artifacts)",
                    spec.position.text(), spec.name, spec.artifact));
  }

  // Models and routes are known by now.
  Result<void> add_settings(const config::Tenant& spec) {
    if (!spec.settings) return {};
    TRY(const TenantId id, tenant_named(spec.name));
    const bool discovers = std::ranges::any_of(config_.engines, &config::Engine::discover_models);
    const NamesToBe names{wanted_.models, now_.models, wanted_.routes, api_routes_, discovers};
    TRY(FileSettings settings, file_settings_of(spec, id, names, now_.settings));
    wanted_.settings.emplace(spec.name, std::move(settings));
    return {};
  }

  Result<void> add_routes() {
    for (const catalog::Route& route : api_routes_) {
      const auto same = std::ranges::find(config_.routes, route.name.text(), &config::Route::name);
      if (same != config_.routes.end()) return taken("route", same->name, same->position);
    }
    const std::set<ModelName> models = models_to_be();
    const auto named = [this](const std::string& slug) { return tenant_named(slug); };
    TRY(wanted_.routes, routes_of(config_.routes, named, models));
    return check_beside(wanted_.routes, api_routes_, models);
  }

  // What the engines with discover_models list is not known before they have been asked.
  std::set<ModelName> models_to_be() const {
    std::set<ModelName> models;
    if (std::ranges::any_of(config_.engines, &config::Engine::discover_models)) {
      models = models_of(config_.routes);
      models.merge(models_of(api_routes_));
    }
    for (const catalog::Model& model : wanted_.models)
      models.insert(model.name);
    for (const catalog::Model& model : now_.models)
      if (!model.from_file) models.insert(model.name);
    return models;
  }

  Result<TenantId> tenant_named(const std::string& slug) const {
    for (const auto* tenants : {&wanted_.tenants, &now_.tenants}) {
      for (const tenancy::Tenant& tenant : *tenants) {
        if (tenant.slug.text() == slug) return tenant.id;
      }
    }
    return our_error(Code::config_invalid,
                     fmt::format("names the tenant '{}', which does not exist", slug));
  }

  const config::Config& config_;
  const store::ControlData& now_;
  const std::vector<catalog::Route>& api_routes_;
  const identity::Authenticator& authenticator_;
  UlidSource& ids_;
  Wanted wanted_;
};

bool is_files(const auto& object) {
  if constexpr (requires { object.meta; }) {
    return object.meta.ownership.by == Ownership::By::file;
  } else {
    return object.from_file;
  }
}
std::int64_t revision(const auto& object) {
  if constexpr (requires { object.meta; }) {
    return object.meta.revision;
  } else {
    return object.revision;
  }
}

std::vector<std::string> gone_tenants(const std::vector<tenancy::Tenant>& now,
                                      const std::vector<tenancy::Tenant>& wanted) {
  std::vector<std::string> slugs;
  for (const tenancy::Tenant& tenant : now) {
    if (is_files(tenant) &&
        std::ranges::find(wanted, tenant.id, &tenancy::Tenant::id) == wanted.end())
      slugs.emplace_back(tenant.slug.text());
  }
  return slugs;
}

// Removes the file's objects that the file no longer has.
template <class T>
Result<void> remove_gone(store::ControlStore& store, const std::vector<T>& now,
                         const std::vector<T>& wanted) {
  for (const T& object : now) {
    if (!is_files(object) || std::ranges::find(wanted, object.id, &T::id) != wanted.end()) continue;
    const Result<void> removed = store.remove(object.id, revision(object));
    // Gone already with its tenant is fine.
    if (!removed && removed.error().code() != Code::not_found) return removed;
  }
  return {};
}

const std::string& source_of(const catalog::Model& model) { return model.source; }
template <class T>
const std::string& source_of(const T& object) {
  return object.meta.ownership.source;
}

// What is as it is stored is not written again: revisions tell of changes. Lines that moved are
// none.
template <class T>
Result<void> upsert(store::ControlStore& store, const std::vector<T>& now,
                    const std::vector<T>& wanted) {
  for (const T& object : wanted) {
    const auto known = std::ranges::find(now, object.id, &T::id);
    if (known != now.end() && is_stored(*known, object)) {
      if (source_of(*known) != source_of(object)) TRY_VOID(store.note_source(object));
      continue;
    }
    const Result<T> done = known != now.end() ? store.update(object) : store.create(object);
    if (!done) return fail(Error(done.error()));
  }
  return {};
}

// What would be stored if the file's objects were the wanted ones.
template <class T>
std::vector<T> after(const std::vector<T>& now, const std::vector<T>& wanted) {
  std::vector<T> next = wanted;
  for (const T& object : now) {
    if (!is_files(object)) next.push_back(object);
  }
  return next;
}

// Two of the file's wishes, or one and what the API made, may not go together (a host of two
// tenants). That is found out before anything is written.
Result<void> check_together(const store::ControlData& now, const Wanted& wanted) {
  identity::DirectoryData next{.tenants = after(now.tenants, wanted.tenants),
                               .projects = after(now.projects, wanted.projects),
                               .keys = after(now.keys.all(), wanted.keys),
                               .models = after(now.models, wanted.models)};
  const auto lacks = [](const auto& objects, const auto& id) {
    return std::ranges::none_of(objects, [&](const auto& object) { return object.id == id; });
  };
  // They go with their tenants and projects.
  std::erase_if(next.projects, [&](const auto& p) { return lacks(next.tenants, p.tenant); });
  std::erase_if(next.keys, [&](const auto& k) { return lacks(next.projects, k.project); });
  TRY_VOID(identity::Directory::build(std::move(next)));
  return {};
}

std::string list_name(const std::string& engine) { return "discovered_models/" + engine; }

// The same id for the same model at every start, without a row of its own.
ModelId discovered_id(const std::string& engine, const std::string& name) {
  const Digest digest = sha256("discovered/" + engine + "/" + name);
  std::array<unsigned char, 16> bytes{};
  std::copy_n(digest.begin(), bytes.size(), bytes.begin());
  return {Ulid::from_bytes(bytes)};
}

catalog::Model discovered_model(const std::string& engine, const engine::ListedModel& listed,
                                ModelName name) {
  catalog::Model model{.id = discovered_id(engine, listed.name), .name = std::move(name)};
  model.engine = engine;
  model.engine_model = listed.name;
  model.embeddings = true;  // the engine's capabilities decide
  model.context_tokens = listed.context_tokens;
  model.created_at = WallTime(std::chrono::seconds(listed.created));
  model.updated_at = model.created_at;
  model.source = engine;
  model.discovered = true;
  return model;
}

std::shared_ptr<const identity::Directory> empty_directory() {
  return *identity::Directory::build({});
}

// As if the API had made each tenant and model that models and routes name and the file does not
// declare.
Result<store::ControlData> assumed_store(const config::Config& config, UlidSource& ids) {
  store::ControlData data;
  const auto is_there = [&](const std::string& name) {
    return std::ranges::find(config.tenants, name, &config::Tenant::name) != config.tenants.end() ||
           std::ranges::any_of(data.tenants,
                               [&](const auto& other) { return other.slug.text() == name; });
  };
  const auto assume = [&](const std::vector<std::string>& names) -> Result<void> {
    for (const std::string& name : names) {
      if (is_there(name)) continue;
      TRY(TenantSlug slug, TenantSlug::parse(name));
      data.tenants.push_back({.id = {ids.next()}, .slug = std::move(slug)});
    }
    return {};
  };
  for (const config::Model& model : config.models) {
    TRY_VOID(assume(model.tenants.value_or(std::vector<std::string>())));
    auto artifact = catalog::ArtifactName::parse(model.artifact);
    if (artifact) data.artifacts.push_back({.id = {ids.next()}, .name = *std::move(artifact)});
  }
  for (const config::Route& route : config.routes) {
    TRY_VOID(assume(route.grey ? route.grey->tenants : std::vector<std::string>()));
    for (const config::RouteCondition& condition : route.conditions)
      if (!condition.tenant.empty()) TRY_VOID(assume({condition.tenant}));
  }
  for (const ModelName& name : models_of(config.routes)) {
    const bool is_declared = std::ranges::any_of(
        config.models, [&](const auto& model) { return model.name == name.text(); });
    if (!is_declared) data.models.push_back({.id = {ids.next()}, .name = name});
  }
  return data;
}

}  // namespace

Result<void> check_declared(const config::Config& config, const Clock& clock, Random& random) {
  std::map<std::int32_t, Secret> peppers;
  peppers.emplace(1, Secret("nothing is checked against it"));
  const identity::Authenticator authenticator(std::move(peppers), config.server.hosts);
  UlidSource ids(clock, random);
  TRY(const store::ControlData assumed, assumed_store(config, ids));
  TRY_VOID(price_book_of(config.prices));
  const std::vector<catalog::Route> no_others;
  TRY(const Wanted wanted, Planner(config, assumed, no_others, authenticator, ids).plan());
  return check_together(assumed, wanted);
}

DirectoryPublisher::DirectoryPublisher(store::ControlStore& store,
                                       const identity::Authenticator& authenticator,
                                       const Clock& clock, Random& random)
    : store_(store),
      authenticator_(authenticator),
      clock_(clock),
      random_(random),
      directory_(empty_directory()),
      prices_(std::make_shared<const metering::PriceBook>()),
      limits_(std::make_shared<const std::vector<limits::Limit>>()),
      pools_(std::make_shared<const std::vector<config::Pool>>()),
      webhooks_(std::make_shared<const std::vector<store::WebhookRecord>>()),
      declared_(std::make_shared<const Declared>()) {}

Result<DirectoryPublisher::Applied> DirectoryPublisher::apply(const config::Config& config,
                                                              const Agree& agree) {
  return turn_.with([&](Turn&) { return apply_alone(config, agree); });
}

Result<void> DirectoryPublisher::change(const Work& work, const Agree& agree) {
  return turn_.with([&](Turn&) {
    Declared declared = *declared_.get();
    return change_alone(declared, work, agree);
  });
}

Result<DirectoryPublisher::Applied> DirectoryPublisher::apply_alone(const config::Config& config,
                                                                    const Agree& agree) {
  TRY(metering::PriceBook prices, price_book_of(config.prices));
  TRY(Declared declared, read_declared(config, store_));
  Applied applied;
  const auto write = [&](store::ControlStore& store) -> Result<void> {
    TRY(const store::ControlData now, store.load());
    TRY(const std::vector<catalog::Route> beside, api_routes(store, now.tenants));
    UlidSource ids(clock_, random_);
    TRY(Wanted wanted, Planner(config, now, beside, authenticator_, ids).plan());
    TRY_VOID(check_together(now, wanted));
    declared.routes = std::move(wanted.routes);
    declared.settings = std::move(wanted.settings);
    applied.removed_tenants = gone_tenants(now.tenants, wanted.tenants);
    TRY_VOID(remove_gone(store, now.limits, wanted.limits));
    TRY_VOID(remove_gone(store, now.models, wanted.models));
    TRY_VOID(remove_gone(store, now.keys.all(), wanted.keys));
    TRY_VOID(remove_gone(store, now.projects, wanted.projects));
    TRY_VOID(remove_gone(store, now.tenants, wanted.tenants));
    TRY_VOID(upsert(store, now.tenants, wanted.tenants));
    TRY_VOID(upsert(store, now.projects, wanted.projects));
    TRY_VOID(upsert(store, now.keys.all(), wanted.keys));
    TRY_VOID(upsert(store, now.limits, wanted.limits));
    return upsert(store, now.models, wanted.models);
  };
  TRY_VOID(change_alone(declared, write, agree));
  prices_.publish(std::make_shared<const metering::PriceBook>(std::move(prices)));
  return applied;
}

Result<void> DirectoryPublisher::change_alone(Declared& declared, const Work& work,
                                              const Agree& agree) {
  State next;
  TRY_VOID(store_.atomically([&](store::ControlStore& store) -> Result<void> {
    if (work) TRY_VOID(work(store));
    TRY(next, state_of(store, declared));
    return agree ? agree(store, next) : Result<void>();
  }));
  declared_.publish(std::make_shared<const Declared>(std::move(declared)));
  directory_.publish(std::move(next.directory));
  limits_.publish(std::move(next.limits));
  pools_.publish(std::move(next.pools));
  webhooks_.publish(std::move(next.webhooks));
  return {};
}

Result<DirectoryPublisher::Declared> DirectoryPublisher::read_declared(const config::Config& config,
                                                                       store::ControlStore& store) {
  Declared declared{.pools = config.pools};
  for (const config::Tenant& tenant : config.tenants) {
    if (tenant.replay)
      declared.replays[tenant.name] = {.ttl = tenant.replay->ttl,
                                       .bytes_max = tenant.replay->bytes_max};
  }
  for (const config::Engine& engine : config.engines) {
    declared.engines.emplace(engine.name,
                             FileEngine{.source = engine.position.text(),
                                        .context = engine.managed ? engine.context_tokens : 0});
    if (!engine.discover_models) continue;
    TRY(const auto stored, store.get_value(list_name(engine.name)));
    // A list that cannot be read is as good as none: the engine gives another one.
    auto listed = engine::parse_model_list(stored.value_or(""));
    Discovery& discovery = declared.discoveries.emplace_back(Discovery{.engine = engine.name});
    if (listed) discovery.listed = *std::move(listed);
  }
  return declared;
}

Result<void> DirectoryPublisher::discover(const std::string& engine,
                                          std::vector<engine::ListedModel> listed) {
  return turn_.with([&](Turn&) { return discover_alone(engine, std::move(listed)); });
}

Result<void> DirectoryPublisher::discover_alone(const std::string& engine,
                                                std::vector<engine::ListedModel> listed) {
  Declared declared = *declared_.get();
  const auto known = std::ranges::find(declared.discoveries, engine, &Discovery::engine);
  if (known == declared.discoveries.end()) return {};
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(clock_.wall_now().time_since_epoch());
  for (engine::ListedModel& model : listed) {
    const auto before = std::ranges::find(known->listed, model.name, &engine::ListedModel::name);
    if (model.created == 0)
      model.created = before != known->listed.end() ? before->created : now.count();
  }
  if (listed == known->listed) return {};
  known->listed = std::move(listed);
  const std::string text = engine::model_list_json(known->listed);
  return change_alone(
      declared,
      [&](store::ControlStore& store) { return store.put_value(list_name(engine), text); }, {});
}

void DirectoryPublisher::add_discovered(const Declared& declared,
                                        std::vector<catalog::Model>& models) {
  std::set<std::string, std::less<>> taken;
  for (const catalog::Model& model : models)
    taken.emplace(model.name.text());
  for (const Discovery& discovery : declared.discoveries) {
    for (const engine::ListedModel& listed : discovery.listed) {
      auto name = ModelName::parse(listed.name);
      if (!name || !taken.insert(listed.name).second) continue;
      models.push_back(discovered_model(discovery.engine, listed, *std::move(name)));
    }
  }
}

std::optional<std::string> DirectoryPublisher::file_engine(std::string_view engine) const {
  const auto declared = declared_.get();
  const auto found = declared->engines.find(engine);
  if (found == declared->engines.end()) return std::nullopt;
  return found->second.source;
}

std::optional<FileSettings> DirectoryPublisher::file_settings(std::string_view tenant) const {
  const auto declared = declared_.get();
  const auto found = declared->settings.find(tenant);
  if (found == declared->settings.end()) return std::nullopt;
  return found->second;
}

std::optional<config::Pool> DirectoryPublisher::file_pool(std::string_view name) const {
  const auto declared = declared_.get();
  const auto found = std::ranges::find(declared->pools, name, &config::Pool::name);
  if (found == declared->pools.end()) return std::nullopt;
  return *found;
}

std::int64_t DirectoryPublisher::context_of(const Declared& declared, std::string_view engine) {
  const auto found = declared.engines.find(engine);
  return found == declared.engines.end() ? 0 : found->second.context;
}

std::int64_t DirectoryPublisher::engine_context(std::string_view engine) const {
  return context_of(*declared_.get(), engine);
}

// A model cannot have more than the engine that we start for it.
void DirectoryPublisher::bound_contexts(const Declared& declared,
                                        std::vector<catalog::Model>& models) {
  for (catalog::Model& model : models) {
    for (const std::string& engine : engines_of(model)) {
      const std::int64_t context = context_of(declared, engine);
      const std::int64_t own = model.context_tokens;
      if (context > 0) model.context_tokens = own == 0 ? context : std::min(own, context);
    }
  }
}

std::vector<catalog::Model> DirectoryPublisher::discovered() const {
  std::vector<catalog::Model> models;
  for (const catalog::Model& model : directory_.get()->models().all()) {
    if (model.discovered) models.push_back(model);
  }
  return models;
}

Result<DirectoryPublisher::State> DirectoryPublisher::state_of(store::ControlStore& store,
                                                               const Declared& declared) {
  TRY(store::ControlData stored, store.load());
  TRY(std::vector<limits::Limit> limits, limits_of(stored, declared.pools));
  auto pools =
      std::make_shared<const std::vector<config::Pool>>(pools_in_force(declared.pools, stored));
  identity::DirectoryData data;
  for (const tenancy::Tenant& tenant : stored.tenants) {
    TRY(identity::DirectoryData::DigestKey key, digest_key(store, tenant.id));
    data.digest_keys.emplace(tenant.id, std::move(key));
    if (const auto replay = declared.replays.find(tenant.slug.text());
        replay != declared.replays.end())
      data.replays.emplace(tenant.id, replay->second);
  }
  TRY(data.settings, settings_in_force(stored, declared.settings, *directory_.get()));
  TRY(data.routes, api_routes(store, stored.tenants));
  data.routes.insert(data.routes.begin(), declared.routes.begin(), declared.routes.end());
  data.tenants = std::move(stored.tenants);
  data.projects = std::move(stored.projects);
  data.keys = std::move(stored.keys).take();
  data.models = std::move(stored.models);
  add_discovered(declared, data.models);
  bound_contexts(declared, data.models);
  bound_releases(stored.artifacts, data.models);
  TRY_VOID(add_notices(store, stored.artifacts, data.models));
  data.pool_of_engine = pool_of_engine(declared.pools);
  data.version = stored.version;
  TRY(std::shared_ptr<const identity::Directory> built,
      identity::Directory::build(std::move(data)));
  return State{.directory = std::move(built),
               .limits = std::make_shared<const std::vector<limits::Limit>>(std::move(limits)),
               .pools = std::move(pools),
               .webhooks = std::make_shared<const std::vector<store::WebhookRecord>>(
                   std::move(stored.webhooks))};
}

Result<identity::DirectoryData::DigestKey> DirectoryPublisher::digest_key(
    store::ControlStore& store, TenantId tenant) {
  const std::string name = "digest_key/" + tenant.value.text();
  TRY(std::optional<std::string> stored, store.get_value(name));
  if (!stored) {
    std::array<unsigned char, 32> bytes{};
    random_.fill(bytes);
    stored = to_hex(bytes);
    TRY_VOID(store.put_value(name, *stored));
  }
  // The id tells keys apart without telling anything about them.
  const Digest fingerprint = sha256(*stored);
  return identity::DirectoryData::DigestKey{.id = to_hex(std::span(fingerprint).first(6)),
                                            .key = Secret(std::move(*stored))};
}

}  // namespace sovmesh::control
