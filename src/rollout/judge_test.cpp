#include "rollout/judge.h"

#include <gmock/gmock.h>

#include "rollout/rollout_test_support.h"

namespace sovmesh::rollout {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class JudgeTest : public testing::Test {
 protected:
  explicit JudgeTest(Gate gate = {}) { plan_.gates = {gate}; }
  // The verdicts after `looks` of 1,000 requests at the share of 20 %.
  std::vector<Evidence> after(int looks, const Figures& stable, const Figures& candidate) {
    Seen seen;
    for (int i = 0; i < looks; ++i)
      observe(plan_, look_of(1'000, 2'000, stable, candidate), seen);
    return judge(plan_, seen);
  }
  Verdict verdict(int looks, const Figures& stable, const Figures& candidate) {
    return after(looks, stable, candidate).front().verdict;
  }
  Plan plan_ = steps_of_ten();
};

TEST_F(JudgeTest, HasNoVerdictBeforeTheMinimumSample) {
  EXPECT_EQ(verdict(0, {}, {}), Verdict::too_few);
  plan_.gates[0].sample_min = 201;
  EXPECT_EQ(verdict(1, {}, {.error_rate = 1}), Verdict::too_few);
  plan_.gates[0].sample_min = 200;
  EXPECT_EQ(verdict(1, {}, {.error_rate = 1}), Verdict::regressed);
}

TEST_F(JudgeTest, NeedsAsManyRequestsOfTheStableVersionToPassOne) {
  Seen seen;
  observe(plan_, {.stable = arm_of(100, {}), .candidate = arm_of(1'000, {})}, seen);
  EXPECT_EQ(judge(plan_, seen)[0].verdict, Verdict::too_few);
  observe(plan_, {.stable = arm_of(100, {}), .candidate = arm_of(1'000, {})}, seen);
  EXPECT_EQ(judge(plan_, seen)[0].verdict, Verdict::passes);
}

TEST_F(JudgeTest, SeesEachKindOfRegression) {
  struct Case {
    Measure measure;
    Figures candidate;
  };
  for (const auto& [measure, candidate] :
       {Case{Measure::error_rate, {.error_rate = 0.21}},
        Case{Measure::refusal_rate, {.refusal_rate = 0.22}},
        Case{Measure::ttft, {.ttft_us = 900'000}}, Case{Measure::tpot, {.tpot_us = 60'000}}}) {
    plan_.gates = {{.measure = measure}};
    EXPECT_EQ(verdict(1, {}, candidate), Verdict::regressed) << name(measure);
    EXPECT_EQ(verdict(1, {}, {}), Verdict::passes) << name(measure);
    // What is worse elsewhere is not this gate's.
    for (const Measure other :
         {Measure::error_rate, Measure::refusal_rate, Measure::ttft, Measure::tpot}) {
      plan_.gates = {{.measure = other}};
      if (other != measure) EXPECT_EQ(verdict(1, {}, candidate), Verdict::passes) << name(other);
    }
  }
}

TEST_F(JudgeTest, IsContentWithABetterCandidate) {
  EXPECT_EQ(verdict(50, {.error_rate = 0.2}, {.error_rate = 0}), Verdict::passes);
  plan_.gates = {{.measure = Measure::ttft}};
  EXPECT_EQ(verdict(50, {.ttft_us = 900'000}, {}), Verdict::passes);
}

TEST_F(JudgeTest, TakesAFaultOfBothForNone) {
  Seen seen;
  for (int i = 0; i < 20; ++i) {
    const Figures both{.error_rate = i % 5 == 0 ? 0.5 : 0.005};
    observe(plan_, look_of(1'000, 2'000, both, both), seen);
  }
  EXPECT_EQ(judge(plan_, seen)[0].verdict, Verdict::passes);
}

TEST_F(JudgeTest, ToleratesWhatThePlanTolerates) {
  const Figures worse{.error_rate = 0.02};
  EXPECT_EQ(verdict(200, {}, worse), Verdict::regressed);
  plan_.gates[0].tolerance = 200;  // 2 points
  EXPECT_EQ(verdict(200, {}, worse), Verdict::passes);
  EXPECT_EQ(verdict(200, {}, {.error_rate = 0.08}), Verdict::regressed);

  plan_.gates = {{.measure = Measure::ttft}};
  const Figures slower{.ttft_us = 390'000};
  EXPECT_EQ(verdict(200, {}, slower), Verdict::regressed);
  plan_.gates[0].tolerance = 50;
  EXPECT_EQ(verdict(200, {}, slower), Verdict::passes);
  EXPECT_EQ(verdict(200, {}, {.ttft_us = 900'000}), Verdict::regressed);
}

TEST_F(JudgeTest, IsCautiousBeforeItIsSure) {
  // A bit more than 200 requests of the candidate, few errors more.
  Seen seen;
  bool cautious = false;
  for (int i = 0; i < 100; ++i) {
    observe(plan_, look_of(500, 2'000, {}, {.error_rate = 0.05}), seen);
    const Verdict verdict = judge(plan_, seen)[0].verdict;
    cautious |= verdict == Verdict::caution;
    if (verdict == Verdict::regressed) break;
  }
  EXPECT_TRUE(cautious);
  EXPECT_EQ(judge(plan_, seen)[0].verdict, Verdict::regressed);
}

TEST_F(JudgeTest, HoldsTheCandidateToItsObjectiveWhateverTheStableVersionDoes) {
  plan_.gates[0].objective = Objective{.rate_max = 500};
  const Figures bad{.error_rate = 0.2};
  auto evidence = after(3, bad, bad);
  ASSERT_EQ(evidence.size(), 2U);
  EXPECT_FALSE(evidence[0].objective);
  EXPECT_EQ(evidence[0].verdict, Verdict::passes);
  EXPECT_TRUE(evidence[1].objective);
  EXPECT_EQ(evidence[1].verdict, Verdict::regressed);
  EXPECT_THAT(evidence[1].text, HasSubstr("at most 5.00 % allowed"));

  plan_.gates = {
      {.measure = Measure::ttft, .objective = Objective{.time_max = 1'000ms, .quantile = 9'000}}};
  EXPECT_EQ(after(3, {}, {})[1].verdict, Verdict::passes);
  evidence = after(3, {.ttft_us = 1'500'000}, {.ttft_us = 1'500'000});
  EXPECT_EQ(evidence[1].verdict, Verdict::regressed);
  EXPECT_THAT(evidence[1].text, HasSubstr("90.00 % of requests within 1000 ms required"));
}

TEST_F(JudgeTest, GatesShareTheProbabilityOfAFalseRollback) {
  EXPECT_EQ(after(1, {}, {})[0].strength_limit, 200);
  plan_.gates.push_back({.measure = Measure::ttft, .objective = Objective{.time_max = 1s}});
  EXPECT_EQ(after(1, {}, {})[2].strength_limit, 600);
}

TEST_F(JudgeTest, SaysWhatItRestsOn) {
  const Evidence evidence = after(1, {}, {.error_rate = 0.25})[0];
  EXPECT_EQ(evidence.stable_sample, 800U);
  EXPECT_EQ(evidence.candidate_sample, 200U);
  EXPECT_EQ(evidence.stable_value, 0.01);
  EXPECT_EQ(evidence.candidate_value, 0.25);
  EXPECT_EQ(evidence.text,
            "error rate: stable 1.00 % of 800 requests, candidate 25.00 % of 200 requests; "
            "evidence against it over a million, limit 200");
}

}  // namespace
}  // namespace sovmesh::rollout
