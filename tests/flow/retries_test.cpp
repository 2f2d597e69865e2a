// Answers that break off before their client has got any of them: made again by another engine, and
// paid for once or not at all.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <iterator>
#include <optional>
#include <vector>

#include "tests/flow/gateway_world.h"
#include "tests/flow/stream_script.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using limits::Measure;
using limits::Window;
using metering::Finish;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kChat = "/v1/chat/completions";
constexpr std::string_view kTwice = "\r\nx-sm-attempts: 2\r\n";

// What llama.cpp says first: a prompt of 16 tokens is accepted.
const std::string kProgress =
    R"(data: {"choices":[{"index":0,"delta":{"role":"assistant","content":null},)"
    R"("finish_reason":null}],"object":"chat.completion.chunk",)"
    R"("prompt_progress":{"total":16,"cache":7,"processed":7,"time_ms":0}})"
    "\n\n";
std::string token(std::string_view word) {
  return event(fmt::format(R"("delta":{{"content":"{}"}})", word));
}
const std::string kErrorEvent =
    "data: {\"error\":{\"message\":\"out of memory\",\"code\":500}}\n\n";

// How an engine breaks that has counted something.
struct Break {
  std::string name;
  std::string events;
  Script::End end = Script::End::fin;
};
const std::vector<Break>& breaks() {
  static const std::vector<Break> kAll{{"ends", ""},
                                       {"resets", "", Script::End::reset},
                                       {"says an error", kErrorEvent},
                                       {"sends garbage", "data: {{{\n\n"},
                                       {"falls silent", "", Script::End::hang}};
  return kAll;
}

class Retries : public testing::Test {
 protected:
  void make_world(int slots = 16) {
    gateway_.emplace(7, sim::EngineSimOptions{}, slots);
    gateway_->scripted_engine->dialect_ = llmapi::Dialect::llama_cpp;
    gateway_->set_prices({price_of("pair"), price_of("script")});
  }
  static metering::PriceTerms price_of(std::string_view model) {
    return {.model = std::string(model),
            .currency = "EUR",
            .call = 3,
            .input = 700'000,
            .output = 5'000'000};
  }
  void TearDown() override {
    if (!gateway_) return;
    EXPECT_TRUE(gateway_->settle());
    EXPECT_THAT(gateway_->ledger.violations, IsEmpty());
  }
  void break_after(const std::string& counted, const Break& how) {
    gateway_->scripted.script = {.parts = {std::string(kStreamHead) + chunk(counted + how.events)},
                                 .end = how.end};
  }
  Answer ask(std::string_view model, std::string_view more, std::string_view fields = "") {
    Client client(*gateway_);
    client.post(kChat, chat_body("three words more", more, model), "aurora", fields);
    return client.answer();
  }
  // Until one has come to the scripted engine.
  Answer ask_until_it_breaks(std::string_view more, std::string_view fields = "") {
    for (int i = 0; i < 40; ++i) {
      const std::size_t before = gateway_->scripted.bodies.size();
      Answer answer = ask("pair", more, fields);
      if (gateway_->scripted.bodies.size() > before) return answer;
    }
    ADD_FAILURE() << "never asked";
    return {};
  }
  const metering::Settlement& last() {
    static const metering::Settlement kNone;
    const auto& settlement = gateway_->ledger.last().settlement;
    EXPECT_TRUE(settlement.has_value());
    return settlement ? *settlement : kNone;
  }
  std::int64_t last_cost() {
    const auto& row = gateway_->ledger.last();
    if (!row.intent.price || !row.settlement) return -1;
    return metering::cost_of(*row.intent.price,
                             {.counts = row.settlement->counts, .finish = row.settlement->finish});
  }
  void expect_nothing_charged(Finish finish) {
    EXPECT_EQ(last().finish, finish);
    EXPECT_EQ(last().counts, metering::Counts{});
    EXPECT_EQ(last_cost(), 0);
  }

  std::optional<GatewayWorld> gateway_;
};

