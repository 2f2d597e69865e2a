#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <map>
#include <tuple>
#include <utility>

#include "compose/data.h"
#include "compose/process.h"
#include "control/event_kinds.h"
#include "control/json_text.h"
#include "gateway/live_counts.h"

// What the process shows to people who look on: figures of the last seconds, and events.
namespace sovmesh::compose {
namespace {

using control::Event;
using control::LiveFigures;
using control::LiveView;
using control::Severity;

// Sums of the scheduler change no faster for those who look on.
constexpr std::chrono::milliseconds kLoadEvery{900};

LiveFigures figures_of(const gateway::LiveCounts::Figures& counted) {
  return {.requests_per_s = counted.requests_per_s,
          .output_tokens_per_s = counted.output_tokens_per_s,
          .errors_per_s = counted.errors_per_s,
          .first_token_p50_ms = counted.first_token_p50_ms,
          .first_token_p95_ms = counted.first_token_p95_ms};
}

// "north/aurora": the tenant is the last one.
std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

std::shared_ptr<const Process::LiveLoad> Process::live_load() {
  return live_load_.with([&](KnownLoad& known) {
    const Instant now = clock_->now();
    if (known.load && now - known.at < kLoadEvery) return known.load;
    auto load = std::make_shared<LiveLoad>();
    for (const control::PoolPart& part : pool_parts()) {
      if (part.level == fairness::name(fairness::Level::pool)) {
        load->pools.push_back(
            {.name = part.pool, .running = part.running, .waiting = part.waiting});
        continue;
      }
      if (part.level != fairness::name(fairness::Level::tenant)) continue;
      LiveView::Tenant& tenant = load->tenants[std::string(last_part(part.path))];
      tenant.figures.running += part.running;
      tenant.figures.waiting += part.waiting;
      tenant.borrowed += part.borrowed;
      tenant.lent += part.lent;
      for (LiveView::Pool& pool : load->pools) {
        if (pool.name != part.pool) continue;
        pool.used += part.used;
        pool.borrowed += part.borrowed;
      }
    }
    for (const auto& engine : engine_list()) {
      const auto told = engine->load();
      LiveView::Engine shown{.name = std::string(engine->name()),
                             .state = std::string(engine::name(engine->status().state)),
                             .condition = std::string(name(health_->condition(*engine))),
                             .slots = engine->slots()};
      if (told) shown.running = told->running;
      if (told) shown.waiting = told->waiting;
      load->engines.push_back(std::move(shown));
    }
    known = {.at = now, .load = std::move(load)};
    return known.load;
  });
}

control::LiveView Process::live_view(const std::set<TenantId>* whose) {
  const auto load = live_load();
  const auto directory = publisher_->directory().get();
  const Instant now = clock_->now();
  LiveView view{.at = clock_->wall_now(),
                .window_s = gateway::LiveCounts::kWindow,
                .all = figures_of(live_.read(now, whose))};
  std::map<std::string, LiveView::Tenant> tenants;
  for (const identity::TenantEntry* const entry : directory->tenants()) {
    if (whose != nullptr && !whose->contains(entry->record.id)) continue;
    const std::string slug(entry->record.slug.text());
    const auto busy = load->tenants.find(slug);
    if (busy == load->tenants.end()) continue;
    LiveView::Tenant tenant = busy->second;
    tenant.slug = slug;
    view.all.running += tenant.figures.running;
    view.all.waiting += tenant.figures.waiting;
    const bool is_idle = tenant.figures.running == 0 && tenant.figures.waiting == 0 &&
                         tenant.borrowed == 0 && tenant.lent == 0;
    if (!is_idle) tenants.emplace(slug, std::move(tenant));
  }
  std::map<TenantId, std::string> slugs;
  for (const identity::TenantEntry* const entry : directory->tenants())
    slugs.emplace(entry->record.id, entry->record.slug.text());
  for (const auto& [id, counted] : live_.busiest(now, control::kLiveTenantsMax, whose)) {
    const auto slug = slugs.find(id);
    if (slug == slugs.end()) continue;
    LiveView::Tenant& tenant = tenants[slug->second];
    tenant.slug = slug->second;
    LiveFigures figures = figures_of(counted);
    figures.running = tenant.figures.running;
    figures.waiting = tenant.figures.waiting;
    tenant.figures = figures;
  }
  for (auto& [slug, tenant] : tenants)
    view.tenants.push_back(std::move(tenant));
  std::ranges::sort(view.tenants, [](const LiveView::Tenant& a, const LiveView::Tenant& b) {
    const auto order = [](const LiveView::Tenant& one) {
      return std::tuple(-one.figures.requests_per_s, -one.figures.running, one.slug);
    };
    return order(a) < order(b);
  });
  if (view.tenants.size() > control::kLiveTenantsMax) view.tenants.resize(control::kLiveTenantsMax);
  if (whose != nullptr) return view;
  view.engines = load->engines;
  view.pools = load->pools;
  // Also of tenants that are gone and of whom something still runs.
  view.all.running = view.all.waiting = 0;
  for (const LiveView::Pool& pool : load->pools) {
    view.all.running += pool.running;
    view.all.waiting += pool.waiting;
  }
  return view;
}

void Process::note_event(Event event) const {
  assert(control::is_event_kind(event.kind));
  events_->note(std::move(event));
}

// Who has a key, or is a user, is not told to everybody of his tenant: their limits have no name.
void Process::note_threshold(const limits::Threshold& crossed) const {
  const bool is_a_persons = crossed.scope.starts_with("key:") || crossed.scope.starts_with("user:");
  const std::string limit =
      is_a_persons ? fmt::format("a {}'s {}", crossed.scope.substr(0, crossed.scope.find(':')),
                                 limits::name(crossed.measure))
                   : crossed.limit;
  control::JsonText data;
  data.text("measure", limits::name(crossed.measure))
      .number("percent", crossed.percent)
      .number("amount", crossed.amount)
      .number("used", crossed.used);
  if (crossed.reset_at) data.time("reset_at", *crossed.reset_at);
  Event event{.kind = "limit.threshold",
              .severity = crossed.percent >= 100 ? Severity::error : Severity::warning,
              .subject = "limits",
              .text = fmt::format("{} % of {} is used", crossed.percent, limit),
              .data = data.end()};
  for (const identity::TenantEntry* const entry : publisher_->directory().get()->tenants()) {
    const tenancy::Tenant& tenant = entry->record;
    if (tenant.id == crossed.tenant)
      event.tenant = Event::Tenant{.id = tenant.id, .slug = std::string(tenant.slug.text())};
  }
  note_event(std::move(event));
}

void Process::watch_streams() {
  auto& open = registry_.gauges("sm_admin_streams", "Open streams of the admin API", {"kind"});
  auto* const refused = &registry_.totals("sm_admin_streams_refused_total",
                                          "Streams of the admin API that were too many", {});
  auto* const dropped =
      &registry_.totals("sm_admin_streams_dropped_total",
                        "Streams of the admin API that ended because nobody read", {});
  // On the worker that has the streams: it renders the page, too.
  registry_.on_render([=, this, &open] {
    if (!admin_streams_) return;
    const control::AdminStreams::Stats now = admin_streams_->stats();
    for (const auto kind : {control::AdminFeed::Kind::live, control::AdminFeed::Kind::events})
      open.with({name(kind)}).set(static_cast<double>(now.open[static_cast<std::size_t>(kind)]));
    refused->with({}).set(static_cast<double>(now.refused));
    dropped->with({}).set(static_cast<double>(now.dropped));
  });
}

}  // namespace sovmesh::compose
