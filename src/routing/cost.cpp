#include "routing/cost.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace sovmesh::routing {
namespace {

constexpr auto kNever = std::numeric_limits<float>::infinity();
constexpr float kStaleMax = 10;  // times CostSettings::stale_us

std::uint8_t takes_needed(Role role) {
  switch (role) {
    case Role::prefill:
      return 1;
    case Role::decode:
      return 2;
    case Role::both:
      return 3;
  }
  return 3;
}

// The request's numbers as the pass over the columns wants them.
struct Wanted {
  Wanted(const PickRequest& request, const CostSettings& settings, const PoolState& pool)
      : block(request.block_tokens),
        input(static_cast<float>(request.input_tokens)),
        output(static_cast<float>(request.output_tokens)),
        attention(1 + input / static_cast<float>(kContextScale)),
        lambda(pool.lambda),
        base_min(pool.base_min),
        newest(pool.scraped_s),
        takes(takes_needed(request.role)),
        access(request.access),
        jurisdictions(request.jurisdictions),
        zone(request.zone),
        s(settings) {}
  float block, input, output, attention, lambda, base_min, newest;
  std::uint8_t takes;
  std::uint64_t access, jurisdictions;
  std::uint8_t zone;
  const CostSettings& s;
};

// The terms that the columns give, for one endpoint: inlined into the pass and into cost_of().
struct Terms {
  float queue, prefill, displaced, slowdown, decode, barrier, wake, zone, stale;
  bool busy;
};
inline Terms terms_of(const Wanted& w, const EndpointTable::Columns& c, std::uint16_t depth,
                      std::size_t e) {
  const float a = c.a[e];
  const float requests = c.requests[e];
  // One token at least is always computed: the engine needs its logits.
  const float uncached = std::max(w.input - w.block * static_cast<float>(depth), 1.0F);
  const float prefill = uncached * a * w.attention;
  const float queue = c.prefill_tokens[e] * a;
  const float projected = (c.context_tokens[e] + w.input + w.output) / c.kv_capacity[e];
  const float over = std::max(projected - w.s.barrier_from, 0.0F) / (1 - w.s.barrier_from);
  const float behind = (w.newest - c.scraped_s[e]) / w.s.stale_after_s - 1;
  Terms t{};
  t.queue = queue;
  t.prefill = prefill;
  t.displaced = w.lambda * prefill;
  t.slowdown = prefill * std::min(w.s.slowdown_per_running * c.running[e], 1.0F);
  t.decode = w.output * (c.c[e] * c.context_tokens[e] + c.b[e] * requests + c.base[e] - w.base_min);
  t.barrier = w.s.barrier_us * over * over;
  t.wake = c.wake_us[e];
  t.zone = c.zone[e] == w.zone ? 0 : w.s.zone_us;
  t.stale = w.s.stale_us * std::clamp(behind, 0.0F, kStaleMax);
  // An idle endpoint has credit for anything: else what is larger than the credits would wait
  // forever.
  const float credit = requests > 0 ? 1.0F : kNever;
  t.busy = requests + 1 > c.requests_max[e] || projected > w.s.kv_credit * credit ||
           queue > w.s.prefill_credit_us * credit;
  return t;
}

float lora_us(const PickRequest& request, EndpointIndex e, const EndpointTable& table,
              const CostSettings& settings) {
  if (request.lora == 0 || table.lora_holders(request.lora).contains(e)) return 0;
  const bool room = table.loras(e).count() < table.spec(e).lora_slots;
  return room ? settings.lora_us : 2 * settings.lora_us;
}

// Loading is done where it is faster than computing.
float load_us(const PickRequest& request, EndpointIndex e, const EndpointTable& table,
              const Matches& matches, const CostSettings& settings) {
  const float a = table.columns().a[e];
  const auto tokens = [&](std::uint16_t blocks) {
    return request.block_tokens * static_cast<float>(blocks);
  };
  return tokens(matches.cpu(e)) * std::min(settings.cpu_us_per_token, a) +
         tokens(matches.disk(e)) * std::min(settings.disk_us_per_token, a);
}

}  // namespace

float Cost::total() const { return std::accumulate(terms.begin(), terms.end(), 0.0F) / weight; }

std::string_view name(Cost::Term term) {
  switch (term) {
    case Cost::queue:
      return "queue";
    case Cost::prefill:
      return "prefill";
    case Cost::load_tier:
      return "load_tier";
    case Cost::displaced:
      return "displaced";
    case Cost::slowdown:
      return "slowdown";
    case Cost::decode:
      return "decode";
    case Cost::barrier:
      return "barrier";
    case Cost::lora:
      return "lora";
    case Cost::wake:
      return "wake";
    case Cost::zone:
      return "zone";
    case Cost::stale:
      return "stale";
    case Cost::kTerms:
      break;
  }
  return "";
}

