#include "control/rollouts.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "control/admin_objects.h"
#include "control/rollout_json.h"

namespace sovmesh::control {
namespace {

constexpr const char* kIndex = "rollouts";  // the store's value that names the routes that have one

std::string value_name(const ModelName& route) { return fmt::format("rollout/{}", route.text()); }

// Without enough requests of the stable version there is no verdict, however many the candidate has
// had: a large share must not wait for the end of the interval.
bool completes_sample(const rollout::Rollout& rollout, std::uint64_t stable_since) {
  std::uint64_t least = 0;
  for (const rollout::Gate& gate : rollout.plan.gates)
    least = std::max(least, static_cast<std::uint64_t>(gate.sample_min));
  const std::uint64_t before = rollout.seen.stable.requests;
  return before < least && before + stable_since >= least && rollout.share() > 0;
}

bool is_due(const rollout::Rollout& rollout, const rollout::Tally& tally, WallTime now) {
  const rollout::NextLook next = rollout::next_look(rollout);
  const rollout::Tally::Requests since = tally.requests();
  return now >= next.at || completes_sample(rollout, since.stable) ||
         (next.candidate_requests && since.candidate >= *next.candidate_requests);
}

// What happened last to one, in a word.
std::string_view last_event(const rollout::Rollout& rollout, bool by_hand) {
  using rollout::State;
  if (rollout.events.size() == 1) return "started";
  switch (rollout.events.back().state) {
    case State::paused:
      return "paused";
    case State::promoted:
      return "promoted";
    case State::rolled_back:
      return by_hand ? "aborted" : "rolled_back";
    case State::waiting:
    case State::holding:
      break;
  }
  return by_hand ? "resumed" : "step";
}

}  // namespace

Rollouts::Rollouts(Parts parts)
    : parts_(std::move(parts)),
      state_(),
      in_force_(std::make_shared<const rollout::RoutesInForce>()) {}

Result<void> Rollouts::load() {
  TRY(const auto index, parts_.store.get_value(kIndex));
  State state;
  for (const ModelName& route : names_of_index(index.value_or(""))) {
    TRY(const auto text, parts_.store.get_value(value_name(route)));
    TRY(rollout::Rollout rollout, parse_rollout(text.value_or("")));
    state.emplace(route, Entry{.rollout = std::move(rollout), .last_reason = {}});
  }
  state_.with([&](State& now) {
    now = std::move(state);
    publish(now);
  });
  return {};
}

rollout::Readiness Rollouts::readiness_of(const ModelName& model) const {
  const auto directory = parts_.directory.get();
  const catalog::Model* const known = directory->models().model(model);
  if (known == nullptr) return {.ready = false, .why = "there is no such model"};
  return parts_.readiness(*known);
}

// Whether anything is different now.
bool Rollouts::look_at(Entry& entry, WallTime now) const {
  rollout::Rollout& rollout = entry.rollout;
  const auto directory = parts_.directory.get();
  const catalog::Route* const route = directory->models().route(rollout.plan.route);
  const auto fits =
      route == nullptr ? client_error(Code::not_found, "the route is gone") : rollout.fits(*route);
  if (!fits) return rollout::abort(rollout, fits.error().message(), now).has_value();
  rollout.follow(*route);
  const rollout::Readiness readiness = readiness_of(rollout.plan.candidate);
  const bool may_begin = rollout.state == rollout::State::waiting && readiness.ready;
  if (!may_begin && !is_due(rollout, *entry.tally, now)) return false;
  entry.last_reason = rollout::decide(rollout, entry.tally->take(), readiness, now).reason;
  return true;
}

void Rollouts::look() {
  const WallTime now = parts_.clock.wall_now();
  std::vector<rollout::Rollout> moved;
  std::vector<rollout::Rollout> unstored;
  state_.with([&](State& state) {
    for (auto& [route, entry] : state) {
      const std::vector<rollout::Event> before = entry.rollout.events;
      if (!rollout::is_over(entry.rollout.state) && look_at(entry, now)) {
        ++entry.rollout.revision;
        entry.is_stored = false;
      }
      if (before != entry.rollout.events) moved.push_back(entry.rollout);
      if (!entry.is_stored) unstored.push_back(entry.rollout);
    }
    publish(state);
  });
  store(unstored);
  for (const rollout::Rollout& rollout : moved) {
    if (parts_.tell) parts_.tell(rollout);
    if (parts_.happened) parts_.happened(rollout, last_event(rollout, false));
  }
}

// Not under the lock: who changes the store asks here in the middle of it.
void Rollouts::store(const std::vector<rollout::Rollout>& unstored) {
  for (const rollout::Rollout& rollout : unstored) {
    if (!write(parts_.store, rollout)) continue;  // again at the next look
    state_.with([&](State& state) {
      const auto found = state.find(rollout.plan.route);
      if (found == state.end()) return;
      Entry& entry = found->second;
      entry.is_stored = entry.rollout.revision == rollout.revision;
    });
  }
}

void Rollouts::publish(const State& state) {
  rollout::RoutesInForce next;
  const auto directory = parts_.directory.get();
  for (const auto& [name, entry] : state) {
    const catalog::Route* const route = directory->models().route(name);
    if (route == nullptr) continue;
    const auto shift = entry.rollout.shift(*route);
    if (!shift) continue;
    next.emplace(name, rollout::InForce{
                           .shift = *shift,
                           .stable = entry.rollout.plan.stable,
                           .tally = rollout::is_over(entry.rollout.state) ? nullptr : entry.tally});
  }
  in_force_.publish(std::make_shared<const rollout::RoutesInForce>(std::move(next)));
}

std::vector<rollout::Rollout> Rollouts::all() const {
  return state_.with([](const State& state) {
    std::vector<rollout::Rollout> out;
    for (const auto& [route, entry] : state)
      out.push_back(entry.rollout);
    return out;
  });
}

Result<rollout::Rollout> Rollouts::find(const std::string& route) const {
  const auto name = ModelName::parse(route);
  return state_.with([&](const State& state) -> Result<rollout::Rollout> {
    const auto found = name ? state.find(*name) : state.end();
    if (found != state.end()) return found->second.rollout;
    std::vector<std::string> known;
    for (const auto& [other, entry] : state)
      known.emplace_back(other.text());
    return no_such("rollout of route", route, known);
  });
}

std::string Rollouts::last_reason(const ModelName& route) const {
  return state_.with([&](const State& state) {
    const auto found = state.find(route);
    return found == state.end() ? std::string() : found->second.last_reason;
  });
}

std::vector<catalog::Outcome> Rollouts::outcomes_of(const catalog::Route& route) const {
  return state_.with([&](const State& state) {
    const auto found = state.find(route.name);
    const rollout::Rollout* const last = found == state.end() ? nullptr : &found->second.rollout;
    return rollout::outcomes_in_force(last, route);
  });
}

ModelName Rollouts::stable_of(const catalog::Route& route) const {
  return catalog::with_outcomes(route, outcomes_of(route)).stable().model;
}

Result<rollout::Rollout> Rollouts::started(Ulid id, rollout::Plan plan) const {
  const auto directory = parts_.directory.get();
  const catalog::Route* const route = directory->models().route(plan.route);
  if (route == nullptr)
    return client_error(Code::not_found, fmt::format("there is no route '{}'", plan.route.text()),
                        "route");
  TRY_VOID(rollout::validate(plan));
  std::int64_t revision = 1;
  const auto before = find(std::string(plan.route.text()));
  if (before && !rollout::is_over(before->state)) {
    return client_error(Code::conflict, fmt::format("a rollout of route '{}' is {}",
                                                    plan.route.text(), name(before->state)));
  }
  if (before) revision = before->revision + 1;
  if (!before && all().size() >= kRoutesMax)
    return client_error(Code::conflict, fmt::format("{} routes have rollouts", kRoutesMax));
  rollout::Rollout next =
      rollout::start(id, std::move(plan), route->revision, parts_.clock.wall_now());
  next.before = outcomes_of(*route);
  TRY_VOID(next.fits(*route));
  next.revision = revision;
  return next;
}

Result<rollout::Rollout> Rollouts::after(Act act, const std::string& route,
                                         std::string_view why) const {
  TRY(rollout::Rollout next, find(route));
  const WallTime now = parts_.clock.wall_now();
  const auto directory = parts_.directory.get();
  const catalog::Route* const present = directory->models().route(next.plan.route);
  if (present != nullptr && next.fits(*present)) next.follow(*present);
  switch (act) {
    case Act::pause:
      TRY_VOID(rollout::pause(next, now));
      break;
    case Act::resume:
      TRY_VOID(rollout::resume(next, now));
      break;
    case Act::promote:
      TRY_VOID(rollout::promote(next, readiness_of(next.plan.candidate), now));
      break;
    case Act::abort:
      TRY_VOID(rollout::abort(next, why, now));
      break;
  }
  ++next.revision;
  return next;
}

void Rollouts::take(const rollout::Rollout& next) {
  if (put_in_force(next) && parts_.happened) parts_.happened(next, last_event(next, true));
}

bool Rollouts::put_in_force(const rollout::Rollout& next) {
  return state_.with([&](State& state) {
    const auto found = state.find(next.plan.route);
    if (found == state.end() || found->second.rollout.id != next.id) {
      state.insert_or_assign(next.plan.route, Entry{.rollout = next, .last_reason = {}});
      publish(state);
      return true;
    }
    Entry& entry = found->second;
    // What it counted by itself meanwhile does not matter where it ends.
    const bool ends_it = rollout::is_over(next.state) && !rollout::is_over(entry.rollout.state);
    const bool fits = ends_it || next.revision == entry.rollout.revision + 1;
    if (fits) {
      entry.rollout = next;
      publish(state);
    } else {
      entry.is_stored = false;  // the store has what did not come to be
    }
    return fits;
  });
}

Result<void> Rollouts::write(store::ControlStore& store, const rollout::Rollout& rollout) {
  const ModelName& route = rollout.plan.route;
  TRY_VOID(store.put_value(value_name(route), rollout_json(rollout)));
  TRY(const auto index, store.get_value(kIndex));
  std::vector<ModelName> names = names_of_index(index.value_or(""));
  if (std::ranges::find(names, route) != names.end()) return {};
  names.push_back(route);
  return store.put_value(kIndex, index_json(names));
}

Result<void> Rollouts::erase(store::ControlStore& store, const ModelName& route) {
  TRY(const auto index, store.get_value(kIndex));
  std::vector<ModelName> names = names_of_index(index.value_or(""));
  if (std::erase(names, route) == 0) return {};
  TRY_VOID(store.put_value(kIndex, index_json(names)));
  return store.remove_value(value_name(route));
}

void Rollouts::forget(const ModelName& route) {
  state_.with([&](State& state) {
    state.erase(route);
    publish(state);
  });
}

void Rollouts::follow_routes() {
  state_.with([&](State& state) { publish(state); });
}

}  // namespace sovmesh::control
