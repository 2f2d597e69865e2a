#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <map>

#include "llmapi/padded_test_support.h"
#include "llmapi/reply.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::llmapi {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using Outcome = StreamTranslator::Outcome;

class Texts : public TextSink {
 public:
  void text(std::size_t choice, std::string_view piece) override { all[choice] += piece; }
  std::map<std::size_t, std::string> all;
};

const ReplyIdentity kIdentity{.id = "chatcmpl-1", .public_model = "pub", .created = 7};

Result<PlainReply> plain(const Request& request, std::string_view body, TextSink* sink = nullptr) {
  return translate_plain(request, Dialect::llama_cpp, Padded(body), kIdentity, sink);
}

Request chat(int choices = 1) {
  Request request;
  request.choices = choices;
  return request;
}

TEST(TranslatePlain, TellsAnAnswerAsOurs) {
  Texts texts;
  const auto reply =
      plain(chat(),
            R"({"choices":[{"finish_reason":"length","index":0,"message":{"role":"assistant",)"
            R"("content":"80\u0069cts"}}],"created":1,"model":"A","system_fingerprint":"b0",)"
            R"("object":"chat.completion","usage":{"completion_tokens":3,"prompt_tokens":13,)"
            R"("total_tokens":16,"prompt_tokens_details":{"cached_tokens":7}},)"
            R"("id":"x","timings":{"cache_n":7,"prompt_n":6,"predicted_n":3}})",
            &texts);
  ASSERT_THAT(reply, Succeeds());
  EXPECT_EQ(reply->body,
            R"({"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"pub",)"
            R"("choices":[{"index":0,"message":{"role":"assistant","content":"80icts",)"
            R"("refusal":null},"logprobs":null,"finish_reason":"length"}],"usage":{)"
            R"("prompt_tokens":13,"completion_tokens":3,"total_tokens":16,)"
            R"("prompt_tokens_details":{"cached_tokens":7,"audio_tokens":0},)"
            R"("completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,)"
            R"("accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}})");
  EXPECT_EQ(reply->counts.prompt, 13);
  EXPECT_EQ(reply->counts.cached, 7);
  EXPECT_EQ(reply->counts.generated, 3);
  EXPECT_EQ(reply->counts.live_generated, -1);
  EXPECT_EQ(reply->counts.source, CountSource::engine_final);
  EXPECT_EQ(reply->finish, FinishReason::length);
  EXPECT_EQ(texts.all[0], "80icts");
}

TEST(TranslatePlain, KeepsToolCallsAndWhatItDoesNotKnow) {
  Texts texts;
  const auto reply =
      plain(chat(),
            R"({"choices":[{"finish_reason":"tool_calls","index":0,"message":{"tool_calls":[{)"
            R"("index":0,"type":"function","function":{"name":"f","arguments":"{}"},)"
            R"("id":"c1"}],"content":null,"reasoning_content":"hm","x":[1]}}]})",
            &texts);
  ASSERT_THAT(reply, Succeeds());
  const json message = json::parse(reply->body)["choices"][0]["message"];
  EXPECT_EQ(message, json::parse(R"({"role":"assistant","content":null,"refusal":null,
      "tool_calls":[{"type":"function","function":{"name":"f","arguments":"{}"},"id":"c1"}],
      "reasoning_content":"hm","x":[1]})"));
  EXPECT_EQ(texts.all[0], "\377rhm\377nf\377a{}");
  EXPECT_EQ(reply->counts.source, CountSource::floor);
  EXPECT_EQ(reply->counts.generated, 1);
}

TEST(TranslatePlain, PutsChoicesInOrder) {
  const auto reply =
      plain(chat(2), R"({"choices":[{"finish_reason":"stop","index":1,"message":{"content":"b"}},{)"
                     R"("finish_reason":"stop","index":0,"message":{"content":"a"}}]})");
  ASSERT_THAT(reply, Succeeds());
  const json body = json::parse(reply->body);
  EXPECT_EQ(body["choices"][0]["message"]["content"], "a");
  EXPECT_EQ(body["choices"][1]["message"]["content"], "b");
}

