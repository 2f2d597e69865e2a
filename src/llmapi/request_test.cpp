#include "llmapi/request.h"

#include <gmock/gmock.h>

#include <map>

#include "llmapi/padded_test_support.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::llmapi {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Result<Request> parse(Operation operation, std::string_view body, const FieldPolicy& policy = {}) {
  const Padded padded(body);
  return parse_request(operation, padded, policy);
}

Result<Request> chat(std::string_view body, const FieldPolicy& policy = {}) {
  return parse(Operation::chat, body, policy);
}

// A chat request with these further members.
Result<Request> chat_with(std::string_view members, const FieldPolicy& policy = {}) {
  return chat(
      R"({"model":"m","messages":[{"role":"user","content":"hi"}],)" + std::string(members) + "}",
      policy);
}

// A chat request with this one message.
Result<Request> chat_of(std::string_view message) {
  return chat(R"({"model":"m","messages":[)" + std::string(message) + "]}");
}

struct Refusal {
  Code code;
  std::string param;
  friend bool operator==(const Refusal&, const Refusal&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Refusal& refusal) {
    return out << name(refusal.code) << " at '" << refusal.param << "'";
  }
};

Refusal refusal(const Result<Request>& result) {
  if (result) return {Code::internal_error, "accepted"};
  return {result.error().code(), result.error().param()};
}

TEST(ParseRequest, CountsCharactersAndNotBytes) {
  const auto request =
      chat(R"({"model":"m","messages":[{"role":"user","content":"\u00e9\u20ac\ud83d\ude00a\n"}]})");
  ASSERT_THAT(request, Succeeds());
  EXPECT_EQ(request->prompt_tokens_estimate, (2 + 3 + 4 + 1 + 1 + 3) / 4);
  EXPECT_EQ(request->prompt_characters, 5);
}

TEST(ParseRequest, KeepsWhatTheEngineNeeds) {
  const auto request = chat(R"( { "messages" : [ {"role":"system","content":"Be brief."},
      {"role":"user","content":"Say \"hi\"\u0021"} ], "model":"tiny", "temperature": 0.5,
      "max_tokens": 16, "stream": true, "stream_options": {"include_usage": true}, "user": "u1",
      "n": 2, "stop": ["a"], "seed": null, "metadata": {"k":"v"} } )");
  ASSERT_THAT(request, Succeeds());
  EXPECT_EQ(request->model, "tiny");
  EXPECT_TRUE(request->stream);
  EXPECT_TRUE(request->include_usage);
  EXPECT_EQ(request->choices, 2);
  EXPECT_EQ(request->output_max, 16);
  EXPECT_EQ(request->prompt_tokens_estimate, 3 + 4) << "words and signs";
  EXPECT_EQ(request->prompt_characters, 9 + 9);
  const std::string messages = R"([{"role":"system","content":"Be brief."},)"
                               R"({"role":"user","content":"Say \"hi\"!"}])";
  EXPECT_EQ(request->canonical_prompt(), messages);
  EXPECT_EQ(request->body,
            "{\"messages\":" + messages + R"(,"temperature":0.5,"n":2,"stop":["a"])");
}

TEST(ParseRequest, SaysThatABodyIsNoJson) {
  for (const std::string_view body :
       {"", "x", "{", R"({"messages":[]} x)", R"({"model":1e999})", "\xEF\xBB\xBF{}",
        R"({"model":"\ud800"})", "{\"model\":\"\xff\"}", R"({"temperature":9,)"}) {
    const auto request = chat(body);
    ASSERT_THAT(request, FailsWith(Code::invalid_json)) << body;
    EXPECT_THAT(request.error().message(),
                StartsWith("We could not parse the JSON body of your request"));
  }
}

TEST(ParseRequest, RefusesDuplicatesAndDepthWhereverTheyAre) {
  EXPECT_THAT(chat(R"({"model":"m","messages":[],"model":"n"})"), FailsWith(Code::duplicate_key));
  EXPECT_THAT(chat_with(R"("user":"a","\u0075ser":"b")"), FailsWith(Code::duplicate_key));
  EXPECT_THAT(chat_with(R"("metadata":{"a":{"b":1,"b":2}})"), FailsWith(Code::duplicate_key));
  EXPECT_THAT(chat_of(R"({"role":"user","content":"a","content":"b"})"),
              FailsWith(Code::duplicate_key));
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_THAT(chat_with("\"x\":" + deep), FailsWith(Code::nesting_too_deep));
  EXPECT_THAT(chat(deep), FailsWith(Code::nesting_too_deep));
}

