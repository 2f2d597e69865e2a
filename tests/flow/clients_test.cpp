// Clients that go away, do not read, or lose their right in the middle.

#include <gmock/gmock.h>

#include "tests/flow/gateway_world.h"
#include "tests/flow/stream_script.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::string_view kChat = "/v1/chat/completions";

const metering::Settlement& last_settlement(const GatewayWorld& gateway) {
  static const metering::Settlement kNone;
  const auto& settlement = gateway.ledger.last().settlement;
  EXPECT_TRUE(settlement.has_value());
  return settlement ? *settlement : kNone;
}

// How the only request of a tenant ended.
std::optional<metering::Finish> finish_for(const GatewayWorld& gateway, std::string_view tenant) {
  for (const auto& [id, row] : gateway.ledger.records) {
    if (row.intent.tenant == gateway.tenant_id(tenant) && row.settlement)
      return row.settlement->finish;
  }
  return std::nullopt;
}

TEST(Clients, HangingUpOnASilentStreamCancelsTheEngine) {
  GatewayWorld gateway;
  Client client(gateway);
  client.post(kChat, chat_body("[[sim:stall-after=3]]", kStream));
  ASSERT_TRUE(client.wait_for(R"("is ")"));
  gateway.world.run_for(2s);
  client.hang_up();
  EXPECT_TRUE(
      gateway.world.run_until([&] { return gateway.engine_sim.counts().cancelled == 1; }, 250ms));
  EXPECT_TRUE(gateway.settle(1s));
  EXPECT_EQ(last_settlement(gateway).finish, metering::Finish::client_closed);
  EXPECT_EQ(last_settlement(gateway).counts.generated, 3);
  EXPECT_EQ(last_settlement(gateway).counts.delivered, 3);
  EXPECT_THAT(gateway.ledger.violations, IsEmpty());
}

TEST(Clients, HangingUpOnAPlainRequestIsCountedToo) {
  GatewayWorld gateway;
  Client client(gateway);
  client.post(kChat, chat_body("[[sim:rate=10]]"));
  gateway.world.run_for(750ms);
  client.hang_up();
  EXPECT_TRUE(
      gateway.world.run_until([&] { return gateway.engine_sim.counts().cancelled == 1; }, 250ms));
  EXPECT_TRUE(gateway.settle(1s));
  EXPECT_EQ(last_settlement(gateway).finish, metering::Finish::client_closed);
  EXPECT_GT(last_settlement(gateway).counts.generated, 0);
  EXPECT_EQ(last_settlement(gateway).counts.generated,
            gateway.engine_sim.counts().generated_tokens);
  EXPECT_EQ(last_settlement(gateway).counts.delivered, 0);
  EXPECT_THAT(gateway.ledger.violations, IsEmpty());
}

// What the engine has made is paid for; that it was sent is said only of what was.
TEST(Clients, HangingUpBeforeAWholeAnswerGoesOutIsNoDelivery) {
  for (const bool assembled : {false, true}) {
    SCOPED_TRACE(assembled);
    GatewayWorld gateway;
    gateway.engine->capabilities_.counts_cancelled_plain = !assembled;
    Client client(gateway);
    client.post(kChat, chat_body("[[sim:tokens=100,rate=1000]]"));
    ASSERT_TRUE(gateway.world.run_until([&] { return gateway.ledger.open_rows() == 1; }, 1s));
    gateway.ledger.sync_time = 500ms;  // of the counts, before the answer
    gateway.world.run_for(300ms);
    ASSERT_EQ(gateway.ledger.open_rows(), 1U);
    client.hang_up();
    EXPECT_TRUE(gateway.settle(2s));
    EXPECT_EQ(last_settlement(gateway).finish, metering::Finish::client_closed);
    EXPECT_EQ(last_settlement(gateway).counts.generated, 100);
    EXPECT_EQ(last_settlement(gateway).counts.delivered, 0);
    EXPECT_THAT(gateway.sink.lines.back(), HasSubstr(R"("status":499)"));
    EXPECT_TRUE(gateway.metrics().contains("sm_unsaved_answers_total 0"));
  }
}

