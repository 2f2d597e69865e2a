#include "fairness/class_shares.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sovmesh::fairness {

ClassShares::Shares ClassShares::shares_of(const std::array<bool, kClasses>& waiting) const {
  Shares shares{};
  double sum = 0;
  std::size_t strict = kClasses;
  for (std::size_t i = 0; i < kClasses; ++i) {
    if (!waiting[i]) continue;
    if (options_[i].strict && strict == kClasses) strict = i;
    shares[i] = options_[i].min_share;
    sum += shares[i];
  }
  if (strict < kClasses) {
    shares[strict] += 1 - sum;
  } else if (sum > 0) {
    for (double& share : shares)
      share /= sum;
  } else {  // only classes without a share of their own
    const auto count = static_cast<double>(std::ranges::count(waiting, true));
    for (std::size_t i = 0; i < kClasses; ++i)
      shares[i] = waiting[i] ? 1 / count : 0;
  }
  return shares;
}

void ClassShares::set_waiting(PriorityClass priority, bool is_waiting, double debt_max) {
  const auto self = static_cast<std::size_t>(priority);
  if (is_waiting) {
    if (std::ranges::count(waiting_, true) == 0) balances_ = {};  // nothing was contested
    double largest = -std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < kClasses; ++i)
      if (waiting_[i]) largest = std::max(largest, balances_[i]);
    if (std::isfinite(largest))
      balances_[self] = std::clamp(balances_[self], largest - debt_max, largest);
  }
  waiting_[self] = is_waiting;
  shares_ = shares_of(waiting_);
}

void ClassShares::charge(PriorityClass priority, double cost) {
  if (std::ranges::count(waiting_, true) == 0) return;  // nobody was kept waiting for it
  for (std::size_t i = 0; i < kClasses; ++i)
    balances_[i] += cost * shares_[i];
  balances_[static_cast<std::size_t>(priority)] -= cost;
}

std::array<PriorityClass, kClasses> ClassShares::order() const {
  std::array<PriorityClass, kClasses> order = kAllClasses;
  // Three elements: insertion keeps the given order among equals and takes no memory.
  for (std::size_t i = 1; i < kClasses; ++i)
    for (std::size_t j = i; j > 0 && balance(order[j - 1]) < balance(order[j]); --j)
      std::swap(order[j - 1], order[j]);
  return order;
}

double ClassShares::share(PriorityClass priority) const {
  const auto self = static_cast<std::size_t>(priority);
  if (waiting_[self]) return shares_[self];
  std::array<bool, kClasses> waiting = waiting_;
  waiting[self] = true;
  return shares_of(waiting)[self];
}

}  // namespace sovmesh::fairness
