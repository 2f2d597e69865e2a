#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "routing/endpoint_set.h"

namespace sovmesh::routing {

// How fast a model runs on a GPU class. Times in microseconds.
//   time to first token = (tokens in front + own uncached tokens) * a * (1 + context /
//   kContextScale) one decode step     = base + b * running requests + c * their context tokens
struct Rates {
  double a = 85;         // per prefill token
  double b = 60;         // per running request and step
  double c = 0.02;       // per context token and step
  double base = 14'000;  // per step
  friend bool operator==(const Rates&, const Rates&) = default;
};
constexpr double kContextScale = 60'000;  // tokens at which attention doubles the cost of prefill

// Least squares, one observation at a time, with old ones forgotten. N unknowns of about unit size;
// the caller scales. The gain is bounded: long silence in one direction does not blow it up.
template <std::size_t N>
class RecursiveLeastSquares {
 public:
  using Vector = std::array<double, N>;
  // `start` is believed like `prior_weight` observations.
  RecursiveLeastSquares(const Vector& start, double prior_weight, double forget);
  void observe(const Vector& x, double y);
  const Vector& value() const { return value_; }

 private:
  static constexpr double kTraceMax = 1e4;
  Vector value_;
  std::array<std::array<double, N>, N> covariance_{};
  double forget_;
};
extern template class RecursiveLeastSquares<1>;
extern template class RecursiveLeastSquares<3>;

// Learns the rates of each class (model, GPU class) from what requests show, from priors on. Values
// stay within a factor kClamp of the prior, so that nonsense cannot turn routing over. Outside
// observations (clock steps, hours of silence) count at most kOutlier times what was expected.
// Per endpoint it follows observed / expected: an engine that drifts from its class is sick.
class RateTable {
 public:
  static constexpr double kClamp = 8;
  static constexpr double kOutlier = 4;
  static constexpr double kForget = 0.998;  // half of the weight after about 350 observations
  static constexpr double kPriorWeight = 4;
  static constexpr double kDriftWeight = 0.05;  // of the newest observation
  static constexpr std::size_t kClassesMax = 4'096;

  // The number of the new class, for EndpointSpec::rate_class; kClassesMax when full.
  std::size_t add_class(const Rates& prior);
  const Rates& rates(std::size_t rate_class) const { return classes_[rate_class].now; }
  std::size_t classes() const { return classes_.size(); }

  struct FirstToken {
    double tokens_ahead = 0;  // prefill tokens in front of the request when it was sent
    double uncached_tokens = 0;
    double context_tokens = 0;  // of its whole prompt
    double seconds = 0;
  };
  struct Step {  // the time between two tokens of a stream
    double running = 0;
    double context_tokens = 0;
    double seconds = 0;
  };
  void observe(std::size_t rate_class, EndpointIndex endpoint, const FirstToken& seen);
  void observe(std::size_t rate_class, EndpointIndex endpoint, const Step& seen);

  // Smoothed observed / expected of one endpoint; 1 before anything is known.
  double drift(EndpointIndex endpoint) const;
  void forget(EndpointIndex endpoint);

 private:
  struct Class {
    explicit Class(const Rates& start);
    Rates prior;
    Rates now;
    RecursiveLeastSquares<1> prefill;
    RecursiveLeastSquares<3> step;
  };
  void note_drift(EndpointIndex endpoint, double seen, double expected);

  std::vector<Class> classes_;
  std::vector<double> drift_;  // log of the ratio
};

}  // namespace sovmesh::routing
