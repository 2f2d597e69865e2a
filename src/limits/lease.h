#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "limits/limiter.h"

namespace sovmesh::limits {

// Output tokens that a stream takes at a time when its client names no maximum. Also the most that
// one stream can be past its limits (docs/limits.md).
constexpr std::int64_t kSlice = 512;

// Output tokens to reserve before a request runs. With a maximum that the client named: all of it,
// and the stream never needs more. Without: what such requests usually need, at most one slice.
std::int64_t output_to_reserve(std::optional<std::int64_t> max_tokens, std::int64_t estimate);

// An answer has come so far: `prompt` input and `generated` output tokens. Extends its reservation
// when that is more than is held: of output by a slice; where a slice has no room by less, down to
// just what has come. `amounts_of(input, output)`: what so many tokens take of every measure. An
// error: the limits are dry; the answer must end here. Call it for every read from the engine,
// before the tokens are passed on.
template <class AmountsOf>
Result<void> cover(Reservation& reservation, std::int64_t prompt, std::int64_t generated,
                   const AmountsOf& amounts_of, WallTime now) {
  const Amounts& held = reservation.held();
  const std::int64_t input = std::clamp(prompt, held.input_tokens, kRequestMax);
  const std::int64_t output = std::clamp(generated, held.output_tokens, kRequestMax);
  const std::int64_t lacking = output - held.output_tokens;
  if (input == held.input_tokens && lacking == 0) return {};
  for (std::int64_t more = lacking == 0 ? 0 : std::max(lacking, kSlice);; more /= 2) {
    more = std::max(more, lacking);
    const Amounts wanted = amounts_of(input, held.output_tokens + more);
    Result<void> extended =
        reservation.extend({.input_tokens = wanted.input_tokens - held.input_tokens,
                            .output_tokens = wanted.output_tokens - held.output_tokens,
                            .money_micro = wanted.money_micro - held.money_micro,
                            .gpu_microseconds = wanted.gpu_microseconds - held.gpu_microseconds},
                           now);
    if (extended || more == lacking) return extended;
  }
}

}  // namespace sovmesh::limits
