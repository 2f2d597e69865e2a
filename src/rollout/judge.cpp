#include "rollout/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace sovmesh::rollout {
namespace {

std::uint64_t events(Measure measure, const Arm& arm) {
  return measure == Measure::error_rate ? arm.errors : arm.refusals;
}

const Histogram& times(Measure measure, const Arm& arm) {
  return measure == Measure::ttft ? arm.ttft_us : arm.tpot_us;
}

std::uint64_t sample(Measure measure, const Arm& arm) {
  return is_rate(measure) ? arm.requests : times(measure, arm).count();
}

double odds(double rate) { return rate / (1 - rate); }

// The odds ratio of a rate that is `tolerance` above what the stable version has shown so far.
double tolerated_odds(const Gate& gate, const Arm& stable_before) {
  constexpr double kRateMax = 0.999;
  const double rate = (static_cast<double>(events(gate.measure, stable_before)) + 1) /
                      (static_cast<double>(stable_before.requests) + 2);
  const double most = std::min(rate + gate.tolerance / 10'000.0, kRateMax);
  return std::max(1.0, odds(most) / odds(rate));
}

// Whole buckets: the least factor of 2^(n/4) that is at least what is tolerated.
std::size_t tolerated_buckets(const Gate& gate) {
  const double factor = 1 + gate.tolerance / 100.0;
  return static_cast<std::size_t>(std::ceil(std::log2(factor) * Histogram::kPerOctave - 1e-9));
}

Alternatives against_stable(const Gate& gate, const Look& look, const Arm& stable_before) {
  Alternatives ratios{};
  const double tolerated = is_rate(gate.measure) ? tolerated_odds(gate, stable_before) : 1;
  for (std::size_t i = 0; i < kAlternatives; ++i) {
    if (is_rate(gate.measure)) {
      const Table table{.stable_events = events(gate.measure, look.stable),
                        .stable_total = look.stable.requests,
                        .candidate_events = events(gate.measure, look.candidate),
                        .candidate_total = look.candidate.requests};
      ratios[i] = log_likelihood_ratio(table, kOddsRatios[i] * tolerated, tolerated);
    } else {
      ratios[i] = log_likelihood_ratio(times(gate.measure, look.stable),
                                       times(gate.measure, look.candidate), tolerated_buckets(gate),
                                       kOddsRatios[i]);
    }
  }
  return ratios;
}

// What the objective counts: events, or times beyond the bucket of the longest that is allowed.
std::uint64_t misses(const Gate& gate, const Arm& arm) {
  if (is_rate(gate.measure)) return events(gate.measure, arm);
  const auto longest = std::chrono::microseconds(gate.objective->time_max).count();
  return times(gate.measure, arm).beyond(Histogram::bucket_of(longest));
}

double misses_allowed(const Gate& gate) {
  const int allowed = is_rate(gate.measure) ? gate.objective->rate_max
                                            : catalog::kWholeShare - gate.objective->quantile;
  return allowed / 10'000.0;
}

Alternatives against_objective(const Gate& gate, const Arm& candidate) {
  Alternatives ratios{};
  for (std::size_t i = 0; i < kAlternatives; ++i)
    ratios[i] = log_likelihood_ratio(misses(gate, candidate), sample(gate.measure, candidate),
                                     misses_allowed(gate), kOddsRatios[i]);
  return ratios;
}

void add(ChangeTest::State& state, const Alternatives& ratios, int design_effect) {
  ChangeTest test(state);
  test.look(ratios, design_effect);
  state = test.state();
}

double value(const Gate& gate, bool objective, const Arm& arm) {
  const auto of = static_cast<double>(sample(gate.measure, arm));
  if (is_rate(gate.measure))
    return of == 0 ? 0 : static_cast<double>(events(gate.measure, arm)) / of;
  const double q = objective ? gate.objective->quantile / 10'000.0 : 0.5;
  return times(gate.measure, arm).quantile(q);
}

std::string_view what(Measure measure) {
  switch (measure) {
    case Measure::error_rate:
      return "error rate";
    case Measure::refusal_rate:
      return "refusal rate";
    case Measure::ttft:
      return "time to first token";
    case Measure::tpot:
      return "time per output token";
  }
  return "";
}

std::string value_text(Measure measure, double value) {
  return is_rate(measure) ? fmt::format("{:.2f} %", value * 100)
                          : fmt::format("{:.1f} ms", value / 1'000);
}

std::string against_text(const Gate& gate, const Evidence& evidence) {
  if (!evidence.objective)
    return fmt::format("stable {} of {} requests", value_text(gate.measure, evidence.stable_value),
                       evidence.stable_sample);
  if (is_rate(gate.measure))
    return fmt::format("at most {:.2f} % allowed", gate.objective->rate_max / 100.0);
  return fmt::format("{:.2f} % of requests within {} ms required", gate.objective->quantile / 100.0,
                     gate.objective->time_max.count());
}

std::string sentence(const Gate& gate, const Evidence& evidence) {
  constexpr double kPlainMax = 1e6;
  const std::string strength = evidence.strength < kPlainMax
                                   ? fmt::format("{:.1f}", evidence.strength)
                                   : std::string("over a million");
  return fmt::format("{}: {}, candidate {} of {} requests; evidence against it {}, limit {:.0f}",
                     what(gate.measure), against_text(gate, evidence),
                     value_text(gate.measure, evidence.candidate_value), evidence.candidate_sample,
                     strength, evidence.strength_limit);
}

Verdict verdict_of(const Gate& gate, const Evidence& evidence, const Seen& seen) {
  const auto least = static_cast<std::uint64_t>(gate.sample_min);
  if (seen.candidate.requests < least) return Verdict::too_few;
  if (evidence.strength >= evidence.strength_limit) return Verdict::regressed;
  if (!evidence.objective && seen.stable.requests < least) return Verdict::too_few;
  return evidence.strength >= kCautionStrength ? Verdict::caution : Verdict::passes;
}

Evidence evidence_of(const Gate& gate, const Seen& seen, bool objective,
                     const ChangeTest::State& state, double limit) {
  Evidence evidence{.measure = gate.measure,
                    .objective = objective,
                    .stable_sample = sample(gate.measure, seen.stable),
                    .candidate_sample = sample(gate.measure, seen.candidate),
                    .stable_value = value(gate, objective, seen.stable),
                    .candidate_value = value(gate, objective, seen.candidate),
                    .strength = std::exp(ChangeTest(state).log_value()),
                    .strength_limit = limit};
  evidence.verdict = verdict_of(gate, evidence, seen);
  evidence.text = sentence(gate, evidence);
  return evidence;
}

}  // namespace

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::too_few:
      return "too_few";
    case Verdict::passes:
      return "passes";
    case Verdict::caution:
      return "caution";
    case Verdict::regressed:
      return "regressed";
  }
  return "";
}

