#include "rollout/plan.h"

#include <gtest/gtest.h>

#include "rollout/rollout_test_support.h"

namespace sovmesh::rollout {
namespace {

using namespace std::chrono_literals;

std::string complaint(const Result<void>& valid) {
  if (valid) return "";
  EXPECT_EQ(valid.error().code(), Code::config_invalid);
  return valid.error().param() + ": " + valid.error().message();
}

template <class Change>
std::string complaint_after(Change change) {
  Plan plan = steps_of_ten();
  change(plan);
  return complaint(validate(plan));
}

TEST(Plan, IsValidInStepsOfTen) { EXPECT_EQ(complaint(validate(steps_of_ten())), ""); }

TEST(Plan, NeedsGrowingStepsThatLeaveSomethingToCompareWith) {
  EXPECT_EQ(complaint_after([](Plan& plan) { plan.steps.clear(); }), "steps: want 1 to 32 steps");
  EXPECT_EQ(complaint_after([](Plan& plan) { plan.steps.resize(kStepsMax + 1); }),
            "steps: want 1 to 32 steps");
  EXPECT_EQ(complaint_after([](Plan& plan) { plan.steps[3].share = 3'000; }),
            "steps[3].share: want more than the step before and at most all");
  EXPECT_EQ(complaint_after([](Plan& plan) { plan.steps[9].share = 10'001; }),
            "steps[9].share: want more than the step before and at most all");
  EXPECT_EQ(complaint_after(
                [](Plan& plan) { plan.steps.erase(plan.steps.begin(), plan.steps.end() - 1); }),
            "steps[0].share: leaves no stable version to compare with");
  EXPECT_EQ(complaint_after([](Plan& plan) { plan.steps[2].hold = 59s; }),
            "steps[2].hold: want at least the decision interval and at most 30 days");
}

TEST(Plan, NeedsGatesOnePerMeasure) {
  EXPECT_EQ(complaint_after([](Plan& plan) { plan.gates.clear(); }), "gates: want 1 to 4 gates");
  EXPECT_EQ(complaint_after([](Plan& plan) { plan.gates[1].measure = Measure::error_rate; }),
            "gates[1].measure: another gate has the measure error_rate");
  EXPECT_EQ(complaint_after([](Plan& plan) { plan.gates[0].tolerance = 10'000; }),
            "gates[0].tolerance: want 0 to 9999");
  EXPECT_EQ(complaint_after([](Plan& plan) { plan.gates[2].tolerance = 1'001; }),
            "gates[2].tolerance: want 0 to 1000");
  EXPECT_EQ(complaint_after([](Plan& plan) { plan.gates[3].sample_min = 0; }),
            "gates[3].sample_min: want 1 to 1000000");
  EXPECT_EQ(complaint_after([](Plan& plan) { plan.gates[0].objective = Objective{}; }),
            "gates[0].objective.rate_max: want more than 0 and less than all");
  EXPECT_EQ(complaint_after([](Plan& plan) { plan.gates[2].objective = Objective{}; }),
            "gates[2].objective.time_max: want more than 0 and at most an hour");
  EXPECT_EQ(complaint_after([](Plan& plan) {
              plan.gates[2].objective = Objective{.time_max = 2s, .quantile = 10'000};
            }),
            "gates[2].objective.quantile: want more than 0 and less than all");
}

TEST(Plan, RefusesWhatMakesNoSense) {
  EXPECT_EQ(complaint_after([](Plan& plan) { plan.candidate = plan.stable; }),
            "candidate: is the stable version itself");
  EXPECT_EQ(complaint_after([](Plan& plan) { plan.decision_interval = 0s; }),
            "decision_interval: want 1 second to 24 hours");
  EXPECT_EQ(complaint_after([](Plan& plan) { plan.ready_within = 59s; }),
            "ready_within: want at least the decision interval and at most 24 hours");
  EXPECT_EQ(complaint_after([](Plan& plan) { plan.false_rollback_ppm = 0; }),
            "false_rollback_ppm: want 1 to 50000");
  EXPECT_EQ(complaint_after([](Plan& plan) { plan.design_effect = 65; }),
            "design_effect: want 1 to 64");
}

TEST(Plan, FitsARouteWhoseStableVersionHasWeight) {
  const Plan plan = steps_of_ten();
  EXPECT_EQ(complaint(validate(plan, chat(90, 10))), "");
  EXPECT_EQ(complaint(validate(plan, chat(0, 10))),
            "stable: old has the weight 0, so there is nothing to compare with");
  catalog::Route route = chat(90, 10);
  route.versions.pop_back();
  EXPECT_EQ(complaint(validate(plan, route)),
            "candidate: new is not a version of the route; beside the stable one there are: none");
  route = chat(90, 10);
  std::swap(route.versions[0].stage, route.versions[1].stage);
  EXPECT_EQ(complaint(validate(plan, route)), "stable: the route's stable version is new");
  route = chat(90, 10);
  route.name = model("other");
  EXPECT_EQ(complaint(validate(plan, route)), "route: want other");
}

TEST(Plan, NamesAndParsesMeasures) {
  for (const Measure measure :
       {Measure::error_rate, Measure::refusal_rate, Measure::ttft, Measure::tpot})
    EXPECT_EQ(parse_measure(name(measure)), measure);
  EXPECT_EQ(parse_measure("TTFT"), std::nullopt);
}

}  // namespace
}  // namespace sovmesh::rollout
