#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/decimal.h"
#include "control/admin_access.h"
#include "control/admin_api.h"
#include "control/admin_objects.h"
#include "control/json_text.h"
#include "control/tenant_settings.h"

// What tenants have set for their own requests: /tenants/{tenant}/settings. They are always there;
// a tenant that never set anything is at revision 0.
namespace sovmesh::control {
namespace {

using tenancy::Settings;

// What may be set at all, for who fills in forms.
std::string bounds_json(const std::vector<std::string>& models) {
  JsonText parameters;
  for (const ParameterFacts& facts : kParameterFacts)
    parameters.raw(facts.name, JsonText()
                                   .raw("min", micro_text(facts.min))
                                   .raw("max", micro_text(facts.max))
                                   .flag("whole", facts.is_whole)
                                   .flag("has_default", facts.has_default)
                                   .end());
  const auto number = [](std::size_t value) { return static_cast<std::int64_t>(value); };
  return JsonText()
      .texts("models", models)
      .raw("parameters", parameters.end())
      .number("system_prompts_max", number(Settings::kPromptsMax))
      .number("system_prompt_bytes_max", number(Settings::kPromptBytesMax))
      .texts("placeholders", {"{{tenant}}", "{{project}}", "{{date}}"})
      .number("disclaimer_bytes_max", number(Settings::kDisclaimerBytesMax))
      .end();
}

// By what the tenant has been given, whatever it has set.
std::vector<std::string> granted(const identity::Directory& directory, TenantId tenant) {
  std::vector<std::string> names;
  for (const catalog::Model* const model : directory.models().visible(tenant, nullptr))
    names.emplace_back(model->name.text());
  return names;
}

// What is there already may stay, also where its model or project has gone meanwhile.
std::vector<std::string> names_in(const Settings& settings) {
  std::vector<std::string> names;
  for (const ModelName& name : settings.models.value_or(std::set<ModelName>()))
    names.emplace_back(name.text());
  for (const tenancy::SystemPrompt& prompt : settings.system_prompts)
    std::ranges::copy(prompt.models.value_or(std::vector<std::string>()),
                      std::back_inserter(names));
  return names;
}

Result<void> check_projects(const Settings& settings, const Settings& before, TenantId tenant,
                            const store::ControlData& data) {
  const auto is_there = [&](const std::string& name) {
    return std::ranges::any_of(data.projects, [&](const tenancy::Project& project) {
      return project.tenant == tenant && project.slug.text() == name;
    });
  };
  const auto was_named = [&](const std::string& name) {
    return std::ranges::any_of(before.system_prompts, [&](const auto& prompt) {
      return prompt.projects && std::ranges::find(*prompt.projects, name) != prompt.projects->end();
    });
  };
  for (std::size_t i = 0; i < settings.system_prompts.size(); ++i) {
    for (const std::string& name :
         settings.system_prompts[i].projects.value_or(std::vector<std::string>())) {
      if (is_there(name) || was_named(name)) continue;
      const std::string param = fmt::format("system_prompts[{}].projects", i);
      return client_error(Code::invalid_value,
                          fmt::format("'{}': the tenant has no project '{}'", param, name), param);
    }
  }
  return {};
}

}  // namespace

std::string AdminApi::show_settings(const tenancy::Tenant& tenant, const Settings& settings,
                                    const tenancy::Meta& meta) const {
  const auto directory = parts_.publisher.directory().get();
  JsonText json;
  json.text("tenant", tenant.slug.text());
  add_settings(json, settings);
  json.raw("bounds", bounds_json(granted(*directory, tenant.id)));
  add_meta(json, meta);
  return json.end();
}

Result<AdminReply> AdminApi::tenant_settings(Request& request) {
  TRY_VOID(request.no_more_query());
  TRY(const store::ControlData data, load_seen(request));
  TRY(const tenancy::Tenant tenant, find_tenant(data, request.path[1]));
  TRY_VOID(may(request, access::Resource::settings, access::Owner::of(tenant.id)));
  if (const auto file = parts_.publisher.file_settings(tenant.slug.text()); file) {
    if (!request.reads())
      return files_alone(fmt::format("settings object of tenant '{}'", tenant.slug.text()),
                         file->source);
    const tenancy::Meta meta{
        .revision = 0,
        .created_at = tenant.meta.created_at,
        .updated_at = tenant.meta.updated_at,
        .ownership = {.by = tenancy::Ownership::By::file, .source = file->source}};
    return AdminReply{.body = show_settings(tenant, file->set, meta)};
  }
  const auto found = std::ranges::find(data.settings, tenant.id, &store::SettingsRecord::tenant);
  store::SettingsRecord record{.tenant = tenant.id,
                               .document = control::settings_json({}),
                               .meta = {.revision = 0,
                                        .created_at = tenant.meta.created_at,
                                        .updated_at = tenant.meta.created_at,
                                        .ownership = {}}};
  if (found != data.settings.end()) record = *found;
  if (!request.reads()) return change_settings(request, tenant, std::move(record));
  TRY(const Settings settings, parse_settings(record.document));
  return AdminReply{.body = show_settings(tenant, settings, record.meta),
                    .etag = etag_of(record.meta.revision)};
}

// PUT says all of them anew, PATCH what is to be different.
Result<AdminReply> AdminApi::change_settings(Request& request, const tenancy::Tenant& tenant,
                                             store::SettingsRecord record) {
  TRY(const Settings before, parse_settings(record.document));
  TRY(const Settings after, request.call.method == "PUT"
                                ? parse_settings(request.call.body)
                                : control::change_settings(before, request.call.body));
  const auto directory = parts_.publisher.directory().get();
  std::vector<std::string> known = granted(*directory, tenant.id);
  std::ranges::copy(names_in(before), std::back_inserter(known));
  TRY_VOID(check_model_names(after, [&](const std::string& name) {
    return std::ranges::find(known, name) != known.end();
  }));
  TRY(const store::ControlData data, request.store->load());
  TRY_VOID(check_projects(after, before, tenant.id, data));
  TRY(record.meta.revision, revision(request, record.meta.revision));
  request.tenant = tenant.id;
  request.object = tenant.id.value.text();
  request.changes_nothing = after == before;
  if (!request.changes_nothing) {
    record.document = control::settings_json(after);
    TRY(record, request.store->put_settings(record));
  }
  return AdminReply{200, show_settings(tenant, after, record.meta), etag_of(record.meta.revision)};
}

}  // namespace sovmesh::control
