#include "ledgerlog/tiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/support/memory_log.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::ledgerlog {
namespace {

using testing::ElementsAre;
using Kind = TilePath::Kind;

TEST(TilePath, IsWrittenAsTheSpecificationSays) {
  EXPECT_EQ((TilePath{.kind = Kind::hashes, .level = 0, .index = 1'234'067}.text()),
            "tile/0/x001/x234/067");
  EXPECT_EQ((TilePath{.kind = Kind::hashes, .level = 5, .index = 0, .width = 1}.text()),
            "tile/5/000.p/1");
  EXPECT_EQ((TilePath{.kind = Kind::entries, .index = 1'234'067, .width = 112}.text()),
            "tile/entries/x001/x234/067.p/112");
  EXPECT_EQ((TilePath{.kind = Kind::hashes, .level = 2, .index = 999}.text()), "tile/2/999");
  EXPECT_EQ((TilePath{.kind = Kind::hashes, .level = 0, .index = 1000, .width = 3}.text()),
            "tile/0/x001/000.p/3");
}

TEST(TilePath, ComesBackFromItsText) {
  for (const auto kind : {Kind::hashes, Kind::entries}) {
    for (const std::uint64_t index :
         {0UL, 9UL, 999UL, 1000UL, 999'999UL, 1'000'000UL, (1UL << 40) - 1}) {
      for (const unsigned width : {1U, 99U, 255U, 256U}) {
        const TilePath path{.kind = kind, .level = 0, .index = index, .width = width};
        EXPECT_THAT(TilePath::parse(path.text()), HasValue(path)) << path.text();
      }
    }
  }
}

TEST(TilePath, NothingElseIsAPath) {
  for (const std::string_view text : {"",
                                      "tile",
                                      "tile/",
                                      "tile/0",
                                      "tile/0/",
                                      "tile/0/0",
                                      "tile/0/00",
                                      "tile/0/0000",
                                      "tile/6/000",
                                      "tile/00/000",
                                      "tile/-1/000",
                                      "tile/x/000",
                                      "tile/entry/000",
                                      "tile/0/x000/001",
                                      "tile/0/001/002",
                                      "tile/0/x001",
                                      "tile/0/x001/",
                                      "tile/0/x001/x002",
                                      "tile/0/X001/002",
                                      "tile/0/000.p/0",
                                      "tile/0/000.p/256",
                                      "tile/0/000.p/01",
                                      "tile/0/000.p/",
                                      "tile/0/000.p",
                                      "tile/0/000.p/1/2",
                                      "tile/0/000.p/1.p/1",
                                      "/tile/0/000",
                                      "tile/0/000/",
                                      "tile//0/000",
                                      "tile/0/../../checkpoint",
                                      "tile/0/..",
                                      "tile/0/00a",
                                      "tile/0/x999/x999/x999/x999/x999/999",
                                      "tile/5/x001/000",
                                      "tile/0/000\n",
                                      "tile/0/ 00",
                                      "tile/0/x001/x002/x003/x004/x005/x006/x007/008"}) {
    EXPECT_THAT(TilePath::parse(text), FailsWith(Code::invalid_value)) << text;
  }
}

std::vector<std::string> texts(const std::vector<TilePath>& paths) {
  std::vector<std::string> texts;
  for (const TilePath& path : paths)
    texts.push_back(path.text());
  return texts;
}

TEST(TilesOfAppend, NameWhatChangesAndNothingElse) {
  EXPECT_THAT(texts(tiles_of_append(0, 0)), ElementsAre());
  EXPECT_THAT(texts(tiles_of_append(0, 1)), ElementsAre("tile/entries/000.p/1", "tile/0/000.p/1"));
  EXPECT_THAT(texts(tiles_of_append(1, 3)), ElementsAre("tile/entries/000.p/3", "tile/0/000.p/3"));
  EXPECT_THAT(texts(tiles_of_append(3, 256)),
              ElementsAre("tile/entries/000", "tile/0/000", "tile/1/000.p/1"));
  EXPECT_THAT(texts(tiles_of_append(256, 257)),
              ElementsAre("tile/entries/001.p/1", "tile/0/001.p/1"));
  EXPECT_THAT(texts(tiles_of_append(255, 513)),
              ElementsAre("tile/entries/000", "tile/entries/001", "tile/entries/002.p/1",
                          "tile/0/000", "tile/0/001", "tile/0/002.p/1", "tile/1/000.p/2"));
  EXPECT_THAT(texts(tiles_of_append(65'535, 65'536)),
              ElementsAre("tile/entries/255", "tile/0/255", "tile/1/000", "tile/2/000.p/1"));
  EXPECT_THAT(texts(partial_tiles_of(65'537)),
              ElementsAre("tile/entries/256.p/1", "tile/0/256.p/1", "tile/2/000.p/1"));
  EXPECT_THAT(texts(partial_tiles_of(256)), ElementsAre("tile/1/000.p/1"));
}

TEST(Bundle, ComesBackEntryForEntry) {
  std::string bundle;
  const std::string longest(kEntryBytesMax, 'x');
  for (const std::string_view entry :
       {std::string_view("a"), std::string_view(), std::string_view(longest)})
    ASSERT_TRUE(append_to_bundle(bundle, entry));
  EXPECT_FALSE(append_to_bundle(bundle, longest + "x"));
  const auto entries = parse_bundle(bundle, 3);
  ASSERT_THAT(entries, Succeeds());
  EXPECT_THAT(*entries, ElementsAre("a", "", longest));
}

TEST(Bundle, MustBeWholeEntriesAndNothingMore) {
  std::string bundle;
  ASSERT_TRUE(append_to_bundle(bundle, "abc"));
  EXPECT_THAT(parse_bundle(bundle, 0), FailsWith(Code::invalid_value));
  EXPECT_THAT(parse_bundle(bundle, 2), FailsWith(Code::invalid_value));
  EXPECT_THAT(parse_bundle(bundle + '\0', 1), FailsWith(Code::invalid_value));
  for (std::size_t size = 0; size < bundle.size(); ++size)
    EXPECT_THAT(parse_bundle(bundle.substr(0, size), 1), FailsWith(Code::invalid_value));
  EXPECT_THAT(parse_bundle(std::string(2 * 257, '\0'), 257), FailsWith(Code::invalid_value));
}

TEST(ReadTile, TakesTheFullTileWhenThePartialOneIsGone) {
  MemoryLog log = log_of(300);
  const TilePath hashes{.kind = Kind::hashes, .width = 44};
  const TilePath entries{.kind = Kind::entries, .width = 44};
  const auto tile = read_tile(log.tiles, hashes);
  ASSERT_THAT(tile, Succeeds());
  EXPECT_EQ(*tile, log.tiles.files["tile/0/000"].substr(0, 44 * 32U));
  const auto bundle = read_tile(log.tiles, entries);
  ASSERT_THAT(bundle, Succeeds());
  EXPECT_THAT(parse_bundle(*bundle, 44), Succeeds());
}

TEST(ReadTile, RefusesATileOfAnotherSize) {
  MemoryLog log = log_of(300);
  log.tiles.files["tile/0/000"] += "x";
  EXPECT_THAT(read_tile(log.tiles, TilePath{}), FailsWith(Code::invalid_value));
  EXPECT_THAT(read_tile(log.tiles, TilePath{.width = 3}), FailsWith(Code::invalid_value));
  EXPECT_THAT(read_tile(log.tiles, TilePath{.level = 3}), FailsWith(Code::not_found));
}

TEST(ReadEntry, FindsEachEntryAndNoOther) {
  MemoryLog log = log_of(300);
  EXPECT_THAT(read_entry(log.tiles, 0, 300), HasValue("entry 0"));
  EXPECT_THAT(read_entry(log.tiles, 255, 300), HasValue("entry 255"));
  EXPECT_THAT(read_entry(log.tiles, 299, 300), HasValue("entry 299"));
  EXPECT_THAT(read_entry(log.tiles, 300, 300), FailsWith(Code::not_found));
}

TEST(TileHashes, KeepABoundedNumberOfTiles) {
  MemoryLog log = log_of(70 * 256);
  TileHashes hashes(log.tiles, 70 * 256);
  log.tiles.reads = 0;
  for (std::uint64_t i = 0; i < 70; ++i)
    ASSERT_THAT(hashes.hash({.level = 0, .index = i * 256}), Succeeds());
  ASSERT_THAT(hashes.hash({.level = 0, .index = 0}), Succeeds());
  EXPECT_EQ(log.tiles.reads, 71);
  EXPECT_THAT(hashes.hash({.level = 0, .index = 70 * 256}), FailsWith(Code::invalid_value));
  EXPECT_THAT(hashes.hash({.level = 60, .index = 0}), FailsWith(Code::invalid_value));
  EXPECT_THAT(hashes.hash({.level = 7, .index = ~std::uint64_t{0}}),
              FailsWith(Code::invalid_value));
}

}  // namespace
}  // namespace sovmesh::ledgerlog
