#include "llmapi/ending.h"

#include <gmock/gmock.h>

#include <map>

#include "llmapi/padded_test_support.h"
#include "llmapi/reply.h"
#include "tests/support/result_matchers.h"

// What goes behind the content of answers, in each form that they have.
namespace sovmesh::llmapi {
namespace {

using testing::HasSubstr;
using testing::Not;

const ReplyIdentity kIdentity{.id = "chatcmpl-1", .public_model = "pub", .created = 7};
constexpr std::string_view kEnding = R"(\n-- by \"us\".)";
const std::string kHead =
    R"(data: {"id":"chatcmpl-1",)"
    R"("object":"chat.completion.chunk","created":7,"model":"pub","choices":[)";
const std::string kTail = "]}\n\n";

class Texts : public TextSink {
 public:
  void text(std::size_t choice, std::string_view piece) override { all[choice] += piece; }
  std::map<std::size_t, std::string> all;
};

// One choice as it stands in a chunk.
std::string delta(const std::string& members, const std::string& finish = "null", int index = 0) {
  return R"({"index":)" + std::to_string(index) + R"(,"delta":{)" + members +
         R"(},"finish_reason":)" + finish + "}";
}
// An engine's event, and ours.
std::string chunk(const std::string& members, const std::string& finish = "null", int index = 0) {
  return R"({"choices":[)" + delta(members, finish, index) + "]}";
}
std::string ours(const std::string& members, const std::string& finish = "null", int index = 0) {
  return kHead + delta(members, finish, index) + kTail;
}
const std::string kEndingMember = R"("content":"\n-- by \"us\".")";

ReplyForm form_with(std::string_view ending, Operation operation = Operation::chat) {
  ReplyForm form;
  form.operation = operation;
  form.choices = 4;
  form.ending = ending;
  return form;
}

// The same events as a stream and put together.
struct Both {
  std::string stream;
  std::string whole;
  Texts texts;
  TokenCounts counts;

