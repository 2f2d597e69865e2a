#include <gmock/gmock.h>

#include <map>

#include "llmapi/padded_test_support.h"
#include "llmapi/reply.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::llmapi {
namespace {

using testing::HasSubstr;
using testing::Not;
using Outcome = StreamTranslator::Outcome;

class Texts : public TextSink {
 public:
  void text(std::size_t choice, std::string_view piece) override {
    all[choice] += piece;
    pieces += 1;
  }
  std::map<std::size_t, std::string> all;
  int pieces = 0;
};

const ReplyIdentity kIdentity{.id = "chatcmpl-1", .public_model = "pub", .created = 7};
const std::string kHead =
    R"(data: {"id":"chatcmpl-1",)"
    R"("object":"chat.completion.chunk","created":7,"model":"pub","choices":[)";
const std::string kTail = "]}\n\n";

// A stream of one engine, event by event.
class Stream {
 public:
  explicit Stream(Dialect dialect, bool wants_usage = false, Operation operation = Operation::chat,
                  ReplyIdentity identity = kIdentity, int choices = 8)
      : translator(operation, dialect, identity, wants_usage, &texts,
                   {.prompts = 1, .choices = choices}) {}

  Result<Outcome> event(std::string_view data) {
    const Padded padded(data);
    padded_ = !padded_;  // both ways must do the same
    return padded_ ? translator.on_event(padded, true, out)
                   : translator.on_event(std::string(data), false, out);
  }
  // What an event is turned into.
  std::string after(std::string_view data) {
    out.clear();
    EXPECT_THAT(event(data), Succeeds());
    return std::exchange(out, {});
  }
  Result<void> finish() { return translator.finish(out); }

  Texts texts;
  StreamTranslator translator;
  std::string out;

 private:
  bool padded_ = false;
};

std::string content(std::string_view text, std::string_view more = "") {
  return R"({"choices":[{"finish_reason":null,"index":0,"delta":{"content":")" + std::string(text) +
         R"("}}],"created":1,"id":"x","model":"A",)"
         R"("system_fingerprint":"b0","object":"chat.completion.chunk")" +
         std::string(more) + "}";
}
std::string ended(std::string_view reason, int index = 0) {
  return R"({"choices":[{"finish_reason":")" + std::string(reason) + R"(","index":)" +
         std::to_string(index) + R"(,"delta":{}}]})";
}
const std::string kRole =
    R"({"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant",)"
    R"("content":null}}],"created":1,"id":"x","model":"A","object":"chat.completion.chunk")";
std::string timings(int cached, int prompt, int predicted) {
  return R"(,"timings":{"cache_n":)" + std::to_string(cached) + R"(,"prompt_n":)" +
         std::to_string(prompt) + R"(,"prompt_ms":2.5,"predicted_n":)" + std::to_string(predicted) +
         "}";
}
std::string usage(int prompt, int generated, int cached) {
  return R"({"choices":[],"usage":{"completion_tokens":)" + std::to_string(generated) +
         R"(,"prompt_tokens":)" + std::to_string(prompt) + R"(,"total_tokens":)" +
         std::to_string(prompt + generated) + R"(,"prompt_tokens_details":{"cached_tokens":)" +
         std::to_string(cached) + "}}" + timings(cached, prompt - cached, generated) + "}";
}

TEST(StreamTranslator, GoesOnTheSameAfterARest) {
  Stream steady(Dialect::openai);
  Stream rested(Dialect::openai);
  for (const char* text : {"a", "b", "c", "d"}) {
    EXPECT_EQ(rested.after(content(text)), steady.after(content(text)));
    if (*text != 'b') rested.translator.rest();
  }
  EXPECT_EQ(rested.texts.all, steady.texts.all);
  EXPECT_EQ(rested.translator.delivered(), steady.translator.delivered());
}

