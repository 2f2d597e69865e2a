#include <algorithm>
#include <utility>

#include "limits/book.h"

// What people and clients are told about balances.
namespace sovmesh::limits {
namespace {

using std::chrono::milliseconds;

Status status_of(const Limit& limit, const Counter* counter, WallTime now) {
  Status status{.limit = limit.name,
                .scope = limit.target.text(),
                .measure = limit.measure,
                .window = limit.window,
                .alignment = limit.alignment,
                .zone = limit.zone,
                .model = limit.model,
                .amount = limit.amount,
                .shadow = limit.shadow};
  if (counter == nullptr) return status;
  if (!limit.target.only()) status.scope = counter->text;
  status.used = counter->usage.used();
  status.reserved = counter->reserved;
  status.window_start = counter->usage.window_start(now);
  status.reset_at = counter->usage.reset_at();
  return status;
}

bool is_tokens(Measure measure) {
  return measure == Measure::input_tokens || measure == Measure::output_tokens ||
         measure == Measure::total_tokens;
}

Bucket bucket_of(const Limit& limit, const Counter& counter, WallTime now) {
  Bucket bucket{.limit = limit.amount,
                .remaining = std::max<std::int64_t>(limit.amount - counter.taken(), 0)};
  if (counter.usage.is_endless()) return bucket;
  const WallTime reset = counter.usage.reset_at().value_or(now);
  bucket.reset = std::max(std::chrono::ceil<milliseconds>(reset - now), milliseconds(0));
  return bucket;
}

// Of two buckets, the one of which less is left; of those, the one that is renewed later.
void keep_tighter(std::optional<Bucket>& kept, const Bucket& other) {
  const auto later = [](const Bucket& bucket) {
    return bucket.reset.value_or(milliseconds::max());
  };
  if (!kept || other.remaining < kept->remaining ||
      (other.remaining == kept->remaining && later(other) > later(*kept)))
    kept = other;
}

}  // namespace

Headers Book::headers(const Subject& who, WallTime now) {
  Headers headers;
  const auto applied = applied_to(who, now);
  if (!applied) return headers;
  for (const Applied::Bound& bound : applied->bounds) {
    const Limit& limit = bound.limit->limit;
    // What others of a pool leave is not for one of its members to see.
    if (!bound.limit->in_force || limit.shadow || limit.target.scope() == Scope::pool) continue;
    if (limit.measure != Measure::requests && !is_tokens(limit.measure)) continue;
    bound.counter->usage.move_to(now);
    const Bucket bucket = bucket_of(limit, *bound.counter, now);
    if (limit.measure == Measure::requests) keep_tighter(headers.requests, bucket);
    if (is_tokens(limit.measure)) keep_tighter(headers.tokens, bucket);
    if (limit.measure == Measure::input_tokens) keep_tighter(headers.input_tokens, bucket);
    if (limit.measure == Measure::output_tokens) keep_tighter(headers.output_tokens, bucket);
  }
  return headers;
}

std::vector<Status> Book::status(const Subject& who, WallTime now) {
  std::vector<Status> all;
  const auto applied = applied_to(who, now);
  if (!applied) return all;
  for (const Applied::Bound& bound : applied->bounds) {
    if (!bound.limit->in_force) continue;
    bound.counter->usage.move_to(now);
    all.push_back(status_of(bound.limit->limit, bound.counter, now));
  }
  return all;
}

std::vector<Status> Book::status(WallTime now, std::size_t max) {
  std::vector<Status> all;
  for (const auto& state : limits_) {
    const Limit& limit = state->limit;
    if (!state->in_force) continue;
    if (all.size() >= max) break;
    if (limit.target.only()) {
      const CounterId id{*limit.target.only(), limit.measure, limit.window,
                         limit.alignment,      limit.zone,    limit.model};
      const auto known = counters_.find(id);
      if (known != counters_.end()) known->second->usage.move_to(now);
      all.push_back(
          status_of(limit, known == counters_.end() ? nullptr : known->second.get(), now));
      continue;
    }
    for (const auto& [id, counter] : counters_) {
      if (all.size() >= max) break;
      if (!counts(limit, *counter)) continue;
      counter->usage.move_to(now);
      all.push_back(status_of(limit, counter.get(), now));
    }
  }
  return all;
}

std::vector<Decisions> Book::decisions() const {
  std::vector<Decisions> all;
  all.reserve(limits_.size());
  for (const auto& state : limits_) {
    if (!state->in_force) continue;
    const Limit& limit = state->limit;
    all.push_back({limit.name, limit.target.scope(), limit.measure, limit.window, state->allow,
                   state->deny, state->shadow_deny});
  }
  return all;
}

}  // namespace sovmesh::limits
