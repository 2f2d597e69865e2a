#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "access/roles.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/ids.h"
#include "tenancy/records.h"

namespace sovmesh::access {

struct UserTag {};
struct MembershipTag {};
struct SessionTag {};
using UserId = Id<UserTag>;
using MembershipId = Id<MembershipTag>;
using SessionId = Id<SessionTag>;

constexpr std::size_t kUsersMax = 100'000;
constexpr std::size_t kMembershipsMax = 64;  // of one user

// Somebody who signs in. What he may do is in his memberships.
struct User {
  UserId id;
  std::string login;  // lower case, unique: an e-mail address or a name
  std::string display_name;
  std::string password_hash;  // as the hasher wrote it; empty: he cannot sign in
  bool disabled = false;
  tenancy::Meta meta;
};

// A role of a user. Goes with its user and its tenant; user, tenant and role together are unique.
struct Membership {
  MembershipId id;
  UserId user;
  Grant grant;
  tenancy::Meta meta;
};

// A browser that is signed in. What it shows is a random text of which we keep the digest only.
struct Session {
  // Without a request for so long, or so old: it is over.
  static constexpr std::chrono::minutes kIdleMax{60};
  static constexpr std::chrono::hours kAgeMax{12};
  static constexpr std::size_t kPerUserMax = 20;  // one more ends the one that was idle longest
  static constexpr std::size_t kUserAgentMax = 200;

  SessionId id;  // public: to list and to end it
  Digest proof{};
  UserId user;
  WallTime created_at{};
  WallTime seen_at{};
  WallTime expires_at{};
  std::string user_agent;
  std::string source;

  bool is_over(WallTime now) const { return now >= expires_at || now >= seen_at + kIdleMax; }
};

}  // namespace sovmesh::access
