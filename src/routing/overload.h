#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace sovmesh::routing {

// How full each resource of the process is, 0 to 1 and above. Sampled every kOverloadInterval.
struct Pressures {
  enum Resource : std::uint8_t { memory, fds, streams, loop_lag, ledger_queue, disk, kResources };
  std::array<double, kResources> share{};
  double largest() const;
  Resource which() const;  // the fullest
};
std::string_view name(Pressures::Resource resource);
constexpr std::chrono::milliseconds kOverloadInterval{250};

// What to do, by pressure p. Each rung includes those below it.
struct OverloadActions {
  bool shed_batch = false;     // p >= 0.80; also: no speculative model loads, caches stop growing
  double timeout_scale = 1;    // 0.85 to 0.95: falls from 1 to 0, see scaled_timeout
  bool reset_largest = false;  // from 0.85 on
  bool close_connections = false;  // p >= 0.92: GOAWAY, Connection: close
  bool refuse_new = false;         // p >= 0.95: 503 but for health, metrics, admin
  bool stop_accept = false;        // p >= 0.97
};
OverloadActions actions_at(double pressure);

// t = min + (usual - min) x scale.
std::chrono::milliseconds scaled_timeout(std::chrono::milliseconds usual, double scale,
                                         std::chrono::milliseconds min = std::chrono::seconds(2));

// Rungs are entered at once and left only when the pressure is kRelease below them, so that a
// pressure on the edge does not flap.
class OverloadLadder {
 public:
  static constexpr double kRelease = 0.02;
  OverloadActions update(double pressure);

 private:
  double held_ = 0;
};

// Which streams to reset first: those with the largest buffers, found by eight buckets of powers of
// two from 1 MiB on. At most kResetMax in one pass of one worker; smaller ones are left alone.
constexpr std::size_t kResetMax = 50;
constexpr std::size_t kResetBytesMin = 1 << 20;
std::vector<std::size_t> largest_streams(std::span<const std::size_t> bytes);

// Who is refused first when not all can be served.
struct Sheddable {
  bool authenticated = true;
  bool over_quota = false;
  bool batch = false;
  double over_share = 0;  // how far the tenant is above its fair share; 0 or less: not
  Instant arrived{};
};
// True when `a` goes before `b`: unauthenticated, over quota, batch, furthest over its share,
// newest.
bool sheds_before(const Sheddable& a, const Sheddable& b);

// In the queue too long to be of use: waited + expected time to first token > deadline.
bool hopeless(Instant arrived, std::chrono::microseconds expected_first_token,
              std::chrono::microseconds deadline, Instant now);

// Refuses at the client side in proportion to what fails (Google SRE, Envoy admission control): in
// a window of 30 s, p = max(0, (requests - ok / 0.95) / (requests + 1)), at most 0.8.
class AdmissionControl {
 public:
  static constexpr std::chrono::seconds kWindow{30};
  static constexpr double kSuccessTarget = 0.95;
  static constexpr double kRefusedMax = 0.8;

  double refuse_probability(Instant now) const;
  // `random` of [0, 1).
  bool admits(double random, Instant now) const { return random >= refuse_probability(now); }
  void on_result(bool ok, Instant now);

 private:
  struct Second {
    std::int64_t number = -1;
    std::uint32_t requests = 0;
    std::uint32_t ok = 0;
  };
  static std::int64_t second_of(Instant now);
  std::array<Second, kWindow.count()> seconds_;
};

}  // namespace sovmesh::routing
