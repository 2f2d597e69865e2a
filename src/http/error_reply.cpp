#include "http/error_reply.h"

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/time_text.h"

namespace sovmesh::http {

namespace {

constexpr std::string_view kInvalidRequest = "invalid_request_error";
constexpr std::string_view kPermission = "permission_error";
constexpr std::string_view kTimeout = "timeout_error";
constexpr std::string_view kRequests = "requests";
constexpr std::string_view kTokens = "tokens";
constexpr std::string_view kQuota = "insufficient_quota";
constexpr std::string_view kServer = "server_error";

// What clients read when something failed that is none of their business.
constexpr std::string_view kGenericMessage =
    "The server had an error while processing your request. Sorry about that!";

// Codes of our own machinery: a client that meets one sees a plain internal_error.
bool is_internal(Code code) {
  switch (code) {
    case Code::cancelled:
    case Code::timed_out:
    case Code::io_error:
    case Code::closed:
    case Code::config_invalid:
    case Code::data_dir_invalid:
      return true;
    default:
      return false;
  }
}

// 429 rate limits carry the limited unit as their type; producers name it in the scope or in the
// standard sentence ("... on tokens per min (TPM)").
std::string_view type_of(const Error& error) {
  if (error.code() == Code::rate_limit_exceeded) {
    const bool by_scope =
        error.details() && error.details()->scope.find(kTokens) != std::string::npos;
    if (by_scope || error.message().find(" on tokens per ") != std::string::npos) return kTokens;
  }
  return error_row(error.code()).type;
}

// The answers that must say when to come back, even when nobody knows better.
bool always_has_retry_after(Code code, int status) {
  return status == 503 || code == Code::queue_full || code == Code::concurrency_limit_exceeded;
}

void append_number(std::string& out, std::int64_t value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

// Details repeat nothing that would make two answers to the same mistake differ: the request id is
// there for limits and for failures of ours, not for 400..404, which must not tell unknown from
// forbidden.
void append_details(std::string& out, const Error& error, const RequestId* request) {
  const bool wanted = error.details() || error_row(error.code()).status >= 500;
  if (!wanted || (!error.details() && request == nullptr)) return;
  out += R"(,"details":{)";
  const std::size_t begin = out.size();
  if (error.details()) {
    out += R"("scope":)";
    append_json_string(out, error.details()->scope);
    if (error.details()->limit) {
      out += R"(,"limit":)";
      append_number(out, *error.details()->limit);
    }
    if (error.details()->reset_at) {
      out += R"(,"reset_at":)";
      append_json_string(out, to_rfc3339(*error.details()->reset_at));
    }
  }
  if (request != nullptr) {
    if (out.size() > begin) out += ',';
    out += R"("request_id":"req_)";
    out += request->value.hex();
    out += '"';
  }
  out += '}';
}

}  // namespace

// NOLINTNEXTLINE(readability-function-cognitive-complexity): a table.
ErrorRow error_row(Code code) {
  switch (code) {
    case Code::invalid_request:
      return {400, kInvalidRequest, true};
    case Code::invalid_json:
    case Code::duplicate_key:
    case Code::nesting_too_deep:
    case Code::missing_required_parameter:
    case Code::invalid_type:
    case Code::invalid_value:
    case Code::unsupported_parameter:
    case Code::unsupported_value:
    case Code::empty_array:
    case Code::integer_below_min_value:
    case Code::integer_above_max_value:
    case Code::string_above_max_length:
    case Code::array_above_max_length:
    case Code::context_length_exceeded:
      return {400, kInvalidRequest, false};
    case Code::invalid_api_key:
      return {401, kInvalidRequest, false};
    case Code::insufficient_permissions:
      return {403, kPermission, false};
    case Code::model_not_found:
    case Code::unknown_url:
    case Code::not_found:
      return {404, kInvalidRequest, false};
    case Code::method_not_supported:
      return {405, kInvalidRequest, false};
    case Code::request_timeout:
      return {408, kTimeout, false};
    case Code::conflict:
      return {409, kInvalidRequest, false};
    case Code::precondition_failed:
      return {412, kInvalidRequest, false};
    case Code::request_too_large:
      return {413, kInvalidRequest, false};
    case Code::unsupported_media_type:
    case Code::unsupported_encoding:
      return {415, kInvalidRequest, false};
    case Code::unknown_host:
      return {421, kInvalidRequest, false};
    case Code::request_header_fields_too_large:
      return {431, kInvalidRequest, false};
    case Code::rate_limit_exceeded:
    case Code::concurrency_limit_exceeded:
    case Code::queue_full:
      return {429, kRequests, false};
    case Code::insufficient_quota:
      return {429, kQuota, false};
    case Code::client_closed:
      return {499, kInvalidRequest, false};
    case Code::upstream_error:
    case Code::upstream_invalid_response:
      return {502, kServer, false};
    case Code::model_loading:
    case Code::no_healthy_backend:
    case Code::overloaded:
    case Code::dependency_unavailable:
    case Code::metering_unavailable:
      return {503, kServer, false};
    case Code::upstream_timeout:
    case Code::first_token_timeout:
      return {504, kTimeout, false};
    case Code::internal_error:
    case Code::cancelled:
    case Code::timed_out:
    case Code::io_error:
    case Code::closed:
    case Code::config_invalid:
    case Code::data_dir_invalid:
      break;
  }
  return {500, kServer, false};
}

std::string error_json(const Error& error, const RequestId* request) {
  const bool internal = is_internal(error.code());
  std::string out;
  out.reserve(160 + error.message().size());
  out += R"({"error":{"message":)";
  append_json_string(out, internal ? kGenericMessage : std::string_view(error.message()));
  out += R"(,"type":")";
  out += type_of(error);
  out += R"(","param":)";
  if (error.param().empty()) {
    out += "null";
  } else {
    append_json_string(out, error.param());
  }
  out += R"(,"code":)";
  if (error_row(error.code()).code_is_null) {
    out += "null";
  } else {
    out += '"';
    out += name(internal ? Code::internal_error : error.code());
    out += '"';
  }
  append_details(out, error, request);
  out += "}}";
  return out;
}

ResponseHead error_head(const Error& error) {
  ResponseHead head;
  head.status = error_row(error.code()).status;
  head.fields.reserve(6);
  head.add("content-type", "application/json");
  head.add("cache-control", "private, no-store");
  if (error.code() == Code::invalid_api_key) head.add("www-authenticate", "Bearer");
  auto delay = error.retry_after();
  if (!delay && always_has_retry_after(error.code(), head.status)) delay = std::chrono::seconds(1);
  if (delay) {
    const std::int64_t milliseconds = std::max<std::int64_t>(delay->count(), 0);
    head.add("retry-after", std::to_string((milliseconds + 999) / 1000));
    head.add("retry-after-ms", std::to_string(milliseconds));
  }
  // A budget that is used up stays so until its reset: SDKs would sleep for as long as we say.
  std::optional<bool> retry = error.should_retry();
  if (error.code() == Code::insufficient_quota) retry = false;
  if (retry) head.add("x-should-retry", *retry ? "true" : "false");
  return head;
}

std::string error_event(const Error& error, const RequestId* request) {
  return "data: " + error_json(error, request) + "\n\n";
}

}  // namespace sovmesh::http
