#pragma once

#include <vector>

#include "catalog/records.h"
#include "store/control_store.h"

namespace sovmesh::control {

// Leaves of who sees each model whom its artifact's release lets in; nobody where that is gone.
void bound_releases(const std::vector<store::ArtifactRecord>& artifacts,
                    std::vector<catalog::Model>& models);

}  // namespace sovmesh::control
