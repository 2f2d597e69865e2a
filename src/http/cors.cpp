#include "http/cors.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace sovmesh::http {
namespace {

constexpr std::string_view kExposed =
    "x-request-id, x-sm-request-id, openai-processing-ms, openai-version, openai-organization, "
    "openai-project, retry-after, retry-after-ms, x-should-retry, x-ratelimit-limit-requests, "
    "x-ratelimit-remaining-requests, x-ratelimit-reset-requests, x-ratelimit-limit-tokens, "
    "x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens, x-sm-model, x-sm-queue-ms, "
    "x-sm-overhead-ms, x-sm-attempts, x-sm-cache, x-sm-cost-micro, x-sm-idempotent-replay, "
    "deprecation, sunset";
constexpr std::string_view kExposeField = "access-control-expose-headers";
constexpr std::string_view kMaxAge = "600";  // seconds a browser may keep the answer

// Adds what a browser wants to see to every answer.
class MarkedExchange final : public Exchange {
 public:
  MarkedExchange(Exchange& inner, std::string_view origin) : inner_(inner), origin_(origin) {}

  const RequestHead& head() const override { return inner_.head(); }
  std::optional<rt::IpEndpoint> peer() const override { return inner_.peer(); }
  std::optional<rt::Socket::PeerCredentials> peer_credentials() const override {
    return inner_.peer_credentials();
  }
  bool is_tls() const override { return inner_.is_tls(); }
  rt::Loop& loop() const override { return inner_.loop(); }
  rt::Event& client_gone() override { return inner_.client_gone(); }
  rt::Task<Result<Body>> read_body(BodyLimits limits) override { return inner_.read_body(limits); }
  rt::Task<Result<void>> respond(const ResponseHead& head, std::string_view body) override {
    const ResponseHead with = marked(head);
    co_return co_await inner_.respond(with, body);
  }
  void start_stream(const ResponseHead& head) override { inner_.start_stream(marked(head)); }
  void flush_head() override { inner_.flush_head(); }
  Result<void> write(std::string_view bytes) override { return inner_.write(bytes); }
  std::size_t buffered() const override { return inner_.buffered(); }
  rt::Event& drained() override { return inner_.drained(); }
  void bound_send_buffer(std::size_t bytes) override { inner_.bound_send_buffer(bytes); }
  rt::Task<Result<void>> finish() override { return inner_.finish(); }
  void abort() override { inner_.abort(); }

 private:
  // An empty origin is one that is not allowed: only caches have to know that it matters.
  ResponseHead marked(const ResponseHead& head) const {
    ResponseHead with;
    with.status = head.status;
    for (const Field field : head.fields) {
      if (origin_.empty() || field.name != kExposeField) with.add(field.name, field.value);
    }
    with.add("vary", "Origin");
    if (origin_.empty()) return with;
    with.add("access-control-allow-origin", origin_);
    with.add(kExposeField, kExposed);
    return with;
  }

  Exchange& inner_;
  std::string origin_;
};

// A comma-separated list of header names, as the fetch standard writes it.
bool are_names(std::string_view text) {
  return text.size() <= CorsHandler::kAskedBytesMax && std::ranges::all_of(text, [](char c) {
           return is_base62({&c, 1}) || c == '-' || c == '_' || c == ',' || c == ' ';
         });
}

bool is_preflight(const RequestHead& head) {
  return head.method == "OPTIONS" && head.fields.find("access-control-request-method");
}

// Whatever the page wants to send it may send: the gateway reads what it knows and drops the rest.
ResponseHead preflight_answer(std::string_view origin, std::string_view asked) {
  ResponseHead head;
  head.status = 204;
  head.add("access-control-allow-origin", origin);
  head.add("access-control-allow-methods", "GET, POST");
  if (!asked.empty()) head.add("access-control-allow-headers", asked);
  head.add("access-control-max-age", kMaxAge);
  head.add("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  return head;
}

}  // namespace

CorsHandler::CorsHandler(Handler& inner, const std::vector<std::string>& origins)
    : inner_(inner), origins_(origins.begin(), origins.end()) {}

rt::Task<void> CorsHandler::handle(Exchange& exchange) {
  const RequestHead& head = exchange.head();
  const std::string_view origin = head.fields.find("origin").value_or("");
  const bool allowed = is_allowed(origin);
  const std::string_view asked = head.fields.find("access-control-request-headers").value_or("");
  if (allowed && is_preflight(head) && are_names(asked)) {
    const ResponseHead answer = preflight_answer(origin, asked);
    (void)co_await exchange.respond(answer, {});
    co_return;
  }
  MarkedExchange marked(exchange, allowed ? origin : std::string_view());
  co_await inner_.handle(marked);
  if (marked.goes_on()) co_await marked.rest();  // here: it uses `marked`
}

}  // namespace sovmesh::http
