#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "llmapi/request.h"

namespace sovmesh::gateway {

// Where a request wants to go. Unknown paths collapse to `unmatched`, so that a scanner cannot make
// metric series.
enum class Endpoint : std::uint8_t {
  unmatched,
  healthz,
  livez,
  readyz,
  chat_completions,
  completions,
  embeddings,
  models,
  model,
  usage,
  usage_export,
  request,
};
// For the `route` label: "/v1/chat/completions", "unmatched", ...
std::string_view route_label(Endpoint endpoint);

struct Route {
  Endpoint endpoint = Endpoint::unmatched;
  bool method_allowed = true;
  std::optional<std::string_view> path_tenant;  // of /t/{tenant}/v1/..., still encoded
  std::string_view object_id;                   // of /v1/models/{id} and the like, still encoded
};

// The one method that it answers; of `unmatched`, none.
std::string_view method_of(Endpoint endpoint);

// The views point into `path`.
Route match_route(std::string_view method, std::string_view path);

// The llmapi operation of an endpoint that runs a model.
std::optional<llmapi::Operation> operation_of(Endpoint endpoint);

}  // namespace sovmesh::gateway
