#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/hash.h"
#include "base/ids.h"

namespace sovmesh::metering {

// Where a count comes from, best first: the engine's final usage, its running count, our own count
// of content-bearing chunks (prompt unknown, 0), or the last checkpoint found after a crash.
enum class Source : std::uint8_t { engine_final, engine_live, floor, recovered };
std::string_view name(Source source);

struct Counts {
  std::int64_t prompt = 0;
  std::int64_t cached = 0;     // part of prompt
  std::int64_t generated = 0;  // before a cancel took effect
  std::int64_t reasoning = 0;  // part of generated
  std::int64_t delivered = 0;  // tokens the client was sent
  Source source = Source::floor;
  friend bool operator==(const Counts&, const Counts&) = default;
};

// How a request ended.
enum class Finish : std::uint8_t {
  stop,
  length,
  tool_calls,
  content_filter,  // as the engine says
  client_closed,
  upstream_error,
  upstream_timeout,
  revoked,
  aborted,
  recovered,
  drained,
};
std::string_view name(Finish finish);

enum class Operation : std::uint8_t { chat, completion, embeddings };
std::string_view name(Operation operation);  // "chat", "text_completion", "embeddings"

// Recorded durably before the first event byte of an answer.
struct Intent {
  RequestId request;
  TenantId tenant;
  ProjectId project;
  KeyId key;
  std::string model;  // public name
  std::string engine;
  Operation operation = Operation::chat;
  bool streamed = false;
  std::int64_t prompt_estimate = 0;  // bytes/4: for reservations only, never billed
  std::int64_t output_max = 0;       // 0: not given
  WallTime opened_at{};
};

struct Settlement {
  Counts counts;
  Finish finish = Finish::stop;
  bool drift = false;  // engine_final and engine_live differ by more than 2 %
  WallTime settled_at{};
};

// True when the engine's final output count and its running count differ by more than 2 %.
bool drifts(std::int64_t final_tokens, std::int64_t live_tokens);

}  // namespace sovmesh::metering
