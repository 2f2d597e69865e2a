#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "llmapi/request.h"

namespace sovmesh::sim {

// What a request asks of the simulated engine.
struct Job {
  llmapi::Operation operation = llmapi::Operation::chat;
  llmapi::Dialect dialect = llmapi::Dialect::vllm;
  std::string id;  // "chatcmpl-sim-1"
  std::string model;
  std::int64_t created = 0;  // seconds since 1970
  bool stream = false;
  bool include_usage = false;
  bool usage_in_chunks = false;    // stream_options.continuous_usage_stats
  bool timings_in_chunks = false;  // llama.cpp
  bool progress = false;           // llama.cpp return_progress
  int choices = 1;
  std::int64_t inputs = 1;  // of an embeddings request
  std::optional<std::int64_t> tokens_max;
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t tokens = 0;  // length of each choice
  bool is_cut = false;      // by tokens_max
  // Two requests share a cached prefix when these are equal: vLLM's salt, llama.cpp's slot.
  std::string cache_key;
  bool may_use_cache = true;
  std::string prompt;  // all its text
};

// `padded` is followed by 64 readable bytes. Lenient where real engines are; Code::invalid_request
// for what is no JSON object.
Result<Job> parse_job(llmapi::Operation operation, llmapi::Dialect dialect,
                      std::string_view padded);

// Runs of anything but white space: our tokens.
std::int64_t count_words(std::string_view text);

}  // namespace sovmesh::sim
