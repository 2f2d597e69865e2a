#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/result.h"
#include "engine/engine.h"
#include "llmapi/request.h"

namespace sovmesh::engine {

// What servers of a dialect can do unless the operator says otherwise (docs/engines.md).
Capabilities default_capabilities(llmapi::Dialect dialect);

// Changes `base` by name: {"embeddings", true}. An unknown name is Code::config_invalid, with the
// name that was probably meant.
Result<Capabilities> override_capabilities(Capabilities base,
                                           const std::map<std::string, bool>& overrides);

}  // namespace sovmesh::engine
