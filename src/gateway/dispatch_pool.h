#pragma once

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "fairness/pool.h"
#include "gateway/dispatcher.h"
#include "gateway/engine_health.h"
#include "gateway/engine_slots.h"
#include "routing/endpoint_set.h"
#include "routing/picker.h"

namespace sovmesh::gateway {

// One engine of a pool.
struct EngineLane {
  std::shared_ptr<engine::Engine> engine;
  EngineSlots slots;
  std::size_t rate_class = 0;
  routing::EndpointId endpoint;
  EngineHealth::Standing standing{.allowed = std::numeric_limits<int>::max()};
  std::vector<std::uint64_t> kinds = {};  // of those who wait for it
  // By its own word, where it has one.
  std::uint64_t load_version = 0;
  bool tells_kv = false;
  int others = 0;  // requests that are not ours, while some wait in it
  bool is_kv_full = false;

  // What needs more than its health allows still gets it alone, and so does who finds it taken by
  // others: somebody has to begin.
  int room() const {
    const int free = slots.free(*engine);
    if (slots.in_use() == 0) return free;
    if (is_kv_full) return 0;
    return std::min(free - others, standing.allowed - slots.in_use());
  }
  // It says so itself, or its health does: for who need not begin.
  bool is_taken_by_others() const {
    return others > 0 || is_kv_full || slots.in_use() >= standing.allowed;
  }
  // It has slots, and no room.
  bool is_held_back() const { return room() <= 0 && slots.free(*engine) > 0; }
  // One that is not is for want of others.
  bool is_well() const {
    const bool is_busy_trial = standing.is_on_trial && slots.in_use() > 0;
    return engine->is_ready() && !standing.is_out && !is_busy_trial;
  }
};

// One request that waits. `loop` and `woken` belong to the waiting worker; the rest is under the
// lock of the pool. An engine's lane stays as long as somebody waits for it.
struct Dispatcher::Waiter {
  Waiter(Dispatcher& d, Pool p, SeatRequest r, rt::Loop& l, Instant t)
      : dispatcher(d), pool(std::move(p)), request(std::move(r)), loop(l), woken(l), start_by(t) {}
  Dispatcher& dispatcher;
  const Pool pool;
  SeatRequest request;
  rt::Loop& loop;
  rt::Event woken;  // look again
  Instant start_by;
  Instant target_by = Instant::max();  // as fairness::Request has it
  std::vector<EngineLane*> lanes;
  std::uint64_t tag = 0;
  std::uint64_t kind = 0;  // fairness::Request::kind
  fairness::Ticket turn;
  std::uint64_t tenant_before = 0, pool_before = 0;  // that waited when it came
  std::optional<Seat> seat;
  bool is_out = false;  // removed from the queue without a seat
  // So, because its engines are in another queue now, or out of service: it asks for a queue anew.
  bool has_moved = false;
  bool has_run = false;     // it gave way, and waits again
  bool has_waited = false;  // in another queue before
};

// The queue of one pool, the slots of its engines and the choice among them. Under the lock of its
// Guarded: plain memory, no clock, no loop.
class DispatchPool : private fairness::Placement {
 public:
  using Waiter = Dispatcher::Waiter;
  using Woken = Dispatcher::Woken;

  DispatchPool(PoolSettings settings, std::size_t waiting_per_tenant_max, EngineHealth* health,
               std::uint64_t seed, Instant now);

  bool knows(const std::string& tenant) const { return tenants_.contains(tenant); }
  // `are_all`: others that were met are gone.
  void meet(std::vector<std::string> tenants, bool are_all, Instant now);

  // Each of these may give seats to others, who are then in `woken`, as is who has to leave.

