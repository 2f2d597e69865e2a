#include "llmapi/event_shape.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <utility>

#include "llmapi/padded_test_support.h"
#include "llmapi/reply_parser.h"

namespace sovmesh::llmapi {
namespace {

using Form = ReplyParser::Form;

std::string vllm(std::string_view text, int count) {
  return R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m",)"
         R"("choices":[{"index":0,"delta":{"content":")" +
         std::string(text) +
         R"("},"logprobs":null,"finish_reason":null}],"usage":{"prompt_tokens":11,)"
         R"("total_tokens":)" +
         std::to_string(11 + count) + R"(,"completion_tokens":)" + std::to_string(count) + "}}";
}
std::string llama_cpp(std::string_view text, int count) {
  return R"({"choices":[{"finish_reason":null,"index":0,"delta":{"content":")" + std::string(text) +
         R"("}}],"created":1700000001,"id":"x","model":"m","system_fingerprint":"b0",)"
         R"("object":"chat.completion.chunk","timings":{"cache_n":0,"prompt_n":25,)"
         R"("prompt_ms":31.5,"predicted_n":)" +
         std::to_string(count) + R"(,"predicted_ms":)" + std::to_string(count * 1.25) + "}}";
}
std::string completion(std::string_view text, int count) {
  return R"({"id":"cmpl-1","object":"text_completion","choices":[{"index":0,"text":")" +
         std::string(text) +
         R"(","logprobs":null,"finish_reason":null}],"usage":{)"
         R"("prompt_tokens":3,"completion_tokens":)" +
         std::to_string(count) + "}}";
}
std::string spaced(std::string_view text, int /*count*/) {
  return R"({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ")" +
         std::string(text) + R"("}, "finish_reason": null}], "created": 7})";
}
constexpr std::array kEngines = {&vllm, &llama_cpp, &completion, &spaced};

// Everything a parse leaves behind, as text.
std::string told(ReplyParser& parser, bool good) {
  if (!good) return "bad: " + std::string(parser.reason());
  std::string out = parser.is_error() ? "error" : "";
  const auto add = [&out](const auto& value) {
    if constexpr (std::is_arithmetic_v<std::decay_t<decltype(value)>>) {
      out += std::to_string(value) + "|";
    } else {
      out += std::string(value) + "|";
    }
  };
  for (const ReplyChoice& c : parser.choices()) {
    for (const std::string_view view : {c.members, c.text, c.logprobs})
      add(view);
    for (const bool flag :
         {c.function_call_finish, c.has_role, c.has_content, c.has_refusal, c.bears_text})
      add(flag);
    for (const auto& range : {c.texts, c.tools, c.others, c.logprob_members}) {
      add(range.begin);
      add(range.end);
    }
    add(c.index);
    add(static_cast<int>(c.finish));
    for (std::size_t i = c.texts.begin; i < c.texts.end; ++i) {
      add(static_cast<int>(parser.text(i).kind));
      add(parser.text(i).json);
      add(parser.text(i).escaped);
      add(parser.decoded(parser.text(i)));
    }
  }
  const ReplyUsage& u = std::as_const(parser).usage();
  const ReplyTimings& t = std::as_const(parser).timings();
  const ReplyProgress& p = std::as_const(parser).progress();
  for (const bool flag : {u.present, t.present, p.present})
    add(flag);
  for (const std::int64_t n : {u.prompt, u.generated, u.cached, u.reasoning, t.cached, t.prompt,
                               t.predicted, p.cached, p.processed, p.total})
    add(n);
  return out;
}

std::string with_memory(ReplyParser& parser, EventShape& shape, std::string_view event) {
  const bool good = parser.parse_event(event, false, shape);
  return told(parser, good);
}
std::string without(std::string_view event) {
  ReplyParser parser;
  const bool good = parser.parse(event, false, Form::event);
  return told(parser, good);
}

TEST(EventShape, KnowsTheNextEventOfEveryEngine) {
  for (const auto engine : {&vllm, &llama_cpp, &completion}) {
    ReplyParser parser;
    EventShape shape;
    (void)parser.parse_event(engine("one", 1), false, shape);
    for (const std::string_view text : {"two", " words", "\\n", "a\\\"b", "\xc3\xa4", "x"}) {
      const std::string next = engine(text, 1234);  // `found` points into it
      EventShape::Found found;
      EXPECT_TRUE(shape.match(next, found)) << next;
      EXPECT_EQ(found.text, text);
    }
  }
}

TEST(EventShape, DoesNotTakeWhatIsNotTheSame) {
  ReplyParser parser;
  EventShape shape;
  (void)parser.parse_event(vllm("one", 1), false, shape);
  EventShape::Found found;
  const std::string next = vllm("two", 2);
  ASSERT_TRUE(shape.match(next, found));
  for (const std::string_view text : {"", "\\u0041", "a\\/b", "\x01", "\xc3", "a\"b", "\\"})
    EXPECT_FALSE(shape.match(vllm(text, 2), found)) << text;
  EXPECT_FALSE(shape.match(next + " ", found));
  EXPECT_FALSE(shape.match(next.substr(0, next.size() - 1), found));
  EXPECT_FALSE(shape.match(vllm("two", -1), found));
  std::string odd = next;
  odd.replace(odd.rfind("2}"), 1, "02");
  EXPECT_FALSE(shape.match(odd, found));
}

TEST(EventShape, ForgetsAfterAnEventThatIsNone) {
  ReplyParser parser;
  EventShape shape;
  (void)parser.parse_event(vllm("one", 1), false, shape);
  EXPECT_FALSE(parser.parse_event("{", false, shape));
  EventShape::Found found;
  EXPECT_FALSE(shape.match(vllm("two", 2), found));
}

// Whatever came before, an event says the same as it says to a parser without memory: over events
// of all engines, and over such events with bytes changed, cut out and put in.
TEST(EventShape, NeverChangesWhatAnEventSays) {
  std::mt19937 random(11);
  const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const std::string marks = "\"\\{}[]:,0123456789.-eE \n\x01\x80\xc3nulltre";
  const std::array<std::string_view, 10> texts = {"a",    "hello", "\\n",      "\\u00e4", "",
                                                  "\\\"", "\\/",   "\xc3\xa4", "1",       "}"};
  ReplyParser parser;  // one for all, as on a worker
  std::array<EventShape, 4> shapes;
  for (int round = 0; round < 60'000; ++round) {
    const std::size_t which = below(kEngines.size());
    std::string event = kEngines[which](texts[below(texts.size())], static_cast<int>(below(300)));
    for (std::size_t change = below(4); change > 1; --change) {
      const std::size_t at = below(event.size());
      switch (below(3)) {
        case 0:
          event[at] = marks[below(marks.size())];
          break;
        case 1:
          event.insert(at, 1, marks[below(marks.size())]);
          break;
        default:
          event.erase(at, 1 + below(3));
      }
    }
    ASSERT_EQ(with_memory(parser, shapes[which], event), without(event)) << event;
  }
}

}  // namespace
}  // namespace sovmesh::llmapi
