#include "routing/retry_budget.h"

#include <algorithm>
#include <cmath>

namespace sovmesh::routing {

void RetryBudget::on_request() {
  ++requests_;
  balance_ = std::min(balance_ + kShare, kBalanceMax);
}

void RetryBudget::on_request_done(bool ok) {
  --requests_;
  if (ok && balance_ < kMin) balance_ = std::min(balance_ + 1, static_cast<double>(kMin));
}

bool RetryBudget::try_retry() {
  const double running_max =
      std::max(static_cast<double>(kMin), kShare * static_cast<double>(requests_));
  if (spent() || static_cast<double>(retries_ + 1) > running_max) {
    ++refused_;
    return false;
  }
  balance_ -= 1;
  ++retries_;
  return true;
}

void RetryBudget::on_retry_done() { --retries_; }

std::optional<std::chrono::milliseconds> retry_delay(const RetryPolicy& policy,
                                                     const RetryState& state, double random) {
  if (state.bytes_sent || state.attempts >= policy.attempts_max) return std::nullopt;
  const auto most = std::min<double>(
      static_cast<double>(policy.max.count()),
      std::ldexp(static_cast<double>(policy.base.count()), std::min(state.attempts - 1, 20)));
  const std::chrono::milliseconds delay(static_cast<std::int64_t>(most * random));
  if (delay >= state.left) return std::nullopt;
  return delay;
}

}  // namespace sovmesh::routing