TEST(ParseRequest, NamesTheFieldThatIsWrong) {
  using enum Code;
  const std::map<std::string, Refusal> cases{
      {R"({"messages":[{"role":"user","content":"x"}]})", {missing_required_parameter, "model"}},
      {R"({"model":"m"})", {missing_required_parameter, "messages"}},
      {R"({"model":"m","messages":[]})", {empty_array, "messages"}},
      {R"({"model":"m","messages":"x"})", {invalid_type, "messages"}},
      {R"({"model":"m","messages":null})", {invalid_type, "messages"}},
      {R"({"model":"m","messages":["x"]})", {invalid_type, "messages[0]"}},
      {R"({"model":"","messages":[]})", {invalid_value, "model"}},
      {R"({"model":7,"messages":[]})", {invalid_type, "model"}},
      {R"([])", {invalid_type, ""}},
      {R"("x")", {invalid_type, ""}},
  };
  for (const auto& [body, expected] : cases)
    EXPECT_EQ(refusal(chat(body)), expected) << body;
}

TEST(ParseRequest, ChecksEveryParameter) {
  using enum Code;
  const std::map<std::string, Refusal> cases{
      {R"("max_tokens":0)", {integer_below_min_value, "max_tokens"}},
      {R"("max_tokens":-1)", {integer_below_min_value, "max_tokens"}},
      {R"("max_tokens":99999999999999999999)", {integer_above_max_value, "max_tokens"}},
      {R"("max_tokens":-99999999999999999999)", {integer_below_min_value, "max_tokens"}},
      {R"("max_tokens":1.5)", {invalid_type, "max_tokens"}},
      {R"("max_tokens":"1")", {invalid_type, "max_tokens"}},
      {R"("max_completion_tokens":0)", {integer_below_min_value, "max_completion_tokens"}},
      {R"("max_tokens":1,"max_completion_tokens":1)", {invalid_value, "max_completion_tokens"}},
      {R"("temperature":2.1)", {invalid_value, "temperature"}},
      {R"("temperature":-0.1)", {invalid_value, "temperature"}},
      {R"("temperature":"hot")", {invalid_type, "temperature"}},
      {R"("top_p":1.01)", {invalid_value, "top_p"}},
      {R"("presence_penalty":-3)", {invalid_value, "presence_penalty"}},
      {R"("frequency_penalty":3)", {invalid_value, "frequency_penalty"}},
      {R"("n":0)", {integer_below_min_value, "n"}},
      {R"("n":9)", {integer_above_max_value, "n"}},
      {R"("stop":["a","b","c","d","e"])", {array_above_max_length, "stop"}},
      {R"("stop":[1])", {invalid_type, "stop[0]"}},
      {R"("stop":1)", {invalid_type, "stop"}},
      {R"("seed":1.5)", {invalid_type, "seed"}},
      {R"("logprobs":1)", {invalid_type, "logprobs"}},
      {R"("top_logprobs":2)", {invalid_value, "top_logprobs"}},
      {R"("logprobs":true,"top_logprobs":21)", {integer_above_max_value, "top_logprobs"}},
      {R"("logit_bias":{"x":1})", {invalid_value, "logit_bias.x"}},
      {R"("logit_bias":{"5":101})", {invalid_value, "logit_bias.5"}},
      {R"("user":5)", {invalid_type, "user"}},
      {R"("metadata":[])", {invalid_type, "metadata"}},
      {R"("stream":"yes")", {invalid_type, "stream"}},
      {R"("stream_options":{})", {invalid_value, "stream_options"}},
      {R"("stream":true,"stream_options":{"x":1})", {unsupported_parameter, "stream_options.x"}},
      {R"("modalities":["audio"])", {unsupported_value, "modalities[0]"}},
      {R"("tools":[])", {empty_array, "tools"}},
      {R"("tools":[{"type":"x"}])", {invalid_value, "tools[0].type"}},
      {R"("tools":[{"type":"function"}])", {missing_required_parameter, "tools[0].function"}},
      {R"("tools":[{"type":"function","function":{"name":"a b"}}])",
       {invalid_value, "tools[0].function.name"}},
      {R"("tool_choice":"required")", {invalid_value, "tool_choice"}},
      {R"("tool_choice":"x")", {invalid_value, "tool_choice"}},
      {R"("response_format":{"type":"xml"})", {invalid_value, "response_format.type"}},
      {R"("response_format":{"type":"json_schema"})",
       {missing_required_parameter, "response_format.json_schema"}},
      {R"("response_format":{"type":"json_schema","json_schema":{"schema":{}}})",
       {missing_required_parameter, "response_format.json_schema.name"}},
      {R"("foo":1)", {unsupported_parameter, "foo"}},
      {R"("prompt":"x")", {unsupported_parameter, "prompt"}},
  };
  for (const auto& [members, expected] : cases)
    EXPECT_EQ(refusal(chat_with(members)), expected) << members;
}

