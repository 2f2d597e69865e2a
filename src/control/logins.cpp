#include "control/logins.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "access/password_rules.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "control/json_text.h"

namespace sovmesh::control {
namespace {

using access::Membership;
using access::Role;
using access::Session;
using access::User;

constexpr const char* kSetupValue = "setup_token";
constexpr std::string_view kSetupName = " setup";  // no login has a space
constexpr std::size_t kTokenBytes = 32;

Secret random_token(Random& random) {
  std::array<unsigned char, kTokenBytes> bytes{};
  random.fill(bytes);
  return Secret(to_hex(bytes));
}

std::unexpected<Error> nobody() {
  return client_error(Code::invalid_api_key, "the login or the password is wrong");
}

std::unexpected<Error> wrong_token() {
  return client_error(Code::invalid_api_key,
                      "the setup token is wrong, used up or too old; 'sovmesh user setup-token' on "
                      "the server makes another one");
}

struct SetupToken {
  Digest digest{};
  WallTime until{};

  std::string text() const {
    return fmt::format("{} {}", to_hex(digest), until.time_since_epoch().count());
  }
};

std::optional<std::string> digest_text(const std::optional<std::string>& value) {
  if (!value) return std::nullopt;
  return value->substr(0, value->find(' '));
}

// Whether the stored token is `token`, if one is given, and works still.
bool is_setup_token(const std::optional<std::string>& value, const Secret* token, WallTime now) {
  const auto digest = digest_text(value);
  if (!digest || digest->size() + 1 >= value->size()) return false;
  const auto until = parse_u64(std::string_view(*value).substr(digest->size() + 1));
  if (!until || now.time_since_epoch().count() >= static_cast<std::int64_t>(*until)) return false;
  // The text of a digest is compared by a digest again, so that it takes the same time.
  return token == nullptr ||
         equal_digests(sha256(*digest), sha256(to_hex(sha256(token->reveal()))));
}

std::string actor_of(const User& user) { return "user:" + user.id.value.text(); }

}  // namespace

std::optional<TenantId> only_tenant(const std::vector<Membership>& memberships) {
  if (memberships.empty()) return std::nullopt;
  const auto tenant = memberships.front().grant.tenant();
  const bool is_only = std::ranges::all_of(
      memberships, [&](const Membership& one) { return one.grant.tenant() == tenant; });
  return is_only ? tenant : std::nullopt;
}

access::Caller Logins::Shown::caller() const {
  access::Caller out{.user = user.id, .login = user.login, .grants = {}};
  for (const Membership& membership : memberships)
    out.grants.push_back(membership.grant);
  return out;
}

Result<void> Logins::slow_down(const std::string& name, const std::string& address) {
  const Instant now = parts_.clock.now();
  const auto wait =
      brake_.with([&](access::LoginBrake& brake) { return brake.begin(name, address, now); });
  if (wait == std::chrono::seconds(0)) return {};
  note_refusal();
  return fail(Error(Code::rate_limit_exceeded, Blame::client,
                    fmt::format("too many tries: wait {} s", wait.count()))
                  .with_retry_after(wait)
                  .with_should_retry(false));
}

Result<void> Logins::may_record() const {
  if (parts_.audit == nullptr || parts_.audit->accepts()) return {};
  return fail(store::Audit::refusal());
}

// What the password of nobody is compared with: as expensive as anybody's.
std::string Logins::nobodys_hash() {
  return nobodys_hash_.with([&](std::string& hash) {
    if (hash.empty())
      hash =
          identity::hash_password(random_token(parts_.random).reveal(), parts_.cost, parts_.random)
              .value_or("");
    return hash;
  });
}

std::string Logins::csrf_of(std::string_view token) const {
  return to_hex(HmacKey(token).of("csrf"));
}

// Somebody who guesses must not fill the log: one entry a second tells how many there were.
void Logins::note_refusal() {
  if (parts_.audit == nullptr) return;
  const Instant now = parts_.clock.now();
  const std::uint64_t count = refusals_.with([&](Refusals& refused) -> std::uint64_t {
    ++refused.count;
    if (refused.noted && now - *refused.noted < kRefusalsEvery) return 0;
    refused.noted = now;
    return std::exchange(refused.count, 0);
  });
  if (count == 0) return;
  store::AdminEntry entry;
  entry.action = "session.refused";
  entry.outcome = "denied";
  entry.object = "listener/admin";
  entry.count = count;
  entry.reason = "a wrong login or password, or too many tries; count: since the entry before";
  (void)parts_.audit->append(std::move(entry));
}

Result<Logins::Begun> Logins::begin(const Attempt& attempt) {
  TRY_VOID(may_record());
  const auto login = access::parse_login(attempt.login);
  const std::string name =
      login ? *login : to_lower(attempt.login.substr(0, access::kLoginMax)) + " ?";
  TRY_VOID(slow_down(name, attempt.address));
  TRY(const std::optional<User> user, parts_.store.user_named(name));
  const bool may_sign_in = user && user->kind == access::UserKind::person && !user->disabled &&
                           !user->password_hash.empty();
  const std::string decoy = nobodys_hash();  // made at the first try, whoever's that is
  const bool fits =
      identity::is_password(attempt.password.reveal(), may_sign_in ? user->password_hash : decoy);
  if (!may_sign_in || !fits) {
    note_refusal();
    return nobody();
  }
  brake_.with([&](access::LoginBrake& brake) { brake.succeeded(name, attempt.address); });
  Begun out{.shown = {.user = *user}, .token = random_token(parts_.random)};
  TRY(out.shown.memberships, parts_.store.memberships_of(user->id));
  const WallTime now = parts_.clock.wall_now();
  out.shown.csrf_token = csrf_of(out.token.reveal());
  out.shown.session = {.id = {Ulid::make(now, parts_.random)},
                       .proof = sha256(out.token.reveal()),
                       .user = user->id,
                       .created_at = now,
                       .seen_at = now,
                       .expires_at = now + Session::kAgeMax,
                       .user_agent = attempt.user_agent.substr(0, Session::kUserAgentMax),
                       .source = attempt.address};
  if (!is_valid_utf8(out.shown.session.user_agent)) out.shown.session.user_agent.clear();
  TRY_VOID(parts_.store.atomically([&](store::ControlStore& store) -> Result<void> {
    if (attempt.previous) {
      TRY(const auto before, store.session_of(sha256(attempt.previous->reveal())));
      if (before) TRY_VOID(store.end_session(before->user, before->id));
    }
    TRY_VOID(store.begin_session(out.shown.session));
    if (parts_.audit == nullptr) return {};
    store::AdminEntry entry;
    entry.action = "session.created";
    entry.tenant = only_tenant(out.shown.memberships);
    entry.actor_type = store::AdminEntry::Actor::user;
    entry.actor = actor_of(*user);
    entry.object = "session/" + out.shown.session.id.value.text();
    entry.detail = JsonText()
                       .text("source", std::string_view(attempt.address))
                       .text("user_agent", std::string_view(out.shown.session.user_agent))
                       .end();
    TRY_VOID(parts_.audit->append(std::move(entry)));
    return {};
  }));
  return out;
}

Result<std::optional<Logins::Shown>> Logins::shown(std::string_view token, bool counts) {
  const std::optional<Shown> nobody_there;
  TRY(std::optional<Session> session, parts_.store.session_of(sha256(token)));
  const WallTime now = parts_.clock.wall_now();
  if (!session || session->is_over(now)) return nobody_there;
  TRY(const std::optional<User> user, parts_.store.user(session->user));
  if (!user || user->disabled) return nobody_there;
  // A disk that takes nothing must not keep anybody from reading: then he is as idle as before.
  if (counts && now - session->seen_at >= kSeenEvery && parts_.store.see_session(session->id, now))
    session->seen_at = now;
  Shown out{.user = *user, .session = *session, .csrf_token = csrf_of(token)};
  TRY(out.memberships, parts_.store.memberships_of(user->id));
  return std::optional(std::move(out));
}

Result<std::string> Logins::hash(std::string_view password, std::string_view login) const {
  TRY_VOID(access::check_password(password, login));
  return identity::hash_password(password, parts_.cost, parts_.random);
}

Result<void> Logins::confirm(const User& user, std::string_view password,
                             const std::string& address) {
  TRY_VOID(slow_down(user.login, address));
  if (!identity::is_password(password, user.password_hash)) {
    note_refusal();
    return client_error(Code::invalid_value, "this is not your password", "current_password");
  }
  brake_.with([&](access::LoginBrake& brake) { brake.succeeded(user.login, address); });
  return {};
}

Result<bool> Logins::has_admin() {
  TRY(const std::vector<Membership> all, parts_.store.memberships());
  for (const Membership& membership : all) {
    if (membership.grant.role() != Role::platform_admin) continue;
    TRY(const std::optional<User> user, parts_.store.user(membership.user));
    if (user && !user->disabled) return true;
  }
  return false;
}

Result<std::optional<Secret>> Logins::first_setup_token() {
  TRY(const bool there_is_one, has_admin());
  if (there_is_one) return std::optional<Secret>();
  TRY(const auto value, parts_.store.get_value(kSetupValue));
  if (is_setup_token(value, nullptr, parts_.clock.wall_now())) return std::optional<Secret>();
  TRY(Secret token, new_setup_token());
  return std::optional(std::move(token));
}

Result<Secret> Logins::new_setup_token() {
  Secret token = random_token(parts_.random);
  const SetupToken stored{.digest = sha256(token.reveal()),
                          .until = parts_.clock.wall_now() + kSetupTokenLife};
  TRY_VOID(parts_.store.put_value(kSetupValue, stored.text()));
  return token;
}

Result<User> Logins::set_up(const SetUp& wanted) {
  TRY_VOID(may_record());
  TRY_VOID(slow_down(std::string(kSetupName), wanted.address));
  const WallTime now = parts_.clock.wall_now();
  TRY(const auto value, parts_.store.get_value(kSetupValue));
  if (!is_setup_token(value, &wanted.token, now)) {
    note_refusal();
    return wrong_token();
  }
  TRY(const std::string login, access::parse_login(wanted.login));
  TRY(std::string hashed, hash(wanted.password.reveal(), login));
  User user{.id = {Ulid::make(now, parts_.random)},
            .login = login,
            .display_name = wanted.display_name.empty() ? login : wanted.display_name,
            .password_hash = std::move(hashed)};
  TRY_VOID(parts_.store.atomically([&](store::ControlStore& store) -> Result<void> {
    TRY(const auto still, store.get_value(kSetupValue));
    if (still != value) return wrong_token();
    TRY(user, store.create(user));
    TRY(const access::Grant grant, access::Grant::make(Role::platform_admin, std::nullopt));
    TRY_VOID(store.create(
        Membership{.id = {Ulid::make(now, parts_.random)}, .user = user.id, .grant = grant}));
    TRY_VOID(store.remove_value(kSetupValue));
    if (parts_.audit == nullptr) return {};
    store::AdminEntry entry;
    entry.action = "user.create";
    entry.actor_type = store::AdminEntry::Actor::user;
    entry.actor = actor_of(user);
    entry.object = "users/" + user.id.value.text();
    entry.reason = "a platform admin, by the one-time setup token";
    TRY_VOID(parts_.audit->append(std::move(entry)));
    return {};
  }));
  brake_.with([&](access::LoginBrake& brake) { brake.succeeded(kSetupName, wanted.address); });
  return user;
}

}  // namespace sovmesh::control
