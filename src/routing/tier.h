#pragma once

#include <cstdint>

namespace sovmesh::routing {

// Where an engine keeps a block.
enum class Tier : std::uint8_t { gpu, cpu, disk };

}  // namespace sovmesh::routing