TEST(ParseRequest, ChecksMessagesByRole) {
  using enum Code;
  const std::map<std::string, Refusal> cases{
      {R"({"content":"x"})", {missing_required_parameter, "messages[0].role"}},
      {R"({"role":"robot","content":"x"})", {invalid_value, "messages[0].role"}},
      {R"({"role":"user"})", {missing_required_parameter, "messages[0].content"}},
      {R"({"role":"user","content":null})", {invalid_type, "messages[0].content"}},
      {R"({"role":"user","content":5})", {invalid_type, "messages[0].content"}},
      {R"({"role":"user","content":[]})", {empty_array, "messages[0].content"}},
      {R"({"role":"assistant","content":null})", {invalid_type, "messages[0].content"}},
      {R"({"role":"tool","content":"x"})",
       {missing_required_parameter, "messages[0].tool_call_id"}},
      {R"({"role":"user","content":"x","foo":1})", {unsupported_parameter, "messages[0].foo"}},
      {R"({"role":"user","content":[{"type":"text"}]})",
       {missing_required_parameter, "messages[0].content[0].text"}},
      {R"({"role":"user","content":[{"text":"x"}]})",
       {missing_required_parameter, "messages[0].content[0].type"}},
      {R"({"role":"user","content":[{"type":"text","text":"x","refusal":"y"}]})",
       {unsupported_parameter, "messages[0].content[0].refusal"}},
      {R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"http://x/y"}}]})",
       {invalid_value, "messages[0].content[0].image_url.url"}},
      {R"({"role":"assistant","tool_calls":[{"id":"1",)"
       R"("type":"function","function":{"name":"f"}}]})",
       {missing_required_parameter, "messages[0].tool_calls[0].function.arguments"}},
  };
  for (const auto& [message, expected] : cases)
    EXPECT_EQ(refusal(chat_of(message)), expected) << message;
}

TEST(ParseRequest, TakesEveryKindOfMessage) {
  const std::string messages =
      R"({"role":"developer","content":[{"type":"text","text":"a"}]},)"
      R"({"role":"user","name":"ann","content":[{"type":"text","text":"b"},)"
      R"({"type":"image_url","image_url":{"url":"data:image/png;base64,AA==","detail":"low"}}]},)"
      R"({"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function",)"
      R"("function":{"name":"f","arguments":"{\"x\":1}"}}]},)"
      R"({"role":"tool","tool_call_id":"c1","content":"42"},)"
      R"({"role":"assistant","content":"done","reasoning_content":"hm"})";
  const auto request = chat_of(messages);
  ASSERT_THAT(request, Succeeds());
  EXPECT_EQ(request->canonical_prompt(), "[" + messages + "]");
  EXPECT_TRUE(request->has_images);
}

TEST(ParseRequest, TakesToolsAndSchemas) {
  const auto request = chat_with(
      R"("tools":[{"type":"function","function":{"name":"f","description":"d",
      "parameters":{"type":"object"},"strict":true}}],
      "tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false,
      "response_format":{"type":"json_schema","json_schema":
      {"name":"s","schema":{"type":"object"},"strict":true}})");
  ASSERT_THAT(request, Succeeds());
  EXPECT_TRUE(request->has_tools);
  EXPECT_TRUE(request->has_json_schema);
  EXPECT_THAT(request->body,
              HasSubstr(R"("tool_choice":{"type":"function","function":{"name":"f"}})"));
}

