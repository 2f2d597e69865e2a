#include "gateway/data_plane.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <optional>

#include "base/bytes.h"
#include "gateway/exchange_reply.h"
#include "gateway/models.h"
#include "gateway/own_request.h"
#include "gateway/usage.h"
#include "http/error_reply.h"

namespace sovmesh::gateway {
namespace {

// What a client calls a method, if it is fit for a log line.
bool is_method(std::string_view text) {
  return !text.empty() && text.size() <= 16 &&
         std::ranges::all_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

// Client-made request ids are echoed only when they are harmless everywhere.
bool is_request_id(std::string_view text) {
  const auto fine = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-';
  };
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, fine);
}

Error unknown_url(const http::RequestHead& head) {
  return {Code::unknown_url, Blame::client,
          fmt::format("Invalid URL ({} {})", head.method, head.path)};
}

// Of these one counts, and the first of several need not be the one that others on the way have
// read.
std::optional<Error> repeated_field(const http::Fields& fields) {
  constexpr std::array<std::string_view, 12> kOnce{
      "authorization",       "api-key",         "x-api-key",       "content-type",
      "content-encoding",    "openai-project",  "x-request-id",    "traceparent",
      "openai-organization", "x-sm-timeout-ms", "idempotency-key", "x-sm-priority"};
  std::uint32_t seen = 0;
  for (const http::Field& field : fields) {
    const auto at = std::ranges::find(kOnce, field.name) - kOnce.begin();
    if (at == std::ssize(kOnce)) continue;
    const std::uint32_t bit = 1U << static_cast<unsigned>(at);
    if ((seen & bit) != 0) {
      return Error(Code::invalid_request, Blame::client,
                   fmt::format("The header '{}' was sent more than once.", field.name));
    }
    seen |= bit;
  }
  return std::nullopt;
}

// Not all who are told come back at the same moment.
Error too_full(Random& random) {
  const std::chrono::milliseconds wait(1'000 + random.below(4'000));
  return Error(Code::overloaded, Blame::us, "The server is overloaded. Please try again shortly.")
      .with_retry_after(wait);
}

Error wrong_method(const http::RequestHead& head, Endpoint endpoint) {
  return Error(Code::method_not_supported, Blame::client,
               fmt::format("Not allowed to {} on {}.", head.method, head.path))
      .with_allow(std::string(method_of(endpoint)));
}

}  // namespace

DataPlane::DataPlane(const Services& services, const Settings& settings, const Readiness& readiness,
                     rt::Loop& loop, http::ClientPool& upstream)
    : services_(services),
      settings_(settings),
      readiness_(readiness),
      worker_{loop,
              upstream,
              UlidSource(services.clock, services.random),
              SeriesCache(services.metrics),
              {},
              {},
              false},
      completions_(services_, settings_) {}

rt::Task<void> DataPlane::handle(http::Exchange& exchange) {
  const Route route = match_route(exchange.head().method, exchange.head().path);
  auto record = std::make_unique<RequestRecord>();
  begin(exchange, route, *record);
  if (route.endpoint == Endpoint::healthz || route.endpoint == Endpoint::livez ||
      route.endpoint == Endpoint::readyz) {
    co_await answer_health(exchange, route.endpoint, *record);
    co_return;
  }
  services_.metrics.inflight.add(1);
  co_await answer(exchange, route, record);
  if (record) finish_record(*record, services_, worker_);
}

// Whoever watches sees what a broken proxy or an attack sends, although nothing of it is believed.
rt::Task<void> DataPlane::refuse(http::Exchange& exchange, int status, const Error& error) {
  RequestRecord record;
  note_arrival(exchange, record);
  if (const std::string_view method = exchange.head().method; is_method(method))
    record.method = method;
  services_.metrics.inflight.add(1);
  record.trace = observe::begin_span({}, services_.random);
  // The log may have the message: a word of ours, nothing has been read of what was sent.
  note_error(record, Error(error.code(), Blame::us, error.message()));
  record.status = status;
  http::ResponseHead head = http::error_head(error);
  head.status = status;
  add_common_fields(head, record, record.began);
  const std::string body = http::error_json(error, &record.id);
  (void)co_await exchange.respond(head, body);
  finish_record(record, services_, worker_);
}

void DataPlane::note_arrival(const http::Exchange& exchange, RequestRecord& record) {
  record.id = RequestId{worker_.ids.next()};
  if (const auto peer = exchange.peer()) record.source = peer->ip;
  record.began = services_.clock.now();
  record.began_wall = services_.clock.wall_now();
}