TEST(StreamTranslator, TellsAllChunksAsOurs) {
  Stream stream(Dialect::llama_cpp);
  EXPECT_EQ(stream.after(kRole + "}"),
            kHead +
                R"({"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null})" +
                kTail);
  EXPECT_EQ(stream.after(content("80", timings(0, 13, 1))),
            kHead + R"({"index":0,"delta":{"content":"80"},"finish_reason":null})" + kTail);
  EXPECT_EQ(stream.after(ended("length")),
            kHead + R"({"index":0,"delta":{},"finish_reason":"length"})" + kTail);
  EXPECT_EQ(stream.after(usage(13, 4, 7)), "");
  EXPECT_THAT(stream.event("[DONE]"), HasValue(Outcome::done));
  ASSERT_THAT(stream.finish(), Succeeds());
  EXPECT_EQ(stream.out, "data: [DONE]\n\n");
  EXPECT_EQ(stream.translator.finish_reason(), FinishReason::length);
  EXPECT_EQ(stream.texts.all[0], "80");
}

TEST(StreamTranslator, EndsWithLengthAndAReasonWhenWeCutIt) {
  Stream stream(Dialect::llama_cpp, true);
  (void)stream.after(kRole + "}");
  (void)stream.after(content("80", timings(0, 13, 2)));
  stream.out.clear();
  stream.translator.cut(R"({"scope":"s"})", stream.out);
  EXPECT_EQ(stream.out,
            kHead +
                R"({"index":0,"delta":{},"finish_reason":"length"}],"usage":null,)"
                R"("sm_limit":{"scope":"s"}})"
                "\n\n" +
                kHead +
                R"(],"usage":{"prompt_tokens":13,"completion_tokens":2,"total_tokens":15,)"
                R"("prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},)"
                R"("completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,)"
                R"("accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}})"
                "\n\ndata: [DONE]\n\n");
  EXPECT_EQ(stream.translator.finish_reason(), FinishReason::length);
  EXPECT_EQ(stream.translator.delivered(), 2);
  EXPECT_THAT(stream.event(content("late")), testing::Not(Succeeds()));
}

TEST(StreamTranslator, CutsOnlyTheChoicesThatAreOpen) {
  Stream stream(Dialect::openai);
  (void)stream.after(ended("stop", 0));
  (void)stream.after(R"({"choices":[{"index":1,"delta":{"content":"b"}}]})");
  stream.out.clear();
  stream.translator.cut("{}", stream.out);
  EXPECT_EQ(stream.out, kHead +
                            R"({"index":1,"delta":{},"finish_reason":"length"}],"sm_limit":{}})" +
                            "\n\ndata: [DONE]\n\n");
}

TEST(StreamTranslator, GivesUsageWhereItWasAskedFor) {
  Stream stream(Dialect::llama_cpp, true);
  EXPECT_THAT(stream.after(content("a")), HasSubstr("],\"usage\":null}\n\n"));
  (void)stream.event(ended("stop"));
  (void)stream.event(usage(13, 4, 7));
  (void)stream.event("[DONE]");
  stream.out.clear();
  ASSERT_THAT(stream.finish(), Succeeds());
  EXPECT_EQ(stream.out,
            kHead + R"(],"usage":{"prompt_tokens":13,"completion_tokens":4,"total_tokens":17,)"
                    R"("prompt_tokens_details":{"cached_tokens":7,"audio_tokens":0},)"
                    R"("completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,)"
                    R"("accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}})"
                    "\n\ndata: [DONE]\n\n");
}

TEST(StreamTranslator, HidesCacheCountersWhereTold) {
  ReplyIdentity identity = kIdentity;
  identity.hide_cached = true;
  Stream stream(Dialect::llama_cpp, true, Operation::chat, identity);
  (void)stream.event(ended("stop"));
  (void)stream.event(usage(13, 4, 7));
  (void)stream.event("[DONE]");
  ASSERT_THAT(stream.finish(), Succeeds());
  EXPECT_THAT(stream.out, Not(HasSubstr("cached")));
  EXPECT_EQ(stream.translator.counts().cached, 7);
}

