#include "llmapi/amend.h"

#include <gmock/gmock.h>

#include "llmapi/padded_test_support.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::llmapi {
namespace {

using testing::HasSubstr;
using enum RequestParameter;

constexpr std::int64_t kOne = kParameterUnit;

Request parse(Operation operation, std::string_view body, const FieldPolicy& policy = {}) {
  const Padded padded(body);
  auto request = parse_request(operation, padded, policy);
  EXPECT_THAT(request, Succeeds()) << body;
  return *std::move(request);
}

Request chat_with(std::string_view members) {
  return parse(Operation::chat, R"({"model":"m","messages":[{"role":"user","content":"hi"}])" +
                                    std::string(members) + "}");
}

ParameterValues values(std::initializer_list<std::pair<RequestParameter, std::int64_t>> some) {
  ParameterValues out;
  for (const auto& [parameter, micro] : some)
    out[static_cast<std::size_t>(parameter)] = micro;
  return out;
}

// What is behind the messages.
std::string rest(const Request& request) { return request.body.substr(request.prompt_end); }

// The engine's bytes are read again as they would be for another model: they must be fine.
void expect_readable(const Request& request) {
  const auto again = parse_again(request, {});
  ASSERT_THAT(again, Succeeds()) << request.body;
  EXPECT_EQ(again->canonical_prompt(), request.canonical_prompt());
  EXPECT_EQ(again->prompt_tokens_estimate, request.prompt_tokens_estimate);
  EXPECT_EQ(again->prompt_characters, request.prompt_characters);
  EXPECT_EQ(again->prompt_tokens_floor, request.prompt_tokens_floor);
  EXPECT_EQ(again->output_max, request.output_max);
  EXPECT_EQ(again->candidates, request.candidates);
}

TEST(Amend, WhatIsLeftOutGetsItsDefault) {
  const Amendments amendments{.defaults = values({{max_tokens, 64 * kOne},
                                                  {temperature, kOne / 4},
                                                  {top_p, 9 * kOne / 10},
                                                  {presence_penalty, kOne},
                                                  {frequency_penalty, 0}}),
                              .whose = "x"};
  Request request = chat_with("");
  ASSERT_THAT(amend(request, amendments, {}), Succeeds());
  EXPECT_EQ(rest(request),
            R"(,"temperature":0.25,"top_p":0.9,"presence_penalty":1,"frequency_penalty":0)");
  EXPECT_EQ(request.output_max, 64);
  EXPECT_TRUE(request.output_max_is_ours);
  expect_readable(request);

  Request given = chat_with(R"(,"temperature":1.5,"max_tokens":7,"top_p":null)");
  ASSERT_THAT(amend(given, amendments, {}), Succeeds());
  EXPECT_EQ(rest(given), R"(,"temperature":1.5,"top_p":0.9,"presence_penalty":1,)"
                         R"("frequency_penalty":0)");
  EXPECT_EQ(given.output_max, 7);
  EXPECT_FALSE(given.output_max_is_ours);
}

TEST(Amend, MoreThanTheMaximumIsRefusedByName) {
  const Amendments amendments{
      .maximums = values({{max_tokens, 100 * kOne}, {temperature, 7 * kOne / 10}, {n, 2 * kOne}}),
      .whose = "the tenant 'aurora'"};
  const auto refusal = [&](std::string_view members, Operation operation = Operation::chat) {
    Request request =
        operation == Operation::chat
            ? chat_with(members)
            : parse(operation, R"({"model":"m","prompt":"p")" + std::string(members) + "}");
    const std::string body = request.body;
    const Result<void> done = amend(request, amendments, {});
    EXPECT_FALSE(done) << members;
    EXPECT_EQ(request.body, body) << "nothing was changed";
    return done ? "" : done.error().param() + ": " + done.error().message();
  };
  EXPECT_EQ(refusal(R"(,"temperature":0.71)"),
            "temperature: Invalid 'temperature': 0.71 is more than 0.7, the most that the tenant "
            "'aurora' has set (maximums.temperature).");
  EXPECT_THAT(refusal(R"(,"max_tokens":101)"), HasSubstr("max_tokens: Invalid 'max_tokens': 101"));
  EXPECT_THAT(refusal(R"(,"max_completion_tokens":101)"),
              HasSubstr("max_completion_tokens: Invalid 'max_completion_tokens'"));
  EXPECT_THAT(refusal(R"(,"n":3)"), HasSubstr("n: Invalid 'n': 3 is more than 2"));
  EXPECT_THAT(refusal(R"(,"best_of":3)", Operation::completion),
              HasSubstr("best_of: Invalid 'best_of': 3 is more than 2"));
  Request fine = chat_with(R"(,"temperature":0.7,"max_tokens":100,"n":2)");
  EXPECT_THAT(amend(fine, amendments, {}), Succeeds());
}

TEST(Amend, ClampedValuesTakeThePlaceOfLargerOnes) {
  const Amendments amendments{.maximums = values({{max_tokens, 100 * kOne},
                                                  {temperature, 7 * kOne / 10},
                                                  {top_p, kOne / 2},
                                                  {n, 2 * kOne}}),
                              .clamps = true,
                              .whose = "x",
                              .system = "Be \"brief\".\n"};
  Request request =
      parse(Operation::chat, R"({"temperature":2,"model":"m","n":4,"messages":[{"role":"user",)"
                             R"("content":"hi"}],"top_p":0.99999,"max_tokens":5000})");
  ASSERT_THAT(amend(request, amendments, {}), Succeeds());
  EXPECT_EQ(request.body,
            R"({"temperature":0.7,"n":2,"messages":[{"role":"system","content":"Be \"brief\".\n"},)"
            R"({"role":"user","content":"hi"}],"top_p":0.5)");
  EXPECT_EQ(request.canonical_prompt(),
            R"([{"role":"system","content":"Be \"brief\".\n"},{"role":"user","content":"hi"}])");
  EXPECT_EQ(request.choices, 2);
  EXPECT_EQ(request.candidates, 2);
  EXPECT_EQ(request.output_max, 100);
  expect_readable(request);

  Request many = parse(Operation::completion, R"({"model":"m","prompt":"p","best_of":5,"n":1})");
  ASSERT_THAT(amend(many, amendments, {}), Succeeds());
  EXPECT_EQ(many.candidates, 2);
  EXPECT_EQ(many.choices, 1);
  EXPECT_THAT(many.body, HasSubstr(R"("best_of":2,"n":1)"));
  EXPECT_THAT(many.body, testing::Not(HasSubstr("brief"))) << "no chat";
}

