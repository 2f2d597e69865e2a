#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace sovmesh::routing {

// Bounds retries, so that engines that all fail are not asked twice as much for it. Two rules, both
// must allow:
//   running: retries at once <= max(kMin, kShare x requests running or waiting), as Envoy's;
//   balance: each request brings kShare, each retry takes 1, from kMin at the start. So over any
//     time without a success attempts <= (1 + kShare) x requests + kMin. A success lifts the
//     balance back to kMin in steps of 1, and it is never above kBalanceMax.
class RetryBudget {
 public:
  static constexpr double kShare = 0.2;
  static constexpr std::int64_t kMin = 3;
  static constexpr double kBalanceMax = 100;

  void on_request();  // a first attempt begins, or waits
  void on_request_done(bool ok);
  bool try_retry();  // on_retry_done() follows when true
  void on_retry_done();
  // Whether a client should try again by itself: not when we have no retry left.
  bool spent() const { return balance_ < 1; }

  std::int64_t retries_running() const { return retries_; }
  double balance() const { return balance_; }
  std::uint64_t refused() const { return refused_; }

 private:
  double balance_ = kMin;
  std::int64_t requests_ = 0;
  std::int64_t retries_ = 0;
  std::uint64_t refused_ = 0;
};

// Whether and when one request is tried again.
struct RetryPolicy {
  int attempts_max = 2;
  std::chrono::milliseconds base{25};
  std::chrono::milliseconds max{250};
};
struct RetryState {
  int attempts = 1;                   // that were made
  bool bytes_sent = false;            // something of an answer went to the client
  std::chrono::milliseconds left{0};  // of its total deadline
};
// How long to wait before the next attempt: uniform in [0, min(max, base x 2^(attempts-1))] by
// `random` of [0, 1). Nothing: no further attempt.
std::optional<std::chrono::milliseconds> retry_delay(const RetryPolicy& policy,
                                                     const RetryState& state, double random);

}  // namespace sovmesh::routing
