// Every byte position of what an engine or a client sends: the connection ends there, or the bytes
// are split there.

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/flow/gateway_world.h"
#include "tests/flow/stream_script.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kChat = "/v1/chat/completions";

class Sweep : public testing::Test {
 protected:
  Answer ask(std::string_view more, std::string_view model = "script") {
    Client client(gateway_);
    client.post(kChat, chat_body("two words", more, model));
    return client.answer();
  }
  // Somebody else is served as ever.
  void expect_others_are_served() {
    Client client(gateway_);
    client.post(kChat, chat_body("x", kStream), "borealis");
    EXPECT_THAT(client.answer().body, testing::EndsWith("data: [DONE]\n\n"));
    gateway_.pool.close_idle();
  }
  const metering::Settlement& last() {
    EXPECT_TRUE(gateway_.ledger.last().settlement.has_value());
    return *gateway_.ledger.last().settlement;
  }
  std::size_t rows() const { return gateway_.ledger.order.size(); }

  GatewayWorld gateway_;
};

// What has to hold when the engine's stream ends behind byte `k`.
void expect_stream(const StreamScript& script, std::size_t k, const Answer& answer,
                   const metering::Settlement& row) {
  const auto tokens = std::ranges::count_if(script.token_ends, [k](auto end) { return end <= k; });
  EXPECT_TRUE(answer.complete);
  if (k >= script.done_end) {
    EXPECT_EQ(answer.status, 200);
    EXPECT_THAT(answer.body, testing::EndsWith("data: [DONE]\n\n"));
    EXPECT_EQ(answer.count(R"("error":)"), 0U);
    EXPECT_EQ(row.finish, metering::Finish::stop);
    EXPECT_EQ(row.counts.source, metering::Source::engine_final);
  } else {
    EXPECT_EQ(answer.status, k < script.first_event_end ? 502 : 200) << answer.body;
    EXPECT_EQ(answer.count(R"("error":)"), 1U) << answer.body;
    EXPECT_FALSE(answer.has("[DONE]"));
    EXPECT_EQ(row.finish, metering::Finish::upstream_error);
  }
  EXPECT_EQ(answer.count(R"("content":"w)"), static_cast<std::size_t>(tokens));
  EXPECT_EQ(row.counts.delivered, tokens);
  EXPECT_EQ(row.counts.generated, tokens);
}

TEST_F(Sweep, AnEngineKilledAtAnyByteOfItsStream) {
  const StreamScript script = make_stream({"w1 ", "w2 ", "w3"});
  for (const auto end : {Script::End::fin, Script::End::reset}) {
    for (std::size_t k = 0; k <= script.bytes.size(); ++k) {
      SCOPED_TRACE(fmt::format("end {} at byte {}", static_cast<int>(end), k));
      gateway_.scripted.script = {.parts = {script.bytes.substr(0, k)}, .end = end};
      const std::size_t before = rows();
      const Answer answer = ask(kStream);
      ASSERT_EQ(rows(), before + 1);
      expect_stream(script, k, answer, last());
      EXPECT_EQ(gateway_.pool.idle(), k == script.bytes.size() ? 1U : 0U);
      gateway_.world.run_for(10ms);
      gateway_.pool.close_idle();
      if (HasFailure()) return;
      if (k % 64 == 0) expect_others_are_served();
    }
  }
}

TEST_F(Sweep, AnEngineKilledAtAnyByteForAClientThatWaitsForTheWhole) {
  const StreamScript script = make_stream({"w1 ", "w2 ", "w3"});
  for (const auto end : {Script::End::fin, Script::End::reset}) {
    for (std::size_t k = 0; k <= script.bytes.size(); ++k) {
      SCOPED_TRACE(fmt::format("end {} at byte {}", static_cast<int>(end), k));
      gateway_.scripted.script = {.parts = {script.bytes.substr(0, k)}, .end = end};
      const Answer answer = ask("");
      const bool whole = k >= script.done_end;
      EXPECT_EQ(answer.status, whole ? 200 : 502) << answer.body;
      EXPECT_EQ(answer.has(R"("content":"w1 w2 w3")"), whole);
      EXPECT_TRUE(answer.complete);
      EXPECT_EQ(last().finish, whole ? metering::Finish::stop : metering::Finish::upstream_error);
      EXPECT_EQ(last().counts.delivered, whole ? 3 : 0);
      gateway_.world.run_for(10ms);
      gateway_.pool.close_idle();
      if (HasFailure()) return;
    }
  }
  expect_others_are_served();
}

TEST_F(Sweep, AnEngineKilledAtAnyByteOfAPlainAnswer) {
  const std::string body =
      R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,1]}],)"
      R"("model":"sim","usage":{"prompt_tokens":2,"total_tokens":2}})";
  const std::string bytes = fmt::format(
      "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}",
      body.size(), body);
  for (const auto end : {Script::End::fin, Script::End::reset}) {
    for (std::size_t k = 0; k <= bytes.size(); ++k) {
      SCOPED_TRACE(fmt::format("end {} at byte {}", static_cast<int>(end), k));
      gateway_.scripted.script = {.parts = {bytes.substr(0, k)}, .end = end};
      Client client(gateway_);
      client.post("/v1/embeddings", R"({"model":"script-embed","input":"a b"})");
      const Answer answer = client.answer();
      const bool whole = k == bytes.size();
      EXPECT_EQ(answer.status, whole ? 200 : 502) << answer.body;
      EXPECT_EQ(answer.has(R"("embedding":[)"), whole) << "a part must never look like an answer";
      EXPECT_EQ(last().finish, whole ? metering::Finish::stop : metering::Finish::upstream_error);
      EXPECT_EQ(last().counts.prompt, whole ? 2 : 0);
      gateway_.world.run_for(10ms);
      gateway_.pool.close_idle();
      if (HasFailure()) return;
    }
  }
  expect_others_are_served();
}

