#include "compose/admin_http.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "config/values.h"
#include "http/client.h"
#include "http/url.h"
#include "rt/net.h"
#include "rt/real.h"
#include "rt/task_group.h"

namespace sovmesh::compose {
namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr std::size_t kAnswerBytesMax = 64U << 20;
constexpr std::size_t kCaBytesMax = 1U << 20;
constexpr std::string_view kUnix = "unix:";
constexpr int kTooManyRequests = 429;
constexpr std::string_view kSessions = "/api/v1/sessions";

bool is_this_machine(const std::string& host) {
  if (host == "localhost") return true;
  const auto ip = rt::IpAddress::parse(host);
  return ip && ip->is_loopback();
}

Result<http::Origin> origin_of(const AdminPlace& place) {
  if (place.url.starts_with(kUnix)) {  // a folder may have any name
    http::Origin origin;
    origin.host = "localhost";
    origin.unix_path = place.url.substr(kUnix.size());
    return origin;
  }
  auto url = http::parse_url(place.url, "");
  if (!url)
    return client_error(Code::invalid_value, "want http://HOST:PORT, https://HOST or unix:/PATH");
  if (!url->path.empty())
    return client_error(Code::invalid_value,
                        "the address of the server has no path: leave what follows the host out");
  http::Origin origin;
  origin.host = url->host;
  origin.port = url->port;
  const bool is_clear = !url->is_tls && !is_this_machine(url->host);
  if (is_clear && !place.may_be_clear) {
    return client_error(Code::invalid_value,
                        fmt::format("http://{} would show the token to everybody on the way: use "
                                    "https, or sign in with `sovmesh login --clear-text`",
                                    url->host));
  }
  std::string ca;
  if (!place.ca_file.empty()) {
    if (!url->is_tls)
      return client_error(Code::invalid_value, "a CA has no effect without https://");
    TRY(ca, config::read_text_file(place.ca_file, kCaBytesMax));
  }
  if (url->is_tls) {
    TRY(origin.tls, rt::TlsClientContext::make(ca, {"http/1.1"}));
  }
  return origin;
}

// It becomes a header field: one with a line break could forge others.
bool is_header_value(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

struct AdminHttp::Impl {
  Impl(const AdminPlace& at, http::Origin to)
      : place(at),
        origin(std::move(to)),
        clock(rt::make_system_clock()),
        random(rt::make_system_random()) {}

  Result<void> start() {
    TRY(worker, rt::make_worker(*clock, *random));
    // Writes take connections of their own: of those one is kept.
    const http::ClientLimits limits{.idle_max = 1};
    pool.emplace(*worker.loop, *worker.network, *worker.resolver, limits);
    return {};
  }

  rt::Task<void> run(http::ClientRequest request,
                     std::optional<Result<http::ClientResponse>>* answer) {
    const rt::Until until{rt::Deadline::at(clock->now() + kPatience)};
    *answer = co_await http::fetch(*pool, origin, std::move(request), kAnswerBytesMax, until);
    worker.loop->stop();
  }

  rt::Task<void> wait(std::chrono::seconds time) {
    const rt::Until until{rt::Deadline::at(clock->now() + time)};
    co_await rt::sleep(*worker.loop, until);
    worker.loop->stop();
  }

  AdminPlace place;
  http::Origin origin;
  std::unique_ptr<Clock> clock;
  std::unique_ptr<Random> random;
  rt::RealWorker worker;
  std::optional<http::ClientPool> pool;
};

AdminHttp::AdminHttp(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AdminHttp::AdminHttp(AdminHttp&&) noexcept = default;
AdminHttp& AdminHttp::operator=(AdminHttp&&) noexcept = default;
AdminHttp::~AdminHttp() = default;

Result<AdminHttp> AdminHttp::connect(const AdminPlace& place) {
  for (const Secret* secret : {&place.token, &place.session, &place.csrf_token}) {
    if (!is_header_value(secret->reveal()))
      return client_error(Code::invalid_value, "the token has a character that no token has");
  }
  TRY(http::Origin origin, origin_of(place));
  auto impl = std::make_unique<Impl>(place, std::move(origin));
  TRY_VOID(impl->start());
  return AdminHttp(std::move(impl));
}

// A refusal of that kind changed nothing, so the same may be sent again.
Result<AdminAnswer> AdminHttp::ask(std::string_view method, std::string_view target,
                                   std::string_view body, std::string_view if_match) {
  for (int waits = 0;; ++waits) {
    TRY(AdminAnswer answer, ask_once(method, target, body, if_match));
    const bool may_wait = answer.status == kTooManyRequests && target != kSessions &&
                          answer.retry_after && *answer.retry_after <= kWaitMax;
    if (!may_wait || waits >= kWaitsMax) return answer;
    rt::TaskGroup tasks(*impl_->worker.loop, 1);
    tasks.spawn(impl_->wait(std::max(*answer.retry_after, std::chrono::seconds(1))));
    rt::run(impl_->worker);
  }
}

Result<AdminAnswer> AdminHttp::ask_once(std::string_view method, std::string_view target,
                                        std::string_view body, std::string_view if_match) {
  const AdminPlace& place = impl_->place;
  const bool reads = method == "GET";
  // A write is never sent twice: nobody knows whether the first one was done.
  http::ClientRequest request{
      .method = method, .target = target, .fields = {}, .body = body, .once = !reads};
  const std::string bearer = fmt::format("Bearer {}", place.token.reveal());
  const std::string cookie = fmt::format("sm_session={}", place.session.reveal());
  if (!place.token.empty()) request.fields.push_back({"authorization", bearer});
  if (!place.session.empty()) request.fields.push_back({"cookie", cookie});
  if (!reads && !place.csrf_token.empty())
    request.fields.push_back({"x-sm-csrf", place.csrf_token.reveal()});
  if (!reads) request.fields.push_back({"content-type", "application/json"});
  if (!if_match.empty()) request.fields.push_back({"if-match", if_match});
  std::optional<Result<http::ClientResponse>> answer;
  rt::TaskGroup tasks(*impl_->worker.loop, 1);
  tasks.spawn(impl_->run(std::move(request), &answer));
  rt::run(impl_->worker);
  if (!answer || !*answer) {
    const bool is_local = place.url.starts_with(kUnix);
    return our_error(
        Code::dependency_unavailable,
        fmt::format("cannot reach the server at '{}': {}. Is `sovmesh serve` running{}?",
                    is_local ? place.url.substr(kUnix.size()) : place.url,
                    answer ? (*answer).error().message() : "no answer",
                    is_local ? ", with this --data-dir, as this user or root" : " there"));
  }
  AdminAnswer out{.status = (*answer)->status,
                  .body = std::move((*answer)->body),
                  .etag = {},
                  .set_cookie = {}};
  for (auto& [name, value] : (*answer)->fields) {
    if (name == "etag") out.etag = value;
    if (name == "set-cookie") out.set_cookie = value;
    if (const auto seconds = name == "retry-after" ? parse_u64(value) : std::nullopt)
      out.retry_after = std::chrono::seconds(*seconds);
  }
  return out;
}

}  // namespace sovmesh::compose
