#include "gateway/exchange_reply.h"

#include <fmt/format.h>

#include "base/time_text.h"
#include "http/error_reply.h"
#include "rt/loop.h"

namespace sovmesh::gateway {

namespace {

// Heads hold views: these names outlive them.
struct BucketFields {
  std::string_view limit;
  std::string_view remaining;
  std::string_view reset;
};
constexpr BucketFields kRequests{"x-ratelimit-limit-requests", "x-ratelimit-remaining-requests",
                                 "x-ratelimit-reset-requests"};
constexpr BucketFields kTokens{"x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens",
                               "x-ratelimit-reset-tokens"};

void add_bucket(http::ResponseHead& head, const BucketFields& names,
                const std::optional<limits::Bucket>& bucket) {
  if (!bucket) return;
  head.add(names.limit, fmt::format_int(bucket->limit).str());
  head.add(names.remaining, fmt::format_int(bucket->remaining).str());
  if (bucket->reset) head.add(names.reset, to_go_duration(*bucket->reset));
}

}  // namespace

Error client_gone() {
  return {Code::client_closed, Blame::client, "the client closed the connection"};
}

void add_common_fields(http::ResponseHead& head, const RequestRecord& record, Instant now) {
  const std::string shown = shown_id(record.id);
  head.add("x-request-id", record.client_request_id ? *record.client_request_id : shown);
  head.add("x-sm-request-id", shown);
  if (record.caller) {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now - record.began);
    head.add("openai-processing-ms", fmt::format_int(took.count()).str());
    head.add("openai-version", "2020-10-01");
    head.add("openai-organization", std::string(record.caller->tenant().slug.text()));
    head.add("openai-project", std::string(record.caller->project().slug.text()));
  }
  if (record.attempts > 0 || record.queue_wait.count() > 0)
    head.add("x-sm-queue-ms", fmt::format_int(record.queue_wait.count() / 1'000'000).str());
  if (record.attempts > 1) head.add("x-sm-attempts", fmt::format_int(record.attempts).str());
  head.add("access-control-expose-headers", "X-Request-ID");
  if (!record.limits) return;
  add_bucket(head, kRequests, record.limits->requests);
  add_bucket(head, kTokens, record.limits->tokens);
}

void add_model_fields(http::ResponseHead& head, const RequestRecord& record,
                      std::string_view shown_model) {
  head.add("x-sm-model", shown_model);
  // Who calls a route has its name also when its versions change.
  if (record.route != nullptr || record.model == nullptr || !record.model->notice) return;
  const catalog::Model::Notice& notice = *record.model->notice;
  if (notice.since) {
    const auto seconds =
        std::chrono::floor<std::chrono::seconds>(notice.since->time_since_epoch()).count();
    head.add("deprecation", fmt::format("@{}", seconds));
  }
  if (notice.ends_at) head.add("sunset", to_http_date(*notice.ends_at));
}

void note_error(RequestRecord& record, const Error& error) {
  record.error = error;
  if (error.code() == Code::client_closed) record.status = 499;
}

rt::Task<Result<void>> reply_json(http::Exchange& exchange, RequestRecord& record,
                                  http::ResponseHead head, std::string body) {
  record.status = head.status;
  head.add("content-type", "application/json");
  head.add("cache-control", "private, no-store");
  add_common_fields(head, record, exchange.loop().clock().now());
  // A client that is gone cannot be told; the server closes the connection by itself.
  Result<void> sent = co_await exchange.respond(head, body);
  if (!sent) note_error(record, client_gone());
  co_return sent;
}

rt::Task<void> reply_error(http::Exchange& exchange, RequestRecord& record, Error error) {
  if (exchange.client_gone().is_set()) {
    error = client_gone();
  }
  note_error(record, error);
  if (error.code() == Code::client_closed) {
    exchange.abort();
    co_return;
  }
  http::ResponseHead head = http::error_head(error);
  record.status = head.status;
  add_common_fields(head, record, exchange.loop().clock().now());
  const std::string body = http::error_json(error, &record.id);
  (void)co_await exchange.respond(head, body);
}

}  // namespace sovmesh::gateway
