#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "gateway/record.h"
#include "http/exchange.h"
#include "rt/task.h"

namespace sovmesh::gateway {

// The fields every answer of the API carries: request ids, version, organisation, processing time.
void add_common_fields(http::ResponseHead& head, const RequestRecord& record, Instant now);

// Which model answers, and, where the client called it by its own name, whether it is to end
// (Deprecation, RFC 9745; Sunset, RFC 8594).
void add_model_fields(http::ResponseHead& head, const RequestRecord& record,
                      std::string_view shown_model);

// A complete JSON answer; notes the status in the record. An error: the client is gone, and the
// connection did not take all of it.
rt::Task<Result<void>> reply_json(http::Exchange& exchange, RequestRecord& record,
                                  http::ResponseHead head, std::string body);

// An error before anything of the answer was sent, in the form of the error table; a client that is
// gone gets nothing and the record says client_closed.
rt::Task<void> reply_error(http::Exchange& exchange, RequestRecord& record, Error error);

// What ends a request whose client has hung up.
Error client_gone();

// Notes an error in the record without answering; for a client that is gone its status, too.
void note_error(RequestRecord& record, const Error& error);

}  // namespace sovmesh::gateway
