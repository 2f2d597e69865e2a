#include "http/sse.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "tests/support/result_matchers.h"

namespace sovmesh::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Event = std::pair<std::string, std::string>;  // name, data

// Feeds `pieces` one after another; collects the events, or stops at the first error.
Result<std::vector<Event>> parse(const std::vector<std::string>& pieces) {
  SseParser parser;
  std::vector<Event> events;
  for (const std::string& piece : pieces) {
    // A copy that goes at once: a view kept across feed() would be seen by ASan.
    const std::string fed = piece;
    parser.feed(fed);
    while (true) {
      SseEvent event;
      TRY(const bool more, parser.next(event));
      if (!more) break;
      events.emplace_back(event.name, event.data);
    }
  }
  return events;
}

std::vector<Event> events_of(const std::string& text) {
  auto events = parse({text});
  EXPECT_THAT(events, Succeeds());
  return events.value_or(std::vector<Event>());
}

TEST(SseParser, ReadsDataWithAndWithoutSpace) {
  EXPECT_THAT(events_of("data: a\n\ndata:b\n\ndata:  c\n\n"),
              ElementsAre(Event("", "a"), Event("", "b"), Event("", " c")));
}

TEST(SseParser, JoinsLinesAndIgnoresCommentsAndOtherFields) {
  EXPECT_THAT(events_of(": hello\nevent: error\nid: 7\ndata: a\nretry: 10\ndata\ndata: b\n\n"),
              ElementsAre(Event("error", "a\n\nb")));
}

TEST(SseParser, BlockWithoutDataIsNoEventAndDropsItsName) {
  EXPECT_THAT(events_of("event: x\n\n: ping\n\n\n\ndata: a\n\ndata:\n\n"),
              ElementsAre(Event("", "a"), Event("", "")));
}

TEST(SseParser, BetweenEventsANewOneGoesOnAsWell) {
  const std::string text =
      "\xEF\xBB\xBF"
      "data: a\r\n\r\nevent: x\ndata: b\ndata: c\n\n: ping\n\ndata: d\r\rdata: e\n\n";
  const std::vector<Event> wanted = events_of(text);
  ASSERT_EQ(wanted.size(), 4U);
  auto parser = std::make_unique<SseParser>();
  std::vector<Event> events;
  int replaced = 0;
  for (const char& byte : text) {
    parser->feed({&byte, 1});
    SseEvent event;
    while (parser->next(event).value())
      events.emplace_back(event.name, event.data);
    if (!parser->is_between_events()) continue;
    parser = std::make_unique<SseParser>(true);
    ++replaced;
  }
  EXPECT_EQ(events, wanted);
  EXPECT_GE(replaced, 4);
}

TEST(SseParser, UnfinishedEventIsNotHandedOutButKnown) {
  SseParser parser;
  SseEvent event;
  parser.feed("data: a\n\ndata: b\n");
  EXPECT_THAT(parser.next(event), HasValue(true));
  EXPECT_FALSE(parser.next(event).value());
  EXPECT_TRUE(parser.has_partial());
  parser.feed("\n");
  EXPECT_THAT(parser.next(event), HasValue(true));
  EXPECT_EQ(event.data, "b");
  EXPECT_THAT(parser.next(event), HasValue(false));
  EXPECT_FALSE(parser.has_partial());
}

TEST(SseParser, WholeEventIsAViewIntoTheFedBytes) {
  SseParser parser;
  SseEvent event;
  const std::string bytes = "event: m\ndata: {\"a\":1}\n\n";
  parser.feed(bytes);
  ASSERT_THAT(parser.next(event), HasValue(true));
  EXPECT_EQ(event.data.data(), bytes.data() + 15);
  EXPECT_EQ(event.name.data(), bytes.data() + 7);
  EXPECT_TRUE(parser.data_is_fed());
}

TEST(SseParser, BomOnlyCountsAtTheStart) {
  EXPECT_THAT(events_of("\xEF\xBB\xBF"
                        "data: a\n\n"),
              ElementsAre(Event("", "a")));
  // Half a BOM is part of the first line, whose field name is then unknown.
  EXPECT_THAT(events_of("\xEF\xBB"
                        "data: a\n\ndata: b\n\n"),
              ElementsAre(Event("", "b")));
  EXPECT_THAT(events_of("\n\xEF\xBB\xBF"
                        "data: a\n\n"),
              IsEmpty());
}

