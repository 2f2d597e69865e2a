#include "rollout/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>

namespace sovmesh::rollout {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kHoldMax = 24h * 30;
constexpr std::int64_t kSampleMax = 1'000'000;
constexpr int kTolerancePercentMax = 1'000;
constexpr int kFalseRollbackMax = 50'000;

std::unexpected<Error> wrong(std::string param, std::string message) {
  return client_error(Code::config_invalid, std::move(message), std::move(param));
}

Result<void> check_steps(const Plan& plan) {
  if (plan.steps.empty() || plan.steps.size() > kStepsMax)
    return wrong("steps", fmt::format("want 1 to {} steps", kStepsMax));
  int before = 0;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    if (step.share <= before || step.share > catalog::kWholeShare)
      return wrong(fmt::format("steps[{}].share", i),
                   "want more than the step before and at most all");
    if (step.hold < plan.decision_interval || step.hold > kHoldMax)
      return wrong(fmt::format("steps[{}].hold", i),
                   "want at least the decision interval and at most 30 days");
    before = step.share;
  }
  if (plan.steps[0].share == catalog::kWholeShare)
    return wrong("steps[0].share", "leaves no stable version to compare with");
  return {};
}

Result<void> check_objective(const Gate& gate, const std::string& at) {
  const Objective& objective = *gate.objective;
  if (is_rate(gate.measure)) {
    if (objective.rate_max < 1 || objective.rate_max >= catalog::kWholeShare)
      return wrong(at + ".rate_max", "want more than 0 and less than all");
    return {};
  }
  if (objective.time_max <= 0ms || objective.time_max > 1h)
    return wrong(at + ".time_max", "want more than 0 and at most an hour");
  if (objective.quantile < 1 || objective.quantile >= catalog::kWholeShare)
    return wrong(at + ".quantile", "want more than 0 and less than all");
  return {};
}

Result<void> check_gates(const Plan& plan) {
  if (plan.gates.empty() || plan.gates.size() > kGatesMax)
    return wrong("gates", fmt::format("want 1 to {} gates", kGatesMax));
  std::set<Measure> seen;
  for (std::size_t i = 0; i < plan.gates.size(); ++i) {
    const Gate& gate = plan.gates[i];
    const std::string at = fmt::format("gates[{}]", i);
    if (!seen.insert(gate.measure).second)
      return wrong(at + ".measure",
                   fmt::format("another gate has the measure {}", name(gate.measure)));
    const int most = is_rate(gate.measure) ? catalog::kWholeShare - 1 : kTolerancePercentMax;
    if (gate.tolerance < 0 || gate.tolerance > most)
      return wrong(at + ".tolerance", fmt::format("want 0 to {}", most));
    if (gate.sample_min < 1 || gate.sample_min > kSampleMax)
      return wrong(at + ".sample_min", fmt::format("want 1 to {}", kSampleMax));
    if (gate.objective) TRY_VOID(check_objective(gate, at + ".objective"));
  }
  return {};
}

}  // namespace

std::string_view name(Measure measure) {
  switch (measure) {
    case Measure::error_rate:
      return "error_rate";
    case Measure::refusal_rate:
      return "refusal_rate";
    case Measure::ttft:
      return "ttft";
    case Measure::tpot:
      return "tpot";
  }
  return "";
}

std::optional<Measure> parse_measure(std::string_view text) {
  constexpr std::array kAll{Measure::error_rate, Measure::refusal_rate, Measure::ttft,
                            Measure::tpot};
  const auto found =
      std::ranges::find_if(kAll, [text](Measure measure) { return name(measure) == text; });
  if (found == kAll.end()) return std::nullopt;
  return *found;
}

Result<void> validate(const Plan& plan) {
  if (plan.stable == plan.candidate) return wrong("candidate", "is the stable version itself");
  if (plan.decision_interval < 1s || plan.decision_interval > 24h)
    return wrong("decision_interval", "want 1 second to 24 hours");
  if (plan.ready_within < plan.decision_interval || plan.ready_within > 24h)
    return wrong("ready_within", "want at least the decision interval and at most 24 hours");
  if (plan.false_rollback_ppm < 1 || plan.false_rollback_ppm > kFalseRollbackMax)
    return wrong("false_rollback_ppm", fmt::format("want 1 to {}", kFalseRollbackMax));
  if (plan.design_effect < 1 || plan.design_effect > kDesignEffectMax)
    return wrong("design_effect", fmt::format("want 1 to {}", kDesignEffectMax));
  TRY_VOID(check_steps(plan));
  return check_gates(plan);
}

Result<void> validate(const Plan& plan, const catalog::Route& route) {
  if (plan.route != route.name) return wrong("route", fmt::format("want {}", route.name.text()));
  const catalog::RouteVersion& stable = route.stable();
  if (stable.model != plan.stable)
    return wrong("stable", fmt::format("the route's stable version is {}", stable.model.text()));
  if (stable.weight == 0)
    return wrong("stable", fmt::format("{} has the weight 0, so there is nothing to compare with",
                                       stable.model.text()));
  if (route.version(plan.candidate)) return {};
  std::string others;
  for (const catalog::RouteVersion& version : route.versions)
    if (version.model != plan.stable) others += fmt::format(" {}", version.model.text());
  return wrong("candidate", fmt::format("{} is not a version of the route; beside the stable one "
                                        "there are:{}",
                                        plan.candidate.text(), others.empty() ? " none" : others));
}

}  // namespace sovmesh::rollout
