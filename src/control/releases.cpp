#include "control/releases.h"

#include <algorithm>
#include <string>

#include "base/time_text.h"
#include "catalog/artifact.h"

namespace sovmesh::control {
namespace {

std::string value_name(store::ArtifactId artifact) {
  return "deprecated_at/" + artifact.value.text();
}

}  // namespace

void bound_releases(const std::vector<store::ArtifactRecord>& artifacts,
                    std::vector<catalog::Model>& models) {
  for (catalog::Model& model : models) {
    if (model.artifact.empty()) continue;
    const auto served = std::ranges::find_if(
        artifacts, [&](const auto& artifact) { return artifact.name.text() == model.artifact; });
    catalog::bound(model, served == artifacts.end() ? catalog::Release{} : served->release);
  }
}

Result<void> note_deprecated(store::ControlStore& store, store::ArtifactId artifact,
                             std::optional<WallTime> since) {
  const std::string name = value_name(artifact);
  if (since) return store.put_value(name, to_rfc3339(*since));
  return store.remove_value(name);
}

Result<void> add_notices(store::ControlStore& store,
                         const std::vector<store::ArtifactRecord>& artifacts,
                         std::vector<catalog::Model>& models) {
  for (catalog::Model& model : models) {
    if (model.artifact.empty()) continue;
    const auto served = std::ranges::find_if(
        artifacts, [&](const auto& artifact) { return artifact.name.text() == model.artifact; });
    if (served == artifacts.end() || served->release.stage != catalog::ArtifactStage::deprecated)
      continue;
    TRY(const auto since, store.get_value(value_name(served->id)));
    model.notice = {.since = since ? parse_rfc3339(*since) : std::nullopt,
                    .ends_at = served->release.retires_at};
  }
  return {};
}

}  // namespace sovmesh::control
