#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/secret.h"
#include "llmapi/request.h"

namespace sovmesh::engine {

// A llama.cpp child process that we supervise.
struct ManagedSpec {
  std::string name;
  std::string model_file;                      // absolute path of a .gguf
  std::vector<std::string> adapter_files;      // LoRA, in id order
  std::string program;                         // llama-server or our launcher; resolved by compose
  std::vector<std::string> program_arguments;  // before llama-server's own flags
  std::string run_dir;                         // its unix socket is run_dir/NAME/engine.sock
  int slots = 4;
  std::int64_t context_tokens = 2048;  // per slot
  int threads = 1;
  bool embeddings = true;
  bool start_at_boot = true;
  std::int64_t memory_max_bytes = 0;  // 0: no limit
  bool sandbox = true;                // false only with a warning in the log
  std::chrono::milliseconds start_time{60'000};
  std::chrono::milliseconds stop_time{5'000};
};

// An engine somewhere else.
struct RemoteSpec {
  std::string name;
  llmapi::Dialect dialect = llmapi::Dialect::openai;
  std::string url;  // "http://host:port/v1", "https://...", "unix:/path"
  Secret api_key;
  std::string ca_pem;  // pins the CA when given
  int slots = 64;
  std::map<std::string, bool> capabilities;  // overrides by name, e.g. {"embeddings", true}
  bool discover_models = false;              // ask for its model list with each probe
  bool read_load = true;                     // from its metrics page, where its dialect has one
  std::chrono::milliseconds probe_interval{5'000};
};

}  // namespace sovmesh::engine
