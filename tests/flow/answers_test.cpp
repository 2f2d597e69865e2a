// What a client gets when all goes well, and what is recorded about it.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/time_text.h"
#include "tests/flow/gateway_world.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::string_view kChat = "/v1/chat/completions";
constexpr std::string_view kUsage = R"(,"stream":true,"stream_options":{"include_usage":true})";

// The last row says what the engine counted by itself.
void expect_row_equals_engine(const GatewayWorld& gateway, metering::Finish finish) {
  ASSERT_TRUE(gateway.ledger.last().settlement.has_value());
  const metering::Settlement& settlement = *gateway.ledger.last().settlement;
  EXPECT_EQ(settlement.counts.prompt, gateway.engine_sim.counts().prompt_tokens);
  EXPECT_EQ(settlement.counts.generated, gateway.engine_sim.counts().generated_tokens);
  EXPECT_EQ(settlement.counts.source, metering::Source::engine_final);
  EXPECT_EQ(settlement.finish, finish);
}

void expect_books_closed(const GatewayWorld& gateway) {
  EXPECT_EQ(gateway.ledger.open_rows(), 0U);
  EXPECT_THAT(gateway.ledger.violations, IsEmpty());
}

std::string log_value(const std::string& line, const std::string& name) {
  const std::string start = "\"" + name + "\":\"";
  const std::size_t at = line.find(start);
  if (at == std::string::npos) return {};
  const std::size_t from = at + start.size();
  return line.substr(from, line.find('"', from) - from);
}

TEST(Answers, APlainChatIsAnsweredAndCounted) {
  GatewayWorld gateway;
  Client client(gateway);
  client.post(kChat, chat_body("two words"));
  const Answer answer = client.answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.complete);
  EXPECT_TRUE(answer.has(sim::EngineSim::answer_text(16))) << answer.body;
  EXPECT_TRUE(answer.has(R"("model":"chat")"));
  expect_row_equals_engine(gateway, metering::Finish::stop);
  expect_books_closed(gateway);
  EXPECT_EQ(gateway.ledger.order.size(), 1U);
}

// A plain answer goes out in one piece: a long one only when the books have it.
TEST(Answers, ALongPlainAnswerIsInTheBooksBeforeItGoesOut) {
  for (const int tokens : {65, 2'000}) {
    GatewayWorld gateway;
    Client client(gateway);
    gateway.ledger.sync_time = 300ms;
    client.post(kChat, chat_body(fmt::format("[[sim:tokens={}]]", tokens)));
    ASSERT_TRUE(client.wait_for("HTTP/1.1 200"));
    EXPECT_TRUE(gateway.ledger.last().saved);
    EXPECT_EQ(gateway.ledger.last().checkpoint.generated, tokens);
    EXPECT_GT(gateway.ledger.last().checkpoint.prompt, 0);
    EXPECT_EQ(client.answer().status, 200);
  }
}

TEST(Answers, AShortPlainAnswerWaitsForNothing) {
  GatewayWorld gateway;
  Client client(gateway);
  client.post(kChat, chat_body("[[sim:tokens=64]]"));
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_FALSE(gateway.ledger.last().saved);
}

TEST(Answers, ALongPlainAnswerGoesOutWhenTheBooksFail) {
  GatewayWorld gateway;
  Client client(gateway);
  client.post(kChat, chat_body("[[sim:rate=1000,tokens=2000]]"));
  gateway.world.run_for(500ms);  // the row is open
  gateway.ledger.broken = true;
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_FALSE(gateway.ledger.last().saved);
}

TEST(Answers, AStreamedChatIsAnsweredAndCounted) {
  GatewayWorld gateway;
  Client client(gateway);
  client.post(kChat, chat_body("two words", kStream));
  const Answer answer = client.answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.complete);
  EXPECT_THAT(answer.head, HasSubstr("content-type: text/event-stream; charset=utf-8\r\n"));
  EXPECT_THAT(answer.body, testing::EndsWith("data: [DONE]\n\n"));
  EXPECT_EQ(answer.count("[DONE]"), 1U);
  EXPECT_TRUE(gateway.settle());
  expect_row_equals_engine(gateway, metering::Finish::stop);
  EXPECT_EQ(gateway.ledger.last().settlement->counts.delivered, 16);
  expect_books_closed(gateway);
}

