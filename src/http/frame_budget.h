#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace sovmesh::http {

// What one HTTP/2 client may cost us beside its requests: pings, settings, window updates, empty
// frames, streams that we have to reset. A token bucket; plain arithmetic, time comes in.
// Invariant: 0 <= left_ <= kBurst.
class FrameBudget {
 public:
  static constexpr std::uint32_t kBurst = 10'000;
  static constexpr std::uint32_t kPerSecond = 330;

  explicit FrameBudget(Instant now) : filled_until_(now) {}

  // False: the budget is spent, and the client should be sent away.
  bool take(std::uint32_t cost, Instant now) {
    refill(now);
    if (left_ < cost) return false;
    left_ -= cost;
    return true;
  }
  void earn(std::uint32_t tokens) { left_ = std::min(kBurst, left_ + tokens); }

 private:
  void refill(Instant now) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(now - filled_until_);
    if (whole.count() <= 0) return;
    filled_until_ += whole;
    const auto most = std::min<std::int64_t>(whole.count(), kBurst / kPerSecond + 1);
    earn(static_cast<std::uint32_t>(most) * kPerSecond);
  }

  std::uint32_t left_ = kBurst;
  Instant filled_until_;  // counted in whole seconds from the beginning
};

}  // namespace sovmesh::http
