#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"
#include "base/snapshot.h"
#include "engine/engine.h"
#include "fairness/cost.h"
#include "fairness/options.h"
#include "fairness/pool.h"
#include "fairness/pool_tree.h"
#include "gateway/decisions.h"
#include "gateway/engine_slots.h"
#include "routing/block_hash.h"
#include "routing/picker.h"
#include "routing/targets.h"
#include "rt/event.h"
#include "rt/loop.h"
#include "rt/task.h"

namespace sovmesh::identity {
class Directory;
}

namespace sovmesh::gateway {

class Dispatcher;
class DispatchPool;
class DispatchQueues;
class EngineHealth;

struct SeatRequest {
  // Replicas of one model: any of them will do that is in the queue of the first. Not empty.
  std::vector<std::shared_ptr<engine::Engine>> engines;
  SlotsWanted slots;
  // Whose share of the pool it takes: names, and a hash of who asks in there (0: nobody special).
  std::string tenant;
  std::string project;
  std::uint64_t user = 0;
  fairness::PriorityClass priority = fairness::PriorityClass::interactive;
  fairness::CostRates rates = kUsualRates;  // GPU-microseconds of its tokens
  // The request as a whole: all its prompts and answers.
  std::int64_t input_tokens = 0;
  std::int64_t output_max = 0;
  std::int64_t output_expected = 0;
  std::int64_t bytes = 0;                     // of its body, held while it waits
  std::vector<routing::BlockKey> chain = {};  // of its prompt, with the tenant's salt
  // Nothing of other tenants is ever in the cache it finds, so whatever is cached is its own.
  bool has_own_cache = false;
  fairness::Leeway leeway = fairness::Leeway::none;  // once it runs; then Seat::set_leeway()