TEST(SseParser, RefusesNulAndInvalidUtf8) {
  using namespace std::string_literals;
  EXPECT_THAT(parse({"data: a\0b\n\n"s}), FailsWith(Code::upstream_invalid_response));
  EXPECT_THAT(parse({"data: \xC3\n\n"}), FailsWith(Code::upstream_invalid_response));
  EXPECT_THAT(parse({"data: \xED\xA0\x80\n\n"}), FailsWith(Code::upstream_invalid_response));
  // A character split between two lines is two broken halves.
  EXPECT_THAT(parse({"data: \xC3\ndata: \xA9\n\n"}), FailsWith(Code::upstream_invalid_response));
}

TEST(SseParser, LineAndEventHaveBounds) {
  const std::string at_bound = "data:" + std::string(SseParser::kLineMax - 5, 'x');
  EXPECT_THAT(parse({at_bound + "\n\n"}), Succeeds());
  EXPECT_THAT(parse({at_bound + "x\n\n"}), FailsWith(Code::upstream_invalid_response));
  EXPECT_THAT(parse({at_bound, "x"}), FailsWith(Code::upstream_invalid_response));
  EXPECT_THAT(parse({at_bound, "\n", "\n"}), Succeeds());

  std::string event;
  for (int i = 0; i < 4; ++i)
    event += at_bound + "\n";
  EXPECT_THAT(parse({event + "\n"}), Succeeds());
  event += "data: " + std::string(32, 'y') + "\n";
  EXPECT_THAT(parse({event + "\n"}), FailsWith(Code::upstream_invalid_response));
}

// One text with every feature, its lines ended by `eol`.
std::string corpus(std::string_view eol, bool bom) {
  const std::vector<std::string> lines = {"data: {\"id\":1}",
                                          "",
                                          ": comment",
                                          "",
                                          "event: delta",
                                          "data:no space",
                                          "",
                                          "data: one",
                                          "data: two",
                                          "data:",
                                          "",
                                          "data",
                                          "",
                                          "id: 4",
                                          "retry: 5",
                                          "event: named",
                                          "data: \xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80",
                                          "",
                                          "event: dropped",
                                          "",
                                          "unknown: x",
                                          "data: [DONE]",
                                          ""};
  std::string text = bom ? "\xEF\xBB\xBF" : "";
  for (const std::string& line : lines)
    text.append(line).append(eol);
  return text;
}

TEST(SseParser, EverySplitAndLineEndGivesTheSameEvents) {
  const std::vector<Event> expected = events_of(corpus("\n", false));
  ASSERT_EQ(expected.size(), 6U);
  for (const std::string_view eol : {"\n", "\r", "\r\n"}) {
    for (const bool bom : {false, true}) {
      const std::string text = corpus(eol, bom);
      std::vector<std::string> bytes;
      for (const char c : text)
        bytes.emplace_back(1, c);
      EXPECT_THAT(parse(bytes), HasValue(expected));
      for (std::size_t i = 0; i <= text.size(); ++i)
        for (std::size_t j = i; j <= std::min(i + 12, text.size()); ++j)
          ASSERT_THAT(parse({text.substr(0, i), text.substr(i, j - i), text.substr(j)}),
                      HasValue(expected))
              << "split at " << i << " and " << j;
    }
  }
}

TEST(SseParser, MixedLineEndsInRandomPiecesGiveTheSameEvents) {
  std::uint32_t state = 7;
  const auto random = [&state] {
    state = state * 1664525 + 1013904223;
    return state >> 16;
  };
  const std::string_view eols[] = {"\n", "\r", "\r\n"};
  for (int round = 0; round < 200; ++round) {
    std::string text;
    std::vector<Event> expected;
    for (int i = 0; i < 50; ++i) {
      const std::string data(random() % 40, static_cast<char>('a' + random() % 26));
      // A CR right before the next line's LF would be one line end: keep the text unambiguous.
      const std::string_view eol = eols[random() % 3];
      text.append("data: ").append(data).append(eol).append(eol);
      expected.emplace_back("", data);
    }
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = 1 + random() % 60;
      pieces.push_back(text.substr(at, size));
      at += size;
    }
    ASSERT_THAT(parse(pieces), HasValue(expected));
  }
}

}  // namespace
}  // namespace sovmesh::http