TEST(StreamTranslator, SaysTheRoleOnceAndFirst) {
  Stream stream(Dialect::openai);
  EXPECT_THAT(
      stream.after(R"({"choices":[{"index":0,"delta":{"content":"a","role":"assistant"}}]})"),
      HasSubstr(R"("delta":{"role":"assistant","content":"a"})"));
  EXPECT_THAT(
      stream.after(R"({"choices":[{"index":0,"delta":{"role":"assistant","content":"b"}}]})"),
      HasSubstr(R"("delta":{"content":"b"})"));
  EXPECT_THAT(stream.after(R"({"choices":[{"index":1,"delta":{"content":"c"}}]})"),
              HasSubstr(R"({"index":1,"delta":{"role":"assistant","content":"c"})"));
}

TEST(StreamTranslator, RefusesChoicesThatNobodyAskedFor) {
  Stream stream(Dialect::vllm, false, Operation::chat, kIdentity, 2);
  EXPECT_THAT(stream.event(R"({"choices":[{"index":1,"delta":{"content":"b"}}]})"), Succeeds());
  EXPECT_THAT(stream.event(R"({"choices":[{"index":2,"delta":{"content":"c"}}]})"),
              FailsWith(Code::upstream_invalid_response));
}

TEST(StreamTranslator, KeepsProgressToItself) {
  Stream stream(Dialect::llama_cpp);
  EXPECT_THAT(
      stream.event(kRole +
                   R"(,"prompt_progress":{"total":16,"cache":7,"processed":9,"time_ms":0}})"),
      HasValue(Outcome::skip));
  EXPECT_EQ(stream.out, "");
  EXPECT_EQ(stream.translator.counts().prompt, 16) << "its engine has accepted all of it";
  EXPECT_EQ(stream.translator.counts().cached, 7);
  EXPECT_EQ(stream.translator.counts().source, CountSource::engine_live);
  EXPECT_FALSE(stream.translator.text_started());
  EXPECT_THAT(stream.after(kRole + "}"), HasSubstr("\"role\""));
}

TEST(StreamTranslator, PassesOnWhatItDoesNotKnowOfADelta) {
  Stream stream(Dialect::vllm);
  EXPECT_THAT(
      stream.after(R"({"choices":[{"index":0,"delta":{"reasoning_content":"h\u006dm","foo":{"a": )"
                   R"([1]},"refusal":null,"tool_calls":[]},"stop_reason":1,)"
                   R"("logprobs":{"content":[]},"finish_reason":null}]})"),
      HasSubstr(R"("delta":{"role":"assistant","reasoning_content":"hmm","foo":{)"
                R"("a":[1]}},"logprobs":{"content":[]},"finish_reason":null})"));
  EXPECT_EQ(stream.texts.all[0], "\377rhmm");
  EXPECT_TRUE(stream.translator.text_started());
}

TEST(StreamTranslator, StreamsToolCalls) {
  Stream stream(Dialect::vllm);
  EXPECT_THAT(
      stream.after(R"({"choices":[{"index":0,"delta":{"content":null,"tool_calls":[{"index":0,)"
                   R"("id":"c1","type":"function","function":{"name":"f","arguments":""}}]}}]})"),
      HasSubstr(R"("tool_calls":[{"index":0,"id":"c1","type":"function",)"
                R"("function":{"name":"f","arguments":""}}])"));
  (void)stream.event(R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,)"
                     R"("id":null,"function":{"arguments":"{\"x\""}}]}}]})");
  (void)stream.event(R"({"choices":[{"index":0,"delta":{"tool_calls":[{)"
                     R"("function":{"arguments":":1}"},"index":0}]}}]})");
  EXPECT_THAT(stream.out, Not(HasSubstr("null}}]}")));
  EXPECT_EQ(stream.texts.all[0], "\377nf\377a{\"x\":1}");
  EXPECT_THAT(stream.after(ended("tool_calls")), HasSubstr(R"("finish_reason":"tool_calls")"));
}

