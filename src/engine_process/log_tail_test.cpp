#include "engine_process/log_tail.h"

#include <gmock/gmock.h>

#include "engine_process/back_off.h"

namespace sovmesh::engine_process {
namespace {

using testing::ElementsAre;

TEST(LogTail, CutsLinesWhereverTheBytesAreSplit) {
  std::vector<std::string> seen;
  LogTail log([&seen](std::string_view line) { seen.emplace_back(line); });
  for (const char* piece : {"one\ntw", "o\r\n\nthr", "ee"})
    log.feed(piece);
  EXPECT_THAT(seen, ElementsAre("one", "two"));
  log.end();
  EXPECT_THAT(log.lines(), ElementsAre("one", "two", "three"));
  EXPECT_EQ(log.last(), "three");
}

TEST(LogTail, OnlyCountsWhileMuted) {
  std::vector<std::string> seen;
  LogTail log([&seen](std::string_view line) { seen.emplace_back(line); });
  log.feed("one\ntw");
  log.mute();
  log.feed("o\n\nthree\nfo");
  log.note("ours");
  EXPECT_EQ(log.unheard(), 2U);
  log.end();
  EXPECT_EQ(log.unheard(), 3U);
  log.unmute();
  EXPECT_EQ(log.unheard(), 0U);
  log.feed("five\n");
  EXPECT_THAT(seen, ElementsAre("one", "ours", "five"));
  EXPECT_EQ(log.lines(), seen);
}

TEST(LogTail, IsNotFlooded) {
  std::size_t seen = 0;
  LogTail log([&seen](std::string_view) { ++seen; });
  for (std::size_t i = 0; i < LogTail::kLoudLinesMax + 5; ++i)
    log.feed("x\n");
  EXPECT_EQ(seen, LogTail::kLoudLinesMax);
  EXPECT_EQ(log.unheard(), 5U);
}

TEST(LogTail, KeepsTheLastLinesAndTheBeginningOfLongOnes) {
  LogTail log(nullptr);
  for (std::size_t i = 0; i < LogTail::kLinesMax + 5; ++i)
    log.feed(std::to_string(i) + "\n");
  EXPECT_EQ(log.lines().size(), LogTail::kLinesMax);
  EXPECT_EQ(log.lines().front(), "5");
  for (int i = 0; i < 10; ++i)
    log.feed(std::string(LogTail::kLineBytesMax, 'x'));
  log.feed("\n");
  EXPECT_EQ(log.last().size(), LogTail::kLineBytesMax);
}

TEST(BackOff, DoublesUpToAMinuteAndBeginsAnew) {
  BackOff back_off;
  std::vector<std::int64_t> pauses;
  for (int i = 0; i < 8; ++i)
    pauses.push_back(back_off.next().count());
  EXPECT_THAT(pauses, ElementsAre(1, 2, 4, 8, 16, 32, 60, 60));
  back_off.reset();
  EXPECT_EQ(back_off.next().count(), 1);
}

}  // namespace
}  // namespace sovmesh::engine_process
