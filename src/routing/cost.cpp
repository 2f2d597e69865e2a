#include "routing/cost.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace sovmesh::routing {
namespace {

constexpr auto kNever = std::numeric_limits<float>::infinity();
constexpr float kStaleMax = 10;  // times CostSettings::stale_us

// The request's and the pool's numbers as the pass over the columns wants them.
struct Wanted {
  Wanted(const PickRequest& request, const CostSettings& settings, const PoolState& pool,
         std::uint16_t uses, bool is_fresh)
      : block(request.block_tokens),
        input(static_cast<float>(request.input_tokens)),
        output(static_cast<float>(request.output_tokens)),
        attention(1 + input / static_cast<float>(kContextScale)),
        lambda(pool.lambda / (1 + settings.common * static_cast<float>(uses))),
        base_min(pool.base_min),
        newest(pool.scraped_s),
        over_scale(1 / (1 - settings.barrier_from)),
        behind_scale(1 / settings.stale_after_s),
        zone(static_cast<float>(request.zone)),
        waited(static_cast<float>(request.waited_us) * settings.impatience),
        slowdown(settings.slowdown_per_running),
        slowdown_queue(
            is_fresh ? settings.slowdown_queue *
                           (1 - std::min(settings.short_output / std::max(output, 1.0F), 1.0F))
                     : 0),
        s(settings) {}
  float block, input, output, attention, lambda, base_min, newest, over_scale, behind_scale, zone;
  float waited, slowdown, slowdown_queue;
  CostSettings s;
};

// Bare pointers: the checks of std::vector would keep the pass from being made of vector
// instructions.
struct View {
  explicit View(const EndpointTable::Columns& from)
      : View(from, 0, [](const EvenColumn& column, std::size_t) { return column.data(); }) {}
  // The EvenColumn::kTile endpoints from `begin` on.
  View(const EndpointTable::Columns& from, std::size_t begin)
      : View(from, begin,
             [](const EvenColumn& column, std::size_t at) { return column.tile(at); }) {}
  const float *prefill_tokens, *context_tokens, *running, *requests, *requests_max, *kv_capacity,
      *wake_us, *scraped_s, *a, *base, *zone;

