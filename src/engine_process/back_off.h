#pragma once

#include <algorithm>
#include <chrono>

namespace sovmesh::engine_process {

// Pauses between starts: 1, 2, 4, ... 60 seconds.
class BackOff {
 public:
  static constexpr std::chrono::seconds kFirst{1};
  static constexpr std::chrono::seconds kMost{60};

  std::chrono::seconds next() {
    const std::chrono::seconds now = next_;
    next_ = std::min(next_ * 2, kMost);
    return now;
  }
  void reset() { next_ = kFirst; }

 private:
  std::chrono::seconds next_ = kFirst;
};

}  // namespace sovmesh::engine_process
