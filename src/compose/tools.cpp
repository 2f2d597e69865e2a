#include "compose/tools.h"

#include "sim/engine_sim_command.h"

namespace sovmesh::compose {

int engine_sim(const std::vector<std::string>& arguments) { return sim::run_engine_sim(arguments); }

}  // namespace sovmesh::compose
