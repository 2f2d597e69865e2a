#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sovmesh::config {

// The environment this process was started with; nobody changes it while threads run.
std::optional<std::string> process_environment(std::string_view name);
std::vector<std::string> process_environment_names();

}  // namespace sovmesh::config
