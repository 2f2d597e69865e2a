#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/decision.h"
#include "access/login_brake.h"
#include "access/records.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"
#include "identity/password.h"
#include "store/audit.h"
#include "store/control_store.h"

namespace sovmesh::control {

// How people sign in: sessions by password, and the one-time token that makes the first
// administrator. Blocks on the store and on hashing: any thread of the blocking pool.
//
//   - An unknown login, a disabled one, one without a password and a wrong password take the same
//     time and get the same answer.
//   - Tries are slowed by name and by address (access::LoginBrake).
//   - A session is a new random text at each login; the store has its digest. The one that the
//     browser showed before ends.
class Logins {
 public:
  static constexpr std::chrono::hours kSetupTokenLife{24};
  static constexpr std::chrono::minutes kSeenEvery{1};      // how exactly idle time is known
  static constexpr std::chrono::seconds kRefusalsEvery{1};  // refused ones get one entry together

  struct Parts {
    store::ControlStore& store;
    store::Audit* audit;  // null: nothing is recorded
    const Clock& clock;
    Random& random;
    identity::PasswordCost cost;
  };
  explicit Logins(Parts parts) : parts_(parts) {}

  struct Attempt {
    std::string login;
    Secret password;
    std::string user_agent;
    std::string address;                  // without port
    std::optional<Secret> previous = {};  // the session that the browser has until now
  };
  struct Shown {
    access::User user;
    std::vector<access::Membership> memberships;
    access::Session session;
    std::string csrf_token;

    access::Caller caller() const;
  };
  struct Begun {
    Shown shown;
    Secret token;
  };
  // Code::invalid_api_key for whoever is nobody; Code::rate_limit_exceeded for who tries too often.
  Result<Begun> begin(const Attempt& attempt);
  // Whose session this is; nothing when it is nobody's, or over.
  // `counts`: it keeps the session from being idle.
  Result<std::optional<Shown>> shown(std::string_view token, bool counts = true);

  // For a user's record. Checks the rules for passwords first.
  Result<std::string> hash(std::string_view password, std::string_view login) const;
  // Slowed as a login is. Code::invalid_value with param "current_password".
  Result<void> confirm(const access::User& user, std::string_view password,
                       const std::string& address);

  // At the start: a token when there is no platform admin who can sign in and none is out.
  Result<std::optional<Secret>> first_setup_token();
  // Another one: the one before works no more.
  Result<Secret> new_setup_token();
  struct SetUp {
    Secret token;
    std::string login;
    std::string display_name;
    Secret password;
    std::string address;
  };
  // Makes a platform admin; the token is used up.
  Result<access::User> set_up(const SetUp& wanted);

  const Parts& parts() const { return parts_; }

 private:
  Result<bool> has_admin();
  Result<void> slow_down(const std::string& name, const std::string& address);
  Result<void> may_record() const;
  std::string nobodys_hash();
  void note_refusal();
  std::string csrf_of(std::string_view token) const;

  Parts parts_;
  Guarded<access::LoginBrake> brake_;
  Guarded<std::string> nobodys_hash_;
  struct Refusals {
    std::uint64_t count = 0;  // not yet in the log
    std::optional<Instant> noted;
  };
  Guarded<Refusals> refusals_;
};

// As JSON has it: "own_keys".
std::string member_name(access::Resource resource);
// {"user", "memberships", "csrf_token", "expires_at", ...}: who is signed in and what he may.
std::string session_json(const store::ControlData& data, const access::Caller& caller,
                         const Logins::Shown* shown);
// With the memberships that the reader may know of.
std::string user_json(const access::User& user, const std::vector<access::Membership>& memberships,
                      const store::ControlData& data);
// `password_reset`: it took the user's password away; `tokens_deleted`: and so many tokens.
std::string membership_json(const access::Membership& membership, const store::ControlData& data,
                            bool password_reset = false, std::int64_t tokens_deleted = 0);

// The tenant of somebody whose roles are all in one.
std::optional<TenantId> only_tenant(const std::vector<access::Membership>& memberships);

}  // namespace sovmesh::control
