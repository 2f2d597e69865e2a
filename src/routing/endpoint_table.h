#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "routing/endpoint_set.h"
#include "routing/even_column.h"
#include "routing/rates.h"

namespace sovmesh::routing {

// An endpoint for as long as it lives: `generation` differs when the index is used again.
struct EndpointId {
  EndpointIndex index = 0;
  std::uint32_t generation = 0;  // 0: no endpoint
  friend bool operator==(const EndpointId&, const EndpointId&) = default;
};

enum class Role : std::uint8_t { both, prefill, decode };
// Bit 0: prefills, bit 1: decodes.
std::uint8_t takes_of(Role role);

// LoRAs are numbered per pool by the caller; 0 is the base model.
using LoraNumber = std::uint8_t;
constexpr std::size_t kLorasMax = 256;

// What configuration and discovery say of an endpoint.
struct EndpointSpec {
  std::string name;
  std::uint16_t rate_class = 0;  // of (model, GPU class): index into RateTable
  Role role = Role::both;
  std::uint8_t zone = 0;
  std::uint8_t jurisdiction = 0;  // 0 to 63
  std::uint64_t access = ~0ULL;   // bit set of the groups of tenants that may use it
  std::int64_t kv_capacity_tokens = 0;
  std::int64_t requests_max = 0;  // slots x 1.25; more wait in our queue, not in its
  std::uint16_t lora_slots = 0;
  bool publishes_events = false;  // then expectations end unless confirmed
};

// Work on an endpoint. Sums of these, so plain addition is all there is.
struct Load {
  std::int64_t prefill_tokens = 0;  // uncached prompt tokens before the first token came
  std::int64_t context_tokens = 0;  // tokens whose KV the running requests hold
  std::int64_t waiting = 0;         // requests before their first token
  std::int64_t running = 0;         // requests after it
  friend bool operator==(const Load&, const Load&) = default;
  Load& operator+=(const Load& other);
  Load& operator-=(const Load& other);
  friend Load operator+(Load a, const Load& b) { return a += b; }
  friend Load operator-(Load a, const Load& b) { return a -= b; }
};

// What an engine said of itself: everything on it, ours and other gateways'.
struct Scrape {
  Instant at{};  // when the engine looked, not when we read the answer
  // It may have looked at any time from `at` to then: what ours were at most counts as ours.
  // Before `at`: it looked at `at`.
  Instant until{};
  std::int64_t waiting = 0;
  std::int64_t running = 0;
  std::optional<std::int64_t> queued_tokens;  // else waiting requests count as our mean prompt
  double kv_used = 0;                         // 0 to 1
  std::bitset<kLorasMax> loras;               // loaded now
};

// The endpoints of a pool and how busy each is, as arrays. Exact bookkeeping:
//   load(now) = max(0, scrape(s) - own(s)) + own(now)
// where own(t) is the sum of our requests on it at t. So what we sent a microsecond ago counts at
// once, what others sent counts since the last scrape, and nothing counts twice. To know own(s) the
// table keeps kHistory changes per endpoint.
//
// Plain memory, one thread at a time.
class EndpointTable {
 public:
  static constexpr std::size_t kHistory = 256;
  static constexpr std::size_t kEndpointsMax = 16'384;

  // `endpoints_max` up to kEndpointsMax.
  explicit EndpointTable(std::size_t endpoints_max);

  // Conflict when the name is there, overloaded when the table is full, invalid_value for a bad
  // spec.
  Result<EndpointId> add(EndpointSpec spec, Instant now);
  // Its index is given out again only after release_index(): others may still know it by that.
  bool remove(EndpointId id);
  void release_index(EndpointIndex index);

  std::optional<EndpointId> find(std::string_view name) const;
  bool alive(EndpointId id) const;
  EndpointId id_of(EndpointIndex index) const;  // generation 0 when there is none

  // Our own requests. `now` never goes back.
  void add_load(EndpointId id, const Load& more, Instant now);
  void take_load(EndpointId id, const Load& less, Instant now);

  // False, and nothing changes: the endpoint is gone, or the scrape is older than one that was
  // applied, or so old that own(s) is forgotten.
  bool apply(EndpointId id, const Scrape& scrape, Instant now);
  // What it said of others does not count any more.
  void forget_scrape(EndpointId id);

  // How much its KV memory holds, once that is known.
  void set_kv_capacity(EndpointId id, std::int64_t tokens);
  // Tokens in its KV memory by its own word, and what ours have added since: prompts that it had
  // not read when it looked, all that came later. Shared prefixes count once as soon as it has
  // looked. Nothing without a scrape.
  std::optional<std::int64_t> kv_projected(EndpointIndex index) const;

