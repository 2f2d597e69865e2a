// The engines of a route's version fail, and another model answers: who is asked, what it costs and
// what is not tried.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "rollout/in_force.h"
#include "tests/flow/gateway_world.h"
#include "tests/flow/stream_script.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::string_view kChat = "/v1/chat/completions";
constexpr std::string_view kNoRetry = "\r\nx-should-retry: false\r\n";
constexpr std::string_view kBroken =
    "HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\n"
    "content-length: 2\r\n\r\n{}";

ModelName named(std::string_view name) { return ModelName::parse(name).value(); }

// "assistant": the version "script" on the scripted engine, then "chat" on the simulated one.
class Fallbacks : public testing::Test {
 protected:
  Fallbacks() {
    set_fallbacks({{.name = named("chat")}});
    fail_with({.parts = {std::string(kBroken)}});
  }
  void TearDown() override {
    EXPECT_TRUE(gateway_.settle());
    EXPECT_THAT(gateway_.ledger.violations, IsEmpty());
  }
  void set_fallbacks(std::vector<catalog::Fallback> fallbacks) {
    catalog::Route route{.name = named("assistant"),
                         .versions = {{.model = named("script"), .weight = 1}}};
    route.fallbacks = std::move(fallbacks);
    gateway_.set_route(route);
  }
  void fail_with(Script script) { gateway_.scripted.script = std::move(script); }
  void set_reach(std::string_view engine, rt::sim::Reach reach) {
    gateway_.world.wire().set_reach(rt::parse_endpoint(engine).value(), reach);
  }
  void break_chat(const char* fault) {
    gateway_.engine_sim.set_faults({sim::parse_fault(fault).value()});
  }
  Answer ask(std::string_view more = "", std::string_view fields = "") {
    Client client(gateway_);
    const std::string text = fmt::format("question {}", ++questions_);
    client.post(kChat, chat_body(text, more, "assistant"), "aurora", fields);
    return client.answer();
  }
  const MemoryLedger::Row& row() const { return gateway_.ledger.last(); }
  std::int64_t chat_calls() const { return gateway_.engine_sim.counts().requests; }
  std::size_t script_calls() const { return gateway_.scripted.bodies.size(); }
  void price(std::string_view model, std::int64_t output) {
    metering::PriceTerms terms{.model = std::string(model), .currency = "EUR"};
    terms.output = output;
    prices_.push_back(terms);
    gateway_.set_prices(prices_);
  }

  GatewayWorld gateway_;
  int questions_ = 0;
  std::vector<metering::PriceTerms> prices_;
};

TEST_F(Fallbacks, AnswerWhenTheEngineFailsBeforeItsFirstEvent) {
  const std::vector<Script> failures{
      {.parts = {std::string(kBroken)}},
      {.parts = {"no http at all\r\n\r\n"}, .end = Script::End::fin},
      {.parts = {}, .end = Script::End::fin},
      {.parts = {}, .end = Script::End::reset},
      {.parts = {std::string(kStreamHead)}, .end = Script::End::reset},
      {.parts = {std::string(kStreamHead) +
                 chunk(R"(data: {"error":{"message":"out of memory","code":500}})"
                       "\n\n")},
       .end = Script::End::fin}};
  for (const std::string_view more : {std::string_view(), kStream}) {
    for (const Script& failure : failures) {
      fail_with(failure);
      const std::size_t rows = gateway_.ledger.order.size();
      const std::int64_t calls = chat_calls();
      const Answer answer = ask(more);
      const std::string what = failure.parts.empty() ? "nothing" : failure.parts[0];
      EXPECT_EQ(answer.status, 200) << what << more << "\n" << answer.body;
      EXPECT_TRUE(answer.complete);
      EXPECT_THAT(answer.head, HasSubstr("\r\nx-sm-model: chat\r\n"));
      EXPECT_THAT(answer.head, HasSubstr("\r\nx-sm-attempts: 2\r\n"));
      EXPECT_TRUE(answer.has(R"("model":"assistant")")) << answer.body;
      EXPECT_EQ(chat_calls(), calls + 1);
      EXPECT_EQ(gateway_.ledger.order.size(), rows + 1) << "one charge";
      EXPECT_EQ(row().intent.model, "assistant");
      EXPECT_EQ(row().intent.model_revision, "chat@0");
      EXPECT_EQ(row().intent.engine, "engine");
      EXPECT_EQ(row().amended, 1) << what;
      EXPECT_EQ(row().settlement->finish, metering::Finish::stop);
      EXPECT_THAT(gateway_.sink.lines.back(),
                  HasSubstr(R"("version":"chat","fallback":"failed","engine":"engine")"));
    }
  }
  EXPECT_THAT(
      gateway_.metrics(),
      HasSubstr(R"(sm_route_fallbacks_total{route="assistant",model="chat",reason="failed"} 12)"));
}

