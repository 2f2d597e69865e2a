#include "sim/des/anchor.h"

#include <algorithm>

namespace sovmesh::des {

routing::PrefixIndex::Sizes index_sizes(const PoolContext& pool) {
  const auto blocks = static_cast<std::size_t>(pool.engine.kv_tokens / pool.engine.block_tokens);
  const std::size_t held = std::min(pool.workload.keys.size(), blocks * pool.engines.size());
  return {.endpoints_max = pool.engines.size(),
          .blocks_max = std::max<std::size_t>(1'024, held),
          .bitmaps_max = std::max<std::size_t>(1'024, held / 16)};
}

Anchor::Anchor(const PoolContext& pool)
    : workload_(pool.workload),
      states_(pool.engines.size()),
      seats_(pool.workload.arrivals.size()),
      random_(pool.seed),
      index_(index_sizes(pool)),
      matches_(pool.engines.size()) {
  const auto blocks = static_cast<std::size_t>(pool.engine.kv_tokens / pool.engine.block_tokens);
  for (std::size_t i = 0; i < states_.size(); ++i)
    index_.add_endpoint(static_cast<EndpointNumber>(i), std::max<std::size_t>(1, blocks));
}

std::optional<EndpointNumber> Anchor::choose(RequestNumber request, Instant now) {
  const Arrival& arrival = workload_.arrivals[request];
  Offer offer{.arrival = arrival,
              .chain = workload_.prompt_chain(arrival),
              .block_tokens = static_cast<std::size_t>(workload_.block_tokens)};
  if (uses_prefixes()) index_.match(offer.chain, now, matches_);
  const std::optional<EndpointNumber> endpoint = best(offer);
  if (!endpoint) return {};
  offer.matched = uses_prefixes() ? matches_.depth(*endpoint) : 0;
  book(request, *endpoint, offer, now);
  chosen(*endpoint, offer);
  return endpoint;
}

// The best of those that are up, or of all when none is.
std::optional<EndpointNumber> Anchor::best(Offer& offer) {
  begin(offer);
  const bool any_up = std::ranges::any_of(states_, &State::up);
  std::optional<EndpointNumber> best;
  double lowest = kNever;
  std::uint64_t equal = 0;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const auto endpoint = static_cast<EndpointNumber>(i);
    if (any_up && !states_[i].up) continue;
    offer.matched = uses_prefixes() ? matches_.depth(endpoint) : 0;
    const double value = score(endpoint, offer);
    if (value > lowest || value == kNever) continue;
    equal = value < lowest ? 1 : equal + 1;
    lowest = value;
    if (equal == 1 || random_.below(equal) == 0) best = endpoint;
  }
  return best;
}

void Anchor::book(RequestNumber request, EndpointNumber endpoint, const Offer& offer, Instant now) {
  const std::int64_t context = offer.arrival.input_tokens;
  const std::int64_t prefill = std::max<std::int64_t>(offer.uncached(), 1);
  seats_[request] = {.endpoint = endpoint, .prefill = prefill, .context = context};
  State& state = states_[endpoint];
  ++state.requests;
  state.prefill_tokens += prefill;
  state.context_tokens += context;
  state.tokens_since_scrape += context;
  if (uses_prefixes()) index_.expect(endpoint, offer.chain, {}, now);
}

void Anchor::on_first_token(RequestNumber request, Instant) {
  Seat& seat = seats_[request];
  seat.decoding = true;
  ++states_[seat.endpoint].decoding;
  states_[seat.endpoint].prefill_tokens -= seat.prefill;
}

void Anchor::on_token(RequestNumber request, std::int64_t tokens, Instant) {
  Seat& seat = seats_[request];
  seat.context += tokens;
  states_[seat.endpoint].context_tokens += tokens;
}

void Anchor::on_done(RequestNumber request, bool, Instant) {
  const Seat& seat = seats_[request];
  State& state = states_[seat.endpoint];
  --state.requests;
  state.context_tokens -= seat.context;
  if (seat.decoding) {
    --state.decoding;
  } else {
    state.prefill_tokens -= seat.prefill;
  }
}

void Anchor::on_scrape(EndpointNumber endpoint, const EngineReport& report, Instant, Instant) {
  states_[endpoint].scraped = report;
  states_[endpoint].tokens_since_scrape = 0;
}

}  // namespace sovmesh::des
