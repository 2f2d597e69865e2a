#include "sim/des/baselines.h"

#include <algorithm>
#include <deque>
#include <unordered_map>

namespace sovmesh::des {
namespace {

class RoundRobin final : public Anchor {
 public:
  using Anchor::Anchor;

 private:
  void begin(const Offer&) override { next_ = (next_ + 1) % states().size(); }
  double score(EndpointNumber endpoint, const Offer&) override {
    return static_cast<double>((endpoint + states().size() - next_) % states().size());
  }
  std::size_t next_ = 0;
};

class LeastInFlight final : public Anchor {
 public:
  using Anchor::Anchor;

 private:
  double score(EndpointNumber endpoint, const Offer&) override {
    return static_cast<double>(states()[endpoint].requests);
  }
};

// llm-d's scorers, each 0 to 1, by weight: queue 2, KV cache 2, prefix 3. The queue is what was
// scraped, or (active-request scorer) what was sent and is not done.
class LlmD final : public Anchor {
 public:
  LlmD(const PoolContext& pool, bool in_flight) : Anchor(pool), in_flight_(in_flight) {}
  bool wants_scrapes() const override { return true; }

 private:
  bool uses_prefixes() const override { return true; }
  double queue(EndpointNumber endpoint) const {
    const State& state = states()[endpoint];
    return static_cast<double>(in_flight_ ? state.requests : state.scraped.waiting);
  }
  void begin(const Offer&) override {
    low_ = kNever;
    high_ = 0;
    for (std::size_t i = 0; i < states().size(); ++i) {
      low_ = std::min(low_, queue(static_cast<EndpointNumber>(i)));
      high_ = std::max(high_, queue(static_cast<EndpointNumber>(i)));
    }
  }
  double score(EndpointNumber endpoint, const Offer& offer) override {
    const double short_queue = high_ > low_ ? (high_ - queue(endpoint)) / (high_ - low_) : 1;
    const double free_kv = 1 - states()[endpoint].scraped.kv_used;
    return -(llmd::kQueueWeight * short_queue + llmd::kKvWeight * free_kv +
             llmd::kPrefixWeight * offer.match_share());
  }
  bool in_flight_;
  double low_ = 0, high_ = 0;
};

// llm-d's prefix-cache-affinity filter before its token-load scorer.
class PrefixAffinity final : public Anchor {
 public:
  using Anchor::Anchor;

 private:
  bool uses_prefixes() const override { return true; }
  double wait_s(EndpointNumber endpoint) const {
    return static_cast<double>(states()[endpoint].prefill_tokens) / llmd::kPrefillTokensPerS;
  }
  bool sticky(EndpointNumber endpoint, const Offer& offer) const {
    return !offer.chain.empty() && static_cast<double>(matched(endpoint)) >=
                                       llmd::kStickyShare * static_cast<double>(offer.chain.size());
  }
  void begin(const Offer& offer) override {
    double best_sticky = kNever, best_other = kNever;
    for (std::size_t i = 0; i < states().size(); ++i) {
      const auto endpoint = static_cast<EndpointNumber>(i);
      double& best = sticky(endpoint, offer) ? best_sticky : best_other;
      best = std::min(best, wait_s(endpoint));
    }
    keep_sticky_ = best_sticky < kNever && best_sticky <= best_other + llmd::kStickyPenaltyS;
  }
  double score(EndpointNumber endpoint, const Offer& offer) override {
    if (keep_sticky_ && !sticky(endpoint, offer)) return kNever;
    return static_cast<double>(states()[endpoint].prefill_tokens);
  }
  bool keep_sticky_ = false;
};

// SGLang's cache-aware policy. Its tree remembers for each node who was there last.
class CacheAware final : public Anchor {
 public:
  using Anchor::Anchor;

 private:
  void begin(const Offer& offer) override {
    const auto [low, high] = std::ranges::minmax(states(), {}, &State::requests);
    target_.reset();
    if (high.requests - low.requests > sglang::kBalanceAbs &&
        static_cast<double>(high.requests) >
            sglang::kBalanceRel * static_cast<double>(low.requests))
      return;
    std::size_t depth = 0;
    EndpointNumber last = 0;
    for (const BlockKey key : offer.chain) {
      const auto found = last_.find(key);
      if (found == last_.end()) break;
      last = found->second;
      ++depth;
    }
    if (static_cast<double>(depth) >
        sglang::kCacheThreshold * static_cast<double>(offer.chain.size()))
      target_ = last;
  }
  double score(EndpointNumber endpoint, const Offer&) override {
    if (target_ && states()[*target_].up) return endpoint == *target_ ? 0 : kNever;
    return static_cast<double>(states()[endpoint].requests);
  }
  void chosen(EndpointNumber endpoint, const Offer& offer) override {
    for (const BlockKey key : offer.chain) {
      if (last_.insert_or_assign(key, endpoint).second) order_.push_back(key);
      if (order_.size() <= sglang::kNodesMax) continue;
      last_.erase(order_.front());
      order_.pop_front();
    }
  }
  std::optional<EndpointNumber> target_;
  std::unordered_map<BlockKey, EndpointNumber> last_;
  std::deque<BlockKey> order_;  // oldest first
};

// SMG: time to work off what is queued, and a penalty for a full cache.
class LeastLoad final : public Anchor {
 public:
  explicit LeastLoad(const PoolContext& pool)
      : Anchor(pool), tokens_per_s_(1e6 / pool.engine.prefill_us) {}
  bool wants_scrapes() const override { return true; }

 private:
  double score(EndpointNumber endpoint, const Offer&) override {
    const State& state = states()[endpoint];
    const double kv = std::min(state.scraped.kv_used, 0.999);
    return static_cast<double>(state.scraped.queued_tokens + state.tokens_since_scrape) /
               tokens_per_s_ +
           smg::kKvWeight * kv / (1 - kv);
  }
  double tokens_per_s_;
};

// Dynamo's two costs, in blocks.
class Dynamo final : public Anchor {
 public:
  Dynamo(const PoolContext& pool, bool product)
      : Anchor(pool), product_(product), block_(static_cast<double>(pool.engine.block_tokens)) {}

 private:
  bool uses_prefixes() const override { return true; }
  double score(EndpointNumber endpoint, const Offer& offer) override {
    const State& state = states()[endpoint];
    const double prefill =
        static_cast<double>(std::max<std::int64_t>(state.prefill_tokens + offer.uncached(), 0));
    if (product_) return prefill * static_cast<double>(state.decoding + 1);
    return prefill / block_ +
           static_cast<double>(state.context_tokens + offer.arrival.input_tokens) / block_;
  }
  bool product_;
  double block_;
};

}  // namespace

std::unique_ptr<Chooser> make_anchor(std::string_view name, const PoolContext& pool) {
  if (name == "round-robin") return std::make_unique<RoundRobin>(pool);
  if (name == "least-in-flight") return std::make_unique<LeastInFlight>(pool);
  if (name == "llm-d") return std::make_unique<LlmD>(pool, false);
  if (name == "llm-d-in-flight") return std::make_unique<LlmD>(pool, true);
  if (name == "prefix-affinity") return std::make_unique<PrefixAffinity>(pool);
  if (name == "cache-aware") return std::make_unique<CacheAware>(pool);
  if (name == "least-load") return std::make_unique<LeastLoad>(pool);
  if (name == "dynamo") return std::make_unique<Dynamo>(pool, false);
  if (name == "lmetric") return std::make_unique<Dynamo>(pool, true);
  return nullptr;
}

}  // namespace sovmesh::des
