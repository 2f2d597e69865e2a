#include "sim/pace.h"

#include <limits>

namespace sovmesh::sim {

Instant FixedPace::due(std::int64_t tokens) const {
  const std::chrono::duration<double> offset(static_cast<double>(tokens - 1) / per_second_);
  return began_ + std::chrono::duration_cast<std::chrono::nanoseconds>(offset);
}

rt::Task<Pace::Wait> FixedPace::wait(Wire& wire, std::int64_t tokens) {
  if (has(tokens)) co_return Wait::ready;
  co_return co_await wire.pause_until(due(tokens)) ? Wait::ready : Wait::client_gone;
}

std::int64_t FixedPace::made() const {
  if (per_second_ == 0) return std::numeric_limits<std::int64_t>::max();
  const std::chrono::duration<double> spent = loop_.now() - began_;
  return 1 + static_cast<std::int64_t>(spent.count() * per_second_);
}

}  // namespace sovmesh::sim