// The engine has done the work: a ledger that cannot write keeps nobody from his answer.
TEST(Clients, AWholeAnswerWhoseCountsCannotBeSavedGoesOutAndIsCounted) {
  GatewayWorld gateway;
  Client client(gateway);
  client.post(kChat, chat_body("[[sim:tokens=100]]"));
  ASSERT_TRUE(gateway.world.run_until([&] { return gateway.ledger.open_rows() == 1; }, 1s));
  gateway.ledger.broken = true;
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_EQ(last_settlement(gateway).finish, metering::Finish::stop);
  EXPECT_EQ(last_settlement(gateway).counts.delivered, 100);
  EXPECT_TRUE(gateway.metrics().contains("sm_unsaved_answers_total 1"));
  EXPECT_THAT(gateway.sink.lines, testing::Contains(HasSubstr("answer_unsaved")));
}

TEST(Clients, ARevokedKeyEndsItsStreamWithinFiveSeconds) {
  GatewayWorld gateway;
  Client mine(gateway);
  Client other(gateway);
  mine.post(kChat, chat_body("[[sim:rate=2,tokens=40]]", kStream));
  other.post(kChat, chat_body("[[sim:rate=2,tokens=40]]", kStream), "borealis");
  ASSERT_TRUE(mine.wait_for("data: "));
  gateway.world.run_for(1s);
  gateway.revoke("aurora");
  EXPECT_TRUE(mine.wait_for(R"("code":"invalid_api_key")", 5s));
  const Answer answer = mine.answer();
  EXPECT_FALSE(answer.has("[DONE]"));
  EXPECT_EQ(finish_for(gateway, "aurora"), metering::Finish::revoked);
  EXPECT_TRUE(other.answer().has("[DONE]"));
}

TEST(Clients, ASilentRevokedStreamEndsToo) {
  GatewayWorld gateway;
  Client client(gateway);
  client.post(kChat, chat_body("[[sim:stall-after=2]]", kStream));
  ASSERT_TRUE(client.wait_for("mesh "));
  gateway.revoke("aurora");
  EXPECT_TRUE(client.wait_for(R"("code":"invalid_api_key")", 5s));
  EXPECT_TRUE(gateway.settle(1s));
  EXPECT_EQ(last_settlement(gateway).finish, metering::Finish::revoked);
  EXPECT_EQ(gateway.engine_sim.counts().cancelled, 1);
}

TEST(Clients, OneThatDoesNotReadIsDroppedAndOthersGoOn) {
  GatewayWorld gateway;
  Client deaf(gateway);
  deaf.post(kChat, chat_body("[[sim:tokens=8000]]", kStream));
  gateway.world.run_for(20s);
  EXPECT_EQ(gateway.ledger.open_rows(), 1U);
  Client good(gateway);
  good.post(kChat, chat_body("x", kStream), "borealis");
  EXPECT_TRUE(good.answer().has("[DONE]"));
  EXPECT_EQ(gateway.ledger.open_rows(), 1U);
  EXPECT_TRUE(gateway.settle(15s));
  const auto& row = gateway.ledger.records.at(gateway.ledger.order.front());
  ASSERT_TRUE(row.settlement.has_value());
  EXPECT_EQ(row.settlement->finish, metering::Finish::client_closed);
  EXPECT_EQ(gateway.engine_sim.counts().cancelled, 1);
  EXPECT_THAT(gateway.ledger.violations, IsEmpty());
}

