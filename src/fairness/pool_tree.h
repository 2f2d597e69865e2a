#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sovmesh::fairness {

// pool > cohort (region or sector; may be nested) > tenant > project > user. Users are not
// configured: they come and go with their requests.
enum class Level : std::uint8_t { pool, cohort, tenant, project, user };
constexpr std::size_t kLevels = 5;
std::string_view name(Level level);

// One entry of the configuration. Rates are in GSE/s, that is: in GPUs kept busy.
struct NodeSpec {
  Level level = Level::tenant;
  std::string name;    // without '/', unique among siblings
  std::string parent;  // path of the parent: "" is the pool, "east/aurora" a tenant of cohort east
  // Guaranteed. Of a cohort it is at least what its members have together.
  double nominal = 0;
  std::optional<double> borrowing_limit = {};  // most to take beyond nominal; none: no limit
  std::optional<double> lending_limit = {};    // most of nominal that others may use while it idles
  double weight = 1;                           // how borrowed capacity is divided; > 0
  std::optional<std::uint32_t> concurrency_max = {};       // running requests
  std::optional<std::uint32_t> user_concurrency_max = {};  // of each user of this tenant or project
};

// Index into PoolTree::nodes(); 0 is the pool itself.
using NodeId = std::uint32_t;
constexpr NodeId kPoolNode = 0;

// A checked tree. Immutable: a change is a new tree handed to Pool::configure.
class PoolTree {
 public:
  struct Node {
    std::string path;  // "east/aurora/web"; of the pool ""
    NodeId parent = kPoolNode;
    NodeSpec spec;  // with nominal of cohorts and of the pool filled in
    // GSE/s that its children may borrow together; none: nobody limits lending.
    std::optional<double> lendable;
  };

  static constexpr std::size_t kNodesMax = 100'000;
  static constexpr std::size_t kDepthMax = 6;  // edges from the pool to a user
  static constexpr double kRateMax = 1e6;      // GSE/s: a million GPUs
  static constexpr double kWeightMin = 1e-3;
  static constexpr double kWeightMax = 1e3;

  // `capacity` in GSE/s; none: taken as the sum of what is guaranteed (matters for lending limits
  // only). Parents may come after their children. Code::config_invalid with "nodes[3].weight" as
  // its param for an unknown or wrong kind of parent, a name that is empty, doubled or has a '/',
  // rates or weights out of range, guarantees above the capacity or (of projects) above their
  // tenant's, lending limits above what is guaranteed, more than kNodesMax nodes or kDepthMax
  // levels.
  static Result<PoolTree> build(std::span<const NodeSpec> specs,
                                std::optional<double> capacity = {});
  PoolTree();  // a pool without members

  const std::vector<Node>& nodes() const { return nodes_; }  // parents before children
  std::optional<NodeId> find(std::string_view path) const;

 private:
  std::vector<Node> nodes_;
  std::vector<NodeId> by_path_;  // sorted by path
};

}  // namespace sovmesh::fairness
