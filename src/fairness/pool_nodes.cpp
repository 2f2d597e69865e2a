// The tree and its users.
#include <algorithm>
#include <bit>
#include <unordered_map>

#include "fairness/pool_state.h"

namespace sovmesh::fairness {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

}  // namespace

PoolState::PoolState(PoolTree tree, const Options& options, Instant now)
    : options_(options), classes_(options.classes), drain_(now), epoch_began_(now) {
  buckets_.assign(std::bit_ceil(options_.users_max), kNowhere);
  items_.reserve(options_.requests_max);
  misses_.reserve(options_.probes_max + 1);
  nodes_.push_back({.level = Level::pool, .credit_at = now});
  paths_.emplace_back();
  configure(std::move(tree), now);
}

void PoolState::configure(PoolTree tree, Instant now) {
  advance(now);
  for (Node& node : nodes_)
    settle_credit(node, now);
  std::unordered_map<std::string, NodeIndex> known;
  for (NodeIndex index = 1; index < nodes_.size(); ++index)
    if (nodes_[index].level != Level::user && !nodes_[index].is_free) known[paths_[index]] = index;
  tree_ = std::move(tree);
  node_of_.assign(tree_.nodes().size(), kRoot);
  std::vector<bool> kept(nodes_.size() + tree_.nodes().size(), false);
  for (NodeId id = 0; id < tree_.nodes().size(); ++id) {
    const PoolTree::Node& from = tree_.nodes()[id];
    NodeIndex index = kRoot;
    if (id != kPoolNode) {
      const auto it = known.find(from.path);
      index = it != known.end() ? it->second : make_node();
    }
    node_of_[id] = index;
    kept[index] = true;
    apply(index, from, now);
  }
  retire(kept);
  for (Node& node : nodes_)
    if (node.level == Level::user && !node.is_free)
      node.concurrency_max = nodes_[node.parent].user_concurrency_max;
  set_factors();
  sum_active_weights();
  for (NodeIndex index = 1; index < nodes_.size(); ++index) {
    if (nodes_[index].is_free) continue;
    sync(index, now);
    if (nodes_[index].level == Level::user) refresh_all_classes(index);
  }
}

NodeIndex PoolState::make_node() {
  if (free_nodes_.empty()) {
    nodes_.emplace_back();
    paths_.emplace_back();
    return static_cast<NodeIndex>(nodes_.size() - 1);
  }
  const NodeIndex index = free_nodes_.back();
  free_nodes_.pop_back();
  // The heaps are empty, and keep their memory.
  std::array<ClassQueue, kClasses> queues = std::move(nodes_[index].queues);
  nodes_[index] = Node{};
  for (std::size_t i = 0; i < kClasses; ++i) {
    nodes_[index].queues[i].children = std::move(queues[i].children);
    nodes_[index].queues[i].requests = std::move(queues[i].requests);
  }
  return index;
}

void PoolState::apply(NodeIndex index, const PoolTree::Node& from, Instant now) {
  Node& node = nodes_[index];
  node.is_known = true;
  node.level = from.spec.level;
  node.lendable = from.lendable.value_or(kInfinite);
  node.credit_at = now;
  if (index == kRoot) return;
  node.parent = node_of_[from.parent];
  node.depth = static_cast<std::uint8_t>(nodes_[node.parent].depth + 1);
  node.nominal = from.spec.nominal;
  node.weight = from.spec.weight;
  node.kept = node.nominal - std::min(node.nominal, from.spec.lending_limit.value_or(node.nominal));
  node.borrowing_limit = from.spec.borrowing_limit.value_or(kInfinite);
  node.concurrency_max = from.spec.concurrency_max.value_or(kUnlimited);
  node.user_concurrency_max = from.spec.user_concurrency_max.value_or(kUnlimited);
  paths_[index] = from.path;
}

// Nodes that are not in the tree any more lose what it gave them, and go when they are idle.
void PoolState::retire(const std::vector<bool>& kept) {
  std::vector<NodeIndex> gone;
  for (NodeIndex index = 1; index < nodes_.size(); ++index) {
    Node& node = nodes_[index];
    if (node.is_free || node.level == Level::user || kept[index]) continue;
    node.is_known = false;
    node.nominal = node.kept = 0;
    node.borrowing_limit = node.lendable = kInfinite;
    node.guarantee_credit = node.borrow_credit = node.lend_credit = 0;
    node.concurrency_max = node.user_concurrency_max = kUnlimited;
    gone.push_back(index);
  }
  if (gone.empty()) return;
  for (NodeIndex index = 1; index < nodes_.size(); ++index)
    if (nodes_[index].level == Level::user && nodes_[index].is_idle &&
        !nodes_[nodes_[index].parent].is_known)
      forget_user(index);
  std::vector<std::uint32_t> children(nodes_.size(), 0);
  for (NodeIndex index = 1; index < nodes_.size(); ++index)
    if (!nodes_[index].is_free) ++children[nodes_[index].parent];
  std::ranges::sort(gone, std::greater<>(),
                    [this](NodeIndex index) { return nodes_[index].depth; });
  for (const NodeIndex index : gone) {
    if (children[index] > 0 || nodes_[index].timer_place != kNowhere) continue;
    --children[nodes_[index].parent];
    nodes_[index].is_free = true;
    paths_[index].clear();
    free_nodes_.push_back(index);
  }
}

