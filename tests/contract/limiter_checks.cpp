#include "tests/contract/limiter_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <random>
#include <thread>
#include <utility>

#include "base/time_text.h"
#include "limits/lease.h"
#include "tests/contract/simple_limiter.h"

namespace sovmesh::limits {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

WallTime at(std::string_view text) { return parse_rfc3339(text).value(); }
const WallTime kNow = at("2026-05-12T10:20:30.5Z");

TenantId tenant_id(int number) {
  std::array<unsigned char, 16> bytes{};
  bytes[15] = static_cast<unsigned char>(number + 1);
  return {Ulid::from_bytes(bytes)};
}

// One key, project and user each; so all of these scopes have the same balances.
Subject caller(int tenant = 0, int user = 0, std::string_view model = "tiny") {
  static constexpr std::array kUsers = {"anna", "ben", "cleo"};
  static constexpr std::array kTenants = {"aurora", "borealis"};
  static constexpr std::array kKeys = {"aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc",
                                       "dddddddddddd", "eeeeeeeeeeee", "ffffffffffff"};
  const auto number = static_cast<std::size_t>(tenant * 3 + user);
  std::array<unsigned char, 16> project{};
  project[15] = static_cast<unsigned char>(number + 100);
  return {.key = KeyId::parse(kKeys[number]).value(),
          .user = kUsers[static_cast<std::size_t>(user)],
          .project = {Ulid::from_bytes(project)},
          .project_name = "web",
          .tenant = tenant_id(tenant),
          .tenant_name = kTenants[static_cast<std::size_t>(tenant)],
          .pool = "commons",
          .model = model};
}

Target aurora() { return Target::one(ScopeKey::of(tenant_id(0)), "tenant:aurora"); }

Limit limit_of(const Rate& rate, std::int64_t amount, Alignment alignment = Alignment::calendar) {
  return {.name = to_text(rate),
          .target = aurora(),
          .measure = rate.measure,
          .window = rate.window,
          .alignment = alignment,
          .amount = amount};
}

// What takes `units` of any measure.
Amounts amounts_of(std::int64_t units) {
  return {.input_tokens = units,
          .output_tokens = units,
          .money_micro = units,
          .gpu_microseconds = units};
}
// How much of a measure a request for amounts_of(units) takes.
std::int64_t taken_by(Measure measure, std::int64_t units) {
  if (measure == Measure::requests || measure == Measure::concurrency) return 1;
  return measure == Measure::total_tokens ? 2 * units : units;
}

std::string set(Limiter& limiter, std::vector<Limit> limits, WallTime now = kNow) {
  const auto done = limiter.configure(std::move(limits), now);
  return done ? "" : "configure: " + done.error().message();
}

std::string show(const std::vector<Status>& all) {
  std::string text;
  for (const Status& status : all)
    text += fmt::format("[{}: {} + {} of {}]", status.limit, status.used, status.reserved,
                        status.amount);
  return text;
}

// "" when the only limit of `who` stands so.
std::string not_at(Limiter& limiter, std::int64_t used, std::int64_t reserved, WallTime now,
                   const Subject& who = caller()) {
  const auto all = limiter.status(who, now);
  if (all.size() == 1 && all[0].used == used && all[0].reserved == reserved) return "";
  return fmt::format("want {} + {}, have {}", used, reserved, show(all));
}

template <class Use>
void in_threads(int count, Use use) {
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i)
    threads.emplace_back(use, i);
  for (std::thread& thread : threads)
    thread.join();
}

constexpr int kThreads = 8;

}  // namespace

std::vector<Rate> all_rates() {
  std::vector<Rate> rates = {{Measure::concurrency, Window::none}};
  for (const Measure measure :
       {Measure::requests, Measure::input_tokens, Measure::output_tokens, Measure::total_tokens,
        Measure::money_micro, Measure::gpu_microseconds})
    for (const Window window : {Window::second, Window::minute, Window::hour, Window::day,
                                Window::month, Window::lifetime})
      rates.push_back({measure, window});
  return rates;
}

