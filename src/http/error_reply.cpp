#include "http/error_reply.h"

#include <algorithm>
#include <iterator>

#include "base/append.h"
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

// THE table: one row per Code, in the order of the enum.
struct TableRow {
  Code code;
  ErrorRow row;
};
constexpr TableRow kTable[] = {
    {Code::invalid_request, {400, kInvalidRequest, true}},
    {Code::invalid_json, {400, kInvalidRequest, false}},
    {Code::duplicate_key, {400, kInvalidRequest, false}},
    {Code::nesting_too_deep, {400, kInvalidRequest, false}},
    {Code::missing_required_parameter, {400, kInvalidRequest, false}},
    {Code::invalid_type, {400, kInvalidRequest, false}},
    {Code::invalid_value, {400, kInvalidRequest, false}},
    {Code::unsupported_parameter, {400, kInvalidRequest, false}},
    {Code::unsupported_value, {400, kInvalidRequest, false}},
    {Code::empty_array, {400, kInvalidRequest, false}},
    {Code::integer_below_min_value, {400, kInvalidRequest, false}},
    {Code::integer_above_max_value, {400, kInvalidRequest, false}},
    {Code::string_above_max_length, {400, kInvalidRequest, false}},
    {Code::array_above_max_length, {400, kInvalidRequest, false}},
    {Code::context_length_exceeded, {400, kInvalidRequest, false}},
    {Code::idempotency_key_reused, {400, kInvalidRequest, false}},
    {Code::idempotency_replay_unavailable, {400, kInvalidRequest, false}},
    {Code::invalid_api_key, {401, kInvalidRequest, false}},
    {Code::insufficient_permissions, {403, kPermission, false}},
    {Code::model_not_found, {404, kInvalidRequest, false}},
    {Code::unknown_url, {404, kInvalidRequest, false}},
    {Code::not_found, {404, kInvalidRequest, false}},
    {Code::method_not_supported, {405, kInvalidRequest, false}},
    {Code::request_timeout, {408, kTimeout, false}},
    {Code::conflict, {409, kInvalidRequest, false}},
    {Code::idempotency_in_progress, {409, kInvalidRequest, false}},
    {Code::precondition_failed, {412, kInvalidRequest, false}},
    {Code::request_too_large, {413, kInvalidRequest, false}},
    {Code::unsupported_media_type, {415, kInvalidRequest, false}},
    {Code::unsupported_encoding, {415, kInvalidRequest, false}},
    {Code::unknown_host, {421, kInvalidRequest, false}},
    {Code::request_header_fields_too_large, {431, kInvalidRequest, false}},
    {Code::rate_limit_exceeded, {429, kRequests, false}},
    {Code::insufficient_quota, {429, kQuota, false}},
    {Code::concurrency_limit_exceeded, {429, kRequests, false}},
    {Code::queue_full, {429, kRequests, false}},
    {Code::client_closed, {499, kInvalidRequest, false}},
    {Code::internal_error, {500, kServer, false}},
    {Code::upstream_error, {502, kServer, false}},
    {Code::upstream_invalid_response, {502, kServer, false}},
    {Code::model_loading, {503, kServer, false}},
    {Code::no_healthy_backend, {503, kServer, false}},
    {Code::overloaded, {503, kServer, false}},
    {Code::dependency_unavailable, {503, kServer, false}},
    {Code::metering_unavailable, {503, kServer, false}},
    {Code::upstream_timeout, {504, kTimeout, false}},
    {Code::first_token_timeout, {504, kTimeout, false}},
    {Code::cancelled, {500, kServer, false}},
    {Code::timed_out, {500, kServer, false}},
    {Code::io_error, {500, kServer, false}},
    {Code::closed, {500, kServer, false}},
    {Code::config_invalid, {500, kServer, false}},
    {Code::data_dir_invalid, {500, kServer, false}},
};
consteval bool is_in_order() {
  for (std::size_t i = 0; i < std::size(kTable); ++i)
    if (kTable[i].code != static_cast<Code>(i)) return false;
  return std::size(kTable) == static_cast<std::size_t>(Code::data_dir_invalid) + 1;
}
static_assert(is_in_order());

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

// 429 rate limits carry the limited unit as their type; producers name it, or have it in the scope
// or in the standard sentence ("... on tokens per min (TPM)").
std::string_view type_of(const Error& error) {
  if (error.code() == Code::rate_limit_exceeded) {
    if (error.details() && error.details()->unit)
      return *error.details()->unit == Error::Unit::tokens ? kTokens : kRequests;
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

void append_own_details(std::string& out, const Error::Details& details) {
  const std::size_t begin = out.size();
  const auto member = [&](std::string_view name) {
    append_all(out, out.size() > begin ? ",\"" : "\"", name, "\":");
  };
  if (!details.scope.empty()) {
    member("scope");
    append_json_string(out, details.scope);
  }
  if (details.limit) {
    member("limit");
    append_number(out, *details.limit);
  }
  if (details.reset_at) {
    member("reset_at");
    append_json_string(out, to_rfc3339(*details.reset_at));
  }
  if (!details.more.empty()) append_all(out, out.size() > begin ? "," : "", details.more);
}

// Details repeat nothing that would make two answers to the same mistake differ: the request id is
// there for limits and for failures of ours, not for 400..404, which must not tell unknown from
// forbidden.
void append_details(std::string& out, const Error& error, const RequestId* request) {
  const bool wanted = error.details() || error_row(error.code()).status >= 500;
  if (!wanted || (!error.details() && request == nullptr)) return;
  out += R"(,"details":{)";
  const std::size_t begin = out.size();
  if (error.details()) append_own_details(out, *error.details());
  if (request != nullptr) {
    if (out.size() > begin) out += ',';
    out += R"("request_id":"req_)";
    out += request->value.hex();
    out += '"';
  }
  out += '}';
}

}  // namespace

ErrorRow error_row(Code code) { return kTable[static_cast<std::size_t>(code)].row; }

std::string error_json(const Error& error, const RequestId* request) {
  return R"({"error":)" + error_object(error, request) + '}';
}

std::string error_object(const Error& error, const RequestId* request) {
  const bool internal = is_internal(error.code());
  std::string out;
  out.reserve(160 + error.message().size());
  out += R"({"message":)";
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
  out += '}';
  return out;
}

ResponseHead error_head(const Error& error) {
  ResponseHead head;
  head.status = error_row(error.code()).status;
  head.add("content-type", "application/json");
  head.add("cache-control", "private, no-store");
  if (error.code() == Code::invalid_api_key) head.add("www-authenticate", "Bearer");
  if (!error.allow().empty()) head.add("allow", error.allow());
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
