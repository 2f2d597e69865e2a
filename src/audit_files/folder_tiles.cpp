#include "audit_files/folder_tiles.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/bytes.h"

namespace sovmesh::audit_files {
namespace {

using ledgerlog::TilePath;

constexpr std::size_t kHashBytes = 32;

// The first `width` parts of a longer tile.
Result<std::string> first_part(const TilePath& wanted, const TilePath& longer, std::string bytes) {
  if (wanted.kind == TilePath::Kind::hashes) {
    bytes.resize(std::min(bytes.size(), kHashBytes * wanted.width));
    return bytes;
  }
  TRY(const auto entries, ledgerlog::parse_bundle(bytes, longer.width));
  std::string out;
  for (unsigned i = 0; i < wanted.width; ++i)
    ledgerlog::append_to_bundle(out, entries[i]);
  return out;
}

}  // namespace

Result<std::string> FolderTiles::read(const TilePath& path) {
  const std::string name = path.text();
  TRY(auto bytes, files_.read(folder_ + "/" + name));
  if (bytes) return *std::move(bytes);
  const auto missing = [&] { return client_error(Code::not_found, "there is no " + name); };
  if (path.full()) return missing();
  TRY(const auto widths, files_.list(folder_ + "/" + name.substr(0, name.rfind('/'))));
  TilePath longer = path;
  longer.width = ledgerlog::kTileWidth;  // the full one is not in that folder
  for (const std::string& text : widths) {
    const auto width = parse_u64(text);
    if (width && *width > path.width && *width < longer.width)
      longer.width = static_cast<unsigned>(*width);
  }
  TRY(bytes, files_.read(folder_ + "/" + longer.text()));
  if (!bytes) return missing();
  return first_part(path, longer, *std::move(bytes));
}

}  // namespace sovmesh::audit_files
