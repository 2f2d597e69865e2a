#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/time_text.h"
#include "control/admin_access.h"
#include "control/admin_people.h"
#include "control/json_body.h"

// users/{user}/tokens: who may make and delete access tokens.
namespace sovmesh::control {
namespace {

using access::Action;
using access::Owner;
using access::Resource;
using access::Token;
using access::UserKind;

// A token neither prolongs its own life nor makes others of a person; only a service account's
// managers may do it with one, because programs make programs' accounts.
Result<void> may_write_tokens(AdminRequest& request, const access::User& user,
                              const std::vector<access::Membership>& memberships, bool makes) {
  const bool is_own = request.call.caller.user == user.id;
  const bool is_person = user.kind == UserKind::person;
  if (request.call.by_token && (is_own || is_person))
    return client_error(Code::insufficient_permissions,
                        is_own ? "an access token neither makes nor deletes tokens of its own user"
                               : "an access token neither makes nor deletes tokens of people");
  if (is_own) {
    request.is_decided = true;
    return {};
  }
  if (is_person && makes)
    return client_error(Code::insufficient_permissions,
                        "a person makes his own access tokens, signed in; for a program make a "
                        "service account");
  return may_manage(request, Action::change, memberships);
}

Result<void> check_name(const std::string& name) {
  const bool has_controls = std::ranges::any_of(
      name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (!name.empty() && name.size() <= Token::kNameMax && !has_controls) return {};
  return client_error(Code::invalid_value,
                      fmt::format("want 1..{} bytes on one line", Token::kNameMax), "name");
}

Result<std::optional<WallTime>> end_of(const std::optional<std::string>& text,
                                       const std::optional<std::int64_t>& days, WallTime now) {
  if (text && days)
    return client_error(Code::invalid_value, "say expires_at or days, not both", "days");
  if (days) return std::optional(now + std::chrono::days(*days));
  if (!text) return std::optional<WallTime>();
  const auto end = parse_rfc3339(*text);
  if (!end || *end <= now || *end > now + Token::kLifeMax)
    return client_error(Code::invalid_value,
                        fmt::format("want a time to come within {} days, as 2027-01-31T12:00:00Z",
                                    Token::kLifeMax.count()),
                        "expires_at");
  return end;
}

}  // namespace

Result<AdminReply> AdminPeople::tokens_of(AdminRequest& request, const Person& person) {
  if (request.is("GET", 3)) {
    if (request.call.caller.user != person.user.id)
      TRY_VOID(may_manage(request, Action::read, person.memberships));
    TRY(const std::vector<Token> all, request.store->tokens_of(person.user.id));
    return page<Token>(
        request, all, [](const Token& token) { return std::string(token.id.value.text()); },
        [](const Token& token) { return token_json(token); });
  }
  TRY_VOID(request.no_more_query());
  const bool makes = request.is("POST", 3);
  if (!makes && !request.is("DELETE", 4)) return fail(no_such_method(request));
  TRY_VOID(may_write_tokens(request, person.user, person.memberships, makes));
  if (makes) return create_token(request, person);
  const auto id = KeyId::parse(request.path[3]);
  if (!id) return client_error(Code::not_found, "there is no such token");
  request.object = person.user.id.value.text() + "/tokens/" + std::string(id->text());
  TRY_VOID(request.store->remove_token(person.user.id, {*id}));
  TRY_VOID(must_be_without_revision(request));
  return AdminReply{.status = 204};
}

Result<AdminReply> AdminPeople::create_token(AdminRequest& request, const Person& person) {
  JsonBody body(request.call.body);
  const std::string name = body.required_text("name");
  const auto expires_at = body.text("expires_at");
  const auto days = body.number("days", 1, Token::kLifeMax.count());
  TRY_VOID(body.done());
  TRY_VOID(check_name(name));
  TRY_VOID(must_want_new(request));
  TRY(const std::optional<WallTime> end, end_of(expires_at, days, now()));
  if (person.user.disabled)
    return client_error(Code::conflict, "the user is disabled: a token of it would not work");
  // As good as the password of the account, or as whoever makes it for the account.
  bool by_platform =
      may(request, Action::create, Resource::platform_memberships, Owner::platform()).has_value();
  if (!by_platform && request.call.caller.user == person.user.id) {
    TRY(const auto trust, request.store->get_value(trust_of(person.user.id)));
    by_platform = trust.has_value();
  }
  AccessTokens::Made made = tokens_.make(
      {.user = person.user.id, .name = name, .expires_at = end, .by_platform = by_platform});
  TRY_VOID(request.store->add_token(made.token));
  request.object =
      person.user.id.value.text() + "/tokens/" + std::string(made.token.id.value.text());
  return AdminReply{.status = 201, .body = token_json(made.token, made.text.reveal())};
}

}  // namespace sovmesh::control
