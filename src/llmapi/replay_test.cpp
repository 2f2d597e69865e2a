#include <gmock/gmock.h>

#include "llmapi/reply.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::llmapi {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kHead =
    R"({"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"tiny","choices":[)";
constexpr std::string_view kUsage =
    R"({"prompt_tokens":2,"completion_tokens":3,"total_tokens":5,)"
    R"("prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0}})";

std::string answer(std::string_view choices, std::string_view more = "") {
  std::string body(kHead);
  return body.append(choices).append("],\"usage\":").append(kUsage).append(more).append("}");
}

struct Sink : TextSink {
  void text(std::size_t choice, std::string_view piece) override {
    all.resize(std::max(all.size(), choice + 1));
    all[choice] += piece;
  }
  std::vector<std::string> all;
};

// What a client of ours makes of the stream: the same answer again.
std::string assembled(const ReplyForm& form, std::string_view stream) {
  Sink sink;
  StreamAssembler assembler(form, Dialect::openai,
                            {.id = "chatcmpl-1", .public_model = "tiny", .created = 7}, &sink);
  std::size_t at = 0;
  while (at < stream.size()) {
    const std::size_t end = stream.find("\n\n", at);
    EXPECT_TRUE(stream.substr(at).starts_with("data: "));
    EXPECT_THAT(assembler.on_event(stream.substr(at + 6, end - at - 6), false), Succeeds());
    at = end + 2;
  }
  auto reply = assembler.finish();
  EXPECT_THAT(reply, Succeeds());
  return reply ? reply->body : "";
}

TEST(StreamOfAnswer, SaysTheSameInChunks) {
  ReplyForm form;
  form.include_usage = true;
  const std::string body =
      answer(R"({"index":0,"message":{"role":"assistant","content":"a \"b\" \u00e4"},)"
             R"("logprobs":null,"finish_reason":"stop"})");
  const auto stream = stream_of_answer(form, body);
  ASSERT_THAT(stream, Succeeds());
  EXPECT_THAT(*stream, HasSubstr(R"("object":"chat.completion.chunk","created":7,"model":"tiny")"));
  EXPECT_THAT(*stream, HasSubstr(R"("delta":{"role":"assistant","content":"a \"b\" )"));
  EXPECT_THAT(*stream,
              HasSubstr(R"("delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null})"));
  EXPECT_THAT(*stream, EndsWith("\"choices\":[],\"usage\":" + std::string(kUsage) +
                                "}\n\ndata: [DONE]\n\n"));
  EXPECT_THAT(assembled(form, *stream), HasSubstr(R"("content":"a \"b\" )"));
}

TEST(StreamOfAnswer, LeavesOutUsageThatNobodyAskedFor) {
  const auto stream = stream_of_answer(
      {}, answer(R"({"index":0,"message":{"content":"x"},"finish_reason":"length"})",
                 R"(,"sm_limit":{"scope":"tenant:a"})"));
  ASSERT_THAT(stream, Succeeds());
  EXPECT_THAT(*stream, Not(HasSubstr("usage")));
  EXPECT_THAT(*stream, HasSubstr(R"("finish_reason":"length"}],"sm_limit":{"scope":"tenant:a"}})"));
}

TEST(StreamOfAnswer, NumbersToolCalls) {
  ReplyForm form;
  const auto stream = stream_of_answer(
      form,
      answer(
          R"({"index":0,"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[)"
          R"({"id":"t1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},)"
          R"({"id":"t2","type":"function","function":{"name":"g","arguments":""}}]},)"
          R"("finish_reason":"tool_calls"})"));
  ASSERT_THAT(stream, Succeeds());
  EXPECT_THAT(*stream,
              HasSubstr(R"("tool_calls":[{"index":0,"id":"t1","type":"function",)"
                        R"("function":{"name":"f","arguments":"{\"a\":1}"}},{"index":1,)"));
  EXPECT_THAT(*stream, HasSubstr(R"("finish_reason":"tool_calls")"));
  EXPECT_THAT(assembled(form, *stream), HasSubstr(R"({"id":"t2","type":"function",)"));
}

TEST(StreamOfAnswer, KeepsChoicesApart) {
  ReplyForm form;
  form.choices = 2;
  const std::string text = assembled(
      form, *stream_of_answer(
                form, answer(R"({"index":0,"message":{"content":"a"},"finish_reason":"stop"},)"
                             R"({"index":1,"message":{"content":"b"},"finish_reason":"length"})")));
  EXPECT_THAT(text, HasSubstr(R"("content":"a")"));
  EXPECT_THAT(text, HasSubstr(R"("content":"b")"));
  EXPECT_THAT(text, HasSubstr(R"("finish_reason":"length")"));
}

TEST(StreamOfAnswer, StreamsCompletions) {
  ReplyForm form;
  form.operation = Operation::completion;
  const auto stream = stream_of_answer(
      form, R"({"id":"cmpl-1","object":"text_completion","created":7,"model":"m","choices":[)"
            R"({"text":"one two","index":0,"logprobs":null,"finish_reason":"stop"}],"usage":{}})");
  ASSERT_THAT(stream, Succeeds());
  EXPECT_THAT(*stream, HasSubstr(R"("object":"text_completion")"));
  EXPECT_THAT(*stream, HasSubstr(R"({"index":0,"text":"one two","logprobs":null,)"));
  EXPECT_THAT(assembled(form, *stream), HasSubstr(R"("text":"one two")"));
}

TEST(StreamOfAnswer, RefusesWhatIsNoAnswer) {
  for (const std::string_view body : {"", "{}", R"({"choices":[],"usage":)", R"(],"usage":{}})"})
    EXPECT_THAT(stream_of_answer({}, body), FailsWith(Code::internal_error)) << body;
}

}  // namespace
}  // namespace sovmesh::llmapi
