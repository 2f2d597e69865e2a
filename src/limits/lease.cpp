#include "limits/lease.h"

namespace sovmesh::limits {

std::int64_t output_to_reserve(std::optional<std::int64_t> max_tokens, std::int64_t estimate) {
  if (max_tokens) return std::max<std::int64_t>(*max_tokens, 0);
  return std::clamp<std::int64_t>(estimate, 1, kSlice);
}

}  // namespace sovmesh::limits
