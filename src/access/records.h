#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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

// Of an access token: public, the part of its text between the first two '-'.
struct TokenId {
  KeyId value;
  friend auto operator<=>(const TokenId&, const TokenId&) = default;
};

constexpr std::size_t kUsersMax = 100'000;
constexpr std::size_t kMembershipsMax = 64;  // of one user

// A person signs in by password. A service account has none and never signs in: a program acts as
// it with an access token.
enum class UserKind : std::uint8_t { person, service };
std::string_view name(UserKind kind);  // "person", "service"
std::optional<UserKind> parse_user_kind(std::string_view text);

// Somebody who acts on the admin API. What he may do is in his memberships. The revision grows with
// each of them that comes or goes, too.
struct User {
  UserId id;
  std::string login;  // lower case, unique: an e-mail address or a name
  std::string display_name;
  std::string password_hash;  // as the hasher wrote it; empty: he cannot sign in
  bool disabled = false;
  UserKind kind = UserKind::person;
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

// Lets a program act as its user on the admin API. Goes with its user. What it shows is kept as an
// HMAC under a pepper, as keys are (tenancy/key_format.h, Credential::token).
struct Token {
  static constexpr std::size_t kPerUserMax = 20;
  static constexpr std::size_t kNameMax = 64;            // bytes
  static constexpr std::chrono::minutes kUsedEvery{1};   // how exactly the last use is known
  static constexpr std::chrono::days kLifeMax{366 * 5};  // where an end is given

  TokenId id;
  UserId user;
  std::string name;  // for people
  std::int32_t pepper_id = 0;
  Digest hmac{};
  std::string last_four;
  // Whoever made it could have given every role: else it does not outlive that its user gets one
  // beyond whoever made it.
  bool by_platform = false;
  WallTime created_at{};
  std::optional<WallTime> expires_at;  // nothing: never
  std::optional<WallTime> used_at;     // nothing: never

  bool is_over(WallTime now) const { return expires_at && *expires_at <= now; }
};

}  // namespace sovmesh::access
