// Caps and predictions.
#include <algorithm>
#include <cassert>
#include <cmath>

#include "fairness/pool_state.h"

namespace sovmesh::fairness {
namespace {

using Reason = Refusal::Reason;

std::chrono::milliseconds up_to_millis(double micros) {
  constexpr double kDay = 86'400e6;  // nobody should be told to wait longer
  const double millis = std::ceil(std::clamp(micros, 1.0, kDay) / 1'000);
  return std::chrono::milliseconds(static_cast<std::int64_t>(millis));
}

bool is_sound(const Request& request) {
  return request.input_cost >= 0 && request.input_cost <= kCostMax && request.tokens_max >= 0 &&
         request.tokens_expected >= 0 && request.input_tokens >= 0 && request.bytes >= 0 &&
         request.token_cost >= 0 &&
         request.token_cost * request.tokens_max <= static_cast<double>(kCostMax) &&
         static_cast<std::size_t>(request.priority) < kClasses;
}

}  // namespace

std::expected<Enqueued, Refusal> PoolState::enqueue(const Request& request, Instant now) {
  advance(now);
  const auto refuse = [this](const Refusal& refusal) {
    ++refused_;
    return std::unexpected(refusal);
  };
  if (!is_sound(request) || request.node >= node_of_.size())
    return refuse({.reason = Reason::invalid});
  const NodeIndex node = node_of_[request.node];
  if (nodes_[node].level != Level::tenant && nodes_[node].level != Level::project)
    return refuse({.reason = Reason::invalid});
  if (!request.has_waited) {
    if (const auto refusal = check_caps(request, node)) return refuse(*refusal);
    if (const auto refusal = check_start(request, node, now)) return refuse(*refusal);
  }

  Enqueued out{.tenant_before = nodes_[tenant_of(node)].waiting,
               .pool_before = nodes_[kRoot].waiting};
  if (free_items_.empty() && items_.size() == options_.requests_max) {
    const ItemIndex victim = worst();
    if (victim == kNowhere || !goes_before(request, node, items_[victim])) {
      const auto priority = static_cast<std::size_t>(request.priority);
      const auto waiting = static_cast<double>(std::max(nodes_[kRoot].waiting, 1U));
      return refuse({.reason = Reason::pool_full,
                     .retry_after = time_to_drain(kRoot, priority, 1 / waiting)});
    }
    out.displaced = remove(victim, now);
    ++shed_;
  }
  const NodeIndex leaf = user_node(node, request.user, now);
  has_targets_ = has_targets_ || request.target_by != Instant::max();
  const ItemIndex index = make_item(request, leaf, now);
  out.ticket = {.index = index, .generation = items_[index].generation};
  join(index, now);
  return out;
}

std::optional<Refusal> PoolState::check_caps(const Request& request, NodeIndex node) const {
  const auto priority = static_cast<std::size_t>(request.priority);
  const NodeIndex tenant_index = tenant_of(node);
  const Node& tenant = nodes_[tenant_index];
  const ClassReport& all = class_reports_[priority];
  const Caps& own = options_.tenant_caps;
  const Caps& common = options_.classes[priority].caps;
  const std::int64_t tokens = request.input_tokens + request.tokens_max;
  struct Check {
    Reason reason;
    NodeIndex node;
    std::int64_t have, more, cap;
  };
  const std::array checks = {
      Check{Reason::tenant_requests, tenant_index, tenant.waiting, 1,
            static_cast<std::int64_t>(own.requests)},
      Check{Reason::tenant_bytes, tenant_index, tenant.waiting_bytes, request.bytes, own.bytes},
      Check{Reason::tenant_tokens, tenant_index, tenant.waiting_tokens, tokens, own.tokens},
      Check{Reason::class_requests, kRoot, static_cast<std::int64_t>(all.waiting), 1,
            static_cast<std::int64_t>(common.requests)},
      Check{Reason::class_bytes, kRoot, all.waiting_bytes, request.bytes, common.bytes},
      Check{Reason::class_tokens, kRoot, all.waiting_tokens, tokens, common.tokens}};
  for (const Check& check : checks) {
    if (check.have + check.more <= check.cap) continue;
    Refusal refusal{.reason = check.reason};
    if (check.more <= check.cap) {
      const auto excess = static_cast<double>(check.have + check.more - check.cap);
      refusal.retry_after =
          time_to_drain(check.node, priority, excess / static_cast<double>(check.have));
    }
    return refusal;
  }
  return std::nullopt;
}

// Until `part` of what waits at the node is gone. A tenant's caps are about all its classes, so the
// slowest of them counts; those of a class about itself.
std::optional<std::chrono::milliseconds> PoolState::time_to_drain(NodeIndex node,
                                                                  std::size_t priority,
                                                                  double part) const {
  double longest = 0;
  for (std::size_t each = 0; each < kClasses; ++each) {
    const ClassQueue& queue = nodes_[node].queues[each];
    if (queue.waiting == 0 || (node == kRoot && each != priority)) continue;
    const std::optional<double> rate = class_rate(each);
    if (!rate) return std::nullopt;
    longest = std::max(longest, part * queue.waiting_cost / (*rate * path_share(node, each)));
  }
  return up_to_millis(longest);
}

std::optional<double> PoolState::class_rate(std::size_t priority) const {
  const std::optional<double> rate = drain_.rate();
  if (!rate) return std::nullopt;
  const double share = classes_.share(static_cast<PriorityClass>(priority));
  // A class without a minimum share gets something only when the others leave it.
  return *rate * std::max(share, 0.01);
}

// The part of what the pool does in the class that the node gets while everybody waits who waits
// now; more when its guarantee is more.
double PoolState::path_share(NodeIndex index, std::size_t priority) const {
  double share = 1;
  double guaranteed = 0;
  const std::optional<double> rate = class_rate(priority);
  for (; index != kRoot; index = nodes_[index].parent) {
    const Node& node = nodes_[index];
    const double weight = node.share_weight();
    const double others = nodes_[node.parent].queues[priority].active_weight -
                          (node.queues[priority].waiting > 0 ? weight : 0);
    share *= weight / (weight + std::max(others, 0.0));
    guaranteed *= weight / (weight + std::max(others, 0.0));
    if (node.level == Level::tenant && rate) guaranteed = std::min(node.nominal / *rate, 1.0);
  }
  return std::max(share, guaranteed);
}

RequestKey PoolState::key_for(const Request& request, Instant now) const {
  // Whoever has waited for long goes before a newcomer in a hurry.
  return {.due = std::min({request.start_by, request.target_by, now + options_.aging}),
          .order = orders_};
}

double PoolState::cost_before(NodeIndex leaf, std::size_t priority, const RequestKey& key) const {
  const auto& requests = nodes_[leaf].queues[priority].requests;
  double cost = 0;
  for (std::uint32_t i = 0; i < requests.size(); ++i)
    if (requests.at(i).key < key) cost += items_[requests.at(i).id].expected_cost();
  return cost;
}

// Microseconds until a new request of `request.user` would start that has `ahead` of its own user's
// before it: while its user gets that, everybody else gets theirs, but nobody more than waits.
std::optional<double> PoolState::wait_of(const Request& request, NodeIndex node,
                                         double ahead) const {
  const auto priority = static_cast<std::size_t>(request.priority);
  const std::optional<double> rate = class_rate(priority);
  if (!rate) return std::nullopt;
  NodeIndex index = find_user(node, request.user);
  NodeIndex parent = node;
  double of_guarantee = std::numeric_limits<double>::infinity();
  while (true) {
    const ClassQueue& family = nodes_[parent].queues[priority];
    double weight = 1;
    double others = family.active_weight;
    if (index != kNowhere) {
      const ClassQueue& queue = nodes_[index].queues[priority];
      weight = nodes_[index].share_weight();
      if (queue.waiting > 0) others = std::max(others - weight, 0.0);
      if (!family.children.empty() && family.children.top().key.rank == Rank::borrowing)
        ahead += std::max(queue.borrowed - family.children.top().key.counter, 0.0) * weight;
      const double nominal = nodes_[index].nominal;
      if (nodes_[index].level == Level::tenant && nominal > 0) of_guarantee = ahead / nominal;
    }
    ahead = std::min(family.waiting_cost, ahead * (weight + others) / weight);
    if (parent == kRoot) break;
    index = parent;
    parent = nodes_[index].parent;
  }
  return std::min(ahead / *rate, of_guarantee);
}

std::optional<Refusal> PoolState::check_start(const Request& request, NodeIndex node,
                                              Instant now) const {
  if (request.start_by == Instant::max()) return std::nullopt;
  const double allowed = std::chrono::duration<double, std::micro>(request.start_by - now).count();
  if (allowed < 0) return Refusal{.reason = Reason::too_late};
  const auto priority = static_cast<std::size_t>(request.priority);
  const NodeIndex leaf = find_user(node, request.user);
  // All that its user has waiting first: only where that is too much its order matters.
  const double all = leaf == kNowhere ? 0 : nodes_[leaf].queues[priority].waiting_cost;
  std::optional<double> wait = wait_of(request, node, all);
  if (wait && *wait > allowed && leaf != kNowhere)
    wait = wait_of(request, node, cost_before(leaf, priority, key_for(request, now)));
  if (!wait || *wait <= allowed) return std::nullopt;
  return Refusal{.reason = Reason::too_late,
                 .retry_after = up_to_millis(*wait - allowed),
                 .predicted_wait = up_to_millis(*wait)};
}

std::optional<std::chrono::microseconds> PoolState::predict_wait(const Request& request,
                                                                 Instant now) const {
  if (request.node >= node_of_.size()) return std::nullopt;
  const NodeIndex node = node_of_[request.node];
  const NodeIndex leaf = find_user(node, request.user);
  const double before =
      leaf == kNowhere
          ? 0
          : cost_before(leaf, static_cast<std::size_t>(request.priority), key_for(request, now));
  const std::optional<double> wait = wait_of(request, node, before);
  if (!wait) return std::nullopt;
  return std::chrono::microseconds(static_cast<std::int64_t>(std::min(*wait, 1e15)));
}

ItemIndex PoolState::make_item(const Request& request, NodeIndex leaf, Instant now) {
  ItemIndex index = 0;
  if (free_items_.empty()) {
    index = static_cast<ItemIndex>(items_.size());
    items_.emplace_back();
  } else {
    index = free_items_.back();
    free_items_.pop_back();
  }
  const std::uint32_t generation = items_[index].generation;
  items_[index] = Item{.request = request,
                       .generation = generation,
                       .leaf = leaf,
                       .key = key_for(request, now),
                       .arrived = now};
  ++orders_;
  return index;
}

void PoolState::free_item(ItemIndex index) {
  Item& item = items_[index];
  item.state = Item::State::free;
  if (++item.generation == 0) item.generation = 1;  // 0 is no ticket
  free_items_.push_back(index);
}

ItemIndex PoolState::find(Ticket ticket, Item::State state) const {
  if (ticket.index >= items_.size()) return kNowhere;
  const Item& item = items_[ticket.index];
  return item.generation == ticket.generation && item.state == state ? ticket.index : kNowhere;
}

Removed PoolState::remove(ItemIndex index, Instant now) {
  const Item& item = items_[index];
  Removed out{.ticket = {.index = index, .generation = item.generation},
              .request = item.request,
              .held = item.is_held};
  leave(index, now);
  const NodeIndex leaf = item.leaf;
  free_item(index);
  set_idle(leaf, true, now);
  return out;
}

std::optional<Removed> PoolState::cancel(Ticket ticket, Instant now) {
  const ItemIndex index = find(ticket, Item::State::waiting);
  if (index == kNowhere) return std::nullopt;
  advance(now);
  return remove(index, now);
}

std::size_t PoolState::expire(std::span<Removed> out, Instant now) {
  advance(now);
  std::size_t count = 0;
  while (count < out.size() && !deadlines_.empty() && deadlines_.top().key < now)
    out[count++] = remove(deadlines_.top().id, now);
  expired_ += count;
  return count;
}

}  // namespace sovmesh::fairness
