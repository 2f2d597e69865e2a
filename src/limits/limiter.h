#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "limits/limit.h"

namespace sovmesh::limits {

// Who asks, and for which model. Names are for messages and must not outlive the call; ids decide.
struct Subject {
  KeyId key;
  std::string_view user;  // empty: none, and no limit on users applies
  ProjectId project;
  std::string_view project_name;
  TenantId tenant;
  std::string_view tenant_name;
  std::string_view pool;   // empty: none
  std::string_view model;  // public name
  bool priced = true;      // false: what it costs is not known, and limits of money refuse it
};

// More than one request can use, of any measure; thousands of them still fit into 64 bits.
constexpr std::int64_t kRequestMax = 1'000'000'000'000;

// What one request takes, beside one request and one place among those that run, which every
// reservation takes by itself. Negative amounts count as 0, those above kRequestMax as that.
struct Amounts {
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t money_micro = 0;
  std::int64_t gpu_microseconds = 0;
  friend bool operator==(const Amounts&, const Amounts&) = default;
};

class Limiter;

// What a limiter has to know to give a reservation back. Opaque to everybody else.
struct Hold {
  std::shared_ptr<void> what;  // nullptr: nothing is held
  Amounts held;
  WallTime reserved_at{};
  bool limited = false;  // a limit applied when it was reserved
};

// What a request holds of every limit that applies. Move only; ends exactly once: settle() when it
// ran, release() or the destructor when it did not. Must not outlive its limiter. One thread at a
// time.
class Reservation {
 public:
  Reservation(Limiter& limiter, Hold hold) : limiter_(&limiter), hold_(std::move(hold)) {}
  Reservation(Reservation&& other) noexcept
      : limiter_(other.limiter_), hold_(std::exchange(other.hold_, {})) {}
  Reservation& operator=(Reservation&& other) noexcept {
    if (this == &other) return *this;
    release();
    limiter_ = other.limiter_;
    hold_ = std::exchange(other.hold_, {});
    return *this;
  }
  ~Reservation() { release(); }

  bool is_open() const { return hold_.what != nullptr; }
  // False: no limit applied when it was reserved, so extensions are not worth the while. It must
  // be settled all the same: a limit that is added meanwhile counts it.
  bool is_limited() const { return hold_.limited; }
  // All that is held now; 0 once it has ended.
  const Amounts& held() const { return hold_.held; }

  // Holds `more` on top, of all limits or of none. An error is the one that reserve() would give.
  Result<void> extend(const Amounts& more, WallTime now);
  // Ends it: `actual` is used of the windows that contain `now`, and what was held beyond is free.
  // More than was held counts in full: later requests wait for it.
  void settle(const Amounts& actual, WallTime now);
  // Ends it as if it had never been: the request itself is given back, too.
  void release();