TEST_F(Retries, WhatBreaksBeforeTheClientGotAnythingIsMadeByAnotherEngineAndPaidForOnce) {
  for (const Break& how : breaks()) {
    for (const bool streams : {true, false}) {
      SCOPED_TRACE(how.name + (streams ? " streamed" : ""));
      make_world();
      // Of a plain answer the client has nothing, however far it is.
      break_after(streams ? kProgress : kProgress + token("a ") + token("b "), how);
      const Answer answer = ask_until_it_breaks(streams ? kStream : "");
      EXPECT_EQ(answer.status, 200) << answer.body;
      EXPECT_TRUE(answer.complete);
      EXPECT_THAT(answer.head, HasSubstr(std::string(kTwice)));
      EXPECT_EQ(answer.count("error"), 0U) << answer.body;
      EXPECT_FALSE(answer.has("a b ")) << "of the first engine's answer";
      EXPECT_EQ(last().finish, Finish::stop);
      EXPECT_EQ(last().counts.source, metering::Source::engine_final);
      EXPECT_EQ(last().counts.prompt, 4) << "as the second engine counts it";
      EXPECT_EQ(last().counts.generated, 16);
      EXPECT_EQ(last().counts.delivered, 16);
      EXPECT_EQ(gateway_->scripted.bodies.size(), 1U);
      EXPECT_THAT(gateway_->sink.lines, testing::Contains(HasSubstr(R"("attempts":2)")));
      TearDown();
      gateway_.reset();
    }
  }
}

// The second engine is busy: its client waits as at the first time.
class RetriesThatWait : public Retries {
 protected:
  // The engine is at work for so many seconds, and the scripted one fails.
  void occupy(int seconds, std::string_view model = "pair", std::string_view more = kStream) {
    make_world(1);
    set_fallback();
    busy_.emplace(*gateway_);
    busy_->post(kChat, chat_body(fmt::format("[[sim:rate=1,tokens={}]]", seconds), kStream));
    ASSERT_TRUE(busy_->wait_for("data: "));
    break_after(kProgress, {"resets", "", Script::End::reset});
    client_.emplace(*gateway_);
    asked_ = gateway_->world.now();
    client_->post(kChat, chat_body("three words more", more, model));
  }
  // "assistant": the pair, then the twins.
  void set_fallback() {
    catalog::Route route{.name = ModelName::parse("assistant").value(),
                         .versions = {{.model = ModelName::parse("pair").value(), .weight = 1}}};
    route.fallbacks = {{.name = ModelName::parse("twins").value()}};
    gateway_->set_route(route);
  }
  double passed() const {
    return std::chrono::duration<double>(gateway_->world.now() - asked_).count();
  }
  void TearDown() override {
    EXPECT_TRUE(busy_->answer().has("[DONE]"));
    EXPECT_EQ(gateway_->scripted.bodies.size(), 1U);
    Retries::TearDown();
    client_.reset();
    busy_.reset();
  }

  std::optional<Client> busy_;
  std::optional<Client> client_;
  Instant asked_{};
};

TEST_F(RetriesThatWait, AreKeptAlive) {
  occupy(20);
  ASSERT_TRUE(client_->wait_for(": keep-alive\n\n"));
  EXPECT_NEAR(passed(), 15.0, 0.2);
  EXPECT_THAT(client_->heard(), testing::StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(gateway_->dispatcher().load().waiting, 1U);
  const Answer answer = client_->answer();
  EXPECT_EQ(answer.count(": keep-alive"), 1U);
  EXPECT_TRUE(answer.has("[DONE]"));
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(last().finish, Finish::stop);
  EXPECT_EQ(last().counts.delivered, 16);
}

TEST_F(RetriesThatWait, AreToldInBandThatTheyWaitedInVain) {
  occupy(50);
  const Answer answer = client_->answer();
  EXPECT_NEAR(passed(), 30.0, 0.5);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.count(": keep-alive"), 2U) << answer.body;
  EXPECT_TRUE(answer.has(R"("error":)"));
  EXPECT_FALSE(answer.has("[DONE]"));
  EXPECT_TRUE(answer.complete);
  expect_nothing_charged(Finish::upstream_error);
}

TEST_F(RetriesThatWait, LeaveNothingWhenTheirClientHangsUpAfterASignOfLife) {
  occupy(40);
  ASSERT_TRUE(client_->wait_for(": keep-alive"));
  client_->hang_up();
  gateway_->world.run_for(100ms);
  EXPECT_EQ(gateway_->dispatcher().load().waiting, 0U);
  expect_nothing_charged(Finish::client_closed);
}

