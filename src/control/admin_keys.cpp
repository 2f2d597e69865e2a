#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/time_text.h"
#include "config/values.h"
#include "control/admin_access.h"
#include "control/admin_api.h"
#include "control/admin_objects.h"
#include "control/json_body.h"
#include "control/key_maker.h"
#include "tenancy/key_format.h"

// The keys of the admin API.
namespace sovmesh::control {
namespace {

// Two texts of one key are for the time it takes to hand out the new one.
constexpr std::chrono::milliseconds kOverlapMax = std::chrono::hours(30 * 24);
constexpr std::size_t kTenantKeysMax = 10'000;  // where its own people make them

Result<std::bitset<tenancy::kScopes>> parse_scopes(const std::vector<std::string>& texts) {
  std::bitset<tenancy::kScopes> scopes;
  for (const std::string& text : texts) {
    const auto scope = tenancy::parse_scope(text);
    if (!scope) {
      return client_error(Code::invalid_value, "want inference, read:models, read:usage", "scopes");
    }
    scopes.set(static_cast<std::size_t>(*scope));
  }
  return scopes;
}

Result<void> check_labels(const std::map<std::string, std::string>& labels) {
  if (labels.size() > config::kLabelsMax)
    return client_error(Code::array_above_max_length,
                        fmt::format("want at most {}", config::kLabelsMax), "labels");
  for (const auto& [name, value] : labels) {
    if (auto fits = config::check_label(name, value); !fits)
      return fail(std::move(fits).error().with_param("labels"));
  }
  return {};
}

// What a caller may say of a key, at its creation and later.
struct KeyFields {
  std::optional<std::string> display_name;
  std::optional<std::vector<std::string>> scopes;
  std::optional<std::vector<std::string>> models;
  std::optional<std::string> owner;
  std::optional<std::string> expires_at;
  std::optional<std::string> max_priority;
  std::optional<std::map<std::string, std::string>> labels;
  bool no_labels = false;  // null was said
  bool all_models = false;
  bool no_owner = false;
  bool no_expiry = false;

  static KeyFields read(JsonBody& body) {
    return {.display_name = body.text("display_name"),
            .scopes = body.texts("scopes"),
            .models = body.texts("models"),
            .owner = body.text("owner"),
            .expires_at = body.text("expires_at"),
            .max_priority = body.text("max_priority"),
            .labels = body.text_map("labels"),
            .no_labels = body.is_null("labels"),
            .all_models = body.is_null("models"),
            .no_owner = body.is_null("owner"),
            .no_expiry = body.is_null("expires_at")};
  }

