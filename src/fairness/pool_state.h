#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "fairness/class_shares.h"
#include "fairness/drain_rate.h"
#include "fairness/indexed_heap.h"
#include "fairness/kind_set.h"
#include "fairness/node.h"
#include "fairness/pool.h"
#include "fairness/pool_tree.h"

namespace sovmesh::fairness {

// Behind Pool, whose contract holds. A node is in its parent's heap of a class exactly as long as
// it has something waiting there and nothing blocks it; place_node() is the one that decides.
class PoolState {
 public:
  PoolState(PoolTree tree, const Options& options, Instant now);

  void configure(PoolTree tree, Instant now);
  const PoolTree& tree() const { return tree_; }

  std::expected<Enqueued, Refusal> enqueue(const Request& request, Instant now);
  std::optional<Dispatch> next(Placement& placement, Instant now);
  void prefetch(Ticket ticket) const;
  void on_token(Ticket ticket, std::int64_t tokens, Instant now);
  void on_done(Ticket ticket, const Usage& usage, Instant now);
  std::optional<Removed> cancel(Ticket ticket, Instant now);
  bool requeue(Ticket ticket, const Again& again, Instant now);
  void room_came(std::span<const std::uint64_t> kinds, Instant now);
  std::size_t expire(std::span<Removed> out, Instant now);
  std::size_t shed(std::span<Removed> out, Instant now);
  std::size_t reclaim(Placement& placement, std::span<Reclaim> out, Instant now);
  bool give_way(Ticket ticket, Instant now);
  void set_leeway(Ticket ticket, Leeway leeway, Instant now);
  Instant next_wake() const;
  std::optional<std::chrono::microseconds> predict_wait(const Request& request, Instant now) const;
  PoolReport report() const;
  std::vector<HistoryRow> history(Instant now) const;
  void restore(std::span<const HistoryRow> rows, std::chrono::seconds age, Instant now);

 private:
  // By weight. U is how far running requests can move a counter after others were compared with it:
  // up by what is not charged yet, down by the part of their input that they get back.
  struct Bound {
    double added = 0, input = 0, gap_max = 0;
  };
  // One decision of next().
  struct Search {
    Placement& placement;
    Instant now;
    std::size_t priority = 0;
    std::uint32_t probes = 0;
    std::uint32_t found = 0;
    ItemIndex best = kNowhere;
    double best_gain = 0;
    ItemIndex deferred = kNowhere;
  };

  // pool_nodes.cpp: the tree and its users.
  NodeIndex make_node();
  void apply(NodeIndex index, const PoolTree::Node& from, Instant now);
  void retire(const std::vector<bool>& kept);
  NodeIndex user_node(NodeIndex parent, std::uint64_t user, Instant now);
  NodeIndex find_user(NodeIndex parent, std::uint64_t user) const;
  NodeIndex make_user(NodeIndex parent, std::uint64_t user, Instant now);
  void forget_user(NodeIndex index);
  std::size_t bucket(NodeIndex parent, std::uint64_t user) const;
  void set_idle(NodeIndex index, bool is_idle, Instant now);
  NodeIndex tenant_of(NodeIndex index) const;

  // pool_order.cpp: who may be served, in which order.
  std::optional<ChildKey> key_of(const Node& node, std::size_t priority) const;
  void place_node(NodeIndex index, std::size_t priority);
  void refresh(NodeIndex index, std::size_t priority);
  void refresh_all_classes(NodeIndex index);
  std::uint8_t state_bits(const Node& node) const;
  void settle_credit(Node& node, Instant now) const;
  void sync(NodeIndex index, Instant now);
  void arm(NodeIndex index, Instant now);
  void advance(Instant now);
  void join(ItemIndex index, Instant now);
  void leave(ItemIndex index, Instant now);
  static double lowest_borrowed(const ClassQueue& family);
  bool is_forgotten(const Node& node, const ClassQueue& queue, Instant now) const;
  void lift(NodeIndex index, const Request& request, Instant now);
  void park(NodeIndex leaf, std::size_t priority, Instant now);
  void unpark(NodeIndex leaf, std::size_t priority);

  // pool_serve.cpp: deciding and charging.
  bool gather(NodeIndex index, Search& search);
  bool probe(NodeIndex leaf, Search& search);
  void pass_late(NodeIndex leaf, const Search& search);
  Instant late_until(const Item& item) const;
  bool defers(Item& item, Search& search);
  bool others_wait(std::size_t priority) const;
  // By how much those may be ahead of siblings of this level who are late that go before them.
  double late_window(Level level) const {
    return has_targets_ ? options_.late_part * bounds_[static_cast<std::size_t>(level)].added : 0;
  }
  // Q, or that where it is more.
  double window(Level level) const {
    return std::max(static_cast<double>(options_.locality_window), late_window(level));
  }
  bool try_item(ItemIndex index, Search& search);
  ItemIndex first_of_another_kind(NodeIndex leaf, const Search& search) const;
  void note_miss(Item& item, Search& search);
  std::optional<Dispatch> decide(std::size_t priority, Placement& placement, std::uint32_t& probes,
                                 Instant now);
  Dispatch dispatch(ItemIndex index, Instant now);
  void attribute(Item& item);
  void raise_floor(ClassQueue& family, std::uint64_t kind, const ChildKey& served,
                   Level level) const;
  void open_potential(Item& item);
  void close_potential(Item& item, double cost);
  void charge(Item& item, double cost, Instant now);
  void charge_node(NodeIndex index, const Item& item, double cost);
  void note_gap(NodeIndex index, std::size_t priority);
  void settle(Item& item, const Usage& usage, Instant now);
  void set_running(Item& item, bool is_running, Instant now);

