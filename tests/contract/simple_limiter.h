#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "limits/limiter.h"

namespace sovmesh::limits {

// What a limiter must not do. The contract's checks have to find each of them.
enum class Defect : std::uint8_t {
  none,
  looks_then_leaps,     // checks and takes in two steps
  takes_some,           // a refusal keeps what was taken before it
  forgives_overshoot,   // never counts past the limit
  forgets_with_limits,  // a new configuration begins with nothing used
  keeps_reservations,   // what was held beyond what was used stays reserved
  charges_late,         // a request counts when it ends
  ignores_clock_steps,  // a clock that goes back opens a window anew
  renews_early,         // windows of 24 hours from midnight in UTC
};

// A limiter as one would explain it: calendar windows, no bounds, one balance per limit and target.
// Knows the limits of the contract's subjects only. The model for random histories, and with a
// defect the proof that the checks find it.
class SimpleLimiter : public Limiter {
 public:
  explicit SimpleLimiter(Defect defect = Defect::none) : defect_(defect) {}

  using Limiter::reserve;
  Result<Reservation> reserve(const Subject& who, const Amounts& wanted, WallTime now,
                              std::optional<Headers>*) override {
    Open open{.user = std::string(who.user), .tenant = who.tenant, .model = std::string(who.model)};
    if (defect_ == Defect::looks_then_leaps) {
      if (auto fits = state_.with([&](State& s) { return check(s, open, wanted, true, now); });
          !fits)
        return fail(fits.error());
      meet_others();
      state_.with([&](State& s) { take(s, open, wanted, true, now); });
    } else {
      auto taken = state_.with([&](State& s) -> Result<void> {
        if (defect_ == Defect::takes_some) return take_some(s, open, wanted, now);
        TRY_VOID(check(s, open, wanted, true, now));
        take(s, open, wanted, true, now);
        return {};
      });
      if (!taken) return fail(std::move(taken).error());
    }
    return Reservation(*this, Hold{std::make_shared<Open>(std::move(open)), wanted, now});
  }

  Result<void> configure(std::vector<Limit> limits, WallTime) override {
    for (const Limit& limit : limits)
      TRY_VOID(validate(limit));
    state_.with([&](State& s) {
      s.limits = std::move(limits);
      if (defect_ == Defect::forgets_with_limits) s.balances.clear();
    });
    return {};
  }

  std::vector<Status> status(const Subject& who, WallTime now) override {
    const Open open{
        .user = std::string(who.user), .tenant = who.tenant, .model = std::string(who.model)};
    return state_.with([&](State& s) {
      std::vector<Status> all;
      for (const Limit& limit : s.limits) {
        if (!applies(limit, open)) continue;
        Balance& balance = balance_of(s, limit, open);
        all.push_back({.limit = limit.name,
                       .amount = limit.amount,
                       .used = used(balance, limit, now),
                       .reserved = balance.reserved});
      }
      return all;
    });
  }

  Result<void> prepare(std::vector<Limit>, WallTime) override { return {}; }
  std::vector<SeedWanted> counters_wanted(WallTime) override { return {}; }
  void seed(const SeedWanted&, const ScopeKey&, std::span<const SeedPart>, WallTime) override {}
  void seeded(const SeedWanted&) override {}
  std::vector<Status> status(WallTime, std::size_t) override { return {}; }
  std::vector<Decisions> decisions() override { return {}; }
  Amounts held() override { return {}; }
  std::vector<Threshold> take_thresholds() override { return {}; }
  std::uint64_t thresholds_dropped() override { return 0; }

 protected:
  Result<void> extend(Hold& hold, const Amounts& more, WallTime now) override {
    const auto& open = *static_cast<const Open*>(hold.what.get());
    return state_.with([&](State& s) -> Result<void> {
      TRY_VOID(check(s, open, more, false, now));
      take(s, open, more, false, now);
      hold.held.input_tokens += more.input_tokens;
      hold.held.output_tokens += more.output_tokens;
      hold.held.money_micro += more.money_micro;
      hold.held.gpu_microseconds += more.gpu_microseconds;
      return {};
    });
  }
  void settle(Hold& hold, const Amounts& actual, WallTime now) override {
    const auto& open = *static_cast<const Open*>(hold.what.get());
    state_.with([&](State& s) {
      for (const Limit& limit : s.limits) {
        if (!applies(limit, open)) continue;
        Balance& balance = balance_of(s, limit, open);
        const std::int64_t held = reserved_for(limit.measure, hold.held, true);
        const std::int64_t amount = reserved_for(limit.measure, actual, false);
        balance.reserved -= defect_ == Defect::keeps_reservations ? std::min(held, amount) : held;
        std::int64_t& sum = balance.used[window_of(limit, now)];
        sum += amount;
        if (defect_ == Defect::charges_late && limit.measure == Measure::requests) ++sum;
        if (defect_ == Defect::forgives_overshoot) sum = std::min(sum, limit.amount);
      }
    });
  }
  void release(Hold& hold) override {
    const auto& open = *static_cast<const Open*>(hold.what.get());
    state_.with([&](State& s) {
      for (const Limit& limit : s.limits) {
        if (!applies(limit, open)) continue;
        Balance& balance = balance_of(s, limit, open);
        balance.reserved -= reserved_for(limit.measure, hold.held, true);
        if (limit.measure == Measure::requests && defect_ != Defect::charges_late)
          --balance.used[window_of(limit, hold.reserved_at)];
      }
    });
  }