TEST(Answers, OfAModelThatIsDeprecatedSaySo) {
  GatewayWorld gateway;
  gateway.keep_answers();
  gateway.change_model("chat", [](catalog::Model& model) {
    model.notice = {.since = parse_rfc3339("2026-01-01T00:00:00Z"),
                    .ends_at = parse_rfc3339("2027-06-30T00:00:00Z")};
  });
  gateway.set_route({.name = ModelName::parse("assistant").value(),
                     .versions = {{.model = ModelName::parse("chat").value(), .weight = 1}}});
  const auto head_of = [&](std::string_view more, std::string_view model,
                           std::string_view fields = "") {
    Client client(gateway);
    client.post(kChat, chat_body("two words", more, model), "aurora", fields);
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_TRUE(gateway.settle());
    return answer.head;
  };
  const auto says_so = AllOf(HasSubstr("\r\ndeprecation: @1767225600\r\n"),
                             HasSubstr("\r\nsunset: Wed, 30 Jun 2027 00:00:00 GMT\r\n"));
  constexpr std::string_view kKey = "idempotency-key: k1\r\n";
  EXPECT_THAT(head_of("", "chat", kKey), says_so);
  EXPECT_THAT(head_of(kUsage, "chat"), says_so);
  EXPECT_THAT(head_of("", "chat", kKey), AllOf(says_so, HasSubstr("x-sm-idempotent-replay")));
  const auto is_silent = AllOf(Not(HasSubstr("deprecation")), Not(HasSubstr("sunset")));
  EXPECT_THAT(head_of("", "quick"), is_silent);
  EXPECT_THAT(head_of("", "assistant"), is_silent) << "the route's name stays";
  gateway.change_model("chat", [](catalog::Model& model) {
    model.notice = {.since = {}, .ends_at = parse_rfc3339("2027-06-30T00:00:00Z")};
  });
  EXPECT_THAT(head_of("", "chat"), AllOf(Not(HasSubstr("deprecation")), HasSubstr("sunset: Wed")))
      << "what nobody noted is not made up";
}

TEST(Answers, UsageIsInTheStreamOnlyWhenAskedFor) {
  GatewayWorld gateway;
  Client client(gateway);
  client.post(kChat, chat_body("x", kStream));
  EXPECT_EQ(client.answer().count("usage"), 0U);
  client.post(kChat, chat_body("x", kUsage));
  const Answer asked = client.answer();
  EXPECT_EQ(asked.count(R"("usage":{)"), 1U);
  EXPECT_GT(asked.count(R"("usage":null)"), 15U);
  EXPECT_TRUE(asked.has(R"("choices":[],"usage":{)")) << asked.body;
}

TEST(Answers, NothingReachesTheClientBeforeTheRowIsDurable) {
  GatewayWorld gateway(7, {.tokens_per_second = 20});
  gateway.ledger.sync_time = 2'000ms;
  Client client(gateway);
  client.post(kChat, chat_body("x", kStream));
  gateway.world.run_for(1'900ms);
  client.pump();
  EXPECT_THAT(client.heard(), IsEmpty());
  EXPECT_EQ(gateway.ledger.order.size(), 0U);
  gateway.ledger.sync_time = 1ms;
  ASSERT_TRUE(client.wait_for("data: "));
  EXPECT_EQ(gateway.ledger.order.size(), 1U);
  (void)client.answer();
  expect_books_closed(gateway);
}

TEST(Answers, EmbeddingsAreCounted) {
  GatewayWorld gateway;
  Client client(gateway);
  client.post("/v1/embeddings", R"({"model":"embed","input":["a b","c"]})");
  const Answer answer = client.answer();
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_TRUE(answer.has(R"("embedding")"));
  ASSERT_TRUE(gateway.ledger.last().settlement.has_value());
  EXPECT_EQ(gateway.ledger.last().settlement->counts.prompt,
            gateway.engine_sim.counts().prompt_tokens);
  EXPECT_EQ(gateway.ledger.last().settlement->counts.generated, 0);
  expect_books_closed(gateway);
}

TEST(Answers, EachTenantSeesItsOwnModels) {
  GatewayWorld gateway;
  Client client(gateway);
  client.get("/v1/models", "aurora");
  const Answer aurora = client.answer();
  EXPECT_TRUE(aurora.has(R"("aurora-only")"));
  EXPECT_TRUE(aurora.has(R"("chat")"));
  client.get("/v1/models", "borealis");
  const Answer borealis = client.answer();
  EXPECT_FALSE(borealis.has("aurora-only"));
  EXPECT_TRUE(borealis.has(R"("chat")"));
}

// Without what names the request or the model, so that two answers can be compared.
std::string anonymous(const Answer& answer, std::string_view model) {
  std::string text = without_ids(answer.head + answer.body);
  for (std::size_t at = text.find(model); at != std::string::npos; at = text.find(model))
    text.replace(at, model.size(), "M");
  return text;
}

TEST(Answers, AForeignModelLooksLikeAnUnknownOne) {
  GatewayWorld gateway;
  const auto ask = [&gateway](std::string_view model) {
    Client client(gateway);
    client.post(kChat, chat_body("x", "", model), "borealis");
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 404);
    return anonymous(answer, model);
  };
  EXPECT_EQ(ask("aurora-only"), ask("nobody-here"));  // names of equal length
  EXPECT_EQ(gateway.engine_sim.counts().requests, 0);
  EXPECT_EQ(gateway.ledger.order.size(), 0U);
}

