#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "sim/des/engine_model.h"
#include "sim/des/metrics.h"
#include "sim/des/policy.h"
#include "sim/des/workload.h"

namespace sovmesh::des {

// Something that goes wrong. Times since the beginning.
struct Fault {
  enum class Kind : std::uint8_t {
    crash,  // out of memory: the engine loses everything and is away for `lasts`
    slow,   // its steps take 1 / `speed` as long
    stale,  // its scrapes do not come through
  };
  Kind kind = Kind::crash;
  EndpointNumber endpoint = 0;
  std::chrono::microseconds at{};
  std::chrono::microseconds lasts{};
  double speed = 0.5;
};
// "crash:3:60:30" is KIND:ENDPOINT:AT:LASTS in seconds; "slow:3:60:30:0.5" with a speed.
Result<Fault> parse_fault(std::string_view text);

struct SimulatorOptions {
  std::size_t endpoints = 16;
  EngineSpec engine;
  std::chrono::microseconds scrape_every{50'000};
  std::chrono::microseconds scrape_delay{5'000};
  // After the last arrival; what is not done then is counted as unfinished.
  std::chrono::seconds drain_max{600};
  std::uint32_t stream_chunk = 1;  // output tokens that policies are told of at once
  std::uint32_t retries_max = 2;   // of a request whose engine failed before its first token
  std::vector<Fault> faults;
  Shares shares;
  Slo slo;
  bool has_targets = true;  // ours is told the SLO as its pool's targets
};
constexpr std::size_t kEndpointsMax = 4'096;

// Called now and then with the share that is done, 0 to 1.
using Progress = std::function<void(double)>;

// Runs a workload against a pool of engine models under one policy. The same arguments give the
// same summary, bit by bit: there is no clock, no thread, no hash order and no other randomness
// than `seed` in it.
Result<Summary> simulate(const Workload& workload, const SimulatorOptions& options,
                         const PolicyName& policy, std::uint64_t seed,
                         const Progress& progress = {});

}  // namespace sovmesh::des
