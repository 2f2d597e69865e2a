#include "limits/book.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/append.h"

// What a request does: reserve, extend, settle, release.
namespace sovmesh::limits {
namespace {

Amounts clamp(const Amounts& wanted) {
  const auto in_range = [](std::int64_t amount) {
    return std::clamp<std::int64_t>(amount, 0, kRequestMax);
  };
  return {.input_tokens = in_range(wanted.input_tokens),
          .output_tokens = in_range(wanted.output_tokens),
          .money_micro = in_range(wanted.money_micro),
          .gpu_microseconds = in_range(wanted.gpu_microseconds)};
}

void add(Amounts& to, const Amounts& more) {
  to.input_tokens += more.input_tokens;
  to.output_tokens += more.output_tokens;
  to.money_micro += more.money_micro;
  to.gpu_microseconds += more.gpu_microseconds;
}
void subtract(Amounts& from, const Amounts& less) {
  from.input_tokens -= less.input_tokens;
  from.output_tokens -= less.output_tokens;
  from.money_micro -= less.money_micro;
  from.gpu_microseconds -= less.gpu_microseconds;
}

// What counts per request and not per amount is in none of these.
std::int64_t amount_of(Measure measure, const Amounts& amounts) {
  switch (measure) {
    case Measure::input_tokens:
      return amounts.input_tokens;
    case Measure::output_tokens:
      return amounts.output_tokens;
    case Measure::total_tokens:
      return amounts.input_tokens + amounts.output_tokens;
    case Measure::money_micro:
      return amounts.money_micro;
    case Measure::gpu_microseconds:
      return amounts.gpu_microseconds;
    case Measure::requests:
    case Measure::concurrency:
      break;
  }
  return 0;
}
bool counts_requests(Measure measure) {
  return measure == Measure::requests || measure == Measure::concurrency;
}
// `open` requests that hold `amounts` together.
std::int64_t reserved_by(Measure measure, std::int64_t open, const Amounts& amounts) {
  return measure == Measure::concurrency ? open : amount_of(measure, amounts);
}

// How many of the thresholds `used` has passed.
std::size_t passed(std::int64_t used, std::int64_t amount) {
  if (used >= amount) return kThresholds.size();
  std::size_t count = 0;
  while (used * 100 >= amount * kThresholds[count])
    ++count;
  return count;
}

std::string scope_text(Scope scope, const Subject& who) {
  std::string text(name(scope));
  std::string_view which;
  switch (scope) {
    case Scope::key:
      which = who.key.text();
      break;
    case Scope::user:
      which = who.user;
      break;
    case Scope::project:
      which = who.project_name;
      break;
    case Scope::tenant:
      which = who.tenant_name;
      break;
    case Scope::pool:
      which = who.pool;
      break;
  }
  append_all(text, ":", which);
  return text;
}

std::optional<ScopeKey> key_in(Scope scope, const Subject& who) {
  switch (scope) {
    case Scope::key:
      if (who.key == KeyId()) return std::nullopt;
      return ScopeKey::of(who.key);
    case Scope::user:
      if (who.user.empty()) return std::nullopt;
      return ScopeKey::user(who.tenant, std::string(who.user));
    case Scope::project:
      return ScopeKey::of(who.project);
    case Scope::tenant:
      return ScopeKey::of(who.tenant);
    case Scope::pool:
      if (who.pool.empty()) return std::nullopt;
      return ScopeKey::pool(std::string(who.pool));
  }
  return std::nullopt;
}

}  // namespace

Applied::Applied(const Subject& who)
    : key(who.key),
      project(who.project),
      tenant(who.tenant),
      user(who.user),
      project_name(who.project_name),
      tenant_name(who.tenant_name),
      pool(who.pool),
      model(who.model) {}

bool Applied::is_for(const Subject& who) const {
  return key == who.key && model == who.model && user == who.user && pool == who.pool &&
         tenant == who.tenant && project == who.project && tenant_name == who.tenant_name &&
         project_name == who.project_name;
}

std::size_t Book::SubjectHash::operator()(const Subject& who) const noexcept {
  const std::hash<std::string_view> hash;
  std::size_t h = std::hash<KeyId>{}(who.key);
  h = h * 31 + hash(who.model);
  h = h * 31 + hash(who.user);
  return h * 31 + std::hash<TenantId>{}(who.tenant);
}

std::shared_ptr<Applied> Book::applied_to(const Subject& who, WallTime now) {
  if (const auto known = subjects_.find(who); known != subjects_.end()) return *known;
  if (subjects_.size() >= std::max(sizes_.subjects_max, subjects_drop_at_)) drop_idle_subjects();
  if (counters_.size() >= std::min(sweep_at_, sizes_.counters_max)) sweep(now);
  if (counters_.size() >= sizes_.counters_max) return nullptr;
  return *subjects_.insert(find_limits(who, now)).first;
}

std::shared_ptr<Applied> Book::find_limits(const Subject& who, WallTime now) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < kScopes; ++i) {
    const auto key = key_in(static_cast<Scope>(i), who);
    if (!key) continue;
    if (const auto known = by_scope_.find(*key); known != by_scope_.end())
      found.insert(found.end(), known->second.begin(), known->second.end());
  }
  for (const std::size_t place : for_each_) {
    const Target& target = limits_[place]->limit.target;
    if (target.within() && *target.within() != who.tenant) continue;
    if (key_in(target.scope(), who)) found.push_back(place);
  }
  std::ranges::sort(found);
  auto applied = std::make_shared<Applied>(who);
  for (const std::size_t place : found) {
    const Limit& limit = limits_[place]->limit;
    if (limit.model.empty() || limit.model == who.model) bind(*applied, limits_[place], now);
  }
  return applied;
}