 private:
  template <class Even>
  View(const EndpointTable::Columns& from, std::size_t begin, Even even)
      : prefill_tokens(from.prefill_tokens.data() + begin),
        context_tokens(from.context_tokens.data() + begin),
        running(from.running.data() + begin),
        requests(from.requests.data() + begin),
        requests_max(even(from.requests_max, begin)),
        kv_capacity(even(from.kv_capacity, begin)),
        wake_us(even(from.wake_us, begin)),
        scraped_s(even(from.scraped_s, begin)),
        a(even(from.a, begin)),
        base(even(from.base, begin)),
        zone(even(from.zone, begin)) {}
};

// The terms that the columns give, for one endpoint: inlined into the pass and into cost_of().
struct Terms {
  float queue, prefill, displaced, slowdown, decode, barrier, wake, zone, stale, waited;
  bool busy;
  float sum() const {
    return queue + prefill + displaced + slowdown + decode + barrier + wake + zone + stale + waited;
  }
};
inline Terms terms_of(const Wanted& w, const View& v, float matched, std::size_t e) {
  const float a = v.a[e];
  const float requests = v.requests[e];
  // One token at least is always computed: the engine needs its logits.
  const float uncached = std::max(w.input - matched, 1.0F);
  const float prefill = uncached * a * w.attention;
  const float queue = v.prefill_tokens[e] * a;
  const float projected = (v.context_tokens[e] + w.input + w.output) / v.kv_capacity[e];
  const float over = std::max(projected - w.s.barrier_from, 0.0F) * w.over_scale;
  const float behind = (w.newest - v.scraped_s[e]) * w.behind_scale - 1;
  Terms t{};
  t.queue = w.s.urgency * queue;
  t.prefill = prefill;
  t.displaced = w.lambda * prefill;
  t.slowdown = (prefill * w.slowdown + queue * w.slowdown_queue) * v.running[e];
  t.decode = w.output * (v.base[e] - w.base_min);
  t.barrier = w.s.barrier_us * over * over;
  t.wake = w.s.urgency * v.wake_us[e];
  t.zone = v.zone[e] == w.zone ? 0.0F : w.s.zone_us;
  t.stale = w.s.stale_us * std::min(std::max(behind, 0.0F), kStaleMax);
  // An idle endpoint has credit for anything: else what is larger than the credits would wait
  // forever. How far above any of the three it is, without branches.
  const float credit = requests > 0 ? 1.0F : kNever;
  const float above =
      std::max(std::max(requests + 1 - v.requests_max[e], projected - w.s.kv_credit * credit),
               queue - w.s.prefill_credit_us * credit);
  t.busy = above > 0;
  t.waited = above > 0 ? w.waited : 0.0F;
  return t;
}

float lora_us(const PickRequest& request, EndpointIndex e, const EndpointTable& table,
              const CostSettings& settings) {
  if (request.lora == 0 || table.lora_holders(request.lora).contains(e)) return 0;
  const bool room = table.loras(e).count() < table.spec(e).lora_slots;
  return settings.urgency * (room ? settings.lora_us : 2 * settings.lora_us);
}

// No filter but `busy` takes it out.
bool may_go(const PickRequest& request, EndpointIndex e, const EndpointTable& table) {
  const EndpointTable::Columns& c = table.columns();
  return (~c.takes[e] & takes_of(request.role)) == 0 && (c.access[e] & request.access) != 0 &&
         (c.jurisdiction[e] & request.jurisdictions) != 0 &&
         (request.subset == nullptr || request.subset->contains(e)) &&
         (request.avoid == nullptr || !request.avoid->contains(e));
}

// Loading is done where it is faster than computing.
float load_us(const PickRequest& request, EndpointIndex e, const EndpointTable& table,
              const Matches& matches, const CostSettings& settings) {
  const float a = table.columns().a[e];
  const auto tokens = [&](std::uint16_t blocks) {
    return request.block_tokens * static_cast<float>(blocks);
  };
  return settings.urgency * (tokens(matches.cpu(e)) * std::min(settings.cpu_us_per_token, a) +
                             tokens(matches.disk(e)) * std::min(settings.disk_us_per_token, a));
}

}  // namespace

float Cost::total() const { return std::accumulate(terms.begin(), terms.end(), 0.0F); }

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
    case Cost::waited:
      return "waited";
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
      terms_of(Wanted(request, settings, pool, matches.uses(), matches.longest() == 0),
               View(table.columns()),
               request.block_tokens * static_cast<float>(matches.depth(endpoint)), endpoint);
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
  cost.terms[Cost::waited] = t.waited;
  cost.weight = table.columns().weight[endpoint];
  return cost;
}

Filter filter_of(const PickRequest& request, EndpointIndex endpoint, const EndpointTable& table,
                 const CostSettings& settings) {
  const EndpointSpec& spec = table.spec(endpoint);
  const EndpointTable::Columns& c = table.columns();
  const std::uint8_t needed = takes_of(request.role);
  if ((takes_of(spec.role) & needed) != needed) return Filter::role;
  if ((spec.access & request.access) == 0) return Filter::access;
  if ((c.jurisdiction[endpoint] & request.jurisdictions) == 0) return Filter::residency;
  if (request.subset != nullptr && !request.subset->contains(endpoint)) return Filter::subset;
  if (request.avoid != nullptr && request.avoid->contains(endpoint)) return Filter::avoided;
  if (table.standing(endpoint).ejected) return Filter::ejected;
  if (table.standing(endpoint).draining) return Filter::draining;
  // The depth of its match does not bear on `busy`.
  const bool busy = terms_of(Wanted(request, settings, {}, 0, false), View(c), 0, endpoint).busy;
  return busy ? Filter::busy : Filter::none;
}

void erase_busy(const PickRequest& request, const EndpointTable& table,
                const CostSettings& settings, std::vector<EndpointIndex>& endpoints) {
  const Wanted wanted(request, settings, {}, 0, false);
  const View view(table.columns());
  std::erase_if(endpoints, [&](EndpointIndex e) { return terms_of(wanted, view, 0, e).busy; });
}

