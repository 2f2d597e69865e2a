#pragma once

#include <optional>
#include <string_view>

#include "base/request_parameters.h"
#include "base/result.h"
#include "llmapi/request.h"

namespace sovmesh::llmapi {

// What somebody has set for requests that are not his own.
struct Amendments {
  ParameterValues defaults{};  // of who leaves them out
  ParameterValues maximums{};
  bool clamps = false;     // what is more becomes the maximum; else it is refused
  std::string_view whose;  // for messages: "the tenant 'aurora'"
  // Goes before the messages of a chat.
  std::optional<std::string_view> system;
};

// Makes the request what it becomes by them, and counts anew what of it they change. Embeddings
// stay as they are. What is left out counts as the API's own default where a maximum is lower, and
// an answer without a bound has the maximum for one. A bound that is not the client's is never more
// than the model's.
//
// `request` is as parse_request() gave it, once. An error: it is more than it may be.
Result<void> amend(Request& request, const Amendments& amendments, const FieldPolicy& policy);

}  // namespace sovmesh::llmapi