void Book::bind(Applied& applied, const std::shared_ptr<LimitState>& state, WallTime now) {
  const Limit& limit = state->limit;
  const Subject who = applied.subject();
  CounterId id{.scope = *key_in(limit.target.scope(), who),
               .measure = limit.measure,
               .window = limit.window,
               .alignment = limit.alignment,
               .zone = limit.zone,
               .model = limit.model};
  const TenantId tenant = id.scope.scope() == Scope::pool ? TenantId() : who.tenant;
  const auto counter = find_counter(std::move(id), tenant, counted_from(limit), now);
  counter->text = scope_text(limit.target.scope(), who);
  applied.bounds.push_back({state, counter.get()});
  if (std::ranges::find(applied.counters, counter) == applied.counters.end())
    applied.counters.push_back(counter);
}

std::shared_ptr<Counter> Book::find_counter(CounterId id, TenantId tenant, WallTime complete_from,
                                            WallTime now) {
  auto known = counters_.find(id);
  if (known == counters_.end()) {
    auto fresh = std::make_shared<Counter>(id, tenant, complete_from);
    fresh->usage.move_to(now);
    known = counters_.emplace(std::move(id), std::move(fresh)).first;
  }
  if (known->second->tenant == TenantId()) known->second->tenant = tenant;
  return known->second;
}

void Book::drop_idle_subjects() {
  std::erase_if(subjects_, [](const auto& applied) { return applied->open == 0; });
  subjects_drop_at_ = 2 * subjects_.size();
}

// Forgets balances that nobody holds and whose window is over.
void Book::sweep(WallTime now) {
  drop_idle_subjects();
  std::erase_if(counters_, [now](const auto& entry) {
    const Counter& counter = *entry.second;
    if (entry.second.use_count() > 1 || counter.reserved != 0) return false;
    return counter.id.window == Window::none || counter.usage.is_over(now);
  });
  sweep_at_ = std::max(kSweepMin, 2 * counters_.size());
}

