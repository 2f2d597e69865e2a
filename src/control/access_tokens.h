#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/decision.h"
#include "access/records.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"
#include "identity/authenticator.h"
#include "store/control_store.h"

namespace sovmesh::control {

// Access tokens: what programs show to the admin API to act as a user. Blocks on the store: any
// thread of the blocking pool.
//
//   - Junk is refused by its checksum, without a look-up; an id that nobody has costs the HMAC of
//     one that is there.
//   - A token works while its user does: a disabled or deleted one takes all of them along.
class AccessTokens {
 public:
  struct Parts {
    store::ControlStore& store;
    const identity::Authenticator& authenticator;  // has the peppers
    const Clock& clock;
    Random& random;
  };
  explicit AccessTokens(Parts parts) : parts_(parts) {}

  struct Shown {
    access::User user;
    std::vector<access::Membership> memberships;
    access::Token token;

    access::Caller caller() const;
  };
  // Whose token this is; nothing when it is nobody's, or over.
  Result<std::optional<Shown>> shown(std::string_view text);

  struct Wanted {
    access::UserId user;
    std::string name;
    std::optional<WallTime> expires_at;
    bool by_platform = false;
  };
  struct Made {
    access::Token token;
    Secret text;  // shown once
  };
  // Not stored yet.
  Made make(const Wanted& wanted) const;

 private:
  Parts parts_;
};

// {"id", "name", "last_four", "created_at", "expires_at", "used_at"}, and `token` with the text
// where that is shown.
std::string token_json(const access::Token& token, std::string_view text = {});

}  // namespace sovmesh::control