TEST_F(Fallbacks, AnswerWhenTheEngineCannotBeReached) {
  set_reach("10.0.0.3:8000", rt::sim::Reach::refuse);
  const Answer answer = ask(kStream);
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(row().intent.model_revision, "chat@0");
  EXPECT_EQ(row().amended, 0) << "the row was not open yet";
}

TEST_F(Fallbacks, AnswerWhenNoReplicaIsLeft) {
  catalog::Route route{.name = named("assistant"),
                       .versions = {{.model = named("twins"), .weight = 1}}};
  route.fallbacks = {{.name = named("script")}};
  gateway_.set_route(route);
  break_chat("status=500");
  gateway_.twin_sim.set_faults({sim::parse_fault("close-before").value()});
  fail_with({.parts = {make_stream({"well"}).bytes}});
  const Answer answer = ask(kStream);
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(answer.head, HasSubstr("\r\nx-sm-attempts: 3\r\n"));
  EXPECT_EQ(row().intent.model_revision, "script@0");
  EXPECT_EQ(row().amended, 2);
}

TEST_F(Fallbacks, AnswerWhenTheEngineCannotBeStarted) {
  gateway_.scripted_engine->ready_ = our_error(Code::no_healthy_backend, "it does not start");
  gateway_.scripted_engine->status_.state = engine::State::stopped;
  EXPECT_EQ(ask().status, 200);
  EXPECT_EQ(row().intent.model_revision, "chat@0");
  EXPECT_EQ(script_calls(), 0U);
}

TEST_F(Fallbacks, AreAskedInOrderUntilOneAnswers) {
  set_fallbacks({{.name = named("quick")}, {.name = named("twins")}});
  break_chat("status=500");  // of "quick", too
  gateway_.engine->capabilities_.tools = true;
  gateway_.twin->status_.state = engine::State::ready;
  Answer answer;
  for (int i = 0; i < 20 && answer.status != 200; ++i)
    answer = ask();
  EXPECT_EQ(answer.status, 200) << "the twin was found at last";
  EXPECT_EQ(row().intent.model_revision, "twins@0");
  EXPECT_EQ(row().intent.engine, "twin");
}

