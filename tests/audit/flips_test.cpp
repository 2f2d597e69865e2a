// Every single-byte change of a log of 10,000 entries is noticed. Each kind of file is changed
// through the part of verify_log that reads it, one byte at a time; a sample goes through the
// whole. A verifier with a hole in it must fail the same counts.
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "ledgerlog/verify.h"
#include "ledgerlog/walk.h"
#include "tests/support/audit_log.h"

namespace sovmesh::ledgerlog {
namespace {

constexpr std::uint64_t kEntries = 10'000;

char flipped(char byte, int change) { return static_cast<char>(byte ^ change); }

// How many changes were made and how many of them passed.
struct Count {
  std::uint64_t made = 0;
  std::uint64_t passed = 0;
  void add(bool accepted) {
    ++made;
    passed += accepted ? 1 : 0;
  }
};

class Flips : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto* log = new AuditLog;
    log->fill_to(kEntries / 2);
    log->rotate('b');
    log->fill_to(kEntries);
    checkpoint_ = new std::string(log->sign_and_cosign());
    log_ = log;
  }
  static void TearDownTestSuite() {
    delete log_;
    delete checkpoint_;
  }

  static MemoryTiles& tiles() { return log_->log.tiles; }
  static const std::string& file(const TilePath& path) { return tiles().files.at(path.text()); }
  static WitnessRule rule() { return {.keys = {AuditLog::witness_key()}, .quorum = 1}; }
  static LogReport verify(MemoryTiles& files, std::string_view checkpoint) {
    return verify_log({.tiles = files,
                       .checkpoint = checkpoint,
                       .keys = AuditLog::first_key(),
                       .origin = kAuditOrigin,
                       .older = {},
                       .witnesses = rule()});
  }
  static LogWalk walked() {
    LogWalk walk(std::string(kAuditOrigin), AuditLog::first_key());
    for (std::uint64_t at = 0; at < kEntries; at += kTileWidth) {
      const TilePath path = tile_of(TilePath::Kind::entries, 0, at, kEntries);
      const auto bad = walk.take(path, file(path), file(hashes_of(path)));
      EXPECT_FALSE(bad);
    }
    return walk;
  }
  static TilePath hashes_of(const TilePath& bundle) {
    return {.kind = TilePath::Kind::hashes, .index = bundle.index, .width = bundle.width};
  }

  static AuditLog* log_;
  static std::string* checkpoint_;
  std::mt19937_64 random_{20'261'125};
};
AuditLog* Flips::log_ = nullptr;
std::string* Flips::checkpoint_ = nullptr;

using LeafCheck = std::function<bool(std::string_view, std::string_view, std::uint64_t)>;

// Each byte of each entry, to one other value.
Count flip_entries(std::mt19937_64& random, std::uint64_t step, const LeafCheck& fits,
                   const std::map<std::string, std::string>& files) {
  Count count;
  for (std::uint64_t at = 0; at < kEntries; at += kTileWidth) {
    const TilePath path = tile_of(TilePath::Kind::entries, 0, at, kEntries);
    const std::string& tile = files.at(
        TilePath{.kind = TilePath::Kind::hashes, .index = path.index, .width = path.width}.text());
    const auto entries = parse_bundle(files.at(path.text()), path.width);
    for (std::size_t i = 0; i < entries->size(); i += step) {
      std::string entry((*entries)[i]);
      EXPECT_TRUE(fits(entry, tile, at + i));
      for (char& byte : entry) {
        const char before = byte;
        byte = flipped(byte, static_cast<int>(1 + random() % 255));
        count.add(fits(entry, tile, at + i));
        byte = before;
      }
    }
  }
  return count;
}

TEST_F(Flips, OfEveryByteOfEveryEntryAreNoticed) {
  const Count count = flip_entries(random_, 1, leaf_fits, tiles().files);
  EXPECT_GE(count.made, 6'000'000U);
  EXPECT_EQ(count.passed, 0U);
}

TEST_F(Flips, OfALeafCheckThatSkipsBytesAreFound) {
  const auto skips_the_end = [](std::string_view entry, std::string_view tile,
                                std::uint64_t index) {
    const auto whole = read_entry(tiles(), index, kEntries);
    return entry.substr(0, 400) == whole->substr(0, 400) && !tile.empty();
  };
  EXPECT_GT(flip_entries(random_, 500, skips_the_end, tiles().files).passed, 0U);
}

TEST_F(Flips, OfEveryLengthOfABundleAreNoticed) {
  Count count;
  for (std::uint64_t at = 0; at < kEntries; at += kTileWidth) {
    const TilePath path = tile_of(TilePath::Kind::entries, 0, at, kEntries);
    const std::string& tile = file(hashes_of(path));
    std::string bundle = file(path);
    const auto entries = parse_bundle(file(path), path.width);
    std::size_t length_at = 0;
    for (std::size_t i = 0; i < entries->size(); length_at += 2 + (*entries)[i].size(), ++i) {
      for (const std::size_t byte_at : {length_at, length_at + 1}) {
        for (int bit = 0; bit < 8; ++bit) {
          bundle[byte_at] = flipped(bundle[byte_at], 1 << bit);
          const auto read = parse_bundle(bundle, path.width);
          count.add(read && leaf_fits((*read)[i], tile, at + i));
          bundle[byte_at] = flipped(bundle[byte_at], 1 << bit);
        }
      }
    }
  }
  EXPECT_EQ(count.made, kEntries * 2 * 8);
  EXPECT_EQ(count.passed, 0U);
}

