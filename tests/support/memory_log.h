#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ledgerlog/edge.h"
#include "ledgerlog/tiles.h"

namespace sovmesh::ledgerlog {

// The files of a log in memory.
class MemoryTiles final : public TileReader {
 public:
  Result<std::string> read(const TilePath& path) override {
    ++reads;
    const auto found = files.find(path.text());
    if (found == files.end()) return our_error(Code::not_found, path.text() + " is not there");
    return found->second;
  }
  void write(std::vector<TileFile> written) {
    for (TileFile& file : written)
      files[file.path.text()] = std::move(file.bytes);
  }

  std::map<std::string, std::string> files;
  int reads = 0;
};

// Entries go in, files come out at once.
struct MemoryLog {
  LogEdge edge;
  MemoryTiles tiles;

  // False when the edge refused.
  bool append(std::string_view entry) { return edge.append(entry).has_value(); }
  void flush() { tiles.write(edge.take_files()); }
};

// The log of the public vectors: entry number i is "entry i".
inline MemoryLog log_of(std::uint64_t size) {
  MemoryLog log;
  for (std::uint64_t i = 0; i < size; ++i) {
    if (i % 1000 == 0) log.flush();
    log.append("entry " + std::to_string(i));
  }
  log.flush();
  return log;
}

}  // namespace sovmesh::ledgerlog
