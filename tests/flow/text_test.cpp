// Text and JSON from client to engine and back: every byte of what is valid arrives, nothing of
// what is not.

#include <gmock/gmock.h>

#include "tests/flow/gateway_world.h"
#include "tests/flow/stream_script.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::string_view kChat = "/v1/chat/completions";

std::string utf8(std::uint32_t code) {
  const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
  if (code < 0x80) return {byte(code)};
  if (code < 0x800) return {byte(0xc0 | code >> 6), byte(0x80 | (code & 0x3f))};
  if (code < 0x10000)
    return {byte(0xe0 | code >> 12), byte(0x80 | (code >> 6 & 0x3f)), byte(0x80 | (code & 0x3f))};
  return {byte(0xf0 | code >> 18), byte(0x80 | (code >> 12 & 0x3f)),
          byte(0x80 | (code >> 6 & 0x3f)), byte(0x80 | (code & 0x3f))};
}

// The edges of every length, controls that JSON allows raw, marks that reorder or join, and
// samples.
std::vector<std::string> strings() {
  std::vector<std::string> all{"a",
                               " ",
                               "\x7f",
                               "data: [DONE]",
                               "[DONE]",
                               "</script>",
                               "${x}",
                               "\xe2\x80\xae"
                               "desrever",
                               "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xac",
                               "Z\xcc\xa8\xcd\x84",
                               "\xef\xbb\xbf"
                               "bom",
                               "event: x",
                               ": comment"};
  for (std::uint32_t code : {0x80U, 0x7ffU, 0x800U, 0xd7ffU, 0xe000U, 0xfffdU, 0xffffU, 0x10000U,
                             0x10ffffU, 0x85U, 0x2028U, 0x2029U, 0xfeffU, 0xfdd0U})
    all.push_back(utf8(code));
  for (std::uint32_t code = 0xa1; code < 0x110000; code = code * 17 / 16 + 1)
    if (code < 0xd800 || code > 0xdfff) all.push_back(utf8(code));
  return all;
}

TEST(Text, ArrivesByteForByteBothWays) {
  GatewayWorld gateway;
  for (const std::string& text : strings()) {
    SCOPED_TRACE(testing::PrintToString(text));
    // The engine says the same, in two tokens, one event split within it.
    StreamScript script = make_stream({text, text});
    const std::size_t half = script.token_ends[0] - 8;
    gateway.scripted.script = {.parts = {script.bytes.substr(0, half), script.bytes.substr(half)},
                               .end = Script::End::keep};
    Client client(gateway);
    client.post(kChat, chat_body(text, kStream, "script"));
    const Answer streamed = client.answer();
    EXPECT_EQ(streamed.count("\"content\":\"" + text + "\""), 2U) << streamed.body;
    EXPECT_THAT(gateway.scripted.bodies.back(), HasSubstr("\"content\":\"" + text + "\""));
    client.post(kChat, chat_body(text, "", "script"));
    EXPECT_TRUE(client.answer().has("\"content\":\"" + text + text + "\""));
    if (testing::Test::HasFailure()) return;
  }
}

// A silent stream gives up what it can make again, wherever the silence comes.
TEST(Text, AStreamGoesOnAfterASilenceAsIfThereHadBeenNone) {
  GatewayWorld gateway;
  const auto body_of = [&](std::vector<std::string> parts) {
    gateway.scripted.script = {
        .parts = std::move(parts), .end = Script::End::keep, .pause = 1500ms};
    Client client(gateway);
    client.post(kChat, chat_body("x", kStream, "script"));
    Answer answer = client.answer();
    EXPECT_TRUE(answer.complete);
    return without_ids(std::move(answer.body));
  };
  for (const std::string_view line_end : {"\n", "\r\n", "\r"}) {
    const std::string bytes = make_stream({"a", "b", "c"}, line_end).bytes;
    const std::string at_once = body_of({bytes});
    for (std::size_t cut = kStreamHead.size(); cut < bytes.size(); cut += 3) {
      ASSERT_EQ(body_of({bytes.substr(0, cut), bytes.substr(cut)}), at_once) << cut;
    }
  }
  EXPECT_THAT(gateway.ledger.violations, testing::IsEmpty());
}

TEST(Text, EscapesMeanTheSameForTheEngine) {
  GatewayWorld gateway;
  const StreamScript script = make_stream({R"(\u00e6\ud83d\udc1f\n\"\\)"});
  gateway.scripted.script = {.parts = {script.bytes}, .end = Script::End::keep};
  Client client(gateway);
  client.post(kChat, chat_body(R"(\u00e6\ud83d\udc1f\n\"\\)", "", "script"));
  const Answer answer = client.answer();
  const auto same = testing::AnyOf(HasSubstr("\xc3\xa6\xf0\x9f\x90\x9f\\n\\\"\\\\"),
                                   HasSubstr(R"(\u00e6\ud83d\udc1f\n\"\\)"));
  EXPECT_THAT(answer.body, same);
  EXPECT_THAT(gateway.scripted.bodies.back(), same);
}

// None of these may reach an engine; the connection and its tenant go on.
TEST(Text, WhatIsNotStrictJsonIsRefusedBeforeTheEngine) {
  GatewayWorld gateway;
  const std::string good = chat_body("x");
  const auto with = [](std::string_view content) { return chat_body(content); };
  const std::string deep = R"({"model":"chat","messages":[{"role":"user","content":"x"}],"a":)" +
                           std::string(100'000, '[') + std::string(100'000, ']') + "}";
  const std::vector<std::string> bad{
      "",
      "{",
      "null",
      "[]",
      "\"x\"",
      good + "x",
      good + good,
      good.substr(0, good.size() - 1),
      R"({"model":"chat","model":"aurora-only","messages":[{"role":"user","content":"x"}]})",
      R"({"model":"chat","messages":[{"role":"user","content":"x","content":"y"}]})",
      R"({"model":"chat","messages":[{"role":"user","content":"x"}],"max_tokens":1e400})",
      R"({"model":"chat","messages":[{"role":"user","content":"x"}],"max_tokens":NaN})",
      R"({"model":"chat","messages":[{"role":"user","content":"x"}],"max_tokens":-1})",
      R"({"model":"chat","messages":[{"role":"user","content":"x"}],"n":100000})",
      R"({"model":"chat","messages":[]})",
      R"({"messages":[{"role":"user","content":"x"}]})",
      R"({"model":7,"messages":[{"role":"user","content":"x"}]})",
      deep,
      with("\xff"),
      with("\xc3"),
      with("\xed\xa0\x80"),
      with("\xf4\x90\x80\x80"),
      with("\xc0\x80"),
      with(R"(\ud800)"),
      with(R"(\udc00\ud800)"),
      with("\x01"),
      with(R"(\x)"),
      with("a\nb")};
  for (const std::string& body : bad) {
    SCOPED_TRACE(testing::PrintToString(body.substr(0, 120)));
    Client client(gateway);
    client.post(kChat, body);
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 400) << answer.body;
    EXPECT_TRUE(answer.has(R"("type":"invalid_request_error")"));
    client.post(kChat, good);
    EXPECT_EQ(client.answer().status, 200);
  }
  EXPECT_EQ(gateway.engine_sim.counts().requests, static_cast<std::int64_t>(bad.size()));
  EXPECT_EQ(gateway.ledger.order.size(), bad.size());
}

}  // namespace
}  // namespace sovmesh::flow
