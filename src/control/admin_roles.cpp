#include <algorithm>
#include <string>
#include <vector>

#include "access/decision.h"
#include "control/admin_api.h"
#include "control/json_text.h"

// What the server goes by: the table of roles, and its configuration.
namespace sovmesh::control {
namespace {

std::string permission_json(access::Role role, access::Resource resource) {
  std::vector<std::string> actions;
  for (std::size_t i = 0; i < access::kActions; ++i) {
    const auto action = static_cast<access::Action>(i);
    if (access::allows(role, action, resource)) actions.emplace_back(access::name(action));
  }
  return JsonText()
      .text("resource", std::string_view(member_name(resource)))
      .text("whose", access::is_of_tenants(resource) ? "tenant" : "platform")
      .texts("actions", actions)
      .end();
}

std::string role_json(access::Role role) {
  std::vector<std::string> permissions;
  for (std::size_t i = 0; i < access::kResources; ++i)
    permissions.push_back(permission_json(role, static_cast<access::Resource>(i)));
  return JsonText()
      .text("name", access::name(role))
      .text("where", access::is_of_tenant(role) ? "tenant" : "platform")
      .raw("permissions", json_list(permissions))
      .end();
}

}  // namespace

// In the order of the table, from whoever may most.
Result<AdminReply> AdminApi::roles(Request& request) {
  TRY_VOID(request.no_more_query());
  std::vector<std::string> all;
  for (std::size_t i = 0; i < access::kRoles; ++i)
    all.push_back(role_json(static_cast<access::Role>(i)));
  return AdminReply{.body = page_json(all, std::nullopt)};
}

Result<AdminReply> AdminApi::config(Request& request) {
  TRY_VOID(request.no_more_query());
  if (!parts_.config) return client_error(Code::not_found, "this server has no configuration");
  return AdminReply{.body = parts_.config()};
}

}  // namespace sovmesh::control
