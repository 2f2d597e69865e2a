#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "rollout/arm.h"
#include "rollout/plan.h"
#include "rollout/rollout.h"

namespace sovmesh::rollout {

inline ModelName model(std::string_view name) { return ModelName::parse(name).value(); }

inline WallTime at(std::chrono::seconds since_start) {
  return WallTime(std::chrono::hours(500'000)) + since_start;
}

// Of route "chat": from "old" to "new" in steps of 10 %, two minutes each, all four gates.
inline Plan steps_of_ten() {
  Plan plan{.route = model("chat"), .stable = model("old"), .candidate = model("new")};
  for (int share = 1'000; share <= catalog::kWholeShare; share += 1'000)
    plan.steps.push_back({.share = share, .hold = std::chrono::seconds(120)});
  for (const Measure measure :
       {Measure::error_rate, Measure::refusal_rate, Measure::ttft, Measure::tpot})
    plan.gates.push_back({.measure = measure});
  return plan;
}

inline catalog::Route chat(std::int64_t old_weight, std::int64_t new_weight) {
  return {
      .name = model("chat"),
      .versions = {{.model = model("old"), .weight = old_weight},
                   {.model = model("new"), .weight = new_weight, .stage = catalog::Stage::canary}}};
}

// Without chance: exactly these rates, and times around the medians.
struct Figures {
  double error_rate = 0.01;
  double refusal_rate = 0.02;
  std::int64_t ttft_us = 300'000;
  std::int64_t tpot_us = 20'000;
};

inline Arm arm_of(std::uint64_t requests, const Figures& figures) {
  Arm arm{.requests = requests};
  arm.errors = static_cast<std::uint64_t>(static_cast<double>(requests) * figures.error_rate + 0.5);
  arm.refusals =
      static_cast<std::uint64_t>(static_cast<double>(requests) * figures.refusal_rate + 0.5);
  for (std::uint64_t i = 0; i < requests - arm.errors; ++i) {
    const auto around = static_cast<std::int64_t>(i % 10);
    arm.ttft_us.add(figures.ttft_us * (5 + around) / 10);
    arm.tpot_us.add(figures.tpot_us * (5 + around) / 10);
    arm.output_tokens.add(100 + 40 * around);
  }
  return arm;
}

// What `requests` bring at the candidate's present share.
inline Look look_of(std::uint64_t requests, int share, const Figures& stable,
                    const Figures& candidate) {
  const std::uint64_t to_candidate =
      requests * static_cast<std::uint64_t>(share) / catalog::kWholeShare;
  return {.stable = arm_of(requests - to_candidate, stable),
          .candidate = arm_of(to_candidate, candidate)};
}

}  // namespace sovmesh::rollout