std::string_view name(Filter filter) {
  switch (filter) {
    case Filter::none:
      return "none";
    case Filter::role:
      return "role";
    case Filter::access:
      return "access";
    case Filter::residency:
      return "residency";
    case Filter::subset:
      return "subset";
    case Filter::avoided:
      return "avoided";
    case Filter::ejected:
      return "ejected";
    case Filter::draining:
      return "draining";
    case Filter::busy:
      return "busy";
  }
  return "";
}

PoolState pool_state(const EndpointTable& table, const CostSettings& settings) {
  const EndpointTable::Totals& totals = table.totals();
  PoolState state;
  if (totals.kv_capacity > 0) {
    const auto living = static_cast<double>(table.size());
    const double queue = totals.prefill_tokens * totals.a_mean / living / settings.queue_full_us;
    const double cache = (totals.context_tokens / totals.kv_capacity - settings.cache_calm) /
                         (settings.cache_full - settings.cache_calm);
    state.pressure = static_cast<float>(std::clamp(std::max(queue, cache), 0.0, 1.0));
  }
  state.lambda = settings.lambda_min + state.pressure * (settings.lambda_max - settings.lambda_min);
  state.base_min = static_cast<float>(totals.base_min);
  state.scraped_s = totals.scraped_s;
  return state;
}

Cost cost_of(const PickRequest& request, EndpointIndex endpoint, const EndpointTable& table,
             const Matches& matches, const CostSettings& settings, const PoolState& pool) {
  const Terms t =
      terms_of(Wanted(request, settings, pool), table.columns(), matches.depth(endpoint), endpoint);
  Cost cost;
  cost.terms[Cost::queue] = t.queue;
  cost.terms[Cost::prefill] = t.prefill;
  cost.terms[Cost::load_tier] = load_us(request, endpoint, table, matches, settings);
  cost.terms[Cost::displaced] = t.displaced;
  cost.terms[Cost::slowdown] = t.slowdown;
  cost.terms[Cost::decode] = t.decode;
  cost.terms[Cost::barrier] = t.barrier;
  cost.terms[Cost::lora] = lora_us(request, endpoint, table, settings);
  cost.terms[Cost::wake] = t.wake;
  cost.terms[Cost::zone] = t.zone;
  cost.terms[Cost::stale] = t.stale;
  cost.weight = table.columns().weight[endpoint];
  return cost;
}

Filter filter_of(const PickRequest& request, EndpointIndex endpoint, const EndpointTable& table,
                 const CostSettings& settings) {
  const EndpointSpec& spec = table.spec(endpoint);
  const EndpointTable::Columns& c = table.columns();
  const std::uint8_t needed = takes_needed(request.role);
  if ((takes_needed(spec.role) & needed) != needed) return Filter::role;
  if ((spec.access & request.access) == 0) return Filter::access;
  if ((c.jurisdiction[endpoint] & request.jurisdictions) == 0) return Filter::residency;
  if (request.subset != nullptr && !request.subset->contains(endpoint)) return Filter::subset;
  if (request.avoid != nullptr && request.avoid->contains(endpoint)) return Filter::avoided;
  if (table.standing(endpoint).ejected) return Filter::ejected;
  if (table.standing(endpoint).draining) return Filter::draining;
  // The depth of its match does not bear on `busy`.
  const bool busy = terms_of(Wanted(request, settings, {}), c, 0, endpoint).busy;
  return busy ? Filter::busy : Filter::none;
}

void score(const PickRequest& request, const EndpointTable& table, const Matches& matches,
           const CostSettings& settings, const PoolState& pool, std::span<float> out) {
  const Wanted w(request, settings, pool);
  const EndpointTable::Columns& c = table.columns();
  const std::uint16_t* depth = matches.depths().data();
  const std::size_t end = table.end();
  for (std::size_t e = 0; e < end; ++e) {
    const Terms t = terms_of(w, c, depth[e], e);
    const float sum = t.queue + t.prefill + t.displaced + t.slowdown + t.decode + t.barrier +
                      t.wake + t.zone + t.stale;
    out[e] = t.busy ? kNever : sum / c.weight[e];
  }
  for (std::size_t e = 0; e < end; ++e) {
    // Without branches: what is missing of the one, and whether there is any of the others.
    const int missing = (~c.takes[e] & w.takes) + int{(c.access[e] & w.access) == 0} +
                        int{(c.jurisdiction[e] & w.jurisdictions) == 0};
    out[e] = missing == 0 ? out[e] : kNever;
  }
  if (request.subset != nullptr || request.avoid != nullptr)
    for (std::size_t e = 0; e < end; ++e) {
      const auto index = static_cast<EndpointIndex>(e);
      if ((request.subset != nullptr && !request.subset->contains(index)) ||
          (request.avoid != nullptr && request.avoid->contains(index)))
        out[e] = kNever;
    }
  if (request.lora != 0)
    for (std::size_t e = 0; e < end; ++e)
      out[e] += lora_us(request, static_cast<EndpointIndex>(e), table, settings) / c.weight[e];
  if (matches.below_gpu())
    for (const EndpointIndex e : matches.found())
      out[e] += load_us(request, e, table, matches, settings) / c.weight[e];
}

}  // namespace sovmesh::routing
