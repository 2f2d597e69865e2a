#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "fairness/cost.h"
#include "fairness/options.h"
#include "fairness/pool_tree.h"

namespace sovmesh::fairness {

// A request in the pool, from enqueue() until on_done(), cancel(), or its appearance among those
// that expire() or shed() gave back. Old ones are recognised and ignored.
struct Ticket {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;  // 0: none
  friend bool operator==(const Ticket&, const Ticket&) = default;
};

// What a running request can do for somebody who waits for its guarantee.
enum class Leeway : std::uint8_t {
  none,
  cut,    // end with fewer tokens than it asked for
  again,  // of class batch, and nobody has seen anything of it: wait again, and begin anew
};
constexpr std::size_t kLeeways = 3;
std::string_view name(Leeway leeway);

struct Request {
  std::uint64_t tag = 0;    // the caller's own name for it; comes back with every decision
  NodeId node = kPoolNode;  // a tenant or project
  std::uint64_t user = 0;   // a hash of who asks, within that node; 0: nobody in particular
  PriorityClass priority = PriorityClass::interactive;
  // Requests of one kind fit, or do not, all alike: of a kind that does not, no other one is tried
  // in the same decision. 0: nothing is known.
  std::uint64_t kind = 0;
  // Others that need less may take what it waits for, so in the end a place must be held for it.
  bool may_be_bypassed = true;
  // In another pool, which let it in: no cap and no expected wait refuses it here.
  bool has_waited = false;
  bool sheddable = false;  // over quota, or of negative priority: goes first when something must
  Micros input_cost = 0;   // charged at dispatch: CostRates::of_input. 0..kCostMax
  double token_cost = 0;   // GPU-microseconds per output token
  std::int32_t tokens_max = 0;       // capped output tokens, >= 0: enters U
  std::int32_t tokens_expected = 0;  // an estimate, for the prediction of waits only
  std::int64_t input_tokens = 0;     // for caps
  std::int64_t bytes = 0;            // of the body that is held while it waits
  // Latest useful start: the client's deadline less the expected time to first token.
  Instant start_by = Instant::max();
  // Latest start at which it meets what it is meant to meet. Who is later than that lets those of
  // its user go first who are not.
  Instant target_by = Instant::max();
  Leeway leeway = Leeway::none;  // when it begins to run; then what set_leeway() says
};

// Sets of kinds, where a kind too many does no harm: several may share a bit.
constexpr std::size_t kKindBits = 64;
constexpr std::size_t kind_index(std::uint64_t kind) { return kind % kKindBits; }
constexpr std::uint64_t kind_bit(std::uint64_t kind) {
  return std::uint64_t{1} << kind_index(kind);
}

// Where a request could run. Asked while Pool::next decides, so it must not call back into the
// pool.
class Placement {
 public:
  virtual ~Placement() = default;
  // False: nothing at all can start now; nobody is passed over for that.
  virtual bool has_room() const = 0;
  // How good it would be to start `request` now (higher is better; only compared within one
  // decision), or nothing when it fits nowhere. Places under hold count for their own request only.
  virtual std::optional<double> gain(const Request& request) = 0;
  // Others went past `request`, which may be bypassed, Options::bypass_max times: keep what it
  // needs free for it from now on. It ends with its dispatch, or when it is cancelled, expired or
  // shed (`held` says so).
  virtual void hold(const Request& request) = 0;
  // Whether `request`, which fits but is later than its target_by, would take time there that
  // others need to meet theirs. It then waits for a better moment, as long as Options::late_window
  // and late_max let it.
  virtual bool is_in_the_way(const Request& request) {
    (void)request;
    return false;
  }
  // Whether `claimant`, which fits nowhere, would fit if the running one were not there.
  virtual bool makes_room(Ticket running, const Request& claimant) const {
    (void)running, (void)claimant;
    return false;
  }
};

struct Dispatch {
  Ticket ticket;
  Request request;
  bool borrowed = false;  // beyond what is guaranteed to its tenant
  bool held = false;
  bool late = false;           // for its target
  Instant::duration waited{};  // since it came, or had to wait again
};

// A waiting request that left without running.
struct Removed {
  Ticket ticket;
  Request request;
  bool held = false;
};

// Why a request may not wait. Numbers; to_error() has the words.
struct Refusal {
  enum class Reason : std::uint8_t {
    tenant_requests,
    tenant_bytes,
    tenant_tokens,
    class_requests,
    class_bytes,
    class_tokens,
    pool_full,
    too_late,
    invalid
  };
  Reason reason = Reason::pool_full;
  // From the measured drain rate: when the same request would be let in if nobody else came. None:
  // nothing is measured yet, or the request can never be let in.
  std::optional<std::chrono::milliseconds> retry_after;
  std::optional<std::chrono::milliseconds> predicted_wait;  // too_late only
};
// 429 queue_full; 500 for `invalid`, which only our own bug can cause.
Error to_error(const Refusal& refusal);

struct Enqueued {
  Ticket ticket;
  // Requests that waited already: of its tenant, and all.
  std::uint64_t tenant_before = 0, pool_before = 0;
  std::optional<Removed> displaced;  // the pool was full: this one had to go
};

struct Usage {
  Micros input_cost = 0;           // real
  std::int64_t output_tokens = 0;  // real, generated
};

// A borrower whose place is wanted by somebody who is guaranteed it. Whoever runs it asks
// give_way() once it can.
struct Reclaim {
  Ticket ticket;
  std::uint64_t tag = 0;
  Leeway leeway = Leeway::none;
  std::int64_t tokens = 0;  // for Leeway::cut: it may still have so many in all
};

// How a request that gave way waits again.
struct Again {
  Usage used;                         // stays charged: it was GPU time
  std::uint64_t kind = 0;             // as Request::kind
  Instant start_by = Instant::max();  // it expires then
};

struct NodeReport {
  NodeId node = kPoolNode;
  Level level = Level::pool;
  std::string path;
  double nominal = 0, weight = 1;  // GSE/s; as configured
  // GSE/s over the last whole epoch: all it used, what of that was borrowed, what of its guarantee
  // others used, and what of its guarantee it wanted (had somebody waiting) and did not get.
  double used = 0, borrowed = 0, lent = 0, gap = 0;
  double dominant_share = 0;  // borrowed / lendable of the whole pool / weight
  double history = 0;         // GPU-microseconds borrowed, as the half-life leaves them
  double history_factor = 1;  // on its weight, this epoch
  std::uint64_t waiting = 0, running = 0;
  Micros used_total = 0, borrowed_total = 0;  // since the pool began
};

// Bounded unfairness, per level of the children compared: while two siblings both have requests
// waiting in a class and an epoch lasts, the difference of their service by weight changes by at
// most 2 (U + Q). docs/scheduling.md has the proof.
struct BoundReport {
  Level level = Level::tenant;
  double u = 0;        // GPU-microseconds by weight: most that running requests of one could add
  double q = 0;        // the locality window
  double gap_max = 0;  // largest lead of one over the lowest sibling, so far: <= u + q
};

struct ClassReport {
  std::uint64_t waiting = 0, running = 0;
  std::int64_t waiting_bytes = 0, waiting_tokens = 0;
  Micros used_total = 0;
};

struct PoolReport {
  std::vector<NodeReport> nodes;  // configured ones, parents before children
  std::vector<BoundReport> bounds;
  std::array<ClassReport, kClasses> classes;
  std::optional<double> drain_rate;  // GSE/s while somebody waited; none: not measured yet
  std::uint64_t users = 0;
  std::uint64_t expired_total = 0, shed_total = 0, refused_total = 0, held_total = 0;
  std::uint64_t offers_total = 0;                        // calls of Placement::gain
  std::uint64_t named = 0;                               // running ones that are to give way
  std::array<std::uint64_t, kLeeways> gave_way_total{};  // by Leeway

