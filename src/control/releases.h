#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/records.h"
#include "store/control_store.h"

namespace sovmesh::control {

// Leaves of who sees each model whom its artifact's release lets in; nobody where that is gone.
void bound_releases(const std::vector<store::ArtifactRecord>& artifacts,
                    std::vector<catalog::Model>& models);

// Since when an artifact is deprecated is kept beside it. Nothing: it is not any more.
Result<void> note_deprecated(store::ControlStore& store, store::ArtifactId artifact,
                             std::optional<WallTime> since);
// What the clients of models whose artifacts are deprecated are told.
Result<void> add_notices(store::ControlStore& store,
                         const std::vector<store::ArtifactRecord>& artifacts,
                         std::vector<catalog::Model>& models);

}  // namespace sovmesh::control
