// Deciding and charging.
#include <algorithm>
#include <cassert>

#include "fairness/pool_state.h"

namespace sovmesh::fairness {

std::optional<Dispatch> PoolState::next(Placement& placement, Instant now) {
  advance(now);
  deferred_until_ = Instant::max();
  if (nodes_[kRoot].waiting == 0 || !placement.has_room()) return std::nullopt;
  if (now - full_since_ >= options_.recheck) full_kinds_.clear();
  std::uint32_t probes = 0;
  // Guarantees first, in whichever class; then what is borrowed.
  for (const bool guaranteed : {true, false}) {
    for (const PriorityClass priority : classes_.order()) {
      const auto self = static_cast<std::size_t>(priority);
      const auto& members = nodes_[kRoot].queues[self].children;
      while (!members.empty() && probes < options_.probes_max) {
        const Rank rank = members.top().key.rank;
        if (guaranteed && rank != Rank::guaranteed) break;
        if (rank == Rank::borrowing && nodes_[kRoot].lend_credit < 0) break;
        if (auto decision = decide(self, placement, probes, now)) return decision;
        if (misses_.empty()) break;  // who is left there had better wait
      }
    }
  }
  return std::nullopt;
}

// Compares the candidates of one class at its lowest rank; sets those aside that fit nowhere.
std::optional<Dispatch> PoolState::decide(std::size_t priority, Placement& placement,
                                          std::uint32_t& probes, Instant now) {
  Search search{.placement = placement, .now = now, .priority = priority, .probes = probes};
  misses_.clear();
  gather(kRoot, search);
  probes = search.probes;
  for (const NodeIndex leaf : misses_)
    park(leaf, priority, now);
  if (search.best == kNowhere && search.deferred != kNowhere) {
    // Other classes are owed nothing by it, so it does not wait for their sake.
    if (probes >= options_.probes_max || others_wait(priority)) search.best = search.deferred;
    deferred_until_ = now + options_.recheck;
  }
  if (search.best == kNowhere) return std::nullopt;
  return dispatch(search.best, now);
}

bool PoolState::others_wait(std::size_t priority) const {
  for (std::size_t other = 0; other < kClasses; ++other)
    if (other != priority && !nodes_[kRoot].queues[other].children.empty()) return true;
  return false;
}

// Leaves in search.deferred who came first of those below that would rather wait. False: enough.
bool PoolState::gather(NodeIndex index, Search& search) {
  const Node& node = nodes_[index];
  if (node.level == Level::user) return probe(index, search);
  const auto& children = node.queues[search.priority].children;
  const ChildKey lowest = children.top().key;
  const double near = lowest.counter + static_cast<double>(options_.locality_window);
  ItemIndex deferred = kNowhere;  // the lowest, that would go if nobody waited for anything
  double latest = near;           // most that somebody may have had who goes before it
  bool goes_on = true;
  std::size_t visited = 0;
  children.smallest([&](const auto& entry) {
    const bool is_near = entry.key.rank == lowest.rank && entry.key.counter <= near;
    if (!is_near && (deferred == kNowhere || search.found > 0)) return false;
    ++visited;
    search.deferred = kNowhere;
    goes_on = gather(entry.id, search);
    if (deferred == kNowhere && search.deferred != kNowhere) {
      deferred = search.deferred;
      latest = std::max(near, entry.key.counter + late_window(nodes_[entry.id].level));
    } else if (deferred != kNowhere && search.found > 0 &&
               (entry.key.rank != lowest.rank || entry.key.counter > latest)) {
      search.best = deferred;  // it would cost its tenant too much
      return goes_on = false;
    }
    return goes_on && (options_.locality_window > 0 || (deferred != kNowhere && search.found == 0));
  });
  // More than can be looked at.
  if (deferred != kNowhere && search.found == 0 && visited < children.size() &&
      visited == children.kVisitMax) {
    search.best = deferred;
    search.found = 1;
  }
  search.deferred = deferred;
  return goes_on;
}

bool PoolState::probe(NodeIndex leaf, Search& search) {
  std::uint32_t tried = 0;
  bool fits = false;
  search.deferred = kNowhere;
  pass_late(leaf, search);
  const auto& requests = nodes_[leaf].queues[search.priority].requests;
  requests.smallest([&](const auto& entry) {
    if (tried >= options_.leaf_probes || search.probes >= options_.probes_max) return false;
    Item& item = items_[entry.id];
    if (item.request.start_by < search.now) return true;  // expire() takes it
    // A request for which a place is held has that to itself.
    if (!item.is_held && full_kinds_.contains(item.request.kind)) {
      note_miss(item, search);
      return true;
    }
    ++tried;
    fits = try_item(entry.id, search);
    return !fits;
  });
  while (!fits && search.probes < options_.probes_max) {
    const ItemIndex other = first_of_another_kind(leaf, search);
    if (other == kNowhere) break;
    fits = try_item(other, search);
  }
  if (!fits && search.deferred == kNowhere) misses_.push_back(leaf);
  search.found += fits ? 1U : 0U;
  return search.probes < options_.probes_max && search.found < options_.window_candidates;
}

// Those that can no longer be in time go behind those that can, for as long as they may. A deadline
// gives them nothing: it ends their wait, and would only make others late too.
void PoolState::pass_late(NodeIndex leaf, const Search& search) {
  auto& requests = nodes_[leaf].queues[search.priority].requests;
  while (!requests.empty()) {
    const ItemIndex first = requests.top().id;
    Item& item = items_[first];
    if (item.is_late || item.request.target_by >= search.now) return;
    item.is_late = true;
    item.key.due = late_until(item);
    requests.update(item.key, first,
                    [this](std::uint32_t id) -> std::uint32_t& { return items_[id].place; });
  }
}

// When one that is late lets nobody go first any more.
Instant PoolState::late_until(const Item& item) const {
  const Instant last = item.arrived + options_.late_max;
  if (item.request.start_by == Instant::max()) return last;
  return std::min(last, item.arrived + (item.request.start_by - item.arrived) / 2);
}

// Whether it had better wait, although it fits.
bool PoolState::defers(Item& item, Search& search) {
  if (!item.is_late || item.key.due <= search.now) return false;
  if (item.asked_until <= search.now || item.asked_in != rooms_) {
    if (!search.placement.is_in_the_way(item.request)) return false;
    item.asked_until = search.now + options_.recheck;
    item.asked_in = rooms_;
  }
  return true;
}

bool PoolState::try_item(ItemIndex index, Search& search) {
  Item& item = items_[index];
  ++search.probes;
  ++offers_;
  const std::optional<double> gain = search.placement.gain(item.request);
  if (!gain) {
    if (full_kinds_.empty()) full_since_ = search.now;
    full_kinds_.insert(item.request.kind);
    note_miss(item, search);
    return false;
  }
  if (defers(item, search)) {
    if (search.deferred == kNowhere) search.deferred = index;
    return false;
  }
  const bool is_better =
      search.best == kNowhere ||
      (item.is_late == items_[search.best].is_late ? *gain > search.best_gain : !item.is_late);
  if (is_better) {
    search.best = index;
    search.best_gain = *gain;
  }
  return true;
}

// However many of a user's requests wait for what is full, one that waits for something else is
// found behind them. Kinds are few, so few of these are tried.
ItemIndex PoolState::first_of_another_kind(NodeIndex leaf, const Search& search) const {
  const auto& requests = nodes_[leaf].queues[search.priority].requests;
  ItemIndex first = kNowhere;
  for (std::uint32_t i = 0; i < requests.size(); ++i) {
    const Item& item = items_[requests.at(i).id];
    if (item.request.kind == 0 || full_kinds_.contains(item.request.kind)) continue;
    if (item.asked_until > search.now && item.asked_in == rooms_) continue;  // it would rather wait
    if (item.request.start_by < search.now) continue;
    if (first == kNowhere || item.key < items_[first].key) first = requests.at(i).id;
  }
  return first;
}

void PoolState::note_miss(Item& item, Search& search) {
  if (!item.request.may_be_bypassed) return;
  if (item.passed_since == Item::kNeverPassed) item.passed_since = dispatches_;
  if (item.is_held || holds_ >= options_.holds_max ||
      dispatches_ - item.passed_since < options_.bypass_max)
    return;
  item.is_held = true;
  ++holds_;
  ++held_;
  search.placement.hold(item.request);
}

Dispatch PoolState::dispatch(ItemIndex index, Instant now) {
  Item& item = items_[index];
  attribute(item);
  const std::uint8_t guaranteed_at = item.guaranteed_at;
  const Node& tenant = nodes_[tenant_of(item.leaf)];
  Dispatch out{.ticket = {.index = index, .generation = item.generation},
               .request = item.request,
               .borrowed = (guaranteed_at >> tenant.depth & 1U) == 0,
               .held = item.is_held,
               .late = item.is_late,
               .waited = now - item.arrived};
  const auto priority = static_cast<std::size_t>(item.request.priority);
  for (NodeIndex each = item.leaf; each != kRoot; each = nodes_[each].parent)
    nodes_[each].queues[priority].turn = ++turns_;
  leave(index, now);
  ++dispatches_;
  item.is_held = false;
  item.passed_since = Item::kNeverPassed;
  item.state = Item::State::running;
  item.charged = 0;
  item.tokens_so_far = 0;
  item.open = item.request.token_cost * item.request.tokens_max;
  open_potential(item);
  set_running(item, true, now);
  item.leeway = item.request.leeway;
  lend(index);
  charge(item, static_cast<double>(item.request.input_cost), now);
  return out;
}

// Notes at which nodes the request is served out of a guarantee, and how far everybody has come:
// those that come back later start there.
void PoolState::attribute(Item& item) {
  const auto priority = static_cast<std::size_t>(item.request.priority);
  item.guaranteed_at = 0;
  for (NodeIndex index = item.leaf; index != kRoot; index = nodes_[index].parent) {
    const Node& node = nodes_[index];
    ClassQueue& family = nodes_[node.parent].queues[priority];
    assert(node.queues[priority].place != kNowhere);
    const ChildKey& lowest = family.children.top().key;
    double& floor =
        lowest.rank == Rank::borrowing ? family.borrowed_floor : family.guaranteed_floor;
    floor = std::max(floor, lowest.counter);
    const ChildKey& own = family.children.at(node.queues[priority].place).key;
    raise_floor(family, item.request.kind, own, node.level);
    if (own.rank != Rank::borrowing)
      item.guaranteed_at = static_cast<std::uint8_t>(item.guaranteed_at | 1U << node.depth);
  }
}

// It is the lowest of those of its kind, but for the window.
void PoolState::raise_floor(ClassQueue& family, std::uint64_t kind, const ChildKey& served,
                            Level level) const {
  if (kind == 0) return;
  if (family.floors_of_kinds.empty()) family.floors_of_kinds.resize(kKindBits);
  ClassQueue::Floors& floors = family.floors_of_kinds[kind_index(kind)];
  auto& floor = served.rank == Rank::borrowing ? floors.borrowed : floors.guaranteed;
  const double lowest = served.counter - window(level);
  floor = std::max(floor.value_or(0), lowest);
}

void PoolState::open_potential(Item& item) {
  const auto priority = static_cast<std::size_t>(item.request.priority);
  for (NodeIndex index = item.leaf; index != kRoot; index = nodes_[index].parent) {
    const Node& node = nodes_[index];
    if ((item.guaranteed_at >> node.depth & 1U) != 0) continue;
    ClassQueue& queue = nodes_[index].queues[priority];
    queue.open += item.open;
    queue.open_input += static_cast<double>(item.request.input_cost);
    queue.borrowed_at_pick = queue.borrowed;
    Bound& bound = bounds_[static_cast<std::size_t>(node.level)];
    const double input = static_cast<double>(item.request.input_cost);
    bound.added = std::max(bound.added, (input + queue.open) / node.share_weight());
    bound.input = std::max(bound.input, queue.open_input / node.share_weight());
  }
}

void PoolState::close_potential(Item& item, double cost) {
  const double closed = std::min(item.open, cost);
  if (closed <= 0) return;
  item.open -= closed;
  const auto priority = static_cast<std::size_t>(item.request.priority);
  for (NodeIndex index = item.leaf; index != kRoot; index = nodes_[index].parent) {
    Node& node = nodes_[index];
    if ((item.guaranteed_at >> node.depth & 1U) == 0)
      node.queues[priority].open = std::max(node.queues[priority].open - closed, 0.0);
  }
}

void PoolState::charge(Item& item, double cost, Instant now) {
  const auto priority = static_cast<std::size_t>(item.request.priority);
  item.charged += cost;
  drain_.note_charge(cost);
  classes_.charge(item.request.priority, cost);
  class_used_[priority] += cost;
  bool has_rates = nodes_[kRoot].has_rates();
  for (NodeIndex index = item.leaf;; index = nodes_[index].parent) {
    Node& node = nodes_[index];
    settle_credit(node, now);
    node.used += cost;
    if (index == kRoot) break;
    charge_node(index, item, cost);
    has_rates = has_rates || node.has_rates();
  }
  refresh(item.leaf, priority);
  for (NodeIndex index = item.leaf; index != kRoot; index = nodes_[index].parent)
    note_gap(index, priority);
  if (!has_rates) return;
  for (NodeIndex index = item.leaf;; index = nodes_[index].parent) {
    sync(index, now);
    if (index == kRoot) break;
  }
}

void PoolState::charge_node(NodeIndex index, const Item& item, double cost) {
  Node& node = nodes_[index];
  Node& parent = nodes_[node.parent];
  ClassQueue& queue = node.queues[static_cast<std::size_t>(item.request.priority)];
  double from_parent = cost;  // of what the parent lends to its children
  if ((item.guaranteed_at >> node.depth & 1U) != 0) {
    // A tree that was changed meanwhile may have taken the guarantee away.
    if (node.nominal > 0) queue.guaranteed += cost / node.nominal;
    node.guarantee_credit -= cost;
    const double kept = std::clamp(cost, 0.0, std::max(node.kept_credit, 0.0));
    node.kept_credit -= kept;
    from_parent -= kept;
  } else {
    queue.borrowed += cost / node.share_weight();
    node.borrowed += cost;
    if (node.borrowing_limit < std::numeric_limits<double>::infinity()) node.borrow_credit -= cost;
  }
  const bool lends = node.parent == kRoot || (item.guaranteed_at >> parent.depth & 1U) != 0;
  if (lends && parent.lendable < std::numeric_limits<double>::infinity())
    parent.lend_credit -= from_parent;
}

// How far the node, just charged, is ahead of the lowest of its siblings that competes with it.
void PoolState::note_gap(NodeIndex index, std::size_t priority) {
  const Node& node = nodes_[index];
  const ClassQueue& queue = node.queues[priority];
  Bound& bound = bounds_[static_cast<std::size_t>(node.level)];
  bound.added = std::max(bound.added, queue.borrowed - queue.borrowed_at_pick);
  if (queue.place == kNowhere) return;
  const auto& siblings = nodes_[node.parent].queues[priority].children;
  const auto& lowest = siblings.top();
  const ClassQueue& other = nodes_[lowest.id].queues[priority];
  if (lowest.key.rank != Rank::borrowing || other.lags) return;
  if ((queue.kinds & other.kinds) == 0) return;  // they wait for different engines
  bound.gap_max = std::max(bound.gap_max, queue.borrowed - lowest.key.counter);
}

void PoolState::prefetch(Ticket ticket) const {
  if (ticket.index >= items_.size()) return;
  const Item& item = items_[ticket.index];
  __builtin_prefetch(&item.request.token_cost);
  __builtin_prefetch(&item.generation);
  __builtin_prefetch(&item.charged);
}

void PoolState::on_token(Ticket ticket, std::int64_t tokens, Instant now) {
  const ItemIndex index = find(ticket, Item::State::running);
  if (index == kNowhere || tokens <= 0) return;
  advance(now);
  Item& item = items_[index];
  item.tokens_so_far += tokens;
  const double cost = item.request.token_cost * static_cast<double>(tokens);
  close_potential(item, cost);
  charge(item, cost, now);
}

void PoolState::on_done(Ticket ticket, const Usage& usage, Instant now) {
  const ItemIndex index = find(ticket, Item::State::running);
  if (index == kNowhere) return;
  advance(now);
  settle(items_[index], usage, now);
  const NodeIndex leaf = items_[index].leaf;
  free_item(index);
  set_idle(leaf, true, now);
}

// Makes what was charged what was used.
void PoolState::settle(Item& item, const Usage& usage, Instant now) {
  const auto input = static_cast<double>(item.request.input_cost);
  const double real =
      static_cast<double>(std::clamp<Micros>(usage.input_cost, 0, kCostMax)) +
      item.request.token_cost * static_cast<double>(std::max<std::int64_t>(usage.output_tokens, 0));
  const double rest = real - item.charged;
  if (rest < 0 && input > 0) refunded_ = std::max(refunded_, std::min(-rest / input, 1.0));
  close_potential(item, item.open);
  const auto priority = static_cast<std::size_t>(item.request.priority);
  for (NodeIndex index = item.leaf; index != kRoot; index = nodes_[index].parent) {
    const Node& node = nodes_[index];
    ClassQueue& queue = nodes_[index].queues[priority];
    if ((item.guaranteed_at >> node.depth & 1U) == 0)
      queue.open_input = std::max(queue.open_input - input, 0.0);
  }
  if (rest < 0 || rest > 0) charge(item, rest, now);
  unlend(item);
  part_from_claimant(item, now);
  set_running(item, false, now);
}

void PoolState::set_running(Item& item, bool is_running, Instant now) {
  std::uint64_t& all = class_reports_[static_cast<std::size_t>(item.request.priority)].running;
  all = is_running ? all + 1 : all - 1;
  for (NodeIndex index = item.leaf;; index = nodes_[index].parent) {
    Node& node = nodes_[index];
    node.running = is_running ? node.running + 1 : node.running - 1;
    if (index == kRoot) break;
    if (node.concurrency_max != kUnlimited) sync(index, now);
  }
}

Instant PoolState::next_wake() const {
  if (nodes_[kRoot].waiting == 0) return Instant::max();
  Instant at = timers_.empty() ? Instant::max() : timers_.top().key;
  if (!deadlines_.empty()) at = std::min(at, deadlines_.top().key + Instant::duration(1));
  if (!lent_.empty() && !claims_.empty()) at = std::min(at, claims_.top().key);
  return std::min(at, deferred_until_);
}

}  // namespace sovmesh::fairness