Count flip_leaf_tiles(const LeafCheck& fits, const std::map<std::string, std::string>& files) {
  Count count;
  for (std::uint64_t at = 0; at < kEntries; at += kTileWidth) {
    const TilePath path = tile_of(TilePath::Kind::entries, 0, at, kEntries);
    std::string tile = files.at(
        TilePath{.kind = TilePath::Kind::hashes, .index = path.index, .width = path.width}.text());
    const auto entries = parse_bundle(files.at(path.text()), path.width);
    for (std::size_t bit = 0; bit < tile.size() * 8; ++bit) {
      const std::size_t entry = bit / 8 / sizeof(Digest);
      tile[bit / 8] = flipped(tile[bit / 8], 1 << bit % 8);
      count.add(fits((*entries)[entry], tile, at + entry));
      tile[bit / 8] = flipped(tile[bit / 8], 1 << bit % 8);
    }
  }
  return count;
}

TEST_F(Flips, OfEveryBitOfTheLeafTilesAreNoticed) {
  const Count count = flip_leaf_tiles(leaf_fits, tiles().files);
  EXPECT_EQ(count.made, kEntries * sizeof(Digest) * 8);
  EXPECT_EQ(count.passed, 0U);
}

TEST_F(Flips, OfALeafCheckThatComparesHalfAHashAreFound) {
  const auto half = [](std::string_view entry, std::string_view tile, std::uint64_t index) {
    const Digest hash = leaf_hash(entry);
    return tile.substr(index % kTileWidth * sizeof hash, 16) ==
           std::string_view(reinterpret_cast<const char*>(hash.data()), 16);
  };
  EXPECT_EQ(flip_leaf_tiles(half, tiles().files).passed, kEntries * 16 * 8);
}

TEST_F(Flips, OfEveryByteOfTheUpperTilesAreNoticed) {
  const LogWalk walk = walked();
  Count count;
  for (const TilePath& path : tiles_of_append(0, kEntries)) {
    if (path.kind == TilePath::Kind::entries || path.level == 0) continue;
    std::string tile = file(path);
    EXPECT_FALSE(walk.compare(path, tile));
    for (char& byte : tile) {
      const char before = byte;
      for (int change = 1; change < 256; ++change) {
        byte = flipped(before, change);
        count.add(!walk.compare(path, tile));
      }
      byte = before;
    }
  }
  EXPECT_EQ(count.made, kEntries / kTileWidth * sizeof(Digest) * 255);
  EXPECT_EQ(count.passed, 0U);
}

using CheckpointCheck = std::function<bool(std::string_view)>;

Count flip_checkpoint(std::string bytes, int changes, const CheckpointCheck& accepts) {
  Count count;
  EXPECT_TRUE(accepts(bytes));
  for (char& byte : bytes) {
    const char before = byte;
    for (int change = 1; change <= changes; ++change) {
      byte = flipped(before, change);
      count.add(accepts(bytes));
    }
    byte = before;
  }
  return count;
}

TEST_F(Flips, OfEveryByteOfTheCheckpointAreNoticed) {
  const LogWalk walk = walked();
  const Count count = flip_checkpoint(*checkpoint_, 255, [&walk](std::string_view bytes) {
    const auto parsed = parse_signed_checkpoint(bytes);
    std::size_t witnesses = 0;
    return parsed && !check_checkpoint(walk, *parsed, rule(), witnesses);
  });
  EXPECT_EQ(count.made, checkpoint_->size() * 255);
  EXPECT_EQ(count.passed, 0U);
}

TEST_F(Flips, OfACheckThatForgetsTheWitnessOrTheRootAreFound) {
  const LogWalk walk = walked();
  const auto without_witness = [&walk](std::string_view bytes) {
    const auto parsed = parse_signed_checkpoint(bytes);
    std::size_t witnesses = 0;
    return parsed && !check_checkpoint(walk, *parsed, {}, witnesses);
  };
  EXPECT_GT(flip_checkpoint(*checkpoint_, 3, without_witness).passed, 0U);
  const auto unsigned_root = [](std::string_view bytes) {
    const auto parsed = parse_signed_checkpoint(bytes);
    return parsed && parsed->checkpoint.size == kEntries;
  };
  EXPECT_GT(flip_checkpoint(*checkpoint_, 3, unsigned_root).passed, 0U);
}

// Which entry a byte of a file belongs to: what the report must name.
std::uint64_t entry_at(const TilePath& path, const std::string& bytes, std::size_t at) {
  if (path.kind == TilePath::Kind::hashes)
    return (path.index * kTileWidth + at / sizeof(Digest)) << (kTileHeight * path.level);
  const auto entries = parse_bundle(bytes, path.width);
  std::size_t end = 0;
  std::uint64_t index = path.index * kTileWidth;
  for (const std::string_view entry : *entries) {
    end += 2 + entry.size();
    if (at < end) break;
    ++index;
  }
  return index;
}

TEST_F(Flips, AnywhereAreNoticedByTheWholeVerifierWithTheirIndex) {
  ASSERT_TRUE(verify(tiles(), *checkpoint_).good());
  std::vector<TilePath> paths = tiles_of_append(0, kEntries);
  for (int i = 0; i < 20; ++i) {
    const TilePath& path = paths[random_() % paths.size()];
    std::string& bytes = tiles().files.at(path.text());
    const std::size_t at = random_() % bytes.size();
    const std::uint64_t index = entry_at(path, bytes, at);
    const char before = bytes[at];
    bytes[at] = flipped(before, static_cast<int>(1 + random_() % 255));
    const LogReport report = verify(tiles(), *checkpoint_);
    bytes[at] = before;
    ASSERT_FALSE(report.good()) << path.text() << " " << at;
    // A wrong length may also show as a bundle that does not add up, at its first entry.
    EXPECT_TRUE(report.bad->index == index || report.bad->index == path.index * kTileWidth)
        << path.text() << " " << at;
  }
}

}  // namespace
}  // namespace sovmesh::ledgerlog
