#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "engine/engine.h"
#include "engine/specs.h"
#include "observe/log.h"

namespace sovmesh::compose {

// Where the managed llama.cpp engine comes from: the configuration, $SM_LLAMA_SERVER, llama-server
// on PATH, or the one that scripts/setup or the package installed beside this program.
struct EngineProgram {
  std::string program;
  std::vector<std::string> arguments;  // before llama-server's own flags
};
Result<EngineProgram> find_engine_program(const std::string& configured);

// A file that ships with us ("models/tiny/sovmesh-tiny.gguf"), in the package or the source tree.
Result<std::string> find_shipped_file(const std::string& relative);

Result<engine::ManagedSpec> managed_spec(const config::Engine& engine, const std::string& run_dir);
Result<engine::RemoteSpec> remote_spec(const config::Engine& engine);

}  // namespace sovmesh::compose
