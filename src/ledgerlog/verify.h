#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledgerlog/checkpoint.h"
#include "ledgerlog/tiles.h"

// Verifies a whole log from its bytes: every entry's syntax, order and hash, every tile, the
// signature, the keys' rotations, and that older checkpoints are beginnings of this log. There is a
// second implementation of the same rules, in Python, that shares nothing with this one:
// tools/verify-audit.
namespace sovmesh::ledgerlog {

struct WitnessRule {
  std::vector<NoteKey> keys;
  std::size_t quorum = 0;  // at least so many of `keys` must have cosigned
};

struct LogToVerify {
  TileReader& tiles;
  std::string_view checkpoint;          // the file
  LogKeys keys;                         // at least the first
  std::string_view origin;              // expected; empty: whatever the checkpoint says
  std::vector<std::string_view> older;  // checkpoint files kept elsewhere
  WitnessRule witnesses;
};

// What is wrong, and where; the first in the order of the log.
struct Finding {
  std::string where;                   // "checkpoint", a tile's path, "older checkpoint 1"
  std::optional<std::uint64_t> index;  // of the entry; nothing when it is about the whole
  std::string what;
};

struct LogReport {
  std::optional<Finding> bad;  // nothing: the log is good
  std::string origin;
  std::uint64_t size = 0;
  Digest root{};
  std::uint64_t requests = 0;  // entries by kind
  std::uint64_t admin = 0;
  std::uint64_t rotations = 0;
  LogKeys keys;               // as given, completed by the log's rotations
  std::size_t witnesses = 0;  // that cosigned

  bool good() const { return !bad; }
};

LogReport verify_log(const LogToVerify& log);

// One entry on its own, as `audit prove` hands it out: is it in the log that this checkpoint signs?
Result<void> verify_entry(std::string_view entry, std::uint64_t index,
                          std::span<const Digest> proof, const SignedCheckpoint& checkpoint,
                          const LogKeys& keys);

}  // namespace sovmesh::ledgerlog
