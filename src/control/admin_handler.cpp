#include "control/admin_handler.h"

#include <utility>

#include "base/bytes.h"
#include "control/browser.h"
#include "control/json_body.h"
#include "http/error_reply.h"
#include "tenancy/key_format.h"

namespace sovmesh::control {
namespace {

constexpr std::string_view kBearer = "bearer ";
constexpr std::string_view kLog = "/audit/";
constexpr std::string_view kSessions = "/api/v1/sessions";
constexpr std::string_view kSession = "/api/v1/session";
constexpr std::string_view kSetup = "/api/v1/setup";
constexpr std::size_t kSignInBytesMax = 8'192;

std::optional<std::string_view> bearer_token(const http::RequestHead& head) {
  const auto field = head.fields.find("authorization");
  if (!field || field->size() <= kBearer.size()) return std::nullopt;
  if (!equals_ignore_case(field->substr(0, kBearer.size()), kBearer)) return std::nullopt;
  return trim(field->substr(kBearer.size()));
}

AdminCall call_of(const http::RequestHead& head, const http::Body& body) {
  AdminCall call{.method = head.method == "HEAD" ? "GET" : std::string(head.method),
                 .path = std::string(head.path),
                 .query = std::string(head.query),
                 .body = std::string(body.bytes())};
  if (const auto field = head.fields.find("if-match")) call.if_match = std::string(trim(*field));
  return call;
}

// A page of somebody else's can make a browser send anything but this type.
Result<void> check_form(const http::RequestHead& head, const http::Body& body) {
  if (body.bytes().empty()) return {};
  const std::string_view encoding = head.fields.find("content-encoding").value_or("identity");
  if (!equals_ignore_case(encoding, "identity"))
    return client_error(Code::unsupported_encoding, "send the body uncompressed");
  const std::string_view type = head.fields.find("content-type").value_or("");
  if (!equals_ignore_case(trim(type.substr(0, type.find(';'))), "application/json"))
    return client_error(Code::unsupported_media_type,
                        "a body is JSON, with 'Content-Type: application/json'");
  return {};
}

// The socket's owner and the admin token do not change while the process lives.
Result<access::Caller> still_owner() { return access::Caller::machine_owner(); }

void set_caller(AdminCall& call, auto&& who) {
  call.actor_type = who.type;
  call.actor = std::move(who.name);
  call.source = std::move(who.source);
  call.caller = std::move(who.caller);
  call.signed_in = std::move(who.signed_in);
  call.by_token = who.by_token;
}

// Without its port, which is another one for each connection.
std::string address_of(const http::Exchange& exchange) {
  const auto peer = exchange.peer();
  return peer ? peer->ip.text() : std::string("socket");
}

}  // namespace

AdminHandler::AdminHandler(AdminApi& api, rt::BlockingPool& pool, const Secret& token,
                           unsigned own_uid, std::function<std::string()> revision,
                           store::Audit* audit, const Rate& rate)
    : api_(api),
      pool_(pool),
      token_(sha256(token.reveal())),
      own_uid_(own_uid),
      revision_(std::move(revision)),
      audit_(audit),
      rate_(rate.bounds),
      refused_calls_(rate.refused) {}

std::optional<AdminHandler::Who> AdminHandler::owner(const http::Exchange& exchange) const {
  if (const auto peer = exchange.peer_credentials()) {
    if (peer->uid == 0 || peer->uid == own_uid_)
      return Who{.type = store::AdminEntry::Actor::local_user,
                 .name = "uid:" + std::to_string(peer->uid),
                 .source = "socket",
                 .caller = access::Caller::machine_owner(),
                 .again = still_owner,
                 .kind = "socket",
                 .credential = {}};
  }
  const auto token = bearer_token(exchange.head());
  if (token && equal_digests(sha256(*token), token_)) {
    return Who{.type = store::AdminEntry::Actor::token,
               .name = "admin-token",
               .source = address_of(exchange),
               .caller = access::Caller::machine_owner(),
               .again = still_owner,
               .kind = "admin_token",
               .credential = "admin token"};
  }
  return std::nullopt;
}

rt::Task<Result<AdminHandler::Who>> AdminHandler::identify(http::Exchange& exchange) {
  std::optional<Who> who = owner(exchange);
  const auto token = bearer_token(exchange.head());
  const auto cookie = session_cookie(exchange.head());
  const bool has_token = token && tenancy::looks_like(tenancy::Credential::token, *token);
  if (!who && has_token) {
    CO_TRY(who, co_await identify_token(exchange, Secret(std::string(*token))));
  } else if (!who && cookie) {
    CO_TRY(who, co_await identify_session(exchange, *cookie));
  } else if (!who) {
    co_return client_error(Code::invalid_api_key,
                           "the admin API wants a session (POST /api/v1/sessions), or "
                           "'Authorization: Bearer TOKEN' with an access token or the token of "
                           "DATA_DIR/admin.token");
  }
  if (!who->credential.empty())
    CO_TRY_VOID(take_turn(who->kind, who->credential, exchange.loop().clock().now()));
  if (who->signed_in) {
    CO_TRY_VOID(check_site(exchange.head()));
    CO_TRY_VOID(check_csrf(exchange.head(), who->signed_in->csrf_token));
  }
  co_return *std::move(who);
}

rt::Task<Result<AdminHandler::Who>> AdminHandler::identify_session(http::Exchange& exchange,
                                                                   std::string cookie) {
  auto work = [&logins = api_.logins(), token = Secret(cookie)] {
    return logins.shown(token.reveal());
  };
  CO_TRY(auto shown, co_await rt::run_blocking(pool_, exchange.loop(), std::move(work)));
  if (!shown) co_return client_error(Code::invalid_api_key, "the session is over: sign in again");
  auto again = [&logins = api_.logins(),
                token = Secret(std::move(cookie))]() -> Result<access::Caller> {
    TRY(const auto now, logins.shown(token.reveal(), false));
    if (!now) return client_error(Code::invalid_api_key, "the session is over");
    return now->caller();
  };
  co_return Who{.type = store::AdminEntry::Actor::user,
                .name = "user:" + shown->user.id.value.text(),
                .source = address_of(exchange),
                .caller = shown->caller(),
                .signed_in = AdminCall::SignedIn{shown->session, shown->csrf_token},
                .again = std::move(again),
                .kind = "session",
                .credential = "session " + shown->session.id.value.text()};
}

rt::Task<Result<AdminHandler::Who>> AdminHandler::identify_token(http::Exchange& exchange,
                                                                 Secret token) {
  const auto text = std::make_shared<const Secret>(std::move(token));
  auto work = [&tokens = api_.tokens(), text] { return tokens.shown(text->reveal()); };
  CO_TRY(auto shown, co_await rt::run_blocking(pool_, exchange.loop(), std::move(work)));
  if (!shown)
    co_return client_error(Code::invalid_api_key, "the token is wrong, has ended or was deleted");
  auto again = [&tokens = api_.tokens(), text]() -> Result<access::Caller> {
    TRY(const auto now, tokens.shown(text->reveal()));
    if (!now) return client_error(Code::invalid_api_key, "the token has ended");
    return now->caller();
  };
  co_return Who{.type = store::AdminEntry::Actor::user_token,
                .name = "user:" + shown->user.id.value.text(),
                .source = address_of(exchange),
                .caller = shown->caller(),
                .again = std::move(again),
                .by_token = true,
                .kind = "token",
                .credential = "token " + std::string(shown->token.id.value.text())};
}

Result<void> AdminHandler::take_turn(std::string_view kind, const std::string& credential,
                                     Instant now) {
  const auto wait = rate_.take(credential, now);
  if (wait.count() == 0) return {};
  if (refused_calls_ != nullptr) refused_calls_->with({kind}).add();
  return fail(Error(Code::rate_limit_exceeded, Blame::client,
                    "too many calls of the admin API: wait, and see server.admin_rate")
                  .with_retry_after(std::chrono::ceil<std::chrono::milliseconds>(wait)));
}

Result<void> AdminHandler::take_turn_of_address(const http::Exchange& exchange) {
  return take_turn("address", "address " + address_of(exchange), exchange.loop().clock().now());
}

// Somebody who guesses tokens must not fill the log: one entry a second tells how many there were.
rt::Task<void> AdminHandler::note_refusal(http::Exchange& exchange) {
  Refusals& refused = exchange.peer_credentials() ? over_socket_ : over_network_;
  ++refused.count;
  const Instant now = exchange.loop().clock().now();
  const bool is_due = refused.noted == Instant{} || now - refused.noted >= kRefusalsEvery;
  if (audit_ == nullptr || !is_due) co_return;
  refused.noted = now;
  store::AdminEntry entry;
  entry.action = "admin.login";
  entry.outcome = "denied";
  entry.object = refused.listener;
  entry.count = std::exchange(refused.count, 0);
  entry.reason = "no token, or a wrong one; count: callers since the entry before";
  auto work = [audit = audit_, entry = std::move(entry)]() { return audit->append(entry); };
  (void)co_await rt::run_blocking(pool_, exchange.loop(), std::move(work));
}

// GET /audit/checkpoint, /audit/keys, /audit/tile/...: the paths of C2SP tlog-tiles.
rt::Task<void> AdminHandler::serve_log(http::Exchange& exchange) {
  const bool reads = exchange.head().method == "GET" || exchange.head().method == "HEAD";
  std::string path(exchange.head().path.substr(kLog.size()));
  const bool is_tile = path.starts_with("tile/");
  const bool is_partial = path.find(".p/") != std::string::npos;
  Result<std::string> bytes = client_error(Code::unknown_url, "there is no such resource");
  if (audit_ != nullptr && reads) {
    auto work = [audit = audit_, path = std::move(path)] { return audit->served(path); };
    bytes = co_await rt::run_blocking(pool_, exchange.loop(), std::move(work));
  }
  if (!bytes) {
    co_await refuse_call(exchange, bytes.error());
    co_return;
  }
  http::ResponseHead head;
  head.status = 200;
  add_strictness(head, false);
  head.add("content-type", is_tile ? "application/octet-stream" : "text/plain; charset=utf-8");
  // A full tile is for ever the same; a partial one is soon replaced, and never wrong.
  head.add("cache-control", !is_tile     ? "no-cache"
                            : is_partial ? "max-age=60"
                                         : "public, max-age=31536000, immutable");
  (void)co_await exchange.respond(head, *bytes);
}

rt::Task<void> AdminHandler::handle(http::Exchange& exchange) {
  const bool is_log = exchange.head().path.starts_with(kLog);
  if (is_log) {
    const auto who = co_await identify(exchange);
    if (who && access::decide(who->caller, access::Action::read, access::Resource::audit_log,
                              access::Owner::platform())
                   .is_allowed()) {
      co_await serve_log(exchange);
      co_return;
    }
  }
  if (streams_ != nullptr && AdminStreams::wants(exchange.head())) {
    const Result<void> begun = co_await begin_stream(exchange);
    if (!begun) co_await refuse_call(exchange, begun.error());
    co_return;
  }
  Result<AdminReply> reply = co_await answer(exchange);
  if (!reply) {
    co_await refuse_call(exchange, reply.error());
    co_return;
  }
  http::ResponseHead head;
  head.status = reply->status;
  add_strictness(head, reply->content_type.starts_with("text/html"));
  if (!reply->set_cookie.empty()) head.add("set-cookie", reply->set_cookie);
  if (!reply->body.empty()) head.add("content-type", std::move(reply->content_type));
  head.add("cache-control", "no-store");
  head.add("x-sm-config-revision", revision_());
  if (!reply->etag.empty()) head.add("etag", std::move(reply->etag));
  (void)co_await exchange.respond(head, reply->body);
}

// POST sessions {"login","password"}
rt::Task<Result<AdminReply>> AdminHandler::sign_in(http::Exchange& exchange) {
  CO_TRY_VOID(take_turn_of_address(exchange));
  CO_TRY_VOID(check_site(exchange.head()));
  if (exchange.head().fields.find("if-match"))
    co_return client_error(Code::precondition_failed,
                           "there is no such object yet: leave If-Match out");
  Logins::Attempt attempt{.address = address_of(exchange)};
  if (const auto agent = exchange.head().fields.find("user-agent")) attempt.user_agent = *agent;
  if (const auto cookie = session_cookie(exchange.head())) attempt.previous = Secret(*cookie);
  const bool is_secure = exchange.is_tls() || has_secure_page(exchange.head());
  const http::BodyLimits limits{.bytes_max = kSignInBytesMax};
  CO_TRY(const http::Body body, co_await exchange.read_body(limits));
  CO_TRY_VOID(check_form(exchange.head(), body));
  auto work = [&logins = api_.logins(), attempt = std::move(attempt), is_secure,
               bytes = std::string(body.bytes())]() mutable -> Result<AdminReply> {
    JsonBody fields(bytes);
    attempt.login = fields.required_text("login");
    attempt.password = Secret(fields.required_text("password"));
    TRY_VOID(fields.done());
    TRY(const Logins::Begun begun, logins.begin(attempt));
    TRY(const store::ControlData data, logins.parts().store.load());
    return AdminReply{.status = 201,
                      .body = session_json(data, begun.shown.caller(), &begun.shown),
                      .set_cookie = cookie_text(begun.token.reveal(), is_secure)};
  };
  co_return co_await rt::run_blocking(pool_, exchange.loop(), std::move(work));
}

// POST setup {"token","login","password"}
rt::Task<Result<AdminReply>> AdminHandler::set_up(http::Exchange& exchange) {
  CO_TRY_VOID(take_turn_of_address(exchange));
  CO_TRY_VOID(check_site(exchange.head()));
  if (exchange.head().fields.find("if-match"))
    co_return client_error(Code::precondition_failed,
                           "there is no such object yet: leave If-Match out");
  const http::BodyLimits limits{.bytes_max = kSignInBytesMax};
  CO_TRY(const http::Body body, co_await exchange.read_body(limits));
  CO_TRY_VOID(check_form(exchange.head(), body));
  auto work = [&logins = api_.logins(), address = address_of(exchange),
               bytes = std::string(body.bytes())]() -> Result<AdminReply> {
    JsonBody fields(bytes);
    Logins::SetUp wanted{.token = Secret(fields.required_text("token")),
                         .login = fields.required_text("login"),
                         .display_name = fields.text("display_name").value_or(""),
                         .password = Secret(fields.required_text("password")),
                         .address = address};
    TRY_VOID(fields.done());
    TRY(const access::User user, logins.set_up(wanted));
    TRY(const auto memberships, logins.parts().store.memberships_of(user.id));
    TRY(const store::ControlData data, logins.parts().store.load());
    return AdminReply{.status = 201, .body = user_json(user, memberships, data)};
  };
  co_return co_await rt::run_blocking(pool_, exchange.loop(), std::move(work));
}

rt::Task<Result<AdminHandler::Who>> AdminHandler::known_caller(http::Exchange& exchange) {
  Result<Who> who = co_await identify(exchange);
  if (who) co_return who;
  if (who.error().code() == Code::invalid_api_key) CO_TRY_VOID(take_turn_of_address(exchange));
  // A page that asks whether somebody is signed in is no attack.
  const bool only_asks =
      exchange.head().path == kSession && !exchange.head().fields.find("authorization");
  if (!only_asks && who.error().code() == Code::invalid_api_key) co_await note_refusal(exchange);
  co_return who;
}

// GET live, GET events with Accept: text/event-stream. What it tells goes on when this has
// returned.
rt::Task<Result<void>> AdminHandler::begin_stream(http::Exchange& exchange) {
  CO_TRY(Who who, co_await known_caller(exchange));
  const std::string whose = who.name;  // a user has many sessions and tokens
  AdminCall call = call_of(exchange.head(), http::Body());
  auto prove = std::exchange(who.again, {});
  set_caller(call, std::move(who));
  std::optional<std::string> last_id;
  if (const auto field = exchange.head().fields.find("last-event-id")) last_id = trim(*field);
  auto open = [&api = api_, call, last_id] { return api.open_feed(call, last_id); };
  CO_TRY(AdminFeed feed, co_await rt::run_blocking(pool_, exchange.loop(), std::move(open)));
  CO_TRY(AdminStreams::Place place, streams_->take(feed.kind, whose));
  auto again = [&api = api_, call = std::move(call),
                prove = std::move(prove)]() mutable -> Result<AdminFeed> {
    TRY(call.caller, prove());
    return api.open_feed(call, std::nullopt);
  };
  exchange.go_on(streams_->run(exchange, std::move(place), std::move(feed), std::move(again)));
  co_return Result<void>();
}

rt::Task<void> AdminHandler::refuse_call(http::Exchange& exchange, const Error& error) {
  http::ResponseHead head = http::error_head(error);
  add_strictness(head, false);
  const std::string body = http::error_json(error, nullptr);
  (void)co_await exchange.respond(head, body);
}

rt::Task<Result<AdminReply>> AdminHandler::answer(http::Exchange& exchange) {
  const std::string_view path = exchange.head().path;
  if (exchange.head().method == "POST" && path == kSessions) co_return co_await sign_in(exchange);
  if (exchange.head().method == "POST" && path == kSetup) co_return co_await set_up(exchange);
  CO_TRY(Who who, co_await known_caller(exchange));
  const bool signs_out = exchange.head().method == "DELETE" && path == kSession;
  const bool is_secure = exchange.is_tls() || has_secure_page(exchange.head());
  const http::BodyLimits limits{.bytes_max = kBodyBytesMax};
  CO_TRY(const http::Body body, co_await exchange.read_body(limits));
  CO_TRY_VOID(check_form(exchange.head(), body));
  AdminCall call = call_of(exchange.head(), body);
  set_caller(call, std::move(who));
  auto work = [&api = api_, call = std::move(call)] { return api.call(call); };
  Result<AdminReply> reply = co_await rt::run_blocking(pool_, exchange.loop(), std::move(work));
  if (reply && signs_out) reply->set_cookie = cookie_text("", is_secure);
  co_return reply;
}

}  // namespace sovmesh::control
