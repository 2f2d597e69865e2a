#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/ids.h"
#include "http/head.h"

namespace sovmesh::http {

// One row of the error table: what a Code looks like to HTTP clients.
struct ErrorRow {
  int status;
  std::string_view type;  // "invalid_request_error", ...
  bool code_is_null;      // "code": null in JSON
};
ErrorRow error_row(Code code);

// {"error":{"message","type","param","code"[,"details":{"scope","limit","reset_at","request_id"}]}}
std::string error_json(const Error& error, const RequestId* request);
// What stands behind "error": for answers that say in another place why they ended.
std::string error_object(const Error& error, const RequestId* request = nullptr);
// The status with its own header fields: content-type, cache-control, www-authenticate (401),
// retry-after + retry-after-ms, x-should-retry.
ResponseHead error_head(const Error& error);
// "data: {"error":{...}}\n\n": an error after the answer has begun. No [DONE] follows.
std::string error_event(const Error& error, const RequestId* request);

}  // namespace sovmesh::http
