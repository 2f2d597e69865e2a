#pragma once

#include <string>
#include <vector>

namespace sovmesh::compose {

// `sovmesh engine-sim`: takes its own arguments (see --help there) and runs until a signal.
int engine_sim(const std::vector<std::string>& arguments);

}  // namespace sovmesh::compose
