#include "ledgerlog/edge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/memory_log.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::ledgerlog {
namespace {

std::string entry(std::uint64_t i) { return "entry " + std::to_string(i); }

TEST(LogEdge, WritesExactlyTheFilesOfAnAppendInTheirOrder) {
  LogEdge edge;
  std::uint64_t size = 0;
  for (const std::uint64_t step : {0U, 1U, 2U, 253U, 1U, 255U, 256U, 1000U, 64'000U, 1U}) {
    for (std::uint64_t i = 0; i < step; ++i)
      ASSERT_THAT(edge.append(entry(size + i)), HasValue(size + i));
    std::vector<TilePath> written;
    for (const TileFile& file : edge.take_files())
      written.push_back(file.path);
    EXPECT_EQ(written, tiles_of_append(size, size + step)) << size << "+" << step;
    size += step;
  }
}

TEST(LogEdge, HowItIsCutIntoFlushesDoesNotMatter) {
  MemoryLog one_by_one;
  MemoryLog at_once;
  for (std::uint64_t i = 0; i < 600; ++i) {
    one_by_one.append(entry(i));
    one_by_one.flush();
    at_once.append(entry(i));
  }
  at_once.flush();
  EXPECT_EQ(one_by_one.edge.root(), at_once.edge.root());
  for (const auto& [path, bytes] : at_once.tiles.files)
    EXPECT_EQ(one_by_one.tiles.files[path], bytes) << path;
}

TEST(LogEdge, GoesOnAfterALoadAsIfNothingHadHappened) {
  for (const std::uint64_t size : {0U, 1U, 255U, 256U, 257U, 600U, 65'536U, 65'700U}) {
    MemoryLog log = log_of(size);
    auto loaded = LogEdge::load(log.tiles, size, log.edge.root());
    ASSERT_THAT(loaded, Succeeds());
    MemoryLog again{.edge = *std::move(loaded), .tiles = log.tiles};
    for (std::uint64_t i = size; i < size + 300; ++i) {
      log.append(entry(i));
      again.append(entry(i));
    }
    log.flush();
    again.flush();
    EXPECT_EQ(again.edge.root(), log.edge.root());
    EXPECT_EQ(again.tiles.files, log.tiles.files);
  }
}

TEST(LogEdge, LoadsAnOlderSizeOutOfALogThatHasGrown) {
  MemoryLog log = log_of(300);
  const Digest root = log.edge.root();
  for (std::uint64_t i = 300; i < 600; ++i)
    log.append(entry(i));
  log.flush();
  // What may be deleted: full tiles have taken their place.
  log.tiles.files.erase("tile/0/001.p/44");
  log.tiles.files.erase("tile/entries/001.p/44");
  EXPECT_THAT(LogEdge::load(log.tiles, 300, root), Succeeds());
}

TEST(LogEdge, DoesNotLoadWhatDoesNotFit) {
  MemoryLog log = log_of(300);
  EXPECT_THAT(LogEdge::load(log.tiles, 300, empty_root()), FailsWith(Code::data_dir_invalid));
  EXPECT_THAT(LogEdge::load(log.tiles, 299, log.edge.root()), FailsWith(Code::not_found));
  MemoryTiles bad = log.tiles;
  bad.files["tile/0/001.p/44"][5] ^= 1;
  EXPECT_THAT(LogEdge::load(bad, 300, log.edge.root()), FailsWith(Code::data_dir_invalid));
  bad = log.tiles;
  bad.files["tile/entries/001.p/44"][5] ^= 1;
  EXPECT_THAT(LogEdge::load(bad, 300, log.edge.root()), FailsWith(Code::data_dir_invalid));
  bad = log.tiles;
  bad.files.erase("tile/entries/001.p/44");
  EXPECT_THAT(LogEdge::load(bad, 300, log.edge.root()), FailsWith(Code::not_found));
}

TEST(LogEdge, RefusesWhatWouldBreakItAndStaysWhole) {
  LogEdge edge;
  EXPECT_THAT(edge.append(std::string(kEntryBytesMax + 1, 'x')), FailsWith(Code::invalid_value));
  EXPECT_EQ(edge.size(), 0U);
  for (std::uint64_t i = 0; i < LogEdge::kUnwrittenMax; ++i)
    ASSERT_THAT(edge.append(""), Succeeds());
  EXPECT_THAT(edge.append(""), FailsWith(Code::overloaded));
  EXPECT_EQ(edge.size(), LogEdge::kUnwrittenMax);
  edge.take_files();
  EXPECT_THAT(edge.append(""), HasValue(LogEdge::kUnwrittenMax));
}

}  // namespace
}  // namespace sovmesh::ledgerlog
