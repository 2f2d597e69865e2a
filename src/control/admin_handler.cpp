#include "control/admin_handler.h"

#include <utility>

#include "base/bytes.h"
#include "http/error_reply.h"

namespace sovmesh::control {
namespace {

constexpr std::string_view kBearer = "bearer ";

std::optional<std::string_view> bearer_token(const http::RequestHead& head) {
  const auto field = head.fields.find("authorization");
  if (!field || field->size() <= kBearer.size()) return std::nullopt;
  if (!equals_ignore_case(field->substr(0, kBearer.size()), kBearer)) return std::nullopt;
  return trim(field->substr(kBearer.size()));
}

AdminCall call_of(const http::RequestHead& head, const http::Body& body) {
  AdminCall call{.method = std::string(head.method),
                 .path = std::string(head.path),
                 .query = std::string(head.query),
                 .body = std::string(body.bytes())};
  if (const auto field = head.fields.find("if-match")) call.if_match = std::string(trim(*field));
  return call;
}

}  // namespace

AdminHandler::AdminHandler(AdminApi& api, rt::BlockingPool& pool, const Secret& token,
                           unsigned own_uid, std::function<std::string()> revision)
    : api_(api),
      pool_(pool),
      token_(sha256(token.reveal())),
      own_uid_(own_uid),
      revision_(std::move(revision)) {}

Result<void> AdminHandler::authorize(const http::Exchange& exchange) const {
  if (const auto peer = exchange.peer_credentials()) {
    if (peer->uid == 0 || peer->uid == own_uid_) return {};
  }
  const auto token = bearer_token(exchange.head());
  if (token && equal_digests(sha256(*token), token_)) return {};
  return client_error(Code::invalid_api_key,
                      "the admin API wants 'Authorization: Bearer TOKEN' with the token of "
                      "DATA_DIR/admin.token");
}

rt::Task<void> AdminHandler::handle(http::Exchange& exchange) {
  Result<AdminReply> reply = co_await answer(exchange);
  if (!reply) {
    const http::ResponseHead head = http::error_head(reply.error());
    const std::string body = http::error_json(reply.error(), nullptr);
    (void)co_await exchange.respond(head, body);
    co_return;
  }
  http::ResponseHead head;
  head.status = reply->status;
  if (!reply->body.empty()) head.add("content-type", "application/json");
  head.add("cache-control", "no-store");
  head.add("x-sm-config-revision", revision_());
  if (!reply->etag.empty()) head.add("etag", std::move(reply->etag));
  (void)co_await exchange.respond(head, reply->body);
}

rt::Task<Result<AdminReply>> AdminHandler::answer(http::Exchange& exchange) {
  CO_TRY_VOID(authorize(exchange));
  const http::BodyLimits limits{.bytes_max = kBodyBytesMax};
  CO_TRY(const http::Body body, co_await exchange.read_body(limits));
  auto work = [&api = api_, call = call_of(exchange.head(), body)] { return api.call(call); };
  co_return co_await rt::run_blocking(pool_, exchange.loop(), std::move(work));
}

}  // namespace sovmesh::control
