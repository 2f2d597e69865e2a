#include "control/access_tokens.h"

#include <utility>

#include "control/json_text.h"
#include "tenancy/key_format.h"

namespace sovmesh::control {
namespace {

constexpr auto kKind = tenancy::Credential::token;
constexpr std::int32_t kNoPepper = -1;  // that of nobody's token

}  // namespace

access::Caller AccessTokens::Shown::caller() const {
  access::Caller out{.user = user.id, .login = user.login, .grants = {}};
  for (const access::Membership& membership : memberships)
    out.grants.push_back(membership.grant);
  return out;
}

Result<std::optional<AccessTokens::Shown>> AccessTokens::shown(std::string_view text) {
  const std::optional<Shown> nobody_there;
  const auto id = tenancy::parse_key(text, kKind);
  if (!id) return nobody_there;
  TRY(std::optional<access::Token> token, parts_.store.token({*id}));
  const Digest digest = parts_.authenticator.key_hmac(token ? token->pepper_id : kNoPepper, text);
  const bool is_proven = equal_digests(digest, token ? token->hmac : Digest{}) && token;
  const WallTime now = parts_.clock.wall_now();
  if (!is_proven || token->is_over(now)) return nobody_there;
  TRY(const std::optional<access::User> user, parts_.store.user(token->user));
  if (!user || user->disabled) return nobody_there;
  // A disk that takes nothing must not keep anybody from reading: then the last use stays as it
  // was.
  const bool is_due = !token->used_at || now - *token->used_at >= access::Token::kUsedEvery;
  if (is_due && parts_.store.use_token(token->id, now)) token->used_at = now;
  Shown out{.user = *user, .memberships = {}, .token = *std::move(token)};
  TRY(out.memberships, parts_.store.memberships_of(user->id));
  return std::optional(std::move(out));
}

AccessTokens::Made AccessTokens::make(const Wanted& wanted) const {
  constexpr std::size_t kShown = 4;
  tenancy::NewKey made = tenancy::generate_key(parts_.random, kKind);
  const std::string_view text = made.text.reveal();
  const std::int32_t pepper = parts_.authenticator.newest_pepper();
  access::Token token{.id = {made.id},
                      .user = wanted.user,
                      .name = wanted.name,
                      .pepper_id = pepper,
                      .hmac = parts_.authenticator.key_hmac(pepper, text),
                      .last_four = std::string(text.substr(text.size() - kShown)),
                      .by_platform = wanted.by_platform,
                      .created_at = parts_.clock.wall_now(),
                      .expires_at = wanted.expires_at,
                      .used_at = {}};
  return {.token = std::move(token), .text = std::move(made.text)};
}

std::string token_json(const access::Token& token, std::string_view text) {
  JsonText json;
  json.text("id", token.id.value.text())
      .text("name", std::string_view(token.name))
      .text("last_four", std::string_view(token.last_four))
      .time("created_at", token.created_at);
  token.expires_at ? json.time("expires_at", *token.expires_at) : json.null("expires_at");
  token.used_at ? json.time("used_at", *token.used_at) : json.null("used_at");
  if (!text.empty()) json.text("token", text);
  return json.end();
}

}  // namespace sovmesh::control