  // Both as if they were one: sums, and of each bound and factor the larger one.
  void add(const PoolReport& other);
};

// What outlives a restart: who borrowed how much lately, and who was served ahead of its siblings.
// By path, for ids change.
struct HistoryRow {
  std::string path;
  double borrowed = 0;  // GPU-microseconds, decayed to `at` of Pool::history
  // By how much its counter of a class leads the lowest of its siblings: GPU-microseconds by
  // weight.
  std::array<double, kClasses> lead{};
};

class PoolState;

// Who goes next: the queue of one pool or model. Plain arithmetic: no lock, no clock, no I/O; one
// thread at a time (the gateway keeps it in a Guarded). `now` never goes back. What its caller
// does:
//
//   enqueue ──▶ waiting ──next──▶ running ──on_token*──▶ on_done
//                 │  ▲                │
//                 │  └────requeue─────┘ (Leeway::again, after reclaim and give_way)
//                 └──cancel, expire, shed, displaced
//
// Invariants (tests refer to the numbers):
// F1 Every charge to a node is charged to all nodes above it.
// F2 A request is charged its input once, at dispatch, and each output token once, when it streams;
//    on_done makes the sum what was really used, except that a lead over siblings once given back
//    is not banked by one who is idle.
// F3 next() gives something whenever something waits, fits and is within its limits (no idling),
//    but for requests that are late for their target and in the way; these wait as long only as
//    nobody of other classes, and nobody who is further ahead than Options::late_part allows,
//    would be served instead, and no longer than late_max.
// F4 Somebody who is under its guarantee and fits goes before everybody who is not.
// F5 waiting + running <= Options::requests_max, and each cap holds right after an enqueue, but for
//    requests that have waited in another pool.
// F6 A request waits again once at most, and is then refused, displaced or shed no more.
// F7 There are never more running requests that have to give way than there are waiting ones that
//    are guaranteed a place, have waited for Options::reclaim_after and would fit there.
//
// Costs: enqueue, next, on_token and on_done O(depth * log siblings); shed, displacement and report
// O(nodes). After a warm-up none of them but report and history takes memory.
class Pool {
 public:
  Pool(PoolTree tree, const Options& options, Instant now);  // options must be valid
  ~Pool();
  Pool(Pool&&) noexcept;
  Pool& operator=(Pool&&) noexcept;

