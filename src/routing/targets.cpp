#include "routing/targets.h"

#include <algorithm>

namespace sovmesh::routing {
namespace {

using Microseconds = std::chrono::duration<double, std::micro>;

// Late requests leave half of the time between tokens to others: what comes in time meanwhile
// takes of it too.
constexpr double kLateShare = 0.5;
// Streams are looked at until a quarter of an answer later, and some tokens at least.
constexpr double kAheadShare = 0.25;
constexpr double kAheadMin = 8;

}  // namespace

Instant latest_start(const Targets& targets, Instant came, std::int64_t input_tokens,
                     const Rates& rates) {
  const auto input = static_cast<double>(std::max<std::int64_t>(input_tokens, 0));
  const Microseconds prefill(input * rates.a * (1 + input / kContextScale));
  const Microseconds allowed = Microseconds(targets.first_token) / 2 +
                               Microseconds(targets.first_token_per_1000) * (input / 1'000);
  return came + std::chrono::duration_cast<Instant::duration>(allowed - prefill);
}

double expected_pace_us(const Streams& streams, const Rates& rates, double prefill_tokens,
                        double context_tokens, double ahead, Instant now) {
  if (streams.count <= 0) return 0;
  const auto n = static_cast<double>(streams.count);
  const double lived =
      (n * std::chrono::duration<double>(now.time_since_epoch()).count() - streams.begun_s) * 1e6;
  const double step = rates.base + rates.b * n + rates.c * context_tokens;
  return (lived + n * (prefill_tokens * rates.a + ahead * step)) / (streams.tokens + n * ahead);
}

bool is_crowded(const Targets& targets, const Streams& streams, const Rates& rates,
                double prefill_tokens, double context_tokens, std::int64_t output_tokens,
                Instant now) {
  const double ahead = std::max(kAheadShare * static_cast<double>(output_tokens), kAheadMin);
  return expected_pace_us(streams, rates, prefill_tokens, context_tokens, ahead, now) >
         kLateShare * Microseconds(targets.per_token).count();
}

}  // namespace sovmesh::routing
