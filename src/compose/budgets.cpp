#include "compose/budgets.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/time_text.h"

namespace sovmesh::compose {
namespace {

using By = store::SinceQuery::By;
using limits::Measure;
using limits::Scope;
using limits::ScopeKey;

By by_of(Scope scope) {
  switch (scope) {
    case Scope::key:
      return By::key;
    case Scope::user:
      return By::user;
    case Scope::project:
      return By::project;
    case Scope::pool:
      return By::engine;
    case Scope::tenant:
      break;
  }
  return By::tenant;
}

std::int64_t amount_of(Measure measure, const metering::Totals& sums) {
  switch (measure) {
    case Measure::requests:
      return sums.requests;
    case Measure::input_tokens:
      return sums.prompt;
    case Measure::output_tokens:
      return sums.generated;
    case Measure::total_tokens:
      return sums.tokens();
    case Measure::money_micro:
      return sums.cost_micro;
    case Measure::gpu_microseconds:
      return sums.gse_us;
    case Measure::concurrency:
      break;
  }
  return 0;  // nothing runs at a start
}

// Whose usage it is; nothing for what has no counter (an engine outside of all pools).
std::optional<ScopeKey> scope_key_of(Scope scope, const store::UsageSince& usage,
                                     const identity::Directory& directory) {
  switch (scope) {
    case Scope::tenant:
      return ScopeKey::of(usage.tenant);
    case Scope::user:
      return usage.subject.empty() ? std::nullopt
                                   : std::optional(ScopeKey::user(usage.tenant, usage.subject));
    case Scope::project: {
      const auto id = Ulid::parse(usage.subject);
      return id ? std::optional(ScopeKey::of(ProjectId{*id})) : std::nullopt;
    }
    case Scope::key: {
      const auto id = KeyId::parse(usage.subject);
      return id ? std::optional(ScopeKey::of(*id)) : std::nullopt;
    }
    case Scope::pool:
      break;
  }
  const std::string_view pool = directory.pool_of(usage.subject);
  return pool.empty() ? std::nullopt : std::optional(ScopeKey::pool(std::string(pool)));
}

// What a rolling window is read in: at most 97 parts, and each a roll-up of the ledger's but for
// seconds.
std::optional<std::chrono::seconds> parts_of(const limits::SeedWanted& wanted) {
  if (wanted.alignment != limits::Alignment::rolling) return std::nullopt;
  switch (wanted.window) {
    case limits::Window::day:
      return std::chrono::minutes(15);
    case limits::Window::hour:
      return std::chrono::minutes(1);
    default:
      return std::chrono::seconds(1);
  }
}

// What the ledger is asked for; more than the target's own where it cannot be told apart there.
store::SinceQuery query_of(const limits::SeedWanted& wanted) {
  store::SinceQuery query{.by = by_of(wanted.target.scope()),
                          .from = wanted.since,
                          .until = wanted.until,
                          .parts_of = parts_of(wanted)};
  query.tenant = wanted.target.within();
  if (!wanted.model.empty()) query.model = wanted.model;
  const auto& only = wanted.target.only();
  if (!only) return query;
  switch (only->scope()) {
    case Scope::tenant:
      query.tenant = TenantId{only->id()};
      break;
    case Scope::user:
      query.tenant = TenantId{only->id()};
      query.subject = only->text();
      break;
    case Scope::project:
      query.subject = only->id().text();
      break;
    case Scope::key:
      query.subject = only->text();
      break;
    case Scope::pool:
      break;
  }
  return query;
}

std::string event_json(const limits::Threshold& crossed) {
  std::string json = R"({"type":"budget.threshold","data":{"limit":)";
  append_json_string(json, crossed.limit);
  json += R"(,"scope":)";
  append_json_string(json, crossed.scope);
  json += R"(,"measure":")";
  json += limits::name(crossed.measure);
  json += R"(","percent":)" + std::to_string(crossed.percent);
  json += R"(,"amount":)" + std::to_string(crossed.amount);
  json += R"(,"used":)" + std::to_string(crossed.used);
  json += R"(,"at":")" + to_rfc3339(crossed.at) + '"';
  if (crossed.reset_at) json += R"(,"reset_at":")" + to_rfc3339(*crossed.reset_at) + '"';
  return json + "}}";
}

// What keys and users are called is in no metric: their limits are summed up by what they count.
// Others have the names that the operator gave them, or their tenant's, project's or pool's.
std::string label_of(const limits::Decisions& one) {
  if (one.scope != limits::Scope::key && one.scope != limits::Scope::user) return one.limit;
  std::string label = fmt::format("{} {}", name(one.scope), name(one.measure));
  if (one.window != limits::Window::none) label += fmt::format("/{}", name(one.window));
  return label;
}