TEST_F(RetriesThatWait, AreNotTriedOnceMoreAfterASignOfLife) {
  occupy(20, "assistant");
  ASSERT_TRUE(client_->wait_for(": keep-alive"));
  gateway_->engine_sim.set_faults({sim::parse_fault("die-before").value()});
  const Answer answer = client_->answer();
  EXPECT_TRUE(answer.has(R"("code":"upstream_error")")) << answer.body;
  EXPECT_FALSE(answer.has("[DONE]"));
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(gateway_->twin_sim.counts().requests, 0);
  expect_nothing_charged(Finish::upstream_error);
}

// A plain answer has no status to send before it: its client hears nothing until then.
TEST_F(RetriesThatWait, AreSilentForAPlainAnswer) {
  occupy(20, "pair", "");
  gateway_->world.run_for(16s);
  client_->pump();
  EXPECT_EQ(client_->heard(), "");
  EXPECT_EQ(client_->answer().status, 200);
}

// A prompt that has left for a machine outside has left, whoever answers.
TEST_F(Retries, TheAuditLogNamesEachEngineThatGotThePrompt) {
  make_world();
  FakeAudit log;
  gateway_->set_audit({.log = &log});
  gateway_->engine->origin_.host = "localhost";
  gateway_->resolver.set("localhost", {rt::IpAddress::parse("10.0.0.2").value()});
  break_after(kProgress, {"ends", ""});
  const Answer answer = ask_until_it_breaks("");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(ask("script", "").status, 502);
  EXPECT_EQ(ask("chat", "").status, 200);
  const auto entries = log.requests();
  ASSERT_GE(entries.size(), 3U);
  const store::RequestEntry& moved = entries[entries.size() - 3];
  ASSERT_NE(moved.place, nullptr);
  EXPECT_EQ(moved.place->egress, "");
  ASSERT_EQ(moved.earlier.size(), 1U);
  EXPECT_EQ(moved.earlier[0]->egress, "10.0.0.3");
  EXPECT_THAT(entries[entries.size() - 2].earlier, IsEmpty());
  EXPECT_THAT(entries.back().earlier, IsEmpty());
  TearDown();
  gateway_.reset();
}

