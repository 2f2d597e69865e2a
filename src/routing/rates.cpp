#include "routing/rates.h"

#include <algorithm>
#include <cmath>

namespace sovmesh::routing {
namespace {

// Units in which the unknowns are of about unit size: milliseconds per 1,000 prefill tokens, per
// step, per 10 running requests and per 100,000 tokens of context.
constexpr double kMs = 1'000;  // us
constexpr double kPrefillTokens = 1'000;
constexpr double kRunning = 10;
constexpr double kContext = 100'000;

double clamp_to(double value, double prior) {
  return std::clamp(value, prior / RateTable::kClamp, prior * RateTable::kClamp);
}

std::array<double, 3> step_features(double running, double context) {
  return {1, running / kRunning, context / kContext};
}

double seen_at_most(double seen_us, double expected_us) {
  return std::clamp(seen_us, 0.0, RateTable::kOutlier * expected_us);
}

}  // namespace

template <std::size_t N>
RecursiveLeastSquares<N>::RecursiveLeastSquares(const Vector& start, double prior_weight,
                                                double forget)
    : value_(start), forget_(forget) {
  for (std::size_t i = 0; i < N; ++i)
    covariance_[i][i] = start[i] * start[i] / prior_weight;
}

template <std::size_t N>
void RecursiveLeastSquares<N>::observe(const Vector& x, double y) {
  Vector px{};
  double scale = forget_;
  double expected = 0;
  for (std::size_t i = 0; i < N; ++i) {
    for (std::size_t j = 0; j < N; ++j)
      px[i] += covariance_[i][j] * x[j];
    scale += x[i] * px[i];
    expected += x[i] * value_[i];
  }
  double trace = 0;
  for (std::size_t i = 0; i < N; ++i) {
    value_[i] += px[i] / scale * (y - expected);
    for (std::size_t j = 0; j < N; ++j)
      covariance_[i][j] -= px[i] * px[j] / scale;
    trace += covariance_[i][i];
  }
  // Forgetting makes what no observation touches less and less certain: stop at some doubt.
  if (trace >= kTraceMax) return;
  for (auto& row : covariance_)
    for (double& cell : row)
      cell /= forget_;
}

template class RecursiveLeastSquares<1>;
template class RecursiveLeastSquares<3>;

RateTable::Class::Class(const Rates& start)
    : prior(start),
      now(start),
      prefill({start.a * kPrefillTokens / kMs}, kPriorWeight, kForget),
      step({start.base / kMs, start.b * kRunning / kMs, start.c * kContext / kMs}, kPriorWeight,
           kForget) {}

std::size_t RateTable::add_class(const Rates& prior) {
  if (classes_.size() == kClassesMax) return kClassesMax;
  classes_.emplace_back(prior);
  return classes_.size() - 1;
}

void RateTable::observe(std::size_t rate_class, EndpointIndex endpoint, const FirstToken& seen) {
  Class& c = classes_[rate_class];
  const double tokens =
      (seen.tokens_ahead + seen.uncached_tokens) * (1 + seen.context_tokens / kContextScale);
  if (!(tokens > 0) || !(seen.seconds > 0)) return;
  const double expected = tokens * c.now.a;
  note_drift(endpoint, seen.seconds * 1e6, expected);
  // Relative: a long prompt says no more about the rate than a short one.
  const double kilo = tokens / kPrefillTokens;
  c.prefill.observe({1}, seen_at_most(seen.seconds * 1e6, expected) / kMs / kilo);
  c.now.a = clamp_to(c.prefill.value()[0] * kMs / kPrefillTokens, c.prior.a);
}

void RateTable::observe(std::size_t rate_class, EndpointIndex endpoint, const Step& seen) {
  Class& c = classes_[rate_class];
  if (!(seen.seconds > 0)) return;
  const double expected = c.now.base + c.now.b * seen.running + c.now.c * seen.context_tokens;
  note_drift(endpoint, seen.seconds * 1e6, expected);
  c.step.observe(step_features(seen.running, seen.context_tokens),
                 seen_at_most(seen.seconds * 1e6, expected) / kMs);
  const auto& [base, running, context] = c.step.value();
  c.now.base = clamp_to(base * kMs, c.prior.base);
  c.now.b = clamp_to(running * kMs / kRunning, c.prior.b);
  c.now.c = clamp_to(context * kMs / kContext, c.prior.c);
}

void RateTable::note_drift(EndpointIndex endpoint, double seen, double expected) {
  if (endpoint >= drift_.size()) drift_.resize(endpoint + 1);
  const double limit = 2 * std::log(kOutlier);
  const double ratio = std::clamp(std::log(seen / expected), -limit, limit);
  drift_[endpoint] += kDriftWeight * (ratio - drift_[endpoint]);
}

double RateTable::drift(EndpointIndex endpoint) const {
  return endpoint < drift_.size() ? std::exp(drift_[endpoint]) : 1;
}

void RateTable::forget(EndpointIndex endpoint) {
  if (endpoint < drift_.size()) drift_[endpoint] = 0;
}

}  // namespace sovmesh::routing