  void configure(std::vector<fairness::NodeSpec> members, std::optional<double> capacity,
                 Instant now, Woken& woken);
  // True: it has its seat already.
  Result<bool> enter(const std::shared_ptr<Waiter>& waiter, Instant now, Woken& woken);
  // It waits no longer, or has its seat already, which is then the caller's to give back.
  std::optional<Seat> leave(Waiter& waiter, Instant now, Woken& woken);
  // Time has passed.
  void look(Instant now, Woken& woken);
  void charge(Seat::Hold& hold, std::int64_t so_far, Instant now);
  // False: its slots are still taken, where the lane of its engine is now: free_moved().
  bool give_back(Seat::Hold& hold, Instant now, Woken& woken);
  // Of a seat that is wanted by somebody else.
  void give_way(Seat::Hold& hold, Instant now, Woken& woken);
  void set_leeway(Seat::Hold& hold, fairness::Leeway leeway, Instant now, Woken& woken);
  // Gives the seat back and lets its request, which gave way, wait again.
  void again(Seat::Hold& hold, const std::shared_ptr<Waiter>& waiter, Instant now, Woken& woken);

  // dispatch_pool_moves.cpp: engines go out of service, or from queue to queue
  // (dispatch_queues.h).

  // Who waits for stopped engines alone leaves; others may go where they could not before.
  void look_at_service(Instant now, Woken& woken);

  // Whether it has the engines that it had when somebody was sent here.
  bool is_of(std::uint64_t version) const { return !is_retired_ && version == version_; }
  void set_version(std::uint64_t version) { version_ = version; }
  std::vector<std::string> lane_names() const;
  bool has_seats() const;
  struct Left {
    std::vector<std::unique_ptr<EngineLane>> lanes;
    std::vector<std::string> tenants;
    std::vector<fairness::HistoryRow> history;
  };
  // All that waits leaves; what runs stays until it has ended.
  Left retire(Instant now, Woken& woken);
  // One of the lanes; with the first one a new queue takes what is known of tenants.
  void adopt(std::unique_ptr<EngineLane> lane, const Left& from, Instant now, Woken& woken);
  // Slots of a seat of the queue that had the lane before. False: it is not here either.
  bool free_moved(Seat::Hold& hold, Instant now, Woken& woken);

  // Where nobody waits for it; null: there is no such seat.
  std::unique_ptr<Seat::Hold> take_spare(const SeatRequest& request, Instant now);
  bool is_waited_for(const engine::Engine& engine) const;
  std::size_t in_use(const engine::Engine& engine) const;  // of its slots

  // When look() is due; only one of those who wait is told.
  Instant watch(const Waiter& waiter, Instant now);
  // Why it may not wait any longer, with the wait that another try would have.
  Error out_of_time(const Waiter& waiter, Instant now) const;

  Dispatcher::Load load() const;
  fairness::PoolReport report() const { return fair_.report(); }
  std::vector<fairness::HistoryRow> history(Instant now) const {
    return fair_.history(std::max(now, last_));
  }
  void restore(const std::vector<fairness::HistoryRow>& rows, std::chrono::seconds age,
               Instant now) {
    fair_.restore(rows, age, later(now));
  }

 private:
  // Not more often: what is due already must not make anybody spin.
  static constexpr std::chrono::milliseconds kLookMin{2};
  static constexpr std::chrono::milliseconds kCleanEvery{100};
  static constexpr std::size_t kCleanSteps = 1'024;
  static constexpr std::size_t kExpiredAtOnce = 64;
  static constexpr std::size_t kReclaimedAtOnce = 64;
  static constexpr std::chrono::milliseconds kLookAtEnginesEvery{20};

  bool has_room() const override;
  std::optional<double> gain(const fairness::Request& request) override;
  bool is_in_the_way(const fairness::Request& request) override;
  void hold(const fairness::Request& request) override;
  bool makes_room(fairness::Ticket running, const fairness::Request& claimant) const override;

