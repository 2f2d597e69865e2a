#include "routing/slow_start.h"

#include <algorithm>

namespace sovmesh::routing {

double SlowStart::weight(Instant now) const {
  switch (state_) {
    case State::on_trial:
      return kFirst;
    case State::full:
      return 1;
    case State::ramping:
      break;
  }
  const double part = std::chrono::duration<double>(now - since_) / kRamp;
  return std::clamp(kFirst + (1 - kFirst) * part, kFirst, 1.0);
}

void SlowStart::on_success(Instant now) {
  if (state_ == State::on_trial) *this = SlowStart(State::ramping, now);
}

}  // namespace sovmesh::routing