// The same request before and after the model is there for somebody else: not one byte differs but
// the ids of the request.
TEST(Answers, AForeignModelIsAnsweredByteForByteAsIfItWereNotThere) {
  const auto ask_all = [](GatewayWorld& gateway) {
    std::vector<std::string> answers;
    for (const std::string_view path :
         {"/v1/chat/completions", "/v1/completions", "/v1/embeddings"}) {
      Client client(gateway);
      client.post(path, chat_body("x", "", "aurora-only"), "borealis");
      const Answer answer = client.answer();
      EXPECT_EQ(answer.status, 404);
      answers.push_back(without_ids(answer.head + answer.body));
    }
    Client client(gateway);
    client.post("/t/borealis/v1/chat/completions", chat_body("x", kStream, "aurora-only"),
                "borealis");
    Answer answer = client.answer();
    answers.push_back(without_ids(answer.head + answer.body));
    client.get("/v1/models/aurora-only", "borealis");
    answer = client.answer();
    EXPECT_EQ(answer.status, 404);
    answers.push_back(without_ids(answer.head + answer.body));
    return answers;
  };
  GatewayWorld gateway;
  const auto foreign = ask_all(gateway);
  gateway.withdraw("aurora-only");
  EXPECT_EQ(foreign, ask_all(gateway));
}

TEST(Answers, AnUnknownKeyIsAnsweredByteForByteLikeAWrongSecret) {
  GatewayWorld gateway;
  const auto ask = [&gateway](const std::string& key) {
    Client client(gateway);
    client.send("GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + key + "\r\n\r\n");
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 401);
    std::string text = without_ids(answer.head + answer.body);
    const std::string tail = "sm-..." + key.substr(key.size() - 4);
    const std::size_t at = text.find(tail);
    EXPECT_NE(at, std::string::npos) << text;
    return text.replace(at, tail.size(), "SHOWN");
  };
  const auto with_crc = [](const std::string& head) {
    return head + "-" + to_base62(crc32(head), 6);
  };
  const std::string& key = gateway.key("aurora");
  const std::string wrong_secret = with_crc(key.substr(0, 16) + std::string(43, 'x'));
  const std::string unknown = with_crc("sm-" + std::string(12, 'u') + "-" + std::string(43, 'x'));
  EXPECT_EQ(ask(wrong_secret), ask(unknown));
}

TEST(Answers, AWrongTenantInThePathLooksLikeAnUnknownOne) {
  GatewayWorld gateway;
  const auto ask = [&gateway](std::string_view path) {
    Client client(gateway);
    client.get(path, "aurora");
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 401);
    EXPECT_TRUE(answer.has(R"("code":"invalid_api_key")"));
    return anonymous(answer, "\xff");
  };
  const std::string foreign = ask("/t/borealis/v1/models");
  EXPECT_EQ(foreign, ask("/t/nobodyis/v1/models"));
  Client client(gateway);
  client.get("/t/aurora/v1/models", "aurora");
  EXPECT_EQ(client.answer().status, 200);
}

