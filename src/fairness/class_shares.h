#pragma once

#include <array>

#include "fairness/cost.h"
#include "fairness/options.h"

namespace sovmesh::fairness {

// Which class goes next, by deficit: whatever the pool does is credited to the classes that have
// somebody waiting, by their shares, and debited to the class that it was done for. The one with
// the largest balance is furthest below its share.
//
// Shares of the waiting classes sum to 1: their minimum shares scaled up; or, when a strict one
// waits, the first of these gets all that the minimum shares of the others leave.
class ClassShares {
 public:
  explicit ClassShares(const std::array<ClassOptions, kClasses>& options) : options_(options) {}

  // Somebody waits in a class in which nobody did, or no longer. Whoever comes back has banked
  // nothing, and owes at most `debt_max` GPU-microseconds.
  void set_waiting(PriorityClass priority, bool is_waiting, double debt_max);
  void charge(PriorityClass priority, double cost);

  // All classes, the one that should go next first.
  std::array<PriorityClass, kClasses> order() const;
  // Of what the pool does, 0..1: as long as the waiting classes stay the same and `priority` waits.
  double share(PriorityClass priority) const;
  double balance(PriorityClass priority) const {
    return balances_[static_cast<std::size_t>(priority)];
  }

 private:
  using Shares = std::array<double, kClasses>;
  Shares shares_of(const std::array<bool, kClasses>& waiting) const;

  std::array<ClassOptions, kClasses> options_;
  std::array<bool, kClasses> waiting_{};
  Shares shares_{};  // of those that wait
  Shares balances_{};
};

}  // namespace sovmesh::fairness
