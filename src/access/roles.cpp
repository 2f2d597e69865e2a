#include "access/roles.h"

#include <algorithm>
#include <array>
#include <string>

#include "access/records.h"

namespace sovmesh::access {
namespace {

// In the order of the enum.
constexpr std::array<std::string_view, kRoles> kNames{
    "platform-admin", "platform-operator", "auditor",      "finance",
    "tenant-admin",   "tenant-developer",  "tenant-viewer"};

}  // namespace

std::string_view name(Role role) { return kNames.at(static_cast<std::size_t>(role)); }

std::optional<Role> parse_role(std::string_view text) {
  const auto found = std::ranges::find(kNames, text);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Role>(found - kNames.begin());
}

bool is_of_tenant(Role role) { return role >= Role::tenant_admin; }

Result<Grant> Grant::make(Role role, std::optional<TenantId> tenant) {
  if (is_of_tenant(role) == tenant.has_value()) return Grant(role, tenant);
  const std::string text(name(role));
  return client_error(Code::invalid_value,
                      tenant ? text + " is a role on the platform: leave the tenant out"
                             : text + " is a role in a tenant: say in which",
                      "tenant");
}

std::string_view name(UserKind kind) { return kind == UserKind::person ? "person" : "service"; }

std::optional<UserKind> parse_user_kind(std::string_view text) {
  if (text == "person") return UserKind::person;
  if (text == "service") return UserKind::service;
  return std::nullopt;
}

}  // namespace sovmesh::access