  EngineLane* find_lane(const std::shared_ptr<engine::Engine>& engine) const;
  std::size_t new_rate_class();
  EngineLane& add_lane(const std::shared_ptr<engine::Engine>& engine, std::size_t rate_class,
                       Instant now);
  std::vector<EngineLane*> lanes_of(const SeatRequest& request, Instant now);
  void list(EngineLane& lane, Instant now);
  void drop_unused_lanes();
  void look_at_health(EngineLane& lane, Instant now);
  void look_at_load(EngineLane& lane, Instant now);
  void look_at_kv(EngineLane& lane, Instant now);
  bool is_kv_full(const EngineLane& lane, std::int64_t without) const;
  void look_at_engines(Instant now);
  int free_for(const EngineLane& lane, const Waiter& waiter) const;
  bool fits(const EngineLane& lane, const Waiter& waiter) const;
  bool is_late(const Waiter& waiter) const;
  bool is_in_the_way(const Waiter& waiter);
  bool may_begin(const EngineLane& lane, const Waiter& waiter) const;
  bool may_use(const EngineLane& lane, const Waiter& waiter) const;
  void rebuild(Instant now);
  fairness::NodeId node_of(const SeatRequest& request) const;
  fairness::Request asked(const Waiter& waiter) const;
  void serve(Instant now, Woken& woken);
  void reclaim(Instant now);
  void line_up(const std::shared_ptr<Waiter>& waiter, const fairness::Request& wanted);
  struct Used {
    fairness::Usage usage;
    routing::Outcome outcome;
  };
  static Used used_by(const Seat::Hold& hold);
  bool leave_engine(Seat::Hold& hold, const routing::Outcome& outcome, Instant now);
  bool free_slots(Seat::Hold& hold, Instant now);
  void seat(Waiter& waiter, const fairness::Dispatch& decision, Instant now);
  EngineLane& choose(const Waiter& waiter, const fairness::Dispatch& decision, Seat::Hold& hold,
                     Instant now);
  SeatNote note_of(const Waiter& waiter, const fairness::Dispatch& decision,
                   const EngineLane& taken, float block_tokens) const;
  void forget(const Waiter& waiter, Instant now);
  void put_out(const std::shared_ptr<Waiter>& waiter, Instant now, Woken& woken);
  void put_out(std::uint64_t tag, Instant now, Woken& woken);
  void send_on(const std::shared_ptr<Waiter>& waiter, Instant now, Woken& woken);
  void pass_the_watch(Instant now, Woken& woken);
  Instant next_look(Instant now) const;
  Instant later(Instant now) { return last_ = std::max(last_, now); }

  PoolSettings settings_;
  EngineHealth* health_;
  fairness::Pool fair_;
  routing::Picker picker_;
  std::vector<std::unique_ptr<EngineLane>> lanes_;
  std::map<std::string, fairness::NodeId, std::less<>> tenants_;
  std::map<std::pair<std::string, std::string>, fairness::NodeId> projects_;
  std::vector<std::string> met_;  // tenants that the settings do not name
  std::map<std::uint64_t, std::shared_ptr<Waiter>> waiting_;  // by tag: in order of arrival
  std::unordered_map<std::uint64_t, std::size_t> waiting_by_kind_;
  // Seats that are taken, by the index of their ticket; null: none. Each leaves before it ends.
  std::vector<Seat::Hold*> seats_;
  struct Held {
    std::uint64_t tag;
    EngineLane* lane;
    int slots;
  };
  std::vector<Held> held_;
  // Who looks at the clock for all, and when it will.
  std::uint64_t watcher_ = 0;
  Instant watched_at_{};
  routing::EndpointSet free_;  // scratch, as the next one
  routing::Matches matches_;
  routing::PickExplanation explained_;
  std::uint64_t tags_ = 0;
  std::uint64_t version_ = 0;
  bool is_retired_ = false;
  std::uint64_t random_;
  Instant last_{};
  Instant cleaned_{};
  Instant looked_at_engines_{};
};

}  // namespace sovmesh::gateway
