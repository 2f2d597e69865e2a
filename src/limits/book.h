#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "limits/counter.h"
#include "limits/limiter.h"
#include "limits/local_limiter.h"
#include "limits/refusal.h"

namespace sovmesh::limits {

// A limit, with what it said.
struct LimitState {
  explicit LimitState(Limit its) : limit(std::move(its)) {}

  Limit limit;
  bool in_force = true;  // false: counts already, and says nothing yet
  std::uint64_t allow = 0;
  std::uint64_t deny = 0;
  std::uint64_t shadow_deny = 0;
};

// Whether `limit` is about what `counter` counts.
bool counts(const Limit& limit, const Counter& counter);

// Everything that applies to one subject, so that a request looks up once; and what that subject's
// open reservations hold together, so that a limit that is added later knows of them.
struct Applied {
  struct Bound {
    std::shared_ptr<LimitState> limit;
    Counter* counter;  // one of `counters`
  };
  explicit Applied(const Subject& who);
  Subject subject() const {
    return {key, user, project, project_name, tenant, tenant_name, pool, model};
  }
  bool is_for(const Subject& who) const;

  KeyId key;
  ProjectId project;
  TenantId tenant;
  std::string user, project_name, tenant_name, pool, model;
  std::vector<Bound> bounds;                       // in the order of the configuration
  std::vector<std::shared_ptr<Counter>> counters;  // each once
  std::int64_t open = 0;
  Amounts held;
  std::shared_ptr<Applied> replaced_by;  // after configure()
};

// All limits and balances. Plain arithmetic: no lock, no clock; one thread at a time.
//
// Invariants, for every counter and at any time (docs/limits.md refers to the numbers):
// B1 reserved is the sum of what open reservations hold of it, and never negative.
// B2 right after a successful reserve() or extend(): used + reserved <= amount, for each limit that
// is
//    not in shadow and of whose measure something was wanted.
// B3 a refused reserve() or extend() leaves every counter as it was.
class Book {
 public:
  explicit Book(const LocalLimiter::Sizes& sizes) : sizes_(sizes) {}

  // Brings `wanted` into range.
  std::expected<std::shared_ptr<Applied>, Refusal> reserve(const Subject& who, Amounts& wanted,
                                                           WallTime now);
  std::optional<Refusal> extend(Hold& hold, const Amounts& more, WallTime now);
  void settle(Hold& hold, const Amounts& actual, WallTime now);
  void release(Hold& hold);

  void configure(std::vector<std::shared_ptr<LimitState>> limits, WallTime now);
  void prepare(std::vector<std::shared_ptr<LimitState>> limits, WallTime now);
  std::vector<SeedWanted> counters_wanted(WallTime now);
  void seed(const SeedWanted& wanted, const ScopeKey& scope, std::span<const SeedPart> parts,
            WallTime now);
  void seeded(const SeedWanted& wanted);

  Headers headers(const Subject& who, WallTime now);
  std::vector<Status> status(const Subject& who, WallTime now);
  std::vector<Status> status(WallTime now, std::size_t max);
  std::vector<Decisions> decisions() const;
  std::vector<Threshold> take_thresholds() { return std::exchange(thresholds_, {}); }
  std::uint64_t thresholds_dropped() const { return thresholds_dropped_; }
  std::size_t counters() const { return counters_.size(); }
  const Amounts& held() const { return held_; }

 private:
  struct SubjectHash {
    using is_transparent = void;
    std::size_t operator()(const Subject& who) const noexcept;
    std::size_t operator()(const std::shared_ptr<Applied>& applied) const noexcept {
      return (*this)(applied->subject());
    }
  };
  struct SubjectEqual {
    using is_transparent = void;
    bool operator()(const Subject& who, const std::shared_ptr<Applied>& b) const {
      return b->is_for(who);
    }
    bool operator()(const std::shared_ptr<Applied>& a, const std::shared_ptr<Applied>& b) const {
      return b->is_for(a->subject());
    }
    bool operator()(const std::shared_ptr<Applied>& a, const Subject& who) const {
      return a->is_for(who);
    }
  };
  using Subjects = std::unordered_set<std::shared_ptr<Applied>, SubjectHash, SubjectEqual>;

  // What one limit counts, of whomever: the unit of seeding.
  struct Definition {
    SeedWanted what;          // since and until are of no account
    WallTime counted_from{};  // while it is in force
    std::optional<WallTime> removed_at;
    struct Gap {
      WallTime since;
      WallTime until;
    };
    std::vector<Gap> gaps;  // not seeded yet
  };

  static constexpr std::size_t kSweepMin = 4'096;

  std::shared_ptr<Applied> applied_to(const Subject& who, WallTime now);  // nullptr: no room
  std::shared_ptr<Applied> find_limits(const Subject& who, WallTime now);
  void bind(Applied& applied, const std::shared_ptr<LimitState>& state, WallTime now);
  std::shared_ptr<Counter> find_counter(CounterId id, TenantId tenant, WallTime complete_from,
                                        WallTime now);
  WallTime counted_from(const Limit& limit) const;
  void drop_idle_subjects();
  void sweep(WallTime now);

  struct Asked {
    const Amounts& amounts;
    bool first = true;  // not an extension
    bool priced = true;
  };
  std::optional<Refusal> check(Applied& applied, const Asked& asked, WallTime now);
  static Refusal refuse(const Limit& limit, const Counter& counter, std::int64_t want,
                        WallTime now);
  static Applied& current(Hold& hold);
  void let_go(Applied& applied, const Hold& hold);
  void charge(const Applied& applied, Counter& counter, std::int64_t amount, WallTime now);
  void tell_thresholds(const Limit& limit, Counter& counter, std::int64_t before, WallTime now);
  void emit(const Limit& limit, const Counter& counter, int percent, WallTime now);

  void hand_over(const std::shared_ptr<Applied>& old, WallTime now);
  void define(const Limit& limit, WallTime now);
  void mark_gap(const SeedWanted& what, WallTime now);
  bool is_counted(const Counter& counter) const;
  void index();

  LocalLimiter::Sizes sizes_;
  std::vector<std::shared_ptr<LimitState>> limits_;
  std::unordered_map<ScopeKey, std::vector<std::size_t>> by_scope_;  // places in limits_
  std::vector<std::size_t> for_each_;
  std::unordered_map<CounterId, std::shared_ptr<Counter>, CounterIdHash> counters_;
  std::unordered_map<std::string, Definition> definitions_;  // by definition_key()
  Subjects subjects_;
  std::size_t subjects_drop_at_ = 0;
  std::size_t sweep_at_ = kSweepMin;
  Amounts held_;  // by all open reservations
  std::vector<Threshold> thresholds_;
  std::uint64_t thresholds_dropped_ = 0;
};

}  // namespace sovmesh::limits
