#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sim/engine_sim.h"

namespace sovmesh::sim {

// What `sovmesh engine-sim` was asked for.
struct EngineSimArguments {
  std::string listen = "127.0.0.1:8000";  // port 0: any free one; "unix:/path" too
  EngineSimOptions options;
  bool help = false;
};
// "--listen", "127.0.0.1:0", "--fault", "die-after:3", ... Code::config_invalid names what is
// wrong.
Result<EngineSimArguments> parse_engine_sim_arguments(const std::vector<std::string>& arguments);
std::string engine_sim_help();

// Runs the simulated engine on this thread until SIGINT or SIGTERM. The first line on standard
// output is {"event":"ready","listen":["127.0.0.1:1"]}. Exit codes as the other commands': 0, 2
// usage, 3 cannot listen.
int run_engine_sim(const std::vector<std::string>& arguments);

}  // namespace sovmesh::sim