  // Takes effect at once; counters, history, waiting and running requests of nodes that are in both
  // trees (by path) stay. NodeIds are those of the new tree from here on. Requests of nodes that
  // are gone stay, without guarantee, until they are done.
  void configure(PoolTree tree, Instant now);
  const PoolTree& tree() const;

  std::expected<Enqueued, Refusal> enqueue(const Request& request, Instant now);
  // Decides and charges in one step; call until it gives nothing.
  std::optional<Dispatch> next(Placement& placement, Instant now);
  // For who has many tokens at once: what is known of the request will be needed soon, and may lie
  // far away in memory.
  void prefetch(Ticket ticket) const;
  void on_token(Ticket ticket, std::int64_t tokens, Instant now);
  void on_done(Ticket ticket, const Usage& usage, Instant now);
  std::optional<Removed> cancel(Ticket ticket, Instant now);  // a waiting one; else nothing happens
  // One that gave way with Leeway::again waits again, at its old place. False: it has not.
  bool requeue(Ticket ticket, const Again& again, Instant now);

  // There may be room now for requests of these kinds: they are tried at once, without waiting for
  // Options::recheck. Until then or the next one that comes no other request of a kind that has
  // fitted nowhere is tried, so what is given back is offered to those alone who wait for it.
  void room_came(std::span<const std::uint64_t> kinds, Instant now);

  // Up to out.size() waiting requests whose start_by has passed; how many.
  std::size_t expire(std::span<Removed> out, Instant now);
  // Up to out.size() waiting requests in the order in which they should go: sheddable ones, then
  // batch, agent, interactive; of each, of the tenant that is furthest over its share, its newest.
  std::size_t shed(std::span<Removed> out, Instant now);
  // Up to out.size() running borrowers, after next() has given nothing: one for each request that
  // has waited for Options::reclaim_after though its tenant has less than is guaranteed to it. Of
  // the tenant that runs most of what is borrowed, by weight, the newest; those that can begin
  // again before those that can only be cut.
  std::size_t reclaim(Placement& placement, std::span<Reclaim> out, Instant now);
  // A running one that was named can do so now. True: it must (requeue(), or its end), whatever
  // comes. False: its place is no longer wanted.
  bool give_way(Ticket ticket, Instant now);
  // What a running one can do from now on. One that was named and can do less is named no longer.
  void set_leeway(Ticket ticket, Leeway leeway, Instant now);

  // When the pool should be asked again although nothing was told to it; Instant::max(): never.
  Instant next_wake() const;
  // Expected wait of `request` if it came now; none until the drain rate is measured.
  std::optional<std::chrono::microseconds> predict_wait(const Request& request, Instant now) const;

  PoolReport report() const;
  std::vector<HistoryRow> history(Instant now) const;
  // `age`: how long ago history() was taken; leads older than Options::idle_ttl are forgotten.
  // Unknown paths are ignored. Before anything is enqueued.
  void restore(std::span<const HistoryRow> rows, std::chrono::seconds age, Instant now);

 private:
  std::unique_ptr<PoolState> state_;
};

}  // namespace sovmesh::fairness
