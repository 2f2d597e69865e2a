#include "control/releases.h"

#include <algorithm>

#include "catalog/artifact.h"

namespace sovmesh::control {

void bound_releases(const std::vector<store::ArtifactRecord>& artifacts,
                    std::vector<catalog::Model>& models) {
  for (catalog::Model& model : models) {
    if (model.artifact.empty()) continue;
    const auto served = std::ranges::find_if(
        artifacts, [&](const auto& artifact) { return artifact.name.text() == model.artifact; });
    catalog::bound(model, served == artifacts.end() ? catalog::Release{} : served->release);
  }
}

}  // namespace sovmesh::control
