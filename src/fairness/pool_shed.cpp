// Who has to go when there is too much. Looks at all nodes: not for every request.
#include <algorithm>

#include "fairness/pool_state.h"

namespace sovmesh::fairness {

// How far the node is over its share, counting what it still wants: by weight, in GPU-microseconds.
double PoolState::over_share(NodeIndex index, std::size_t priority) const {
  const Node& node = nodes_[index];
  const ClassQueue& queue = node.queues[priority];
  return queue.borrowed - nodes_[node.parent].queues[priority].borrowed_floor +
         queue.waiting_cost / node.share_weight();
}

ItemIndex PoolState::worst() const {
  for (const bool sheddable : {true, false}) {
    for (std::size_t priority = kClasses; priority-- > 0;) {
      NodeIndex tenant = kNowhere;
      for (NodeIndex index = 1; index < nodes_.size(); ++index) {
        const Node& node = nodes_[index];
        const ClassQueue& queue = node.queues[priority];
        if (node.is_free || node.level != Level::tenant) continue;
        if ((sheddable ? queue.sheddable : queue.waiting - queue.safe) == 0) continue;
        if (tenant == kNowhere || over_share(index, priority) > over_share(tenant, priority))
          tenant = index;
      }
      if (tenant != kNowhere) return newest_of(tenant, priority, sheddable);
    }
  }
  return kNowhere;
}

ItemIndex PoolState::newest_of(NodeIndex tenant, std::size_t priority, bool sheddable) const {
  ItemIndex newest = kNowhere;
  for (NodeIndex index = 1; index < nodes_.size(); ++index) {
    const Node& node = nodes_[index];
    if (node.is_free || node.level != Level::user || tenant_of(index) != tenant) continue;
    const auto& requests = node.queues[priority].requests;
    for (std::uint32_t i = 0; i < requests.size(); ++i) {
      const ItemIndex id = requests.at(i).id;
      if (sheddable && !items_[id].request.sheddable) continue;
      if (items_[id].has_run) continue;
      if (newest == kNowhere || items_[newest].key.order < items_[id].key.order) newest = id;
    }
  }
  return newest;
}

// Whether the arrival is worth the place of the one that would have to go.
bool PoolState::goes_before(const Request& arrival, NodeIndex node, const Item& waiting) const {
  if (arrival.sheddable != waiting.request.sheddable) return !arrival.sheddable;
  if (arrival.priority != waiting.request.priority)
    return arrival.priority < waiting.request.priority;
  const auto priority = static_cast<std::size_t>(arrival.priority);
  const NodeIndex own = tenant_of(node);
  const NodeIndex other = tenant_of(waiting.leaf);
  const double cost =
      static_cast<double>(arrival.input_cost) + arrival.token_cost * arrival.tokens_expected;
  return own != other && over_share(own, priority) + cost / nodes_[own].share_weight() <
                             over_share(other, priority);
}

std::size_t PoolState::shed(std::span<Removed> out, Instant now) {
  advance(now);
  std::size_t count = 0;
  while (count < out.size()) {
    const ItemIndex index = worst();
    if (index == kNowhere) break;
    out[count++] = remove(index, now);
  }
  shed_ += count;
  return count;
}

}  // namespace sovmesh::fairness
