#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledgerlog/tree.h"

// C2SP tlog-tiles: the tree cut into files of 256 hashes, the entries into bundles of 256.
namespace sovmesh::ledgerlog {

inline constexpr unsigned kTileWidth = 256;
inline constexpr unsigned kTileHeight = 8;    // levels of the tree per level of tiles
inline constexpr unsigned kTileLevelMax = 5;  // up to 2^48 entries
inline constexpr std::size_t kEntryBytesMax = 65'535;
inline constexpr std::size_t kBundleBytesMax = kTileWidth * (2 + kEntryBytesMax);

// One file. A hash tile at level L holds the roots of complete subtrees of 256^L leaves; a bundle
// holds the entries below a level-0 tile.
struct TilePath {
  enum class Kind : std::uint8_t { entries, hashes };  // in the order of writing
  Kind kind = Kind::hashes;
  unsigned level = 0;           // 0 for a bundle
  std::uint64_t index = 0;      // of the tile in its level
  unsigned width = kTileWidth;  // 1..256; 256 is a full tile, for ever the same

  bool full() const { return width == kTileWidth; }
  // "tile/0/x001/x234/067", "tile/1/000.p/12", "tile/entries/000"
  std::string text() const;
  // Exactly what text() can make; everything else is refused. Safe to hand to a file system after.
  static Result<TilePath> parse(std::string_view text);
  friend auto operator<=>(const TilePath&, const TilePath&) = default;
};

// Bytes by path: a folder, an HTTP client, memory. `not_found` when there is no such file.
class TileReader {
 public:
  virtual ~TileReader() = default;
  virtual Result<std::string> read(const TilePath& path) = 0;
};

// The tile that holds hash or entry number `at` of its level when the level has `count` of them.
TilePath tile_of(TilePath::Kind kind, unsigned level, std::uint64_t at, std::uint64_t count);
// Everything that a log of `new_size` has and one of `old_size` has not, bundles first, then tiles
// from level 0 up: write in this order, and each file's parts are there before it.
std::vector<TilePath> tiles_of_append(std::uint64_t old_size, std::uint64_t new_size);
// The unfinished files of a log of `size`. Each may be deleted once the full file of its index is
// there, not earlier: who holds an older checkpoint needs it.
std::vector<TilePath> partial_tiles_of(std::uint64_t size);

// uint16 length, big endian, then the entry. False, and nothing appended, above kEntryBytesMax.
bool append_to_bundle(std::string& bundle, std::string_view entry);
// Exactly `count` entries and no byte more. The views point into `bytes`.
Result<std::vector<std::string_view>> parse_bundle(std::string_view bytes, std::size_t count);

// The file for `path`, its size checked; when a partial one is gone because the log has grown, the
// first part of the full one.
Result<std::string> read_tile(TileReader& reader, const TilePath& path);
Result<std::string> read_entry(TileReader& reader, std::uint64_t index, std::uint64_t size);

// Hashes of a log of `size` out of its tiles, each tile read once. Nothing is verified here: what
// comes out leads to a root, and that is compared with a signed one. One thread; keep it short.
class TileHashes final : public HashReader {
 public:
  TileHashes(TileReader& reader, std::uint64_t size) : reader_(reader), size_(size) {}
  Result<Digest> hash(Subtree subtree) override;

 private:
  static constexpr std::size_t kTilesMax = 64;  // 512 KiB; a proof needs at most 12
  Result<const std::string*> tile(unsigned level, std::uint64_t at);
  TileReader& reader_;
  std::uint64_t size_;
  std::map<TilePath, std::string> tiles_;
};

}  // namespace sovmesh::ledgerlog
