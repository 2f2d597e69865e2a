#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ledgerlog/entry.h"
#include "ledgerlog/verify.h"

// The parts of verify_log, each to be tried on its own.
namespace sovmesh::ledgerlog {

// The entry is the one whose hash stands at its place in its level-0 tile.
bool leaf_fits(std::string_view entry, std::string_view tile, std::uint64_t index);

// Reads a log from its first entry to its last: syntax, order, keys and hashes. What it saw of the
// tree is then compared with the upper tiles and the signed root.
class LogWalk {
 public:
  LogWalk(std::string origin, LogKeys keys) : origin_(std::move(origin)), keys_(std::move(keys)) {}
  // Roots to remember on the way, for older checkpoints.
  void watch(std::uint64_t size) { watched_.push_back({.size = size, .root = {}}); }

  // The next bundle and the tile of its hashes. After a finding the walk is over.
  std::optional<Finding> take(const TilePath& path, std::string_view bundle, std::string_view tile);
  // A tile above level 0, once all entries are taken.
  std::optional<Finding> compare(const TilePath& path, std::string_view tile) const;

  std::uint64_t size() const { return tiles_.size() * kTileWidth + leaves_.size(); }
  Digest root() const;
  std::optional<Digest> root_at(std::uint64_t size) const;
  const LogKeys& keys() const { return keys_; }
  std::uint64_t requests() const { return counts_[0]; }
  std::uint64_t admin() const { return counts_[1]; }
  std::uint64_t rotations() const { return counts_[2] == 0 ? 0 : counts_[2] - 1; }

 private:
  struct Watched {
    std::uint64_t size;
    Digest root;
  };
  // Each returns what is wrong, or nothing.
  std::string take_entry(std::string_view entry, std::string_view tile);
  std::string check_head(const EntrySummary& entry) const;
  std::string take_key(std::string_view entry);
  std::string take_start(const KeyEntry& entry);
  std::string take_rotation(const KeyEntry& entry);
  void grow(const Digest& leaf);

  std::string origin_;
  LogKeys keys_;
  Frontier leaves_;                                        // of the last, unfinished tile
  Frontier tiles_;                                         // over the roots of the finished ones
  std::array<std::vector<Digest>, kTileLevelMax> levels_;  // what the tiles from level 1 up hold
  std::vector<Watched> watched_;
  WallTime last_time_;
  std::uint64_t counts_[3] = {};
};

// The checkpoint is of the log that was walked through, signed by the key in charge at its size,
// and cosigned by enough witnesses, whose number goes into `witnesses`.
std::optional<Finding> check_checkpoint(const LogWalk& walk, const SignedCheckpoint& checkpoint,
                                        const WitnessRule& rule, std::size_t& witnesses);

}  // namespace sovmesh::ledgerlog