void DataPlane::begin(http::Exchange& exchange, const Route& route, RequestRecord& record) {
  const http::Fields& fields = exchange.head().fields;
  note_arrival(exchange, record);
  record.endpoint = route.endpoint;
  record.method = exchange.head().method;
  if (const auto id = fields.find("x-request-id"); id && is_request_id(*id)) {
    record.client_request_id = std::make_unique<const std::string>(*id);
  }
  if (const auto id = fields.find("x-client-request-id"); id && is_request_id(*id)) {
    record.x_client_request_id = std::make_unique<const std::string>(*id);
  }
  const observe::TraceHeaders trace{.traceparent = fields.find("traceparent"),
                                    .b3 = fields.find("b3"),
                                    .x_b3_trace_id = fields.find("x-b3-traceid"),
                                    .x_b3_span_id = fields.find("x-b3-spanid"),
                                    .x_b3_sampled = fields.find("x-b3-sampled")};
  record.trace = observe::begin_span(trace, services_.random);
}

// Leaves `record` empty when an engine works on the answer: then that has the record, and ends it.
rt::Task<void> DataPlane::answer(http::Exchange& exchange, const Route& route,
                                 std::unique_ptr<RequestRecord>& held) {
  RequestRecord& record = *held;
  if (worker_.cut_off) {
    co_await reply_error(exchange, record,
                         Error(Code::overloaded, Blame::us, "The server is shutting down.")
                             .with_retry_after(std::chrono::seconds(1)));
    co_return;
  }
  if (services_.overload.refuses_new()) {
    services_.overload.count_refused();
    co_await reply_error(exchange, record, too_full(services_.random));
    co_return;
  }
  if (route.endpoint == Endpoint::unmatched) {
    co_await reply_error(exchange, record, unknown_url(exchange.head()));
    co_return;
  }
  if (!route.method_allowed) {
    co_await reply_error(exchange, record, wrong_method(exchange.head(), route.endpoint));
    co_return;
  }
  if (auto repeated = repeated_field(exchange.head().fields)) {
    co_await reply_error(exchange, record, *std::move(repeated));
    co_return;
  }
  Result<void> known = identify(exchange, route, record);
  if (!known) {
    co_await reply_error(exchange, record, std::move(known).error());
    co_return;
  }
  if (const auto operation = operation_of(route.endpoint)) {
    co_await completions_.serve(exchange, worker_, *operation, held);
    co_return;
  }
  Result<void> done;
  if (route.endpoint == Endpoint::models) {
    done = co_await serve_models(exchange, record);
  } else if (route.endpoint == Endpoint::usage || route.endpoint == Endpoint::usage_export) {
    done = co_await serve_usage(exchange, record);
  } else if (route.endpoint == Endpoint::request) {
    done =
        services_.decisions == nullptr
            ? fail(unknown_url(exchange.head()))
            : co_await serve_own_request(exchange, route.object_id, *services_.decisions, record);
  } else {
    done = co_await serve_model(exchange, route.object_id, record);
  }
  if (!done) co_await reply_error(exchange, record, std::move(done).error());
}

rt::Task<Result<void>> DataPlane::serve_usage(http::Exchange& exchange, RequestRecord& record) {
  if (services_.usage == nullptr) co_return fail(unknown_url(exchange.head()));
  co_return co_await services_.usage->serve(exchange, record);
}

Result<void> DataPlane::identify(http::Exchange& exchange, const Route& route,
                                 RequestRecord& record) const {
  const http::RequestHead& head = exchange.head();
  const identity::Credentials shown{.authorization = head.fields.find("authorization"),
                                    .api_key = head.fields.find("api-key"),
                                    .x_api_key = head.fields.find("x-api-key"),
                                    .path_tenant = route.path_tenant,
                                    .host = head.host,
                                    .organization = head.fields.find("openai-organization"),
                                    .project = head.fields.find("openai-project")};
  TRY(record.caller, services_.authenticator.identify(services_.directory.get(), shown,
                                                      record.began_wall, &record.stranger));
  return {};
}

rt::Task<void> DataPlane::answer_health(http::Exchange& exchange, Endpoint endpoint,
                                        RequestRecord& record) {
  const bool is_full = endpoint == Endpoint::readyz && services_.ledger.stats().disk_full;
  const bool well =
      endpoint != Endpoint::readyz || (readiness_.ready() && !worker_.cut_off && !is_full);
  http::ResponseHead head;
  head.status = record.status = well ? 200 : 503;
  head.add("content-type", "text/plain; charset=utf-8");
  head.add("cache-control", "no-store");
  (void)co_await exchange.respond(head, well      ? "ok\n"
                                        : is_full ? "not ready: the disk is full\n"
                                                  : "not ready\n");
}

}  // namespace sovmesh::gateway
