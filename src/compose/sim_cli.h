#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compose/live_load.h"
#include "compose/recorded_load.h"
#include "sim/des/simulator.h"

namespace sovmesh::compose {

// What the subcommands of `sovmesh sim` were asked for. Texts are parsed there, so that a mistake
// is told with its reason.
struct SimPool {
  std::size_t endpoints = 16;
  des::EngineSpec engine;
  double scrape_ms = 50;
  std::uint32_t stream_chunk = 1;
  std::vector<std::string> faults;
  std::vector<std::string>
      shares;  // "TENANT=WEIGHT[:GUARANTEED[:BORROWING_LIMIT[:LENDING_LIMIT]]]"
  des::Slo slo;
};

struct SimLoad {
  std::string trace;           // a file; else `generate`
  std::string generate;        // "shared-prefix", "multi-turn", "bursts", "attack:KIND"
  std::vector<double> scales;  // copies of the trace, or requests a second; one load each
  double speed = 1;            // of the trace
  std::int64_t seconds = 0;    // of the trace, or of what is made; 0: all of it, or 300
  std::size_t tenants = 8;
  std::size_t attackers = 10'000;  // requests of the attacker
};

struct SimRun {
  SimPool pool;
  SimLoad load;
  std::string policy = "ours";
  std::uint64_t seed = 1;
  bool csv = false;
  bool quiet = false;
};
// One load under one policy: prints a summary and what each tenant got. Exit codes as of serve.h.
int sim_run(const SimRun& run);

struct SimCompare {
  SimPool pool;
  SimLoad load;
  std::vector<std::string> policies;  // empty: ours and all anchors
  std::size_t seeds = 5;
  std::size_t jobs = 2;  // runs at a time
  std::string csv;       // files; empty: none
  std::string html;
  bool quiet = false;
};
constexpr std::size_t kSeedsMax = 1'000;
constexpr std::size_t kJobsMax = 64;
int sim_compare(const SimCompare& compare);

struct SimReplay {
  SimPool pool;
  Recorded recorded;
  std::string policy = "ours";
  double speed = 1;
  // Sizes of members ("TENANT=SIZE") and the two sliders of the board: guarantees and weights
  // follow from them for tenants that `shares` does not name.
  std::vector<std::string> sizes;
  double alpha = 0.5;
  double beta = 0.8;
  double budget = 0;
  bool csv = false;
  bool quiet = false;
};
// The recorded requests with equal shares and with others: what each tenant would have waited.
int sim_replay(const SimReplay& replay);

// A load through a running gateway to engine-sims on the engine model, and the same simulated.
struct SimLive {
  SimLoad load;
  LiveTarget target;                     // each of its models is served by one engine of its own
  std::string engine_model = "default";  // that of the engines
  std::string policy = "round-robin";
  std::uint64_t seed = 1;
  des::Slo slo;
  bool csv = false;
};
int sim_live(const SimLive& live);

// The shares that `replay` asks for by --share and --size go before those of `present`, by whose
// place the tenants stay where they are. Plays what is recorded with both, and prints what each
// tenant would have waited. `named`: what to call the two.
struct SharesNames {
  std::string before;
  std::string after;
};
Result<void> replay_shares(const SimReplay& replay, const des::Shares& present,
                           const SharesNames& named);

// Shared by the above.
// The one load that was asked for.
Result<des::Workload> make_workload(const SimLoad& load, std::uint64_t seed);
Result<des::SimulatorOptions> simulator_options(const SimPool& pool);
// Of so many runs, one after the other.
des::Progress progress_on_stderr(std::size_t runs, bool quiet);
int sim_failed(const Error& error);
bool print_all(const std::string& text);  // to standard output; false when it could not be written
std::string sim_policy_help();

}  // namespace sovmesh::compose