TEST(ParseRequest, FollowsTheModelsPolicy) {
  const std::set<std::string, std::less<>> extra{"top_k", "id_slot", "cache_salt"};
  FieldPolicy policy{.extra_fields = &extra};
  const auto passed = chat_with(R"("top_k": [ 40 ])", policy);
  ASSERT_THAT(passed, Succeeds());
  EXPECT_THAT(passed->body, HasSubstr(R"(,"top_k":[40])"));
  // What the gateway itself decides is never the client's, whatever the operator listed.
  EXPECT_EQ(refusal(chat_with(R"("id_slot":1)", policy)),
            (Refusal{Code::unsupported_parameter, "id_slot"}));
  policy.reject_unknown = false;
  const auto dropped = chat_with(R"("id_slot":1,"cache_salt":"x","foo":{"a":[1]})", policy);
  ASSERT_THAT(dropped, Succeeds());
  EXPECT_EQ(dropped->body, R"({"messages":[{"role":"user","content":"hi"}])");
  policy.output_tokens_max = 100;
  EXPECT_EQ(refusal(chat_with(R"("max_tokens":101)", policy)),
            (Refusal{Code::integer_above_max_value, "max_tokens"}));
}

TEST(ParseAgain, ByTheSamePolicyNothingChanges) {
  const std::pair<Operation, std::string_view> bodies[] = {
      {Operation::chat,
       R"({"model":"m","stream":true,"stream_options":{"include_usage":true},"n":2,"max_tokens":9,)"
       R"("messages":[{"role":"user","content":"h\u00e9"}],"temperature":0.5})"},
      {Operation::chat,
       R"({"messages":[{"role":"user","content":"x"}],"model":"m","max_completion_tokens":5,)"
       R"("tools":[{"type":"function","function":{"name":"f","parameters":{}}}]})"},
      {Operation::completion, R"({"model":"m","prompt":[[1,2],[3]],"best_of":3,"stop":["a"]})"},
      {Operation::embeddings, R"({"model":"m","input":["a","b"],"encoding_format":"base64"})"}};
  for (const auto& [operation, body] : bodies) {
    const auto first = parse(operation, body);
    ASSERT_THAT(first, Succeeds()) << body;
    const auto again = parse_again(*first, {});
    ASSERT_THAT(again, Succeeds()) << body;
    EXPECT_EQ(again->body, first->body);
    EXPECT_EQ(again->canonical_prompt(), first->canonical_prompt());
    EXPECT_EQ(again->model, first->model);
    EXPECT_EQ(again->stream, first->stream);
    EXPECT_EQ(again->include_usage, first->include_usage);
    EXPECT_EQ(again->choices, first->choices);
    EXPECT_EQ(again->candidates, first->candidates);
    EXPECT_EQ(again->output_max, first->output_max);
    EXPECT_EQ(again->modern_output_max, first->modern_output_max);
    EXPECT_EQ(again->base64_embeddings, first->base64_embeddings);
    EXPECT_EQ(again->has_tools, first->has_tools);
    EXPECT_EQ(again->inputs, first->inputs);
    EXPECT_EQ(again->prompt_tokens_estimate, first->prompt_tokens_estimate);
    EXPECT_EQ(again->prompt_tokens_floor, first->prompt_tokens_floor);
  }
}

TEST(ParseAgain, TheOtherModelsPolicyCounts) {
  const std::set<std::string, std::less<>> extra{"top_k"};
  const auto first = chat_with(R"("top_k":40,"n":3,"max_tokens":50)", {.extra_fields = &extra});
  ASSERT_THAT(first, Succeeds());
  EXPECT_EQ(refusal(parse_again(*first, {})), (Refusal{Code::unsupported_parameter, "top_k"}));
  const auto without = parse_again(*first, {.reject_unknown = false});
  ASSERT_THAT(without, Succeeds());
  EXPECT_THAT(without->body, Not(HasSubstr("top_k")));
  EXPECT_EQ(refusal(parse_again(*first, {.extra_fields = &extra, .choices_max = 2})).param, "n");
  EXPECT_EQ(refusal(parse_again(*first, {.extra_fields = &extra, .output_tokens_max = 49})).param,
            "max_tokens");
  EXPECT_EQ(refusal(parse_again(*first, {.extra_fields = &extra, .context_tokens = 50})),
            (Refusal{Code::context_length_exceeded, "messages"}));
}

