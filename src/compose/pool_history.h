#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "gateway/dispatcher.h"
#include "store/control_store.h"

namespace sovmesh::compose {

// What fairness remembers over a restart (docs/scheduling.md), as one value of the control store.
// A process that is killed loses the last kEvery of it. Blocking; one caller at a time.
class PoolHistory {
 public:
  static constexpr std::chrono::seconds kEvery{10};

  PoolHistory(store::ControlStore& store, gateway::Dispatcher& dispatcher, const Clock& clock)
      : store_(store), dispatcher_(dispatcher), clock_(clock) {}

  // At the start. What cannot be read is told, and as good as nothing.
  Result<void> restore();
  // Writes when anything was charged since the last time.
  Result<void> save();

 private:
  store::ControlStore& store_;
  gateway::Dispatcher& dispatcher_;
  const Clock& clock_;
  fairness::Micros saved_at_ = 0;  // charged in all pools by then
};

}  // namespace sovmesh::compose
