#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "routing/prefix_index.h"
#include "sim/des/policy.h"
#include "sim/des/random.h"

namespace sovmesh::des {

// What the routers of others have in common: each request goes on at once, and each counts what it
// has sent. A rule says which endpoint; ties are broken by chance. Endpoints that are known to be
// down are left out.
class Anchor : public Chooser {
 public:
  explicit Anchor(const PoolContext& pool);

  std::optional<EndpointNumber> choose(RequestNumber request, Instant now) final;
  void on_first_token(RequestNumber request, Instant now) final;
  void on_token(RequestNumber request, std::int64_t tokens, Instant now) final;
  void on_done(RequestNumber request, bool failed, Instant now) final;
  void on_scrape(EndpointNumber endpoint, const EngineReport& report, Instant, Instant) override;
  void on_health(EndpointNumber endpoint, bool up) final { states_[endpoint].up = up; }
  bool wants_scrapes() const override { return false; }

 protected:
  // One endpoint, as this router sees it.
  struct State {
    bool up = true;
    std::int64_t requests = 0;        // sent and not done
    std::int64_t decoding = 0;        // of these, with a first token
    std::int64_t prefill_tokens = 0;  // expected to be computed before first tokens
    std::int64_t context_tokens = 0;  // prompts and answers of its requests
    EngineReport scraped;
    std::int64_t tokens_since_scrape = 0;  // of prompts, sent after the last scrape
  };
  // The request that is to be placed.
  struct Offer {
    const Arrival& arrival;
    std::span<const BlockKey> chain;  // of its prompt
    std::size_t block_tokens = 0;
    // Blocks at its beginning that the endpoint has.
    std::size_t matched = 0;
    double match_share() const {
      return chain.empty() ? 0 : static_cast<double>(matched) / static_cast<double>(chain.size());
    }
    std::int64_t uncached() const {
      return static_cast<std::int64_t>(arrival.input_tokens) -
             static_cast<std::int64_t>(matched * block_tokens);
    }
  };
  // Called once for a request, before any scoring.
  virtual void begin(const Offer&) {}
  // Lower is better; infinite: not there.
  virtual double score(EndpointNumber endpoint, const Offer& offer) = 0;
  // After the choice.
  virtual void chosen(EndpointNumber, const Offer&) {}
  // True when `Offer::matched` is to be filled in.
  virtual bool uses_prefixes() const { return false; }

  const std::vector<State>& states() const { return states_; }
  std::size_t matched(EndpointNumber endpoint) const { return matches_.depth(endpoint); }
  SeededRandom& random() { return random_; }
  static constexpr double kNever = std::numeric_limits<double>::infinity();

 private:
  struct Seat {
    EndpointNumber endpoint = 0;
    bool decoding = false;
    std::int64_t prefill = 0;
    std::int64_t context = 0;
  };
  std::optional<EndpointNumber> best(Offer& offer);
  void book(RequestNumber request, EndpointNumber endpoint, const Offer& offer, Instant now);

  const Workload& workload_;
  std::vector<State> states_;
  std::vector<Seat> seats_;  // by request
  SeededRandom random_;
  routing::PrefixIndex index_;  // of what this router has sent where
  routing::Matches matches_;
};

// The capacity of a router's own index over these engines.
routing::PrefixIndex::Sizes index_sizes(const PoolContext& pool);

}  // namespace sovmesh::des
