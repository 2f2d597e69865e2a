#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace sovmesh::access {

// How often one caller may call the admin API: a bucket of `burst` calls each, which fills with
// `per_second`. Plain arithmetic: no clock, no lock. A caller whose bucket is full takes no place.
class CallRate {
 public:
  static constexpr std::size_t kEntriesMax = 10'000;

  struct Bounds {
    std::int64_t per_second = 0;  // 0: no bound
    std::int64_t burst = 1;
  };
  explicit CallRate(Bounds bounds) : bounds_(bounds) {}

  // How long the caller has to wait; zero: the call may go on, and counts.
  std::chrono::microseconds take(std::string_view caller, Instant now);
  std::size_t callers() const { return full_at_.size(); }

 private:
  void make_room(Instant now);

  Bounds bounds_;
  // When the bucket of each caller would be full again: one number says all of a bucket.
  std::map<std::string, Instant, std::less<>> full_at_;
};

}  // namespace sovmesh::access
