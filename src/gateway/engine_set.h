#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/snapshot.h"
#include "engine/engine.h"

namespace sovmesh::gateway {

// The engines of this process by name. Published as a whole when one is added or removed; a request
// keeps the engine it found alive.
class EngineSet {
 public:
  using Map = std::map<std::string, std::shared_ptr<engine::Engine>, std::less<>>;

  EngineSet() : map_(std::make_shared<const Map>()) {}
  std::shared_ptr<engine::Engine> find(std::string_view name) const {
    const auto map = map_.get();
    const auto it = map->find(name);
    return it == map->end() ? nullptr : it->second;
  }
  std::shared_ptr<const Map> all() const { return map_.get(); }
  void publish(Map map) { map_.publish(std::make_shared<const Map>(std::move(map))); }

 private:
  Snapshot<Map> map_;
};

}  // namespace sovmesh::gateway
