#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/time_text.h"
#include "control/admin_api.h"
#include "control/admin_objects.h"
#include "control/json_body.h"
#include "control/key_maker.h"
#include "tenancy/key_format.h"

// The keys and models of the admin API.
namespace sovmesh::control {
namespace {

Result<std::bitset<tenancy::kScopes>> parse_scopes(
    const std::optional<std::vector<std::string>>& texts) {
  std::bitset<tenancy::kScopes> scopes;
  if (!texts) return scopes.set();
  for (const std::string& text : *texts) {
    const auto scope = tenancy::parse_scope(text);
    if (!scope) {
      return client_error(Code::invalid_value, "want inference, read:models, read:usage", "scopes");
    }
    scopes.set(static_cast<std::size_t>(*scope));
  }
  return scopes;
}

Result<tenancy::Project> project_named(const store::ControlData& data, TenantId tenant,
                                       std::string_view name) {
  for (const tenancy::Project& project : data.projects) {
    const bool fits = project.slug.text() == name || project.id.value.text() == name;
    if (project.tenant == tenant && fits) return project;
  }
  return client_error(Code::not_found, "the tenant has no such project", "project");
}

}  // namespace

Result<AdminReply> AdminApi::keys(Request& request) {
  if (request.is("POST", 1)) return create_key(request);
  TRY(const store::ControlData data, parts_.store.load());
  if (request.is("GET", 1)) {
    std::vector<tenancy::Key> wanted = data.keys;
    if (const auto name = request.take("tenant")) {
      TRY(const tenancy::Tenant tenant, find_tenant(data, *name));
      std::erase_if(wanted, [&](const tenancy::Key& k) { return k.tenant != tenant.id; });
    }
    return page<tenancy::Key>(
        request, wanted, [](const tenancy::Key& k) { return std::string(k.id.text()); },
        [&](const tenancy::Key& k) { return to_json(k, data); });
  }
  if (request.path.size() < 2) return fail(no_such_method(request));
  TRY_VOID(request.no_more_query());
  TRY(tenancy::Key key, find_key(data, request.path[1]));
  if (request.is("POST", 3) && request.path[2] == "revoke")
    return revoke_key(request, std::move(key));
  if (request.is("GET", 2))
    return AdminReply{.body = to_json(key, data), .etag = etag_of(key.meta.revision)};
  if (!request.is("DELETE", 2)) return fail(no_such_method(request));
  TRY_VOID(must_be_ours(key.meta, fmt::format("key '{}'", key.id.text())));
  TRY(const std::int64_t at, revision(request, key.meta.revision));
  TRY_VOID(parts_.store.remove(key.id, at));
  return AdminReply{.status = 204};
}

Result<AdminReply> AdminApi::create_key(Request& request) {
  JsonBody body(request.call.body);
  const std::string tenant_name = body.required_text("tenant");
  const auto project_name = body.text("project");
  auto display_name = body.text("display_name");
  const auto scopes = body.texts("scopes");
  const auto models = body.texts("models");
  auto owner = body.text("owner");
  const auto expires_at = body.text("expires_at");
  TRY_VOID(body.done());
  TRY_VOID(request.no_more_query());
  TRY(const store::ControlData data, parts_.store.load());
  TRY(const tenancy::Tenant tenant, find_tenant(data, tenant_name));
  TRY(const tenancy::Project project,
      project_named(data, tenant.id, project_name.value_or("default")));
  tenancy::NewKey made = tenancy::generate_key(parts_.random);
  tenancy::Key key{.id = made.id, .tenant = tenant.id, .project = project.id};
  key.display_name = std::move(display_name).value_or("");
  TRY(key.scopes, parse_scopes(scopes));
  if (models) key.models.emplace();
  for (const std::string& text : models.value_or(std::vector<std::string>())) {
    TRY(ModelName name, ModelName::parse(text));
    key.models->insert(std::move(name));
  }
  key.owner = std::move(owner);
  if (expires_at) {
    key.expires_at = parse_rfc3339(*expires_at);
    if (!key.expires_at) {
      return client_error(Code::invalid_value, "want a time as in 2027-01-31T12:00:00Z",
                          "expires_at");
    }
  }
  const std::string_view text = made.text.reveal();
  seal(key, parts_.authenticator, text);
  TRY(key, parts_.store.create(std::move(key)));
  return AdminReply{201, to_json(key, data, text), etag_of(key.meta.revision)};
}

Result<AdminReply> AdminApi::revoke_key(Request& request, tenancy::Key key) {
  TRY_VOID(JsonBody(request.call.body).done());
  TRY_VOID(must_be_ours(key.meta, fmt::format("key '{}'", key.id.text())));
  TRY(key.meta.revision, revision(request, key.meta.revision));
  if (!key.revoked_at) {
    key.revoked_at = parts_.clock.wall_now();
    TRY(key, parts_.store.update(key));
  }
  TRY(const store::ControlData data, parts_.store.load());
  return AdminReply{200, to_json(key, data), etag_of(key.meta.revision)};
}

Result<AdminReply> AdminApi::models(Request& request) {
  if (request.is("POST", 1)) return create_model(request);
  TRY(store::ControlData data, parts_.store.load());
  for (catalog::Model& model : parts_.publisher.discovered())
    data.models.push_back(std::move(model));
  if (request.is("GET", 1)) {
    return page<catalog::Model>(
        request, data.models, [](const catalog::Model& m) { return std::string(m.name.text()); },
        [&](const catalog::Model& m) { return to_json(m, data); });
  }
  if (request.path.size() != 2) return fail(no_such_method(request));
  TRY_VOID(request.no_more_query());
  TRY(const catalog::Model model, find_model(data, request.path[1]));
  if (request.call.method == "GET")
    return AdminReply{.body = to_json(model, data), .etag = etag_of(model.revision)};
  if (request.call.method != "DELETE") return fail(no_such_method(request));
  TRY_VOID(must_be_ours(model));
  TRY(const std::int64_t at, revision(request, model.revision));
  TRY_VOID(parts_.store.remove(model.id, at));
  return AdminReply{.status = 204};
}

Result<AdminReply> AdminApi::create_model(Request& request) {
  constexpr std::int64_t kTokensMax = 1LL << 32;
  JsonBody body(request.call.body);
  const std::string name_text = body.required_text("name");
  const std::string engine = body.required_text("engine");
  auto engine_model = body.text("engine_model");
  const auto adapter = body.number("adapter", 0, 1'000);
  auto owned_by = body.text("owned_by");
  const auto chat = body.flag("chat");
  const auto completions = body.flag("completions");
  const auto embeddings = body.flag("embeddings");
  const auto tenants = body.texts("tenants");
  const auto context_tokens = body.number("context_tokens", 0, kTokensMax);
  const auto output_tokens_max = body.number("output_tokens_max", 0, kTokensMax);
  TRY_VOID(body.done());
  TRY_VOID(request.no_more_query());
  TRY(ModelName name, ModelName::parse(name_text));
  TRY(const store::ControlData data, parts_.store.load());
  if (const auto there = find_model(data, name_text); there) TRY_VOID(must_be_ours(*there));
  const auto engines = parts_.engines();
  if (std::ranges::none_of(engines, [&](const auto& known) { return known->name() == engine; })) {
    return client_error(Code::invalid_value, "there is no such engine", "engine");
  }
  catalog::Model model{.id = {request.ids->next()}, .name = std::move(name), .engine = engine};
  model.engine_model = std::move(engine_model).value_or(name_text);
  if (adapter) model.adapter = static_cast<int>(*adapter);
  if (owned_by) model.owned_by = *std::move(owned_by);
  model.chat = chat.value_or(true);
  model.completions = completions.value_or(true);
  model.embeddings = embeddings.value_or(false);
  model.for_all_tenants = !tenants.has_value();
  for (const std::string& slug : tenants.value_or(std::vector<std::string>())) {
    TRY(const tenancy::Tenant tenant, find_tenant(data, slug));
    model.tenants.insert(tenant.id);
  }
  model.context_tokens = context_tokens.value_or(0);
  if (const std::int64_t most = parts_.publisher.engine_context(engine);
      most > 0 && model.context_tokens > most) {
    return client_error(Code::integer_above_max_value,
                        fmt::format("the engine has {} tokens for one request", most),
                        "context_tokens");
  }
  model.output_tokens_max = output_tokens_max.value_or(0);
  TRY(model, parts_.store.create(std::move(model)));
  return AdminReply{201, to_json(model, data), etag_of(model.revision)};
}

}  // namespace sovmesh::control
