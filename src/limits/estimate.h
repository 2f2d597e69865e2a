#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/ids.h"

namespace sovmesh::limits {

// How many output tokens a tenant's requests to a model usually bring: an exponentially weighted
// mean, kWeight for the newest. Any thread may call it. Bounded: the pair that was unused for
// longest is forgotten when there are more than `pairs_max`.
class OutputEstimate {
 public:
  static constexpr std::int64_t kStart = 256;  // before anything is known
  static constexpr double kWeight = 0.1;
  static constexpr std::size_t kPairsMax = 10'000;

  explicit OutputEstimate(std::size_t pairs_max = kPairsMax);
  ~OutputEstimate();

  void observe(TenantId tenant, std::string_view model, std::int64_t output_tokens);
  // At least 1.
  std::int64_t estimate(TenantId tenant, std::string_view model);
  std::size_t size();

 private:
  struct Table;
  std::unique_ptr<Table> table_;
};

}  // namespace sovmesh::limits