TEST_F(Fallbacks, CostWhatTheModelCostsThatAnswers) {
  price("script", 1'000'000'000);
  price("chat", 3'000'000);
  gateway_.limit(gateway_.tenant_limit("aurora", limits::Measure::money_micro, limits::Window::day,
                                       1'000'000'000));
  gateway_.limit(
      gateway_.tenant_limit("aurora", limits::Measure::requests, limits::Window::day, 100));
  gateway_.limit(gateway_.tenant_limit("aurora", limits::Measure::output_tokens,
                                       limits::Window::day, 100'000));
  limits::Limit one_at_a_time =
      gateway_.tenant_limit("aurora", limits::Measure::concurrency, limits::Window::none, 1);
  gateway_.limit(one_at_a_time);
  ASSERT_EQ(ask(R"(,"max_tokens":50)").status, 200);
  ASSERT_TRUE(row().intent.price);
  EXPECT_EQ(row().intent.price->terms().model, "chat");
  const std::int64_t tokens = row().settlement->counts.generated;
  ASSERT_GT(tokens, 0);
  const auto balances = gateway_.balances();
  ASSERT_EQ(balances.size(), 4U);
  for (const limits::Status& status : balances) {
    EXPECT_EQ(status.reserved, 0) << status.limit;
    if (status.measure == limits::Measure::money_micro) EXPECT_EQ(status.used, 3 * tokens);
    if (status.measure == limits::Measure::requests) EXPECT_EQ(status.used, 1);
    if (status.measure == limits::Measure::output_tokens) EXPECT_EQ(status.used, tokens);
  }
  EXPECT_THAT(gateway_.sink.lines.back(),
              HasSubstr(fmt::format(R"("price":"{}")", row().intent.price->id())));
}

TEST_F(Fallbacks, AreNotForWhoCannotPayForThem) {
  price("script", 1);
  price("chat", 1'000'000'000);
  gateway_.limit(
      gateway_.tenant_limit("aurora", limits::Measure::money_micro, limits::Window::day, 1'000));
  EXPECT_EQ(ask(R"(,"max_tokens":50)").status, 502);
  EXPECT_EQ(chat_calls(), 0);
  EXPECT_EQ(row().intent.model_revision, "script@0");
  for (const limits::Status& status : gateway_.balances())
    EXPECT_EQ(status.used, 0) << status.limit;
}

TEST_F(Fallbacks, AreNotForWhoMayNotUseThem) {
  gateway_.narrow_key("aurora", {named("assistant")});
  EXPECT_EQ(ask().status, 502);
  EXPECT_EQ(chat_calls(), 0);
}

TEST_F(Fallbacks, AreNotForRequestsThatTheyCannotServe) {
  gateway_.engine->capabilities_.tools = false;
  const std::string_view tools =
      R"(,"tools":[{"type":"function","function":{"name":"f","parameters":{}}}])";
  EXPECT_EQ(ask(tools).status, 502);
  EXPECT_EQ(chat_calls(), 0);
  EXPECT_EQ(ask().status, 200);
}

TEST_F(Fallbacks, AreNotForAnswersThatHaveBegun) {
  StreamScript stream = make_stream({"one", "two", "three"});
  fail_with(
      {.parts = {stream.bytes.substr(0, stream.token_ends[1] + 2)}, .end = Script::End::reset});
  const Answer answer = ask(kStream);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.count(R"(data: {"error":)"), 1U) << answer.body;
  EXPECT_EQ(chat_calls(), 0);
  EXPECT_EQ(row().intent.model_revision, "script@0");
}

TEST_F(Fallbacks, AreNotForRefusalsNorForEnginesThatAreFull) {
  for (const int status : {400, 429, 503}) {
    fail_with({.parts = {fmt::format("HTTP/1.1 {} X\r\ncontent-length: 2\r\n\r\n{{}}", status)}});
    EXPECT_NE(ask().status, 200);
  }
  EXPECT_EQ(chat_calls(), 0);
}

TEST_F(Fallbacks, AreNotAskedASecondTimeWithAnIdempotencyKey) {
  EXPECT_EQ(ask("", "idempotency-key: one\r\n").status, 502);
  EXPECT_EQ(chat_calls(), 0) << "the first engine may have seen it";
  set_reach("10.0.0.3:8000", rt::sim::Reach::refuse);
  gateway_.pool.close_idle();
  EXPECT_EQ(ask("", "idempotency-key: two\r\n").status, 200) << "it has not";
  EXPECT_EQ(row().intent.model_revision, "chat@0");
  EXPECT_EQ(row().amended, 1) << "its row was open before";
  EXPECT_TRUE(row().intent.idempotency);
}

TEST_F(Fallbacks, AreNotAskedAfterTheClientsDeadline) {
  fail_with({.parts = {""}, .end = Script::End::fin, .pause = 300ms});
  EXPECT_NE(ask("", "x-sm-timeout-ms: 200\r\n").status, 200);
  EXPECT_EQ(chat_calls(), 0);
}

TEST_F(Fallbacks, AnswerWhenConnectingTakesTooLong) {
  catalog::Route route{.name = named("assistant"),
                       .versions = {{.model = named("script"), .weight = 1}}};
  route.timeouts.connect = 300ms;
  set_reach("10.0.0.3:8000", rt::sim::Reach::drop);
  gateway_.set_route(route);
  Instant began = gateway_.world.now();
  Answer answer = ask();
  EXPECT_EQ(answer.status, 502) << answer.body;
  EXPECT_TRUE(answer.has("upstream_error")) << "not that of a late first token";
  EXPECT_GE(gateway_.world.now() - began, 300ms);
  EXPECT_LT(gateway_.world.now() - began, 400ms);
  route.fallbacks = {{.name = named("chat")}};
  gateway_.set_route(route);
  began = gateway_.world.now();
  EXPECT_EQ(ask(kStream).status, 200);
  EXPECT_LT(gateway_.world.now() - began, 2s);
  EXPECT_EQ(ask("", "idempotency-key: one\r\n").status, 200) << "no engine has seen it";
  EXPECT_EQ(row().intent.model_revision, "chat@0");
  route.timeouts.connect.reset();
  gateway_.set_route(route);
  began = gateway_.world.now();
  EXPECT_EQ(ask().status, 200);
  EXPECT_GE(gateway_.world.now() - began, 5s);
}

TEST_F(Fallbacks, ASlowConnectionIsNoSlowFirstToken) {
  catalog::Route route{.name = named("assistant"),
                       .versions = {{.model = named("script"), .weight = 1}}};
  route.timeouts.connect = 300ms;
  route.timeouts.first_token = 2s;
  route.fallbacks = {{.name = named("chat")}};
  gateway_.set_route(route);
  fail_with({.parts = {}, .end = Script::End::hang});
  const Instant began = gateway_.world.now();
  EXPECT_EQ(ask().status, 200);
  EXPECT_EQ(chat_calls(), 1);
  EXPECT_GE(gateway_.world.now() - began, 2s) << "connected, and waited for until it was too late";
}

TEST_F(Fallbacks, DeliverNothingThatTheLedgerDoesNotKnow) {
  fail_with({.parts = {""}, .end = Script::End::fin, .pause = 100ms});
  Client client(gateway_);
  client.post(kChat, chat_body("hello", kStream, "assistant"));
  gateway_.world.run_for(50ms);
  gateway_.ledger.broken = true;
  const Answer answer = client.answer();
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(answer.has("metering_unavailable")) << answer.body;
  EXPECT_EQ(row().amended, 0);
  EXPECT_EQ(row().settlement->finish, metering::Finish::aborted);
  EXPECT_EQ(row().settlement->counts.generated, 0);
}

TEST_F(Fallbacks, WhenAllFailTheirBudgetBoundsWhatTheyAreAsked) {
  break_chat("status=500");
  constexpr int kRequests = 200;
  int told = 0;
  for (int i = 0; i < kRequests; ++i) {
    const Answer answer = ask(i % 2 == 0 ? kStream : "");
    EXPECT_EQ(answer.status, 502);
    told += answer.head.contains(kNoRetry) ? 1 : 0;
  }
  EXPECT_EQ(script_calls(), static_cast<std::size_t>(kRequests));
  EXPECT_GE(chat_calls(), 3);
  EXPECT_LE(chat_calls(), 4) << "3, and 0.2 for each that it got";
  EXPECT_GE(told, 3);
  EXPECT_EQ(gateway_.health.totals().poisonous, 0U);
}

TEST_F(Fallbacks, NoMoreThanFourEnginesAreAskedWithTheReplicasOfTheLastOne) {
  set_fallbacks({{.name = named("quick")}, {.name = named(kLongModel)}, {.name = named("twins")}});
  break_chat("status=500");
  gateway_.twin_sim.set_faults({sim::parse_fault("status=500").value()});
  const Answer answer = ask();
  EXPECT_EQ(answer.status, 502);
  EXPECT_THAT(answer.head, HasSubstr("\r\nx-sm-attempts: 4\r\n"));
  EXPECT_THAT(answer.head, HasSubstr(std::string(kNoRetry)));
  const auto decision = gateway_.decisions.find(row().intent.request);
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->attempts.size(), 4U);
}

TEST_F(Fallbacks, OneThatAnswersWellGetsAllThatNeedIt) {
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(ask(i % 2 == 0 ? kStream : "").status, 200) << i;
  EXPECT_EQ(chat_calls(), 50);
}

TEST_F(Fallbacks, WhatAVersionFailedAtCountsAgainstIt) {
  auto tally = std::make_shared<rollout::Tally>();
  catalog::Route route{
      .name = named("assistant"),
      .versions = {{.model = named("quick"), .weight = 1},
                   {.model = named("script"), .weight = 0, .stage = catalog::Stage::canary}}};
  route.fallbacks = {{.name = named("chat")}};
  gateway_.set_route(route);
  rollout::RoutesInForce in_force;
  in_force.emplace(route.name, rollout::InForce{.shift = {.version = named("script"),
                                                          .share = catalog::kWholeShare},
                                                .stable = named("quick"),
                                                .tally = tally});
  const gateway::RolloutsInForce rollouts(
      std::make_shared<const rollout::RoutesInForce>(std::move(in_force)));
  gateway_.use_rollouts(rollouts);
  EXPECT_EQ(ask().status, 200);
  const rollout::Look look = tally->take();
  EXPECT_EQ(look.candidate.requests, 1U);
  EXPECT_EQ(look.candidate.errors, 1U);
  EXPECT_EQ(look.stable.requests, 0U);
}

TEST_F(Fallbacks, AreExplained) {
  ASSERT_EQ(ask().status, 200);
  const auto decision = gateway_.decisions.find(row().intent.request);
  ASSERT_TRUE(decision);
  ASSERT_EQ(decision->attempts.size(), 2U);
  EXPECT_EQ(decision->attempts[0].version, "script");
  EXPECT_EQ(decision->attempts[0].why, "all requests of its tenant go there");
  EXPECT_EQ(decision->attempts[0].outcome, "upstream_error");
  EXPECT_EQ(decision->attempts[1].version, "chat");
  EXPECT_EQ(decision->attempts[1].why,
            "assistant falls back, because script failed: upstream_error");
  EXPECT_EQ(decision->attempts[1].outcome, "ok");
}

TEST_F(Fallbacks, AClientThatLeavesMeanwhileClosesTheBooks) {
  gateway_.engine_sim.set_faults({sim::parse_fault("delay=1000").value()});
  for (int i = 0; i < 20; ++i) {
    Client client(gateway_);
    client.post(kChat, chat_body(fmt::format("question {}", i), kStream, "assistant"));
    gateway_.world.run_for(std::chrono::milliseconds(i * 2));
    client.hang_up();
    gateway_.world.run_for(2s);
  }
  EXPECT_TRUE(gateway_.settle());
}

}  // namespace
}  // namespace sovmesh::flow
