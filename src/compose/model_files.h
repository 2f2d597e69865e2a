#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "config/config.h"
#include "store/control_store.h"

namespace sovmesh::compose {

// Where imported models lie: DATA_DIR/models/DIGEST.gguf, or the folder DATA_DIR/models/DIGEST;
// what is not checked yet in a folder of its own below DATA_DIR/models/quarantine. Names come from
// digests and ids of ours alone.
class ModelFiles {
 public:
  explicit ModelFiles(const std::filesystem::path& data_dir) : root_(data_dir / "models") {}

  std::filesystem::path place_of(const Digest& digest, std::string_view format) const;
  std::filesystem::path quarantine() const { return root_ / "quarantine"; }
  // Code::conflict says what is missing and how it gets there.
  Result<void> has(const store::ArtifactRecord& artifact) const;
  // The first of these engines that loads it from here; empty: none does.
  std::string engine_of(const store::ArtifactRecord& artifact,
                        const std::vector<config::Engine>& engines) const;
  void drop(const store::ArtifactRecord& artifact) const;

 private:
  std::filesystem::path root_;
};

// All files of a model together, in bytes: of a folder, those in it.
Result<std::uint64_t> bytes_of(const std::filesystem::path& model);

}  // namespace sovmesh::compose
