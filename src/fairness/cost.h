#pragma once

#include <array>
#include <cstdint>

#include "base/priority_class.h"

namespace sovmesh::fairness {

// GPU-microseconds: what fairness counts. 1 GSE (GPU-second equivalent) is 1,000,000 of them.
using Micros = std::int64_t;
constexpr double kMicrosPerGse = 1'000'000;
// More than one request can cost (eleven days of a GPU); sums of thousands still fit into 64 bits.
constexpr Micros kCostMax = 1'000'000'000'000;

using sovmesh::PriorityClass;
constexpr std::array kAllClasses = kPriorityClasses;
constexpr std::size_t kClasses = kAllClasses.size();

// GPU-microseconds per token of one model version, from calibration at a reference batch.
struct CostRates {
  double uncached_input = 0;
  double cached_input = 0;
  double output = 0;

  // Negative counts are 0; never above kCostMax.
  Micros of(std::int64_t uncached, std::int64_t cached, std::int64_t output_tokens) const;
  // What dispatch charges. A tenant pays less for cached input only where its own earlier requests
  // put the prefix there: nobody rides on, or pays for, another's luck with the cache.
  Micros of_input(std::int64_t tokens, std::int64_t cached_by_own_prefix) const;
};

}  // namespace sovmesh::fairness
