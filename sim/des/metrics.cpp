#include "sim/des/metrics.h"

#include <algorithm>
#include <cmath>

namespace sovmesh::des {
namespace {

double seconds_between(Instant from, Instant to) {
  return std::chrono::duration<double>(to - from).count();
}

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

// What the records of some requests have in common.
struct Gathered {
  std::vector<float> wait, first, per_output, total;
  std::uint64_t good = 0, judged = 0;

  void add(const Record& record, const Arrival& arrival, const Slo& slo) {
    if (record.wait >= 0) wait.push_back(record.wait);
    if (record.first >= 0) first.push_back(record.first);
    if (record.left) return;
    ++judged;
    if (!record.complete()) return;
    total.push_back(record.last);
    per_output.push_back(static_cast<float>(record.per_output()));
    good += slo.met(record.first, record.per_output(), arrival.input_tokens) ? 1 : 0;
  }
  double goodput() const { return ratio(static_cast<double>(good), static_cast<double>(judged)); }
};

void count(Summary& out, const Record& record) {
  ++out.requests;
  if (record.refused) {
    ++out.refused;
  } else if (record.left) {
    ++out.left;
  } else if (record.failed) {
    ++out.failed;
  } else if (record.complete()) {
    ++out.completed;
  } else {
    ++out.unfinished;
  }
}

void add_engines(Summary& out, const std::vector<EngineModel>& engines,
                 double length_s) {  // until the last token
  double busiest = 0, busy = 0, cached = 0, computed = 0;
  for (const EngineModel& engine : engines) {
    const EngineTotals& totals = engine.totals();
    busy += totals.busy_us;
    busiest = std::max(busiest, totals.busy_us);
    cached += static_cast<double>(totals.cached_tokens);
    computed += static_cast<double>(totals.prefill_tokens - totals.recomputed_tokens);
    out.preemptions += totals.preemptions;
    out.steps += totals.steps;
    out.wasted_tokens += totals.recomputed_tokens;
  }
  const double number = static_cast<double>(engines.size());
  out.hit_rate = ratio(cached, cached + computed);
  out.utilisation = ratio(busy / 1e6, number * length_s);
  if (busy > 0) out.imbalance = busiest * number / busy;
}

// Jain's index: 1 when all are equal, 1/n when one has everything.
double jain(const std::vector<double>& values) {
  double sum = 0, squares = 0;
  for (const double value : values) {
    sum += value;
    squares += value * value;
  }
  return squares > 0 ? sum * sum / (static_cast<double>(values.size()) * squares) : 1;
}

void add_tenants(Summary& out, const Workload& workload, std::vector<Gathered>& gathered,
                 const std::vector<double>& demand, const ServiceWatch& watch) {
  std::vector<double> served;
  for (std::uint32_t i = 0; i < gathered.size(); ++i) {
    if (demand[i] == 0) continue;
    TenantSummary tenant{.name = workload.tenants[i],
                         .requests = gathered[i].judged,
                         .goodput = gathered[i].goodput(),
                         .wait = quantiles(gathered[i].wait),
                         .first = quantiles(gathered[i].first),
                         .gpu_s = watch.service_us(i) / 1e6,
                         .demand_gpu_s = demand[i] / 1e6,
                         .starved_s = watch.starved_s(i)};
    served.push_back(tenant.gpu_s / tenant.demand_gpu_s);
    out.starved_s = std::max(out.starved_s, tenant.starved_s);
    out.tenants.push_back(std::move(tenant));
  }
  out.jain = jain(served);
}

}  // namespace

bool Slo::met(double first_seconds, double per_output_seconds, std::int64_t input_tokens) const {
  return first_seconds < first_s + static_cast<double>(input_tokens) / input_tokens_per_s &&
         per_output_seconds < per_output_s;
}

Quantiles quantiles(std::vector<float>& values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const auto at = [&](double share) {
    const auto rank =
        static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
    return static_cast<double>(values[std::max<std::size_t>(rank, 1) - 1]);
  };
  return {.p50 = at(0.5), .p90 = at(0.9), .p95 = at(0.95), .p99 = at(0.99)};
}

ServiceWatch::ServiceWatch(std::size_t tenants, std::vector<double> weights)
    : tenants_(tenants), watched_(std::min(tenants, kWatched)), pairs_(watched_ * watched_) {
  for (std::size_t i = 0; i < std::min(weights.size(), tenants); ++i)
    tenants_[i].weight = weights[i];
}

void ServiceWatch::on_wait(std::uint32_t tenant, Instant now) {
  Tenant& row = tenants_[tenant];
  if (row.waiting++ > 0) return;
  row.since = now;
  begin(tenant);
}

void ServiceWatch::on_sent(std::uint32_t tenant, Instant now) {
  on_left_queue(tenant, now);
  tenants_[tenant].since = now;
}

void ServiceWatch::on_left_queue(std::uint32_t tenant, Instant now) {
  Tenant& row = tenants_[tenant];
  row.starved = std::max(row.starved, seconds_between(row.since, now));
  if (--row.waiting == 0) end(tenant);
}

void ServiceWatch::on_service(std::uint32_t tenant, double gpu_us) {
  tenants_[tenant].service += gpu_us;
  widen(tenant);
}

double ServiceWatch::lead(std::size_t a, std::size_t b) const {
  return tenants_[a].service / tenants_[a].weight - tenants_[b].service / tenants_[b].weight;
}

void ServiceWatch::begin(std::uint32_t tenant) {
  if (tenant >= watched_) return;
  ++waiting_;
  for (std::size_t other = 0; other < watched_; ++other) {
    if (other == tenant || tenants_[other].waiting == 0) continue;
    const std::size_t a = std::min<std::size_t>(tenant, other);
    const std::size_t b = std::max<std::size_t>(tenant, other);
    pair(a, b) = {.both = true, .low = lead(a, b), .high = lead(a, b)};
  }
}

void ServiceWatch::end(std::uint32_t tenant) {
  if (tenant >= watched_) return;
  --waiting_;
  for (std::size_t other = 0; other < watched_; ++other)
    pair(std::min<std::size_t>(tenant, other), std::max<std::size_t>(tenant, other)).both = false;
}

void ServiceWatch::widen(std::uint32_t tenant) {
  if (tenant >= watched_ || waiting_ < 2 || tenants_[tenant].waiting == 0) return;
  for (std::size_t other = 0; other < watched_; ++other) {
    const std::size_t a = std::min<std::size_t>(tenant, other);
    const std::size_t b = std::max<std::size_t>(tenant, other);
    Pair& both = pair(a, b);
    if (!both.both) continue;
    both.low = std::min(both.low, lead(a, b));
    both.high = std::max(both.high, lead(a, b));
    gap_ = std::max(gap_, both.high - both.low);
  }
}

Summary summarise(const Workload& workload, const std::vector<Record>& records,
                  const std::vector<EngineModel>& engines, const ServiceWatch& watch,
                  const Slo& slo) {
  Summary out;
  double end_s = std::chrono::duration<double>(workload.length()).count();
  Gathered all;
  std::vector<Gathered> by_tenant(workload.tenants.size());
  std::vector<double> demand(workload.tenants.size());
  const fairness::CostRates rates = cost_rates(engines.front().spec());
  for (std::size_t i = 0; i < records.size(); ++i) {
    const Arrival& arrival = workload.arrivals[i];
    count(out, records[i]);
    end_s = std::max(end_s, std::chrono::duration<double>(arrival.at).count() + records[i].last);
    if (records[i].left || records[i].failed) out.wasted_tokens += records[i].output;
    all.add(records[i], arrival, slo);
    by_tenant[arrival.tenant].add(records[i], arrival, slo);
    demand[arrival.tenant] += static_cast<double>(
        rates.of(arrival.input_tokens - arrival.known_cached, arrival.known_cached,
                 arrival.leaves_after > 0 ? arrival.leaves_after : arrival.output_tokens));
  }
  out.goodput = all.goodput();
  out.first = quantiles(all.first);
  out.per_output = quantiles(all.per_output);
  out.total = quantiles(all.total);
  out.wait = quantiles(all.wait);
  out.gap_gpu_s = watch.gap_us() / 1e6;
  out.simulated_s = end_s;
  add_engines(out, engines, end_s);
  add_tenants(out, workload, by_tenant, demand, watch);
  return out;
}

}  // namespace sovmesh::des