void observe(const Plan& plan, const Look& look, Seen& seen) {
  seen.tests.resize(plan.gates.size());
  for (std::size_t i = 0; i < plan.gates.size(); ++i) {
    const Gate& gate = plan.gates[i];
    if (sample(gate.measure, look.candidate) == 0) continue;  // nothing was learnt
    add(seen.tests[i].against_stable, against_stable(gate, look, seen.stable), plan.design_effect);
    if (gate.objective)
      add(seen.tests[i].against_objective, against_objective(gate, look.candidate),
          plan.design_effect);
  }
  seen.stable += look.stable;
  seen.candidate += look.candidate;
}

std::vector<Evidence> judge(const Plan& plan, const Seen& seen) {
  const auto tests = plan.gates.size() +
                     static_cast<std::size_t>(std::ranges::count_if(
                         plan.gates, [](const Gate& gate) { return gate.objective.has_value(); }));
  const double limit = static_cast<double>(tests) * 1e6 / plan.false_rollback_ppm;
  std::vector<Evidence> all;
  for (std::size_t i = 0; i < plan.gates.size(); ++i) {
    const Gate& gate = plan.gates[i];
    const Seen::Test test = i < seen.tests.size() ? seen.tests[i] : Seen::Test{};
    all.push_back(evidence_of(gate, seen, false, test.against_stable, limit));
    if (gate.objective) all.push_back(evidence_of(gate, seen, true, test.against_objective, limit));
  }
  return all;
}

}  // namespace sovmesh::rollout