TEST(ParseRequest, WhatCannotFitIntoTheContextIsRefused) {
  const FieldPolicy policy{.context_tokens = 8};
  const Refusal too_long{Code::context_length_exceeded, "messages"};
  EXPECT_THAT(chat_with(R"("max_tokens":7)", policy), Succeeds());
  EXPECT_EQ(refusal(chat_with(R"("max_tokens":8)", policy)), too_long);
  EXPECT_EQ(refusal(chat_with(R"("max_completion_tokens":1000000000)", policy)), too_long);

  const auto completion = [&](std::string_view members) {
    return parse(Operation::completion, R"({"model":"m",)" + std::string(members) + "}", policy);
  };
  EXPECT_THAT(completion(R"("prompt":[1,2,3,4,5,6,7])"), Succeeds());
  EXPECT_EQ(refusal(completion(R"("prompt":[1,2,3,4,5,6,7,8])")),
            (Refusal{Code::context_length_exceeded, "prompt"}));
  EXPECT_EQ(refusal(completion(R"("prompt":[[1],[1,2,3,4]],"max_tokens":5)")),
            (Refusal{Code::context_length_exceeded, "prompt"}));
  const auto embedding = [&](std::string_view input) {
    return parse(Operation::embeddings, R"({"model":"m","input":)" + std::string(input) + "}",
                 policy);
  };
  EXPECT_THAT(embedding("[1,2,3,4,5,6,7,8]"), Succeeds());
  EXPECT_EQ(refusal(embedding("[1,2,3,4,5,6,7,8,9]")),
            (Refusal{Code::context_length_exceeded, "input"}));
}

// What is charged of a prompt that was accepted and never counted: never more than it has.
TEST(ParseRequest, KnowsWhatAPromptHasAtLeast) {
  const auto floor = [](Operation operation, std::string_view members, FieldPolicy policy = {}) {
    const auto request = parse(operation, R"({"model":"m",)" + std::string(members) + "}", policy);
    EXPECT_THAT(request, Succeeds()) << members;
    return request ? request->prompt_tokens_floor : -1;
  };
  using enum Operation;
  EXPECT_EQ(floor(completion, R"("prompt":[1,2,3])"), 3);
  EXPECT_EQ(floor(completion, R"("prompt":[[1],[2,3]])"), 3);
  EXPECT_EQ(floor(completion, R"("prompt":"once upon a time")"), 3) << "the first may join another";
  EXPECT_EQ(floor(completion, R"("prompt":["","a b c"])"), 3);
  EXPECT_EQ(floor(embeddings, R"("input":["one","two"])"), 2);
  EXPECT_EQ(floor(completion, R"("prompt":" \n   -- \tx  ")"), 1) << "blanks and signs may be one";
  const std::string long_text = "x" + std::string(1'000, ' ') + "y";
  EXPECT_EQ(floor(completion, R"("prompt":")" + long_text + "\""), 1);
  std::string words;
  for (int i = 0; i < 1'000; ++i)
    words += " word";
  EXPECT_EQ(floor(completion, R"("prompt":")" + words + "\""), 1'000);

  const auto message = [](std::string_view role, std::string_view content) {
    return R"({"content":)" + std::string(content) + R"(,"role":")" + std::string(role) + "\"}";
  };
  const std::string user = message("user", R"("say a b")");
  EXPECT_EQ(floor(chat, R"("messages":[)" + user + "]"), 2);
  EXPECT_EQ(floor(chat, R"("messages":[)" + user + "," +
                            message("system", R"("not every template has me")") + "," +
                            message("assistant", R"("<think>nor that of me</think> ok")") + "," +
                            message("user", R"([{"type":"text","text":"c d"}])") + "]"),
            3);
  const std::set<std::string, std::less<>> extra{"truncate_prompt_tokens"};
  EXPECT_EQ(floor(chat, R"("truncate_prompt_tokens":1,"messages":[)" + user + "]",
                  {.extra_fields = &extra}),
            1);
}

