#include "limits/limiter.h"

namespace sovmesh::limits {

Result<void> Reservation::extend(const Amounts& more, WallTime now) {
  if (!is_open())
    return our_error(Code::internal_error, "a reservation was extended after its end");
  return limiter_->extend(hold_, more, now);
}

void Reservation::settle(const Amounts& actual, WallTime now) {
  if (!is_open()) return;
  limiter_->settle(hold_, actual, now);
  hold_ = {};
}

void Reservation::release() {
  if (!is_open()) return;
  limiter_->release(hold_);
  hold_ = {};
}

}  // namespace sovmesh::limits
