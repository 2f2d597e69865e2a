#include "rollout/rollout.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace sovmesh::rollout {
namespace {

using Act = Decision::Act;

double percent(int share) { return share / 100.0; }

void note(Rollout& rollout, std::string text, WallTime now) {
  if (rollout.events.size() == kEventsMax) rollout.events.erase(rollout.events.begin());
  rollout.events.push_back(
      {.at = now, .state = rollout.state, .share = rollout.share(), .text = std::move(text)});
}

void enter(Rollout& rollout, State state, std::string text, WallTime now) {
  rollout.state = state;
  rollout.since = now;
  note(rollout, std::move(text), now);
}

void enter_step(Rollout& rollout, std::size_t step, std::string text, WallTime now) {
  rollout.step = step;
  rollout.held = std::chrono::microseconds{0};
  rollout.candidate_before = rollout.seen.candidate.requests;
  enter(rollout, State::holding, std::move(text), now);
}

// A pause stops the time of a hold; otherwise what has passed counts, within reason.
void count_time(Rollout& rollout, WallTime now) {
  const std::chrono::microseconds most = rollout.plan.decision_interval * 2;
  const auto passed = std::clamp(now - rollout.looked_at, std::chrono::microseconds{0}, most);
  if (rollout.state != State::paused) rollout.held += passed;
  rollout.looked_at = now;
  if (now < rollout.interval_began ||
      now >= rollout.interval_began + rollout.plan.decision_interval) {
    rollout.interval_began = now;
    rollout.early_looks = 0;
  } else {
    ++rollout.early_looks;
  }
}

std::uint64_t sample_min(const Plan& plan) {
  std::int64_t most = 0;
  for (const Gate& gate : plan.gates)
    most = std::max(most, gate.sample_min);
  return static_cast<std::uint64_t>(most);
}

const Evidence* first(const std::vector<Evidence>& evidence, Verdict verdict) {
  const auto found = std::ranges::find(evidence, verdict, &Evidence::verdict);
  return found == evidence.end() ? nullptr : &*found;
}

Decision roll_back(Rollout& rollout, std::string reason, std::vector<Evidence> evidence,
                   WallTime now) {
  enter(rollout, State::rolled_back, "rolled back: " + reason, now);
  return {Act::roll_back, std::move(reason), std::move(evidence)};
}

// Not over its steps yet, or not ready in time.
Decision decide_waiting(Rollout& rollout, const Readiness& readiness, WallTime now) {
  if (readiness.ready) {
    enter_step(rollout, 0, fmt::format("ready: {:g} %", percent(rollout.plan.steps[0].share)), now);
    return {Act::step, "the candidate is ready", {}};
  }
  if (rollout.held >= rollout.plan.ready_within)
    return roll_back(rollout, "not ready in time: " + readiness.why, {}, now);
  return {Act::wait, "not ready: " + readiness.why, {}};
}

// Why a step must go on, or nothing.
std::optional<std::string> reason_to_hold(const Rollout& rollout,
                                          const std::vector<Evidence>& evidence) {
  const Step& step = rollout.plan.steps[rollout.step];
  if (rollout.held < step.hold) {
    return fmt::format("holds {:g} % for {} s more", percent(step.share),
                       std::chrono::ceil<std::chrono::seconds>(step.hold - rollout.held).count());
  }
  if (const Evidence* few = first(evidence, Verdict::too_few))
    return "too few requests yet: " + few->text;
  const std::uint64_t in_step = rollout.seen.candidate.requests - rollout.candidate_before;
  if (in_step < sample_min(rollout.plan))
    return fmt::format("too few requests yet: {} of {} in this step", in_step,
                       sample_min(rollout.plan));
  if (const Evidence* caution = first(evidence, Verdict::caution))
    return "waits for clearer figures: " + caution->text;
  return std::nullopt;
}

Decision go_forward(Rollout& rollout, std::vector<Evidence> evidence, WallTime now) {
  if (rollout.step + 1 == rollout.plan.steps.size()) {
    enter(rollout, State::promoted, "promoted: every step has passed", now);
    return {Act::promote, "every step has passed", std::move(evidence)};
  }
  const int share = rollout.plan.steps[rollout.step + 1].share;
  enter_step(rollout, rollout.step + 1, fmt::format("all gates pass: {:g} %", percent(share)), now);
  return {Act::step, "all gates pass", std::move(evidence)};
}

std::unexpected<Error> conflict(const Rollout& rollout, std::string_view what) {
  return client_error(Code::conflict,
                      fmt::format("the rollout is {}: {}", name(rollout.state), what));
}

}  // namespace

std::string_view name(State state) {
  switch (state) {
    case State::waiting:
      return "waiting";
    case State::holding:
      return "holding";
    case State::paused:
      return "paused";
    case State::promoted:
      return "promoted";
    case State::rolled_back:
      return "rolled_back";
  }
  return "";
}

std::string_view name(Decision::Act act) {
  switch (act) {
    case Act::wait:
      return "wait";
    case Act::hold:
      return "hold";
    case Act::step:
      return "step";
    case Act::promote:
      return "promote";
    case Act::roll_back:
      return "roll_back";
  }
  return "";
}

int Rollout::share() const {
  if (state == State::promoted) return catalog::kWholeShare;
  const bool has_weight =
      state == State::holding || (state == State::paused && paused_from == State::holding);
  return has_weight ? plan.steps[step].share : 0;
}

std::optional<catalog::Shift> Rollout::shift(const catalog::Route& route) const {
  const bool is_changed = route.revision != route_revision;
  if (is_over(state) && is_changed) return std::nullopt;
  return catalog::Shift{.version = plan.candidate,
                        .share = share(),
                        .before = is_changed ? std::vector<catalog::Outcome>{} : before};
}

