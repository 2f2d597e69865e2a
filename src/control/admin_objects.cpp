#include "control/admin_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/time_text.h"
#include "control/json_text.h"

namespace sovmesh::control {

void add_meta(JsonText& json, const tenancy::Meta& meta, std::string_view owner) {
  const bool file = meta.ownership.by == tenancy::Ownership::By::file;
  if (owner.empty()) owner = file ? "file" : "api";
  json.number("revision", meta.revision)
      .time("created_at", meta.created_at)
      .time("updated_at", meta.updated_at)
      .text("managed_by", owner);
  if (owner != "api") json.text("source", meta.ownership.source);
}

namespace {

template <class Objects, class NameOf>
std::vector<std::string> names_of(const Objects& objects, const NameOf& name_of) {
  std::vector<std::string> names;
  for (const auto& object : objects)
    names.push_back(name_of(object));
  return names;
}

}  // namespace

std::string slug_of(const store::ControlData& data, TenantId id) {
  const auto found = std::ranges::find(data.tenants, id, &tenancy::Tenant::id);
  return found == data.tenants.end() ? id.value.text() : std::string(found->slug.text());
}

std::string slug_of(const store::ControlData& data, ProjectId id) {
  const auto found = std::ranges::find(data.projects, id, &tenancy::Project::id);
  return found == data.projects.end() ? id.value.text() : std::string(found->slug.text());
}

std::unexpected<Error> files_alone(std::string_view what, std::string_view source) {
  return client_error(
      Code::conflict,
      fmt::format("the {} is declared in the configuration file ({}): change it there", what,
                  source));
}

std::string etag_of(std::int64_t revision) { return fmt::format("\"{}\"", revision); }

std::string to_json(const tenancy::Tenant& tenant) {
  JsonText json;
  json.text("id", tenant.id.value.text())
      .text("slug", tenant.slug.text())
      .text("display_name", tenant.display_name)
      .texts("hosts", tenant.hosts)
      .flag("suspended", tenant.suspended)
      .text("time_zone", std::string_view(tenant.time_zone))
      .text("currency", std::string_view(tenant.currency));
  add_meta(json, tenant.meta);
  return json.end();
}

std::string to_json(const tenancy::Project& project, const store::ControlData& data) {
  JsonText json;
  json.text("id", project.id.value.text())
      .text("tenant", slug_of(data, project.tenant))
      .text("slug", project.slug.text())
      .text("display_name", project.display_name)
      .text("cost_centre", std::string_view(project.cost_centre));
  add_meta(json, project.meta);
  return json.end();
}

std::string to_json(const tenancy::Key& key, const store::ControlData& data,
                    std::string_view text) {
  std::vector<std::string> scopes;
  for (std::size_t i = 0; i < tenancy::kScopes; ++i) {
    const auto scope = static_cast<tenancy::Scope>(i);
    if (key.has(scope)) scopes.emplace_back(tenancy::name(scope));
  }
  JsonText json;
  json.text("id", key.id.text())
      .text("tenant", slug_of(data, key.tenant))
      .text("project", slug_of(data, key.project))
      .text("display_name", key.display_name)
      .texts("scopes", scopes);
  if (key.models) {
    std::vector<std::string> models;
    for (const ModelName& model : *key.models)
      models.emplace_back(model.text());
    json.texts("models", models);
  } else {
    json.null("models");
  }
  json.text_or_null("owner", key.owner)
      .text("max_priority", name(key.max_priority))
      .raw("labels", map_json(key.labels))
      .text("last_four", key.last_four);
  key.expires_at ? json.time("expires_at", *key.expires_at) : json.null("expires_at");
  key.revoked_at ? json.time("revoked_at", *key.revoked_at) : json.null("revoked_at");
  key.previous ? json.time("previous_works_until", key.previous->until)
               : json.null("previous_works_until");
  if (!text.empty()) json.text("key", text);
  add_meta(json, key.meta);
  return json.end();
}

std::vector<std::string> engines_of(const catalog::Model& model) {
  if (!model.engines.empty()) return model.engines;
  if (model.engine.empty()) return {};  // not for this reader
  return {model.engine};
}

std::string to_json(const catalog::Model& model, const store::ControlData& data) {
  JsonText json;
  json.text("id", model.id.value.text())
      .text("name", model.name.text())
      .text("engine", model.engine)
      .texts("engines", engines_of(model))
      .text("engine_model", model.engine_model);
  model.adapter ? json.number("adapter", *model.adapter) : json.null("adapter");
  model.artifact.empty() ? json.null("artifact") : json.text("artifact", model.artifact);
  json.text("owned_by", model.owned_by)
      .flag("chat", model.chat)
      .flag("completions", model.completions)
      .flag("embeddings", model.embeddings);
  if (model.for_all_tenants) {
    json.null("tenants");
  } else {
    std::vector<std::string> tenants;
    for (const TenantId id : model.tenants)
      tenants.push_back(slug_of(data, id));
    json.texts("tenants", tenants);
  }
  json.number("context_tokens", model.context_tokens)
      .number("output_tokens_max", model.output_tokens_max)
      .number("choices_max", model.choices_max)
      .texts("extra_fields", {model.extra_fields.begin(), model.extra_fields.end()})
      .flag("reject_unknown_fields", model.reject_unknown_fields)
      .text("first_token_timeout", duration_text(model.first_token_timeout))
      .text("stall_timeout", duration_text(model.stall_timeout))
      .text("total_timeout", duration_text(model.total_timeout))
      .text("commit_after", model.commit_after ? duration_text(*model.commit_after) : "never");
  add_meta(json,
           {.revision = model.revision,
            .created_at = model.created_at,
            .updated_at = model.updated_at,
            .ownership = {.by = model.from_file ? tenancy::Ownership::By::file
                                                : tenancy::Ownership::By::api,
                          .source = model.source}},
           model.discovered ? "engine" : "");
  return json.end();
}

std::string to_json(const store::EngineRecord& engine) {
  JsonText json;
  json.text("id", engine.id.value.text())
      .text("name", std::string_view(engine.name))
      .text("dialect", std::string_view(engine.dialect))
      .text("url", std::string_view(engine.url))
      .number("slots", engine.slots);
  add_meta(json, engine.meta);
  return json.end();
}

std::unexpected<Error> no_such(std::string_view kind, std::string_view name,
                               std::span<const std::string> known, std::string param) {
  std::string message = fmt::format("there is no {} '{}'", kind, name);
  const std::span<const std::string> shown = known.first(std::min(known.size(), kNamesShown));
  if (!shown.empty()) message += fmt::format("; there are: {}", fmt::join(shown, ", "));
  if (known.size() > shown.size())
    message += fmt::format(" and {} more", known.size() - shown.size());
  return client_error(Code::not_found, std::move(message), std::move(param));
}

std::vector<std::string> model_names(const identity::Directory& directory) {
  return names_of(directory.models().all(),
                  [](const catalog::Model& model) { return std::string(model.name.text()); });
}

std::vector<std::string> route_names(const identity::Directory& directory) {
  return names_of(directory.models().routes(),
                  [](const catalog::Route& route) { return std::string(route.name.text()); });
}

Result<tenancy::Tenant> find_tenant(const store::ControlData& data, std::string_view name) {
  for (const tenancy::Tenant& tenant : data.tenants) {
    if (tenant.slug.text() == name || tenant.id.value.text() == name) return tenant;
  }
  return no_such("tenant", name, names_of(data.tenants, [](const tenancy::Tenant& tenant) {
                   return std::string(tenant.slug.text());
                 }));
}

Result<tenancy::Project> find_project(const store::ControlData& data, std::string_view id) {
  for (const tenancy::Project& project : data.projects) {
    if (project.id.value.text() == id) return project;
  }
  return no_such("project", id, names_of(data.projects, [&](const tenancy::Project& project) {
                   return fmt::format("{} ({}/{})", project.id.value.text(),
                                      slug_of(data, project.tenant), project.slug.text());
                 }));
}

Result<tenancy::Project> find_project_of(const store::ControlData& data, TenantId tenant,
                                         std::string_view name) {
  std::vector<std::string> known;
  for (const tenancy::Project& project : data.projects) {
    if (project.tenant != tenant) continue;
    if (project.slug.text() == name || project.id.value.text() == name) return project;
    known.emplace_back(project.slug.text());
  }
  return no_such(fmt::format("project of tenant '{}' named", slug_of(data, tenant)), name, known,
                 "project");
}

Result<tenancy::Key> find_key(const store::ControlData& data, std::string_view id) {
  const auto found =
      std::ranges::lower_bound(data.keys, id, {}, [](const auto& key) { return key.id.text(); });
  if (found != data.keys.end() && found->id.text() == id) return *found;
  return no_such("key", id, names_of(data.keys.all(), [](const tenancy::Key& key) {
                   return fmt::format("{} ({})", key.id.text(), key.display_name);
                 }));
}

Result<store::LimitRecord> find_limit(const store::ControlData& data, std::string_view id) {
  for (const store::LimitRecord& limit : data.limits) {
    if (limit.id.value.text() == id) return limit;
  }
  return no_such("limit", id, names_of(data.limits, [](const store::LimitRecord& limit) {
                   return limit.name.empty() ? limit.id.value.text() : limit.name;
                 }));
}

Result<catalog::Model> find_model(const store::ControlData& data, std::string_view name) {
  for (const catalog::Model& model : data.models) {
    if (model.name.text() == name || model.id.value.text() == name) return model;
  }
  return no_such("model", name, names_of(data.models, [](const catalog::Model& model) {
                   return std::string(model.name.text());
                 }));
}

Result<void> must_be_ours(const tenancy::Meta& meta, std::string_view what) {
  if (meta.ownership.by == tenancy::Ownership::By::api) return {};
  return files_alone(what, meta.ownership.source);
}

Result<void> must_be_ours(const catalog::Model& model) {
  if (model.discovered) {
    return client_error(
        Code::conflict,
        fmt::format("the model '{}' is listed by the engine '{}' (discover_models): it changes "
                    "there, or create a model of that name to replace it",
                    model.name.text(), model.source));
  }
  if (!model.from_file) return {};
  return files_alone(fmt::format("model '{}'", model.name.text()), model.source);
}

}  // namespace sovmesh::control
