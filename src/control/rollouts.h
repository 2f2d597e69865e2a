#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/snapshot.h"
#include "identity/directory.h"
#include "rollout/in_force.h"
#include "rollout/rollout.h"
#include "store/control_store.h"

namespace sovmesh::control {

// The rollouts of this gateway's routes, at most one of each: decides, publishes what the request
// path goes by, and keeps them over restarts. What it has published is what counts: a store that
// cannot be written delays no rollback, and is tried again at the next look. Calls block on the
// store: the blocking pool makes them; in_force() is for any thread.
class Rollouts {
 public:
  struct Parts {
    store::ControlStore& store;
    const Snapshot<identity::Directory>& directory;
    const Clock& clock;
    // Whether requests may be sent to this model now.
    std::function<rollout::Readiness(const catalog::Model&)> readiness;
    // Told of what a rollout did by itself. Empty: nobody is.
    std::function<void(const rollout::Rollout&)> tell = {};
    // Told of everything that happens to one, by hand as well, and in a word what that is: as
    // rollout_event() wants it. Empty: nobody is.
    std::function<void(const rollout::Rollout&, std::string_view what)> happened = {};
  };
  explicit Rollouts(Parts parts);

  // Takes up what the process before this one has left. At the start.
  Result<void> load();

  // Looks at each rollout that is due. A route that has changed so that its rollout no longer fits
  // ends it.
  void look();

  const Snapshot<rollout::RoutesInForce>& in_force() const { return in_force_; }
  std::vector<rollout::Rollout> all() const;  // by route
  // Code::not_found where the route has none.
  Result<rollout::Rollout> find(const std::string& route) const;
  // What the last look came to; empty: there was none.
  std::string last_reason(const ModelName& route) const;

  // The version with which a rollout that starts now compares: the route's stable one, or what was
  // promoted since.
  ModelName stable_of(const catalog::Route& route) const;
  // What a route's rollout would be; take() makes it so. Code::conflict where it cannot.
  Result<rollout::Rollout> started(Ulid id, rollout::Plan plan) const;
  enum class Act : std::uint8_t { pause, resume, promote, abort };
  Result<rollout::Rollout> after(Act act, const std::string& route, std::string_view why) const;
  // Puts it in force, unless it has moved meanwhile by itself: then the later state stays.
  void take(const rollout::Rollout& next);
  // As it is stored. `store`: also one of a change that is under way.
  static Result<void> write(store::ControlStore& store, const rollout::Rollout& rollout);
  // The route is gone, and with it what its last rollout came to: first in the store, then here.
  static Result<void> erase(store::ControlStore& store, const ModelName& route);
  void forget(const ModelName& route);
  // What is in force fits the routes that were published just now.
  void follow_routes();

  static constexpr std::size_t kRoutesMax = 256;  // with a rollout at once

 private:
  struct Entry {
    rollout::Rollout rollout;
    std::shared_ptr<rollout::Tally> tally = std::make_shared<rollout::Tally>();
    std::string last_reason;
    bool is_stored = true;  // as it is now
  };
  using State = std::map<ModelName, Entry>;

  bool put_in_force(const rollout::Rollout& next);
  bool look_at(Entry& entry, WallTime now) const;
  void store(const std::vector<rollout::Rollout>& unstored);
  void publish(const State& state);
  rollout::Readiness readiness_of(const ModelName& model) const;
  std::vector<catalog::Outcome> outcomes_of(const catalog::Route& route) const;

  Parts parts_;
  mutable Guarded<State> state_;  // its lock is also the turn of writers
  Snapshot<rollout::RoutesInForce> in_force_;
};

}  // namespace sovmesh::control
