#pragma once

#include <string>

#include "compose/admin_cli.h"
#include "compose/sim_cli.h"

namespace sovmesh::compose {

// `sovmesh pool show NAME`: what its parts have and use, with bars. An exit code.
int pool_show(const AdminCli& cli, const std::string& name);

// `sovmesh pool simulate NAME`: the recorded requests of the pool's models with its present shares,
// as the running server tells them, and with those that `replay` asks for. Changes nothing.
// `replay.pool.endpoints` 0: as many as the pool has engines. An exit code.
int pool_simulate(const AdminCli& cli, const std::string& name, SimReplay replay);

}  // namespace sovmesh::compose
