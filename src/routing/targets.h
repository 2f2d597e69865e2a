#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "routing/rates.h"

namespace sovmesh::routing {

// What a pool's requests are meant to meet: those that still can go before those that cannot, and
// the latter begin where they do not take it from others.
struct Targets {
  std::chrono::microseconds first_token{2'000'000};         // of an empty prompt
  std::chrono::microseconds first_token_per_1000{125'000};  // more for each 1,000 prompt tokens
  std::chrono::microseconds per_token{60'000};              // mean between two tokens of an answer
  friend bool operator==(const Targets&, const Targets&) = default;
};

// The latest start of a prompt that came at `came` at which it meets the target for its first
// token: half of `first_token` is left to what an engine has in front of it.
Instant latest_start(const Targets& targets, Instant came, std::int64_t input_tokens,
                     const Rates& rates);

// The streams of one endpoint: how many, when their first tokens came, what they have made since.
struct Streams {
  std::int64_t count = 0;
  double begun_s = 0;  // sum of the instants, in seconds since the clock's origin
  double tokens = 0;   // sum
};

// The mean time between tokens that the streams will have had when the prefill in front of them is
// done and each has made `ahead` more, in microseconds. 0 without streams.
double expected_pace_us(const Streams& streams, const Rates& rates, double prefill_tokens,
                        double context_tokens, double ahead, Instant now);

// Whether a late request should wait for that endpoint: its streams would come near the target for
// their tokens. `output_tokens`: expected of an answer.
bool is_crowded(const Targets& targets, const Streams& streams, const Rates& rates,
                double prefill_tokens, double context_tokens, std::int64_t output_tokens,
                Instant now);

}  // namespace sovmesh::routing
