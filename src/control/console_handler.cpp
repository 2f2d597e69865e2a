#include "control/console_handler.h"

#include <algorithm>

#include "http/error_reply.h"

namespace sovmesh::control {
namespace {

constexpr std::string_view kPage = "/index.html";
constexpr std::string_view kViews = "/console/";
constexpr std::string_view kAssets = "/assets/";
constexpr std::string_view kModels = "/v1/";

// Nothing but our own files and our own API, in nobody's frame: what a text from a tenant's hands
// could smuggle into the page has nowhere to come from and nowhere to go.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

void add_protection(http::ResponseHead& head) {
  head.add("content-security-policy", kPolicy);
  head.add("x-frame-options", "DENY");  // of browsers that know no frame-ancestors
  head.add("x-content-type-options", "nosniff");
  head.add("referrer-policy", "no-referrer");
  head.add("cross-origin-opener-policy", "same-origin");
  head.add("cross-origin-resource-policy", "same-origin");
}

// Who says nothing of encodings takes any (RFC 9110, 12.5.3).
bool takes_gzip(const http::RequestHead& head) {
  const auto field = head.fields.find("accept-encoding");
  return !field || field->contains("gzip") || field->contains('*');
}

bool has_etag(const http::RequestHead& head, std::string_view etag) {
  const auto field = head.fields.find("if-none-match");
  return field && (*field == "*" || field->contains(etag));
}

}  // namespace

ConsoleHandler::ConsoleHandler(std::span<const ConsoleFile> files, http::Handler& next,
                               http::Handler& models)
    : files_(files), next_(next), models_(models) {}

bool ConsoleHandler::is_console_path(std::string_view path) {
  return path == "/" || path == "/console" || path.starts_with(kViews) ||
         path.starts_with(kAssets) || path == "/favicon.ico";
}

bool ConsoleHandler::is_model_path(std::string_view path) { return path.starts_with(kModels); }

const ConsoleFile* ConsoleHandler::find(std::string_view path) const {
  const auto found = std::ranges::find(files_, path, &ConsoleFile::path);
  return found == files_.end() ? nullptr : &*found;
}

Result<ConsoleHandler::Reply> ConsoleHandler::reply(const http::RequestHead& head) const {
  if (head.method != "GET" && head.method != "HEAD")
    return fail(Error(Code::method_not_supported, Blame::client, "this page answers GET only")
                    .with_allow("GET, HEAD"));
  if (files_.empty())
    return client_error(Code::unknown_url,
                        "this build has no web console: the machine that built it had no node "
                        "(scripts/setup installs it); the API is below /api/v1");
  const bool is_asset = head.path.starts_with(kAssets);
  const bool is_view = !is_asset && head.path != "/favicon.ico";
  const ConsoleFile* const file = find(is_view ? kPage : head.path);
  if (file == nullptr) return client_error(Code::unknown_url, "there is no such file");
  if (!takes_gzip(head))
    return client_error(Code::unsupported_parameter,
                        "the console is there as gzip only: send Accept-Encoding: gzip",
                        "accept-encoding");
  Reply out;
  const bool is_known = has_etag(head, file->etag);
  out.head.status = is_known ? 304 : 200;
  out.body = is_known ? std::string_view() : file->gzip;
  if (!is_known) {
    out.head.add("content-type", file->content_type);
    out.head.add("content-encoding", "gzip");
  }
  // The name of an asset has the hash of what is in it; the page names the assets of this build.
  out.head.add("cache-control", is_asset ? "public, max-age=31536000, immutable" : "no-cache");
  out.head.add("etag", file->etag);
  out.head.add("vary", "accept-encoding");
  add_protection(out.head);
  return out;
}

rt::Task<void> ConsoleHandler::handle(http::Exchange& exchange) {
  const std::string_view path = exchange.head().path;
  if (!is_console_path(path)) {
    co_await (is_model_path(path) && !files_.empty() ? models_ : next_).handle(exchange);
    co_return;
  }
  Result<Reply> answer = reply(exchange.head());
  if (!answer) {
    http::ResponseHead head = http::error_head(answer.error());
    add_protection(head);
    const std::string body = http::error_json(answer.error(), nullptr);
    (void)co_await exchange.respond(head, body);
    co_return;
  }
  (void)co_await exchange.respond(answer->head, answer->body);
}

rt::Task<void> ConsoleHandler::refuse(http::Exchange& exchange, int status, const Error& error) {
  co_await next_.refuse(exchange, status, error);
}

}  // namespace sovmesh::control
