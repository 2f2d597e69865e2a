#include <algorithm>
#include <utility>

#include "compose/data.h"
#include "compose/pressure.h"
#include "compose/process.h"

// How full the process is, and what it does then: docs/reliability.md.
namespace sovmesh::compose {
namespace {

constexpr std::uint64_t kDiskFull = 1U << 20;  // bytes free: the next requests will not fit

}  // namespace

void Process::watch_overload() {
  using routing::Pressures;
  auto& pressure =
      registry_.gauges("sm_overload_pressure",
                       "How full a resource is; 0.80 and above has consequences", {"resource"});
  auto& action =
      registry_.gauges("sm_overload_action", "1 while it is done because of that", {"action"});
  auto& refused =
      registry_.totals("sm_overload_refused_total", "Requests refused because of that", {});
  registry_.on_render([this, &pressure, &action, &refused] {
    const gateway::Overload::Shown shown = overload_.shown();
    for (std::size_t i = 0; i < Pressures::kResources; ++i)
      pressure.with({name(static_cast<Pressures::Resource>(i))}).set(shown.pressures.share[i]);
    const routing::OverloadActions& now = shown.actions;
    action.with({"shed"}).set(now.shed_batch ? 1 : 0);
    action.with({"shorten_waits"}).set(now.timeout_scale < 1 ? 1 : 0);
    action.with({"close_connections"}).set(now.close_connections ? 1 : 0);
    action.with({"refuse"}).set(now.refuse_new ? 1 : 0);
    action.with({"stop_accept"}).set(now.stop_accept ? 1 : 0);
    refused.with({}).set(static_cast<double>(overload_.refused()));
  });
  const std::size_t streams_max =
      static_cast<std::size_t>(options_.config.server.connections_max) * workers_.size();
  auto sample = [this, system = SystemResources(options_.data_dir), streams_max] {
    Resources now = system.read();
    now.streams = static_cast<std::uint64_t>(std::max(metrics_->inflight.value(), 0.0));
    now.streams_max = streams_max;
    for (const auto& worker : workers_) {
      const auto lag = std::chrono::duration_cast<std::chrono::microseconds>(worker->lag());
      now.lag_us = std::max(now.lag_us, static_cast<std::uint64_t>(lag.count()));
    }
    const store::LedgerStats ledger = data_->ledger().stats();
    now.ledger_waiting = ledger.waiting;
    // What is refused then is refused by the ledger, which finds out with the first request: its
    // reserve is there for running ones.
    disk_is_full_ = ledger.disk_full || now.disk_free < kDiskFull;
    if (disk_is_full_) now.disk_free += static_cast<std::uint64_t>(ledger.reserve_left);
    return pressures_of(now);
  };
  Worker& first = *workers_.front();
  first.spawn(gateway::watch_overload(
      overload_, first.loop(), std::move(sample),
      [this](const routing::OverloadActions& actions) { apply_overload(actions); },
      first.tasks().cancelled()));
}

void Process::apply_overload(const routing::OverloadActions& actions) {
  const routing::Pressures pressures = overload_.shown().pressures;
  observe::LogLine line = log_->line(observe::Level::warning, "overload");
  line.add_plain("resource", name(pressures.which()))
      .add("percent", static_cast<std::int64_t>(100 * pressures.largest()))
      .add_bool("close_connections", actions.close_connections)
      .add_bool("refuse", actions.refuse_new)
      .add_bool("stop_accept", actions.stop_accept);
  log_->write(std::move(line));
  for (const auto& worker : workers_)
    worker->relieve(actions.close_connections, !actions.stop_accept);
}

}  // namespace sovmesh::compose
