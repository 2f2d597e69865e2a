#include "compose/model_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "base/bytes.h"

namespace sovmesh::compose {

namespace fs = std::filesystem;

fs::path ModelFiles::place_of(const Digest& digest, std::string_view format) const {
  const std::string name = to_hex(digest);
  return root_ / (format == "gguf" ? name + ".gguf" : name);
}

Result<std::uint64_t> bytes_of(const fs::path& model) {
  std::error_code why;
  const auto status = fs::status(model, why);
  if (fs::is_regular_file(status)) {
    const auto bytes = fs::file_size(model, why);
    if (!why) return bytes;
  }
  std::uint64_t bytes = 0;
  for (fs::directory_iterator it(model, why), end; !why && it != end; it.increment(why))
    bytes += it->file_size(why);
  if (why) return our_error(Code::io_error, fmt::format("'{}': {}", model.string(), why.message()));
  return bytes;
}

Result<void> ModelFiles::has(const store::ArtifactRecord& artifact) const {
  const fs::path place = place_of(artifact.digest, artifact.format);
  const auto bytes = bytes_of(place);
  if (bytes && *bytes == static_cast<std::uint64_t>(artifact.bytes)) return {};
  return client_error(
      Code::conflict,
      fmt::format("its files are not at '{}': import them with `sovmesh model import` "
                  "on the server's machine",
                  place.string()),
      "digest");
}

std::string ModelFiles::engine_of(const store::ArtifactRecord& artifact,
                                  const std::vector<config::Engine>& engines) const {
  std::error_code why;
  const fs::path place = fs::weakly_canonical(place_of(artifact.digest, artifact.format), why);
  const auto is_it = [&](const std::string& file) {
    std::error_code ignored;
    return fs::weakly_canonical(file, ignored) == place;
  };
  for (const config::Engine& engine : engines)
    if (is_it(engine.model_file) || std::ranges::any_of(engine.adapter_files, is_it))
      return engine.name;
  return {};
}

void ModelFiles::drop(const store::ArtifactRecord& artifact) const {
  std::error_code ignored;
  fs::remove_all(place_of(artifact.digest, artifact.format), ignored);
}

}  // namespace sovmesh::compose
