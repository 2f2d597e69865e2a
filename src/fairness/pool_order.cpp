// Who may be served, in which order: counters, guarantees and limits as places in heaps.
#include <algorithm>
#include <cmath>
#include <utility>

#include "fairness/pool_state.h"

namespace sovmesh::fairness {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

double micros(Instant::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

// Until `owed` is earned at `rate`; rounded up, so that it is earned then.
Instant earned_at(Instant from, double owed, double rate) {
  constexpr double kFar = 1e13;  // microseconds: four months, well inside an Instant
  const double wait = rate > 0 ? std::min(owed / rate, kFar) : kFar;
  return from + std::chrono::microseconds(static_cast<std::int64_t>(std::ceil(wait)) + 1);
}

}  // namespace

std::optional<ChildKey> PoolState::key_of(const Node& node, std::size_t priority) const {
  const ClassQueue& queue = node.queues[priority];
  if (queue.waiting == 0 || node.running >= node.concurrency_max) return std::nullopt;
  if (node.level == Level::user) {
    if (queue.is_parked()) return std::nullopt;
    return ChildKey{Rank::borrowing, queue.borrowed, queue.turn};
  }
  if (queue.children.empty()) return std::nullopt;
  const bool is_under = node.nominal > 0 && node.guarantee_credit >= 0;
  Rank rank = Rank::borrowing;
  if (node.level == Level::cohort) {
    if (queue.children.top().key.rank == Rank::guaranteed)
      rank = Rank::guaranteed;
    else if (is_under && node.lend_credit >= 0)
      rank = Rank::within_cohort;
  } else if (is_under) {
    rank = Rank::guaranteed;
  }
  if (rank != Rank::borrowing) return ChildKey{rank, queue.guaranteed, queue.turn};
  if (node.borrow_credit < 0) return std::nullopt;
  return ChildKey{rank, queue.borrowed, queue.turn};
}

void PoolState::place_node(NodeIndex index, std::size_t priority) {
  Node& node = nodes_[index];
  ClassQueue& queue = node.queues[priority];
  auto& siblings = nodes_[node.parent].queues[priority].children;
  const auto place = [this, priority](std::uint32_t id) -> std::uint32_t& {
    return place_of_child(id, priority);
  };
  const std::optional<ChildKey> key = key_of(node, priority);
  if (!key) {
    if (queue.place != kNowhere) siblings.erase(index, place);
    return;
  }
  if (queue.place == kNowhere) {
    queue.lags =
        !siblings.empty() && std::pair(key->rank, key->counter) <
                                 std::pair(siblings.top().key.rank, siblings.top().key.counter);
    siblings.push(*key, index, place);
  } else if (siblings.at(queue.place).key != *key) {
    siblings.update(*key, index, place);
  }
  if (queue.lags && siblings.top().id != index) queue.lags = false;
}

// The node and all above it.
void PoolState::refresh(NodeIndex index, std::size_t priority) {
  for (; index != kRoot; index = nodes_[index].parent)
    place_node(index, priority);
}

void PoolState::refresh_all_classes(NodeIndex index) {
  for (std::size_t priority = 0; priority < kClasses; ++priority)
    if (nodes_[index].queues[priority].waiting > 0) refresh(index, priority);
}

std::uint8_t PoolState::state_bits(const Node& node) const {
  return static_cast<std::uint8_t>(
      (node.guarantee_credit >= 0 ? 1U : 0U) | (node.borrow_credit >= 0 ? 2U : 0U) |
      (node.lend_credit >= 0 ? 4U : 0U) | (node.running < node.concurrency_max ? 8U : 0U));
}

// What is not used while nobody wants it is not banked, but for a start.
void PoolState::settle_credit(Node& node, Instant now) const {
  if (!node.has_rates()) return;
  const double time = micros(now - node.credit_at);
  const double burst = micros(node.waiting > 0 ? options_.burst : options_.return_credit);
  const auto grow = [&](double credit, double rate) {
    return rate == kInfinite ? 0 : std::min(credit + rate * time, rate * burst);
  };
  node.guarantee_credit = grow(node.guarantee_credit, node.nominal);
  node.borrow_credit = grow(node.borrow_credit, node.borrowing_limit);
  node.lend_credit = grow(node.lend_credit, node.lendable);
  node.kept_credit =
      std::min(node.kept_credit + node.kept * time, node.kept * micros(options_.burst));
  node.credit_at = now;
}

// To be called when a credit or the number of running requests may have changed sides.
void PoolState::sync(NodeIndex index, Instant now) {
  Node& node = nodes_[index];
  arm(index, now);
  note_claim(index, now);
  const std::uint8_t bits = state_bits(node);
  if (bits == node.state_bits) return;
  node.state_bits = bits;
  refresh_all_classes(index);
}

// Credits only fall between two timers, so the timer that is set is never late.
void PoolState::arm(NodeIndex index, Instant now) {
  Node& node = nodes_[index];
  Instant at = Instant::max();
  if (node.waiting > 0) {
    if (node.nominal > 0 && node.guarantee_credit < 0)
      at = std::min(at, earned_at(now, -node.guarantee_credit, node.nominal));
    if (node.borrow_credit < 0)
      at = std::min(at, earned_at(now, -node.borrow_credit, node.borrowing_limit));
    if (node.lend_credit < 0) at = std::min(at, earned_at(now, -node.lend_credit, node.lendable));
    for (const ClassQueue& queue : node.queues)
      if (queue.is_parked()) at = std::min(at, queue.parked_until);
  }
  const auto place = [this](std::uint32_t id) -> std::uint32_t& { return nodes_[id].timer_place; };
  if (at == Instant::max()) {
    if (node.timer_place != kNowhere) timers_.erase(index, place);
  } else if (node.timer_place == kNowhere) {
    timers_.push(at, index, place);
  } else if (at < timers_.at(node.timer_place).key) {
    timers_.update(at, index, place);
  }
}

void PoolState::advance(Instant now) {
  drain_.advance(nodes_[kRoot].waiting > 0, now);
  while (!timers_.empty() && timers_.top().key <= now) {
    const NodeIndex index = timers_.top().id;
    timers_.erase(index,
                  [this](std::uint32_t id) -> std::uint32_t& { return nodes_[id].timer_place; });
    Node& node = nodes_[index];
    settle_credit(node, now);
    for (std::size_t priority = 0; priority < kClasses; ++priority) {
      ClassQueue& queue = node.queues[priority];
      if (queue.is_parked() && queue.parked_until <= now) unpark(index, priority);
    }
    sync(index, now);
  }
  if (now - epoch_began_ >= options_.epoch) roll_epoch(now);
}

void PoolState::park(NodeIndex leaf, std::size_t priority, Instant now) {
  ClassQueue& queue = nodes_[leaf].queues[priority];
  queue.parked_place = static_cast<std::uint32_t>(parked_.size());
  parked_.push_back({leaf, static_cast<std::uint32_t>(priority)});
  queue.parked_until = now + options_.recheck;
  refresh(leaf, priority);
  arm(leaf, now);
}

void PoolState::unpark(NodeIndex leaf, std::size_t priority) {
  ClassQueue& queue = nodes_[leaf].queues[priority];
  const Parked last = parked_.back();
  parked_[queue.parked_place] = last;
  nodes_[last.leaf].queues[last.priority].parked_place = queue.parked_place;
  parked_.pop_back();
  queue.parked_place = kNowhere;
  refresh(leaf, priority);
}

void PoolState::room_came(std::span<const std::uint64_t> kinds, Instant now) {
  advance(now);
  ++rooms_;
  std::uint64_t bits = 0;
  for (const std::uint64_t kind : kinds) {
    full_kinds_.erase(kind);
    bits |= kind_bit(kind);
  }
  // From the back: what takes the place of one that goes has been looked at.
  for (std::size_t i = parked_.size(); i-- > 0;) {
    const Parked parked = parked_[i];
    if ((nodes_[parked.leaf].queues[parked.priority].kinds & bits) != 0)
      unpark(parked.leaf, parked.priority);
  }
}

// Where a child that comes back starts at least.
double PoolState::lowest_borrowed(const ClassQueue& family) {
  if (family.children.empty() || family.children.top().key.rank != Rank::borrowing)
    return family.borrowed_floor;
  return std::max(family.borrowed_floor, family.children.top().key.counter);
}

bool PoolState::is_forgotten(const Node& node, const ClassQueue& queue, Instant now) const {
  return queue.waiting == 0 && node.running == 0 && now - queue.left_at > options_.idle_ttl;
}

// A node that comes back starts with its siblings: it has banked nothing while it was idle, and
// owes at most so much.
void PoolState::lift(NodeIndex index, const Request& request, Instant now) {
  const auto priority = static_cast<std::size_t>(request.priority);
  Node& node = nodes_[index];
  ClassQueue& queue = node.queues[priority];
  const ClassQueue& family = nodes_[node.parent].queues[priority];
  double guaranteed = family.guaranteed_floor;
  double borrowed = family.borrowed_floor;
  if (request.kind != 0 && !family.floors_of_kinds.empty()) {
    const ClassQueue::Floors& floors = family.floors_of_kinds[kind_index(request.kind)];
    guaranteed = floors.guaranteed.value_or(guaranteed);
    borrowed = floors.borrowed.value_or(borrowed);
  } else {
    borrowed = lowest_borrowed(family);
    if (!family.children.empty() && family.children.top().key.rank != Rank::borrowing)
      guaranteed = std::max(guaranteed, family.children.top().key.counter);
  }
  const double debt = micros(options_.debt_max);
  const double weights = std::max(family.active_weight + node.share_weight(), 1e-9);
  const bool forgotten = is_forgotten(node, queue, now);
  queue.guaranteed =
      forgotten ? guaranteed : std::clamp(queue.guaranteed, guaranteed, guaranteed + debt);
  queue.borrowed =
      forgotten ? borrowed : std::clamp(queue.borrowed, borrowed, borrowed + debt_max() / weights);
  queue.borrowed_at_pick = queue.borrowed;
}

void PoolState::join(ItemIndex item_index, Instant now) {
  Item& item = items_[item_index];
  const auto priority = static_cast<std::size_t>(item.request.priority);
  item.state = Item::State::waiting;
  full_kinds_.erase(item.request.kind);  // whoever comes is tried
  for (NodeIndex index = item.leaf;; index = nodes_[index].parent) {
    Node& node = nodes_[index];
    ClassQueue& queue = node.queues[priority];
    settle_credit(node, now);
    if (queue.waiting == 0) {
      queue.turn = ++turns_;
      if (index == kRoot) {
        classes_.set_waiting(item.request.priority, true, debt_max());
      } else {
        lift(index, item.request, now);
        nodes_[node.parent].queues[priority].active_weight += node.share_weight();
      }
    }
    if (node.waiting++ == 0) node.waiting_since = now;
    ++queue.waiting;
    queue.kinds |= kind_bit(item.request.kind);
    queue.sheddable += item.request.sheddable ? 1U : 0U;
    queue.safe += item.has_run ? 1U : 0U;
    queue.waiting_cost += item.expected_cost();
    node.waiting_bytes += item.request.bytes;
    node.waiting_tokens += item.tokens();
    if (index == kRoot) break;
  }
  ClassReport& report = class_reports_[priority];
  ++report.waiting;
  report.waiting_bytes += item.request.bytes;
  report.waiting_tokens += item.tokens();
  Node& leaf = nodes_[item.leaf];
  set_idle(item.leaf, false, now);
  leaf.queues[priority].requests.push(
      item.key, item_index,
      [this](std::uint32_t id) -> std::uint32_t& { return items_[id].place; });
  if (item.request.start_by != Instant::max()) {
    deadlines_.push(item.request.start_by, item_index, [this](std::uint32_t id) -> std::uint32_t& {
      return items_[id].deadline_place;
    });
  }
  if (leaf.queues[priority].is_parked()) unpark(item.leaf, priority);
  refresh(item.leaf, priority);
  for (NodeIndex index = item.leaf; index != kRoot; index = nodes_[index].parent)
    sync(index, now);
  drain_.advance(true, now);
}

void PoolState::leave(ItemIndex item_index, Instant now) {
  Item& item = items_[item_index];
  const auto priority = static_cast<std::size_t>(item.request.priority);
  leave_claim(item, now);
  nodes_[item.leaf].queues[priority].requests.erase(
      item_index, [this](std::uint32_t id) -> std::uint32_t& { return items_[id].place; });
  if (item.deadline_place != kNowhere) {
    deadlines_.erase(item_index, [this](std::uint32_t id) -> std::uint32_t& {
      return items_[id].deadline_place;
    });
  }
  for (NodeIndex index = item.leaf;; index = nodes_[index].parent) {
    Node& node = nodes_[index];
    ClassQueue& queue = node.queues[priority];
    settle_credit(node, now);
    --queue.waiting;
    queue.sheddable -= item.request.sheddable ? 1U : 0U;
    queue.safe -= item.has_run ? 1U : 0U;
    queue.waiting_cost = queue.waiting == 0 ? 0 : queue.waiting_cost - item.expected_cost();
    node.waiting_bytes -= item.request.bytes;
    node.waiting_tokens -= item.tokens();
    if (--node.waiting == 0)
      node.waited += micros(now - std::max(node.waiting_since, epoch_began_));
    if (queue.waiting == 0) {
      queue.left_at = now;
      queue.kinds = 0;
      if (queue.is_parked()) unpark(index, priority);
      if (index == kRoot) {
        classes_.set_waiting(item.request.priority, false, 0);
      } else {
        ClassQueue& family = nodes_[node.parent].queues[priority];
        family.active_weight = std::max(family.active_weight - node.share_weight(), 0.0);
        if (family.waiting == 1) {  // nobody is left: whoever comes starts where this one stopped
          family.borrowed_floor = std::max(family.borrowed_floor, queue.borrowed);
          family.guaranteed_floor = std::max(family.guaranteed_floor, queue.guaranteed);
        }
      }
    }
    if (index == kRoot) break;
  }
  ClassReport& report = class_reports_[priority];
  --report.waiting;
  report.waiting_bytes -= item.request.bytes;
  report.waiting_tokens -= item.tokens();
  if (item.is_held) --holds_;
  refresh(item.leaf, priority);
  for (NodeIndex index = item.leaf; index != kRoot; index = nodes_[index].parent)
    sync(index, now);
  drain_.advance(nodes_[kRoot].waiting > 0, now);
}

}  // namespace sovmesh::fairness
