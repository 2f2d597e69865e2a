#pragma once

#include <optional>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"
#include "identity/authenticator.h"
#include "store/control_store.h"
#include "tenancy/records.h"

namespace sovmesh::control {

// Puts into `key` what is kept of its text: the HMAC under the newest pepper, the last characters.
void seal(tenancy::Key& key, const identity::Authenticator& authenticator, std::string_view text);

// A key for everything in project `default` of the tenant, when the tenant has never had one (one
// that was revoked counts). The text is what its owner is shown, once; nothing when there is one
// already. Publish afterwards. Blocks on the store.
struct FirstKey {
  tenancy::Key key;
  Secret text;
};
Result<std::optional<FirstKey>> make_first_key(store::ControlStore& store,
                                               const identity::Authenticator& authenticator,
                                               Random& random, std::string_view tenant);

}  // namespace sovmesh::control