TEST(ParseRequest, ReadsCompletions) {
  const auto completion = [](std::string_view members) {
    return parse(Operation::completion, R"({"model":"m",)" + std::string(members) + "}");
  };
  const auto text = completion(R"("prompt":"once","echo":true,"suffix":"end","logprobs":3)");
  ASSERT_THAT(text, Succeeds());
  EXPECT_EQ(text->body, R"({"prompt":"once","echo":true,"suffix":"end","logprobs":3)");
  EXPECT_EQ(text->canonical_prompt(), "\"once\"");
  const auto tokens = completion(R"("prompt":[1,2,3])");
  ASSERT_THAT(tokens, Succeeds());
  EXPECT_EQ(tokens->inputs, 1);
  EXPECT_EQ(tokens->prompt_tokens_estimate, 3);
  const auto many = completion(R"("prompt":[[1],[2,3]])");
  ASSERT_THAT(many, Succeeds());
  EXPECT_EQ(many->inputs, 2);
  using enum Code;
  EXPECT_EQ(refusal(completion(R"("n":1)")), (Refusal{missing_required_parameter, "prompt"}));
  EXPECT_EQ(refusal(completion(R"("prompt":["a",1])")), (Refusal{invalid_type, "prompt[1]"}));
  EXPECT_EQ(refusal(completion(R"("prompt":[])")), (Refusal{empty_array, "prompt"}));
  EXPECT_EQ(refusal(completion(R"("prompt":[-1])")),
            (Refusal{integer_below_min_value, "prompt[0]"}));
  EXPECT_EQ(refusal(completion(R"("prompt":["a","b","c"],"n":4)")),
            (Refusal{array_above_max_length, "prompt"}));
  EXPECT_EQ(refusal(completion(R"("prompt":["a","b","c"],"best_of":4)")),
            (Refusal{array_above_max_length, "prompt"}));
  EXPECT_EQ(completion(R"("prompt":"a")")->candidates, 1);
  EXPECT_EQ(completion(R"("prompt":"a","n":2)")->candidates, 2);
  EXPECT_EQ(completion(R"("prompt":"a","n":2,"best_of":3)")->candidates, 3);
  EXPECT_EQ(refusal(completion(R"("prompt":"a","n":3,"best_of":2)")),
            (Refusal{invalid_value, "best_of"}));
  EXPECT_EQ(refusal(completion(R"("prompt":"a","logprobs":true)")),
            (Refusal{invalid_type, "logprobs"}));
  EXPECT_EQ(refusal(completion(R"("prompt":"a","tools":[])")),
            (Refusal{unsupported_parameter, "tools"}));
}

TEST(ParseRequest, ReadsEmbeddings) {
  const auto embed = [](std::string_view members) {
    return parse(Operation::embeddings, R"({"model":"m",)" + std::string(members) + "}");
  };
  const auto request =
      embed(R"("input":["a","b"],"encoding_format":"base64","dimensions":8,"user":"u")");
  ASSERT_THAT(request, Succeeds());
  EXPECT_EQ(request->body, R"({"input":["a","b"],"dimensions":8)");
  EXPECT_EQ(request->inputs, 2);
  EXPECT_TRUE(request->base64_embeddings);
  using enum Code;
  EXPECT_EQ(refusal(embed(R"("input":"")")), (Refusal{invalid_value, "input"}));
  EXPECT_EQ(refusal(embed(R"("input":["a",""])")), (Refusal{invalid_value, "input[1]"}));
  EXPECT_EQ(refusal(embed(R"("input":{})")), (Refusal{invalid_type, "input"}));
  EXPECT_EQ(refusal(embed(R"("input":"a","encoding_format":"hex")")),
            (Refusal{invalid_value, "encoding_format"}));
  EXPECT_EQ(refusal(embed(R"("input":"a","dimensions":0)")),
            (Refusal{integer_below_min_value, "dimensions"}));
  EXPECT_EQ(refusal(embed(R"("input":"a","stream":true)")),
            (Refusal{unsupported_parameter, "stream"}));
}

TEST(ParseRequest, CutAnywhereIsAnError) {
  const std::string body = R"({"model":"m","messages":[{"role":"user",)"
                           R"("content":"a\u00e9\n\ud83d\ude00"}],"n":1,"x":1.5e3})";
  for (std::size_t size = 0; size < body.size(); ++size)
    EXPECT_THAT(chat(body.substr(0, size)), FailsWith(Code::invalid_json)) << size;
}

TEST(PeekModel, FindsTheNameWhereverItStands) {
  const auto peek = [](std::string_view body) { return peek_model(Padded(body)); };
  EXPECT_THAT(peek(R"({"model":"a"})"), HasValue("a"));
  EXPECT_THAT(peek(R"({"messages":[{"content":"}]\"model\":\"x\""}], "n" : 1 ,"model" : "b"})"),
              HasValue("b"));
  EXPECT_THAT(peek(R"({"x":{"model":"no"},"mod\u0065l":"c\u002Fd"})"), HasValue("c/d"));
  EXPECT_THAT(peek(R"({"x":true,"y":null,"z":-1.5e3,"model":"é"})"), HasValue("é"));
}