std::string wrong_at_the_edge(const MakeLimiter& make, const Rate& rate, Alignment alignment) {
  constexpr std::int64_t kUnits = 7;
  constexpr std::int64_t kRoom = 100;
  constexpr int kEach = 125;
  const auto limiter = make();
  const std::int64_t each = taken_by(rate.measure, kUnits);
  // Not quite room for one more.
  const std::int64_t amount = kRoom * each + (each - 1);
  if (auto wrong = set(*limiter, {limit_of(rate, amount, alignment)}); !wrong.empty()) return wrong;

  std::array<std::vector<Reservation>, kThreads> taken;
  std::atomic<bool> over = false;
  in_threads(kThreads, [&](int thread) {
    for (int i = 0; i < kEach; ++i) {
      auto got = limiter->reserve(caller(0, thread % 3), amounts_of(kUnits), kNow);
      if (got) taken[static_cast<std::size_t>(thread)].push_back(*std::move(got));
      const auto all = limiter->status(caller(), kNow);
      if (all.at(0).used + all.at(0).reserved > amount) over = true;
    }
  });
  std::size_t count = 0;
  for (const auto& some : taken)
    count += some.size();
  if (over) return fmt::format("passed the bound: {}", show(limiter->status(caller(), kNow)));
  if (count != kRoom) return fmt::format("{} of 1000 got in, not {}", count, kRoom);

  // Half of them ran and used less than they held, the others end without.
  std::atomic<std::int64_t> settled = 0;
  in_threads(kThreads, [&](int thread) {
    auto& mine = taken[static_cast<std::size_t>(thread)];
    for (std::size_t i = 0; i < mine.size(); i += 2) {
      mine[i].settle(amounts_of(kUnits - 2), kNow);
      ++settled;
    }
    mine.clear();
  });
  const bool counts_requests = rate.measure == Measure::requests;
  const std::int64_t used = rate.measure == Measure::concurrency ? 0
                            : counts_requests                    ? settled.load()
                                              : settled * taken_by(rate.measure, kUnits - 2);
  return not_at(*limiter, used, 0, kNow);
}

