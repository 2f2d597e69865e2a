#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace sovmesh::routing {

// How many requests an engine gets at once, from how it answers (Envoy's gradient controller):
//   gradient = clamp(best x 1.25 / sample, 0.5, 2);  limit = limit x gradient + sqrt(limit)
// where `sample` is the median of a window of the time to first token divided by uncached prompt
// tokens: total time measures how long answers are, not load. `best` is the same at low load,
// measured anew about once a minute from live traffic, with the limit at its floor meanwhile.
// Only requests that begin say something. Where long answers hold all that the limit gives, none
// does: after kHeld it goes on without, by gradient 1, and a measurement ends with what it has.
//
//   measuring --(kMeasured samples, or held)--> following --(a minute +- 15 %)--> measuring
class AdaptiveLimit {
 public:
  static constexpr double kBuffer = 1.25;
  static constexpr double kGradientMin = 0.5;
  static constexpr double kGradientMax = 2;
  static constexpr std::chrono::milliseconds kWindow{100};
  static constexpr std::chrono::seconds kMeasureEvery{60};
  static constexpr double kJitter = 0.15;
  static constexpr std::size_t kMeasured = 50;
  static constexpr std::size_t kSamplesMin = 5;      // a window with fewer goes on
  static constexpr std::size_t kSamplesMax = 1'000;  // more of one window are left out
  static constexpr std::chrono::seconds kHeld{1};

  struct Bounds {
    std::int64_t floor = 3;  // at least 1
    std::int64_t ceiling = 1'000;
  };
  // `random` of [0, 1) here and below: when to measure next.
  AdaptiveLimit(const Bounds& bounds, double random, Instant now);

  std::int64_t limit() const;
  bool admits(std::int64_t running) const { return running < limit(); }
  void on_first_token(std::chrono::duration<double> time, std::int64_t uncached_tokens,
                      double random, Instant now);
  // Now and then. `taken`: places of the limit; `unanswered`: requests on them that have got no
  // first token yet.
  void look(std::int64_t taken, std::int64_t unanswered, double random, Instant now);
  bool measuring() const { return measuring_; }
  double best() const { return best_; }  // seconds per token; 0 before the first measurement

 private:
  double take_median();
  void step(double gradient, Instant now);
  void end_measurement(double random, Instant now);
  void plan_measurement(double random, Instant now);

  Bounds bounds_;
  double limit_;
  double best_ = 0;
  bool measuring_ = true;
  Instant measuring_since_;
  Instant window_since_;
  Instant measure_at_;
  std::optional<Instant> held_since_;
  std::vector<double> samples_;
};

}  // namespace sovmesh::routing
