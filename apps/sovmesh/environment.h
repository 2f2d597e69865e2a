#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sovmesh {

std::optional<std::string> environment(std::string_view name);
std::vector<std::string> environment_names();

}  // namespace sovmesh
