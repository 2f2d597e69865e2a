#include "ledgerlog/tiles.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "base/bytes.h"

namespace sovmesh::ledgerlog {
namespace {

constexpr std::size_t kHashBytes = sizeof(Digest);
constexpr std::string_view kEntries = "entries";

// How many hashes a level of tiles has below a tree of `size`.
std::uint64_t count_at(unsigned level, std::uint64_t size) { return size >> (kTileHeight * level); }

std::uint64_t index_max(unsigned level) { return count_at(level, kTreeSizeMax) / kTileWidth; }

std::unexpected<Error> bad_path() {
  return client_error(Code::invalid_value, "not the path of a tile");
}

// "x001/x234/067": groups of three digits, all but the last marked.
void append_index(std::string& text, std::uint64_t index) {
  std::string digits = std::to_string(index);
  digits.insert(0, (3 - digits.size() % 3) % 3, '0');
  for (std::size_t at = 0; at < digits.size(); at += 3) {
    text += at + 3 < digits.size() ? "/x" : "/";
    text.append(digits, at, 3);
  }
}

std::optional<std::string_view> cut_to(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view head = text.substr(0, at);
  text.remove_prefix(at + 1);
  return head;
}

// A small number in its one spelling.
std::optional<unsigned> parse_small(std::string_view digits, unsigned max) {
  const auto value = parse_u64(digits);
  if (!value || *value > max) return std::nullopt;
  return static_cast<unsigned>(*value);
}

// What append_index makes of some number without its first slash; groups of zeros in front are
// caught by parse(), which compares with text().
std::optional<std::uint64_t> parse_index(std::string_view text) {
  constexpr std::size_t kGroupsMax = 6;
  std::uint64_t index = 0;
  for (std::size_t group = 0; group < kGroupsMax; ++group) {
    const bool last = text.size() == 3;
    if (!last && (text.size() < 5 || text[0] != 'x' || text[4] != '/')) return std::nullopt;
    for (const char c : text.substr(last ? 0 : 1, 3)) {
      if (c < '0' || c > '9') return std::nullopt;
      index = index * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (last) return index;
    text.remove_prefix(5);
  }
  return std::nullopt;
}

// The length of the next entry of a bundle, its two bytes not counted.
std::optional<std::size_t> entry_length(std::string_view rest) {
  if (rest.size() < 2) return std::nullopt;
  const std::size_t length = static_cast<std::size_t>(static_cast<unsigned char>(rest[0])) << 8 |
                             static_cast<unsigned char>(rest[1]);
  if (rest.size() - 2 < length) return std::nullopt;
  return length;
}

std::unexpected<Error> bad_bundle() {
  return client_error(Code::invalid_value, "the bundle is not made of whole entries");
}

// The bytes of the first `count` entries.
Result<std::size_t> prefix_bytes(std::string_view bundle, std::size_t count) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto length = entry_length(bundle.substr(at));
    if (!length) return bad_bundle();
    at += 2 + *length;
  }
  return at;
}

Result<std::string> read_full_for(TileReader& reader, const TilePath& path) {
  TilePath full = path;
  full.width = kTileWidth;
  TRY(std::string bytes, reader.read(full));
  if (path.kind == TilePath::Kind::entries) {
    TRY(const std::size_t size, prefix_bytes(bytes, path.width));
    bytes.resize(size);
    return bytes;
  }
  if (bytes.size() != kTileWidth * kHashBytes)
    return client_error(Code::invalid_value, full.text() + " has not 256 hashes");
  bytes.resize(path.width * kHashBytes);
  return bytes;
}

Digest hash_in(const std::string& tile, std::uint64_t at) {
  Digest hash;
  std::memcpy(hash.data(), tile.data() + at * kHashBytes, kHashBytes);
  return hash;
}

}  // namespace

std::string TilePath::text() const {
  std::string text = "tile/";
  text += kind == Kind::entries ? std::string(kEntries) : std::to_string(level);
  append_index(text, index);
  if (!full()) text += ".p/" + std::to_string(width);
  return text;
}

Result<TilePath> TilePath::parse(std::string_view text) {
  constexpr std::size_t kBytesMax = 64;
  const std::string_view whole = text;
  if (text.size() > kBytesMax || cut_to(text, '/') != "tile") return bad_path();
  const auto level = cut_to(text, '/');
  if (!level) return bad_path();
  TilePath path;
  if (*level == kEntries) {
    path.kind = Kind::entries;
  } else {
    const auto number = parse_small(*level, kTileLevelMax);
    if (!number) return bad_path();
    path.level = *number;
  }
  if (const std::size_t at = text.find(".p/"); at != std::string_view::npos) {
    const auto width = parse_small(text.substr(at + 3), kTileWidth - 1);
    if (!width || *width == 0) return bad_path();
    path.width = *width;
    text = text.substr(0, at);
  }
  const auto index = parse_index(text);
  if (!index || *index > index_max(path.level)) return bad_path();
  path.index = *index;
  if (path.text() != whole) return bad_path();
  return path;
}

