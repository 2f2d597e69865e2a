#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/secret.h"
#include "http/client.h"
#include "llmapi/request.h"
#include "rt/task.h"

namespace sovmesh::engine {

// What an engine can do; a request that needs more is refused before it is sent.
struct Capabilities {
  bool chat = true;
  bool completions = true;
  bool embeddings = false;
  bool images = false;
  bool tools = true;
  bool many_choices = true;             // n > 1
  bool live_usage = false;              // counts in every chunk
  bool counts_cancelled_plain = false;  // else plain requests run as streams and are assembled
  bool cache_salt = false;
  bool tenant_slots = false;  // llama.cpp: a slot belongs to one tenant at a time
};

//            ensure_ready / boot          health ok
//   stopped --------------> starting --------------> ready <---> unhealthy
//      ^  \------------------ back-off <---- exit, failure ---------/
//
// Taken out of service by an administrator it is shown as draining while its process is there, and
// as stopped where there is none.
enum class State : std::uint8_t { stopped, starting, ready, unhealthy, backing_off, draining };
std::string_view name(State state);

// What operators see.
struct Status {
  State state = State::stopped;
  std::string reason;  // why it is not ready, in words
  std::optional<int> pid;
  int restarts = 0;
  WallTime since{};
  bool is_out_of_service = false;  // an administrator stopped it
};

// What an engine said of everything that is on it, ours and other gateways'.
struct LoadReading {
  Instant at{};     // when it was asked
  Instant until{};  // when its answer was there
  std::int64_t running = 0;
  std::int64_t waiting = 0;
  std::optional<double> kv_used;          // 0 to 1
  std::optional<std::int64_t> kv_tokens;  // how many its KV memory holds
};

// One engine: a managed child process or a remote server. Thread-safe unless said otherwise; the
// supervision runs on the loop it was made with.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string_view name() const = 0;
  virtual llmapi::Dialect dialect() const = 0;
  virtual const Capabilities& capabilities() const = 0;
  // Requests the engine runs at once; more wait in the gateway.
  virtual int slots() const = 0;
  // Number of LoRA adapters a managed llama.cpp engine was started with.
  virtual int adapters() const { return 0; }
  // Where its API is; a reference that stays valid. Paths are joined to `base_path` ("/v1").
  virtual const http::Origin& origin() const = 0;
  virtual std::string_view base_path() const = 0;
  virtual const Secret& api_key() const = 0;  // empty: none

  virtual Status status() const = 0;
  // Whether ensure_ready() would return at once: asked for each request, so cheap.
  virtual bool is_ready() const { return status().state == State::ready; }
  // Grows whenever the engine's cache is lost (restart): slot owners are forgotten then.
  virtual std::uint64_t generation() const = 0;
  // Starts it when needed and waits on `loop` (the caller's) until it is ready. Code::model_loading
  // with Retry-After at the deadline, Code::no_healthy_backend when it fails for good.
  virtual rt::Task<Result<void>> ensure_ready(rt::Loop& loop, rt::Until until) = 0;
  // The data path saw it fail (connect refused, reset): probe now.
  virtual void suspect() = 0;
  // Stops it by the deadline: drain is the gateway's, then TERM, TERM again, KILL. On its own loop.
  virtual rt::Task<void> stop(rt::Deadline deadline) = 0;
  // Whether it is a child process of ours, which stop() ends.
  virtual bool is_managed() const { return false; }
  // By an administrator; any thread. Out of service it gets nothing new, nothing starts it, and
  // ensure_ready() fails at once; what runs on it goes on, and so do probes, until stop(). Back in
  // service it is started if it is stopped, at once also where it backs off.
  virtual void take_out_of_service() = 0;
  virtual void put_in_service() = 0;
  virtual bool is_out_of_service() const = 0;  // asked for each request, so cheap
  // What the process has in memory at this moment; nothing where there is none of ours. Reads a
  // file of the kernel's.
  virtual std::optional<std::int64_t> memory_bytes() const { return std::nullopt; }
  // The last lines the engine wrote, for operators; empty for remote ones. Never what it writes
  // once it answers requests, which may quote them: those lines are only counted.
  virtual std::vector<std::string> recent_log() const { return {}; }
  virtual std::uint64_t withheld_log_lines() const { return 0; }  // of its present process
  // What it last said of its load: nothing where it does not say, or has not for a while.
  virtual std::optional<LoadReading> load() const { return std::nullopt; }
  // Grows with each change of load(): asked for each request, so cheap.
  virtual std::uint64_t load_version() const { return 0; }
};

// Text of an engine's /metrics page reduced to what we use.
struct EngineCounters {
  std::int64_t prompt_tokens = 0;
  std::int64_t generated_tokens = 0;
  std::int64_t running = 0;
  std::int64_t waiting = 0;
  std::optional<double> kv_used;          // 0 to 1: the mean of its ranks
  std::optional<std::int64_t> kv_tokens;  // how many its KV memory holds
};
// Reads Prometheus text of the dialect's own names (docs/engines.md has the table). Unknown lines
// are skipped; no matching name at all is an error.
Result<EngineCounters> parse_counters(llmapi::Dialect dialect, std::string_view text);

}  // namespace sovmesh::engine