TEST(PeekModel, FailsAsTheWholeWould) {
  const auto peek = [](std::string_view body) { return peek_model(Padded(body)); };
  EXPECT_THAT(peek(R"({"n":1})"), FailsWith(Code::missing_required_parameter));
  EXPECT_THAT(peek(R"({"model":1})"), FailsWith(Code::invalid_type));
  EXPECT_THAT(peek(R"({"model":""})"), FailsWith(Code::invalid_value));
  EXPECT_THAT(peek(R"({"n":tru})"), FailsWith(Code::invalid_json));
  EXPECT_THAT(peek(R"([1])"), FailsWith(Code::invalid_type));
  EXPECT_THAT(peek(""), FailsWith(Code::invalid_json));
  EXPECT_THAT(peek("{\"model\":\"\xff\"}"), FailsWith(Code::invalid_json));
  EXPECT_THAT(peek("{\"a\":" + std::string(100'000, '[')), FailsWith(Code::nesting_too_deep));
  EXPECT_THAT(peek("{\"model\":\"" + std::string(300, 'x') + "\"}"),
              FailsWith(Code::string_above_max_length));
}

TEST(CompleteUpstream, SpeaksEachDialect) {
  const auto request = chat_with(R"("max_completion_tokens":5,"stream":true)");
  ASSERT_THAT(request, Succeeds());
  const std::string start = R"({"messages":[{"role":"user","content":"hi"}],"model":"e\"1")";
  const auto rendered = [&](UpstreamExtras extras) {
    extras.engine_model = "e\"1";
    Request copy = *request;
    complete_upstream(copy, extras);
    return copy.body;
  };
  EXPECT_EQ(
      rendered({.dialect = Dialect::openai, .stream = true}),
      start +
          R"(,"max_completion_tokens":5,"stream":true,"stream_options":{"include_usage":true}})");
  EXPECT_EQ(rendered({.dialect = Dialect::openai}), start + R"(,"max_completion_tokens":5})");
  EXPECT_EQ(
      rendered({.dialect = Dialect::vllm, .stream = true, .live_usage = true, .cache_salt = "s"}),
      start + R"(,"max_tokens":5,"stream":true,"stream_options":{"include_usage":true,)"
              R"("continuous_usage_stats":true},"cache_salt":"s"})");
  EXPECT_EQ(rendered({.dialect = Dialect::sglang, .stream = true, .cache_salt = "s"}),
            start + R"(,"max_tokens":5,"stream":true,"stream_options":{"include_usage":true}})");
  EXPECT_EQ(rendered({.dialect = Dialect::tgi, .stream = true, .live_usage = true}),
            start + R"(,"max_tokens":5,"stream":true,"stream_options":{"include_usage":true}})");
  EXPECT_EQ(rendered({.dialect = Dialect::tensorrt_llm, .cache_salt = "s"}),
            start + R"(,"max_tokens":5,"cache_salt":"s"})");
  EXPECT_EQ(rendered({.dialect = Dialect::llama_cpp,
                      .stream = true,
                      .live_usage = true,
                      .slot = 3,
                      .fresh_cache = true,
                      .adapter = 1,
                      .adapters = 2}),
            start +
                R"(,"max_tokens":5,"stream":true,"stream_options":{"include_usage":true},)"
                R"("id_slot":3,"cache_prompt":false,"timings_per_token":true,)"
                R"("return_progress":true,"lora":[{"id":0,"scale":0.0},{"id":1,"scale":1.0}]})");
}

TEST(CompleteUpstream, AsksForFloatsInEmbeddings) {
  auto request = parse(Operation::embeddings, R"({"model":"m","input":"a"})");
  ASSERT_THAT(request, Succeeds());
  complete_upstream(*request, {.dialect = Dialect::llama_cpp, .engine_model = "e", .stream = true});
  EXPECT_EQ(request->body, R"({"input":"a","model":"e","encoding_format":"float"})");
}

TEST(Dialect, HasANameThatCanBeParsed) {
  for (const Dialect dialect : {Dialect::llama_cpp, Dialect::vllm, Dialect::sglang, Dialect::openai,
                                Dialect::tgi, Dialect::tensorrt_llm})
    EXPECT_EQ(parse_dialect(name(dialect)), dialect);
  EXPECT_EQ(parse_dialect("other"), std::nullopt);
}

}  // namespace
}  // namespace sovmesh::llmapi