// An engine that falls silent in the middle, its connection open.
TEST_F(Sweep, AnEngineThatStallsAtAnyByteEndsAtItsTime) {
  const StreamScript script = make_stream({"w1 ", "w2 "});
  for (std::size_t k = 0; k < script.done_end; k += 7) {
    SCOPED_TRACE(fmt::format("silent at byte {}", k));
    gateway_.scripted.script = {.parts = {script.bytes.substr(0, k)}, .end = Script::End::hang};
    const int gone = gateway_.scripted.gone;
    const Instant asked = gateway_.world.now();
    const Answer answer = ask(kStream);
    const double took = std::chrono::duration<double>(gateway_.world.now() - asked).count();
    const bool began = k >= script.first_event_end;
    EXPECT_EQ(answer.status, began ? 200 : 504);
    EXPECT_TRUE(answer.has(began ? "upstream_timeout" : "first_token_timeout")) << answer.body;
    EXPECT_NEAR(took, began ? 4.0 : 8.0, 0.1);
    EXPECT_EQ(last().finish, metering::Finish::upstream_timeout);
    EXPECT_TRUE(
        gateway_.world.run_until([&] { return gateway_.scripted.gone == gone + 1; }, 250ms));
    if (HasFailure()) return;
  }
  expect_others_are_served();
}

// Framing as engines and libraries differ in it, and reads that end anywhere: the client gets the
// same bytes.
TEST_F(Sweep, AStreamSplitAtAnyByteIsTheSameStream) {
  std::string expected;
  for (const auto& [line_end, before] : {std::pair("\n", ""), std::pair("\r\n", ": hello\r\n"),
                                         std::pair("\r", ""), std::pair("\n", "\xef\xbb\xbf")}) {
    const StreamScript script =
        make_stream({"w1 ", "\xc3\xa6\xe2\x82\xac\xf0\x9f\x90\x9f"}, line_end, before);
    for (std::size_t k = 1; k < script.bytes.size(); ++k) {
      SCOPED_TRACE(fmt::format("split at byte {} of {}", k, script.bytes));
      gateway_.scripted.script = {.parts = {script.bytes.substr(0, k), script.bytes.substr(k)},
                                  .end = Script::End::keep};
      const Answer answer = ask(kStream);
      if (expected.empty()) expected = without_ids(answer.body);
      EXPECT_TRUE(answer.complete);
      EXPECT_EQ(without_ids(answer.body), expected);
      EXPECT_EQ(last().counts.generated, 2);
      if (HasFailure()) return;
    }
  }
  EXPECT_THAT(expected, HasSubstr("\xc3\xa6\xe2\x82\xac\xf0\x9f\x90\x9f"));
  EXPECT_THAT(expected, testing::EndsWith("data: [DONE]\n\n"));
}