TEST(Clients, AFullEngineMakesThemWaitAndThenRefuses) {
  GatewayWorld gateway(7, {}, 1);
  Client first(gateway);
  first.post(kChat, chat_body("[[sim:rate=1,tokens=50]]", kStream));
  ASSERT_TRUE(first.wait_for("data: "));
  Client second(gateway);
  const Instant asked = gateway.world.now();
  second.post(kChat, chat_body("x"), "borealis");
  const Answer refused = second.answer();
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.has(R"("code":"queue_full")"));
  EXPECT_NEAR(std::chrono::duration<double>(gateway.world.now() - asked).count(), 30.0, 0.2);
  EXPECT_TRUE(first.answer().has("[DONE]"));
  EXPECT_EQ(gateway.ledger.order.size(), 1U);
}

TEST(Clients, OneThatWaitsLongIsKeptAlive) {
  GatewayWorld gateway;
  Client client(gateway);
  const Instant asked = gateway.world.now();
  client.post(kChat, chat_body("[[sim:delay=20000]]", kStream));
  ASSERT_TRUE(client.wait_for(": keep-alive\n\n"));
  EXPECT_NEAR(std::chrono::duration<double>(gateway.world.now() - asked).count(), 15.0, 0.2);
  EXPECT_THAT(client.heard(), testing::StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(client.heard(), Not(HasSubstr("data: ")));
  const Answer answer = client.answer();
  EXPECT_TRUE(answer.has("[DONE]"));
  EXPECT_TRUE(answer.complete);
}

// Behind others it waits the same: its status and a sign of life after 15 s, then the answer.
TEST(Clients, OneThatWaitsInTheQueueIsKeptAlive) {
  GatewayWorld gateway(7, {}, 1);
  Client first(gateway);
  first.post(kChat, chat_body("[[sim:rate=1,tokens=21]]", kStream));
  ASSERT_TRUE(first.wait_for("data: "));
  Client second(gateway);
  const Instant asked = gateway.world.now();
  second.post(kChat, chat_body("x", kStream), "borealis");
  ASSERT_TRUE(second.wait_for(": keep-alive\n\n"));
  EXPECT_NEAR(std::chrono::duration<double>(gateway.world.now() - asked).count(), 15.0, 0.2);
  EXPECT_THAT(second.heard(), testing::StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(gateway.ledger.order.size(), 1U) << "nothing is dispatched yet";
  const Answer answer = second.answer();
  EXPECT_THAT(answer.body, testing::EndsWith("data: [DONE]\n\n"));
  EXPECT_EQ(answer.count(": keep-alive"), 1U);
  EXPECT_TRUE(answer.complete);
  EXPECT_TRUE(gateway.settle());
  EXPECT_THAT(gateway.ledger.violations, IsEmpty());
}

// Later errors are in-band: the status is out.
TEST(Clients, OneThatWaitsInTheQueueInVainIsToldInBand) {
  GatewayWorld gateway(7, {}, 1);
  Client first(gateway);
  first.post(kChat, chat_body("[[sim:rate=1,tokens=50]]", kStream));
  ASSERT_TRUE(first.wait_for("data: "));
  Client second(gateway);
  const Instant asked = gateway.world.now();
  second.post(kChat, chat_body("x", kStream), "borealis");
  const Answer answer = second.answer();
  EXPECT_NEAR(std::chrono::duration<double>(gateway.world.now() - asked).count(), 30.0, 0.2);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.count(R"("code":"queue_full")"), 1U) << answer.body;
  EXPECT_FALSE(answer.has("[DONE]"));
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(gateway.ledger.order.size(), 1U);
  EXPECT_TRUE(first.answer().has("[DONE]"));
}

TEST(Clients, HangingUpInTheQueueAfterASignOfLifeLeavesNothing) {
  GatewayWorld gateway(7, {}, 1);
  Client first(gateway);
  first.post(kChat, chat_body("[[sim:rate=1,tokens=50]]", kStream));
  ASSERT_TRUE(first.wait_for("data: "));
  Client second(gateway);
  second.post(kChat, chat_body("x", kStream), "borealis");
  ASSERT_TRUE(second.wait_for(": keep-alive"));
  second.hang_up();
  gateway.world.run_for(100ms);
  EXPECT_EQ(gateway.dispatcher().load().waiting, 0U);
  ASSERT_FALSE(gateway.sink.lines.empty());
  EXPECT_THAT(gateway.sink.lines.back(), HasSubstr("client_closed"));
  EXPECT_EQ(gateway.ledger.order.size(), 1U);
  EXPECT_TRUE(first.answer().has("[DONE]"));
}

// The last chunk is not what is paid for.
TEST(Clients, HangingUpBeforeTheLastChunkPaysForAllTokens) {
  GatewayWorld gateway;
  const StreamScript script = make_stream({"w1 ", "w2 ", "w3 ", "w4"});
  gateway.scripted.script = {.parts = {script.bytes.substr(0, script.token_ends.back())},
                             .end = Script::End::hang};
  Client client(gateway);
  client.post(kChat, chat_body("x", kStream, "script"));
  ASSERT_TRUE(client.wait_for("w4"));
  client.hang_up();
  EXPECT_TRUE(gateway.settle(1s));
  EXPECT_EQ(last_settlement(gateway).finish, metering::Finish::client_closed);
  EXPECT_EQ(last_settlement(gateway).counts.generated, 4);
  EXPECT_EQ(last_settlement(gateway).counts.delivered, 4);
}

// An engine of llama.cpp's kind that has accepted a prompt of 16 tokens and is still at it.
void accept_a_prompt(GatewayWorld& gateway) {
  gateway.scripted_engine->dialect_ = llmapi::Dialect::llama_cpp;
  gateway.scripted.script = {
      .parts = {std::string(kStreamHead) +
                chunk(R"(data: {"choices":[{"index":0,"delta":{"role":"assistant","content":null},)"
                      R"("finish_reason":null}],"object":"chat.completion.chunk",)"
                      R"("prompt_progress":{"total":16,"cache":7,"processed":7,"time_ms":0}})"
                      "\n\n")},
      .end = Script::End::hang};
}

// A prompt is paid for once its engine has accepted it: the work cannot be had for nothing by
// hanging up before the first token.
TEST(Clients, HangingUpInThePrefillPaysForThePrompt) {
  for (const std::string_view stream : {kStream, std::string_view()}) {
    SCOPED_TRACE(stream);
    GatewayWorld gateway;
    accept_a_prompt(gateway);
    Client client(gateway);
    client.post(kChat, chat_body("x", stream, "script"));
    gateway.world.run_for(400ms);
    EXPECT_EQ(gateway.ledger.last().checkpoint.prompt, 16) << "a crash would not lose it either";
    client.hang_up();
    EXPECT_TRUE(gateway.settle(1s));
    EXPECT_EQ(last_settlement(gateway).finish, metering::Finish::client_closed);
    EXPECT_EQ(
        last_settlement(gateway).counts,
        (metering::Counts{.prompt = 16, .cached = 7, .source = metering::Source::engine_live}));
    EXPECT_THAT(gateway.ledger.violations, IsEmpty());
  }
}

TEST(Clients, ATimeoutInThePrefillPaysForThePrompt) {
  for (const std::string_view stream : {kStream, std::string_view()}) {
    SCOPED_TRACE(stream);
    GatewayWorld gateway;
    accept_a_prompt(gateway);
    Client client(gateway);
    client.post(kChat, chat_body("x", stream, "script"), "aurora", "x-sm-timeout-ms: 2000\r\n");
    EXPECT_EQ(client.answer().status, 504);
    EXPECT_TRUE(gateway.settle(1s));
    EXPECT_EQ(last_settlement(gateway).finish, metering::Finish::upstream_timeout);
    EXPECT_EQ(last_settlement(gateway).counts.prompt, 16);
    EXPECT_EQ(last_settlement(gateway).counts.cached, 7);
  }
}

// Engines that count a prompt only with their first token: its head says that they have accepted
// it. Our own count is a lower bound, and may all have been in the engine's cache.
TEST(Clients, APromptThatWasAcceptedAndNotCountedIsPaidForAsWhatItHasAtLeast) {
  for (const auto dialect : {llmapi::Dialect::vllm, llmapi::Dialect::sglang}) {
    for (const std::string_view stream : {kStream, std::string_view()}) {
      SCOPED_TRACE(fmt::format("{}{}", llmapi::name(dialect), stream));
      GatewayWorld gateway;
      gateway.scripted_engine->dialect_ = dialect;
      gateway.scripted.script = {.parts = {std::string(kStreamHead)}, .end = Script::End::hang};
      Client client(gateway);
      client.post(kChat, chat_body("five words are in it", stream, "script"));
      gateway.world.run_for(400ms);
      EXPECT_EQ(gateway.ledger.last().checkpoint.prompt, 4) << "a crash would not lose it either";
      client.hang_up();
      EXPECT_TRUE(gateway.settle(1s));
      EXPECT_EQ(last_settlement(gateway).finish, metering::Finish::client_closed);
      EXPECT_EQ(last_settlement(gateway).counts,
                (metering::Counts{.prompt = 4, .cached = 4, .source = metering::Source::floor}));
      EXPECT_THAT(gateway.ledger.violations, IsEmpty());
    }
  }
}

// The simulated engine says how long the prompt really is, to whoever stays. It takes each word for
// a token, the signs, too; what is inside of the wish is several to a tokenizer.
TEST(Clients, HangingUpInThePrefillNeverPaysForMoreThanThePrompt) {
  for (const auto dialect : {llmapi::Dialect::vllm, llmapi::Dialect::sglang}) {
    for (const std::string_view stream : {kStream, std::string_view()}) {
      SCOPED_TRACE(fmt::format("{}{}", llmapi::name(dialect), stream));
      GatewayWorld gateway(7, {.dialect = dialect});
      gateway.engine->dialect_ = dialect;
      const std::string body =
          chat_body("[[sim:head-first,prefill=2000]] a prompt of words - - - -", stream);
      Client gone(gateway);
      gone.post(kChat, body);
      gateway.world.run_for(1s);
      gone.hang_up();
      EXPECT_TRUE(gateway.settle(1s));
      const metering::Counts charged = last_settlement(gateway).counts;
      EXPECT_GT(charged.prompt, 0);
      Client stays(gateway);
      stays.post(kChat, body);
      EXPECT_EQ(stays.answer().status, 200);
      EXPECT_TRUE(gateway.settle(1s));
      EXPECT_EQ(last_settlement(gateway).counts.source, metering::Source::engine_final);
      EXPECT_LE(charged.prompt, last_settlement(gateway).counts.prompt);
    }
  }
}

// Nothing says that these have accepted it, or that they read all of it.
TEST(Clients, APromptThatNoEngineHasAcceptedCostsNothing) {
  const auto prompt_of = [](llmapi::Dialect dialect, const Script& script) {
    GatewayWorld gateway;
    gateway.scripted_engine->dialect_ = dialect;
    gateway.scripted.script = script;
    Client client(gateway);
    client.post(kChat, chat_body("five words are in it", kStream, "script"));
    gateway.world.run_for(400ms);
    client.hang_up();
    EXPECT_TRUE(gateway.settle(1s));
    return last_settlement(gateway).counts.prompt;
  };
  const Script silent{.parts = {}, .end = Script::End::hang};
  const Script accepted{.parts = {std::string(kStreamHead)}, .end = Script::End::hang};
  EXPECT_EQ(prompt_of(llmapi::Dialect::vllm, silent), 0);
  EXPECT_EQ(prompt_of(llmapi::Dialect::openai, accepted), 0);
}

// Terse events of an engine, as many as one read and one socket's buffer hold. The client takes
// none of them, so that most lie between engine and translation when it goes away.
std::string terse_stream(std::size_t tokens) {
  std::string events;
  for (std::size_t i = 0; i < tokens; ++i)
    events += "data:{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
  return std::string(kStreamHead) + chunk(events);
}

// What lies in our buffers has been made and has been sent: it is paid for.
TEST(Clients, HangingUpOnAFastEnginePaysForAllThatHasArrived) {
  GatewayWorld gateway;
  constexpr std::int64_t kTokens = 1'500;
  gateway.scripted.script = {.parts = {terse_stream(kTokens)}, .end = Script::End::hang};
  Client client(gateway);
  client.post(kChat, chat_body("x", kStream, kLongModel));
  gateway.world.run_for(5s);
  ASSERT_EQ(gateway.ledger.open_rows(), 1U);
  client.reset();
  EXPECT_TRUE(gateway.world.run_until([&] { return gateway.scripted.gone == 1; }, 250ms));
  EXPECT_TRUE(gateway.settle(1s));
  EXPECT_EQ(last_settlement(gateway).finish, metering::Finish::client_closed);
  EXPECT_EQ(last_settlement(gateway).counts.generated, kTokens);
  EXPECT_LT(last_settlement(gateway).counts.delivered, kTokens);
  EXPECT_THAT(gateway.ledger.violations, IsEmpty());
}

// The client's end and the engine's bytes come in one turn of the loop, before anybody looks: the
// whole answer, or what follows the first token.
TEST(Clients, HangingUpAsTheAnswerComesPaysForIt) {
  const StreamScript script = make_stream({"w1 ", "w2 ", "w3 ", "w4"});
  const std::size_t begun = script.token_ends.front();
  for (const std::string_view stream : {kStream, std::string_view()}) {
    for (const std::size_t at : {std::size_t{0}, begun}) {
      SCOPED_TRACE(fmt::format("from byte {}{}", at, stream));
      GatewayWorld gateway;
      gateway.scripted.script = {.parts = {script.bytes.substr(0, at), script.bytes.substr(at)},
                                 .end = Script::End::hang,
                                 .pause = 20ms};
      Client client(gateway);
      client.post(kChat, chat_body("x", stream, "script"));
      gateway.world.run_for(10ms);
      const auto to_engine = gateway.world.wire().connections(*rt::parse_endpoint("10.0.0.3:8000"));
      ASSERT_EQ(to_engine.size(), 1U);
      gateway.world.wire().stall(to_engine.front());
      gateway.world.run_for(20ms);
      gateway.world.wire().resume(to_engine.front());
      gateway.world.wire().reset(client.connection());
      EXPECT_TRUE(gateway.world.run_until([&] { return gateway.scripted.gone == 1; }, 250ms));
      EXPECT_TRUE(gateway.settle(1s));
      const metering::Settlement& settlement = last_settlement(gateway);
      EXPECT_EQ(settlement.finish, metering::Finish::client_closed);
      EXPECT_EQ(settlement.counts.generated, 4);
      EXPECT_EQ(settlement.counts.prompt, 2);
      EXPECT_EQ(settlement.counts.source, metering::Source::engine_final);
      EXPECT_EQ(settlement.counts.delivered, at > 0 && !stream.empty() ? 1 : 0);
      EXPECT_THAT(gateway.ledger.violations, IsEmpty());
    }
  }
}

// Many engines send the end of the body apart from [DONE]. The client does not wait for it, and the
// connection is kept.
TEST(Clients, AnEndThatComesLateCostsNoConnection) {
  GatewayWorld gateway;
  const StreamScript script = make_stream({"w1 ", "w2"});
  gateway.scripted.script = {
      .parts = {script.bytes.substr(0, script.done_end), script.bytes.substr(script.done_end)}};
  for (const std::string_view stream : {kStream, std::string_view()}) {
    Client client(gateway);
    client.post(kChat, chat_body("x", stream, "script"));
    EXPECT_EQ(client.answer().status, 200);
    gateway.world.run_for(10ms);
    EXPECT_EQ(gateway.pool.idle(), 1U);
  }
  EXPECT_EQ(gateway.scripted.gone, 0);
}

}  // namespace
}  // namespace sovmesh::flow
