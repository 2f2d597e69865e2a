#pragma once

#include "compose/sim_cli.h"

namespace CLI {
class App;
}

namespace sovmesh {

// What is played again and how, but for the data folder.
void add_replay_options(CLI::App& command, compose::SimReplay& replay);

}  // namespace sovmesh
