#include "http/chunk_decoder.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace sovmesh::http {
namespace {

using Outcome = ChunkDecoder::Outcome;

struct Decoded {
  Outcome outcome = Outcome::more;
  std::string data;
  std::string rest;  // what came after the end
  friend bool operator==(const Decoded&, const Decoded&) = default;
};

// Decodes `text` in pieces that end at `cuts` (ascending).
Decoded decode(const std::string& text, const std::vector<std::size_t>& cuts = {}) {
  ChunkDecoder decoder;
  Decoded all;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t end = i < cuts.size() ? cuts[i] : text.size();
    std::string piece = text.substr(begin, end - begin);
    if (all.outcome == Outcome::done) {
      all.rest += piece;
    } else if (all.outcome == Outcome::more) {
      const auto step = decoder.decode(piece);
      all.outcome = step.outcome;
      all.data += step.data;
      if (step.outcome == Outcome::done) all.rest = piece.substr(step.consumed);
    }
    begin = end;
  }
  if (all.outcome == Outcome::bad) all.data.clear();  // how much came before is of no interest
  return all;
}

TEST(ChunkDecoder, JoinsChunksOfOneBlockAndStopsAtTheEnd) {
  std::string block = "3\r\nabc\r\n10;name=\"v\"\r\n0123456789abcdef\r\n0\r\nT: x\r\n\r\nNEXT";
  ChunkDecoder decoder;
  const auto step = decoder.decode(block);
  EXPECT_EQ(step.outcome, Outcome::done);
  EXPECT_EQ(step.data, "abc0123456789abcdef");
  EXPECT_EQ(step.data.data(), block.data() + 3);  // moved together, not copied away
  EXPECT_EQ(block.substr(step.consumed), "NEXT");
}

TEST(ChunkDecoder, EverySplitGivesTheSameBody) {
  const std::string texts[] = {
      "3\r\nabc\r\n1\r\n\n\r\n0005;x\r\nhello\r\n0\r\n\r\nrest",
      "0\r\nA: b\r\nC:\r\n\r\n",
      "3\r\nabc\rX0\r\n\r\n",
      "5\r\nab",
  };
  for (const std::string& text : texts) {
    const Decoded whole = decode(text);
    std::vector<std::size_t> every_byte;
    for (std::size_t i = 0; i <= text.size(); ++i) {
      every_byte.push_back(i);
      for (std::size_t j = i; j <= text.size(); ++j)
        ASSERT_EQ(decode(text, {i, j}), whole) << text << " at " << i << " and " << j;
    }
    EXPECT_EQ(decode(text, every_byte), whole) << text;
  }
}

TEST(ChunkDecoder, RefusesWhatAnotherParserMightReadDifferently) {
  const std::string bad[] = {
      "\r\n",
      "g\r\n",
      "+3\r\nabc\r\n",
      "-1\r\n",
      " 3\r\nabc\r\n",
      "3 \r\nabc\r\n",
      "0x3\r\nabc\r\n",
      "3\nabc\r\n",
      "3\rabc\r\n",
      "3\r\rabc",
      "3\r\nabcd\r\n",
      "3\r\nabc\n0\r\n\r\n",
      "3\r\nabc\rX",
      "3;a\nabc\r\n",
      std::string("3;a\0b\r\nabc\r\n", 13),
      "3;a\x7f\r\nabc\r\n",
      "3;a\rb\r\nabc\r\n",
      "1000000000000000\r\n",
      "00000000000000003\r\nabc\r\n",
      "0\r\n folded: x\r\n\r\n",
      "0\r\nno colon\r\n\r\n",
      "0\r\nname : x\r\n\r\n",
      "0\r\n: x\r\n\r\n",
      "0\r\na: x\n\r\n",
      "0\r\na: \x01\r\n\r\n",
      "0\r\n\n",
      "0\n\r\n",
  };
  for (const std::string& text : bad)
    EXPECT_EQ(decode(text).outcome, Outcome::bad) << testing::PrintToString(text);
}

TEST(ChunkDecoder, ExtensionsAndTrailersAreBounded) {
  const std::string long_extension =
      "1;" + std::string(ChunkDecoder::kOverheadMax, 'x') + "\r\na\r\n";
  EXPECT_EQ(decode(long_extension).outcome, Outcome::bad);
  std::string trailers = "0\r\n";
  while (trailers.size() <= ChunkDecoder::kOverheadMax)
    trailers += "a: b\r\n";
  EXPECT_EQ(decode(trailers).outcome, Outcome::bad);
  // Many small chunks are fine: each piece of data begins a new count.
  std::string many;
  for (int i = 0; i < 10'000; ++i)
    many += "1;ext=1\r\nx\r\n";
  EXPECT_EQ(decode(many + "0\r\n\r\n").data.size(), 10'000U);
}

}  // namespace
}  // namespace sovmesh::http