std::optional<Refusal> Book::check(Applied& applied, const Asked& asked, WallTime now) {
  std::optional<Refusal> worst;
  const std::int64_t one = asked.first ? 1 : 0;
  for (const Applied::Bound& bound : applied.bounds) {
    LimitState& state = *bound.limit;
    const Limit& limit = state.limit;
    Counter& counter = *bound.counter;
    counter.usage.move_to(now);
    if (!state.in_force) continue;
    const std::int64_t want =
        counts_requests(limit.measure) ? one : amount_of(limit.measure, asked.amounts);
    const bool unpriced = limit.measure == Measure::money_micro && !asked.priced;
    if (!unpriced && (want == 0 || counter.taken() <= limit.amount - want)) {
      state.allow += static_cast<std::uint64_t>(one);
      continue;
    }
    (limit.shadow ? state.shadow_deny : state.deny) += static_cast<std::uint64_t>(one);
    if (limit.shadow) continue;
    Refusal refusal = refuse(limit, counter, want, now);
    refusal.unpriced = unpriced;
    if (!worst || refusal.outranks(*worst)) worst = std::move(refusal);
  }
  return worst;
}

Refusal Book::refuse(const Limit& limit, const Counter& counter, std::int64_t want, WallTime now) {
  const std::int64_t too_much = counter.taken() - (limit.amount - want);
  std::optional<WallTime> free_at;
  if (want <= limit.amount) free_at = counter.usage.free_at(too_much);
  // What is reserved is in the way, and nobody knows how much of it will be used.
  if (free_at && counter.usage.is_rolling() && counter.usage.used() < too_much)
    free_at = now + counter.usage.rolling_length();
  return {.scope = limit.target.only() ? limit.target.text() : counter.text,
          .kind = limit.target.scope(),
          .measure = limit.measure,
          .window = limit.window,
          .amount = limit.amount,
          .taken = counter.taken(),
          .wanted = want,
          .free_at = free_at};
}

std::expected<std::shared_ptr<Applied>, Refusal> Book::reserve(const Subject& who, Amounts& wanted,
                                                               WallTime now) {
  wanted = clamp(wanted);
  std::shared_ptr<Applied> applied = applied_to(who, now);
  if (!applied) return std::unexpected(Refusal{.full = true});
  if (auto refusal = check(*applied, {.amounts = wanted, .priced = who.priced}, now))
    return std::unexpected(std::move(*refusal));
  for (const auto& counter : applied->counters) {
    if (counter->id.measure == Measure::requests) {
      charge(*applied, *counter, 1, now);
    } else {
      counter->reserved += reserved_by(counter->id.measure, 1, wanted);
    }
  }
  ++applied->open;
  add(applied->held, wanted);
  add(held_, wanted);
  return applied;
}

Applied& Book::current(Hold& hold) {
  auto* applied = static_cast<Applied*>(hold.what.get());
  while (applied->replaced_by) {
    hold.what = std::shared_ptr<Applied>(applied->replaced_by);
    applied = static_cast<Applied*>(hold.what.get());
  }
  return *applied;
}

std::optional<Refusal> Book::extend(Hold& hold, const Amounts& wanted, WallTime now) {
  Applied& applied = current(hold);
  const Amounts& held = hold.held;
  const Amounts asked = clamp(wanted);
  // All extensions together stay within what one request can use.
  const Amounts more{
      .input_tokens = std::min(asked.input_tokens, kRequestMax - held.input_tokens),
      .output_tokens = std::min(asked.output_tokens, kRequestMax - held.output_tokens),
      .money_micro = std::min(asked.money_micro, kRequestMax - held.money_micro),
      .gpu_microseconds = std::min(asked.gpu_microseconds, kRequestMax - held.gpu_microseconds)};
  if (auto refusal = check(applied, {.amounts = more, .first = false}, now)) return refusal;
  for (const auto& counter : applied.counters)
    counter->reserved += amount_of(counter->id.measure, more);
  add(applied.held, more);
  add(held_, more);
  add(hold.held, more);
  return std::nullopt;
}

