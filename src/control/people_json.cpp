#include <algorithm>
#include <set>
#include <utility>

#include "control/admin_objects.h"
#include "control/json_text.h"
#include "control/logins.h"

// People as the admin API shows them.
namespace sovmesh::control {
namespace {

using access::Action;
using access::Owner;
using access::Resource;

// What the caller may do with what is this owner's: {"keys":["read","create"],...}.
std::string may_json(const access::Caller& caller, const Owner& owner) {
  JsonText json;
  for (std::size_t i = 0; i < access::kResources; ++i) {
    const auto resource = static_cast<Resource>(i);
    std::vector<std::string> actions;
    for (std::size_t j = 0; j < access::kActions; ++j) {
      const auto action = static_cast<Action>(j);
      if (access::decide(caller, action, resource, owner).is_allowed())
        actions.emplace_back(access::name(action));
    }
    if (!actions.empty()) json.texts(member_name(resource), actions);
  }
  return json.end();
}

std::string place_json(const access::Caller& caller, const std::optional<TenantId>& tenant,
                       const store::ControlData& data) {
  JsonText json;
  tenant ? json.text("tenant", std::string_view(slug_of(data, *tenant))) : json.null("tenant");
  return json.raw("resources", may_json(caller, Owner::of(tenant))).end();
}

}  // namespace

std::string member_name(access::Resource resource) {
  std::string name(access::name(resource));
  std::ranges::replace_if(name, [](char c) { return c == ' ' || c == '-'; }, '_');
  return name;
}

std::string membership_json(const access::Membership& membership, const store::ControlData& data,
                            bool password_reset, std::int64_t tokens_deleted) {
  const auto& tenant = membership.grant.tenant();
  JsonText json;
  json.text("id", membership.id.value.text())
      .text("user", membership.user.value.text())
      .text("role", access::name(membership.grant.role()));
  tenant ? json.text("tenant", std::string_view(slug_of(data, *tenant))) : json.null("tenant");
  tenant ? json.text("tenant_id", tenant->value.text()) : json.null("tenant_id");
  if (password_reset) json.flag("password_reset", true);
  if (tokens_deleted > 0) json.number("tokens_deleted", tokens_deleted);
  add_meta(json, membership.meta);
  return json.end();
}

std::string user_json(const access::User& user, const std::vector<access::Membership>& memberships,
                      const store::ControlData& data) {
  std::vector<std::string> shown;
  for (const access::Membership& membership : memberships)
    shown.push_back(membership_json(membership, data));
  JsonText json;
  json.text("id", user.id.value.text())
      .text("login", std::string_view(user.login))
      .text("display_name", std::string_view(user.display_name))
      .text("kind", access::name(user.kind))
      .flag("disabled", user.disabled)
      .flag("has_password", !user.password_hash.empty())
      .raw("memberships", json_list(shown));
  add_meta(json, user.meta);
  return json.end();
}

std::string session_json(const store::ControlData& data, const access::Caller& caller,
                         const Logins::Shown* shown) {
  std::vector<std::string> memberships;
  std::set<std::optional<TenantId>> places;
  for (const access::Grant& grant : caller.grants)
    places.insert(grant.tenant());
  std::vector<std::string> may;
  for (const auto& place : places)
    may.push_back(place_json(caller, place, data));
  JsonText json;
  if (shown == nullptr) {
    return json.null("user")
        .raw("memberships", "[]")
        .raw("may", json_list(may))
        .null("csrf_token")
        .null("expires_at")
        .null("idle_expires_at")
        .end();
  }
  for (const access::Membership& membership : shown->memberships)
    memberships.push_back(membership_json(membership, data));
  json.raw("user", user_json(shown->user, shown->memberships, data))
      .raw("memberships", json_list(memberships))
      .raw("may", json_list(may));
  if (shown->csrf_token.empty())  // by an access token
    return json.null("csrf_token").null("expires_at").null("idle_expires_at").end();
  return json.text("csrf_token", std::string_view(shown->csrf_token))
      .time("expires_at", shown->session.expires_at)
      .time("idle_expires_at",
            std::min(shown->session.expires_at, shown->session.seen_at + access::Session::kIdleMax))
      .end();
}

}  // namespace sovmesh::control