  // pool_reclaim.cpp: what borrowers run, for those who are guaranteed it.
  void note_claim(NodeIndex index, Instant now);
  void hasten_claim(NodeIndex tenant, Instant now);
  std::size_t claim_for(NodeIndex tenant, Placement& placement, std::span<Reclaim> out,
                        Instant now);
  std::size_t collect_claimants(NodeIndex tenant, Instant now);
  double part_of_places(const Node& node) const;
  bool is_blocked(NodeIndex leaf) const;
  ItemIndex borrower_for(const Item& claimant, double may_lack, Placement& placement) const;
  bool is_borrowed(const Item& running) const;
  bool owes(const Item& running, const Item& claimant, double may_lack) const;
  double surplus(const Item& running) const;
  bool goes_sooner(const Item& one, const Item& other) const;
  void lend(ItemIndex index);
  void unlend(Item& item);
  void set_named(Item& running, bool is_named);
  void pair(ItemIndex claimant, ItemIndex running);
  void unpair(Item& claimant);
  void leave_claim(Item& claimant, Instant now);
  ItemIndex heir_of(const Item& claimant, bool is_coming, Instant now) const;
  void part_from_claimant(Item& running, Instant now);

  // pool_admit.cpp: caps and predictions.
  std::optional<Refusal> check_caps(const Request& request, NodeIndex node) const;
  std::optional<Refusal> check_start(const Request& request, NodeIndex node, Instant now) const;
  std::optional<double> class_rate(std::size_t priority) const;
  double path_share(NodeIndex index, std::size_t priority) const;
  std::optional<double> wait_of(const Request& request, NodeIndex node, double ahead) const;
  double cost_before(NodeIndex leaf, std::size_t priority, const RequestKey& key) const;
  std::optional<std::chrono::milliseconds> time_to_drain(NodeIndex node, std::size_t priority,
                                                         double part) const;
  RequestKey key_for(const Request& request, Instant now) const;
  ItemIndex make_item(const Request& request, NodeIndex leaf, Instant now);
  void free_item(ItemIndex index);
  ItemIndex find(Ticket ticket, Item::State state) const;
  Removed remove(ItemIndex index, Instant now);

  // pool_shed.cpp: who has to go.
  double over_share(NodeIndex index, std::size_t priority) const;
  ItemIndex worst() const;
  ItemIndex newest_of(NodeIndex tenant, std::size_t priority, bool sheddable) const;
  bool goes_before(const Request& arrival, NodeIndex node, const Item& waiting) const;

  // pool_epoch.cpp: history and reports.
  void roll_epoch(Instant now);
  void close_rates(double elapsed, Instant now);
  void set_factors();
  void sum_active_weights();
  double debt_max() const;
  double decay(double seconds) const;
  double lead(const Node& node, std::size_t priority, Instant now) const;

  std::uint32_t& place_of_child(NodeIndex index, std::size_t priority) {
    return nodes_[index].queues[priority].place;
  }

  PoolTree tree_;
  Options options_;
  std::vector<Node> nodes_;
  std::vector<NodeIndex> node_of_;  // by NodeId
  std::vector<NodeIndex> free_nodes_;
  std::vector<std::string> paths_;  // by NodeIndex; empty for users
  std::vector<NodeIndex> buckets_;  // users by (parent, user)
  NodeIndex idle_first_ = kNowhere, idle_last_ = kNowhere;
  std::size_t users_ = 0;

  std::vector<Item> items_;
  std::vector<ItemIndex> free_items_;
  IndexedHeap<Instant> deadlines_;  // of waiting requests that have one
  IndexedHeap<Instant> timers_;     // of nodes that time will unblock
  std::vector<NodeIndex> misses_;   // of the decision under way
  // Found since full_since_, and no room has come for them since; forgotten after a recheck.
  KindSet full_kinds_;
  Instant full_since_{};
  bool has_targets_ = false;                 // a request had one
  std::uint32_t rooms_ = 0;                  // calls of room_came()
  Instant deferred_until_ = Instant::max();  // when to ask who would rather wait again
  KindSet unclaimable_kinds_;                // of the call of reclaim() under way
  struct Parked {
    NodeIndex leaf;
    std::uint32_t priority;
  };
  std::vector<Parked> parked_;
  IndexedHeap<Instant> claims_;       // tenants that wait for their guarantee; when to look at them
  std::vector<ItemIndex> lent_;       // running ones that may be reclaimed
  std::vector<ItemIndex> claimants_;  // scratch, as the next one
  Instant next_claim_{};

  ClassShares classes_;
  std::array<ClassReport, kClasses> class_reports_{};
  DrainRate drain_;
  std::array<Bound, kLevels> bounds_{};
  double refunded_ = 0;  // largest part of a request's input that was given back
  Instant epoch_began_;
  std::array<double, kClasses> class_used_{};
  std::uint64_t orders_ = 0, dispatches_ = 0, turns_ = 0;
  std::uint32_t holds_ = 0;
  std::uint64_t expired_ = 0, shed_ = 0, refused_ = 0, held_ = 0, offers_ = 0;
  std::array<std::uint64_t, kLeeways> gave_way_{};
};

}  // namespace sovmesh::fairness
