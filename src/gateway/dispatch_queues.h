#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/dispatcher.h"
#include "gateway/engine_groups.h"

namespace sovmesh::gateway {

// The queues of a dispatcher: one for each pool of the configuration; of the engines that no pool
// names one for each group of them that models connect, made when somebody first asks for it; and
// one for all others. Shared by all workers.
//
//   live ──other models connect its engines──▶ retired ──its last seat ends──▶ gone
//
// The directory is looked at by whoever asks for a queue: until then nobody needs another one.
//
// A queue that retires hands the lanes of its engines, with the slots that are taken there, to
// those that have the engines now. Who waits in it enters one of these. Who runs keeps its ticket,
// and frees its slots where the lane is by then. Invariant: each lane is in the queue that find()
// gives for its engine.
class DispatchQueues {
 public:
  using Pool = Dispatcher::Pool;
  using Woken = Dispatcher::Woken;
  // Groups of engines that have one; those of further groups share one.
  static constexpr std::size_t kGroupsMax = 32;

  using Make = std::function<Pool(const PoolSettings& settings, std::uint64_t seed)>;
  // `directory`: null, or its models connect engines. `seed`: of the draws of all queues.
  DispatchQueues(const std::vector<PoolSettings>& pools, Make make, const Clock& clock,
                 const Snapshot<identity::Directory>* directory, std::uint64_t seed);

  // The queue of an engine. When it is entered it must still be is_of(version).
  struct Found {
    Pool pool;
    std::uint64_t version = 0;
  };
  Found find(std::string_view engine);
  // That of the first one. Those of other queues go to `others`.
  using Engines = std::vector<std::shared_ptr<engine::Engine>>;
  Found find(Engines& engines, Engines& others);

  void configure(const PoolSettings& settings);

  struct Named {
    std::string pool;    // empty: its engines are in none
    std::string engine;  // the first of the group, if it is one's
    Pool queue;
    bool is_retired = false;
  };
  // By name, the empty one first.
  std::vector<Named> all();
  // That of `engine`, if `pool` is empty. Null: there is no such pool.
  Pool queue_of(const std::string& pool, std::string_view engine);

 private:
  struct Group {
    EngineGroup engines;
    Pool queue = nullptr;  // null: nobody has asked for it
  };
  struct State {
    PoolSettings settings;  // of those below
    std::uint64_t version = 0;
    std::shared_ptr<const identity::Directory> seen;
    std::vector<EngineGroup> told;
    std::vector<Group> groups;
    std::map<std::string, std::size_t, std::less<>> group_of;  // by engine
    Pool rest;
    std::vector<Pool> retired;  // in which something may still run
  };
  struct Regrouping;
  // For when the lock is no longer held.
  struct Effects {
    Woken woken;
    std::shared_ptr<const identity::Directory> forgotten;
  };

  // use(state, effects), with the groups as they are now.
  template <class F>
  auto locked(F&& use);
  void look(State& state, Instant now, Effects& effects);
  std::vector<EngineGroup> groups_of(const identity::Directory& directory) const;
  void regroup(State& state, std::vector<EngineGroup> told, Instant now, Woken& woken);
  Found find(State& state, std::string_view engine);
  const Pool& queue_of(State& state, std::string_view engine);
  Pool make_unnamed(const State& state, const EngineGroup& engines) const;
  void retire(State& state, const Pool& queue, Instant now, Woken& woken);
  static std::vector<Pool> live(const State& state);
  Pool pool_of(const std::string& name) const;  // null: the configuration has none

  Make make_;
  const Clock& clock_;
  const Snapshot<identity::Directory>* directory_;
  std::uint64_t seed_;
  std::map<std::string, Pool, std::less<>> pools_;      // by name
  std::map<std::string, Pool, std::less<>> of_engine_;  // those that a pool names
  Guarded<State> state_;
};

}  // namespace sovmesh::gateway
