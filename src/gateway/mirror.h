#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/guarded.h"
#include "base/ids.h"
#include "catalog/model_table.h"
#include "catalog/route.h"
#include "gateway/record.h"
#include "observe/metrics.h"
#include "rollout/arm.h"
#include "rollout/in_force.h"
#include "rt/task.h"

namespace sovmesh::gateway {

struct Plan;
struct Services;
struct Settings;
struct WorkerState;

// What came of copies of requests (docs/rollouts.md, Mirrors): how many run, how they ended, and
// what they and their requests were like. Of each route, since its mirror was set up so. Shared by
// all workers.
class Mirrors {
 public:
  explicit Mirrors(observe::Registry& registry);

  enum class Outcome : std::uint8_t {
    answered,
    failed,     // by fault of the engine
    unsuited,   // the model cannot do what is asked, or refused the request as such
    too_large,  // the prompt, for a copy
    full,       // as many copies run as may
    no_room,    // the engines are not ready, full or waited for
    yielded,    // a request waited for its engine, so it was ended
    cancelled,  // the server goes down
  };
  static constexpr std::size_t kOutcomes = 8;

  // A copy that runs, among those of its route that may. Moves only; its end is the destructor's.
  class Place {
   public:
    Place(Mirrors& mirrors, ModelName route) : mirrors_(&mirrors), route_(std::move(route)) {}
    Place(Place&& other) noexcept
        : mirrors_(std::exchange(other.mirrors_, nullptr)), route_(std::move(other.route_)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (mirrors_ != nullptr) mirrors_->leave(route_);
    }

   private:
    Mirrors* mirrors_;
    ModelName route_;
  };
  // Nothing: as many run as may. `models`: those in force; mirrors that have gone from there are
  // forgotten as another one comes.
  std::optional<Place> enter(const catalog::Route& route, const catalog::ModelTable& models);
  void count_unmade(const catalog::Route& route, Outcome outcome,
                    const catalog::ModelTable& models);
  void count_ended(const catalog::Route& route, Outcome outcome);  // still in its place

  // One answer, from when its engine was asked.
  struct Seen {
    rollout::Tally::Ended ended;
    std::optional<std::chrono::microseconds> total;
  };
  // Both sides of one request.
  void compare(const ModelName& route, const ModelName& version, Seen original, Seen copy);

  struct Side {
    rollout::Arm arm;
    rollout::Histogram total_us;
  };
  struct Comparison {
    ModelName version;
    Side original;
    Side copies;
    std::array<std::uint64_t, kOutcomes> outcomes{};
  };
  // Nothing: there was no copy.
  std::optional<Comparison> comparison(const ModelName& route) const;

 private:
  struct Entry {
    int running = 0;
    Comparison seen;
  };
  static constexpr std::size_t kRoutesMax = 1'000;  // at once; of more nothing is copied
  using State = std::map<ModelName, Entry>;
  Entry* entry_of(State& state, const catalog::Route& route, const catalog::ModelTable& models);
  void forget_gone(State& state, const catalog::ModelTable& models);
  void count(Entry& entry, const ModelName& route, Outcome outcome);
  void leave(const ModelName& route);

  // Used under the lock of `state_` alone, since series go with their routes.
  observe::Family<observe::Counter>& requests_;
  observe::Family<observe::Gauge>& running_;
  mutable Guarded<State> state_;
};

std::string_view name(Mirrors::Outcome outcome);

// A request and its copy, which end in any order: when both have, they are compared. One worker's.
class MirrorPair {
 public:
  MirrorPair(Mirrors& mirrors, const catalog::Route& route,
             std::shared_ptr<const engine::Engine> engine, Instant dispatched)
      : mirrors_(mirrors),
        route_(route.name),
        version_(route.mirror->version),
        engine_(std::move(engine)),
        dispatched_(dispatched) {}

  // That the copy was sent to.
  const std::shared_ptr<const engine::Engine>& engine() const { return engine_; }
  Instant dispatched() const { return dispatched_; }  // the request
  void original_ended(const Mirrors::Seen& seen);
  void copy_ended(const Mirrors::Seen& seen);

 private:
  void compare_if_both();

  Mirrors& mirrors_;
  const ModelName route_;
  const ModelName version_;
  const std::shared_ptr<const engine::Engine> engine_;
  const Instant dispatched_;
  std::optional<Mirrors::Seen> original_;
  std::optional<Mirrors::Seen> copy_;
};

// The bits that decide whether a request is copied: of its id, so always the same.
std::uint64_t mirror_draw(RequestId request);

// The request has been sent to its engine: sends a copy to the mirror of its route, if there is
// room, and goes on. The record then has the pair.
void start_copy(const Services& services, const Settings& settings, WorkerState& worker,
                const Plan& plan, RequestRecord& record);

}  // namespace sovmesh::gateway