void Book::let_go(Applied& applied, const Hold& hold) {
  for (const auto& counter : applied.counters) {
    counter->reserved -= reserved_by(counter->id.measure, 1, hold.held);
    assert(counter->reserved >= 0);
  }
  --applied.open;
  subtract(applied.held, hold.held);
  subtract(held_, hold.held);
}

void Book::settle(Hold& hold, const Amounts& actual, WallTime now) {
  Applied& applied = current(hold);
  let_go(applied, hold);
  const Amounts used = clamp(actual);
  for (const auto& counter : applied.counters) {
    const std::int64_t amount = amount_of(counter->id.measure, used);
    if (amount == 0) continue;
    counter->usage.move_to(now);
    charge(applied, *counter, amount, now);
  }
}

void Book::release(Hold& hold) {
  Applied& applied = current(hold);
  let_go(applied, hold);
  for (const auto& counter : applied.counters)
    if (counter->id.measure == Measure::requests) counter->usage.take_back(1, hold.reserved_at);
}

void Book::charge(const Applied& applied, Counter& counter, std::int64_t amount, WallTime now) {
  const std::int64_t before = counter.usage.used();
  counter.usage.add(amount);
  for (const Applied::Bound& bound : applied.bounds)
    if (bound.counter == &counter && bound.limit->in_force && !bound.limit->limit.shadow)
      tell_thresholds(bound.limit->limit, counter, before, now);
}

// Tells each threshold that this charge passed, once per window.
void Book::tell_thresholds(const Limit& limit, Counter& counter, std::int64_t before,
                           WallTime now) {
  const std::size_t old_count = passed(before, limit.amount);
  const std::size_t count = passed(counter.usage.used(), limit.amount);
  if (count <= old_count) return;
  auto watch = std::ranges::find(counter.watches, limit.name, &Watch::limit);
  if (watch == counter.watches.end()) {
    counter.watches.push_back({.limit = limit.name});
    watch = counter.watches.end() - 1;
  }
  const WindowUsage& usage = counter.usage;
  const bool other_window = watch->window != usage.window_id() || watch->amount != limit.amount;
  // A rolling window has no end at which to begin anew: after its length, what fell may be told
  // again.
  const bool fell = usage.is_rolling() && now >= watch->told_at + usage.rolling_length();
  if (other_window || fell) watch->told = old_count;
  watch->window = usage.window_id();
  watch->amount = limit.amount;
  for (; watch->told < count; ++watch->told) {
    watch->told_at = now;
    emit(limit, counter, kThresholds[watch->told], now);
  }
}

void Book::emit(const Limit& limit, const Counter& counter, int percent, WallTime now) {
  if (thresholds_.size() >= sizes_.thresholds_max) {
    ++thresholds_dropped_;
    return;
  }
  thresholds_.push_back({.limit = limit.name,
                         .scope = limit.target.only() ? limit.target.text() : counter.text,
                         .tenant = counter.tenant,
                         .measure = limit.measure,
                         .percent = percent,
                         .amount = limit.amount,
                         .used = counter.usage.used(),
                         .at = now,
                         .reset_at = counter.usage.reset_at()});
}

// In-flight requests of a subject after the limits have changed: balances that are new to it take
// over what it holds, those that are no longer its own lose it. (That these requests began, the
// ledger knows.)
void Book::hand_over(const std::shared_ptr<Applied>& old, WallTime now) {
  const auto fresh = find_limits(old->subject(), now);
  for (const auto& counter : fresh->counters) {
    if (std::ranges::find(old->counters, counter) != old->counters.end()) continue;
    counter->reserved += reserved_by(counter->id.measure, old->open, old->held);
  }
  for (const auto& counter : old->counters) {
    if (std::ranges::find(fresh->counters, counter) == fresh->counters.end())
      counter->reserved -= reserved_by(counter->id.measure, old->open, old->held);
  }
  fresh->open = old->open;
  fresh->held = old->held;
  old->replaced_by = fresh;
  subjects_.insert(fresh);
}

}  // namespace sovmesh::limits
