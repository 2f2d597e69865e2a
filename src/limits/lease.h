#pragma once

#include <cstdint>
#include <optional>

#include "limits/limiter.h"

namespace sovmesh::limits {

// Output tokens that a stream takes at a time when its client names no maximum. Also the most that
// one stream can be past its limits (docs/limits.md).
constexpr std::int64_t kSlice = 512;

// Output tokens to reserve before a request runs. With a maximum that the client named: all of it,
// and the stream never needs more. Without: what such requests usually need, at most one slice.
std::int64_t output_to_reserve(std::optional<std::int64_t> max_tokens, std::int64_t estimate,
                               std::int64_t slice = kSlice);

// Extends a stream's reservation by slices as tokens come. Belongs to one stream.
class Lease {
 public:
  // `slice`: what is held for one more slice, output tokens and what they cost of other measures.
  Lease(Reservation& reservation, const Amounts& slice);

  // `generated` output tokens so far. When that is more than is held it asks for another slice, or
  // for just what is missing when there is no room for a slice. An error: the limits are dry; end
  // the stream with "length". Call it for every read from the engine, before the tokens are passed
  // on.
  Result<void> cover(std::int64_t generated, WallTime now);

 private:
  Amounts cost_of(std::int64_t output_tokens) const;

  Reservation& reservation_;
  Amounts slice_;
};

}  // namespace sovmesh::limits
