#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace sovmesh::access {

// What somebody is to the platform, or to one tenant.
enum class Role : std::uint8_t {
  platform_admin,
  platform_operator,
  auditor,
  finance,
  tenant_admin,
  tenant_developer,
  tenant_viewer,
};
constexpr std::size_t kRoles = 7;

std::string_view name(Role role);  // "platform-admin"
std::optional<Role> parse_role(std::string_view text);
bool is_of_tenant(Role role);

// A role where it holds: the platform's everywhere, a tenant's in that tenant. Valid by
// construction.
class Grant {
 public:
  // `tenant`: of a tenant's role, and of no other. Code::invalid_value.
  static Result<Grant> make(Role role, std::optional<TenantId> tenant);
  Role role() const { return role_; }
  const std::optional<TenantId>& tenant() const { return tenant_; }
  friend bool operator==(const Grant&, const Grant&) = default;

 private:
  Grant(Role role, std::optional<TenantId> tenant) : role_(role), tenant_(tenant) {}
  Role role_;
  std::optional<TenantId> tenant_;
};

}  // namespace sovmesh::access
