#include "compose/placing.h"

namespace sovmesh::compose {
namespace {

control::Placing::Engine engine_of(const gateway::EngineChoice& choice) {
  control::Placing::Engine out{.name = choice.engine,
                               .verdict = name(choice.verdict),
                               .cached_tokens = choice.cached_tokens};
  if (!choice.cost) return out;
  out.cost_us = choice.cost->total();
  for (std::size_t i = 0; i < choice.cost->terms.size(); ++i) {
    const double micros = choice.cost->terms.at(i);
    if (micros > 0) out.parts.push_back({name(static_cast<routing::Cost::Term>(i)), micros});
  }
  return out;
}

control::Placing::Attempt attempt_of(const gateway::Decision::Attempt& attempt) {
  control::Placing::Attempt out{.version = attempt.version,
                                .why = attempt.why,
                                .engine = attempt.engine,
                                .outcome = attempt.outcome,
                                .waited = attempt.waited};
  if (!attempt.seat) return out;
  out.rule = name(attempt.seat->rule);
  out.pool = attempt.seat->pool;
  out.tenant_before = attempt.seat->tenant_before;
  out.pool_before = attempt.seat->pool_before;
  for (const gateway::EngineChoice& choice : attempt.seat->engines)
    out.engines.push_back(engine_of(choice));
  return out;
}

}  // namespace

control::Placing placing_of(const gateway::Decision& decision) {
  control::Placing out{.version = decision.attempts.back().version,
                       .priority = name(decision.priority)};
  for (const gateway::Decision::Attempt& attempt : decision.attempts)
    out.attempts.push_back(attempt_of(attempt));
  return out;
}

std::optional<control::MirrorView> mirror_view_of(
    const std::optional<gateway::Mirrors::Comparison>& seen) {
  if (!seen) return std::nullopt;
  control::MirrorView out{.version = seen->version, .outcomes = {}, .report = {}};
  for (std::size_t i = 0; i < seen->outcomes.size(); ++i) {
    if (seen->outcomes.at(i) > 0)
      out.outcomes.emplace_back(name(static_cast<gateway::Mirrors::Outcome>(i)),
                                seen->outcomes.at(i));
  }
  out.report = rollout::compare(seen->original.arm, seen->copies.arm);
  rollout::add_total_times(out.report, seen->original.total_us, seen->copies.total_us);
  return out;
}

}  // namespace sovmesh::compose
