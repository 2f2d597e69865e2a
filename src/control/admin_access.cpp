#include "control/admin_access.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <ranges>
#include <set>
#include <string_view>
#include <utility>

#include "access/password_rules.h"
#include "control/admin_objects.h"
#include "control/releases.h"

namespace sovmesh::control {
namespace {

using access::Action;
using access::Decision;
using access::Owner;
using access::Resource;
using Resources = std::vector<Resource>;

// By the first word of the path, where that says all. The first resource is the widest one.
const std::map<std::string_view, Resources>& kinds() {
  static const std::map<std::string_view, Resources> kKinds{
      {"tenants", {Resource::tenants}},
      {"projects", {Resource::projects}},
      {"keys", {Resource::keys, Resource::own_keys}},
      {"limits", {Resource::limits, Resource::sub_limits}},
      {"models", {Resource::models}},
      {"artifacts", {Resource::artifacts}},
      {"engines", {Resource::engines}},
      {"prices", {Resource::prices}},
      {"routes", {Resource::routes}},
      {"rollouts", {Resource::rollouts}},
      {"pools", {Resource::pools}},
      {"usage", {Resource::usage}},
      {"requests", {Resource::requests}},
      {"live", {Resource::usage}},
      {"events", {Resource::events}},
      {"webhooks", {Resource::webhooks}},
      {"ledger", {Resource::ledger}},
      {"system", {Resource::system}},
      {"config", {Resource::system}},
      {"users", {Resource::users, Resource::platform_users}},
      {"memberships", {Resource::memberships, Resource::platform_memberships}}};
  return kKinds;
}

Action action_of_method(const AdminRequest& request) {
  const std::string& method = request.call.method;
  if (request.reads()) return Action::read;
  // What PUT names may not be there yet; of keys and webhooks it always is.
  const std::string& kind = request.path.front();
  const bool may_make = method == "PUT" && kind != "keys" && kind != "webhooks";
  if (request.path.size() == 1 || may_make) return Action::create;
  return method == "DELETE" && request.path.size() == 2 ? Action::remove : Action::change;
}

struct Wanted {
  Action action;
  Resources resources;
};

Wanted of_audit(const AdminRequest& request) {
  const std::string what = request.path.size() > 1 ? request.path[1] : "";
  if (request.reads()) {
    if (what == "checkpoint") return {Action::read, {Resource::audit_checkpoints}};
    if (what == "holds") return {Action::read, {Resource::audit_holds}};
    return {Action::read, {Resource::audit_entries}};
  }
  if (what == "witnessed") return {Action::create, {Resource::audit_checkpoints}};
  if (what == "hold") return {Action::create, {Resource::audit_holds}};
  if (what == "release") return {Action::remove, {Resource::audit_holds}};
  if (what == "backup" || what == "rotate-key") return {Action::create, {Resource::audit_upkeep}};
  return {Action::create, {Resource::audit_erasures}};
}

std::optional<Wanted> wanted_of(const AdminRequest& request) {
  const std::vector<std::string>& path = request.path;
  if (path.front() == "audit") return of_audit(request);
  if (path.front() == "statements") {
    if (request.reads()) return Wanted{Action::read, {Resource::statements}};
    return Wanted{Action::create, {Resource::adjustments}};
  }
  // They are always there: what PUT says anew is a change.
  if (path.front() == "tenants" && path.size() == 3)
    return Wanted{request.reads() ? Action::read : Action::change, {Resource::settings}};
  // What a process writes is for those who run it.
  if (path.front() == "engines" && path.size() == 3 && path[2] == "log")
    return Wanted{Action::read, {Resource::engine_logs}};
  if (path.front() == "setup") return Wanted{Action::create, {Resource::setup_tokens}};
  const auto found = kinds().find(path.front());
  if (found == kinds().end()) return std::nullopt;
  const bool works = path.front() == "ledger" && !request.reads();
  return Wanted{works ? Action::create : action_of_method(request), found->second};
}

// His own session, account and password are everybody's own business, and what roles mean.
bool is_own(const AdminRequest& request) {
  const access::Caller& caller = request.call.caller;
  const std::string& kind = request.path.front();
  if (kind == "session" || kind == "roles") return caller.user || !caller.grants.empty();
  if (request.path.front() != "users" || request.path.size() < 2 || !caller.user) return false;
  if (const auto id = Ulid::parse(request.path[1]); id) return *id == caller.user->value;
  const auto login = access::parse_login(request.path[1]);
  return login && *login == caller.login;
}

bool nobody_may(Action action, const Resources& resources) {
  for (std::size_t role = 0; role < access::kRoles; ++role)
    for (const Resource resource : resources)
      if (access::allows(static_cast<access::Role>(role), action, resource)) return false;
  return true;
}

bool may_something(const AdminRequest& request) {
  for (std::size_t action = 0; action < access::kActions; ++action)
    for (const Resource resource : request.resources)
      if (access::decide(request.call.caller, static_cast<Action>(action), resource, Owner::any())
              .is_allowed())
        return true;
  return false;
}

std::unexpected<Error> refusal(const AdminRequest& request, Action action, Resource resource,
                               const Decision& decision) {
  if (decision.verdict == Decision::Verdict::hidden)
    return client_error(Code::not_found, "there is no such object");
  std::set<std::string_view> roles;
  for (const access::Grant& grant : request.call.caller.grants)
    roles.insert(access::name(grant.role()));
  return client_error(
      Code::insufficient_permissions,
      fmt::format("you may not {} {}: {} (yours: {})", access::name(action), access::name(resource),
                  decision.reason,
                  roles.empty() ? "none" : fmt::format("{}", fmt::join(roles, ", "))));
}

}  // namespace

Result<void> may_begin(AdminRequest& request) {
  if (is_own(request)) {
    request.action = action_of_method(request);
    request.resources = {Resource::users, Resource::platform_users};
    return {};
  }
  std::optional<Wanted> wanted = wanted_of(request);
  if (!wanted) return client_error(Code::unknown_url, "there is no such resource");
  request.action = wanted->action;
  request.resources = std::move(wanted->resources);
  const access::Caller& caller = request.call.caller;
  const auto decide_for = [&](const Owner& owner) {
    return [&, owner](Resource resource) {
      return access::decide(caller, request.action, resource, owner).is_allowed();
    };
  };
  // A method that is not there: the handler says so to whoever may do anything here. Nothing is
  // decided, so should it be there after all, it does nothing.
  if (nobody_may(request.action, request.resources) && may_something(request)) return {};
  if (std::ranges::none_of(request.resources, decide_for(Owner::any()))) {
    const Resource first = request.resources.front();
    return refusal(request, request.action, first,
                   access::decide(caller, request.action, first, Owner::any()));
  }
  // Whoever may do it to everything that it could be need not be asked again.
  request.is_decided = std::ranges::all_of(request.resources, decide_for(Owner::platform()));
  return {};
}

Result<void> may(AdminRequest& request, Resource resource, const Owner& owner) {
  TRY_VOID(may(std::as_const(request), request.action, resource, owner));
  request.is_decided = true;
  return {};
}

Result<void> may(const AdminRequest& request, Action action, Resource resource,
                 const Owner& owner) {
  const Decision decision = access::decide(request.call.caller, action, resource, owner);
  if (decision.is_allowed()) return {};
  return refusal(request, action, resource, decision);
}

bool sees_all(const AdminRequest& request) {
  return access::decide(request.call.caller, Action::read, request.resources.front(),
                        Owner::platform())
      .is_allowed();
}

bool sees(const AdminRequest& request, TenantId tenant) {
  return access::decide(request.call.caller, Action::read, request.resources.front(),
                        Owner::of(tenant))
      .is_allowed();
}

store::ControlData seen(const AdminRequest& request, store::ControlData data) {
  if (sees_all(request)) return data;
  std::set<TenantId> ours;
  for (const tenancy::Tenant& tenant : data.tenants)
    if (sees(request, tenant.id)) ours.insert(tenant.id);
  const auto is_foreign = [&](TenantId tenant) { return !ours.contains(tenant); };
  std::erase_if(data.tenants, [&](const auto& one) { return is_foreign(one.id); });
  std::erase_if(data.projects, [&](const auto& one) { return is_foreign(one.tenant); });
  data.keys.erase_if([&](const auto& one) { return is_foreign(one.tenant); });
  std::erase_if(data.limits, [&](const auto& one) { return is_foreign(one.holder.tenant); });
  std::erase_if(data.pool_members, [&](const auto& one) { return is_foreign(one.tenant); });
  std::erase_if(data.settings, [&](const auto& one) { return is_foreign(one.tenant); });
  std::erase_if(data.webhooks,
                [&](const auto& one) { return !one.tenant || is_foreign(*one.tenant); });
  data.engines.clear();
  bound_releases(data.artifacts, data.models);
  data.artifacts.clear();
  // Of a model that others have, too, neither they nor where it runs.
  for (catalog::Model& model : data.models) {
    std::erase_if(model.tenants, is_foreign);
    model.engine.clear();
    model.engines.clear();
    model.engine_model.clear();
    model.source.clear();
    model.artifact.clear();
  }
  std::erase_if(data.models, [](const catalog::Model& model) {
    return !model.for_all_tenants && model.tenants.empty();
  });
  return data;
}

Result<store::ControlData> load_seen(const AdminRequest& request) {
  TRY(store::ControlData data, request.store->load());
  return seen(request, std::move(data));
}

Result<std::optional<TenantId>> tenant_of(const AdminRequest& request,
                                          const store::ControlData& seen,
                                          const std::optional<std::string>& name) {
  if (name && !name->empty()) {
    auto tenant = find_tenant(seen, *name);
    if (!tenant) return fail(std::move(tenant).error().with_param("tenant"));
    return std::optional(tenant->id);
  }
  if (sees_all(request)) return std::optional<TenantId>();
  if (seen.tenants.size() == 1) return std::optional(seen.tenants.front().id);
  return client_error(Code::missing_required_parameter, "say of which tenant of yours: tenant=SLUG",
                      "tenant");
}

}  // namespace sovmesh::control