TEST(TranslatePlain, TranslatesCompletions) {
  Request request;
  request.operation = Operation::completion;
  const auto reply = plain(
      request, R"({"choices":[{"text":"x","index":0,"logprobs":{"tokens":["x"]},)"
               R"("finish_reason":"stop"}],"usage":{"completion_tokens":1,"prompt_tokens":2}})");
  ASSERT_THAT(reply, Succeeds());
  EXPECT_THAT(
      reply->body,
      HasSubstr(R"("object":"text_completion","created":7,"model":"pub","choices":[{"index":0,)"
                R"("text":"x","logprobs":{"tokens":["x"]},"finish_reason":"stop"}])"));
}

TEST(TranslatePlain, FindsErrorsInsideAnAnswer) {
  EXPECT_THAT(plain(chat(), R"({"error":{"message":"bad","type":"BadRequestError","code":400}})"),
              FailsWith(Code::invalid_request));
  EXPECT_THAT(
      plain(chat(), R"({"object":"error","message":"x","type":"InternalServerError","code":500})"),
      FailsWith(Code::upstream_error));
}

TEST(TranslatePlain, RefusesGarbage) {
  for (const std::string_view body :
       {"", "<html>", "{}", R"({"choices":[]})",
        R"({"choices":[{"index":0,"message":{"content":"x"}}]})",
        R"({"choices":[{"index":1,"message":{},"finish_reason":"stop"}]})",
        R"({"choices":[{"index":0,"message":{},"finish_reason":"stop"},{)"
        R"("index":0,"message":{},"finish_reason":"stop"}]})",
        R"({"choices":[{"index":0,"message":"x","finish_reason":"stop"}]})"})
    EXPECT_THAT(plain(chat(), body), FailsWith(Code::upstream_invalid_response)) << body;
}

Request embeddings(std::size_t inputs, bool base64) {
  Request request;
  request.operation = Operation::embeddings;
  request.inputs = inputs;
  request.base64_embeddings = base64;
  return request;
}

const std::string kEmbeddings =
    R"({"model":"A","object":"list","usage":{"prompt_tokens":9,"total_tokens":9},)"
    R"("data":[{"embedding":[1.0, -0.5],"index":1,)"
    R"("object":"embedding"},{"embedding":[0.25,1e-3],"index":0}]})";

TEST(TranslatePlain, GivesEmbeddingsAsFloats) {
  const auto reply = plain(embeddings(2, false), kEmbeddings);
  ASSERT_THAT(reply, Succeeds());
  EXPECT_EQ(reply->body,
            R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.25,)"
            R"(1e-3]},{"object":"embedding","index":1,"embedding":[1.0,-0.5]}],)"
            R"("model":"pub","usage":{"prompt_tokens":9,"total_tokens":9}})");
  EXPECT_EQ(reply->counts.prompt, 9);
  EXPECT_EQ(reply->counts.generated, 0);
}

TEST(TranslatePlain, PacksEmbeddingsInBase64) {
  const auto reply = plain(embeddings(2, true), kEmbeddings);
  ASSERT_THAT(reply, Succeeds());
  const json body = json::parse(reply->body);
  EXPECT_EQ(body["data"][0]["embedding"], "AACAPm8Sgzo=");
  EXPECT_EQ(body["data"][1]["embedding"], "AACAPwAAAL8=");
}

TEST(TranslatePlain, RefusesEmbeddingsThatDoNotFitTheInputs) {
  EXPECT_THAT(plain(embeddings(1, false), kEmbeddings), FailsWith(Code::upstream_invalid_response));
  for (const std::string_view body :
       {R"({"data":[{"index":0,"embedding":[]}]})", R"({"data":[{"index":0,"embedding":["x"]}]})",
        R"({"data":[{"index":0,"embedding":"AAAA"}]})", R"({"data":[{"index":1,"embedding":[1]}]})",
        R"({"data":[{"index":0}]})", R"({"choices":[]})"})
    EXPECT_THAT(plain(embeddings(1, true), body), FailsWith(Code::upstream_invalid_response))
        << body;
  EXPECT_THAT(plain(embeddings(1, true), R"({"data":[{"index":0,"embedding":[1e300]}]})"),
              FailsWith(Code::upstream_invalid_response));
}

// What an assembler makes of these events.
Result<PlainReply> assembled(const Request& request, const std::vector<std::string>& events,
                             TextSink* sink = nullptr) {
  StreamAssembler assembler(request, Dialect::llama_cpp, kIdentity, sink);
  for (const std::string& event : events)
    TRY_VOID(assembler.on_event(event, false));
  return assembler.finish();
}

