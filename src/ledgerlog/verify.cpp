#include "ledgerlog/verify.h"

#include <algorithm>
#include <utility>

#include "ledgerlog/walk.h"

namespace sovmesh::ledgerlog {
namespace {

Finding about(std::string where, std::string what) {
  return {.where = std::move(where), .index = std::nullopt, .what = std::move(what)};
}

std::string older_name(std::size_t i) { return "older checkpoint " + std::to_string(i + 1); }

// The story of verify_log, a chapter each; every chapter returns the first thing that is wrong.
class Verification {
 public:
  explicit Verification(const LogToVerify& log) : log_(log) {}

  std::optional<Finding> run(LogReport& report) {
    if (auto bad = read_checkpoint(report)) return bad;
    if (auto bad = read_older()) return bad;
    LogWalk walk(signed_.checkpoint.origin, log_.keys);
    for (const SignedCheckpoint& older : older_)
      walk.watch(older.checkpoint.size);
    auto bad = read_log(walk);
    report.requests = walk.requests();
    report.admin = walk.admin();
    report.rotations = walk.rotations();
    report.keys = walk.keys();
    if (!bad) bad = check_checkpoint(walk, signed_, log_.witnesses, report.witnesses);
    if (!bad) bad = check_older(walk);
    return bad;
  }

 private:
  std::optional<Finding> read_checkpoint(LogReport& report) {
    auto checkpoint = parse_signed_checkpoint(log_.checkpoint);
    if (!checkpoint) return about("checkpoint", checkpoint.error().message());
    signed_ = *std::move(checkpoint);
    report.origin = signed_.checkpoint.origin;
    report.size = signed_.checkpoint.size;
    report.root = signed_.checkpoint.root;
    if (!log_.origin.empty() && log_.origin != report.origin)
      return about("checkpoint", "it is of another log: " + report.origin);
    return std::nullopt;
  }

  std::optional<Finding> read_older() {
    for (std::size_t i = 0; i < log_.older.size(); ++i) {
      auto older = parse_signed_checkpoint(log_.older[i]);
      if (!older) return about(older_name(i), older.error().message());
      if (older->checkpoint.origin != signed_.checkpoint.origin)
        return about(older_name(i), "it is of another log: " + older->checkpoint.origin);
      if (older->checkpoint.size > signed_.checkpoint.size) {
        return about(older_name(i), "the log was larger before: " +
                                        std::to_string(older->checkpoint.size) + " entries");
      }
      older_.push_back(*std::move(older));
    }
    return std::nullopt;
  }

  // One file after the other and no list of them: until its signature is verified, the size is
  // just a number that somebody wrote.
  std::optional<Finding> read_log(LogWalk& walk) {
    const std::uint64_t size = signed_.checkpoint.size;
    for (std::uint64_t at = 0; at < size; at += kTileWidth) {
      if (auto bad = read_bundle(walk, tile_of(TilePath::Kind::entries, 0, at, size))) return bad;
    }
    for (unsigned level = 1; level <= kTileLevelMax; ++level) {
      const std::uint64_t count = size >> (kTileHeight * level);
      for (std::uint64_t at = 0; at < count; at += kTileWidth) {
        if (auto bad = read_hashes(walk, tile_of(TilePath::Kind::hashes, level, at, count)))
          return bad;
      }
    }
    return std::nullopt;
  }

  std::optional<Finding> read_bundle(LogWalk& walk, const TilePath& path) {
    const TilePath tile_path{
        .kind = TilePath::Kind::hashes, .index = path.index, .width = path.width};
    const auto tile = read_tile(log_.tiles, tile_path);
    if (!tile) return unread(tile_path, tile.error());
    const auto bundle = read_tile(log_.tiles, path);
    if (!bundle) return unread(path, bundle.error());
    return walk.take(path, *bundle, *tile);
  }

  std::optional<Finding> read_hashes(const LogWalk& walk, const TilePath& path) {
    const auto tile = read_tile(log_.tiles, path);
    if (!tile) return unread(path, tile.error());
    return walk.compare(path, *tile);
  }

  static Finding unread(const TilePath& path, const Error& error) {
    return {.where = path.text(),
            .index = (path.index * kTileWidth) << (kTileHeight * path.level),
            .what = error.message()};
  }

  std::optional<Finding> check_older(const LogWalk& walk) const {
    for (std::size_t i = 0; i < older_.size(); ++i) {
      const SignedCheckpoint& older = older_[i];
      if (walk.keys().signer_of(older) == nullptr)
        return about(older_name(i), "it is not signed by the key that may sign at its size");
      if (walk.root_at(older.checkpoint.size) != older.checkpoint.root) {
        return about(older_name(i), "the log is a fork: its first " +
                                        std::to_string(older.checkpoint.size) +
                                        " entries are not those that were signed before");
      }
    }
    return std::nullopt;
  }

  const LogToVerify& log_;
  SignedCheckpoint signed_;
  std::vector<SignedCheckpoint> older_;
};

}  // namespace

std::optional<Finding> check_checkpoint(const LogWalk& walk, const SignedCheckpoint& checkpoint,
                                        const WitnessRule& rule, std::size_t& witnesses) {
  const Checkpoint& said = checkpoint.checkpoint;
  if (walk.size() != said.size || walk.root() != said.root)
    return about("checkpoint", "its root is not that of the entries");
  if (walk.keys().signer_of(checkpoint) == nullptr)
    return about("checkpoint", "it is not signed by the key that may sign at its size");
  witnesses = 0;
  for (auto key = rule.keys.begin(); key != rule.keys.end(); ++key) {
    const bool again = std::find(rule.keys.begin(), key, *key) != key;
    if (!again && cosigned_at(checkpoint.note, *key)) ++witnesses;
  }
  if (witnesses >= rule.quorum) return std::nullopt;
  return about("checkpoint", std::to_string(witnesses) + " witnesses cosigned, wanted " +
                                 std::to_string(rule.quorum));
}

LogReport verify_log(const LogToVerify& log) {
  LogReport report;
  report.keys = log.keys;
  report.bad = Verification(log).run(report);
  return report;
}

Result<void> verify_entry(std::string_view entry, std::uint64_t index,
                          std::span<const Digest> proof, const SignedCheckpoint& checkpoint,
                          const LogKeys& keys) {
  if (keys.signer_of(checkpoint) == nullptr)
    return client_error(Code::invalid_value, "the checkpoint is not signed by a known key");
  TRY(const EntrySummary summary, check_entry(entry));
  if (summary.head.seq != index)
    return client_error(Code::invalid_value, "the entry has another number");
  if (!proves_inclusion(index, leaf_hash(entry), checkpoint.checkpoint.size,
                        checkpoint.checkpoint.root, proof))
    return client_error(Code::invalid_value, "the entry is not in the log that was signed");
  return {};
}

}  // namespace sovmesh::ledgerlog
