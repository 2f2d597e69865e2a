#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "llmapi/request.h"
#include "rt/event.h"
#include "rt/loop.h"
#include "rt/net.h"
#include "rt/task.h"
#include "sim/des/engine_model.h"
#include "sim/faults.h"

namespace sovmesh::sim {

struct EngineSimOptions {
  std::string model = "sim";  // other names get 404 from vLLM and SGLang; the others take any
  llmapi::Dialect dialect = llmapi::Dialect::vllm;
  int slots = 256;                        // requests at once; more wait, first come first served
  std::int64_t tokens = 16;               // length of an answer
  std::int64_t context_tokens = 131'072;  // prompt and max_tokens
  double tokens_per_second = 0;           // per request; 0: as fast as possible
  std::chrono::milliseconds prefill{0};   // before the first token
  std::size_t chunk_bytes = 0;            // gathers events up to this per write; 0: one each
  std::vector<Fault> faults;              // of every request
  std::size_t record_max = 64;            // requests kept for tests to look at
  // Times come from this model of an engine, step by step, and no longer from `slots`,
  // `tokens_per_second` and `prefill`.
  std::optional<des::EngineSpec> engine;
  std::optional<std::int64_t> waiting_max;  // more are refused; nothing: all may wait
  std::vector<std::string> loras;           // LoRA adapters, called by their names as models
};
constexpr std::size_t kLorasMax = 255;

// What the engine counted by itself: its tokens are words, so a test can count them again.
struct EngineSimCounts {
  std::int64_t requests = 0;
  std::int64_t finished = 0;
  std::int64_t cancelled = 0;  // the client went away first
  std::int64_t failed = 0;     // by a fault or a refusal
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;     // of them
  std::int64_t generated_tokens = 0;  // those of cancelled requests too
  std::int64_t running = 0;
  std::int64_t waiting = 0;
};

enum class SimOutcome : std::uint8_t { open, finished, cancelled, failed };
std::string_view name(SimOutcome outcome);

// A request as it reached the engine.
struct SimRequest {
  static constexpr std::size_t kBodyMax = std::size_t{64} * 1024;  // bytes kept

  std::uint64_t id = 0;
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
  std::string body;
  SimOutcome outcome = SimOutcome::open;
  std::int64_t prompt_tokens = 0;
  std::int64_t generated_tokens = 0;
  Instant began{};
  Instant ended{};

  std::string_view field(std::string_view name) const;  // empty: absent
};

// An engine without a model: the OpenAI API over HTTP/1.1 as vLLM, SGLang, llama.cpp, TGI or
// TensorRT-LLM speak it, with answers of known length, its own metrics page, and faults on demand.
// It brings its own small HTTP server, because half of the faults are HTTP that no proper server
// would send. Over a simulated network it is the upstream of flow tests, over a real one that of
// benchmarks.
//
//   GET  /health /v1/models /metrics, TGI's /info, TensorRT-LLM's /prometheus/metrics
//   POST /v1/chat/completions /v1/completions /v1/embeddings
//   GET  /sim/requests (what came in)  /sim/counts
//   POST /sim/faults (replaces the engine's faults: "die-after:3 crlf")
//
// With an engine model, as vLLM in its development mode:
//   POST /sleep /wake_up    GET /is_sleeping
//
// One loop. serve() runs until stop(); run() style: group.spawn(sim.serve(std::move(listener))).
class EngineSim {
 public:
  static constexpr std::size_t kConnectionsMax = 20'000;
  static constexpr std::size_t kEmbeddingSize = 16;

  EngineSim(rt::Loop& loop, EngineSimOptions options);
  ~EngineSim();
  EngineSim(const EngineSim&) = delete;
  EngineSim& operator=(const EngineSim&) = delete;

  // Accepts and answers until stop(), then waits for its connections to end.
  rt::Task<void> serve(std::unique_ptr<rt::Listener> listener);
  // Stops accepting and cuts every connection, as a crash does.
  void stop();

  EngineSimCounts counts() const;
  const std::deque<SimRequest>& requests() const;  // the last record_max, oldest first
  // Of every request to come. They fit the options: check_faults().
  void set_faults(std::vector<Fault> faults);
  // The words of an answer of this many tokens, as a client sees them.
  static std::string answer_text(std::int64_t tokens);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sovmesh::sim
