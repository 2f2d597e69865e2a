#pragma once

#include <string>
#include <string_view>

#include "audit_files/files.h"
#include "ledgerlog/tiles.h"

namespace sovmesh::audit_files {

// The tiles of a log's folder. A partial tile that a longer one has replaced is read out of that
// one: a log that grows must not disturb who reads it. Any thread.
class FolderTiles final : public ledgerlog::TileReader {
 public:
  FolderTiles(Files& files, std::string folder) : files_(files), folder_(std::move(folder)) {}
  Result<std::string> read(const ledgerlog::TilePath& path) override;

 private:
  Files& files_;
  std::string folder_;
};

}  // namespace sovmesh::audit_files