std::map<std::string, limits::Decisions> by_label(const std::vector<limits::Decisions>& all) {
  std::map<std::string, limits::Decisions> sums;
  for (const limits::Decisions& one : all) {
    limits::Decisions& sum = sums[label_of(one)];
    sum.allow += one.allow;
    sum.deny += one.deny;
    sum.shadow_deny += one.shadow_deny;
  }
  return sums;
}

}  // namespace

Result<void> Budgets::use(const State& next) {
  return turn_.with([&](Turn&) -> Result<void> {
    Result<void> done = use_alone(next);
    // Those that were refused are not counted any longer.
    if (!done) (void)limiter_.prepare({}, clock_.wall_now());
    return done;
  });
}

// A new limit counts first, then learns what was used before, then decides.
Result<void> Budgets::use_alone(const State& next) {
  // What has ended is booked before `now`: otherwise no counter would know of it, neither by its
  // own count nor by what is asked of the ledger below.
  (void)ledger_.flush();
  const WallTime now = clock_.wall_now();
  TRY_VOID(limiter_.prepare(*next.limits, now));
  if (const Result<void> known = seed_all(next, now); !known) {
    return our_error(
        Code::metering_unavailable,
        "the limits in force stay as they were: what was used before cannot be read: " +
            known.error().message());
  }
  return limiter_.configure(*next.limits, clock_.wall_now());
}

Result<void> Budgets::seed_all(const State& next, WallTime now) {
  const auto lacking = limiter_.counters_wanted(now);
  if (lacking.empty()) return {};
  Currencies currencies;
  for (const identity::TenantEntry* tenant : next.directory->tenants())
    currencies.emplace(tenant->record.id, tenant->record.currency);
  TRY_VOID(ledger_.flush());  // the reports see what is durable
  for (const limits::SeedWanted& counter : lacking)
    TRY_VOID(seed(counter, currencies, *next.directory, now));
  return {};
}

Result<void> Budgets::seed(const limits::SeedWanted& wanted, const Currencies& currencies,
                           const identity::Directory& directory, WallTime now) {
  TRY(const std::vector<store::UsageSince> usage, ledger_.usage_since(query_of(wanted)));
  Used used;
  for (const store::UsageSince& one : usage) {
    if (wanted.measure == Measure::money_micro) {
      // A tenant that changed its currency has spent nothing of the new one before.
      const auto currency = currencies.find(one.tenant);
      if (currency == currencies.end() || currency->second != one.currency) continue;
    }
    const auto key = scope_key_of(wanted.target.scope(), one, directory);
    if (!key || (wanted.target.only() && *wanted.target.only() != *key)) continue;
    const std::int64_t amount = amount_of(wanted.measure, one.sums);
    if (amount > 0) used[*key].push_back({one.until - std::chrono::microseconds(1), amount});
  }
  for (const auto& [key, parts] : used)
    limiter_.seed(wanted, key, parts, now);
  limiter_.seeded(wanted);
  return {};
}

void Budgets::add_metrics(observe::Registry& registry) {
  auto& decisions = registry.totals("sm_limit_decisions_total", "Requests by what a limit said.",
                                    {"limit", "decision"});
  auto& dropped = registry.totals("sm_limit_events_dropped_total",
                                  "Threshold events that found their queue full.", {});
  auto& reserved = registry.gauges("sm_reserved_tokens",
                                   "Tokens that requests under way hold of limits.", {"kind"});
  registry.on_render([this, &decisions, &dropped, &reserved] {
    for (const auto& [label, sum] : by_label(limiter_.decisions())) {
      decisions.with({label, "allow"}).set(static_cast<double>(sum.allow));
      decisions.with({label, "deny"}).set(static_cast<double>(sum.deny));
      decisions.with({label, "shadow_deny"}).set(static_cast<double>(sum.shadow_deny));
    }
    dropped.with({}).set(static_cast<double>(limiter_.thresholds_dropped()));
    const limits::Amounts held = limiter_.held();
    reserved.with({"input"}).set(static_cast<double>(held.input_tokens));
    reserved.with({"output"}).set(static_cast<double>(held.output_tokens));
  });
}

std::vector<Budgets::Event> Budgets::take_events() {
  std::vector<Event> events;
  for (limits::Threshold& crossed : limiter_.take_thresholds()) {
    std::string json = event_json(crossed);
    events.push_back({.crossed = std::move(crossed), .json = std::move(json)});
  }
  return events;
}

}  // namespace sovmesh::compose