TEST(StreamTranslator, CountsLlamaCppLive) {
  Stream stream(Dialect::llama_cpp);
  (void)stream.event(content("a", timings(7, 6, 1)));
  // Several tokens can share a chunk.
  (void)stream.event(content("b", timings(7, 6, 4)));
  const TokenCounts live = stream.translator.counts();
  EXPECT_EQ(live.prompt, 13);
  EXPECT_EQ(live.cached, 7);
  EXPECT_EQ(live.generated, 4);
  EXPECT_EQ(live.source, CountSource::engine_live);
  EXPECT_EQ(stream.translator.delivered(), 4);
  (void)stream.event(ended("stop"));
  (void)stream.event(usage(13, 5, 7));
  const TokenCounts last = stream.translator.counts();
  EXPECT_EQ(last.generated, 5);
  EXPECT_EQ(last.live_generated, 5);
  EXPECT_EQ(last.source, CountSource::engine_final);
  (void)stream.event("[DONE]");
  ASSERT_THAT(stream.finish(), Succeeds());
  EXPECT_EQ(stream.translator.delivered(), 5);
}

TEST(StreamTranslator, SumsLlamaCppOverChoices) {
  Stream stream(Dialect::llama_cpp);
  const auto chunk = [](int index, int predicted) {
    return R"({"choices":[{"finish_reason":null,"index":)" + std::to_string(index) +
           R"(,"delta":{"content":"x"}}])" + timings(0, 9, predicted) + "}";
  };
  (void)stream.event(chunk(1, 1));
  (void)stream.event(chunk(1, 2));
  (void)stream.event(chunk(0, 1));
  EXPECT_EQ(stream.translator.counts().generated, 3);
  EXPECT_EQ(stream.translator.counts().prompt, 9);
  (void)stream.event(ended("stop", 1));
  (void)stream.event(usage(9, 3, 0));
  EXPECT_EQ(stream.translator.counts().source, CountSource::engine_live);
  (void)stream.event(ended("stop", 0));
  (void)stream.event(usage(9, 2, 0));
  const TokenCounts last = stream.translator.counts();
  EXPECT_EQ(last.source, CountSource::engine_final);
  EXPECT_EQ(last.generated, 5);
  EXPECT_EQ(last.prompt, 9);
}

TEST(StreamTranslator, CountsContinuousUsagePerChoice) {
  Stream stream(Dialect::vllm, true);
  const auto chunk = [](int index, int tokens) {
    return R"({"choices":[{"index":)" + std::to_string(index) +
           R"(,"delta":{"content":"x"},"finish_reason":null}],"usage":{)"
           R"("prompt_tokens":5,"total_tokens":9,"completion_tokens":)" +
           std::to_string(tokens) + "}}";
  };
  EXPECT_THAT(stream.after(chunk(0, 2)), HasSubstr(R"("usage":null)"));
  (void)stream.event(chunk(1, 3));
  EXPECT_EQ(stream.translator.counts().generated, 5);
  EXPECT_EQ(stream.translator.counts().prompt, 5);
  EXPECT_EQ(stream.translator.counts().source, CountSource::engine_live);
  (void)stream.event(
      R"({"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":6,"total_tokens":11}})");
  EXPECT_EQ(stream.translator.counts().generated, 6);
  EXPECT_EQ(stream.translator.counts().live_generated, 5);
}

TEST(StreamTranslator, FallsBackToCountingChunks) {
  Stream stream(Dialect::openai);
  (void)stream.event(kRole + "}");
  (void)stream.event(content("a"));
  (void)stream.event(content(""));
  (void)stream.event(content("b"));
  EXPECT_EQ(stream.translator.counts().generated, 2);
  EXPECT_EQ(stream.translator.counts().prompt, 0);
  EXPECT_EQ(stream.translator.counts().source, CountSource::floor);
  EXPECT_EQ(stream.translator.delivered(), 2);
}

