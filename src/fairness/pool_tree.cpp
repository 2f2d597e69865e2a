#include "fairness/pool_tree.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <unordered_map>

namespace sovmesh::fairness {
namespace {

constexpr double kSlack = 1e-9;  // of sums of decimal fractions

bool is_rate(double rate) { return rate >= 0 && rate <= PoolTree::kRateMax; }

std::string field(std::size_t index, std::string_view what) {
  return "nodes[" + std::to_string(index) + "]." + std::string(what);
}

std::unexpected<Error> wrong(std::size_t index, std::string_view what, std::string message) {
  return client_error(Code::config_invalid, std::move(message), field(index, what));
}

Result<void> check_values(const NodeSpec& spec, std::size_t i) {
  if (spec.level == Level::pool || spec.level == Level::user)
    return wrong(i, "level", "want cohort, tenant or project");
  if (spec.name.empty() || spec.name.find('/') != spec.name.npos || spec.name.size() > 128)
    return wrong(i, "name", "want 1..128 characters without a slash");
  if (!is_rate(spec.nominal)) return wrong(i, "nominal", "want GSE/s, not negative");
  if (spec.borrowing_limit && !is_rate(*spec.borrowing_limit))
    return wrong(i, "borrowing_limit", "want GSE/s, not negative");
  if (spec.lending_limit && !is_rate(*spec.lending_limit))
    return wrong(i, "lending_limit", "want GSE/s, not negative");
  if (!(spec.weight >= PoolTree::kWeightMin && spec.weight <= PoolTree::kWeightMax))
    return wrong(i, "weight", "want 0.001..1000");
  if (spec.concurrency_max == 0U) return wrong(i, "concurrency_max", "want at least 1");
  if (spec.user_concurrency_max == 0U) return wrong(i, "user_concurrency_max", "want at least 1");
  return {};
}

bool may_be_parent(Level parent, Level child) {
  switch (child) {
    case Level::cohort:
    case Level::tenant:
      return parent == Level::pool || parent == Level::cohort;
    case Level::project:
      return parent == Level::tenant;
    default:
      return false;
  }
}

std::string path_of(const NodeSpec& spec) {
  return spec.parent.empty() ? spec.name : spec.parent + "/" + spec.name;
}

// Specs with parents before children: by the number of slashes in their paths.
std::vector<std::size_t> top_down(std::span<const NodeSpec> specs) {
  std::vector<std::size_t> order(specs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) {
    const std::string& parent = specs[i].parent;
    return std::pair(parent.empty() ? 0 : 1 + std::ranges::count(parent, '/'), i);
  });
  return order;
}

// What a cohort guarantees is at least what its members have; what a project has is a part of what
// its tenant has. And what of it all may be lent.
Result<void> sum_up(std::vector<PoolTree::Node>& nodes, std::span<const std::size_t> spec_of,
                    std::optional<double> capacity) {
  std::vector<double> members(nodes.size(), 0.0);
  std::vector<double> lent(nodes.size(), 0.0);
  std::vector<bool> is_limited(nodes.size(), false);
  for (std::size_t i = nodes.size(); i-- > 0;) {
    NodeSpec& spec = nodes[i].spec;
    if (i == kPoolNode && capacity && members[i] > *capacity * (1 + kSlack))
      return client_error(Code::config_invalid, "the members are guaranteed more than there is",
                          "capacity");
    if (spec.level == Level::tenant && members[i] > spec.nominal * (1 + kSlack))
      return wrong(spec_of[i], "nominal", "less than what its projects are guaranteed");
    if (i == kPoolNode && capacity) spec.nominal = *capacity;
    spec.nominal = std::max(spec.nominal, members[i]);
    if (is_limited[i]) nodes[i].lendable = lent[i] + spec.nominal - members[i];
    if (i == kPoolNode) break;
    if (spec.lending_limit && *spec.lending_limit > spec.nominal * (1 + kSlack))
      return wrong(spec_of[i], "lending_limit",
                   "more than what is guaranteed, which is all it has");
    const NodeId parent = nodes[i].parent;
    members[parent] += spec.nominal;
    lent[parent] += std::min(spec.nominal, spec.lending_limit.value_or(spec.nominal));
    if (spec.lending_limit && *spec.lending_limit < spec.nominal) is_limited[parent] = true;
  }
  return {};
}

}  // namespace

std::string_view name(Level level) {
  constexpr std::array<std::string_view, kLevels> kNames = {"pool", "cohort", "tenant", "project",
                                                            "user"};
  return kNames[static_cast<std::size_t>(level)];
}

PoolTree::PoolTree() {
  nodes_.push_back({.path = "", .spec = {.level = Level::pool, .name = "", .parent = ""}});
  by_path_.push_back(kPoolNode);
}

Result<PoolTree> PoolTree::build(std::span<const NodeSpec> specs, std::optional<double> capacity) {
  if (specs.size() > kNodesMax)
    return client_error(Code::config_invalid, "more than 100000 nodes", "nodes");
  if (capacity && !is_rate(*capacity))
    return client_error(Code::config_invalid, "want GSE/s, not negative", "capacity");
  PoolTree tree;
  std::unordered_map<std::string, NodeId> known = {{"", kPoolNode}};
  std::vector<std::size_t> depth = {0};
  std::vector<std::size_t> spec_of = {0};
  for (const std::size_t i : top_down(specs)) {
    const NodeSpec& spec = specs[i];
    TRY_VOID(check_values(spec, i));
    const auto parent = known.find(spec.parent);
    if (parent == known.end()) return wrong(i, "parent", "there is no \"" + spec.parent + "\"");
    if (!may_be_parent(tree.nodes_[parent->second].spec.level, spec.level))
      return wrong(i, "parent", "tenants are in cohorts or the pool, projects in tenants");
    depth.push_back(depth[parent->second] + 1);
    if (depth.back() >= kDepthMax) return wrong(i, "parent", "more levels than 6 with the users");
    const auto id = static_cast<NodeId>(tree.nodes_.size());
    if (!known.emplace(path_of(spec), id).second) return wrong(i, "name", "it is there twice");
    tree.nodes_.push_back({.path = path_of(spec), .parent = parent->second, .spec = spec});
    spec_of.push_back(i);
  }
  TRY_VOID(sum_up(tree.nodes_, spec_of, capacity));
  tree.by_path_.resize(tree.nodes_.size());
  std::iota(tree.by_path_.begin(), tree.by_path_.end(), NodeId{0});
  std::ranges::sort(tree.by_path_, {},
                    [&](NodeId id) -> const std::string& { return tree.nodes_[id].path; });
  return tree;
}

std::optional<NodeId> PoolTree::find(std::string_view path) const {
  const auto path_at = [this](NodeId id) { return std::string_view(nodes_[id].path); };
  const auto it = std::ranges::lower_bound(by_path_, path, {}, path_at);
  if (it == by_path_.end() || path_at(*it) != path) return std::nullopt;
  return *it;
}

}  // namespace sovmesh::fairness
