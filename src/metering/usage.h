#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/hash.h"
#include "base/ids.h"

namespace sovmesh::metering {

class Price;  // price.h

// Where a count comes from, best first: the engine's final usage, its running count, our own count
// of content-bearing chunks (prompt unknown, 0), or the last checkpoint found after a crash.
enum class Source : std::uint8_t { engine_final, engine_live, floor, recovered };
std::string_view name(Source source);

// Counts of one request are cut to this: more is no count but a fault, and sums must not overflow.
inline constexpr std::int64_t kTokensMax = 1'000'000'000;

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

// A client's Idempotency-Key, as the ledger keeps it: never the key itself.
struct Idempotency {
  Digest key{};   // keyed digest of the header's value
  Digest body{};  // of the request's body
  friend bool operator==(const Idempotency&, const Idempotency&) = default;
};

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
  std::int64_t prompt_estimate = 0;  // for reservations only, never billed
  std::int64_t output_max = 0;       // 0: not given
  WallTime opened_at{};
  // The version that holds for this request, whatever comes into force later. Null: unpriced.
  std::shared_ptr<const Price> price;
  std::string currency;        // the tenant's; of a priced intent the price's own counts
  std::string model_revision;  // may be empty, as may the two below
  std::string user;            // owner of the key
  std::string cost_centre;
  std::int64_t reserved_tokens = 0;
  std::int64_t input_characters = 0;  // for prices by character
  // Claimed with Ledger::claim() before; durable with this record.
  std::optional<Idempotency> idempotency;
};

struct Settlement {
  Counts counts;
  Finish finish = Finish::stop;
  bool drift = false;  // engine_final and engine_live differ by more than 2 %
  WallTime settled_at{};
};

// Sums over settled rows. Energy and money are whole (price.h has the units).
struct Totals {
  std::int64_t requests = 0;
  std::int64_t prompt = 0;
  std::int64_t cached = 0;  // part of prompt
  std::int64_t generated = 0;
  std::int64_t reasoning = 0;  // part of generated
  std::int64_t delivered = 0;
  std::int64_t characters = 0;
  std::int64_t open_us = 0;  // how long they were open, added up
  std::int64_t cost_micro = 0;
  std::int64_t gse_us = 0;     // GPU-second equivalents
  std::int64_t energy_mj = 0;  // millijoules
  std::int64_t co2_ug = 0;     // micrograms
  std::int64_t unpriced = 0;   // requests without a price
  std::int64_t drifted = 0;    // requests whose engine contradicts itself by more than 2 %
  std::int64_t recovered = 0;  // requests whose end was lost in a crash: a lower bound

  std::int64_t tokens() const { return prompt + generated; }
  Totals& operator+=(const Totals& other);
  friend bool operator==(const Totals&, const Totals&) = default;
};

// True when the engine's final output count and its running count differ by more than 2 %.
bool drifts(std::int64_t final_tokens, std::int64_t live_tokens);

}  // namespace sovmesh::metering
