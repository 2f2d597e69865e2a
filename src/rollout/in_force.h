#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "base/guarded.h"
#include "base/ids.h"
#include "catalog/route_choice.h"
#include "rollout/arm.h"

namespace sovmesh::rollout {

// What requests of both versions came to since the last look. Shared by all workers.
class Tally {
 public:
  // One request that has ended.
  struct Ended {
    bool by_candidate = false;
    bool failed = false;   // by fault of the engine or ours
    bool refused = false;  // by the model or a filter
    std::optional<std::chrono::microseconds> first_token;
    std::optional<std::chrono::microseconds> per_output_token;  // after the first
    std::int64_t output_tokens = 0;
  };
  Tally() : look_() {}
  void add(const Ended& ended);
  // Takes what has been counted; from then on it starts anew.
  Look take();
  // How many have been counted since the last take().
  struct Requests {
    std::uint64_t stable = 0;
    std::uint64_t candidate = 0;
  };
  Requests requests() const;

 private:
  mutable Guarded<Look> look_;
};

// Counts it, by whichever version.
void add(Arm& arm, const Tally::Ended& ended);

// What the request path needs to know of a route's rollout.
struct InForce {
  catalog::Shift shift;
  ModelName stable;
  std::shared_ptr<Tally> tally;  // null: it is over, nothing is counted
};
using RoutesInForce = std::map<ModelName, InForce>;  // by the route's name

}  // namespace sovmesh::rollout