// More than is put together of a stream is nobody's failure: another engine would say as much.
TEST_F(Retries, AnAnswerThatIsTooLargeToBeSentWholeIsPaidForAndNotMadeAgain) {
  make_world();
  constexpr int kTokens = 38;  // the last one does not fit
  Script& script = gateway_->scripted.script;
  script.parts = {std::string(kStreamHead) + chunk(kProgress)};
  script.parts.insert(script.parts.end(), kTokens, chunk(token(std::string(900'000, 'x'))));
  script.end = Script::End::hang;
  for (int i = 0; i < 2; ++i) {
    const int gone = gateway_->scripted.gone;
    const Answer answer = ask("script", "");
    EXPECT_EQ(answer.status, 413) << answer.body;
    EXPECT_THAT(answer.head, HasSubstr("\r\nx-should-retry: false\r\n"));
    EXPECT_TRUE(answer.has("The answer is too large to be sent whole; ask for a stream."));
    EXPECT_EQ(ask_until_it_breaks("").status, 413);
    EXPECT_EQ(gateway_->scripted.bodies.size(), 2U * static_cast<std::size_t>(i + 1));
    EXPECT_TRUE(gateway_->world.run_until([&] { return gateway_->scripted.gone == gone + 2; }, 1s))
        << "no engine goes on for nothing";
    EXPECT_EQ(last().finish, Finish::aborted);
    EXPECT_EQ(last().counts.prompt, 16);
    EXPECT_EQ(last().counts.generated, kTokens) << "the one that does not fit was made, too";
    EXPECT_EQ(last().counts.delivered, 0);
    EXPECT_GT(last_cost(), 0);
  }
  EXPECT_EQ(gateway_->health.totals().retries, 0U);
  EXPECT_EQ(gateway_->health.totals().poisonous, 0U);
  EXPECT_EQ(gateway_->health.totals().ejections, 0U);
}

TEST_F(Retries, EmbeddingsThatAreTooLargeAreNoFailureOfTheirEngine) {
  make_world();
  gateway_->settings.plain_reply_max = 1'000;
  gateway_->scripted.script = {
      .parts = {
          "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2000\r\n\r\n" +
          std::string(2'000, ' ')}};
  for (int i = 0; i < 12; ++i) {
    Client client(*gateway_);
    client.post("/v1/embeddings", R"({"model":"script-embed","input":"a b"})");
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 413) << answer.body;
    EXPECT_TRUE(answer.has("send fewer inputs at once")) << answer.body;
    EXPECT_EQ(last().finish, Finish::aborted);
  }
  EXPECT_EQ(gateway_->scripted.bodies.size(), 12U) << "once each";
  EXPECT_EQ(gateway_->health.totals().poisonous, 0U);
  EXPECT_EQ(gateway_->health.condition(*gateway_->scripted_engine),
            gateway::EngineHealth::Condition::in);
}

// What the first engine had counted is in a checkpoint: a crash must not charge it either.
TEST_F(Retries, WhatTheFirstEngineCountedIsForgottenInTheRowAtOnce) {
  make_world();
  break_after(kProgress, {"ends", ""});
  gateway_->scripted.script.pause = 300ms;
  gateway_->engine_sim.set_faults({sim::parse_fault("delay=60000").value()});
  const auto checkpoint = [&] { return gateway_->ledger.last().checkpoint; };
  bool was_counted = false;
  for (int i = 0; i < 40 && !was_counted; ++i) {
    Client client(*gateway_);
    client.post(kChat, chat_body("three words more", "", "pair"));
    gateway_->world.run_for(200ms);
    was_counted = checkpoint().prompt == 16;
    if (was_counted) {
      gateway_->world.run_for(200ms);
      EXPECT_EQ(checkpoint(), metering::Counts()) << "before the second engine has answered";
      EXPECT_EQ(gateway_->ledger.open_rows(), 1U);
    }
    client.hang_up();
    EXPECT_TRUE(gateway_->settle(1s));
    EXPECT_EQ(last().counts, metering::Counts{});
  }
  EXPECT_TRUE(was_counted);
}

TEST_F(Retries, WithoutAnotherEngineAnErrorAndNoTokenCostNothing) {
  for (const Break& how : breaks()) {
    for (const bool streams : {true, false}) {
      SCOPED_TRACE(how.name + (streams ? " streamed" : ""));
      make_world();
      break_after(streams ? kProgress : kProgress + token("a ") + token("b "), how);
      const Answer answer = ask("script", streams ? kStream : "");
      const bool is_late = how.end == Script::End::hang;
      EXPECT_EQ(answer.status, is_late ? 504 : 502) << answer.body;
      EXPECT_TRUE(answer.complete);
      expect_nothing_charged(is_late ? Finish::upstream_timeout : Finish::upstream_error);
      EXPECT_EQ(gateway_->scripted.bodies.size(), 1U);
      TearDown();
      gateway_.reset();
    }
  }
}

// The beginning of a stream has gone out, but nothing of its text.
TEST_F(Retries, AnErrorEventInAStreamWithoutATokenCostsNothing) {
  make_world();
  break_after(event(R"("delta":{"role":"assistant","content":""})"), {"ends", ""});
  const Answer answer = ask_until_it_breaks(kStream);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.count(R"(data: {"error":)"), 1U) << answer.body;
  expect_nothing_charged(Finish::upstream_error);
}

TEST_F(Retries, WhatAClientHasGotIsPaidForWhateverFollows) {
  make_world();
  break_after(kProgress + token("a ") + token("b "), {"ends", ""});
  gateway_->scripted.script.parts = {std::string(kStreamHead) + chunk(kProgress + token("a ")),
                                     chunk(token("b "))};
  const Answer answer = ask_until_it_breaks(kStream);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.count(R"(data: {"error":)"), 1U) << answer.body;
  EXPECT_EQ(last().finish, Finish::upstream_error);
  EXPECT_EQ(last().counts.prompt, 16);
  EXPECT_EQ(last().counts.generated, 2);
  EXPECT_EQ(last().counts.delivered, 2);
}

TEST_F(Retries, WhenTheSecondEngineBreaksTooNothingIsCharged) {
  make_world();
  break_after(kProgress + token("a "), {"ends", ""});
  gateway_->engine_sim.set_faults({sim::parse_fault("die-after=3").value()});
  for (int i = 0; i < 6; ++i) {
    const Answer answer = ask("pair", "");
    EXPECT_EQ(answer.status, 502) << answer.body;
    expect_nothing_charged(Finish::upstream_error);
  }
  EXPECT_LE(std::ssize(gateway_->scripted.bodies) + gateway_->engine_sim.counts().requests, 6 * 2);
}

// An engine may have done what was asked: there is never a second call, and the key is used up.
TEST_F(Retries, WithAnIdempotencyKeyThereIsNoSecondCallAndNoCharge) {
  make_world();
  break_after(kProgress + token("a "), {"ends", ""});
  bool was_broken = false;
  for (int i = 0; i < 40 && !was_broken; ++i) {
    const std::string key = fmt::format("idempotency-key: key-{}\r\n", i);
    const Answer answer = ask("pair", "", key);
    was_broken = !gateway_->scripted.bodies.empty();
    if (!was_broken) continue;
    EXPECT_EQ(answer.status, 502) << answer.body;
    expect_nothing_charged(Finish::upstream_error);
    const std::int64_t calls = gateway_->engine_sim.counts().requests;
    const Answer again = ask("pair", "", key);
    EXPECT_EQ(again.status, 400) << again.body;
    EXPECT_TRUE(again.has("idempotency_replay_unavailable")) << again.body;
    EXPECT_EQ(gateway_->engine_sim.counts().requests, calls);
    EXPECT_EQ(gateway_->scripted.bodies.size(), 1U);
  }
  EXPECT_TRUE(was_broken);
}

TEST_F(Retries, LimitsCountWhatTheSecondEngineMadeAndNothingElse) {
  make_world();
  gateway_->limit(gateway_->tenant_limit("aurora", Measure::total_tokens, Window::day, 100'000));
  break_after(kProgress + token("a ") + token("b "), {"ends", ""});
  std::int64_t requests = 0;
  while (gateway_->scripted.bodies.empty() && requests < 40) {
    EXPECT_EQ(ask("pair", "").status, 200);
    ++requests;
  }
  EXPECT_TRUE(gateway_->settle());
  EXPECT_EQ(gateway_->balances()[0].used, requests * (4 + 16));
  EXPECT_EQ(gateway_->balances()[0].reserved, 0);
}

TEST_F(Retries, AClientThatLeavesWhileTheFirstEngineWorksPaysForWhatThatHasMade) {
  make_world();
  break_after(kProgress + token("a ") + token("b "), {"falls silent", "", Script::End::hang});
  for (int i = 0; i < 40 && gateway_->scripted.bodies.empty(); ++i) {
    Client client(*gateway_);
    client.post(kChat, chat_body("x", "", "pair"));
    gateway_->world.run_for(100ms);
    client.hang_up();
    EXPECT_TRUE(gateway_->settle(1s));
  }
  EXPECT_EQ(last().finish, Finish::client_closed);
  EXPECT_EQ(last().counts.prompt, 16);
  EXPECT_EQ(last().counts.generated, 2);
  EXPECT_EQ(last().counts.delivered, 0);
}

TEST_F(Retries, ThePlaceAtTheFirstEngineIsFreeWhileTheSecondWorks) {
  make_world(1);
  break_after(kProgress + token("a "), {"ends", ""});
  gateway_->engine_sim.set_faults({sim::parse_fault("delay=5000").value()});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 2; ++i) {  // one to each
    clients.push_back(std::make_unique<Client>(*gateway_));
    clients.back()->post(kChat, chat_body(fmt::format("question {}", i), "", "pair"));
  }
  ASSERT_TRUE(gateway_->world.run_until([&] { return !gateway_->scripted.bodies.empty(); }, 1s));
  gateway_->world.run_for(500ms);
  EXPECT_EQ(gateway_->dispatcher().load().running, 1U) << "one works, one waits for its place";
  for (const auto& client : clients)
    EXPECT_EQ(client->answer().status, 200);
}

}  // namespace
}  // namespace sovmesh::flow