TEST(StreamTranslator, TranslatesCompletions) {
  Stream stream(Dialect::llama_cpp, false, Operation::completion);
  EXPECT_EQ(stream.after(R"({"choices":[{"text":" b","index":0,"logprobs":null,)"
                         R"("finish_reason":null}],"object":"text_completion"})"),
            R"(data: {"id":"chatcmpl-1","object":"text_completion","created":7,"model":"pub",)"
            R"("choices":[{"index":0,"text":" b","logprobs":null,"finish_reason":null}]})"
            "\n\n");
  // llama.cpp's last chunk carries the usage itself.
  (void)stream.event(
      R"({"choices":[{"text":"","index":0,"logprobs":null,"finish_reason":"length"}],)"
      R"("usage":{"completion_tokens":2,"prompt_tokens":3,"total_tokens":5}})");
  EXPECT_EQ(stream.translator.counts().generated, 2);
  EXPECT_EQ(stream.translator.counts().source, CountSource::engine_final);
  EXPECT_THAT(stream.event("[DONE]"), HasValue(Outcome::done));
  EXPECT_THAT(stream.finish(), Succeeds());
}

TEST(StreamTranslator, FindsErrorsInsideTheStream) {
  const auto code = [](std::string_view data) {
    Stream stream(Dialect::vllm);
    const auto outcome = stream.event(data);
    return outcome ? Code::internal_error : outcome.error().code();
  };
  EXPECT_EQ(code(R"({"error":{"message":"bad","type":"BadRequestError","code":400}})"),
            Code::invalid_request);
  EXPECT_EQ(
      code(
          R"({"object":"error","message":"bad","type":"BadRequestError","param":null,"code":400})"),
      Code::invalid_request);
  EXPECT_EQ(code(R"({"error":{"message":"boom","type":"InternalServerError","code":500}})"),
            Code::upstream_error);
  EXPECT_EQ(code(R"({"error":{"message":"x","code":"503"}})"), Code::overloaded);
  EXPECT_EQ(code(R"({"error":"boom"})"), Code::upstream_error);
  EXPECT_EQ(code(R"({"error":{"code":400,"message":"m",)"
                 R"("type":"exceed_context_size_error","n_prompt_tokens":9010,"n_ctx":1024}})"),
            Code::context_length_exceeded);
}

TEST(StreamTranslator, RefusesGarbage) {
  for (const std::string_view data : {
           "",
           "x",
           "{",
           "{}",
           "[]",
           "null",
           "\"x\"",
           R"({"choices":null})",
           R"({"choices":{}})",
           R"({"choices":[1]})",
           R"({"choices":[{"index":-1,"delta":{}}]})",
           R"({"choices":[{"index":128,"delta":{}}]})",
           R"({"choices":[{"index":"0","delta":{}}]})",
           R"({"choices":[{"index":0,"delta":[]}]})",
           R"({"choices":[{"index":0,"delta":{"content":5}}]})",
           R"({"choices":[{"index":0,"delta":{"tool_calls":5}}]})",
           R"({"choices":[{"index":0,"delta":{},"finish_reason":1}]})",
           R"({"choices":[{"index":0,"delta":{},"finish_reason":"abort"}]})",
           R"({"choices":[],"usage":{"completion_tokens":99999999999999999999}})",
           R"({"choices":[],"usage":{"completion_tokens":-1}})",
           R"({"choices":[],"usage":{"completion_tokens":1.5}})",
           R"({"choices":[],"usage":[]})",
           R"({"choices":[],"choices":[]})",
           R"({"choices":[]} x)",
           "{\"choices\":[\"\xff\"]}",
           R"({"choices":[{"index":0,"delta":{"content":"a)",
       }) {
    Stream stream(Dialect::vllm);
    EXPECT_THAT(stream.event(data), FailsWith(Code::upstream_invalid_response)) << data;
    EXPECT_EQ(stream.out, "") << data;
  }
}

TEST(StreamTranslator, ReplacesHalvesOfSurrogatePairs) {
  Stream stream(Dialect::llama_cpp);
  EXPECT_THAT(stream.after(content("a\\ud83d")), HasSubstr("\"content\":\"a\uFFFD\""));
  EXPECT_EQ(stream.texts.all[0], "a\uFFFD");
}

