#include "ledgerlog/edge.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sovmesh::ledgerlog {
namespace {

constexpr std::size_t kHashBytes = sizeof(Digest);
constexpr std::size_t kTileBytes = kTileWidth * kHashBytes;

std::string_view text_of(const Digest& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

Digest tile_root(const std::string& tile) {
  Frontier frontier;
  for (std::size_t at = 0; at < tile.size(); at += kHashBytes) {
    Digest hash;
    std::memcpy(hash.data(), tile.data() + at, kHashBytes);
    frontier.append(hash);
  }
  return frontier.root();
}

// The bundle's entries are those that the tile beside it has hashed.
bool bundle_fits(const std::vector<std::string_view>& entries, std::string_view tile) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (tile.substr(i * kHashBytes, kHashBytes) != text_of(leaf_hash(entries[i]))) return false;
  }
  return true;
}

}  // namespace

Result<LogEdge> LogEdge::load(TileReader& reader, std::uint64_t size, const Digest& root) {
  TileHashes hashes(reader, size);
  LogEdge edge;
  TRY(edge.frontier_, frontier_at(hashes, size));
  if (edge.root() != root)
    return our_error(Code::data_dir_invalid, "the log's tiles do not lead to its root");
  edge.written_ = size;
  for (const TilePath& path : partial_tiles_of(size)) {
    TRY(std::string bytes, read_tile(reader, path));
    (path.kind == TilePath::Kind::entries ? edge.bundle_ : edge.tiles_[path.level]) =
        std::move(bytes);
  }
  TRY(const auto entries, parse_bundle(edge.bundle_, size % kTileWidth));
  if (!bundle_fits(entries, edge.tiles_[0]))
    return our_error(Code::data_dir_invalid, "the log's last entries do not fit their hashes");
  return edge;
}

void LogEdge::add_hash(unsigned level, const Digest& hash) {
  std::string& tile = tiles_[level];
  tile += text_of(hash);
  if (tile.size() < kTileBytes) return;
  const std::uint64_t index = (size() >> (kTileHeight * level)) / kTileWidth - 1;
  // kTreeSizeMax ends before the highest level is full.
  add_hash(level + 1, tile_root(tile));
  finished_.push_back({.path = {.kind = TilePath::Kind::hashes, .level = level, .index = index},
                       .bytes = std::exchange(tile, {})});
}

Result<std::uint64_t> LogEdge::append(std::string_view entry) {
  const std::uint64_t index = size();
  if (index - written_ >= kUnwrittenMax || index == kTreeSizeMax)
    return our_error(Code::overloaded, "too many entries of the log wait to be written");
  if (!append_to_bundle(bundle_, entry))
    return our_error(Code::invalid_value, "an entry of the log is too long");
  const Digest leaf = leaf_hash(entry);
  frontier_.append(leaf);
  add_hash(0, leaf);
  if (size() % kTileWidth == 0) {
    finished_.push_back(
        {.path = {.kind = TilePath::Kind::entries, .level = 0, .index = index / kTileWidth},
         .bytes = std::exchange(bundle_, {})});
  }
  return index;
}

std::vector<TileFile> LogEdge::take_files() {
  std::vector<TileFile> files = std::exchange(finished_, {});
  for (const TilePath& path : tiles_of_append(std::exchange(written_, size()), size())) {
    if (path.full()) continue;
    files.push_back({.path = path,
                     .bytes = path.kind == TilePath::Kind::entries ? bundle_ : tiles_[path.level]});
  }
  std::ranges::sort(files, {}, &TileFile::path);
  return files;
}

}  // namespace sovmesh::ledgerlog