TilePath tile_of(TilePath::Kind kind, unsigned level, std::uint64_t at, std::uint64_t count) {
  const std::uint64_t index = at / kTileWidth;
  const std::uint64_t width = std::min<std::uint64_t>(kTileWidth, count - index * kTileWidth);
  return {.kind = kind, .level = level, .index = index, .width = static_cast<unsigned>(width)};
}

std::vector<TilePath> tiles_of_append(std::uint64_t old_size, std::uint64_t new_size) {
  std::vector<TilePath> paths;
  const auto add_level = [&](TilePath::Kind kind, unsigned level) {
    const std::uint64_t count = count_at(level, new_size);
    for (std::uint64_t at = count_at(level, old_size); at < count;) {
      paths.push_back(tile_of(kind, level, at, count));
      at = (at / kTileWidth + 1) * kTileWidth;
    }
  };
  add_level(TilePath::Kind::entries, 0);
  for (unsigned level = 0; level <= kTileLevelMax; ++level)
    add_level(TilePath::Kind::hashes, level);
  return paths;
}

std::vector<TilePath> partial_tiles_of(std::uint64_t size) {
  std::vector<TilePath> paths;
  const auto add = [&](TilePath::Kind kind, unsigned level) {
    const std::uint64_t count = count_at(level, size);
    if (count % kTileWidth != 0) paths.push_back(tile_of(kind, level, count, count));
  };
  add(TilePath::Kind::entries, 0);
  for (unsigned level = 0; level <= kTileLevelMax; ++level)
    add(TilePath::Kind::hashes, level);
  return paths;
}

bool append_to_bundle(std::string& bundle, std::string_view entry) {
  if (entry.size() > kEntryBytesMax) return false;
  bundle.push_back(static_cast<char>(entry.size() >> 8));
  bundle.push_back(static_cast<char>(entry.size() & 0xff));
  bundle += entry;
  return true;
}

Result<std::vector<std::string_view>> parse_bundle(std::string_view bytes, std::size_t count) {
  if (count > kTileWidth) return bad_bundle();
  std::vector<std::string_view> entries;
  entries.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto length = entry_length(bytes);
    if (!length) return bad_bundle();
    entries.push_back(bytes.substr(2, *length));
    bytes.remove_prefix(2 + *length);
  }
  if (!bytes.empty()) return bad_bundle();
  return entries;
}

Result<std::string> read_tile(TileReader& reader, const TilePath& path) {
  Result<std::string> bytes = reader.read(path);
  if (!bytes && bytes.error().code() == Code::not_found && !path.full())
    bytes = read_full_for(reader, path);
  if (!bytes) return bytes;
  if (path.kind == TilePath::Kind::hashes && bytes->size() != path.width * kHashBytes) {
    return client_error(Code::invalid_value,
                        path.text() + " has not " + std::to_string(path.width) + " hashes");
  }
  return bytes;
}

Result<std::string> read_entry(TileReader& reader, std::uint64_t index, std::uint64_t size) {
  if (index >= size || size > kTreeSizeMax)
    return client_error(Code::not_found, "the log has no entry with that index");
  const TilePath path = tile_of(TilePath::Kind::entries, 0, index, size);
  TRY(const std::string bundle, read_tile(reader, path));
  TRY(const auto entries, parse_bundle(bundle, path.width));
  return std::string(entries[index % kTileWidth]);
}

Result<const std::string*> TileHashes::tile(unsigned level, std::uint64_t at) {
  const TilePath path = tile_of(TilePath::Kind::hashes, level, at, count_at(level, size_));
  if (const auto found = tiles_.find(path); found != tiles_.end()) return &found->second;
  TRY(std::string bytes, read_tile(reader_, path));
  if (tiles_.size() == kTilesMax) tiles_.clear();
  return &tiles_.emplace(path, std::move(bytes)).first->second;
}

Result<Digest> TileHashes::hash(Subtree subtree) {
  const unsigned level = subtree.level / kTileHeight;
  const unsigned height = subtree.level % kTileHeight;  // above the hashes of the tile
  const std::uint64_t begin = subtree.index << height;
  const std::uint64_t count = std::uint64_t{1} << height;
  if (level > kTileLevelMax || subtree.index > count_at(level, size_) ||
      begin + count > count_at(level, size_)) {
    return client_error(Code::invalid_value, "the tree has no such complete subtree");
  }
  TRY(const std::string* tile, this->tile(level, begin));
  Frontier frontier;
  for (std::uint64_t at = begin; at < begin + count; ++at)
    frontier.append(hash_in(*tile, at % kTileWidth));
  return frontier.root();
}

}  // namespace sovmesh::ledgerlog
