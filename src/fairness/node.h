#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "fairness/cost.h"
#include "fairness/indexed_heap.h"
#include "fairness/pool.h"
#include "fairness/pool_tree.h"

// What a pool is made of. Inside of fairness/ only.
namespace sovmesh::fairness {

using NodeIndex =
    std::uint32_t;  // into PoolState's nodes; not the NodeId of a tree, which may change
using ItemIndex = std::uint32_t;
constexpr NodeIndex kRoot = 0;
constexpr std::uint32_t kUnlimited = std::numeric_limits<std::uint32_t>::max();

enum class Rank : std::uint8_t {
  guaranteed,     // it, or somebody below it, is under its guarantee
  within_cohort,  // a cohort that lends among its own members only
  borrowing,
};

struct ChildKey {
  Rank rank = Rank::borrowing;
  double counter = 0;      // of guaranteed service below Rank::borrowing, of borrowed service there
  std::uint64_t turn = 0;  // of those that had as much, who has waited longer
  friend auto operator<=>(const ChildKey&, const ChildKey&) = default;
};

// Earliest due first, then in order of arrival.
struct RequestKey {
  Instant due;
  std::uint64_t order = 0;
  friend auto operator<=>(const RequestKey&, const RequestKey&) = default;
};

// One node in one class.
struct ClassQueue {
  IndexedHeap<ChildKey> children;    // those that may be served now
  IndexedHeap<RequestKey> requests;  // of a user: what waits
  std::uint32_t place = kNowhere;    // among its parent's children
  std::uint64_t turn = 0;            // PoolState's count when it began to wait, or was served last
  std::uint32_t waiting = 0;
  std::uint32_t sheddable = 0;  // of these
  std::uint32_t safe = 0;       // of these, that have run before: nobody takes their place
  // Of a user: among those of whom nothing fitted a moment ago.
  std::uint32_t parked_place = kNowhere;
  std::uint64_t kinds = 0;  // kind_bit()s of all that has waited since nothing did
  bool lags = false;        // was blocked, and is behind those that were not

  // Virtual counters: service in GPU-microseconds, divided by guarantee and by weight.
  double guaranteed = 0, borrowed = 0;
  // Where a child that comes back starts at least: the lowest counters of those served last.
  double guaranteed_floor = 0, borrowed_floor = 0;
  // The same among requests of one kind, by the number of its bit: who comes for an engine that is
  // full competes with those who wait for that, however much somebody else has had of another one.
  // Empty: nothing of a known kind was served.
  struct Floors {
    std::optional<double> guaranteed, borrowed;
  };
  std::vector<Floors> floors_of_kinds;
  double active_weight = 0;     // of the children with something waiting
  double waiting_cost = 0;      // expected
  double open_input = 0;        // what borrowing requests that run paid for input, and may get back
  double open = 0;              // most that borrowing requests that run may still add
  double borrowed_at_pick = 0;  // before the last request was picked
  Instant left_at{};            // nothing has waited since
  Instant parked_until{};

  bool is_parked() const { return parked_place != kNowhere; }
};

struct Node {
  NodeIndex parent = kRoot;
  Level level = Level::user;
  std::uint8_t depth = 0;
  bool is_known = true;  // in the tree (users: always)
  bool is_free = false;
  std::uint64_t user = 0;

  // GSE/s = GPU-microseconds per microsecond; infinite: no limit.
  double nominal = 0;
  double borrowing_limit = std::numeric_limits<double>::infinity();
  double lendable = std::numeric_limits<double>::infinity();  // to its children
  double kept = 0;                                            // of nominal: not lent
  double weight = 1;
  double factor = 1;  // of history, this epoch
  std::uint32_t concurrency_max = kUnlimited, user_concurrency_max = kUnlimited;

  // What may be used now, in GPU-microseconds: grows with time, shrinks with use, may be owed.
  double guarantee_credit = 0, borrow_credit = 0, lend_credit = 0, kept_credit = 0;
  Instant credit_at{};
  std::uint8_t state_bits = 0xFF;  // what of it decided over its place in the heaps
  std::uint32_t timer_place = kNowhere;
  // Of a tenant: among those that wait for what is guaranteed to them.
  std::uint32_t claim_place = kNowhere;
  NodeIndex first_user = kNowhere;  // of a tenant: all that are known, those of its projects, too

  std::uint32_t waiting = 0, running = 0;
  std::uint32_t named = 0;   // of those that run, that are to give way
  std::uint32_t coming = 0;  // of a tenant: places that are being given up for what it has waiting
  std::int64_t waiting_bytes = 0, waiting_tokens = 0;
  Instant waiting_since{};
  double waited = 0;  // microseconds of this epoch in which something waited

  double used = 0, borrowed = 0;              // since the pool began
  double epoch_used = 0, epoch_borrowed = 0;  // the same when the epoch began
  double history = 0;                         // borrowed, decayed to the beginning of the epoch
  struct Rates {
    double used = 0, borrowed = 0, lent = 0, gap = 0;
  } rates;  // GSE/s over the last epoch

  // Users: chain of the hash table, list of idle ones from the longest idle on.
  NodeIndex next_in_bucket = kNowhere;
  NodeIndex idle_before = kNowhere, idle_after = kNowhere;
  NodeIndex user_before = kNowhere, user_after = kNowhere;  // of the same tenant
  bool is_idle = false;
  Instant idle_since{};

  std::array<ClassQueue, kClasses> queues;

  double share_weight() const { return weight * factor; }
  bool has_rates() const {
    return nominal > 0 || borrowing_limit < std::numeric_limits<double>::infinity() ||
           lendable < std::numeric_limits<double>::infinity();
  }
};

struct Item {
  enum class State : std::uint8_t { free, waiting, running };
  static constexpr std::uint64_t kNeverPassed = std::numeric_limits<std::uint64_t>::max();

  Request request;
  std::uint32_t generation = 1;
  State state = State::free;
  bool is_held = false;
  bool is_named = false;   // it runs, and is to give way
  bool gives_way = false;  // it has said so
  bool has_run = false;    // it gave way once
  bool is_late = false;    // for its target
  // Until then, or until room comes: it would be in the way.
  Instant asked_until{};
  std::uint32_t asked_in = 0;  // of PoolState's rooms
  Leeway leeway = Leeway::none;
  // Bit d: the node at depth d served it out of its guarantee.
  std::uint8_t guaranteed_at = 0;
  NodeIndex leaf = kRoot;
  std::uint32_t place = kNowhere;  // among its user's requests
  std::uint32_t deadline_place = kNowhere;
  std::uint32_t lent_place = kNowhere;  // among the running ones that may be reclaimed
  // Of one that waits: the running one that is to make room for it. Of that: who waits.
  ItemIndex counterpart = kNowhere;
  RequestKey key;
  Instant arrived{};
  std::uint64_t passed_since =
      kNeverPassed;    // PoolState's count of dispatches when it first missed
  double charged = 0;  // since it was dispatched
  std::int64_t tokens_so_far = 0;
  double open_input = 0;  // what borrowing requests that run paid for input, and may get back
  double open = 0;        // its part of ClassQueue::open

  double expected_cost() const {
    return static_cast<double>(request.input_cost) + request.token_cost * request.tokens_expected;
  }
  std::int64_t tokens() const { return request.input_tokens + request.tokens_max; }
};

}  // namespace sovmesh::fairness
