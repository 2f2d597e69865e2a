#include "compose/engines.h"

#include <fmt/format.h>

#include <filesystem>

#include "config/process_environment.h"

namespace sovmesh::compose {
namespace {

namespace fs = std::filesystem;

constexpr int kManagedSlots = 4;
constexpr int kRemoteSlots = 64;

bool is_program(const fs::path& path) {
  std::error_code ignored;
  const auto status = fs::status(path, ignored);
  return fs::is_regular_file(status) &&
         (status.permissions() & fs::perms::owner_exec) != fs::perms::none;
}

// The folders where our own files may be, best first: the package's, then the source tree this
// program was built in (build/<preset>/sovmesh).
std::vector<fs::path> homes() {
  std::vector<fs::path> out;
  if (const auto home = config::process_environment("SM_HOME")) out.emplace_back(*home);
  std::error_code ignored;
  const fs::path self = fs::read_symlink("/proc/self/exe", ignored);
  if (!self.empty()) {
    out.push_back(self.parent_path().parent_path() / "lib" / "sovmesh");  // /usr/bin -> /usr/lib
    out.push_back(self.parent_path().parent_path().parent_path());
  }
  return out;
}

std::string on_path(const std::string& name) {
  std::string rest = config::process_environment("PATH").value_or("");
  while (!rest.empty()) {
    const auto colon = rest.find(':');
    const fs::path candidate = fs::path(rest.substr(0, colon)) / name;
    if (candidate.is_absolute() && is_program(candidate)) return candidate;
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
  }
  return {};
}

}  // namespace

Result<EngineProgram> find_engine_program(const std::string& configured) {
  for (const std::string& wanted :
       {configured, config::process_environment("SM_LLAMA_SERVER").value_or("")}) {
    if (wanted.empty()) continue;
    if (is_program(wanted)) return EngineProgram{.program = fs::absolute(wanted), .arguments = {}};
    return our_error(
        Code::config_invalid,
        fmt::format("the engine program '{}' does not exist or cannot be run", wanted));
  }
  if (const std::string found = on_path("llama-server"); !found.empty()) {
    return EngineProgram{.program = found, .arguments = {}};
  }
  for (const fs::path& home : homes()) {
    // The package's: Debian's Python through a link, so that the sandbox opens the engine's folder.
    const fs::path packed = home / "engine" / "bin" / "python3";
    if (is_program(packed)) {
      return EngineProgram{.program = packed,
                           .arguments = {"-I", "-B", home / "llama_launcher.py", "-lv", "1"}};
    }
    for (const char* venv : {"engine-venv", "build/deps/engine-venv"}) {
      const fs::path python = home / venv / "bin" / "python3";
      for (const char* launcher : {"llama_launcher.py", "tools/llama_launcher.py"}) {
        std::error_code ignored;
        if (is_program(python) && fs::exists(home / launcher, ignored)) {
          // Isolated, without byte code; errors only: the engine writes ten lines per request.
          return EngineProgram{.program = python,
                               .arguments = {"-I", "-B", home / launcher, "-lv", "1"}};
        }
      }
    }
  }
  return our_error(Code::config_invalid,
                   "no llama.cpp engine found: run scripts/setup, put llama-server on PATH, or set "
                   "SM_LLAMA_SERVER");
}

Result<std::string> find_shipped_file(const std::string& relative) {
  for (const fs::path& home : homes()) {
    std::error_code ignored;
    if (fs::exists(home / relative, ignored)) return (home / relative).string();
  }
  return our_error(
      Code::config_invalid,
      fmt::format("the file '{}' that ships with sovmesh is neither beside this program nor "
                  "in $SM_HOME; name one with --model",
                  relative));
}

Result<engine::ManagedSpec> managed_spec(const config::Engine& engine, const std::string& run_dir) {
  TRY(EngineProgram program, find_engine_program(engine.program));
  engine::ManagedSpec spec;
  spec.name = engine.name;
  spec.model_file = fs::absolute(engine.model_file);
  for (const std::string& file : engine.adapter_files) {
    spec.adapter_files.push_back(fs::absolute(file));
  }
  for (const std::string& file : spec.adapter_files) {
    std::error_code ignored;
    if (!fs::exists(file, ignored)) {
      return our_error(Code::config_invalid,
                       fmt::format("{}: error: no such file '{}'", engine.position.text(), file));
    }
  }
  std::error_code ignored;
  if (!fs::exists(spec.model_file, ignored)) {
    return our_error(Code::config_invalid, fmt::format("{}: error: no such file '{}'",
                                                       engine.position.text(), spec.model_file));
  }
  spec.program = std::move(program.program);
  spec.program_arguments = std::move(program.arguments);
  spec.run_dir = run_dir;
  spec.slots = engine.slots > 0 ? engine.slots : kManagedSlots;
  spec.context_tokens = engine.context_tokens;
  spec.threads = engine.threads;
  spec.embeddings = engine.embeddings;
  spec.start_at_boot = engine.start_at_boot;
  spec.memory_max_bytes = engine.memory_max_bytes;
  spec.sandbox = engine.sandbox;
  return spec;
}

Result<engine::RemoteSpec> remote_spec(const config::Engine& engine) {
  engine::RemoteSpec spec;
  spec.name = engine.name;
  const auto dialect = llmapi::parse_dialect(engine.dialect);
  if (!dialect) {
    return our_error(Code::config_invalid, fmt::format("{}: error: unknown dialect '{}'",
                                                       engine.position.text(), engine.dialect));
  }
  spec.dialect = *dialect;
  spec.url = engine.url;
  spec.api_key = engine.api_key;
  spec.ca_pem = engine.ca_pem;
  spec.slots = engine.slots > 0 ? engine.slots : kRemoteSlots;
  spec.capabilities = engine.capabilities;
  spec.discover_models = engine.discover_models;
  spec.read_load = engine.read_load;
  return spec;
}

}  // namespace sovmesh::compose
