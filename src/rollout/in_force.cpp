#include "rollout/in_force.h"

#include <utility>

namespace sovmesh::rollout {

void add(Arm& arm, const Tally::Ended& ended) {
  ++arm.requests;
  arm.errors += ended.failed ? 1 : 0;
  arm.refusals += ended.refused ? 1 : 0;
  if (ended.first_token) arm.ttft_us.add(ended.first_token->count());
  if (ended.per_output_token) arm.tpot_us.add(ended.per_output_token->count());
  if (ended.output_tokens > 0) arm.output_tokens.add(ended.output_tokens);
}

void Tally::add(const Ended& ended) {
  look_.with(
      [&](Look& look) { rollout::add(ended.by_candidate ? look.candidate : look.stable, ended); });
}

Look Tally::take() {
  return look_.with([](Look& look) { return std::exchange(look, Look{}); });
}

Tally::Requests Tally::requests() const {
  return look_.with([](const Look& look) {
    return Requests{.stable = look.stable.requests, .candidate = look.candidate.requests};
  });
}

}  // namespace sovmesh::rollout
