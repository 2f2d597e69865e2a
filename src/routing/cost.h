#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

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
  double block_tokens = 64;         // tokens that one key of the chain stands for, about
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;  // expected, not the maximum
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
    slowdown,   // what its prefill costs the streams that run there
    decode,     // its own output at the endpoint's batch
    barrier,    // KV cache nearly full: risk of preemption
    lora,       // loading the LoRA
    wake,       // engine asleep or cold
    zone,       // another zone
    stale,      // no recent news
    kTerms,
  };
  std::array<float, kTerms> terms{};
  float weight = 1;  // slow start and the like: the sum is divided by it

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
  double lambda_min = 2;  // of Cost::displaced without pressure
  double lambda_max = 4;  // and with full pressure
  double slowdown_per_running = 0.05;
  double barrier_from = 0.85;     // share of the KV cache
  double barrier_us = 2'000'000;  // at a full cache
  double cpu_us_per_token = 4;    // loading cached blocks
  double disk_us_per_token = 40;
  double lora_us = 400'000;  // with a free slot; twice that when one must go
  double zone_us = 20'000;
  std::int64_t stale_after_us = 2'000'000;
  double stale_us = 50'000;              // per stale_after_us of age, at most ten times
  double near = 0.03;                    // candidates within this share of the best
  std::size_t choices = 2;               // of those, so many are drawn and the emptiest taken
  double kv_credit = 0.9;                // share of the KV cache that we fill
  double prefill_credit_us = 4'000'000;  // prefill backlog that we let build up
};

// Pressure on the pool, 0 to 1: the larger of how full the caches and how long the queues are. It
// moves lambda from its minimum to its maximum.
double pressure(const EndpointTable& table, const RateTable& rates);
double lambda(const CostSettings& settings, double pressure);

// One endpoint in full, as explain wants it. `fastest_base`: the smallest Rates::base in the pool;
// decode counts what an endpoint is slower than that.
struct CostContext {
  double lambda = 2;
  double fastest_base = 0;
  Instant now{};
};
Cost cost_of(const PickRequest& request, EndpointIndex endpoint, const EndpointTable& table,
             const RateTable& rates, const Matches& matches, const CostSettings& settings,
             const CostContext& context);
Filter filter_of(const PickRequest& request, EndpointIndex endpoint, const EndpointTable& table,
                 const RateTable& rates, const CostSettings& settings);

}  // namespace sovmesh::routing