// Else a maximum would be got round by saying nothing.
TEST(Amend, WhatIsLeftOutIsBoundedToo) {
  Request request = chat_with("");
  ASSERT_THAT(amend(request,
                    {.maximums = values({{temperature, kOne / 2},
                                         {top_p, kOne},
                                         {presence_penalty, kOne},
                                         {max_tokens, 10 * kOne}}),
                     .whose = "x"},
                    {}),
              Succeeds());
  EXPECT_EQ(rest(request), R"(,"temperature":0.5)");
  EXPECT_EQ(request.output_max, 10);
}

TEST(Amend, ABoundOfOursIsNeverMoreThanTheModels) {
  const Amendments amendments{.defaults = values({{max_tokens, 1'000 * kOne}}), .whose = "x"};
  Request request = chat_with("");
  ASSERT_THAT(amend(request, amendments, {.output_tokens_max = 300}), Succeeds());
  EXPECT_EQ(request.output_max, 300);
  request = chat_with("");
  ASSERT_THAT(amend(request, amendments, {.context_tokens = 200}), Succeeds());
  EXPECT_EQ(request.output_max, 199);
  // Nor than that of a model that takes the place of the first.
  const auto again = parse_again(request, {.output_tokens_max = 50});
  ASSERT_THAT(again, Succeeds());
  EXPECT_EQ(again->output_max, 50);
  Request own = chat_with(R"(,"max_tokens":60)");
  EXPECT_THAT(parse_again(own, {.output_tokens_max = 50}),
              FailsWith(Code::integer_above_max_value));
}

TEST(Amend, TheSystemMessageCountsAsPrompt) {
  Request plain = chat_with("");
  Request request = chat_with("");
  const std::string text = "You are a helpful assistant of the city council.";
  ASSERT_THAT(amend(request, {.whose = "x", .system = text}, {}), Succeeds());
  EXPECT_EQ(request.prompt_characters, plain.prompt_characters + text.size());
  EXPECT_GT(request.prompt_tokens_estimate, plain.prompt_tokens_estimate + 8);
  EXPECT_EQ(request.prompt_tokens_floor, plain.prompt_tokens_floor) << "of what users say";
  expect_readable(request);
}

TEST(Amend, EmbeddingsStayAsTheyAre) {
  Request request = parse(Operation::embeddings, R"({"model":"m","input":"x"})");
  const std::string body = request.body;
  ASSERT_THAT(
      amend(
          request,
          {.defaults = values({{max_tokens, kOne}, {temperature, 0}}), .whose = "x", .system = "x"},
          {}),
      Succeeds());
  EXPECT_EQ(request.body, body);
  EXPECT_FALSE(request.output_max);
}

TEST(Amend, ARequestSaysWhatItHasOfSystemAndJson) {
  EXPECT_FALSE(chat_with("").has_system);
  EXPECT_FALSE(chat_with(R"(,"response_format":{"type":"text"})").wants_json);
  EXPECT_TRUE(chat_with(R"(,"response_format":{"type":"json_object"})").wants_json);
  EXPECT_TRUE(parse(Operation::chat, R"({"model":"m","messages":[{"role":"user","content":"a"},)"
                                     R"({"role":"developer","content":"b"}]})")
                  .has_system);
}

}  // namespace
}  // namespace sovmesh::llmapi
