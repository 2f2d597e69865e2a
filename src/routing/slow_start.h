#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace sovmesh::routing {

// How an endpoint that is new or back comes to its full share: one request on trial; when that went
// well the weight grows from a tenth to all in kRamp. A failed trial: the next one is tried again,
// and outlier detection has its say.
//
//   on_trial --(trial succeeds)--> ramping --(kRamp)--> full
class SlowStart {
 public:
  static constexpr std::chrono::seconds kRamp{30};
  static constexpr double kFirst = 0.1;

  // `Full` at once: for endpoints that were there before us.
  static SlowStart full() { return SlowStart(State::full, {}); }
  static SlowStart begin() { return SlowStart(State::on_trial, {}); }

  // Then it may have one request at a time.
  bool on_trial() const { return state_ == State::on_trial; }
  double weight(Instant now) const;  // kFirst to 1
  void on_success(Instant now);
  void restart() { *this = begin(); }

 private:
  enum class State : std::uint8_t { on_trial, ramping, full };
  SlowStart(State state, Instant since) : state_(state), since_(since) {}
  State state_;
  Instant since_;
};

}  // namespace sovmesh::routing
