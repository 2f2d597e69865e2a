#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "catalog/route.h"

namespace sovmesh::rollout {

constexpr std::size_t kStepsMax = 32;
constexpr std::size_t kGatesMax = 4;  // one per measure
constexpr int kDesignEffectMax = 64;

enum class Measure : std::uint8_t { error_rate, refusal_rate, ttft, tpot };
std::string_view name(Measure measure);
std::optional<Measure> parse_measure(std::string_view text);
constexpr bool is_rate(Measure measure) {
  return measure == Measure::error_rate || measure == Measure::refusal_rate;
}

// What the candidate must keep whatever the stable version does.
struct Objective {
  int rate_max = 0;                      // rates: basis points
  std::chrono::milliseconds time_max{};  // times: what `quantile` of the requests stay below
  int quantile = 9'500;                  // times: basis points
};

// One thing in which the candidate must not be worse than the stable version.
struct Gate {
  Measure measure = Measure::error_rate;
  // What is no regression. Rates: basis points above the stable version's rate. Times: percent
  // above the stable version's, rounded up to a quarter octave (19, 41, 68, 100 percent).
  int tolerance = 0;
  // No verdict of this gate, for or against, before the candidate has had so many requests (and
  // none for it before the stable version has).
  std::int64_t sample_min = 200;
  std::optional<Objective> objective;
};

struct Step {
  int share = 0;  // of the candidate, basis points
  std::chrono::seconds hold{0};
};

struct Plan {
  ModelName route;
  ModelName stable;
  ModelName candidate;
  std::vector<Step> steps;  // growing shares; when the last one has held, the candidate is promoted
  std::vector<Gate> gates;
  std::chrono::seconds decision_interval{60};
  std::chrono::seconds ready_within{600};  // no longer is waited for a candidate that is not ready
  // The probability that a candidate which is no worse is rolled back, over the whole rollout and
  // all gates together: millionths.
  int false_rollback_ppm = 5'000;
  // By how much requests of one conversation, user or tenant vary together: the variance of a rate
  // relative to independent requests, 1 + (requests per key - 1) x their correlation.
  int design_effect = 2;
};

// Code::config_invalid with the field as its param.
Result<void> validate(const Plan& plan);
// Whether the plan fits the route: both versions are its, `stable` is its stable one and has
// weight.
Result<void> validate(const Plan& plan, const catalog::Route& route);

}  // namespace sovmesh::rollout
