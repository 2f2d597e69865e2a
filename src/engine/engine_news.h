#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/guarded.h"
#include "engine/engine.h"

namespace sovmesh::engine {

// What operators have been told of each engine. Its supervision tells of a change, and whoever
// stops or starts it may tell of the same one. Any thread.
class EngineNews {
 public:
  // Whether an engine is shown otherwise than when this was asked last; it is told then.
  bool is_news(std::string_view name, const Status& status);
  // The engine is gone; another one may get its name.
  void forget(std::string_view name);

 private:
  struct Told {
    State state;
    std::string reason;
    bool is_out_of_service;
    friend bool operator==(const Told&, const Told&) = default;
  };
  Guarded<std::map<std::string, Told, std::less<>>> told_;  // as many as there are engines
};

}  // namespace sovmesh::engine
