#include "llmapi/text_size.h"

#include <gtest/gtest.h>

#include <array>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/seeded_random.h"

namespace sovmesh::llmapi {
namespace {

// The inside of the text's canonical JSON string.
std::string canonical(std::string_view text) {
  std::string json;
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (c == '\n' || c == '\t' || c == '\r') {
      json += c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr std::string_view kHex = "0123456789abcdef";
      json += "\\u00";
      json += kHex[static_cast<unsigned char>(c) >> 4U];
      json += kHex[static_cast<unsigned char>(c) & 15U];
    } else {
      json += c;
    }
  }
  return json;
}

TextSize size_of(std::string_view text) { return size_of_text(canonical(text), text.size()); }
std::int64_t floor_of(std::string_view text) { return size_of(text).tokens_floor; }

std::string repeated(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i)
    out += text;
  return out;
}

TEST(TextSize, CountsWordsAndNumbersButTheFirstAsTokensAtLeast) {
  EXPECT_EQ(floor_of(""), 0);
  EXPECT_EQ(floor_of("once"), 0) << "may join what stands before the text";
  EXPECT_EQ(floor_of(" once upon a time"), 4);
  EXPECT_EQ(floor_of("a\nb\tc\r\nd"), 3);
  EXPECT_EQ(floor_of("f(x)+g(y)"), 3);
  EXPECT_EQ(floor_of("h2o 2026-11-26"), 5);
  EXPECT_EQ(floor_of("camelCase is oneWord"), 2);
  EXPECT_EQ(floor_of("I don't think that's it"), 4) << "an apostrophe may join two words";
  EXPECT_EQ(floor_of("a_b_c"), 0) << "as it does in names of marks";
  EXPECT_EQ(floor_of("слово за словом"), 2);
  EXPECT_EQ(floor_of("λόγος και έργο"), 2);
}

