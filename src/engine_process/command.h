#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/specs.h"

namespace sovmesh::engine_process {

// The engine's own folder, its working directory: several engines may share a run_dir.
std::string engine_folder(const engine::ManagedSpec& spec);
// The socket's name inside it.
inline constexpr std::string_view kSocketName = "engine.sock";
std::string socket_path(const engine::ManagedSpec& spec);

// Code::config_invalid for what could never start.
Result<void> check(const engine::ManagedSpec& spec);

// The arguments of llama-server. Never --tools, --agent, --mcp-*, --ui: it only answers.
std::vector<std::string> engine_arguments(const engine::ManagedSpec& spec);

}  // namespace sovmesh::engine_process
