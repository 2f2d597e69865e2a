#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rollout/arm.h"
#include "rollout/evidence.h"
#include "rollout/plan.h"

namespace sovmesh::rollout {

enum class Verdict : std::uint8_t {
  too_few,    // requests for any verdict
  passes,     // nothing speaks against it
  caution,    // something does, not enough to roll back: no step forward
  regressed,  // roll back
};
std::string_view name(Verdict verdict);

// What a verdict rests on. The figures are of all requests since the rollout began.
struct Evidence {
  Measure measure = Measure::error_rate;
  bool objective = false;  // judged by the plan's objective, else against the stable version
  Verdict verdict = Verdict::too_few;
  std::uint64_t stable_sample = 0;
  std::uint64_t candidate_sample = 0;
  double stable_value = 0;  // rates: 0 to 1; times: microseconds, the median or the objective's
  double candidate_value = 0;
  // Of ChangeTest, and the one at which the candidate is rolled back.
  double strength = 1;
  double strength_limit = 0;
  std::string text;  // all of it in a sentence
};

// What a judge has seen; plain, persisted.
struct Seen {
  Arm stable;
  Arm candidate;
  struct Test {
    ChangeTest::State against_stable;
    ChangeTest::State against_objective;
    friend bool operator==(const Test&, const Test&) = default;
  };
  std::vector<Test> tests;  // by Plan::gates
  friend bool operator==(const Seen&, const Seen&) = default;
};

// The strength of evidence at which a rollout does not go forward, though not back either.
constexpr double kCautionStrength = 10;

// Adds a look to what has been seen.
void observe(const Plan& plan, const Look& look, Seen& seen);
// The verdict of each gate, its objective's behind it.
std::vector<Evidence> judge(const Plan& plan, const Seen& seen);

}  // namespace sovmesh::rollout