TEST_F(Sweep, ARequestSplitAtAnyByteIsTheSameRequest) {
  const StreamScript script = make_stream({"w1"});
  gateway_.scripted.script = {.parts = {script.bytes}, .end = Script::End::keep};
  const std::string body = chat_body("\xc3\xa6\xe2\x82\xac\xf0\x9f\x90\x9f", "", "script");
  const std::string sized = post_bytes(gateway_, kChat, body);
  std::string chunked = sized.substr(0, sized.find("content-length"));
  chunked += "transfer-encoding: chunked\r\n\r\n" + chunk(body.substr(0, 20)) +
             chunk(body.substr(20)) + "0\r\n\r\n";
  std::string expected;
  for (const std::string& bytes : {sized, chunked}) {
    for (std::size_t k = 1; k < bytes.size(); ++k) {
      SCOPED_TRACE(fmt::format("split at byte {}", k));
      Client client(gateway_);
      client.send(bytes.substr(0, k));
      gateway_.world.run_for(2ms);
      client.send(bytes.substr(k));
      const Answer answer = client.answer();
      EXPECT_EQ(answer.status, 200) << answer.body;
      if (expected.empty()) expected = without_ids(answer.head + answer.body);
      EXPECT_EQ(without_ids(answer.head + answer.body), expected);
      EXPECT_EQ(gateway_.scripted.bodies.back(), gateway_.scripted.bodies.front());
      if (HasFailure()) return;
    }
  }
}

TEST_F(Sweep, AClientThatHangsUpAtAnyByteOfItsRequestLeavesNothing) {
  const std::string bytes = post_bytes(gateway_, kChat, chat_body("x"));
  for (const bool reset : {false, true}) {
    for (std::size_t k = 0; k < bytes.size(); ++k) {
      SCOPED_TRACE(fmt::format("hangs up behind byte {}", k));
      Client client(gateway_);
      if (k > 0) client.send(bytes.substr(0, k));
      gateway_.world.run_for(2ms);
      if (reset) {
        client.reset();
      } else {
        client.hang_up();
      }
      gateway_.world.run_for(5ms);
      EXPECT_EQ(gateway_.world.wire().open_sockets(), 0U);
      if (HasFailure()) return;
    }
  }
  EXPECT_EQ(gateway_.engine_sim.counts().requests, 0);
  EXPECT_THAT(gateway_.ledger.order, IsEmpty());
  expect_others_are_served();
}

// From before the head to behind the last token, every 13 ms.
TEST_F(Sweep, AClientThatHangsUpAtAnyTimeOfItsAnswerPaysForWhatWasMade) {
  for (const std::string_view more : {std::string_view(), kStream}) {
    for (auto after = 0ms; after < 800ms; after += 13ms) {
      SCOPED_TRACE(fmt::format("hangs up after {} ms{}", after.count(), more));
      const auto before = gateway_.engine_sim.counts();
      const std::size_t rows_before = rows();
      Client client(gateway_);
      client.post(kChat, chat_body("[[sim:prefill=50,rate=20,tokens=40]]", more));
      gateway_.world.run_for(after);
      if (after.count() % 2 == 0) {
        client.hang_up();
      } else {
        client.reset();
      }
      EXPECT_TRUE(gateway_.world.run_until(
          [&] {
            const auto now = gateway_.engine_sim.counts();
            return now.running == 0 && gateway_.dispatcher().load().running == 0;
          },
          250ms));
      EXPECT_EQ(gateway_.engine_sim.counts().finished, before.finished);
      gateway_.world.run_for(5ms);
      if (rows() == rows_before) {
        EXPECT_LT(after, 10ms) << "gone before the request was there";
        continue;
      }
      EXPECT_EQ(last().finish, metering::Finish::client_closed);
      const auto made = gateway_.engine_sim.counts().generated_tokens - before.generated_tokens;
      // A token that is on its way when the client goes is the engine's loss.
      EXPECT_LE(last().counts.generated, made);
      EXPECT_GE(last().counts.generated, made - 1);
      EXPECT_LE(last().counts.delivered, last().counts.generated);
      if (more.empty()) EXPECT_EQ(last().counts.delivered, 0);
      EXPECT_EQ(gateway_.world.wire().open_sockets(), 0U);
      if (HasFailure()) return;
    }
  }
  expect_others_are_served();
}

}  // namespace
}  // namespace sovmesh::flow
