#pragma once

#include <string_view>

#include "gateway/decisions.h"
#include "gateway/record.h"
#include "http/exchange.h"
#include "rt/task.h"

namespace sovmesh::gateway {

// GET /v1/requests/{id}: how long a request of the caller's own project waited, and by which rule
// it got its turn. Foreign and unknown requests give the same 404. Needs the scope read:usage.
rt::Task<Result<void>> serve_own_request(http::Exchange& exchange, std::string_view id,
                                         const Decisions& decisions, RequestRecord& record);

}  // namespace sovmesh::gateway
