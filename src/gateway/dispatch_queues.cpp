#include "gateway/dispatch_queues.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <ranges>
#include <set>
#include <utility>

#include "gateway/dispatch_pool.h"
#include "identity/directory.h"

namespace sovmesh::gateway {

DispatchQueues::DispatchQueues(const std::vector<PoolSettings>& pools, Make make,
                               const Clock& clock, const Snapshot<identity::Directory>* directory,
                               std::uint64_t seed)
    : make_(std::move(make)), clock_(clock), directory_(directory), seed_(seed) {
  std::uint64_t draws = seed;
  for (const PoolSettings& settings : pools) {
    const Pool& pool = pools_.emplace(settings.name, make_(settings, ++draws)).first->second;
    for (const std::string& engine : settings.engines)
      of_engine_.emplace(engine, pool);
  }
  state_.with([this](State& state) { state.rest = make_unnamed(state, {}); });
}

// The same whoever else has one, and whenever it is made. Without engines: for the rest.
DispatchQueues::Pool DispatchQueues::make_unnamed(const State& state,
                                                  const EngineGroup& engines) const {
  PoolSettings settings = state.settings;
  settings.engines = engines;
  const std::size_t whose = engines.empty() ? 0 : std::hash<std::string>()(engines.front());
  Pool made = make_(settings, seed_ + whose);
  made->with([&](DispatchPool& pool) { pool.set_version(state.version); });
  return made;
}

const DispatchQueues::Pool& DispatchQueues::queue_of(State& state, std::string_view engine) {
  const auto known = state.group_of.find(engine);
  if (known == state.group_of.end()) return state.rest;
  Group& group = state.groups[known->second];
  if (!group.queue) group.queue = make_unnamed(state, group.engines);
  return group.queue;
}

DispatchQueues::Found DispatchQueues::find(State& state, std::string_view engine) {
  if (const auto named = of_engine_.find(engine); named != of_engine_.end())
    return {.pool = named->second};
  return {.pool = queue_of(state, engine), .version = state.version};
}

template <class F>
auto DispatchQueues::locked(F&& use) {
  Effects effects;
  auto out = state_.with([&](State& state) {
    look(state, clock_.now(), effects);
    return std::invoke(std::forward<F>(use), state);
  });
  Dispatcher::wake(effects.woken);
  return out;
}

DispatchQueues::Found DispatchQueues::find(std::string_view engine) {
  return locked([&](State& state) { return find(state, engine); });
}

DispatchQueues::Found DispatchQueues::find(Engines& engines, Engines& others) {
  return locked([&](State& state) {
    const Found found = find(state, engines.front()->name());
    std::erase_if(engines, [&](const auto& engine) {
      if (find(state, engine->name()).pool == found.pool) return false;
      others.push_back(engine);
      return true;
    });
    return found;
  });
}

// One change of the groups. The lanes that there are say which queues may go on: those all of whose
// lanes belong together, one for each group.
struct DispatchQueues::Regrouping {
  static constexpr std::size_t kRest = static_cast<std::size_t>(-1);

  std::size_t target_of(std::string_view engine) const {
    const auto known = next.group_of.find(engine);
    return known == next.group_of.end() ? kRest : known->second;
  }
  // Where its lanes belong now.
  std::set<std::size_t> targets_of(const Pool& queue) const {
    std::set<std::size_t> targets;
    for (const std::string& engine :
         queue->with([](const DispatchPool& pool) { return pool.lane_names(); }))
      targets.insert(target_of(engine));
    return targets;
  }
  void keep_or_retire_rest(const Pool& rest) {
    const std::set<std::size_t> targets = targets_of(rest);
    if (targets.empty() || targets == std::set{kRest})
      next.rest = rest;
    else
      leaving.push_back(rest);
  }
  void keep_or_retire(const Pool& queue) {
    const std::set<std::size_t> targets = targets_of(queue);
    const std::size_t first = targets.empty() ? kRest : *targets.begin();
    const bool goes_on = targets.size() == 1 && first != kRest && !next.groups[first].queue;
    if (goes_on)
      next.groups[first].queue = queue;
    else
      leaving.push_back(queue);
  }