 private:
  struct Open {
    std::string user;
    TenantId tenant;
    std::string model;
  };
  struct Balance {
    std::map<WallTime, std::int64_t> used;  // by the window's beginning
    std::int64_t reserved = 0;
    WallTime latest{};  // window
  };
  struct State {
    std::vector<Limit> limits;
    std::map<std::string, Balance> balances;
  };

  static bool applies(const Limit& limit, const Open& open) {
    if (!limit.model.empty() && limit.model != open.model) return false;
    if (!limit.target.only()) return true;
    const Ulid& id = limit.target.only()->id();
    return id == Ulid() || id == open.tenant.value;
  }
  static Balance& balance_of(State& s, const Limit& limit, const Open& open) {
    std::string key(name(limit.target.scope()));
    if (limit.target.only()) key += limit.target.only()->id().hex();
    if (!limit.target.only()) {
      key += open.tenant.value.hex();
      if (limit.target.scope() != Scope::tenant) key += open.user;
    }
    key += to_text(Rate{limit.measure, limit.window}) + limit.model;
    key += limit.zone.name();
    return s.balances[key];
  }
  static std::int64_t reserved_for(Measure measure, const Amounts& amounts, bool first) {
    switch (measure) {
      case Measure::concurrency:
        return first ? 1 : 0;
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
        break;
    }
    return 0;
  }
  WallTime window_of(const Limit& limit, WallTime now) const {
    if (defect_ == Defect::renews_early && limit.window == Window::day)
      return std::chrono::floor<std::chrono::days>(now);
    return window_at(limit.window, limit.alignment, limit.zone, now).begin;
  }
  // The first look after a step back carries over what the later window had.
  std::int64_t used(Balance& balance, const Limit& limit, WallTime now) const {
    const WallTime window = window_of(limit, now);
    std::int64_t& sum = balance.used[window];
    if (window < balance.latest && defect_ != Defect::ignores_clock_steps)
      sum = std::max(sum, balance.used[balance.latest]);
    balance.latest = window;
    return sum;
  }
  Result<void> check(State& s, const Open& open, const Amounts& wanted, bool first, WallTime now) {
    for (const Limit& limit : s.limits) {
      if (!applies(limit, open)) continue;
      Balance& balance = balance_of(s, limit, open);
      std::int64_t want = reserved_for(limit.measure, wanted, first);
      if (limit.measure == Measure::requests && first) want = 1;
      const std::int64_t taken = used(balance, limit, now) + balance.reserved;
      if (want > 0 && taken + want > limit.amount && !limit.shadow) return refuse(limit);
    }
    return {};
  }
  void take(State& s, const Open& open, const Amounts& wanted, bool first, WallTime now) {
    for (const Limit& limit : s.limits)
      if (applies(limit, open)) take_one(s, limit, open, wanted, first, now);
  }
  void take_one(State& s, const Limit& limit, const Open& open, const Amounts& wanted, bool first,
                WallTime now) {
    Balance& balance = balance_of(s, limit, open);
    balance.reserved += reserved_for(limit.measure, wanted, first);
    if (limit.measure == Measure::requests && first && defect_ != Defect::charges_late)
      ++balance.used[window_of(limit, now)];
  }
  Result<void> take_some(State& s, const Open& open, const Amounts& wanted, WallTime now) {
    const std::vector<Limit> all = s.limits;
    for (const Limit& limit : all) {
      s.limits = {limit};
      const auto fits = check(s, open, wanted, true, now);
      if (fits && applies(limit, open)) take_one(s, limit, open, wanted, true, now);
      s.limits = all;
      if (!fits) return fits;
    }
    return {};
  }
  static std::unexpected<Error> refuse(const Limit& limit) {
    if (limit.measure == Measure::concurrency)
      return client_error(Code::concurrency_limit_exceeded, "");
    if (limit.measure == Measure::money_micro || limit.window >= Window::day)
      return client_error(Code::insufficient_quota, "");
    return client_error(Code::rate_limit_exceeded, "");
  }
  // Threads that have looked wait a little for another that looks as well.
  void meet_others() {
    const int mine = ++looked_;
    for (int i = 0; i < 2'000 && looked_ == mine; ++i)
      std::this_thread::yield();
  }

  Defect defect_;
  Guarded<State> state_;
  std::atomic<int> looked_ = 0;
};

}  // namespace sovmesh::limits