TEST(StreamAssembler, BuildsWhatAPlainAnswerSays) {
  Texts streamed;
  const auto reply =
      assembled(chat(),
                {R"({"choices":[{"index":0,"delta":{"role":"assistant","content":null}}]})",
                 R"({"choices":[{"index":0,"delta":{"reasoning_content":"h"}}]})",
                 R"({"choices":[{"index":0,"delta":{"reasoning_content":"m\n"}}]})",
                 R"({"choices":[{"index":0,"delta":{"content":"a\""},)"
                 R"("logprobs":{"content":[{"token":"a"}]}}]})",
                 R"({"choices":[{"index":0,"delta":{"content":"b"},)"
                 R"("logprobs":{"content":[{"token":"b"}]}}]})",
                 R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c",)"
                 R"("type":"function","function":{"name":"f","arguments":"{"}}]}}]})",
                 R"({"choices":[{"index":0,"delta":{"tool_calls":[{)"
                 R"("index":0,"function":{"arguments":"}"}}]}}]})",
                 R"({"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]})",
                 R"({"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":6}})", "[DONE]"},
                &streamed);
  Texts whole;
  const auto other =
      plain(chat(),
            R"({"choices":[{"index":0,"message":{"content":"a\"b","reasoning_content":"hm\n",)"
            R"("tool_calls":[{"id":"c","type":"function","function":{"name":"f",)"
            R"("arguments":"{}"}}]},"logprobs":{"content":[{"token":"a"},{"token":"b"}]},)"
            R"("finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":6}})",
            &whole);
  ASSERT_THAT(reply, Succeeds());
  ASSERT_THAT(other, Succeeds());
  EXPECT_EQ(json::parse(reply->body), json::parse(other->body));
  EXPECT_EQ(streamed.all, whole.all);
  EXPECT_EQ(reply->counts.generated, 6);
  EXPECT_EQ(reply->finish, FinishReason::tool_calls);
}

TEST(StreamAssembler, SumsTheChoicesOfLlamaCpp) {
  const auto reply = assembled(
      chat(2), {R"({"choices":[{"index":1,"delta":{"content":"b"}}]})",
                R"({"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]})",
                R"({"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}})",
                R"({"choices":[{"index":0,"delta":{"content":"a"}}]})",
                R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})",
                R"({"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}})", "[DONE]"});
  ASSERT_THAT(reply, Succeeds());
  EXPECT_EQ(reply->counts.generated, 6);
  EXPECT_EQ(reply->counts.prompt, 3);
  const json body = json::parse(reply->body);
  EXPECT_EQ(body["choices"][0]["message"]["content"], "a");
  EXPECT_EQ(body["choices"][1]["message"]["content"], "b");
}

TEST(StreamAssembler, AnswersOnlyWithAWholeStream) {
  const std::string text = R"({"choices":[{"index":0,"delta":{"content":"a"}}]})";
  const std::string end = R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})";
  EXPECT_THAT(assembled(chat(), {text, end}), FailsWith(Code::upstream_error));
  EXPECT_THAT(assembled(chat(), {text, "[DONE]"}), FailsWith(Code::upstream_invalid_response));
  EXPECT_THAT(assembled(chat(), {"[DONE]"}), FailsWith(Code::upstream_invalid_response));
  EXPECT_THAT(assembled(chat(), {text, end, "[DONE]", "[DONE]"}),
              FailsWith(Code::upstream_invalid_response));
  EXPECT_THAT(assembled(chat(), {R"({"error":{"code":400,"message":"x"}})"}),
              FailsWith(Code::invalid_request));
}