NodeIndex PoolState::tenant_of(NodeIndex index) const {
  while (nodes_[index].level > Level::tenant)
    index = nodes_[index].parent;
  return index;
}

std::size_t PoolState::bucket(NodeIndex parent, std::uint64_t user) const {
  // Fibonacci hashing: `user` is a hash already, but nobody promises which bits of it are good.
  const std::uint64_t mixed = (user ^ std::uint64_t{parent} << 32) * 0x9E37'79B9'7F4A'7C15ULL;
  return static_cast<std::size_t>(mixed >> 32) & (buckets_.size() - 1);
}

NodeIndex PoolState::find_user(NodeIndex parent, std::uint64_t user) const {
  NodeIndex index = buckets_[bucket(parent, user)];
  while (index != kNowhere && (nodes_[index].parent != parent || nodes_[index].user != user))
    index = nodes_[index].next_in_bucket;
  return index;
}

// The node of a user; of nobody in particular when there is no room for another one. That one is
// always there to be had: it may be one more than users_max.
NodeIndex PoolState::user_node(NodeIndex parent, std::uint64_t user, Instant now) {
  if (const NodeIndex known = find_user(parent, user); known != kNowhere) return known;
  const bool is_full = users_ >= options_.users_max;
  if (idle_first_ != kNowhere &&
      (is_full || now - nodes_[idle_first_].idle_since > options_.idle_ttl))
    forget_user(idle_first_);
  else if (is_full && user != 0)
    return user_node(parent, 0, now);
  return make_user(parent, user, now);
}

NodeIndex PoolState::make_user(NodeIndex parent, std::uint64_t user, Instant now) {
  const NodeIndex index = make_node();
  Node& node = nodes_[index];
  node.parent = parent;
  node.level = Level::user;
  node.depth = static_cast<std::uint8_t>(nodes_[parent].depth + 1);
  node.user = user;
  node.concurrency_max = nodes_[parent].user_concurrency_max;
  node.credit_at = now;
  const std::size_t at = bucket(parent, user);
  node.next_in_bucket = buckets_[at];
  buckets_[at] = index;
  Node& tenant = nodes_[tenant_of(index)];
  node.user_after = tenant.first_user;
  if (node.user_after != kNowhere) nodes_[node.user_after].user_before = index;
  tenant.first_user = index;
  ++users_;
  return index;
}

void PoolState::forget_user(NodeIndex index) {
  set_idle(index, false, {});
  Node& node = nodes_[index];
  if (node.timer_place != kNowhere) {
    timers_.erase(index,
                  [this](std::uint32_t id) -> std::uint32_t& { return nodes_[id].timer_place; });
  }
  NodeIndex* link = &buckets_[bucket(node.parent, node.user)];
  while (*link != index)
    link = &nodes_[*link].next_in_bucket;
  *link = node.next_in_bucket;
  (node.user_before == kNowhere ? nodes_[tenant_of(index)].first_user
                                : nodes_[node.user_before].user_after) = node.user_after;
  if (node.user_after != kNowhere) nodes_[node.user_after].user_before = node.user_before;
  node.is_free = true;
  free_nodes_.push_back(index);
  --users_;
}

// Keeps the list of idle users. `true` is a question: one with requests is not idle.
void PoolState::set_idle(NodeIndex index, bool is_idle, Instant now) {
  Node& node = nodes_[index];
  is_idle = is_idle && node.waiting == 0 && node.running == 0;
  if (is_idle == node.is_idle) return;
  node.is_idle = is_idle;
  if (is_idle) {
    node.idle_since = now;
    node.idle_before = idle_last_;
    node.idle_after = kNowhere;
    (idle_last_ == kNowhere ? idle_first_ : nodes_[idle_last_].idle_after) = index;
    idle_last_ = index;
    return;
  }
  (node.idle_before == kNowhere ? idle_first_ : nodes_[node.idle_before].idle_after) =
      node.idle_after;
  (node.idle_after == kNowhere ? idle_last_ : nodes_[node.idle_after].idle_before) =
      node.idle_before;
}

}  // namespace sovmesh::fairness
