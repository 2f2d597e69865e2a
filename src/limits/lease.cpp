#include "limits/lease.h"

#include <algorithm>

namespace sovmesh::limits {
namespace {

// Rounded up: never less than it will cost. No overflow: both factors come from amounts that fit
// into a request, and the quotient is at most one of them.
std::int64_t share(std::int64_t amount, std::int64_t part, std::int64_t whole) {
  const std::int64_t full = part / whole;
  const auto rest = static_cast<double>(part % whole) / static_cast<double>(whole);
  const auto of_rest = static_cast<std::int64_t>(static_cast<double>(amount) * rest) + 1;
  std::int64_t sum = 0;
  if (amount <= 0) return 0;
  if (__builtin_mul_overflow(amount, full, &sum)) return kRequestMax;
  return std::min(sum + (part % whole == 0 ? 0 : std::min(of_rest, amount)), kRequestMax);
}

}  // namespace

std::int64_t output_to_reserve(std::optional<std::int64_t> max_tokens, std::int64_t estimate,
                               std::int64_t slice) {
  if (max_tokens) return std::max<std::int64_t>(*max_tokens, 0);
  return std::clamp<std::int64_t>(estimate, 1, std::max<std::int64_t>(slice, 1));
}

Lease::Lease(Reservation& reservation, const Amounts& slice)
    : reservation_(reservation), slice_(slice) {
  slice_.output_tokens = std::clamp<std::int64_t>(slice.output_tokens, 1, kRequestMax);
}

Amounts Lease::cost_of(std::int64_t output_tokens) const {
  const std::int64_t whole = slice_.output_tokens;
  return {.input_tokens = 0,
          .output_tokens = output_tokens,
          .money_micro = share(slice_.money_micro, output_tokens, whole),
          .gpu_microseconds = share(slice_.gpu_microseconds, output_tokens, whole)};
}

Result<void> Lease::cover(std::int64_t generated, WallTime now) {
  const std::int64_t missing = std::min(generated, kRequestMax) - reservation_.held().output_tokens;
  if (missing <= 0) return {};
  const std::int64_t whole = slice_.output_tokens;
  const std::int64_t rounded = (missing + whole - 1) / whole * whole;
  if (rounded <= kRequestMax && reservation_.extend(cost_of(rounded), now)) return {};
  return reservation_.extend(cost_of(missing), now);
}

}  // namespace sovmesh::limits