  Result<void> put_into(tenancy::Key& key) const {
    if (display_name) key.display_name = *display_name;
    if (scopes) {
      TRY(key.scopes, parse_scopes(*scopes));
    }
    if (models) key.models.emplace();
    for (const std::string& text : models.value_or(std::vector<std::string>())) {
      TRY(ModelName name, ModelName::parse(text));
      key.models->insert(std::move(name));
    }
    if (owner) key.owner = owner;
    if (expires_at) {
      key.expires_at = parse_rfc3339(*expires_at);
      if (!key.expires_at) {
        return client_error(Code::invalid_value, "want a time as in 2027-01-31T12:00:00Z",
                            "expires_at");
      }
    }
    if (max_priority) {
      const auto priority = parse_priority_class(*max_priority);
      if (!priority) {
        return client_error(Code::invalid_value, "want interactive, agent or batch",
                            "max_priority");
      }
      key.max_priority = *priority;
    }
    if (labels) {
      TRY_VOID(check_labels(*labels));
      key.labels = *labels;
    }
    if (no_labels) key.labels.clear();
    if (all_models) key.models.reset();
    if (no_owner) key.owner.reset();
    if (no_expiry) key.expires_at.reset();
    return {};
  }
};

Result<void> may_touch(AdminRequest& request, const tenancy::Key& key) {
  const access::Caller& caller = request.call.caller;
  const bool is_own = caller.user && key.owner == caller.login;
  return may(request, is_own ? access::Resource::own_keys : access::Resource::keys,
             access::Owner::of(key.tenant));
}

// Who may have no keys but his own makes his own.
void own_it(const AdminRequest& request, tenancy::Key& key) {
  const bool may_any =
      may(request, access::Action::create, access::Resource::keys, access::Owner::of(key.tenant))
          .has_value();
  if (!key.owner && !may_any) key.owner = request.call.caller.login;
}

// A key can do no more than whoever gives it a scope.
Result<void> check_scopes(const AdminRequest& request, const tenancy::Key& key,
                          const std::bitset<tenancy::kScopes>& before) {
  const auto check = [&](tenancy::Scope scope, access::Resource resource) -> Result<void> {
    if (!key.has(scope) || before.test(static_cast<std::size_t>(scope))) return {};
    const auto may_it = may(request, access::Action::read, resource, access::Owner::of(key.tenant));
    if (may_it) return {};
    return client_error(Code::insufficient_permissions,
                        fmt::format("a key of yours cannot have the scope {}: you may not read {}",
                                    name(scope), access::name(resource)),
                        "scopes");
  };
  TRY_VOID(check(tenancy::Scope::inference, access::Resource::models));
  TRY_VOID(check(tenancy::Scope::models_read, access::Resource::models));
  return check(tenancy::Scope::usage_read, access::Resource::usage);
}

// Routes go by labels, so whoever may have no keys but his own gives them none.
Result<void> check_labels_right(const AdminRequest& request, const tenancy::Key& key,
                                const std::map<std::string, std::string>& before) {
  if (key.labels == before ||
      may(request, access::Action::create, access::Resource::keys, access::Owner::platform()))
    return {};
  return client_error(Code::insufficient_permissions,
                      "only people of the platform set labels, which routes go by", "labels");
}

}  // namespace

Result<AdminReply> AdminApi::keys(Request& request) {
  if (request.is("POST", 1)) return create_key(request);
  TRY(const store::ControlData data, load_seen(request));
  if (request.is("GET", 1)) {
    TRY(const Narrowing only, narrowing(request));
    std::optional<TenantId> of_tenant;
    std::optional<ProjectId> of_project;
    if (const auto name = request.take("tenant")) {
      TRY(const tenancy::Tenant tenant, find_tenant(data, *name));
      of_tenant = tenant.id;
    }
    if (const auto id = request.take("project")) {
      TRY(const tenancy::Project project, find_project(data, *id));
      of_project = project.id;
    }
    const auto owner = request.take("owner");
    return page_in_order<tenancy::Key>(
        request, data.keys, [](const tenancy::Key& k) { return std::string(k.id.text()); },
        [&](const tenancy::Key& k) {
          return only.fits(managed_by(k.meta), {k.id.text(), k.display_name}) &&
                 (!of_tenant || k.tenant == *of_tenant) &&
                 (!of_project || k.project == *of_project) && (!owner || k.owner == *owner);
        },
        [&](const tenancy::Key& k) { return to_json(k, data); });
  }
  TRY_VOID(request.no_more_query());
  TRY(tenancy::Key key, find_key(data, request.path[1]));
  TRY_VOID(may_touch(request, key));
  if (request.is("POST", 3) && request.path[2] == "revoke")
    return revoke_key(request, std::move(key));
  if (request.is("POST", 3) && request.path[2] == "rotate")
    return rotate_key(request, std::move(key));
  if (request.is("GET", 2))
    return AdminReply{.body = to_json(key, data), .etag = etag_of(key.meta.revision)};
  if (request.is("PATCH", 2)) return change_key(request, std::move(key));
  if (request.is("PUT", 2)) return replace_key(request, std::move(key));
  if (!request.is("DELETE", 2)) return fail(no_such_method(request));
  TRY_VOID(must_be_ours(key.meta, fmt::format("key '{}'", key.id.text())));
  TRY(const std::int64_t at, revision(request, key.meta.revision));
  request.tenant = key.tenant;
  request.user = key.owner;
  TRY_VOID(request.store->remove(key.id, at));
  return AdminReply{.status = 204};
}

Result<AdminReply> AdminApi::create_key(Request& request) {
  JsonBody body(request.call.body);
  const std::string tenant_name = body.required_text("tenant");
  const auto project_name = body.text("project");
  const KeyFields fields = KeyFields::read(body);
  TRY_VOID(body.done());
  TRY_VOID(request.no_more_query());
  TRY(const store::ControlData data, load_seen(request));
  TRY(const tenancy::Tenant tenant, find_tenant(data, tenant_name));
  TRY_VOID(must_want_new(request));
  TRY(const tenancy::Project project,
      find_project_of(data, tenant.id, project_name.value_or("default")));
  tenancy::NewKey made = tenancy::generate_key(parts_.random);
  tenancy::Key key{.id = made.id, .tenant = tenant.id, .project = project.id};
  key.scopes.set();
  TRY_VOID(fields.put_into(key));
  own_it(request, key);
  TRY_VOID(may_touch(request, key));
  TRY_VOID(check_scopes(request, key, {}));
  TRY_VOID(check_labels_right(request, key, {}));
  if (!sees_all(request) && data.keys.size() >= kTenantKeysMax)
    return client_error(Code::conflict, fmt::format("you have {} keys already", kTenantKeysMax));
  const std::string_view text = made.text.reveal();
  seal(key, parts_.authenticator, text);
  TRY(key, request.store->create(std::move(key)));
  return AdminReply{201, to_json(key, data, text), etag_of(key.meta.revision)};
}

Result<AdminReply> AdminApi::change_key(Request& request, tenancy::Key key) {
  JsonBody body(request.call.body);
  const KeyFields fields = KeyFields::read(body);
  TRY_VOID(body.done());
  TRY_VOID(must_be_ours(key.meta, fmt::format("key '{}'", key.id.text())));
  TRY(key.meta.revision, revision(request, key.meta.revision));
  const auto scopes_before = key.scopes;
  const auto labels_before = key.labels;
  TRY_VOID(fields.put_into(key));
  TRY_VOID(may_touch(request, key));  // nor give it away
  TRY_VOID(check_scopes(request, key, scopes_before));
  TRY_VOID(check_labels_right(request, key, labels_before));
  if (!body.is_empty()) {
    TRY(key, request.store->update(key));
  }
  TRY(const store::ControlData data, request.store->load());
  return AdminReply{200, to_json(key, data), etag_of(key.meta.revision)};
}

// All that is said of a key; its text, tenant and project stay. Ids are not chosen, so what is not
// there is not made.
Result<AdminReply> AdminApi::replace_key(Request& request, tenancy::Key key) {
  JsonBody body(request.call.body);
  const KeyFields fields = KeyFields::read(body);
  TRY_VOID(body.done());
  TRY_VOID(must_be_ours(key.meta, fmt::format("key '{}'", key.id.text())));
  TRY(key.meta.revision, revision(request, key.meta.revision));
  const tenancy::Key before = key;
  const tenancy::Key usual{.id = key.id, .tenant = key.tenant, .project = key.project};
  key.display_name = usual.display_name;
  key.scopes.set();
  key.models = usual.models;
  key.owner = usual.owner;
  key.max_priority = usual.max_priority;
  key.expires_at = usual.expires_at;
  // Whoever may not say labels does not take them by saying none.
  if (may(request, access::Action::create, access::Resource::keys, access::Owner::platform()))
    key.labels = usual.labels;
  TRY_VOID(fields.put_into(key));
  own_it(request, key);
  TRY_VOID(may_touch(request, key));  // nor give it away
  TRY_VOID(check_scopes(request, key, before.scopes));
  TRY_VOID(check_labels_right(request, key, before.labels));
  TRY(const store::ControlData data, request.store->load());
  request.changes_nothing = to_json(key, data) == to_json(before, data);
  if (!request.changes_nothing) {
    TRY(key, request.store->update(key));
  }
  return AdminReply{200, to_json(key, data), etag_of(key.meta.revision)};
}

// The key keeps its id, so that its usage and its limits go on; only its text is another one.
Result<AdminReply> AdminApi::rotate_key(Request& request, tenancy::Key key) {
  JsonBody body(request.call.body);
  const auto overlap_text = body.text("overlap");
  TRY_VOID(body.done());
  TRY_VOID(must_be_ours(key.meta, fmt::format("key '{}'", key.id.text())));
  TRY(key.meta.revision, revision(request, key.meta.revision));
  const WallTime now = parts_.clock.wall_now();
  if (key.revoked_at || (key.expires_at && *key.expires_at <= now))
    return client_error(Code::conflict, "the key has ended: create another one");
  const auto overlap = parse_duration(overlap_text.value_or("0s"));
  if (!overlap || *overlap > kOverlapMax) {
    return client_error(Code::invalid_value, "want a duration as 24h, at most 30d", "overlap");
  }
  key.previous.reset();
  if (overlap->count() > 0)
    key.previous = {.pepper_id = key.pepper_id, .hmac = key.hmac, .until = now + *overlap};
  const Secret text = tenancy::renew_key(key.id, parts_.random);
  seal(key, parts_.authenticator, text.reveal());
  TRY(key, request.store->update(key));
  TRY(const store::ControlData data, request.store->load());
  return AdminReply{200, to_json(key, data, text.reveal()), etag_of(key.meta.revision)};
}

Result<AdminReply> AdminApi::revoke_key(Request& request, tenancy::Key key) {
  TRY_VOID(JsonBody(request.call.body).done());
  TRY_VOID(must_be_ours(key.meta, fmt::format("key '{}'", key.id.text())));
  TRY(key.meta.revision, revision(request, key.meta.revision));
  if (!key.revoked_at) {
    key.revoked_at = parts_.clock.wall_now();
    TRY(key, request.store->update(key));
  }
  TRY(const store::ControlData data, request.store->load());
  return AdminReply{200, to_json(key, data), etag_of(key.meta.revision)};
}

}  // namespace sovmesh::control
