// Any bytes as the path of a tile: what is accepted has one spelling and stays inside its folder.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "ledgerlog/tiles.h"

namespace {

using sovmesh::ledgerlog::TilePath;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto path = TilePath::parse(text);
  if (!path) return 0;
  require(path->text() == text);
  require(text.starts_with("tile/") && !text.contains("..") && !text.contains("//"));
  require(path->width >= 1 && path->width <= sovmesh::ledgerlog::kTileWidth);
  require(path->level <= sovmesh::ledgerlog::kTileLevelMax);
  return 0;
}
