#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/append.h"
#include "limits/book.h"

// Limits come and go; what the ledger has to tell about the time before.
namespace sovmesh::limits {
namespace {

constexpr std::size_t kGapsMax = 4;
constexpr std::size_t kDefinitionsMax = 100'000;

SeedWanted definition_of(const Limit& limit) {
  return {.target = limit.target,
          .measure = limit.measure,
          .window = limit.window,
          .alignment = limit.alignment,
          .zone = limit.zone,
          .model = limit.model};
}

// The same text for two limits that count the same of the same.
std::string definition_key(const SeedWanted& what) {
  std::string key(name(what.target.scope()));
  if (what.target.only()) {
    append_all(key, "=", std::string_view(what.target.only()->id().hex()), ",",
               std::string_view(what.target.only()->text()));
  } else {
    key += '*';
    if (what.target.within()) key += what.target.within()->value.hex();
  }
  append_all(key, "\n", name(what.measure), "/", name(what.window), "/", name(what.alignment), "/",
             what.zone.name(), "/", std::string_view(what.model));
  return key;
}

bool is_same_count(const auto& what, const CounterId& id) {
  return what.measure == id.measure && what.window == id.window && what.alignment == id.alignment &&
         what.zone == id.zone && what.model == id.model;
}

bool includes(const Target& target, const Counter& counter) {
  if (target.only()) return *target.only() == counter.id.scope;
  return target.scope() == counter.id.scope.scope() &&
         (!target.within() || *target.within() == counter.tenant);
}

// Until somebody comes by whose names are known.
std::string text_of(const Target& target, const ScopeKey& scope) {
  if (target.only()) return target.text();
  std::string text(name(scope.scope()));
  const std::string which = scope.text().empty() ? scope.id().text() : scope.text();
  append_all(text, ":", std::string_view(which));
  return text;
}

// From when on usage matters to what is counted at `now`.
WallTime matters_from(const SeedWanted& what, WallTime now) {
  if (what.window == Window::lifetime) return {};
  return window_at(what.window, what.alignment, what.zone, now).begin;
}

}  // namespace

bool counts(const Limit& limit, const Counter& counter) {
  return is_same_count(limit, counter.id) && includes(limit.target, counter);
}

void Book::configure(std::vector<std::shared_ptr<LimitState>> limits, WallTime now) {
  for (auto& limit : limits) {
    const auto old = std::ranges::find_if(
        limits_, [&](const auto& state) { return state->limit.name == limit->limit.name; });
    if (old == limits_.end()) continue;
    limit->allow = (*old)->allow;
    limit->deny = (*old)->deny;
    limit->shadow_deny = (*old)->shadow_deny;
  }
  std::unordered_set<std::string> wanted;
  for (const auto& limit : limits) {
    if (limit->limit.measure == Measure::concurrency) continue;
    wanted.insert(definition_key(definition_of(limit->limit)));
    define(limit->limit, now);
  }
  for (auto& [key, definition] : definitions_)
    if (!definition.removed_at && !wanted.contains(key)) definition.removed_at = now;
  std::erase_if(definitions_, [&](const auto& entry) {
    const Definition& definition = entry.second;
    return definition.removed_at && (*definition.removed_at < matters_from(definition.what, now) ||
                                     definitions_.size() > kDefinitionsMax);
  });
  limits_ = std::move(limits);
  index();
  const Subjects old = std::exchange(subjects_, {});
  for (const auto& applied : old)
    if (applied->open > 0) hand_over(applied, now);
}

// Those in force stay as they are, and what they do not count is counted for those to come.
void Book::prepare(std::vector<std::shared_ptr<LimitState>> limits, WallTime now) {
  std::vector<std::shared_ptr<LimitState>> all = limits_;
  std::erase_if(all, [](const auto& state) { return !state->in_force; });
  std::unordered_set<std::string> counted;
  for (const auto& state : all)
    counted.insert(definition_key(definition_of(state->limit)));
  for (auto& state : limits) {
    if (counted.contains(definition_key(definition_of(state->limit)))) continue;
    state->in_force = false;
    all.push_back(std::move(state));
  }
  configure(std::move(all), now);
}

// Called while the old limits are still in force.
void Book::define(const Limit& limit, WallTime now) {
  const SeedWanted what = definition_of(limit);
  const std::string key = definition_key(what);
  const auto [entry, is_new] = definitions_.try_emplace(key, Definition{.what = what});
  Definition& definition = entry->second;
  if (!is_new && !definition.removed_at) return;
  WallTime since = matters_from(what, now);
  if (!is_new) since = std::max(since, *definition.removed_at);
  definition.counted_from = now;
  definition.removed_at.reset();
  auto& gaps = definition.gaps;
  if (gaps.size() >= kGapsMax) {  // one that spans them all: counts too much rather than too little
    since = gaps.front().since;
    gaps.clear();
  }
  gaps.push_back({since, now});
  if (!is_new) mark_gap(definition.what, now);
}

// Balances that nobody counted for a while are complete only from now on.
void Book::mark_gap(const SeedWanted& what, WallTime now) {
  for (const auto& [id, counter] : counters_)
    if (is_same_count(what, id) && includes(what.target, *counter) && !is_counted(*counter))
      counter->complete_from = now;
}

bool Book::is_counted(const Counter& counter) const {
  const auto is_by = [&](std::size_t place) { return counts(limits_[place]->limit, counter); };
  const auto known = by_scope_.find(counter.id.scope);
  return (known != by_scope_.end() && std::ranges::any_of(known->second, is_by)) ||
         std::ranges::any_of(for_each_, is_by);
}

void Book::index() {
  by_scope_.clear();
  for_each_.clear();
  for (std::size_t place = 0; place < limits_.size(); ++place) {
    const Target& target = limits_[place]->limit.target;
    if (target.only()) {
      by_scope_[*target.only()].push_back(place);
    } else {
      for_each_.push_back(place);
    }
  }
}

WallTime Book::counted_from(const Limit& limit) const {
  const auto known = definitions_.find(definition_key(definition_of(limit)));
  return known == definitions_.end() ? WallTime() : known->second.counted_from;
}

std::vector<SeedWanted> Book::counters_wanted(WallTime now) {
  std::vector<SeedWanted> wanted;
  for (auto& [key, definition] : definitions_) {
    if (definition.removed_at) continue;
    const WallTime from = matters_from(definition.what, now);
    std::erase_if(definition.gaps, [&](const auto& gap) { return gap.until <= from; });
    for (const Definition::Gap& gap : definition.gaps) {
      SeedWanted& one = wanted.emplace_back(definition.what);
      one.since = std::max(gap.since, from);
      one.until = gap.until;
    }
  }
  return wanted;
}

void Book::seed(const SeedWanted& wanted, const ScopeKey& scope, std::span<const SeedPart> parts,
                WallTime now) {
  const CounterId id{scope,       wanted.measure, wanted.window, wanted.alignment,
                     wanted.zone, wanted.model};
  TenantId tenant;
  if (scope.scope() == Scope::tenant || scope.scope() == Scope::user) tenant = {scope.id()};
  if (wanted.target.within()) tenant = *wanted.target.within();
  Counter& counter = *find_counter(id, tenant, wanted.until, now);
  if (counter.text.empty()) counter.text = text_of(wanted.target, scope);
  counter.usage.move_to(now);
  if (wanted.since >= counter.complete_from) return;
  for (const SeedPart& part : parts)
    if (part.used > 0) counter.usage.add_past(part.used, std::clamp(part.at, wanted.since, now));
  counter.complete_from = wanted.since;
}

void Book::seeded(const SeedWanted& wanted) {
  const auto known = definitions_.find(definition_key(wanted));
  if (known == definitions_.end()) return;
  std::erase_if(known->second.gaps, [&](const auto& gap) { return gap.until == wanted.until; });
}

}  // namespace sovmesh::limits