std::string wrong_after_a_storm(const MakeLimiter& make, std::uint64_t seed) {
  const auto limiter = make();
  if (auto wrong = set(*limiter, {limit_of({Measure::requests, Window::hour}, 1'500),
                                  limit_of({Measure::output_tokens, Window::day}, 40'000),
                                  limit_of({Measure::concurrency, Window::none}, 40),
                                  {.name = "each user",
                                   .target = Target::each(Scope::user),
                                   .measure = Measure::total_tokens,
                                   .window = Window::minute,
                                   .amount = 25'000}});
      !wrong.empty())
    return wrong;
  std::atomic<std::int64_t> requests = 0;
  std::atomic<std::int64_t> output = 0;
  in_threads(kThreads, [&](int thread) {
    std::mt19937_64 random(seed * 1'000 + static_cast<std::uint64_t>(thread));
    std::deque<Reservation> open;
    for (int i = 0; i < 400; ++i) {
      const Subject who = caller(0, static_cast<int>(random() % 3));
      if (auto got = limiter->reserve(who, {.input_tokens = 5, .output_tokens = 20}, kNow))
        open.push_back(*std::move(got));
      if (open.size() < 4) continue;
      (void)open.front().extend({.output_tokens = 10}, kNow);
      if (random() % 3 == 0) {
        open.front().release();
      } else {
        const auto tokens = static_cast<std::int64_t>(random() % 30);
        open.front().settle({.input_tokens = 5, .output_tokens = tokens}, kNow);
        ++requests;
        output += tokens;
      }
      open.pop_front();
    }
  });
  const auto all = limiter->status(caller(), kNow);
  if (all.size() != 4) return "limits are missing: " + show(all);
  for (const Status& status : all)
    if (status.reserved != 0) return "still reserved: " + show(all);
  if (all[0].used != requests || all[1].used != output)
    return fmt::format("{} requests and {} tokens settled: {}", requests.load(), output.load(),
                       show(all));
  return "";
}

namespace {

// Two limiters that are told the same; everything they say must be the same.
class History {
 public:
  History(const MakeLimiter& make, std::uint64_t seed) : tested_(make()), random_(seed) {
    zone_ = TimeZone::find("Europe/Copenhagen").value();
    now_ = at("2026-03-27T12:00:00Z") + pick(4 * 24 * 3600) * 1s;  // around a Sunday of 23 hours
    change_limits();
  }

  std::string step() {
    switch (pick(12)) {
      case 0:
        now_ += pick(8) == 0 ? pick(40'000) * 1s : microseconds(pick(3'000'000));
        return "";
      case 1:
        if (pick(6) == 0) change_limits();
        return "";
      case 2:
      case 3:
        return end();
      case 4:
        return extend();
      default:
        return reserve();
    }
  }

  std::string compare() {
    for (int tenant = 0; tenant < 2; ++tenant) {
      for (int user = 0; user < 3; ++user) {
        const Subject who = caller(tenant, user, user == 2 ? "large" : "tiny");
        const auto is = tested_->status(who, now_);
        const auto should = model_.status(who, now_);
        if (show(is) != show(should))
          return fmt::format("{} at {}: is {}, should be {}", who.user, to_rfc3339(now_), show(is),
                             show(should));
      }
    }
    return "";
  }

 private:
  struct Pair {
    Reservation tested;
    Reservation model;
  };

  std::int64_t pick(std::int64_t below) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(below));
  }
  Amounts some(std::int64_t below) {
    return {.input_tokens = pick(below),
            .output_tokens = pick(below),
            .money_micro = pick(below),
            .gpu_microseconds = pick(below)};
  }

  // All kinds; only amounts differ from one time to the next, and while nobody runs, which are
  // there.
  void change_limits() {
    const std::array rates = {Rate{Measure::requests, Window::minute},
                              Rate{Measure::requests, Window::day},
                              Rate{Measure::input_tokens, Window::second},
                              Rate{Measure::output_tokens, Window::hour},
                              Rate{Measure::total_tokens, Window::day},
                              Rate{Measure::money_micro, Window::month},
                              Rate{Measure::gpu_microseconds, Window::lifetime},
                              Rate{Measure::concurrency, Window::none}};
    const std::array targets = {aurora(),
                                Target::each(Scope::user),
                                Target::each(Scope::key),
                                Target::each(Scope::project, tenant_id(0)),
                                Target::each(Scope::tenant),
                                Target::one(ScopeKey::pool("commons"), "pool:commons")};
    std::vector<Limit> limits;
    for (std::size_t i = 0; i < rates.size(); ++i) {
      Limit limit{.name = fmt::format("limit {}", i),
                  .target = targets[i % targets.size()],
                  .measure = rates[i].measure,
                  .window = rates[i].window,
                  .amount = 20 + pick(rates[i].measure == Measure::requests ? 40 : 2'000),
                  .shadow = pick(8) == 0,
                  .model = i % 4 == 3 ? "large" : ""};
      if (rates[i].window >= Window::minute && rates[i].window <= Window::month)
        limit.zone = i % 2 == 0 ? zone_ : TimeZone();
      if (limit.target.within()) limit.target = Target::each(Scope::project);
      limits.push_back(std::move(limit));
    }
    (void)tested_->configure(limits, now_);
    (void)model_.configure(limits, now_);
  }

  std::string reserve() {
    const int user = static_cast<int>(pick(3));
    const Subject who = caller(static_cast<int>(pick(2)), user, user == 2 ? "large" : "tiny");
    const Amounts wanted = some(60);
    auto tested = tested_->reserve(who, wanted, now_);
    auto model = model_.reserve(who, wanted, now_);
    if (tested.has_value() != model.has_value())
      return fmt::format("{}: {} what should be {}", to_rfc3339(now_),
                         tested ? "took" : "refused (" + tested.error().message() + ")",
                         model ? "taken" : "refused");
    if (tested) open_.push_back({*std::move(tested), *std::move(model)});
    return compare();
  }

  std::string extend() {
    if (open_.empty()) return "";
    Pair& pair = open_[static_cast<std::size_t>(pick(static_cast<std::int64_t>(open_.size())))];
    const Amounts more = some(60);
    const auto tested = pair.tested.extend(more, now_);
    const auto model = pair.model.extend(more, now_);
    if (tested.has_value() != model.has_value()) return "extend() differs";
    return compare();
  }

  std::string end() {
    if (open_.empty()) return "";
    const auto place = open_.begin() + pick(static_cast<std::int64_t>(open_.size()));
    if (pick(4) != 0) {
      const Amounts actual = some(80);
      place->tested.settle(actual, now_);
      place->model.settle(actual, now_);
    }
    open_.erase(place);
    return compare();
  }

  std::unique_ptr<Limiter> tested_;
  SimpleLimiter model_;
  std::mt19937_64 random_;
  TimeZone zone_;
  WallTime now_;
  std::deque<Pair> open_;
};

}  // namespace

std::string wrong_in_history(const MakeLimiter& make, std::uint64_t seed, int steps) {
  History history(make, seed);
  for (int i = 0; i < steps; ++i)
    if (auto wrong = history.step(); !wrong.empty()) return fmt::format("step {}: {}", i, wrong);
  return "";
}

std::string wrong_after_refusals(const MakeLimiter& make) {
  const auto limiter = make();
  // The last of them refuses; all others have room.
  std::vector<Limit> limits = {limit_of({Measure::requests, Window::minute}, 10),
                               limit_of({Measure::input_tokens, Window::hour}, 10'000),
                               limit_of({Measure::concurrency, Window::none}, 10),
                               limit_of({Measure::money_micro, Window::month}, 50)};
  if (auto wrong = set(*limiter, limits); !wrong.empty()) return wrong;
  auto first = limiter->reserve(caller(), amounts_of(40), kNow);
  if (!first) return "the first does not get in";
  const std::string before = show(limiter->status(caller(), kNow));
  for (int i = 0; i < 20; ++i) {
    const auto second = limiter->reserve(caller(0, 1), amounts_of(20), kNow);
    if (second) return "the second gets in";
    if (second.error().code() != Code::insufficient_quota) return "not refused for the money";
    if (first->extend(amounts_of(11), kNow)) return "extended past the limit";
  }
  if (const auto after = show(limiter->status(caller(), kNow)); after != before)
    return fmt::format("was {}, is {}", before, after);
  return "";
}

std::string wrong_overshoot(const MakeLimiter& make) {
  constexpr std::int64_t kStreams = 20;
  constexpr std::int64_t kAmount = kStreams * kSlice * 3;
  const Amounts slice{.output_tokens = kSlice};
  const auto limiter = make();
  if (auto wrong = set(*limiter, {limit_of({Measure::output_tokens, Window::day}, kAmount)});
      !wrong.empty())
    return wrong;
  std::vector<Reservation> streams;
  for (int i = 0; i < kStreams; ++i) {
    auto got = limiter->reserve(caller(0, i % 3), slice, kNow);
    if (!got) return "a stream does not begin: " + got.error().message();
    streams.push_back(*std::move(got));
  }
  const auto output_alone = [](std::int64_t, std::int64_t output) {
    return Amounts{.output_tokens = output};
  };
  // The worst that engines can do: each read brings a whole slice, and the last one finds the limit
  // dry.
  std::vector<std::int64_t> generated(streams.size(), kSlice);
  for (bool dry = false; !dry;) {
    for (std::size_t i = 0; i < streams.size(); ++i) {
      generated[i] += kSlice;
      const auto covered = cover(streams[i], 0, generated[i], output_alone, kNow);
      const auto all = limiter->status(caller(), kNow);
      if (all.at(0).used + all.at(0).reserved > kAmount) return "held past the limit: " + show(all);
      dry = dry || !covered;
    }
  }
  for (std::size_t i = 0; i < streams.size(); ++i)
    streams[i].settle({.output_tokens = generated[i]}, kNow);
  constexpr std::int64_t kBound = kAmount + kStreams * kSlice;
  if (auto wrong = not_at(*limiter, kBound, 0, kNow); !wrong.empty())
    return fmt::format("bound {}: {}", kBound, wrong);
  // Nothing is forgiven: raising the limit by less than the overshoot lets nobody in.
  if (auto wrong = set(*limiter, {limit_of({Measure::output_tokens, Window::day}, kBound)});
      !wrong.empty())
    return wrong;
  if (limiter->reserve(caller(), {.output_tokens = 1}, kNow)) return "the overshoot is forgiven";
  return "";
}

std::string wrong_after_changes(const MakeLimiter& make) {
  const auto limiter = make();
  const Rate rate{Measure::input_tokens, Window::day};
  if (auto wrong = set(*limiter, {limit_of(rate, 100)}); !wrong.empty()) return wrong;
  auto running = limiter->reserve(caller(), {.input_tokens = 30}, kNow);
  if (!running) return "the first does not get in";
  if (auto done = limiter->reserve(caller(0, 1), {.input_tokens = 40}, kNow)) {
    done->settle({.input_tokens = 40}, kNow);
  } else {
    return "the second does not get in";
  }
  for (const std::int64_t amount : {200, 50, 100}) {
    if (auto wrong = set(*limiter, {limit_of(rate, amount)}, kNow + 1s); !wrong.empty())
      return wrong;
    if (auto wrong = not_at(*limiter, 40, 30, kNow + 1s); !wrong.empty())
      return fmt::format("limit {}: {}", amount, wrong);
  }
  // Not for an hour, and then again: what is used and reserved is there again.
  if (auto wrong = set(*limiter, {}, kNow + 2s); !wrong.empty()) return wrong;
  if (!limiter->reserve(caller(), {.input_tokens = 1'000}, kNow + 3s)) return "refused by nothing";
  if (auto wrong = set(*limiter, {limit_of(rate, 100)}, kNow + 1h); !wrong.empty()) return wrong;
  if (auto wrong = not_at(*limiter, 40, 30, kNow + 1h); !wrong.empty()) return "back: " + wrong;
  running->settle({.input_tokens = 35}, kNow + 1h);
  return not_at(*limiter, 75, 0, kNow + 1h);
}

std::string wrong_resets(const MakeLimiter& make) {
  struct Case {
    Window window;
    const char* zone;
    const char* used_at;
    const char* last_refused;
    const char* free;
  };
  static constexpr Case kCases[] = {
      {Window::day, "Europe/Copenhagen", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59.999999Z",
       "2026-03-29T22:00:00Z"},
      {Window::day, "Europe/Copenhagen", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59.999999Z",
       "2026-10-25T23:00:00Z"},
      {Window::month, "Europe/Copenhagen", "2026-02-28T23:00:00Z", "2026-03-31T21:59:59.999999Z",
       "2026-03-31T22:00:00Z"},
      {Window::month, "UTC", "2028-02-01T00:00:00Z", "2028-02-29T23:59:59.999999Z",
       "2028-03-01T00:00:00Z"},
      {Window::hour, "Asia/Kathmandu", "2026-05-01T10:15:00Z", "2026-05-01T11:14:59.999999Z",
       "2026-05-01T11:15:00Z"},
      {Window::hour, "Australia/Lord_Howe", "2026-04-04T15:00:00Z", "2026-04-04T15:29:59.999999Z",
       "2026-04-04T15:30:00Z"},
      {Window::minute, "UTC", "2016-12-31T23:59:00Z", "2016-12-31T23:59:59.999999Z",
       "2017-01-01T00:00:00Z"},
      {Window::second, "UTC", "2026-05-01T10:15:07Z", "2026-05-01T10:15:07.999999Z",
       "2026-05-01T10:15:08Z"},
  };
  for (const Case& one : kCases) {
    const auto limiter = make();
    Limit limit = limit_of({Measure::requests, one.window}, 1);
    limit.zone = TimeZone::find(one.zone).value();
    if (auto wrong = set(*limiter, {limit}, at(one.used_at)); !wrong.empty()) return wrong;
    auto first = limiter->reserve(caller(), {}, at(one.used_at));
    if (!first) return fmt::format("{}: refused at {}", one.zone, one.used_at);
    first->settle({}, at(one.used_at));
    if (limiter->reserve(caller(), {}, at(one.last_refused)))
      return fmt::format("{}: too early at {}", one.zone, one.last_refused);
    if (!limiter->reserve(caller(), {}, at(one.free)))
      return fmt::format("{}: still refused at {}", one.zone, one.free);
  }
  return "";
}

namespace {

// A budget that is used up stays so after a step of the clock, and is free when the window has
// passed that contains the time after the step.
std::string wrong_after_step(const MakeLimiter& make, Window window, Alignment alignment,
                             std::chrono::seconds step) {
  const auto limiter = make();
  const Limit limit = limit_of({Measure::input_tokens, window}, 100, alignment);
  if (auto wrong = set(*limiter, {limit}); !wrong.empty()) return wrong;
  const auto use_up = [&](WallTime now) {
    auto all = limiter->reserve(caller(), {.input_tokens = 100}, now);
    if (all) all->settle({.input_tokens = 100}, now);
    return all.has_value();
  };
  const auto fits = [&](WallTime now) {
    return limiter->reserve(caller(), {.input_tokens = 1}, now).has_value();
  };
  const std::string what =
      fmt::format("{} {}, step of {} s", name(alignment), name(window), step.count());
  if (!use_up(kNow)) return what + ": refused at first";
  const WallTime there = kNow + step;
  // A step forward opens a new window; nobody can tell it from time that has passed. Use it up,
  // too.
  if (step > 0s) (void)use_up(there);
  if (fits(there)) return what + ": refilled there";
  // And back.
  if (fits(kNow)) return what + ": refilled on the way back";
  const auto length = window == Window::month ? 31 * 24h : window == Window::day ? 24h : 1h;
  const WallTime after = kNow + 2 * length + 1s;
  if (!fits(after)) return fmt::format("{}: locked out at {}", what, to_rfc3339(after));
  return "";
}

}  // namespace

std::string wrong_after_clock_steps(const MakeLimiter& make) {
  for (const std::chrono::seconds step :
       {std::chrono::seconds(-1), std::chrono::seconds(-90), std::chrono::seconds(-7'200),
        std::chrono::seconds(-86'400), std::chrono::seconds(-365 * 86'400),
        std::chrono::seconds(90), std::chrono::seconds(365 * 86'400)}) {
    for (const Window window : {Window::minute, Window::hour, Window::day, Window::month}) {
      if (auto wrong = wrong_after_step(make, window, Alignment::calendar, step); !wrong.empty())
        return wrong;
      if (window == Window::month) continue;
      if (auto wrong = wrong_after_step(make, window, Alignment::rolling, step); !wrong.empty())
        return wrong;
    }
  }
  return "";
}

std::string wrong_rolling(const MakeLimiter& make, Window window, std::uint64_t seed) {
  constexpr std::int64_t kAmount = 200;
  const auto limiter = make();
  const Limit limit = limit_of({Measure::input_tokens, window}, kAmount, Alignment::rolling);
  if (auto wrong = set(*limiter, {limit}); !wrong.empty()) return wrong;
  const auto [begin, end] = window_at(window, Alignment::rolling, {}, kNow);
  const microseconds length = end - begin;
  std::mt19937_64 random(seed);
  std::vector<std::pair<WallTime, std::int64_t>> used;
  const auto sum = [&](WallTime from) {
    std::int64_t total = 0;
    for (const auto& [time, amount] : used)
      total += time > from ? amount : 0;
    return total;
  };
  WallTime now = kNow;
  for (int i = 0; i < 600; ++i) {
    now += length * static_cast<std::int64_t>(random() % 1'000) / 12'000;
    const auto want = static_cast<std::int64_t>(random() % 40) + 1;
    auto got = limiter->reserve(caller(), {.input_tokens = want}, now);
    if (got && sum(now - length) + want > kAmount)
      return fmt::format("step {}: took {} on top of {}", i, want, sum(now - length));
    // One part of the window on the safe side: the bound that docs/limits.md names.
    if (!got && sum(now - length - length / 64 - 1us) + want <= kAmount)
      return fmt::format("step {}: refused {} on top of {}", i, want, sum(now - length));
    if (!got) continue;
    got->settle({.input_tokens = want}, now);
    used.emplace_back(now, want);
  }
  return "";
}

std::string wrong_wait(const MakeLimiter& make, const Rate& rate, Alignment alignment) {
  const auto limiter = make();
  const std::int64_t each = taken_by(rate.measure, 10);
  if (auto wrong = set(*limiter, {limit_of(rate, 3 * each, alignment)}); !wrong.empty())
    return wrong;
  WallTime now = kNow;
  for (int i = 0; i < 3; ++i) {
    auto got = limiter->reserve(caller(), amounts_of(10), now);
    if (!got) return fmt::format("request {} is refused", i);
    got->settle(amounts_of(10), now);
    now += 130ms;
  }
  now = kNow + 261ms;
  const auto refused = limiter->reserve(caller(), amounts_of(10), now);
  if (refused) return "a fourth request gets in";
  const Error& error = refused.error();
  const bool is_quota = rate.window >= Window::day || rate.measure == Measure::money_micro;
  if (error.code() != (is_quota ? Code::insufficient_quota : Code::rate_limit_exceeded))
    return fmt::format("code {}", name(error.code()));
  if (is_quota != (error.should_retry() == false)) return "should_retry is wrong";
  if (!error.details() || error.details()->scope != "tenant:aurora" ||
      error.details()->limit != 3 * each || !error.details()->reset_at)
    return "details are missing";
  if (!error.retry_after()) return "no retry_after";
  const WallTime told = now + *error.retry_after();
  if (told < *error.details()->reset_at || told - *error.details()->reset_at >= 1ms)
    return "retry_after and reset_at differ";
  if (limiter->reserve(caller(), amounts_of(10), told - 1ms - 1us))
    return fmt::format("{} ms is more than needed", error.retry_after()->count());
  if (!limiter->reserve(caller(), amounts_of(10), told))
    return fmt::format("{} ms is too little", error.retry_after()->count());
  return "";
}

}  // namespace sovmesh::limits
