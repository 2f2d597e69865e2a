#pragma once

#include <string>
#include <vector>

namespace sovmesh::compose {

// `sovmesh engine-sim`: takes its own arguments (see --help there) and runs until a signal.
int engine_sim(const std::vector<std::string>& arguments);

// `sovmesh doctor`: what this machine allows. Prints one line per measure of the engines' sandbox
// and where the managed engine comes from. Exit code 1 when something that matters is missing.
int doctor(bool json);

}  // namespace sovmesh::compose