  // What the circuit breaker, outlier detection and slow start decided. `weight` in (0, 1].
  struct Standing {
    bool ejected = false;
    bool draining = false;
    float weight = 1;
    std::int64_t requests_max = 0;  // 0: as in the spec
    float wake_us = 0;              // time until a sleeping or cold engine can begin
  };
  void set_standing(EndpointId id, const Standing& standing);

  // We sent a request with this LoRA there, so the engine is about to load it.
  void note_lora(EndpointIndex index, LoraNumber lora);

  // Reading. `index` is below end().
  std::size_t end() const { return rows_.size(); }
  std::size_t size() const { return living_.count(); }
  const EndpointSet& living() const { return living_; }
  const EndpointSpec& spec(EndpointIndex index) const { return rows_[index].spec; }
  const Standing& standing(EndpointIndex index) const { return rows_[index].standing; }
  const std::bitset<kLorasMax>& loras(EndpointIndex index) const { return rows_[index].loras; }
  Load load(EndpointIndex index) const { return rows_[index].foreign + rows_[index].own; }
  Load own(EndpointIndex index) const { return rows_[index].own; }
  Load foreign(EndpointIndex index) const { return rows_[index].foreign; }
  Instant scraped_at(EndpointIndex index) const { return rows_[index].scraped_at; }

  // The same as columns, for scoring a pool in one pass. Each has end() entries.
  struct Columns {
    std::vector<float> prefill_tokens;
    std::vector<float> context_tokens;
    std::vector<float> running;   // after the first token
    std::vector<float> requests;  // before and after it
    std::vector<float> weight;
    EvenColumn requests_max;
    EvenColumn kv_capacity;
    EvenColumn wake_us;
    EvenColumn scraped_s;  // since the table was made
    EvenColumn zone;
    EvenColumn a, base;  // Rates, in us
    std::vector<std::uint64_t> access;
    std::vector<std::uint64_t> jurisdiction;  // one bit
    std::vector<std::uint8_t> takes;          // of its role; 0: nothing now
  };
  const Columns& columns() const { return columns_; }
  const EndpointSet& lora_holders(LoraNumber lora) const { return lora_holders_[lora]; }

  // Sums over the living, kept up to date.
  struct Totals {
    double prefill_tokens = 0;
    double context_tokens = 0;
    double kv_capacity = 0;
    double a_mean = 0;  // since the last refresh
    float a_min = 0;    // the same
    double base_min = 0;
    float scraped_s = 0;  // newest scrape
    // Groups that may use each of them, and where they are; removed ones count until the refresh.
    std::uint64_t access = ~0ULL;
    std::uint64_t jurisdictions = 0;
    // So many take part in a share of the picks only; removed ones count.
    std::size_t partial = 0;
  };
  const Totals& totals() const { return totals_; }
  // Copies what was learned into the columns, and sees which of them are even. Call it after add()
  // and every so often.
  void refresh_rates(const RateTable& rates);

 private:
  struct Change {
    Instant at{};
    Load own;  // after it
  };
  struct Row {
    EndpointSpec spec;
    Standing standing;
    std::uint32_t generation = 0;
    bool alive = false;
    Load own;
    Load foreign;
    // KV tokens beside those of `own`, which share prefixes and so may hold less: may be negative.
    std::optional<std::int64_t> kv_beside_own;
    Instant scraped_at{};
    std::bitset<kLorasMax> loras;
    // Ring of the last changes, oldest first from `first`.
    std::vector<Change> history;
    std::size_t first = 0;
    double prompt_mean = 0;  // uncached tokens of our requests
  };
  Row* row_of(EndpointId id);
  void record(Row& row, Instant now);
  static std::optional<Load> own_most(const Row& row, Instant from, Instant until);
  void publish(EndpointIndex index);
  void publish_load(EndpointIndex index);
  std::array<EvenColumn*, 7> even_columns();
  void set_loras(EndpointIndex index, const std::bitset<kLorasMax>& loras);
  float seconds(Instant at) const;

  std::size_t endpoints_max_;
  std::vector<Row> rows_;
  Columns columns_;
  std::vector<EndpointIndex> free_;
  EndpointSet living_;
  std::vector<EndpointSet> lora_holders_;  // by LoraNumber
  Totals totals_;
  std::optional<Instant> start_;
};

}  // namespace sovmesh::routing