catalog::Route Rollout::as_left(const catalog::Route& route) const {
  return route.revision == route_revision ? catalog::with_outcomes(route, before) : route;
}

Result<void> Rollout::fits(const catalog::Route& route) const {
  return validate(plan, as_left(route));
}

void Rollout::follow(const catalog::Route& route) {
  if (is_over(state) || route.revision == route_revision) return;
  route_revision = route.revision;
  before.clear();
}

std::vector<catalog::Outcome> outcomes_in_force(const Rollout* last, const catalog::Route& route) {
  if (last == nullptr || !is_over(last->state) || last->route_revision != route.revision) return {};
  std::vector<catalog::Outcome> outcomes = last->before;
  const ModelName& version = last->plan.candidate;
  std::erase_if(outcomes, [&](const auto& outcome) { return outcome.version == version; });
  outcomes.push_back({.version = version, .promoted = last->state == State::promoted});
  return outcomes;
}

Rollout start(Ulid id, Plan plan, std::int64_t route_revision, WallTime now) {
  assert(validate(plan));
  Rollout rollout{.id = id,
                  .plan = std::move(plan),
                  .route_revision = route_revision,
                  .since = now,
                  .looked_at = now,
                  .interval_began = now,
                  .created_at = now,
                  .updated_at = now};
  note(rollout, "started: waits until the candidate is ready", now);
  return rollout;
}

NextLook next_look(const Rollout& rollout) {
  NextLook next{.at = rollout.interval_began + rollout.plan.decision_interval};
  if (rollout.share() == 0) return next;
  const std::uint64_t least = sample_min(rollout.plan);
  if (rollout.early_looks < kEarlyLooksMax)
    next.candidate_requests = std::max<std::uint64_t>(1, least / kEarlyLooksMax);
  // Once exactly at the minimum sample: the first request that can bring a verdict does.
  const std::uint64_t so_far = rollout.seen.candidate.requests;
  if (so_far < least)
    next.candidate_requests = std::min(next.candidate_requests.value_or(least), least - so_far);
  return next;
}

Decision decide(Rollout& rollout, const Look& look, const Readiness& readiness, WallTime now) {
  if (is_over(rollout.state)) return {Act::wait, "it is over", {}};
  count_time(rollout, now);
  rollout.updated_at = now;
  if (rollout.state == State::waiting) return decide_waiting(rollout, readiness, now);
  if (rollout.share() == 0) return {Act::wait, "paused before its first step", {}};

  observe(rollout.plan, look, rollout.seen);
  std::vector<Evidence> evidence = judge(rollout.plan, rollout.seen);
  if (!readiness.ready)
    return roll_back(rollout, "no longer ready: " + readiness.why, std::move(evidence), now);
  if (const Evidence* broken = first(evidence, Verdict::regressed)) {
    std::string reason = broken->text;
    return roll_back(rollout, std::move(reason), std::move(evidence), now);
  }
  if (rollout.state == State::paused) return {Act::hold, "paused", std::move(evidence)};
  if (auto reason = reason_to_hold(rollout, evidence))
    return {Act::hold, *std::move(reason), std::move(evidence)};
  return go_forward(rollout, std::move(evidence), now);
}

Result<void> pause(Rollout& rollout, WallTime now) {
  if (is_over(rollout.state) || rollout.state == State::paused)
    return conflict(rollout, "only one that goes on can be paused");
  rollout.paused_from = rollout.state;
  rollout.updated_at = now;
  enter(rollout, State::paused, "paused by hand", now);
  return {};
}

Result<void> resume(Rollout& rollout, WallTime now) {
  if (rollout.state != State::paused) return conflict(rollout, "only a paused one can go on");
  rollout.updated_at = now;
  enter(rollout, rollout.paused_from, "resumed by hand", now);
  return {};
}

Result<void> abort(Rollout& rollout, std::string_view why, WallTime now) {
  if (is_over(rollout.state)) return conflict(rollout, "there is nothing to abort");
  rollout.updated_at = now;
  enter(rollout, State::rolled_back,
        why.empty() ? "aborted by hand" : fmt::format("aborted by hand: {}", why), now);
  return {};
}

Result<void> promote(Rollout& rollout, const Readiness& readiness, WallTime now) {
  if (is_over(rollout.state)) return conflict(rollout, "there is nothing to promote");
  if (!readiness.ready) return conflict(rollout, "the candidate is not ready: " + readiness.why);
  rollout.updated_at = now;
  enter(rollout, State::promoted, "promoted by hand", now);
  return {};
}

Result<catalog::Route> settled(const catalog::Route& route, const Rollout& rollout) {
  const Plan& plan = rollout.plan;
  if (!is_over(rollout.state)) return conflict(rollout, "its outcome is not known yet");
  if (const auto fits = rollout.fits(route); !fits)
    return client_error(Code::conflict, "the route has changed: " + fits.error().message(),
                        fits.error().param());
  catalog::Route after = rollout.as_left(route);
  const bool promoted = rollout.state == State::promoted;
  const ModelName& winner = promoted ? plan.candidate : plan.stable;
  const ModelName& loser = promoted ? plan.stable : plan.candidate;
  std::int64_t both = 0;
  for (catalog::RouteVersion& version : after.versions) {
    if (version.model == winner || version.model == loser) both += std::exchange(version.weight, 0);
    if (promoted && version.model == loser) version.stage = catalog::Stage::experiment;
  }
  const auto kept = std::ranges::find(after.versions, winner, &catalog::RouteVersion::model);
  kept->weight = std::min(both, catalog::kWeightMax);
  kept->stage = catalog::Stage::stable;
  // What answers is not copied to itself.
  if (after.mirror && after.mirror->version == winner) after.mirror.reset();
  return after;
}

}  // namespace sovmesh::rollout
