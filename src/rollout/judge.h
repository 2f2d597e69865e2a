#pragma once

#include <cstdint>
#include <string>
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

// What a gate's verdict rests on. Rates in [0, 1]; times are medians in microseconds; since the
// rollout began.
struct Evidence {
  Measure measure = Measure::error_rate;
  bool objective = false;  // judged against the plan's objective, else against the stable version
  Verdict verdict = Verdict::too_few;
  std::uint64_t candidate_sample = 0;
  std::uint64_t stable_sample = 0;
  double candidate_value = 0;
  double stable_value = 0;
  double odds = 1;        // of a regression having begun: n to 1
  double odds_limit = 0;  // at which it is rolled back
  std::string text;       // one sentence
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

// Evidence at which a rollout does not go forward, though not back either: n to 1.
constexpr double kCautionOdds = 10;

// Adds a look to what has been seen.
void observe(const Plan& plan, const Look& look, Seen& seen);
// The verdict of each gate, the objectives behind.
std::vector<Evidence> judge(const Plan& plan, const Seen& seen);

}  // namespace sovmesh::rollout
