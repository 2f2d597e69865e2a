#pragma once

#include "gateway/record.h"
#include "http/exchange.h"
#include "rt/task.h"

namespace sovmesh::gateway {

// GET /v1/models: what the caller may use, nothing else.
rt::Task<Result<void>> serve_models(http::Exchange& exchange, RequestRecord& record);
// GET /v1/models/{id}: foreign and unknown models give the same 404.
rt::Task<Result<void>> serve_model(http::Exchange& exchange, std::string_view encoded_id,
                                   RequestRecord& record);

}  // namespace sovmesh::gateway