TEST(StreamAssembler, GivesWhatThereIsWhenWeCutIt) {
  StreamAssembler assembler(chat(), Dialect::llama_cpp, kIdentity, nullptr);
  ASSERT_THAT(assembler.on_event(R"({"choices":[{"index":0,"delta":{"content":"a"}}]})", false),
              Succeeds());
  const PlainReply reply = assembler.cut(R"({"scope":"s"})");
  EXPECT_EQ(reply.finish, FinishReason::length);
  EXPECT_EQ(reply.counts.generated, 1);
  const json body = json::parse(reply.body);
  EXPECT_EQ(body["choices"][0]["message"]["content"], "a");
  EXPECT_EQ(body["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(body["sm_limit"]["scope"], "s");
}

TEST(StreamAssembler, BoundsTheAnswer) {
  StreamAssembler assembler(chat(), Dialect::vllm, kIdentity, nullptr);
  const std::string event =
      R"({"choices":[{"index":0,"delta":{"content":")" + std::string(1U << 20U, 'x') + R"("}}]})";
  Result<Outcome> outcome = Outcome::skip;
  int events = 0;
  while (outcome && events++ < 40)
    outcome = assembler.on_event(event, false);
  EXPECT_THAT(outcome, FailsWith(Code::request_too_large));
  EXPECT_EQ(outcome.error().blame(), Blame::client);
  EXPECT_EQ(outcome.error().message(),
            "The answer is too large to be sent whole; ask for a stream.");
  EXPECT_EQ(events, 32);
  EXPECT_EQ(assembler.counts().generated, 32) << "the last one was made, too";
}

TEST(TranslateEngineError, KeepsWhoseFaultItIs) {
  const auto translated = [](int status, std::string_view body) {
    const Error error = translate_engine_error(status, body);
    return std::pair(error.code(), error.blame());
  };
  using enum Code;
  EXPECT_EQ(
      translated(400, R"({"error":{"code":400,"message":"m","type":"invalid_request_error"}})"),
      std::pair(invalid_request, Blame::client));
  EXPECT_EQ(translated(400, R"({"message":"This model's maximum context length is 10 tokens."})"),
            std::pair(context_length_exceeded, Blame::client));
  EXPECT_EQ(
      translated(
          500,
          R"({"error":{"code":500,"message":"input (2100 tokens) is too large to process."}})"),
      std::pair(context_length_exceeded, Blame::client));
  EXPECT_EQ(translated(500, R"({"error":{"message":"image input is not supported - hint"}})"),
            std::pair(unsupported_value, Blame::client));
  EXPECT_EQ(translated(401, ""), std::pair(upstream_error, Blame::upstream));
  EXPECT_EQ(translated(404, "{}"), std::pair(upstream_error, Blame::upstream));
  EXPECT_EQ(translated(429, "x"), std::pair(overloaded, Blame::upstream));
  EXPECT_EQ(translated(500, "\xff"), std::pair(upstream_error, Blame::upstream));
  EXPECT_EQ(
      translated(503,
                 R"({"error":{"message":"Loading model","type":"unavailable_error","code":503}})"),
      std::pair(model_loading, Blame::upstream));
  EXPECT_EQ(translated(504, ""), std::pair(upstream_timeout, Blame::upstream));
}

TEST(TranslateEngineError, KnowsTgiAndTensorRtLlm) {
  const auto code = [](int status, std::string_view body) {
    return translate_engine_error(status, body).code();
  };
  EXPECT_EQ(code(422, R"({"error":"Input validation error: `inputs` must have less than 10 tokens.)"
                      R"( Given: 11","error_type":"validation"})"),
            Code::context_length_exceeded);
  EXPECT_EQ(code(422, R"({"error":"Input validation error: `temperature` must be strictly)"
                      R"( positive","error_type":"validation"})"),
            Code::invalid_request);
  EXPECT_EQ(code(429, R"({"error":"Model is overloaded","error_type":"overloaded"})"),
            Code::overloaded);
  EXPECT_EQ(code(424, R"({"error":"Request failed during generation","error_type":"generation"})"),
            Code::upstream_error);
  EXPECT_EQ(code(400, R"({"object":"error","message":"The sum of prompt length (11.0), query)"
                      R"x( length (0) should not exceed max_num_tokens (10)",)x"
                      R"("type":"BadRequestError","param":null,"code":400})"),
            Code::context_length_exceeded);
}

TEST(TranslateEngineError, PassesOnNothingItShouldNot) {
  EXPECT_THAT(translate_engine_error(500, R"({"error":{"message":"/srv/secret"}})").message(),
              Not(HasSubstr("secret")));
  EXPECT_THAT(translate_engine_error(400, R"({"message":"[{'input': 'my secret'}]"})").message(),
              Not(HasSubstr("secret")));
  EXPECT_THAT(translate_engine_error(400, R"({"error":{"message":"bad schema"}})").message(),
              HasSubstr("bad schema"));
  const Error error =
      translate_engine_error(400, R"({"error":{"type":"exceed_context_size_error",)"
                                  R"("message":"m","n_prompt_tokens":9010,"n_ctx":1024}})");
  EXPECT_EQ(error.param(), "messages");
  EXPECT_THAT(error.message(), HasSubstr("1024"));
}

}  // namespace
}  // namespace sovmesh::llmapi