TEST(StreamTranslator, EndsOnlyOnceAndOnlyWhenAllHasEnded) {
  Stream twice(Dialect::openai);
  (void)twice.event(ended("stop"));
  EXPECT_THAT(twice.event(" [DONE]"), HasValue(Outcome::done));
  EXPECT_THAT(twice.event("[DONE]"), FailsWith(Code::upstream_invalid_response));
  EXPECT_THAT(twice.event(content("x")), FailsWith(Code::upstream_invalid_response));

  Stream open(Dialect::openai);
  (void)open.event(content("x"));
  EXPECT_THAT(open.finish(), FailsWith(Code::upstream_error));
  (void)open.event("[DONE]");
  open.out.clear();
  EXPECT_THAT(open.finish(), FailsWith(Code::upstream_invalid_response));
  EXPECT_EQ(open.out, "");

  Stream empty(Dialect::openai);
  (void)empty.event("[DONE]");
  EXPECT_THAT(empty.finish(), FailsWith(Code::upstream_invalid_response));
}

// TGI: the role in every delta, the last token with its finish_reason, usage once.
TEST(StreamTranslatorTgi, ReadsAChatAndItsUsage) {
  Stream stream(Dialect::tgi, true);
  const std::string head = R"({"object":"chat.completion.chunk","id":"","created":1,"model":"m",)"
                           R"("system_fingerprint":"3","choices":[)";
  stream.after(head + R"({"index":0,"delta":{"role":"assistant","content":"a "},)"
                      R"("logprobs":null,"finish_reason":null}],"usage":null})");
  const std::string last =
      stream.after(head + R"({"index":0,"delta":{"role":"assistant","content":"b"},)"
                          R"("logprobs":null,"finish_reason":"stop"}],"usage":null})");
  EXPECT_THAT(last, HasSubstr(R"("finish_reason":"stop")"));
  stream.after(head + R"(],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}})");
  EXPECT_THAT(stream.event("[DONE]"), Succeeds());
  EXPECT_THAT(stream.finish(), Succeeds());
  EXPECT_EQ(stream.texts.all[0], "a b");
  EXPECT_EQ(stream.translator.counts().prompt, 3);
  EXPECT_EQ(stream.translator.counts().generated, 2);
  EXPECT_EQ(stream.translator.counts().source, CountSource::engine_final);
}

TEST(StreamTranslatorTgi, AnEmptyFinishReasonIsNone) {
  Stream stream(Dialect::tgi, false, Operation::completion);
  const std::string head =
      R"({"object":"text_completion","id":"","created":1,"model":"m","choices":[)";
  stream.after(head + R"({"index":0,"text":"a ","logprobs":null,"finish_reason":""}]})");
  EXPECT_EQ(stream.translator.finish_reason(), FinishReason::none);
  stream.after(head + R"({"index":0,"text":"b","logprobs":null,"finish_reason":"length"}],)"
                      R"("usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}})");
  EXPECT_THAT(stream.event("[DONE]"), Succeeds());
  EXPECT_THAT(stream.finish(), Succeeds());
  EXPECT_EQ(stream.translator.finish_reason(), FinishReason::length);
  EXPECT_EQ(stream.translator.counts().prompt, 3);
  EXPECT_EQ(stream.translator.counts().generated, 2);
}

TEST(StreamTranslatorTgi, AnErrorInsideIsTheClientsOrTheEngines) {
  EXPECT_THAT(
      Stream(Dialect::tgi)
          .event(R"({"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be)"
                 R"( <= 9. Given: 8 `inputs` tokens and 2 `max_new_tokens`",)"
                 R"("error_type":"validation"})"),
      FailsWith(Code::context_length_exceeded));
  EXPECT_THAT(Stream(Dialect::tgi).event(R"({"error":"no","error_type":"validation"})"),
              FailsWith(Code::invalid_request));
  EXPECT_THAT(Stream(Dialect::tgi).event(R"({"error":"no","error_type":"overloaded"})"),
              FailsWith(Code::overloaded));
  EXPECT_THAT(Stream(Dialect::tgi).event(R"({"error":"no","error_type":"generation"})"),
              FailsWith(Code::upstream_error));
  EXPECT_THAT(Stream(Dialect::tgi).event(R"({"error":{"message":"no","http_status_code":422}})"),
              FailsWith(Code::invalid_request));
}

}  // namespace
}  // namespace sovmesh::llmapi
