#include "gateway/decisions.h"

#include <utility>

namespace sovmesh::gateway {

std::string_view name(TurnRule rule) {
  switch (rule) {
    case TurnRule::at_once:
      return "at_once";
    case TurnRule::guaranteed:
      return "guaranteed";
    case TurnRule::borrowed:
      return "borrowed";
    case TurnRule::held:
      return "held";
    case TurnRule::late:
      return "late";
  }
  return "";
}

std::string_view name(EngineChoice::Verdict verdict) {
  switch (verdict) {
    case EngineChoice::Verdict::taken:
      return "taken";
    case EngineChoice::Verdict::dearer:
      return "dearer";
    case EngineChoice::Verdict::full:
      return "full";
    case EngineChoice::Verdict::crowded:
      return "crowded";
    case EngineChoice::Verdict::out:
      return "out";
    case EngineChoice::Verdict::not_ready:
      return "not_ready";
  }
  return "";
}

void Decisions::drop_oldest(State& state, TenantId tenant) {
  const auto own = state.by_tenant.find(tenant);
  const Place oldest = own->second.front();
  own->second.pop_front();
  if (own->second.empty()) state.by_tenant.erase(own);
  state.by_request.erase(oldest->request);
  state.all.erase(oldest);
}

void Decisions::add(RequestId request, Decision whose, Decision::Attempt attempt) {
  state_.with([&](State& state) {
    if (const auto known = state.by_request.find(request); known != state.by_request.end()) {
      auto& attempts = known->second->decision.attempts;
      if (attempts.size() < kAttemptsMax) attempts.push_back(std::move(attempt));
      return;
    }
    const TenantId tenant = whose.tenant;
    if (const auto own = state.by_tenant.find(tenant);
        own != state.by_tenant.end() && own->second.size() == kPerTenantMax)
      drop_oldest(state, tenant);
    if (state.all.size() == kAllMax) drop_oldest(state, state.all.front().decision.tenant);
    whose.attempts.push_back(std::move(attempt));
    state.all.push_back({request, std::move(whose)});
    const Place place = std::prev(state.all.end());
    state.by_request.emplace(request, place);
    state.by_tenant[tenant].push_back(place);
  });
}

void Decisions::end(RequestId request, std::string_view outcome) {
  state_.with([&](State& state) {
    const auto known = state.by_request.find(request);
    if (known == state.by_request.end()) return;
    Decision::Attempt& last = known->second->decision.attempts.back();
    if (last.outcome.empty()) last.outcome = outcome;
  });
}

std::optional<Decision> Decisions::find(RequestId request) const {
  return state_.with([&](const State& state) -> std::optional<Decision> {
    const auto known = state.by_request.find(request);
    if (known == state.by_request.end()) return std::nullopt;
    return known->second->decision;
  });
}

}  // namespace sovmesh::gateway