namespace {

// The sums over the columns for all endpoints; `out` has the matched tokens and gets the cost. The
// compiler would not take vector instructions by itself: it takes the choices for dearer than they
// are.
template <int kLanes>
[[gnu::always_inline]] inline void add_up(const Wanted& w, const View& v, std::size_t end,
                                          float* __restrict out) {
#pragma clang loop vectorize_width(kLanes)
  for (std::size_t e = 0; e < end; ++e)
    out[e] = terms_of(w, v, out[e], e).sum();
}
void add_up_plain(const Wanted& w, const View& v, std::size_t end, float* out) {
  add_up<4>(w, v, end, out);
}
#if defined(__x86_64__)
// Without fused multiply-add, so that the same sums come out everywhere.
[[gnu::target("avx2")]] void add_up_wide(const Wanted& w, const View& v, std::size_t end,
                                         float* out) {
  add_up<8>(w, v, end, out);
}
const auto add_up_here = __builtin_cpu_supports("avx2") ? add_up_wide : add_up_plain;
#else
constexpr auto add_up_here = add_up_plain;
#endif

}  // namespace

void score(const PickRequest& request, const EndpointTable& table, const Matches& matches,
           const CostSettings& settings, const PoolState& pool, std::span<float> costs) {
  const Wanted w(request, settings, pool, matches.uses(), matches.longest() == 0);
  const EndpointTable::Columns& columns = table.columns();
  const std::uint16_t* depth = matches.depths().data();
  // First the matched tokens, then the cost: one type in each pass, as vector instructions like it.
  float* __restrict out = costs.data();
  const std::size_t end = table.end();
  for (std::size_t e = 0; e < end; ++e)
    out[e] = w.block * static_cast<float>(depth[e]);
  for (std::size_t e = 0; e < end; e += EvenColumn::kTile)
    add_up_here(w, View(columns, e), std::min(EvenColumn::kTile, end - e), out + e);
  const std::uint8_t* takes_here = columns.takes.data();
  const std::uint8_t takes = takes_of(request.role);
  for (std::size_t e = 0; e < end; ++e)
    out[e] = (~takes_here[e] & takes) == 0 ? out[e] : kNever;
  // These two columns are wide, and most requests may go anywhere.
  if ((table.totals().access & request.access) == 0 ||
      (table.totals().jurisdictions & ~request.jurisdictions) != 0)
    for (std::size_t e = 0; e < end; ++e) {
      const bool may = (columns.access[e] & request.access) != 0 &&
                       (columns.jurisdiction[e] & request.jurisdictions) != 0;
      out[e] = may ? out[e] : kNever;
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
      out[e] += lora_us(request, static_cast<EndpointIndex>(e), table, settings);
  if (matches.below_gpu())
    for (std::size_t e = 0; e < end; ++e)
      out[e] += load_us(request, static_cast<EndpointIndex>(e), table, matches, settings);
}

bool score_few(const PickRequest& request, const EndpointTable& table, const Matches& matches,
               const CostSettings& settings, const PoolState& pool, std::span<float> costs) {
  const Wanted w(request, settings, pool, matches.uses(), matches.longest() == 0);
  const View view(table.columns());
  float best = kNever;
  for (const EndpointIndex e : matches.few()) {
    costs[e] = kNever;
    if (!may_go(request, e, table)) continue;
    costs[e] = terms_of(w, view, w.block * static_cast<float>(matches.depth(e)), e).sum();
    if (request.lora != 0) costs[e] += lora_us(request, e, table, settings);
    if (matches.below_gpu()) costs[e] += load_us(request, e, table, matches, settings);
    best = std::min(best, costs[e]);
  }
  // What any other would have to compute at least, on the fastest of them: no term is below 0, so
  // it costs that or more. A little less for the rounding of its sum.
  const float uncached = std::max(w.input - w.block * static_cast<float>(matches.rest()), 1.0F);
  const float prefill = uncached * table.totals().a_min * w.attention;
  return best * (1 + settings.near) < 0.9999F * (prefill + w.lambda * prefill);
}

}  // namespace sovmesh::routing
