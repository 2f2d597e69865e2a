#pragma once

#include <nlohmann/json.hpp>

#include <string_view>

#include "base/result.h"

namespace sovmesh::control {

// One JSON object, in which no key stands twice, at any depth. Nothing at all is one without
// members. An error of the caller otherwise.
Result<nlohmann::json> parse_json_object(std::string_view bytes);

}  // namespace sovmesh::control
