#pragma once

#include <cstddef>
#include <memory>

#include "limits/limiter.h"

namespace sovmesh::limits {

// All balances in this process, behind one short lock. The ledger is what survives: after a restart
// the balances are made from it (counters_wanted). Steps of the clock: docs/limits.md.
class LocalLimiter : public Limiter {
 public:
  // Bounds; a limiter that is full of counters in use refuses whoever is new (overloaded).
  struct Sizes {
    std::size_t counters_max = 250'000;
    std::size_t subjects_max = 65'536;  // who was seen of late, with the limits that apply to them
    std::size_t thresholds_max = 1'024;
  };
  LocalLimiter();
  explicit LocalLimiter(const Sizes& sizes);
  ~LocalLimiter() override;

  using Limiter::reserve;
  Result<Reservation> reserve(const Subject& who, const Amounts& wanted, WallTime now,
                              std::optional<Headers>* standing) override;
  Result<void> configure(std::vector<Limit> limits, WallTime now) override;
  Result<void> prepare(std::vector<Limit> limits, WallTime now) override;
  std::vector<SeedWanted> counters_wanted(WallTime now) override;
  void seed(const SeedWanted& wanted, const ScopeKey& scope, std::span<const SeedPart> parts,
            WallTime now) override;
  void seeded(const SeedWanted& wanted) override;
  Headers headers(const Subject& who, WallTime now);
  std::vector<Status> status(const Subject& who, WallTime now) override;
  std::vector<Status> status(WallTime now, std::size_t max) override;
  std::vector<Decisions> decisions() override;
  Amounts held() override;
  std::vector<Threshold> take_thresholds() override;
  std::uint64_t thresholds_dropped() override;

  // Counters in memory, of all windows.
  std::size_t counters();

 protected:
  Result<void> extend(Hold& hold, const Amounts& more, WallTime now) override;
  void settle(Hold& hold, const Amounts& actual, WallTime now) override;
  void release(Hold& hold) override;

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace sovmesh::limits