  // For models of which nothing is known: only the proportions matter, and only within one pool.
  static constexpr fairness::CostRates kUsualRates{
      .uncached_input = 100, .cached_input = 10, .output = 1'000};
};

// Administrators stopped them all.
bool are_out_of_service(const std::vector<std::shared_ptr<engine::Engine>>& engines);

// What an engine counted of a request, as far as it said.
struct SeatUsage {
  std::int64_t input_tokens = 0;  // 0: not told
  std::int64_t cached_tokens = 0;
  std::int64_t output_tokens = 0;
};

// The right to run one request on an engine: so many of its slots. Given back by the destructor.
class Seat {
 public:
  Seat() = default;
  Seat(Seat&& other) noexcept { swap(other); }
  Seat& operator=(Seat&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Seat();

  engine::Engine& engine() const { return *hold_->engine; }
  const std::shared_ptr<engine::Engine>& shared_engine() const { return hold_->engine; }
  // The slot to name to an engine whose slots belong to tenants.
  int slot() const { return hold_->taken.which.front(); }
  // Another tenant's text may be in the slot: its cache must not be used.
  bool fresh_cache() const { return hold_->taken.fresh_cache; }
  // Why it is there. Once.
  std::optional<SeatNote> take_note() { return std::exchange(hold_->note, std::nullopt); }
  // The engine has read the whole prompt, so that nothing else is left in the slot. A request that
  // the engine refused, or that never got there, leaves the slot as it was.
  void note_own_cache() { hold_->own_cache = true; }

  // So many output tokens have come in all. Its tenant is charged for them while they stream:
  // at the first one, then every kTokensNoted or kTimeNoted. Cheap in between.
  void note_tokens(std::int64_t so_far, Instant now) {
    const std::int64_t fresh = so_far - hold_->noted;
    if (fresh <= 0) return;
    if (hold_->noted == 0 || fresh >= kTokensNoted || now - hold_->noted_at >= kTimeNoted)
      charge(so_far, now);
  }
  // Of its prompt: as estimated, and what of that is cached there as far as is known here.
  std::int64_t input_tokens() const { return hold_->input_tokens; }
  std::int64_t cached_expected() const { return hold_->cached_expected; }
  // What it came to, for the end. Without it: nothing but the tokens that were noted. A seat that
  // was left for another one has nothing to note.
  void note_usage(const SeatUsage& usage) {
    if (hold_) hold_->usage = usage;
  }

  // Whether, as far as is known here, somebody waits who is guaranteed its place, and so many
  // tokens are all that it may have then. For any moment: it costs nothing.
  bool is_wanted(std::int64_t tokens) const {
    return hold_ && tokens >= hold_->wanted_at.load(std::memory_order_relaxed);
  }
  // True: it must be given to Dispatcher::seat_again(), or be cut now. False: it may go on.
  bool give_way() const;
  // It has, and its request is to wait again.
  bool is_left() const {
    return hold_ && hold_->gave_way && hold_->leeway == fairness::Leeway::again;
  }
  fairness::Leeway leeway() const { return hold_ ? hold_->leeway : fairness::Leeway::none; }
  void set_leeway(fairness::Leeway leeway);

  static constexpr std::int64_t kTokensNoted = 64;
  static constexpr std::chrono::milliseconds kTimeNoted{50};

 private:
  friend class Dispatcher;
  friend class DispatchPool;
  struct Hold {
    static constexpr std::int64_t kNotWanted = std::numeric_limits<std::int64_t>::max();

    std::shared_ptr<Guarded<DispatchPool>> pool;
    std::shared_ptr<engine::Engine> engine;
    SlotsWanted wanted;
    SlotsTaken taken;
    bool own_cache = false;
    bool is_spare = false;  // it has neither a turn nor a booking
    std::uint64_t tag = 0;  // of its request in the queue
    fairness::Ticket turn;
    fairness::Leeway leeway = fairness::Leeway::none;
    bool gave_way = false;
    std::atomic<std::int64_t> wanted_at{kNotWanted};  // written under the pool's lock
    routing::Ticket booking;
    fairness::CostRates rates;
    std::int64_t input_tokens = 0;
    std::int64_t cached_expected = 0;
    std::int64_t own_prefix_tokens = 0;  // its tenant's own requests put so many there
    std::int64_t noted = 0;
    Instant noted_at{};
    std::optional<SeatUsage> usage;
    std::optional<SeatNote> note;
  };
  Seat(Dispatcher& dispatcher, std::unique_ptr<Hold> hold)
      : dispatcher_(&dispatcher), hold_(std::move(hold)) {}
  void swap(Seat& other) noexcept {
    std::swap(dispatcher_, other.dispatcher_);
    std::swap(hold_, other.hold_);
  }
  void charge(std::int64_t so_far, Instant now);
  // Without giving it back.
  std::unique_ptr<Hold> release() {
    dispatcher_ = nullptr;
    return std::move(hold_);
  }

  Dispatcher* dispatcher_ = nullptr;
  std::unique_ptr<Hold> hold_;
};

// Engines that are shared by the same rules. Which engines are in which pool holds for the life of
// a dispatcher, and so do the options; members change live.
struct PoolSettings {
  std::string name;  // empty: of the engines that no other one names
  std::vector<std::string> engines;
  // Tenants that are not among them take part with the defaults of NodeSpec.
  std::vector<fairness::NodeSpec> members;
  std::optional<double> capacity;  // GSE/s
  fairness::Options options;
  std::optional<routing::Targets> targets;  // nothing: no request is late
};

// Who may run next, and where. Admission is ours: an engine never has more requests than slots, nor
// than its health allows.
// A request waits in the queue of its pool until fairness (docs/scheduling.md) gives it its turn
// and one of its model's engines has room; in the same step it is booked on the engine where it
// costs least (docs/routing.md). Shared by all workers.
class Dispatcher {
 public:
  struct Limits {
    std::size_t waiting_per_tenant_max = 64;  // in each pool
    std::chrono::milliseconds wait_max{30'000};
    // Of the directory, asked when somebody unknown comes. Empty: each tenant is met when it comes.
    std::function<std::vector<std::string>()> tenants = {};
    EngineHealth* health = nullptr;  // null: every engine is well
    // Engines that no pool names, and that none of its models connects, not by way of others
    // either, have nothing to do with each other: each group of them has a queue of its own. Null:
    // all of them share one.
    const Snapshot<identity::Directory>* directory = nullptr;
  };
  // `pools` as validated: their trees can be built.
  Dispatcher(const Clock& clock, Random& random, Limits limits,
             const std::vector<PoolSettings>& pools = {});
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // Members of the pools as they are from now on. Pools that are not there yet are ignored.
  void configure(const std::vector<PoolSettings>& pools);

