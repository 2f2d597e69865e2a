#pragma once

#include <cstdint>

#include "rollout/histogram.h"

namespace sovmesh::rollout {

// What one version did in some time, of the requests that weights sent to it (those of conditions
// and of the grey channel were chosen otherwise and would make the comparison unfair).
struct Arm {
  std::uint64_t requests = 0;  // that ended
  std::uint64_t errors = 0;    // by fault of the engine or ours; not the client's, not hang-ups
  std::uint64_t refusals = 0;  // answers that the model or a filter refused
  Histogram ttft_us;           // of those that had a first token
  Histogram tpot_us;           // a request's mean time per output token after the first
  Histogram output_tokens;

  Arm& operator+=(const Arm& other);
  friend bool operator==(const Arm&, const Arm&) = default;
};

// Both versions over the same time: since the look before.
struct Look {
  Arm stable;
  Arm candidate;
};

}  // namespace sovmesh::rollout
