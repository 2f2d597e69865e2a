#include "compose/audit.h"
#include "compose/data.h"
#include "compose/process.h"

// What the metrics page and the admin API show of the process, read when somebody asks.
namespace sovmesh::compose {

std::vector<control::PoolPart> Process::pool_parts() const {
  std::vector<control::PoolPart> parts;
  for (const gateway::Dispatcher::PoolView& pool : dispatcher_->pools()) {
    for (const fairness::NodeReport& node : pool.report.nodes) {
      parts.push_back({.pool = pool.name,
                       .path = node.path,
                       .level = fairness::name(node.level),
                       .guaranteed = node.nominal,
                       .weight = node.weight,
                       .used = node.used,
                       .borrowed = node.borrowed,
                       .lent = node.lent,
                       .history = node.history / fairness::kMicrosPerGse,
                       .waiting = static_cast<std::int64_t>(node.waiting),
                       .running = static_cast<std::int64_t>(node.running)});
    }
  }
  return parts;
}

void Process::watch_gauges() {
  auto& states = registry_.gauges("sm_backend_state", "1 while the engine is ready", {"engine"});
  watch_health();
  auto& queue =
      registry_.gauges("sm_queue_depth", "Requests waiting for an engine's slot", {"tenant_class"});
  auto& dropped =
      registry_.totals("sm_log_dropped_total",
                       "Log lines that found their queue full or nobody to take them", {"sink"});
  if (data_->audit() != nullptr) watch_audit(registry_, *data_->audit());
  registry_.on_render([this, &states, &queue, &dropped] {
    const gateway::Dispatcher::Load load = dispatcher_->load();
    for (const fairness::PriorityClass each : fairness::kAllClasses)
      queue.with({name(each)})
          .set(static_cast<double>(load.waiting_by_class[static_cast<std::size_t>(each)]));
    dropped.with({"log"}).set(static_cast<double>(log_sink_->dropped()));
    for (const auto& engine : engine_list()) {
      const bool ready = engine->status().state == engine::State::ready;
      states.with({engine->name()}).set(ready ? 1 : 0);
    }
  });
  watch_ledger();
  watch_pools();
}

void Process::watch_pools() {
  auto& bounds = registry_.gauges("sm_pool_bound_gse",
                                  "U + Q: GPU-seconds by weight that one may be ahead of another",
                                  {"pool", "level"});
  auto& gaps = registry_.gauges("sm_pool_gap_gse", "The largest such lead since the start",
                                {"pool", "level"});
  auto& rates = registry_.gauges("sm_pool_gse_rate", "GPUs kept busy in the last whole minute",
                                 {"pool", "kind"});
  auto& reclaims = registry_.totals("sm_pool_reclaims_total",
                                    "Requests on what others are guaranteed that gave way to them",
                                    {"pool", "kind"});
  registry_.on_render([this, &bounds, &gaps, &rates, &reclaims] {
    for (const gateway::Dispatcher::PoolView& pool : dispatcher_->pools()) {
      for (const fairness::BoundReport& bound : pool.report.bounds) {
        const std::string_view level = fairness::name(bound.level);
        bounds.with({pool.name, level}).set((bound.u + bound.q) / fairness::kMicrosPerGse);
        gaps.with({pool.name, level}).set(bound.gap_max / fairness::kMicrosPerGse);
      }
      for (const fairness::Leeway kind : {fairness::Leeway::again, fairness::Leeway::cut}) {
        const auto total = pool.report.gave_way_total[static_cast<std::size_t>(kind)];
        reclaims.with({pool.name, fairness::name(kind)}).set(static_cast<double>(total));
      }
      double used = 0, borrowed = 0, lent = 0;
      for (const fairness::NodeReport& node : pool.report.nodes) {
        if (node.level != fairness::Level::tenant) continue;
        used += node.used;
        borrowed += node.borrowed;
        lent += node.lent;
      }
      rates.with({pool.name, "used"}).set(used);
      rates.with({pool.name, "borrowed"}).set(borrowed);
      rates.with({pool.name, "lent"}).set(lent);
    }
  });
}

void Process::watch_health() {
  using gateway::EngineHealth;
  auto& conditions = registry_.gauges("sm_backend_condition", "1 for how requests see the engine",
                                      {"engine", "condition"});
  const auto total = [this](const char* name, const char* help) {
    return &registry_.totals(name, help, {});
  };
  auto* const ejections = total("sm_ejections_total", "Times an engine was taken out");
  auto* const overflows =
      total("sm_ejections_refused_total", "Ejections that were due, but too many were out");
  auto* const retries = total("sm_retries_total", "Requests that were tried on another engine");
  auto* const refused = total("sm_retries_refused_total", "Retries that had no budget left");
  auto* const poisonous = total("sm_poison_requests_total", "Requests found to break engines");
  auto& allowed =
      registry_.gauges("sm_backend_allowed", "Requests the engine may have at once", {"engine"});
  auto& requests =
      registry_.gauges("sm_backend_requests",
                       "Requests on the engine by its own word, others' included. -1: not told",
                       {"engine", "state"});
  auto& kv_used =
      registry_.gauges("sm_backend_kv_used_ratio",
                       "How full its KV memory is by its own word. -1: not told", {"engine"});
  registry_.on_render([=, this, &conditions, &allowed, &requests, &kv_used] {
    for (const auto& engine : engine_list()) {
      allowed.with({engine->name()}).set(health_->allowed(*engine));
      const auto load = engine->load();
      const auto count = [](std::int64_t n) { return static_cast<double>(n); };
      requests.with({engine->name(), "running"}).set(load ? count(load->running) : -1);
      requests.with({engine->name(), "waiting"}).set(load ? count(load->waiting) : -1);
      kv_used.with({engine->name()}).set(load ? load->kv_used.value_or(-1) : -1);
      const EngineHealth::Condition is = health_->condition(*engine);
      for (const auto each : EngineHealth::kConditions)
        conditions.with({engine->name(), name(each)}).set(each == is ? 1 : 0);
    }
    const EngineHealth::Totals totals = health_->totals();
    ejections->with({}).set(static_cast<double>(totals.ejections));
    overflows->with({}).set(static_cast<double>(totals.overflows));
    retries->with({}).set(static_cast<double>(totals.retries));
    refused->with({}).set(static_cast<double>(totals.retries_refused));
    poisonous->with({}).set(static_cast<double>(totals.poisonous));
  });
}

void Process::watch_ledger() {
  auto& lag = registry_.gauges("sm_ledger_lag_records", "Usage records not yet durable", {});
  auto& drift = registry_.gauges("sm_ledger_drift_tokens",
                                 "Tokens by which balances and rows differed when the ledger was "
                                 "last verified. -1: something else was wrong.",
                                 {});
  auto& full = registry_.gauges("sm_ledger_disk_full",
                                "1 while the ledger takes no records because its disk is full", {});
  auto& reserve = registry_.gauges("sm_ledger_reserve_bytes",
                                   "Bytes kept on the disk for records of running requests", {});
  auto& claims = registry_.gauges("sm_idempotency_keys", "Idempotency-Keys that are held", {});
  const auto total = [this](const char* name, const char* help) {
    return &registry_.totals(name, help, {});
  };
  auto* const syncs =
      total("sm_ledger_fsync_seconds", "Time the ledger has spent on durable commits");
  auto* const commits = total("sm_ledger_commits", "Durable commits of the ledger");
  auto* const unpriced = total("sm_unpriced_total", "Requests settled without a price");
  auto* const recovered =
      total("sm_ledger_recovered_total", "Requests whose end a crash has taken: lower bounds");
  auto* const verified = total("sm_ledger_verified_total", "Times the ledger was verified");
  auto* const jumps =
      total("sm_clock_jumps_total", "Times the wall clock went back by more than 5 s");
  registry_.on_render([=, this, &lag, &drift, &full, &reserve, &claims] {
    const store::LedgerStats ledger = data_->ledger().stats();
    lag.with({}).set(static_cast<double>(ledger.waiting));
    drift.with({}).set(static_cast<double>(ledger.drift_tokens));
    full.with({}).set(ledger.disk_full ? 1 : 0);
    reserve.with({}).set(static_cast<double>(ledger.reserve_left));
    claims.with({}).set(static_cast<double>(ledger.claims));
    syncs->with({}).set(static_cast<double>(ledger.sync_nanoseconds) / 1e9);
    commits->with({}).set(static_cast<double>(ledger.commits));
    unpriced->with({}).set(static_cast<double>(ledger.unpriced));
    recovered->with({}).set(static_cast<double>(ledger.recovered));
    verified->with({}).set(static_cast<double>(ledger.verified));
    jumps->with({}).set(static_cast<double>(ledger.clock_jumps));
  });
}

}  // namespace sovmesh::compose
