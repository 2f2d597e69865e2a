#pragma once

#include <string>
#include <vector>

namespace sovmesh::gateway {

// Names of engines, sorted, each once.
using EngineGroup = std::vector<std::string>;

// Which engines have to share a queue. `models`: the engines of each model. Two engines of one
// model are in one group, and so are all that a chain of such models connects; others are not, so
// that who waits for the one has nothing to do with who waits for the other. In order of their
// first engine.
std::vector<EngineGroup> engine_groups(const std::vector<std::vector<std::string>>& models);

}  // namespace sovmesh::gateway
