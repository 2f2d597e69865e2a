#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "rollout/histogram.h"

namespace sovmesh::rollout {

// Of `stable_total` and `candidate_total` requests so many had the event.
struct Table {
  std::uint64_t stable_events = 0;
  std::uint64_t stable_total = 0;
  std::uint64_t candidate_events = 0;
  std::uint64_t candidate_total = 0;
};

// ln of how many times more likely the table is with odds ratio `odds` than with `tolerated`, given
// its margins (Fisher's non-central hypergeometric distribution). No rate needs to be known.
double log_likelihood_ratio(const Table& table, double odds, double tolerated);

// The same for times, in levels at the quantiles of both versions together; the candidate's are
// first divided by 2^(tolerated_buckets/4). Each level compares those that got beyond the one
// before, so the ratios multiply.
double log_likelihood_ratio(const Histogram& stable, const Histogram& candidate,
                            std::size_t tolerated_buckets, double odds);

// ln of how many times more likely `events` of `total` are at odds `odds` times those of `rate`.
double log_likelihood_ratio(std::uint64_t events, std::uint64_t total, double rate, double odds);

// The alternatives that evidence is gathered for: odds ratios.
constexpr std::size_t kAlternatives = 5;
using Alternatives = std::array<double, kAlternatives>;
constexpr Alternatives kOddsRatios{2, 5, 12, 30, 100};

// A bet against the candidate that has got worse at some time, by some amount, neither known: the
// mixture of likelihood ratios over kOddsRatios and over the looks at which it may have begun. It
// starts at 1, and as long as the candidate is no worse, its expectation stays at most 1 at each
// look: so the probability that it ever reaches 1/alpha is at most alpha, however often one looks
// (Ville's inequality).
class ChangeTest {
 public:
  // `log_ratios` of this look alone, by kOddsRatios. A ratio to the power of 1/design_effect.
  void look(const Alternatives& log_ratios, int design_effect);
  double log_value() const;

  // What is persisted.
  struct State {
    std::int64_t looks = 0;
    Alternatives log_sums{};  // valid when looks > 0
    friend bool operator==(const State&, const State&) = default;
  };
  ChangeTest() = default;
  explicit ChangeTest(const State& state) : state_(state) {}
  const State& state() const { return state_; }

 private:
  State state_;
};

}  // namespace sovmesh::rollout