  explicit Both(const std::vector<std::string>& events, std::string_view ending = kEnding,
                Operation operation = Operation::chat) {
    StreamTranslator translator(operation, Dialect::openai, kIdentity, false, &texts,
                                {.prompts = 1, .choices = 4}, ending);
    StreamAssembler assembler(form_with(ending, operation), Dialect::openai, kIdentity, nullptr);
    for (const std::string& event : events) {
      EXPECT_THAT(translator.on_event(event, false, stream), Succeeds());
      EXPECT_THAT(assembler.on_event(event, false), Succeeds());
    }
    EXPECT_THAT(translator.finish(stream), Succeeds());
    counts = translator.counts();
    const auto reply = assembler.finish();
    EXPECT_THAT(reply, Succeeds());
    if (reply) whole = reply->body;
  }
};

TEST(Ending, StandsInAChunkOfItsOwnBeforeTheEnd) {
  const Both both({chunk(R"("role":"assistant","content":"")"), chunk(R"("content":"Hi")"),
                   chunk("", R"("stop")"), "[DONE]"});
  EXPECT_EQ(both.stream, ours(R"("role":"assistant","content":"")") + ours(R"("content":"Hi")") +
                             ours(kEndingMember) + ours("", R"("stop")") + "data: [DONE]\n\n");
  EXPECT_THAT(both.whole, HasSubstr(R"("content":"Hi\n-- by \"us\".","refusal":null)"));
  EXPECT_EQ(both.texts.all.at(0), "Hi") << "the digest is of what was generated";
  EXPECT_EQ(both.counts.generated, 1) << "nor is it charged";
}

TEST(Ending, LastWordsComeBeforeIt) {
  const Both both({chunk(R"("content":"H")"), chunk(R"("content":"i")", R"("length")"), "[DONE]"});
  EXPECT_THAT(both.stream,
              HasSubstr(ours(R"("content":"i")") + ours(kEndingMember) + ours("", R"("length")")));
  EXPECT_THAT(both.whole, HasSubstr(R"("content":"Hi\n-- by \"us\".")"));
}

TEST(Ending, EachChoiceHasItsOwn) {
  const Both both({chunk(R"("content":"a")", "null", 0), chunk(R"("content":"b")", "null", 1),
                   R"({"choices":[)" + delta("", R"("stop")", 1) + "," +
                       delta(R"("content":"c")", "null", 0) + "]}",
                   chunk("", R"("stop")", 0), "[DONE]"});
  EXPECT_THAT(both.stream,
              HasSubstr(ours(kEndingMember, "null", 1) + ours("", R"("stop")", 1) +
                        ours(R"("content":"c")") + ours(kEndingMember) + ours("", R"("stop")")));
  EXPECT_THAT(both.whole, HasSubstr(R"("content":"ac\n-- by \"us\".")"));
  EXPECT_THAT(both.whole, HasSubstr(R"("content":"b\n-- by \"us\".")"));
}

TEST(Ending, IsNotForToolsRefusalsAndSilence) {
  const std::string call =
      R"("tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}])";
  for (const auto& events : std::vector<std::vector<std::string>>{
           {chunk(call), chunk("", R"("tool_calls")"), "[DONE]"},
           {chunk(R"("content":"I look.")"), chunk(call), chunk("", R"("stop")"), "[DONE]"},
           {chunk(R"("refusal":"No.")"), chunk("", R"("stop")"), "[DONE]"},
           {chunk(R"("content":"x")"), chunk("", R"("content_filter")"), "[DONE]"},
           {chunk(R"("reasoning_content":"hm")"), chunk("", R"("stop")"), "[DONE]"},
           {chunk(R"("role":"assistant")"), chunk("", R"("stop")"), "[DONE]"}}) {
    const Both with(events);
    const Both without(events, "");
    EXPECT_EQ(with.stream, without.stream);
    EXPECT_EQ(with.whole, without.whole);
  }
}

TEST(Ending, IsForChatsAlone) {
  const std::vector<std::string> events{
      R"({"choices":[{"index":0,"text":"x","finish_reason":"stop"}]})", "[DONE]"};
  EXPECT_EQ(Both(events, kEnding, Operation::completion).stream,
            Both(events, "", Operation::completion).stream);
  EXPECT_EQ(Both(events, kEnding, Operation::completion).whole,
            Both(events, "", Operation::completion).whole);
}

TEST(Ending, AnAnswerThatBreaksOffHasNone) {
  std::string stream;
  StreamTranslator translator(Operation::chat, Dialect::openai, kIdentity, false, nullptr, {},
                              kEnding);
  StreamAssembler assembler(form_with(kEnding), Dialect::openai, kIdentity, nullptr);
  const std::string event = chunk(R"("content":"Hi")");
  ASSERT_THAT(translator.on_event(event, false, stream), Succeeds());
  ASSERT_THAT(assembler.on_event(event, false), Succeeds());
  translator.cut("{}", stream);
  EXPECT_THAT(stream, Not(HasSubstr("by")));
  EXPECT_THAT(assembler.cut("{}").body, Not(HasSubstr("by")));
}

TEST(Ending, APlainAnswerHasItInItsContent) {
  const auto plain = [](const std::string& message, std::string_view finish = "stop") {
    const Padded body(R"({"choices":[{"index":0,"message":{)" + message + R"(},"finish_reason":")" +
                      std::string(finish) +
                      R"("}],"usage":{"prompt_tokens":3,"completion_tokens":2}})");
    Texts texts;
    const auto reply =
        translate_plain(form_with(kEnding), Dialect::openai, body, kIdentity, &texts);
    EXPECT_THAT(reply, Succeeds());
    EXPECT_EQ(reply->counts.generated, 2);
    for (const auto& [index, text] : texts.all)
      EXPECT_THAT(text, Not(HasSubstr("by")));
    return reply->body;
  };
  EXPECT_THAT(plain(R"("role":"assistant","content":"Hi","reasoning_content":"x","z":1)"),
              HasSubstr(R"("content":"Hi\n-- by \"us\".","reasoning_content":"x","z":1)"));
  EXPECT_THAT(plain(R"("content":"Hi")", "length"), HasSubstr(R"("content":"Hi\n-- by \"us\".")"));
  EXPECT_THAT(plain(R"("content":"","refusal":null)"), Not(HasSubstr("by")));
  EXPECT_THAT(plain(R"("content":"Hi","refusal":"No.")"), Not(HasSubstr("by")));
  EXPECT_THAT(plain(R"("content":"Hi","tool_calls":[{"id":"c","type":"function",)"
                    R"("function":{"name":"f","arguments":"{}"}}])",
                    "tool_calls"),
              Not(HasSubstr("by")));
}

}  // namespace
}  // namespace sovmesh::llmapi
