#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "routing/block_hash.h"
#include "routing/endpoint_set.h"
#include "routing/endpoint_table.h"
#include "routing/prefix_index.h"
#include "routing/rates.h"

namespace sovmesh::routing {

// What the pool's policy needs to know of a request.
struct PickRequest {
  std::span<const BlockKey> chain;  // of its prompt
  float block_tokens = 64;          // tokens that one key of the chain stands for, about
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;  // expected, not the maximum
  std::int64_t waited_us = 0;      // since it came
  LoraNumber lora = 0;
  Role role = Role::both;  // what the endpoint must be able to do
  std::uint8_t zone = 0;
  std::uint64_t jurisdictions = ~0ULL;  // bit set of those where it may be served
  std::uint64_t access = ~0ULL;         // bit set of the caller's groups
  const EndpointSet* subset = nullptr;  // only these, when given
  const EndpointSet* avoid = nullptr;   // not these: where it failed before
};

// Expected time that sending the request to an endpoint costs everybody, in microseconds, part by
// part as `explain` shows it.
struct Cost {
  enum Term : std::uint8_t {
    queue,      // prefill in front of it
    prefill,    // its own uncached prompt
    load_tier,  // blocks that come from CPU memory or disk instead of being computed
    displaced,  // lambda x prefill: the cached blocks that its blocks displace
    slowdown,   // what the prefill costs the streams that run there
    decode,     // its own output, where steps are slower than elsewhere
    barrier,    // KV cache nearly full: risk of preemption
    lora,       // loading the LoRA
    wake,       // engine asleep or cold
    zone,       // another zone
    stale,      // no recent news
    waited,     // busy, and the request has waited for it already
    kTerms,
  };
  std::array<float, kTerms> terms{};
  float weight = 1;  // in how many of the picks it takes part (slow start); not in the sum

  float total() const;
};
std::string_view name(Cost::Term term);

// Why an endpoint cannot have a request. In this order; the first that holds is named.
enum class Filter : std::uint8_t {
  none,
  role,
  access,
  residency,
  subset,
  avoided,
  ejected,  // by outlier detection or probes
  draining,
  busy,  // circuit breaker or credits: it may again later
};
constexpr std::size_t kFilters = 9;
std::string_view name(Filter filter);

// Constants of the cost, for the operator to change only with the simulator at hand.
struct CostSettings {
  // What a request's waiting before its prefill begins counts, times as much as other time.
  float urgency = 5;
  float lambda_min = 12;  // of Cost::displaced without pressure
  float lambda_max = 20;  // and with full pressure
  // By how much of itself lambda is divided more for each other request that uses the prefix now:
  // a copy of what many want serves the next of them too.
  float common = 2;
  float slowdown_per_running = 2;
  // What the prefill in front counts for each stream where nothing of the prompt is cached
  // anywhere: new streams come behind it. With answers of up to short_output tokens that is
  // nothing.
  float slowdown_queue = 1;
  float short_output = 28;
  float barrier_from = 0.85F;  // share of the KV cache
  float barrier_us = 20'000;   // at a full cache, quadratic from barrier_from on
  float cpu_us_per_token = 4;  // loading cached blocks
  float disk_us_per_token = 40;
  float lora_us = 400'000;  // with a free slot; twice that when one must go
  float zone_us = 20'000;
  float stale_after_s = 2;  // behind the newest scrape of the pool
  float stale_us = 50'000;  // per stale_after_s from then on, at most ten times
  float near = 0.002F;      // candidates within this share of the best
  std::size_t choices = 2;  // of those, so many are drawn and the emptiest taken
  // Share of the KV cache that we fill, and more: a prefix is counted once for each request that
  // shares it. Above 1 the engine's own queue waits for memory.
  float kv_credit = 3;
  float prefill_credit_us = 1'400'000;  // prefill backlog that we let build up: two chunks
  // How much a microsecond of waiting for a busy endpoint adds to its cost: after a while another
  // one is cheaper, so no prefix ties a pool to one of its endpoints.
  float impatience = 2;
  // Mean prefill backlog and share of the KV caches at which the pressure is 1, and the share from
  // which it rises.
  float queue_full_us = 2'000'000;
  float cache_calm = 0.5F;
  float cache_full = 0.9F;
};

// What all endpoints of a pool have in common at the moment of a pick.
struct PoolState {
  // 0 to 1: the larger of how full the caches and how long the queues are.
  float pressure = 0;
  float lambda = 0;     // from lambda_min to lambda_max with the pressure
  float base_min = 0;   // the fastest step; decode counts what an endpoint is slower than that
  float scraped_s = 0;  // the newest scrape; stale counts what an endpoint is behind it
};
PoolState pool_state(const EndpointTable& table, const CostSettings& settings);

// One endpoint in full, as `explain` wants it.
Cost cost_of(const PickRequest& request, EndpointIndex endpoint, const EndpointTable& table,
             const Matches& matches, const CostSettings& settings, const PoolState& pool);
Filter filter_of(const PickRequest& request, EndpointIndex endpoint, const EndpointTable& table,
                 const CostSettings& settings);
// Of endpoints that no other filter takes out, those that are Filter::busy.
void erase_busy(const PickRequest& request, const EndpointTable& table,
                const CostSettings& settings, std::vector<EndpointIndex>& endpoints);

// cost_of().total() of every endpoint in one pass, infinite where filter_of() is neither none nor
// busy: who waits for the best one must know which it is. `costs` has table.end() entries.
void score(const PickRequest& request, const EndpointTable& table, const Matches& matches,
           const CostSettings& settings, const PoolState& pool, std::span<float> costs);

// The same where matches.few() alone decide: sets their costs only, the others' are left as they
// are. False, and `costs` is of no use: another endpoint may be as cheap as
// (1 + CostSettings::near) times the cheapest of them.
bool score_few(const PickRequest& request, const EndpointTable& table, const Matches& matches,
               const CostSettings& settings, const PoolState& pool, std::span<float> costs);

}  // namespace sovmesh::routing
