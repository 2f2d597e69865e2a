#include "rollout/evidence.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

namespace sovmesh::rollout {
namespace {

// ln(n!), by Stirling's series where that is exact to the last digits.
double log_factorial(double n) {
  constexpr double kSmall = 32;
  if (n < kSmall) {
    double product = 1;
    for (double i = 2; i <= n; ++i)
      product *= i;
    return std::log(product);
  }
  const double cube = n * n * n;
  return (n + 0.5) * std::log(n) - n + 0.5 * std::log(2 * std::numbers::pi) + 1 / (12 * n) -
         1 / (360 * cube) + 1 / (1260 * cube * n * n);
}

double log_choose(double n, double k) {
  return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
}

// Fisher's non-central hypergeometric distribution: how many of `events` events fall to the
// candidate, where each of its requests has `odds` times the odds of the stable version's.
class Split {
 public:
  explicit Split(const Table& table)
      : stable_(static_cast<double>(table.stable_total)),
        candidate_(static_cast<double>(table.candidate_total)),
        events_(static_cast<double>(table.stable_events + table.candidate_events)) {}

  // ln of the sum over all splits. Only the terms around the greatest count.
  double log_sum(double odds) const {
    constexpr double kNothing = 1e-17;
    const double at = mode(odds);
    double sum = 1;
    double term = 1;
    for (double x = at; x < most() && term > kNothing; ++x)
      sum += term *= growth(x, odds);
    term = 1;
    for (double x = at; x > least() && term > kNothing; --x)
      sum += term /= growth(x - 1, odds);
    return log_choose(candidate_, at) + log_choose(stable_, events_ - at) + at * std::log(odds) +
           std::log(sum);
  }

 private:
  double least() const { return std::max(0.0, events_ - stable_); }
  double most() const { return std::min(events_, candidate_); }
  // The term of x + 1 over the term of x.
  double growth(double x, double odds) const {
    return (candidate_ - x) * (events_ - x) / ((x + 1) * (stable_ - events_ + x + 1)) * odds;
  }
  // Where growth() falls below 1: the root of a quadratic.
  double mode(double odds) const {
    const double a = odds - 1;
    const double b = (events_ + candidate_ + 2) * odds + stable_ - events_;
    const double c = odds * (events_ + 1) * (candidate_ + 1);
    const double root = std::sqrt(std::max(0.0, b * b - 4 * a * c));
    return std::clamp(std::floor(2 * c / (b + root)), least(), most());
  }

  double stable_;
  double candidate_;
  double events_;
};

double log_of_sum(double log_a, double log_b) {
  const double more = std::max(log_a, log_b);
  return more + std::log1p(std::exp(std::min(log_a, log_b) - more));
}

// How the weights of the looks at which a regression may begin fall: look k has
// kSpread / ((k + kSpread - 1) (k + kSpread)), so that all looks up to k have k / (k + kSpread).
constexpr double kSpread = 32;

}  // namespace

double log_likelihood_ratio(const Table& table, double odds, double tolerated) {
  assert(table.stable_events <= table.stable_total);
  assert(table.candidate_events <= table.candidate_total);
  const Split split(table);
  return static_cast<double>(table.candidate_events) * std::log(odds / tolerated) -
         (split.log_sum(odds) - split.log_sum(tolerated));
}

double log_likelihood_ratio(const Histogram& stable, const Histogram& candidate,
                            std::size_t tolerated_buckets, double odds) {
  Histogram shifted;
  for (std::size_t bucket = 0; bucket < Histogram::kBuckets; ++bucket)
    shifted.add_to(bucket < tolerated_buckets ? 0 : bucket - tolerated_buckets,
                   candidate.in(bucket));
  if (shifted.count() == 0 || stable.count() == 0) return 0;
  Histogram both = stable;
  both += shifted;
  double sum = 0;
  std::uint64_t stable_left = stable.count();
  std::uint64_t candidate_left = shifted.count();
  for (const double q : {0.25, 0.5, 0.75, 0.9, 0.97}) {
    const std::size_t level = both.bucket_at(q);
    const Table table{.stable_events = stable.beyond(level),
                      .stable_total = stable_left,
                      .candidate_events = shifted.beyond(level),
                      .candidate_total = candidate_left};
    sum += log_likelihood_ratio(table, odds, 1);
    stable_left = table.stable_events;
    candidate_left = table.candidate_events;
  }
  return sum;
}

double log_likelihood_ratio(std::uint64_t events, std::uint64_t total, double rate, double odds) {
  assert(rate > 0 && rate < 1 && events <= total);
  return static_cast<double>(events) * std::log(odds) -
         static_cast<double>(total) * std::log1p((odds - 1) * rate);
}

void ChangeTest::look(const Alternatives& log_ratios, int design_effect) {
  const bool first = state_.looks++ == 0;
  const auto k = static_cast<double>(state_.looks);
  const double log_begins_now = std::log(kSpread / ((k + kSpread - 1) * (k + kSpread)));
  for (std::size_t i = 0; i < kAlternatives; ++i) {
    double& sum = state_.log_sums[i];
    sum = first ? log_begins_now : log_of_sum(sum, log_begins_now);
    sum += log_ratios[i] / design_effect;
  }
}

double ChangeTest::log_value() const {
  if (state_.looks == 0) return 0;
  const auto k = static_cast<double>(state_.looks);
  double value = std::log(kSpread / (k + kSpread));  // it begins later, or never
  for (const double sum : state_.log_sums)
    value = log_of_sum(value, sum - std::log(static_cast<double>(kAlternatives)));
  return value;
}

}  // namespace sovmesh::rollout
