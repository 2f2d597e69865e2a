#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledgerlog/tiles.h"
#include "ledgerlog/tree.h"

namespace sovmesh::ledgerlog {

struct TileFile {
  TilePath path;
  std::string bytes;
};

// The writing end of a log: takes entries, knows root and size at once, and says which files to
// write. It holds the unfinished tile of each level and the unfinished bundle, so an append reads
// nothing. Plain values, one thread, no I/O.
//
//   append, append, ... -> take_files() -> write them in order, sync -> sign a checkpoint of size()
class LogEdge {
 public:
  static constexpr std::uint64_t kUnwrittenMax = 65'536;  // entries between two take_files()

  LogEdge() = default;
  // The end of the log of `size` entries in `reader`, refused when its tiles do not lead to `root`.
  static Result<LogEdge> load(TileReader& reader, std::uint64_t size, const Digest& root);

  // The entry's index. `invalid_value` above kEntryBytesMax, `overloaded` at kUnwrittenMax.
  Result<std::uint64_t> append(std::string_view entry);
  std::uint64_t size() const { return frontier_.size(); }
  Digest root() const { return frontier_.root(); }
  const Frontier& frontier() const { return frontier_; }
  // What changed since the last call, in the order of tiles_of_append.
  std::vector<TileFile> take_files();

 private:
  void add_hash(unsigned level, const Digest& hash);

  Frontier frontier_;
  std::uint64_t written_ = 0;
  std::string bundle_;                                // of the last, unfinished 256 entries
  std::array<std::string, kTileLevelMax + 1> tiles_;  // unfinished, by level
  std::vector<TileFile> finished_;                    // full since the last take_files()
};

}  // namespace sovmesh::ledgerlog
