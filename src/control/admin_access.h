#pragma once

#include <optional>
#include <string>

#include "access/decision.h"
#include "base/result.h"
#include "control/admin_call.h"
#include "store/control_store.h"

// Where the admin API asks access::decide(), and what callers with roles in tenants see.
namespace sovmesh::control {

// Before a handler: settles what the request wants, and refuses whoever may not do that to
// anything. The same answer whatever the path names. Code::unknown_url for what is in no table.
Result<void> may_begin(AdminRequest& request);

// When the object is known: may the caller do what he wants to it? Code::not_found, the same as for
// what is not there, or Code::insufficient_permissions.
Result<void> may(AdminRequest& request, access::Resource resource, const access::Owner& owner);
// For another action than the request's own.
Result<void> may(const AdminRequest& request, access::Action action, access::Resource resource,
                 const access::Owner& owner);

// Whether a role on the platform lets the caller see everybody's.
bool sees_all(const AdminRequest& request);
// Whether the caller may read the request's kind of resource of this tenant.
bool sees(const AdminRequest& request, TenantId tenant);
// `data` as the caller sees it: of others there is nothing.
store::ControlData seen(const AdminRequest& request, store::ControlData data);
// The same of what is stored now.
Result<store::ControlData> load_seen(const AdminRequest& request);

// The tenant that a report is of: of the one that is named, or of the caller's only one; nothing
// for all, which only who sees all may ask for. Gives its id.
Result<std::optional<TenantId>> tenant_of(const AdminRequest& request,
                                          const store::ControlData& seen,
                                          const std::optional<std::string>& name);

}  // namespace sovmesh::control