 private:
  Limiter* limiter_;
  Hold hold_;
};

// The tightest of the limits that apply, as x-ratelimit-* tell it: not those in shadow, and not
// those of a pool, which would tell its members about each other.
struct Bucket {
  std::int64_t limit = 0;
  std::int64_t remaining = 0;                      // never below 0
  std::optional<std::chrono::milliseconds> reset;  // until all of it is free; lifetime: never
};
struct Headers {
  std::optional<Bucket> requests;
  std::optional<Bucket> tokens;  // the tightest of all that count tokens
  std::optional<Bucket> input_tokens;
  std::optional<Bucket> output_tokens;
};

// One limit and one of those it is for.
struct Status {
  std::string limit;  // its name
  std::string scope;  // "tenant:aurora"
  Measure measure = Measure::requests;
  Window window = Window::minute;
  Alignment alignment = Alignment::calendar;
  TimeZone zone;
  std::string model;
  std::int64_t amount = 0;
  std::int64_t used = 0;      // may be above the amount: see Reservation::settle
  std::int64_t reserved = 0;  // concurrency: those that run
  bool shadow = false;
  std::optional<WallTime> window_start;  // nothing: concurrency and lifetime
  std::optional<WallTime> reset_at;
};

// Requests by what a limit said to them. Extensions do not count here.
struct Decisions {
  std::string limit;
  Scope scope = Scope::tenant;
  Measure measure = Measure::requests;
  Window window = Window::minute;
  std::uint64_t allow = 0;
  std::uint64_t deny = 0;         // this limit alone was reason enough
  std::uint64_t shadow_deny = 0;  // would have been refused
};

// Usage of one window passed a share of a limit's amount.
struct Threshold {
  std::string limit;
  std::string scope;
  TenantId tenant;  // whose limit it is; nil: a pool's
  Measure measure = Measure::requests;
  int percent = 0;  // one of kThresholds
  std::int64_t amount = 0;
  std::int64_t used = 0;
  WallTime at{};
  std::optional<WallTime> reset_at;
};
constexpr std::array<int, 4> kThresholds = {50, 80, 95, 100};

// Usage before counting began, which the ledger knows: requests that were opened in [since, until),
// whether or not they have ended; of all other measures what was settled in it. For `target`, or
// for each of those that it stands for.
struct SeedWanted {
  Target target;
  Measure measure = Measure::requests;
  Window window = Window::minute;
  Alignment alignment = Alignment::calendar;
  TimeZone zone;
  std::string model;
  WallTime since{};
  WallTime until{};
};
// For rolling windows: the finer the parts, the sooner they are free again.
struct SeedPart {
  WallTime at{};  // the latest instant at which some of it was used
  std::int64_t used = 0;
};

// Decides what may run. Any thread may call anything; nothing blocks. `now` is the wall clock; the
// caller reads it.
class Limiter {
 public:
  virtual ~Limiter() = default;

  // One step over all limits that apply: takes of all of them or of none. Fails with
  // rate_limit_exceeded (second, minute, hour), insufficient_quota (day, month, lifetime, money)
  // or concurrency_limit_exceeded. Of several limits the one counts for which the wait is longest.
  // `standing`, when somebody wants it: where `who` is after that, if a limit applies to him.
  virtual Result<Reservation> reserve(const Subject& who, const Amounts& wanted, WallTime now,
                                      std::optional<Headers>* standing) = 0;
  Result<Reservation> reserve(const Subject& who, const Amounts& wanted, WallTime now) {
    return reserve(who, wanted, now, nullptr);
  }

  // Replaces all limits, at once or (a limit is invalid, two have one name) not at all. Usage
  // stays: it does not depend on amounts, and a limit that comes back within its window finds it
  // again.
  virtual Result<void> configure(std::vector<Limit> limits, WallTime now) = 0;

  // Begins to count what `limits` will need and nobody counts yet, and refuses nothing by it: call
  // it, seed what is wanted, then configure() with the same limits. So a limit is in force with all
  // that was used before, or not at all. An error as by configure(), and then nothing has changed.
  virtual Result<void> prepare(std::vector<Limit> limits, WallTime now) = 0;

  // What counters lack since limits were added (at the start: everything). For each of them: seed()
  // every scope that has usage, with all its parts at once, then seeded(). Seeds are added to what
  // was counted meanwhile; what a counter knows already is not added again.
  virtual std::vector<SeedWanted> counters_wanted(WallTime now) = 0;
  virtual void seed(const SeedWanted& wanted, const ScopeKey& scope,
                    std::span<const SeedPart> parts, WallTime now) = 0;
  virtual void seeded(const SeedWanted& wanted) = 0;

  // Every limit that applies to `who`, in the order of the configuration.
  virtual std::vector<Status> status(const Subject& who, WallTime now) = 0;
  // Every limit with each of those who used it in its present window; at most `max`.
  virtual std::vector<Status> status(WallTime now, std::size_t max) = 0;

  virtual std::vector<Decisions> decisions() = 0;
  // What all open reservations hold together.
  virtual Amounts held() = 0;
  // Takes what has happened since the last call; `dropped` grows by what found no room.
  virtual std::vector<Threshold> take_thresholds() = 0;
  virtual std::uint64_t thresholds_dropped() = 0;

 protected:
  friend class Reservation;
  virtual Result<void> extend(Hold& hold, const Amounts& more, WallTime now) = 0;
  // Both leave `hold` empty.
  virtual void settle(Hold& hold, const Amounts& actual, WallTime now) = 0;
  virtual void release(Hold& hold) = 0;
};

}  // namespace sovmesh::limits