  // Waits on `loop` for a seat. Code::queue_full when the tenant's queue is full, it could not
  // start in time, or its time is up; Code::cancelled when `until.cancelled` came first;
  // Code::no_healthy_backend at once when its engines are out of service, be it while it waits.
  rt::Task<Result<Seat>> seat(SeatRequest request, rt::Loop& loop, rt::Until until) {
    return seat(std::move(request), loop, until, false);
  }
  // The request of a seat that gave way with Leeway::again waits for another one, in its old place:
  // it is not refused, nor asked for its place again. Code::upstream_timeout when `until` has come.
  rt::Task<Result<Seat>> seat_again(Seat seat, SeatRequest request, rt::Loop& loop,
                                    rt::Until until);

  // Some have gone out of service, or are back: who waits for them looks again.
  void engines_changed();

  // A seat for what is nobody's: at once or not at all, on an engine that is ready, has room, and
  // for which nobody waits. It counts for nobody's share. To be given up when is_wanted().
  std::optional<Seat> spare_seat(const SeatRequest& request);
  bool is_wanted(const Seat& spare) const;

  struct Load {
    std::size_t running = 0;  // slots
    std::size_t waiting = 0;
    std::array<std::size_t, fairness::kClasses> waiting_by_class{};
  };
  Load load() const;
  // Slots of it that requests of ours have.
  std::size_t in_use(const engine::Engine& engine) const;
  struct PoolView {
    std::string name;  // empty: all engines that are in none, whatever connects them
    fairness::PoolReport report;
  };
  std::vector<PoolView> pools() const;

  // What outlives a restart, of one queue.
  struct History {
    std::string pool;
    std::string engine = {};  // of those in no pool: the first of its group
    std::vector<fairness::HistoryRow> rows;
  };
  std::vector<History> history() const;
  // At the start, before anybody has a seat. Pools and members that are gone are ignored.
  void restore(const std::vector<History>& history, std::chrono::seconds age);

 private:
  friend class Seat;
  friend class DispatchPool;
  friend class DispatchQueues;
  struct Waiter;
  class Place;
  using Pool = std::shared_ptr<Guarded<DispatchPool>>;
  using Woken = std::vector<std::shared_ptr<Waiter>>;
  // `moved`: its engines are in another queue, which it has to enter.
  enum class Entry : std::uint8_t { seated, waits, moved };
  // `has_waited`: in a queue that is no more; no other one refuses it.
  rt::Task<Result<Seat>> seat(SeatRequest request, rt::Loop& loop, rt::Until until,
                              bool has_waited);

  std::vector<std::string> tenants_wanted(const std::string& tenant) const;
  Result<Entry> enter(const std::shared_ptr<Waiter>& waiter, std::uint64_t version);
  void leave(Waiter& waiter);
  // Nothing: as Entry::moved.
  rt::Task<Result<std::optional<Seat>>> wait(std::shared_ptr<Waiter> waiter, rt::Until until);
  struct Look {
    Entry is = Entry::waits;
    std::optional<Seat> seat = std::nullopt;
  };
  Result<Look> look_again(Waiter& waiter, rt::Deadline limit);
  void give_back(Seat::Hold& hold);
  bool give_way(Seat::Hold& hold);
  void set_leeway(Seat::Hold& hold, fairness::Leeway leeway);
  static void wake(const Woken& woken);

  const Clock& clock_;
  Limits limits_;
  std::unique_ptr<DispatchQueues> queues_;
};

}  // namespace sovmesh::gateway
