#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "identity/authenticator.h"
#include "llmapi/request.h"

namespace sovmesh::gateway {

// How the client's request is to be read: what its tenant's settings cut to no more than the
// model's bounds may be beyond those. `settings`: null when there are none.
llmapi::FieldPolicy policy_before(const identity::TenantSettings* settings,
                                  llmapi::FieldPolicy policy);

// Makes the request what it becomes by what its tenant has set (docs/tenant-settings.md): values
// that it leaves out, values that are more than they may be, what goes before its messages and
// behind its answer. `name`: what the client called. An error: it is more than it may be.
Result<void> apply_settings(const identity::TenantSettings& settings,
                            const identity::Caller& caller, std::string_view name,
                            const llmapi::FieldPolicy& policy, WallTime now,
                            llmapi::Request& request);

}  // namespace sovmesh::gateway