TEST(Answers, AWrongKeyIsRefusedBeforeAnythingElse) {
  GatewayWorld gateway;
  Client client(gateway);
  std::string wrong = gateway.key("aurora");
  wrong[20] = wrong[20] == 'a' ? 'b' : 'a';
  client.send("GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + wrong + "\r\n\r\n");
  const Answer answer = client.answer();
  EXPECT_EQ(answer.status, 401);
  EXPECT_THAT(answer.head, HasSubstr("www-authenticate: Bearer"));
  EXPECT_THAT(answer.body, Not(HasSubstr(wrong)));
}

TEST(Answers, OnlyAllowedHeadersReachTheEngine) {
  GatewayWorld gateway;
  Client client(gateway);
  std::string fields;
  for (const char* name : {"x-api-key-other",
                           "openai-beta",
                           "x-client-request-id",
                           "idempotency-key",
                           "x-stainless-retry-count",
                           "x-stainless-timeout",
                           "x-stainless-read-timeout",
                           "x-gateway-inference-fairness-id",
                           "x-gateway-inference-objective",
                           "x-gateway-model-name",
                           "x-llm-d-tenant",
                           "x-sm-tags",
                           "x-sm-no-log",
                           "x-sm-cache",
                           "x-envoy-original-path",
                           "x-forwarded-for",
                           "x-forwarded-host",
                           "cookie",
                           "user-agent",
                           "x-tenant",
                           "proxy-authorization",
                           "te",
                           "forwarded",
                           "baggage"}) {
    fields += std::string(name) + ": planted\r\n";
  }
  fields +=
      "x-request-id: planted\r\ntracestate: a=b\r\n"
      "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
      "x-b3-traceid: 0af7651916cd43dd8448eb211c80319c\r\nx-b3-spanid: b7ad6b7169203331\r\n"
      "x-b3-sampled: 1\r\nx-sm-timeout-ms: 60000\r\nx-sm-priority: batch\r\n";
  client.post(kChat, chat_body("x"), "aurora", fields);
  const Answer answer = client.answer();
  EXPECT_EQ(answer.status, 200) << answer.body;
  ASSERT_FALSE(gateway.engine_sim.requests().empty());
  for (const auto& [name, value] : gateway.engine_sim.requests().back().fields) {
    EXPECT_THAT(
        name, testing::AnyOf("host", "content-type", "content-length", "accept", "accept-encoding",
                             "traceparent", "tracestate", "b3", "connection"));
    EXPECT_THAT(value, Not(HasSubstr("planted"))) << name;
    EXPECT_THAT(value, Not(HasSubstr(gateway.key("aurora")))) << name;
  }
}

TEST(Answers, WhatIsNoRequestLeavesATraceToo) {
  GatewayWorld gateway;
  const auto ask = [&](const std::string& bytes) {
    Client client(gateway);
    client.send(bytes);
    const Answer answer = client.answer();
    EXPECT_THAT(answer.head, HasSubstr("\r\nx-sm-request-id: req_"));
    EXPECT_THAT(answer.head, HasSubstr("\r\nx-request-id: req_"));
    return answer.status;
  };
  const std::string post = "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(ask("GET /healthz HTTP/1.1\nHost: a\n\n"), 400);
  EXPECT_EQ(ask(post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(ask("GET /" + std::string(9'000, 'a') + " HTTP/1.1\r\n\r\n"), 414);
  EXPECT_EQ(ask(post + "x: " + std::string(70'000, 'a') + "\r\n\r\n"), 431);
  EXPECT_EQ(ask("GET /v1/models HTTP/1.1\r\nHo"), 408);
  ASSERT_EQ(gateway.sink.lines.size(), 5U);
  for (const std::string& line : gateway.sink.lines) {
    EXPECT_THAT(line, HasSubstr(R"("event":"request","request_id":"req_)"));
    EXPECT_THAT(line, HasSubstr(R"("route":"unmatched")"));
  }
  EXPECT_THAT(gateway.sink.lines[1], HasSubstr(R"("method":"POST")"));
  EXPECT_THAT(gateway.sink.lines[3], HasSubstr(R"("message":"The header is too large.")"));
  const std::string metrics = gateway.metrics();
  const auto counted = [&](std::string_view code, std::string_view reason, int count) {
    EXPECT_THAT(metrics,
                HasSubstr(fmt::format("sm_requests_total{{route=\"unmatched\",tenant=\"\",model="
                                      "\"\",code=\"{}\",reason=\"{}\"}} {}\n",
                                      code, reason, count)));
  };
  counted("400", "invalid_request", 2);
  counted("408", "request_timeout", 1);
  counted("414", "invalid_request", 1);
  counted("431", "request_header_fields_too_large", 1);
}

TEST(Answers, AClientsOwnIdIsInTheLogIfItIsHarmless) {
  GatewayWorld gateway;
  for (const std::string_view id : {"call-1_A", "a b", "\\u0000"}) {
    Client client(gateway);
    client.post(kChat, chat_body("x"), "aurora", fmt::format("X-Client-Request-Id: {}\r\n", id));
    EXPECT_THAT(client.answer().head, Not(HasSubstr("call-1_A")));
  }
  ASSERT_EQ(gateway.sink.lines.size(), 3U);
  EXPECT_THAT(gateway.sink.lines[0], HasSubstr(R"("x_client_request_id":"call-1_A")"));
  EXPECT_THAT(gateway.sink.lines[1], Not(HasSubstr("x_client_request_id")));
  EXPECT_THAT(gateway.sink.lines[2], Not(HasSubstr("x_client_request_id")));
}

TEST(Answers, LogLinesHaveDigestsAndNoText) {
  GatewayWorld gateway;
  Client client(gateway);
  client.post(kChat, chat_body("zanzibar nightingale"));
  (void)client.answer();
  client.post(kChat, chat_body("zanzibar nightingale", kStream));
  (void)client.answer();
  client.post(kChat, chat_body("zanzibar nightingale"), "borealis");
  (void)client.answer();
  EXPECT_TRUE(gateway.settle());
  gateway.world.run_for(1s);
  ASSERT_EQ(gateway.sink.lines.size(), 3U);
  for (const std::string& line : gateway.sink.lines) {
    EXPECT_THAT(line, Not(HasSubstr("zanzibar")));
    EXPECT_THAT(line, Not(HasSubstr("one mesh")));
    EXPECT_THAT(line, Not(HasSubstr(gateway.key("aurora"))));
    EXPECT_EQ(log_value(line, "prompt_digest").size(), 64U);
    EXPECT_EQ(log_value(line, "answer_digest").size(), 64U);
  }
  const auto& lines = gateway.sink.lines;
  for (const char* name : {"prompt_digest", "answer_digest"}) {
    EXPECT_EQ(log_value(lines[0], name), log_value(lines[1], name)) << "plain and streamed";
    EXPECT_NE(log_value(lines[0], name), log_value(lines[2], name)) << "another tenant's key";
  }
}

// What an engine or we say of a request may quote it.
TEST(Answers, LogLinesOfRefusedRequestsHaveNoTextEither) {
  GatewayWorld gateway;
  const std::string body = R"({"error":{"message":"Invalid prompt: zanzibar","code":400}})";
  gateway.scripted.script = {
      .parts = {fmt::format("HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
                            "content-length: {}\r\n\r\n{}",
                            body.size(), body)}};
  Client client(gateway);
  client.post(kChat, chat_body("zanzibar", "", "script"));
  const Answer answer = client.answer();
  EXPECT_EQ(answer.status, 400);
  client.post(kChat, chat_body("x", R"(,"zanzibar":1)"));
  (void)client.answer();
  client.post(kChat, chat_body("x", "", "zanzibar"));
  (void)client.answer();
  client.get("/v1/zanzibar");
  (void)client.answer();
  EXPECT_TRUE(gateway.settle());
  ASSERT_EQ(gateway.sink.lines.size(), 4U);
  for (const std::string& line : gateway.sink.lines)
    EXPECT_THAT(line, Not(HasSubstr("zanzibar")));
}

// Others on the way may have read another one than we would.
TEST(Answers, FieldsThatCountOnceMustComeOnce) {
  GatewayWorld gateway;
  for (const std::string& field : {"authorization: Bearer " + gateway.key("borealis"),
                                   std::string("content-type: application/json")}) {
    Client client(gateway);
    client.post(kChat, chat_body("x"), "aurora", field + "\r\n");
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 400) << field;
    EXPECT_TRUE(answer.has("was sent more than once")) << answer.body;
  }
}

TEST(Answers, HaveTheirIdUnderBothNames) {
  GatewayWorld gateway;
  Client client(gateway);
  client.post(kChat, chat_body("x"));
  EXPECT_THAT(client.answer().head,
              AllOf(HasSubstr("\r\nx-request-id: req_"), HasSubstr("\r\nx-sm-request-id: req_")));
  client.post(kChat, chat_body("x"), "aurora", "x-request-id: mine-1\r\n");
  EXPECT_THAT(client.answer().head,
              AllOf(HasSubstr("\r\nx-request-id: mine-1"), HasSubstr("\r\nx-sm-request-id: req_")));
}

}  // namespace
}  // namespace sovmesh::flow
