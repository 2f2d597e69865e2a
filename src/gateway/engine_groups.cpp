#include "gateway/engine_groups.h"

#include <map>
#include <string_view>

namespace sovmesh::gateway {
namespace {

// A forest: each engine points towards the one that stands for its group.
class Forest {
 public:
  std::string_view root_of(std::string_view engine) {
    std::string_view& above = above_.emplace(engine, engine).first->second;
    if (above != engine) above = root_of(above);
    return above;
  }
  // The first by name stands for both.
  void join(std::string_view one, std::string_view other) {
    const std::string_view a = root_of(one);
    const std::string_view b = root_of(other);
    above_[std::max(a, b)] = std::min(a, b);
  }
  std::vector<EngineGroup> groups() {
    std::map<std::string_view, EngineGroup> by_root;
    for (const auto& [engine, above] : above_)
      by_root[root_of(engine)].emplace_back(engine);
    std::vector<EngineGroup> all;
    for (auto& [root, group] : by_root)
      all.push_back(std::move(group));
    return all;
  }

 private:
  std::map<std::string_view, std::string_view> above_;
};

}  // namespace

std::vector<EngineGroup> engine_groups(const std::vector<std::vector<std::string>>& models) {
  Forest forest;
  for (const std::vector<std::string>& engines : models)
    for (const std::string& engine : engines)
      forest.join(engines.front(), engine);
  return forest.groups();
}

}  // namespace sovmesh::gateway
