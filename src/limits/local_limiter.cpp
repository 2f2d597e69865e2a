#include "limits/local_limiter.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/guarded.h"
#include "limits/book.h"

namespace sovmesh::limits {
namespace {

// Clocks may be anywhere; sums with these do not overflow.
WallTime sane(WallTime now) {
  using std::chrono::sys_days;
  using std::chrono::year;
  static constexpr WallTime kFirst{sys_days(year(1) / 1 / 1)};
  static constexpr WallTime kLast{sys_days(year(9999) / 1 / 1)};
  return std::clamp(now, kFirst, kLast);
}

Result<std::vector<std::shared_ptr<LimitState>>> check_all(std::vector<Limit> limits) {
  std::vector<std::shared_ptr<LimitState>> states;
  states.reserve(limits.size());
  std::unordered_set<std::string> names;
  for (Limit& limit : limits) {
    if (auto valid = validate(limit); !valid)
      return fail(std::move(valid).error().in_context("limit \"" + limit.name + "\""));
    if (!names.insert(limit.name).second)
      return client_error(Code::config_invalid, "two limits have the name \"" + limit.name + "\"",
                          "name");
    states.push_back(std::make_shared<LimitState>(std::move(limit)));
  }
  return states;
}

}  // namespace

struct LocalLimiter::Shared {
  explicit Shared(const Sizes& sizes) : book(sizes) {}
  Guarded<Book> book;
};

LocalLimiter::LocalLimiter() : LocalLimiter(Sizes()) {}
LocalLimiter::LocalLimiter(const Sizes& sizes) : shared_(std::make_unique<Shared>(sizes)) {}
LocalLimiter::~LocalLimiter() = default;

Result<Reservation> LocalLimiter::reserve(const Subject& who, const Amounts& wanted, WallTime now,
                                          std::optional<Headers>* standing) {
  now = sane(now);
  Amounts held = wanted;
  bool limited = false;
  auto taken = shared_->book.with([&](Book& book) {
    auto applied = book.reserve(who, held, now);
    limited = applied && !(*applied)->bounds.empty();
    if (standing != nullptr && (limited || !applied)) *standing = book.headers(who, now);
    return applied;
  });
  if (!taken) return fail(to_error(taken.error(), who.model, now));
  return Reservation(*this, Hold{*std::move(taken), held, now, limited});
}

Result<void> LocalLimiter::extend(Hold& hold, const Amounts& more, WallTime now) {
  now = sane(now);
  const auto refusal = shared_->book.with([&](Book& book) { return book.extend(hold, more, now); });
  if (!refusal) return {};
  return fail(to_error(*refusal, static_cast<const Applied*>(hold.what.get())->model, now));
}

void LocalLimiter::settle(Hold& hold, const Amounts& actual, WallTime now) {
  shared_->book.with([&](Book& book) { book.settle(hold, actual, sane(now)); });
}
void LocalLimiter::release(Hold& hold) {
  shared_->book.with([&](Book& book) { book.release(hold); });
}

Result<void> LocalLimiter::configure(std::vector<Limit> limits, WallTime now) {
  TRY(auto states, check_all(std::move(limits)));
  shared_->book.with([&](Book& book) { book.configure(std::move(states), sane(now)); });
  return {};
}

Result<void> LocalLimiter::prepare(std::vector<Limit> limits, WallTime now) {
  TRY(auto states, check_all(std::move(limits)));
  shared_->book.with([&](Book& book) { book.prepare(std::move(states), sane(now)); });
  return {};
}

std::vector<SeedWanted> LocalLimiter::counters_wanted(WallTime now) {
  return shared_->book.with([&](Book& book) { return book.counters_wanted(sane(now)); });
}
void LocalLimiter::seed(const SeedWanted& wanted, const ScopeKey& scope,
                        std::span<const SeedPart> parts, WallTime now) {
  shared_->book.with([&](Book& book) { book.seed(wanted, scope, parts, sane(now)); });
}
void LocalLimiter::seeded(const SeedWanted& wanted) {
  shared_->book.with([&](Book& book) { book.seeded(wanted); });
}

Headers LocalLimiter::headers(const Subject& who, WallTime now) {
  return shared_->book.with([&](Book& book) { return book.headers(who, sane(now)); });
}
std::vector<Status> LocalLimiter::status(const Subject& who, WallTime now) {
  return shared_->book.with([&](Book& book) { return book.status(who, sane(now)); });
}
std::vector<Status> LocalLimiter::status(WallTime now, std::size_t max) {
  return shared_->book.with([&](Book& book) { return book.status(sane(now), max); });
}
std::vector<Decisions> LocalLimiter::decisions() {
  return shared_->book.with([](Book& book) { return book.decisions(); });
}
Amounts LocalLimiter::held() {
  return shared_->book.with([](Book& book) { return book.held(); });
}
std::vector<Threshold> LocalLimiter::take_thresholds() {
  return shared_->book.with([](Book& book) { return book.take_thresholds(); });
}
std::uint64_t LocalLimiter::thresholds_dropped() {
  return shared_->book.with([](Book& book) { return book.thresholds_dropped(); });
}
std::size_t LocalLimiter::counters() {
  return shared_->book.with([](Book& book) { return book.counters(); });
}

}  // namespace sovmesh::limits