TEST(TextSize, WhatTokenizersMayJoinOrDropIsNoToken) {
  EXPECT_EQ(floor_of("x" + std::string(1'000, ' ') + "y"), 1);
  EXPECT_EQ(floor_of(std::string(1'000, '\n')), 0);
  EXPECT_EQ(floor_of(repeated(" -- ", 200)), 0);
  EXPECT_EQ(floor_of(repeated("\u3000", 200)), 0) << "a space of another width";
  EXPECT_EQ(floor_of(repeated(" \u200b\u00a0\ufeff", 90)), 0);
  EXPECT_EQ(floor_of(std::string(900, '\x01')), 0);
  EXPECT_EQ(floor_of(repeated("\x1f", 900)), 0);
  EXPECT_EQ(floor_of(repeated("\\", 300)), 0);
}

TEST(TextSize, AMarkThatMayBeOneTokenIsNotMore) {
  for (const std::string_view mark : {"<|end_of_text|>",
                                      "<|im_start|>",
                                      "<|reserved_special_token_247|>",
                                      "[INST]",
                                      "[/INST]",
                                      "[AVAILABLE_TOOLS]",
                                      "<s>",
                                      "</s>",
                                      "<<SYS>>",
                                      "<start_of_turn>",
                                      "<extra_id_0>",
                                      "</h1>",
                                      "<unused42>",
                                      "<tool_call>",
                                      "</tool_call>",
                                      "<\uff5cbegin\u2581of\u2581sentence\uff5c>",
                                      "<\uff5ctool\u2581calls\u2581end\uff5c>",
                                      "[gMASK]",
                                      "<|2.5|>",
                                      "<loc0012>"}) {
    EXPECT_LE(floor_of(mark), 1) << mark;
    EXPECT_LE(floor_of("a" + repeated(mark, 20)), 21) << mark;
  }
}

// The longest of the vocabularies that docs/ledger.md names, and what is special in others.
TEST(TextSize, TheLongestTokensThatThereAreAreOneEach) {
  for (const std::string& token :
       {std::string(".translatesAutoresizingMaskIntoConstraints"),
        std::string("rawdownloadcloneembedreportprint"), std::string(64, 'M'),
        std::string("0000000000000000"),
        std::string("\u4e60\u8fd1\u5e73\u65b0\u65f6\u4ee3\u4e2d"
                    "\u56fd\u7279\u8272\u793e\u4f1a\u4e3b\u4e49"
                    "\u601d\u60f3"),
        repeated("\u00c3\u00c2", 32), repeated("\u2014", 16), repeated("\u3042", 16),
        repeated("\u0e2a", 20), std::string(" don't"), std::string("()\n\n"),
        std::string(" \xd0\xbf\xd0\xbe\xd0\xbb\xd1\x8c\xd0\xb7\xd0\xbe\xd0\xb2\xd0\xb0")}) {
    for (const int times : {1, 2, 7, 40, 300})
      EXPECT_LE(floor_of(repeated(token, times)), times) << token;
  }
}

// Texts without spaces are no longer next to nothing.
TEST(TextSize, LongWordsCountByTheirLength) {
  EXPECT_EQ(floor_of(std::string(1'280, 'a')), 10);
  EXPECT_EQ(floor_of(repeated("\u0436", 640)), 10);
  EXPECT_EQ(floor_of(repeated("\u4e2d", 160)), 10);
  EXPECT_EQ(floor_of(repeated("\ud55c", 160)), 10);
}

// Pieces that some tokenizer might have as one token each, at random: no text made of so many is
// said to have more.
class TokenMaker {
 public:
  explicit TokenMaker(Random& dice) : dice_(dice) {}
  std::string next() {
    switch (dice_.below(9)) {
      case 0:
        return std::string(1 + dice_.below(30), one_of(" \n\t"));
      case 1:
        return signs(1 + dice_.below(30));
      case 2:
        return std::string(1 + dice_.below(16), static_cast<char>('0' + dice_.below(10)));
      case 3:
        return lead() + cjk(1 + dice_.below(16));
      case 4:
        return lead() + letters(3) + cjk(1 + dice_.below(13));
      case 5:
        return lead() + letters(8) + (dice_.below(2) == 0 ? "'" : "\u2019") + letters(2);
      case 6:
        return "<|" + letters(6) + "_" + letters(6) + "_" + std::to_string(dice_.below(300)) + "|>";
      case 7:
        return lead() + wide(1 + dice_.below(40));
      default:
        return lead() + letters(41);
    }
  }

 private:
  char one_of(std::string_view set) {
    return set[dice_.below(static_cast<std::uint32_t>(set.size()))];
  }
  // A space or a sign that words take along.
  std::string lead() {
    const std::uint32_t which = dice_.below(3);
    return which == 0 ? std::string() : std::string(1, which == 1 ? ' ' : one_of("(\"/.-_<\\"));
  }
  std::string signs(std::uint32_t count) {
    std::string out;
    while (count-- > 0)
      out += one_of("\"\\/()[]{}<>|_'.,;:=+-*&^%$#@!?~`");
    return out;
  }
  std::string letters(std::uint32_t most) {
    std::string out;
    for (std::uint32_t left = 1 + dice_.below(most); left > 0; --left)
      out += one_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return out;
  }
  std::string cjk(std::uint32_t count) {
    static constexpr std::array<std::string_view, 6> kSome{"\u4e2d", "\u56fd", "\u3042",
                                                           "\u30a2", "\ud55c", "\u9f98"};
    return some_of(kSome, count);
  }
  std::string wide(std::uint32_t count) {
    static constexpr std::array<std::string_view, 9> kSome{
        "\u00e9", "\u0436", "\u0627", "\u0e01", "\u0915", "\u2014", "\u0301", "\u00a0", "\u1ea5"};
    return some_of(kSome, count);
  }
  template <std::size_t kCount>
  std::string some_of(const std::array<std::string_view, kCount>& some, std::uint32_t count) {
    std::string out;
    while (count-- > 0)
      out += some[dice_.below(kCount)];
    return out;
  }

  Random& dice_;
};

TEST(TextSize, NoTextIsSaidToHaveMoreThanTheTokensItIsMadeOf) {
  SeededRandom dice(11);
  TokenMaker tokens(dice);
  std::int64_t found = 0;
  constexpr int kTexts = 20'000;
  for (int i = 0; i < kTexts; ++i) {
    std::string text;
    const std::int64_t count = 1 + dice.below(40);
    for (std::int64_t n = 0; n < count; ++n)
      text += tokens.next();
    const std::int64_t floor = floor_of(text);
    ASSERT_LE(floor, count) << text;
    found += floor;
  }
  EXPECT_GT(found, kTexts * 4) << "a bound of nothing would hold, too";
}

// Counted with the vocabularies that docs/ledger.md names: the fewest of any, and their mean.
struct Sample {
  std::string_view text;
  std::int64_t fewest;
  std::int64_t mean;
};
constexpr Sample kSamples[] = {
    {"The council met on Tuesday and decided, after a long debate, that the new library won't open "
     "before spring.",
     22, 23},
    {"Die Stadtverwaltung hat beschlossen, dass die Bürgerämter künftig auch samstags geöffnet "
     "sind.",
     18, 27},
    {"Городской совет решил открыть новую библиотеку только весной следующего года.", 16, 32},
    {"시의회는 화요일에 회의를 열고 새 도서관을 봄에 열기로 결정했습니다.", 21, 38},
    {"市议会星期二开会决定，新图书馆要到明年春天才能开放，因为还需要进行许多准备工作。", 20, 39},
    {"今天天气很好我们一起去公园散步吧孩子们都非常高兴今天天气很好我们一起去公园散步吧孩子们都"
     "非常高兴",
     22, 46},
    {"市議会は火曜日に会議を開き、新しい図書館を春に開館することを決定しました。", 26, 37},
    {"for (int i = 0; i < count; ++i) {\n  total += values[i] * 2;\n}\nreturn total;\n", 30, 31},
    {"{\"name\":\"library\",\"open\":false,\"rooms\":[12,14,7],\"address\":{\"street\":\"Main St\","
     "\"zip\":\"8000\"}}",
     29, 32},
    {"iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL"
     "0Y4OHwAAAABJRU5ErkJggg",
     65, 70},
    {"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", 43, 50},
    {"31415926535897932384626433832795028841971693993751058209749445923", 22, 41},
    {"https://example.org/rooms/17?from=2026-11-26&to=2026-11-30 mail@example.org +45 33 12 34 56",
     38, 45},
};

TEST(TextSize, IsBelowEveryTokenizersCountAndItsEstimateIsNearTheMean) {
  for (const Sample& sample : kSamples) {
    const TextSize size = size_of(sample.text);
    EXPECT_LE(size.tokens_floor, sample.fewest) << sample.text;
    EXPECT_GE(size.tokens_usual, sample.mean * 55 / 100) << sample.text;
    EXPECT_LE(size.tokens_usual, sample.mean * 135 / 100) << sample.text;
  }
}

TEST(TextSize, WhereInATextSomethingStandsMakesNoDifference) {
  const std::string middle = " one2two (three) don't <|x_y|> \\n\n\u4e2d\u56fd four\x1f five";
  const std::int64_t alone = floor_of(" " + middle);
  for (std::size_t before = 1; before < 2'100; ++before)
    EXPECT_EQ(floor_of(std::string(before, ' ') + middle + " -"), alone) << before;
}

TEST(TextSize, CountsCharactersAndNotBytes) {
  EXPECT_EQ(size_of("abc").characters, 3U);
  EXPECT_EQ(size_of("\u00e9\u20ac\U0001f600a\n").characters, 5U);
}

}  // namespace
}  // namespace sovmesh::llmapi
