#include "control/admin_handler.h"

#include <utility>

#include "base/bytes.h"
#include "http/error_reply.h"

namespace sovmesh::control {
namespace {

constexpr std::string_view kBearer = "bearer ";
constexpr std::string_view kLog = "/audit/";

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

}  // namespace

AdminHandler::AdminHandler(AdminApi& api, rt::BlockingPool& pool, const Secret& token,
                           unsigned own_uid, std::function<std::string()> revision,
                           store::Audit* audit)
    : api_(api),
      pool_(pool),
      token_(sha256(token.reveal())),
      own_uid_(own_uid),
      revision_(std::move(revision)),
      audit_(audit) {}

Result<AdminHandler::Who> AdminHandler::authorize(const http::Exchange& exchange) const {
  if (const auto peer = exchange.peer_credentials()) {
    if (peer->uid == 0 || peer->uid == own_uid_)
      return Who{.type = store::AdminEntry::Actor::local_user,
                 .name = "uid:" + std::to_string(peer->uid),
                 .source = "socket"};
  }
  const auto token = bearer_token(exchange.head());
  if (token && equal_digests(sha256(*token), token_)) {
    const auto peer = exchange.peer();
    return Who{.type = store::AdminEntry::Actor::token,
               .name = "admin-token",
               .source = peer ? rt::to_text(rt::Endpoint(*peer)) : std::string("socket")};
  }
  return client_error(Code::invalid_api_key,
                      "the admin API wants 'Authorization: Bearer TOKEN' with the token of "
                      "DATA_DIR/admin.token");
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
    const http::ResponseHead head = http::error_head(bytes.error());
    const std::string body = http::error_json(bytes.error(), nullptr);
    (void)co_await exchange.respond(head, body);
    co_return;
  }
  http::ResponseHead head;
  head.status = 200;
  head.add("content-type", is_tile ? "application/octet-stream" : "text/plain; charset=utf-8");
  // A full tile is for ever the same; a partial one is soon replaced, and never wrong.
  head.add("cache-control", !is_tile     ? "no-cache"
                            : is_partial ? "max-age=60"
                                         : "public, max-age=31536000, immutable");
  (void)co_await exchange.respond(head, *bytes);
}

rt::Task<void> AdminHandler::handle(http::Exchange& exchange) {
  const bool is_log = exchange.head().path.starts_with(kLog);
  if (is_log && authorize(exchange)) {
    co_await serve_log(exchange);
    co_return;
  }
  Result<AdminReply> reply = co_await answer(exchange);
  if (!reply) {
    const http::ResponseHead head = http::error_head(reply.error());
    const std::string body = http::error_json(reply.error(), nullptr);
    (void)co_await exchange.respond(head, body);
    co_return;
  }
  http::ResponseHead head;
  head.status = reply->status;
  if (!reply->body.empty()) head.add("content-type", std::move(reply->content_type));
  head.add("cache-control", "no-store");
  head.add("x-sm-config-revision", revision_());
  if (!reply->etag.empty()) head.add("etag", std::move(reply->etag));
  (void)co_await exchange.respond(head, reply->body);
}

rt::Task<Result<AdminReply>> AdminHandler::answer(http::Exchange& exchange) {
  Result<Who> who = authorize(exchange);
  if (!who) {
    co_await note_refusal(exchange);
    co_return fail(who.error());
  }
  const http::BodyLimits limits{.bytes_max = kBodyBytesMax};
  CO_TRY(const http::Body body, co_await exchange.read_body(limits));
  CO_TRY_VOID(check_form(exchange.head(), body));
  AdminCall call = call_of(exchange.head(), body);
  call.actor_type = who->type;
  call.actor = std::move(who->name);
  call.source = std::move(who->source);
  auto work = [&api = api_, call = std::move(call)] { return api.call(call); };
  co_return co_await rt::run_blocking(pool_, exchange.loop(), std::move(work));
}

}  // namespace sovmesh::control
