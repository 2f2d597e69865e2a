#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"

namespace sovmesh {

// What went wrong: one value per row of the error table (docs/errors.md). Exactly one table,
// http/error_reply.cpp, turns a Code into a status and an error type; nothing else does.
enum class Code : std::uint8_t {
  // 400
  invalid_request,  // "code": null
  invalid_json,
  duplicate_key,
  nesting_too_deep,
  missing_required_parameter,
  invalid_type,
  invalid_value,
  unsupported_parameter,
  unsupported_value,
  empty_array,
  integer_below_min_value,
  integer_above_max_value,
  string_above_max_length,
  array_above_max_length,
  context_length_exceeded,
  idempotency_key_reused,          // with another body
  idempotency_replay_unavailable,  // that request is over, and its answer is not kept
  // 401, 403, 404, 405, 408, 409, 412, 413, 415, 421, 428, 431
  invalid_api_key,
  insufficient_permissions,
  model_not_found,
  unknown_url,
  not_found,  // admin API objects
  method_not_supported,
  request_timeout,
  conflict,  // admin API only
  idempotency_in_progress,
  precondition_failed,  // If-Match does not fit
  request_too_large,
  unsupported_media_type,
  unsupported_encoding,
  unknown_host,
  request_header_fields_too_large,
  // 429
  rate_limit_exceeded,
  insufficient_quota,
  concurrency_limit_exceeded,
  queue_full,
  // 499: log and ledger only
  client_closed,
  // 500
  internal_error,
  // 502
  upstream_error,
  upstream_invalid_response,
  // 503
  model_loading,
  no_healthy_backend,
  overloaded,
  dependency_unavailable,
  metering_unavailable,
  // 504
  upstream_timeout,
  first_token_timeout,
  // Not seen by HTTP clients: for machinery and the command line.
  cancelled,
  timed_out,
  io_error,
  closed,  // the peer ended the connection
  config_invalid,
  data_dir_invalid,
};

// The code as it stands in JSON, logs and metrics: "queue_full".
std::string_view name(Code code);

// Whose fault it is: decides log level, alerting, and whether an endpoint's health suffers.
enum class Blame : std::uint8_t { client, upstream, us };

// What failed, whose fault it is, and what to do. Never holds prompt text, keys or answers.
// One pointer wide beside the code, so that Result<T> stays small on the hot path.
class Error {
 public:
  // What a rate limit counts: the type of its 429.
  enum class Unit : std::uint8_t { requests, tokens };
  struct Details {
    std::string scope;  // "tenant:aurora"
    std::optional<std::int64_t> limit;
    std::optional<WallTime> reset_at;
    std::optional<Unit> unit = {};
    std::string more = {};  // further JSON members: "rid":"req_...", made by us
  };

  Error(Code code, Blame blame, std::string message)
      : code_(code), blame_(blame), more_(std::make_unique<More>()) {
    more_->message = std::move(message);
  }
  Error(const Error& other)
      : code_(other.code_), blame_(other.blame_), more_(std::make_unique<More>(*other.more_)) {}
  Error& operator=(const Error& other) { return *this = Error(other); }
  Error(Error&&) noexcept = default;
  Error& operator=(Error&&) noexcept = default;
  ~Error() = default;

  Code code() const { return code_; }
  Blame blame() const { return blame_; }
  const std::string& message() const { return more_->message; }
  // The offending field as a JSON path, "messages[0].role"; empty when there is none.
  const std::string& param() const { return more_->param; }
  const std::optional<Details>& details() const { return more_->details; }
  // Set when trying again later can help; becomes Retry-After.
  std::optional<std::chrono::milliseconds> retry_after() const { return more_->retry_after; }
  // Overrides what SDKs would do by status; becomes x-should-retry.
  std::optional<bool> should_retry() const { return more_->should_retry; }

  // The methods that a resource has, for a 405: "GET, POST".
  const std::string& allow() const { return more_->allow; }

  Error with_allow(std::string methods) && {
    more_->allow = std::move(methods);
    return std::move(*this);
  }
  Error with_param(std::string param) && {
    more_->param = std::move(param);
    return std::move(*this);
  }
  Error with_retry_after(std::chrono::milliseconds delay) && {
    more_->retry_after = delay;
    return std::move(*this);
  }
  Error with_should_retry(bool value) && {
    more_->should_retry = value;
    return std::move(*this);
  }
  Error with_details(Details details) && {
    more_->details = std::move(details);
    return std::move(*this);
  }
  // "while opening the ledger: " + message; keeps everything else.
  Error in_context(std::string_view context) && {
    more_->message.insert(0, ": ");
    more_->message.insert(0, context);
    return std::move(*this);
  }

 private:
  struct More {
    std::string message;
    std::string param;
    std::string allow;
    std::optional<Details> details;
    std::optional<std::chrono::milliseconds> retry_after;
    std::optional<bool> should_retry;
  };
  Code code_;
  Blame blame_;
  std::unique_ptr<More> more_;  // never null except after a move
};

}  // namespace sovmesh
