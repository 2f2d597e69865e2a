#pragma once

#include <cstddef>
#include <vector>

#include "routing/endpoint_set.h"

namespace sovmesh::routing {

// Halves the weight of an endpoint that is slow and not broken: its smoothed time to first token
// per prompt token is above kFactor times the pool's median for kIntervals intervals in a row. Full
// weight again after the first interval in which it is not.
class LatencyWatch {
 public:
  static constexpr double kFactor = 3;
  static constexpr int kIntervals = 3;
  static constexpr double kWeight = 0.2;       // of the newest observation
  static constexpr std::size_t kHostsMin = 3;  // a median of fewer says nothing

  void observe(EndpointIndex host, double seconds, double prompt_tokens);
  void on_interval();
  void forget(EndpointIndex host);
  double weight(EndpointIndex host) const;  // 1 or 0.5

 private:
  struct Host {
    double mean = 0;  // seconds per token; 0: nothing seen
    int slow = 0;     // intervals in a row
  };
  std::vector<Host> hosts_;
};

}  // namespace sovmesh::routing
