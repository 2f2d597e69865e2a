#include "routing/circuit_breaker.h"

#include <algorithm>

namespace sovmesh::routing {

std::int64_t CircuitLimits::requests_for(std::int64_t slots) {
  return std::max(slots + slots / 4, slots + 1);
}

Circuit::Permit Circuit::enter() {
  if (open()) {
    ++refused_;
    return {};
  }
  ++in_use_;
  return Permit(this);
}

}  // namespace sovmesh::routing
