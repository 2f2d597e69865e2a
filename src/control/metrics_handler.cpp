#include "control/metrics_handler.h"

#include <utility>

#include "http/error_reply.h"

namespace sovmesh::control {
namespace {

constexpr std::string_view kPlain = "text/plain; charset=utf-8";
constexpr std::string_view kPrometheus = "text/plain; version=0.0.4; charset=utf-8";

bool is_known(std::string_view path) {
  return path == "/metrics" || path == "/healthz" || path == "/livez" || path == "/readyz";
}

}  // namespace

MetricsHandler::MetricsHandler(observe::Registry& registry, Reasons not_ready)
    : registry_(registry), not_ready_(std::move(not_ready)) {}

rt::Task<void> MetricsHandler::handle(http::Exchange& exchange) {
  Result<Page> answer = page(exchange.head().method, exchange.head().path);
  if (!answer) {
    const http::ResponseHead head = http::error_head(answer.error());
    const std::string body = http::error_json(answer.error(), nullptr);
    (void)co_await exchange.respond(head, body);
    co_return;
  }
  http::ResponseHead head;
  head.status = answer->status;
  head.add("content-type", std::move(answer->content_type));
  head.add("cache-control", "no-store");
  (void)co_await exchange.respond(head, answer->body);
}

Result<MetricsHandler::Page> MetricsHandler::page(std::string_view method, std::string_view path) {
  if (!is_known(path)) return client_error(Code::unknown_url, "there is no such page here");
  if (method != "GET" && method != "HEAD")
    return fail(Error(Code::method_not_supported, Blame::client, "this page answers GET only")
                    .with_allow("GET, HEAD"));
  if (path == "/metrics") return Page{200, std::string(kPrometheus), registry_.render()};
  if (path != "/readyz") return Page{200, std::string(kPlain), "ok\n"};
  std::string body;
  for (const std::string& reason : not_ready_())
    body += reason + "\n";
  if (body.empty()) return Page{200, std::string(kPlain), "ok\n"};
  return Page{503, std::string(kPlain), std::move(body)};
}

}  // namespace sovmesh::control
