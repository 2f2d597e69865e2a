#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "routing/endpoint_set.h"

namespace sovmesh::routing {

// What one request showed of an endpoint. What is not its fault (4xx, context overflow, a client
// that hung up, a full queue, a poisonous request) is not reported at all.
enum class Seen : std::uint8_t {
  ok,
  error,          // 5xx, malformed or in-band error
  gateway_error,  // 502, 503, 504: an error, too
  local,          // connect, TLS, reset, time-out: no answer of the endpoint's
};

// Takes endpoints out that fail, as Envoy does; other settings make it ours.
//   consecutive: at the T-th failure in a row (equal, not more), then counts anew
//   each interval: back in when min(base x backoff, max) + jitter is over; then
//     success rate below mean - factor x sigma (population) of the hosts with enough requests,
//     failures at or above a percentage
// An endpoint that is out is not judged again until it is back. How many may be out is bounded.
//
//   in --(try_eject, room, dice)--> out --(time over, or a probe that succeeds)--> in
class OutlierDetector {
 public:
  using Seconds = std::chrono::duration<double>;
  // A rule of consecutive failures.
  struct Consecutive {
    std::uint32_t failures = 5;
    std::uint32_t enforce_percent = 100;
  };
  struct Settings {
    Consecutive errors{5, 100};
    Consecutive gateway_errors{5, 0};
    Consecutive local{5, 100};
    bool split_local = false;  // else Seen::local counts as a gateway error
    std::chrono::milliseconds interval{10'000};
    std::chrono::milliseconds base{30'000};
    std::chrono::milliseconds max{300'000};  // at least base
    std::chrono::milliseconds jitter{0};
    // How many may be out.
    std::uint32_t ejected_percent_max = 10;
    bool always_eject_one = false;
    bool small_pools = false;  // instead: none of 1, one of 2 or 3, half of 4 or more
    struct Rate {
      std::uint32_t hosts_min = 5;
      std::uint32_t volume_min = 100;  // requests in its intervals
      std::uint32_t enforce_percent = 100;
      std::uint32_t intervals = 1;  // 1 to kIntervalsMax: how far back it looks
    };
    Rate success{5, 100, 100, 1};
    double success_factor = 1.9;
    Rate failure{5, 50, 0, 1};
    double failure_percent = 85;

    static Settings envoy() { return {}; }
    static Settings ours();
  };
  static constexpr std::uint32_t kIntervalsMax = 8;
  static constexpr double kPanicBelow = 0.5;  // share of endpoints that are in

  // `random` outlives it.
  OutlierDetector(const Settings& settings, Random& random)
      : settings_(settings), random_(random) {}

  void add(EndpointIndex host);
  void remove(EndpointIndex host);  // gives back its place among the ejected

  void on_result(EndpointIndex host, Seen seen, Instant now);
  // Takes one failure back: it turned out to be the request's fault.
  void forgive(EndpointIndex host, Seen seen);
  // To be called every Settings::interval.
  void on_interval(Instant now);
  // An active probe succeeded: back in at once, counters clear.
  void on_probe_ok(EndpointIndex host, Instant now);

  bool ejected(EndpointIndex host) const;
  // So many are out that the rest would break: pick as if none were.
  bool panic() const;
  bool usable(EndpointIndex host) const { return !ejected(host) || panic(); }
  // When it came back last; nothing if it never was out.
  std::optional<Instant> returned_at(EndpointIndex host) const;
  std::size_t hosts() const { return hosts_; }
  std::size_t ejected() const { return ejected_; }
  // Ejections that were due but for the bound.
  std::uint64_t overflows() const { return overflows_; }

 private:
  struct Bucket {
    std::uint32_t ok = 0;
    std::uint32_t all = 0;
  };
  struct Host {
    bool known = false;
    bool out = false;
    std::uint32_t errors = 0;
    std::uint32_t gateway_errors = 0;
    std::uint32_t local = 0;
    std::uint32_t backoff = 0;
    Instant out_since{};
    std::chrono::milliseconds jitter{0};
    std::optional<Instant> returned_at;
    // [0] is being filled; the others are past intervals, newest first.
    std::vector<Bucket> external;
    std::vector<Bucket> internal;
  };
  struct Judged {
    EndpointIndex host = 0;
    double success = 0;  // percent
  };

  bool known(EndpointIndex host) const;
  bool room() const;
  void fail(Host& host, std::uint32_t Host::* counter, const Consecutive& rule, Instant now);
  void try_eject(Host& host, std::uint32_t enforce_percent, Instant now);
  void bring_back(Host& host, Instant now);
  std::vector<Judged> judged(const Settings::Rate& rate,
                             const std::vector<Bucket> Host::* buckets) const;
  void judge(const std::vector<Bucket> Host::* buckets, Instant now);

  Settings settings_;
  Random& random_;
  std::vector<Host> table_;
  std::size_t hosts_ = 0;
  std::size_t ejected_ = 0;
  std::uint64_t overflows_ = 0;
};

// Mean and threshold of success rates in percent: mean - factor x sigma of the population.
struct SuccessThreshold {
  double mean = 0;
  double sigma = 0;
  double threshold = 0;
};
SuccessThreshold success_threshold(std::span<const double> rates, double factor);

}  // namespace sovmesh::routing