  State next;
  std::vector<Pool> leaving;
};

void DispatchQueues::look(State& state, Instant now, Effects& effects) {
  if (directory_ == nullptr) return;
  std::shared_ptr<const identity::Directory> directory = directory_->get();
  if (directory == state.seen) return;
  effects.forgotten = std::exchange(state.seen, std::move(directory));
  std::vector<EngineGroup> told = groups_of(*state.seen);
  if (told != state.told) regroup(state, std::move(told), now, effects.woken);
}

std::vector<EngineGroup> DispatchQueues::groups_of(const identity::Directory& directory) const {
  std::vector<std::vector<std::string>> models;
  for (const catalog::Model& model : directory.models().all()) {
    std::vector<std::string>& engines = models.emplace_back(model.engines);
    if (engines.empty()) engines.push_back(model.engine);
    std::erase_if(engines, [&](const std::string& engine) { return of_engine_.contains(engine); });
  }
  return engine_groups(models);
}

void DispatchQueues::regroup(State& state, std::vector<EngineGroup> told, Instant now,
                             Woken& woken) {
  Regrouping change;
  change.next.settings = state.settings;
  change.next.version = state.version + 1;
  change.next.seen = state.seen;
  for (const EngineGroup& engines : told | std::views::take(kGroupsMax)) {
    for (const std::string& engine : engines)
      change.next.group_of.emplace(engine, change.next.groups.size());
    change.next.groups.push_back({.engines = engines});
  }
  change.next.told = std::move(told);
  change.keep_or_retire_rest(state.rest);
  for (const Group& group : state.groups)
    if (group.queue) change.keep_or_retire(group.queue);
  change.next.retired = std::move(state.retired);
  state = std::move(change.next);
  if (!state.rest) state.rest = make_unnamed(state, {});
  for (const Pool& queue : live(state))
    queue->with([&](DispatchPool& pool) { pool.set_version(state.version); });
  for (const Pool& queue : change.leaving)
    retire(state, queue, now, woken);
  std::erase_if(state.retired, [](const Pool& queue) {
    return queue->with([](const DispatchPool& pool) { return !pool.has_seats(); });
  });
}

void DispatchQueues::retire(State& state, const Pool& queue, Instant now, Woken& woken) {
  DispatchPool::Left left =
      queue->with([&](DispatchPool& pool) { return pool.retire(now, woken); });
  for (std::unique_ptr<EngineLane>& lane : left.lanes) {
    const Pool& heir = queue_of(state, lane->engine->name());
    heir->with([&](DispatchPool& pool) { pool.adopt(std::move(lane), left, now, woken); });
  }
  state.retired.push_back(queue);
}

std::vector<DispatchQueues::Pool> DispatchQueues::live(const State& state) {
  std::vector<Pool> queues{state.rest};
  for (const Group& group : state.groups)
    if (group.queue) queues.push_back(group.queue);
  return queues;
}

DispatchQueues::Pool DispatchQueues::pool_of(const std::string& name) const {
  const auto known = pools_.find(name);
  return known == pools_.end() ? nullptr : known->second;
}

void DispatchQueues::configure(const PoolSettings& settings) {
  const auto configure = [&](const Pool& queue) {
    Woken woken;
    queue->with([&](DispatchPool& pool) {
      pool.configure(settings.members, settings.capacity, clock_.now(), woken);
    });
    Dispatcher::wake(woken);
  };
  if (!settings.name.empty()) {
    if (const Pool pool = pool_of(settings.name)) configure(pool);
    return;
  }
  state_.with([&](State& state) {
    state.settings.members = settings.members;
    state.settings.capacity = settings.capacity;
    for (const Pool& queue : live(state))
      configure(queue);
  });
}

std::vector<DispatchQueues::Named> DispatchQueues::all() {
  std::vector<Named> all = state_.with([](const State& state) {
    std::vector<Named> unnamed{{.queue = state.rest}};
    for (const Group& group : state.groups)
      if (group.queue) unnamed.push_back({.engine = group.engines.front(), .queue = group.queue});
    for (const Pool& queue : state.retired)
      unnamed.push_back({.queue = queue, .is_retired = true});
    return unnamed;
  });
  for (const auto& [name, queue] : pools_)
    all.push_back({.pool = name, .queue = queue});
  return all;
}

DispatchQueues::Pool DispatchQueues::queue_of(const std::string& pool, std::string_view engine) {
  if (!pool.empty()) return pool_of(pool);
  return locked([&](State& state) { return Pool(queue_of(state, engine)); });
}

}  // namespace sovmesh::gateway
