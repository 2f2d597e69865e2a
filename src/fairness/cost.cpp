#include "fairness/cost.h"

#include <algorithm>
#include <cmath>

namespace sovmesh::fairness {

Micros CostRates::of(std::int64_t uncached, std::int64_t cached, std::int64_t output_tokens) const {
  const auto count = [](std::int64_t tokens) {
    return static_cast<double>(std::max<std::int64_t>(tokens, 0));
  };
  const double cost = uncached_input * count(uncached) + cached_input * count(cached) +
                      output * count(output_tokens);
  return static_cast<Micros>(std::llround(std::clamp(cost, 0.0, static_cast<double>(kCostMax))));
}

Micros CostRates::of_input(std::int64_t tokens, std::int64_t cached_by_own_prefix) const {
  const std::int64_t cached =
      std::clamp<std::int64_t>(cached_by_own_prefix, 0, std::max<std::int64_t>(tokens, 0));
  return of(tokens - cached, cached, 0);
}

}  // namespace sovmesh::fairness
