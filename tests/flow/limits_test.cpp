// Limits on the request path: refusals and their headers, leases while an answer comes, the end of
// an answer whose budget is dry, prices, idempotency keys, entries in the audit log.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <memory>

#include "limits/lease.h"
#include "tests/flow/gateway_world.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using limits::Measure;
using limits::Window;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kChat = "/v1/chat/completions";

Answer ask(GatewayWorld& gateway, const std::string& body, std::string_view tenant = "aurora",
           std::string_view more_fields = "") {
  Client client(gateway);
  client.post(kChat, body, tenant, more_fields);
  return client.answer();
}

std::int64_t used(GatewayWorld& gateway, std::size_t index = 0) {
  const auto balances = gateway.balances();
  return index < balances.size() ? balances[index].used : 0;
}

std::string tokens(int count, std::string_view more = "") {
  return "[[sim:tokens=" + std::to_string(count) + std::string(more) + "]]";
}

// --- refusals -----------------------------------------------------------------------------------

TEST(Limits, RequestsPastARateAreRefusedAsOpenAiDoes) {
  GatewayWorld gateway;
  gateway.limit(gateway.tenant_limit("aurora", Measure::requests, Window::minute, 2));
  const Answer first = ask(gateway, chat_body("x"));
  EXPECT_EQ(first.status, 200);
  EXPECT_THAT(first.head, AllOf(HasSubstr("\r\nx-ratelimit-limit-requests: 2\r\n"),
                                HasSubstr("\r\nx-ratelimit-remaining-requests: 1\r\n"),
                                HasSubstr("\r\nx-ratelimit-reset-requests: ")));
  EXPECT_EQ(ask(gateway, chat_body("x")).status, 200);
  const Answer refused = ask(gateway, chat_body("x"));
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(refused.body,
              AllOf(HasSubstr(R"("code":"rate_limit_exceeded")"), HasSubstr(R"("type":"requests")"),
                    HasSubstr("on requests per min (RPM): Limit 2, Used 2, Requested 1"),
                    HasSubstr(R"("details":{"scope":"tenant:aurora)"), HasSubstr(R"("limit":2)"),
                    HasSubstr(R"("reset_at":)"), HasSubstr(R"("request_id":"req_)")));
  EXPECT_THAT(refused.head, AllOf(HasSubstr("\r\nretry-after: "), HasSubstr("\r\nretry-after-ms: "),
                                  HasSubstr("\r\nx-ratelimit-remaining-requests: 0\r\n"),
                                  Not(HasSubstr("x-should-retry"))));
  EXPECT_EQ(gateway.ledger.order.size(), 2U) << "who is refused has no row";
  EXPECT_EQ(ask(gateway, chat_body("x"), "borealis").status, 200);
}

TEST(Limits, ARateIsNewWhenItsWindowIs) {
  GatewayWorld gateway;
  gateway.limit(gateway.tenant_limit("aurora", Measure::requests, Window::minute, 1));
  EXPECT_EQ(ask(gateway, chat_body("x")).status, 200);
  EXPECT_EQ(ask(gateway, chat_body("x")).status, 429);
  gateway.world.run_for(61s);
  EXPECT_EQ(ask(gateway, chat_body("x")).status, 200);
}

TEST(Limits, ABudgetThatIsUsedUpTellsClientsNotToRetry) {
  GatewayWorld gateway;
  gateway.limit(gateway.tenant_limit("aurora", Measure::output_tokens, Window::month, 20));
  EXPECT_EQ(ask(gateway, chat_body(tokens(20), R"(,"max_tokens":20)")).status, 200);
  EXPECT_EQ(used(gateway), 20);
  const Answer refused = ask(gateway, chat_body("x"));
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(refused.body,
              AllOf(HasSubstr(R"("code":"insufficient_quota")"),
                    HasSubstr(R"("type":"insufficient_quota")"), HasSubstr(R"("reset_at":)")));
  EXPECT_THAT(refused.head, HasSubstr("\r\nx-should-retry: false\r\n"));
}

// No time is the right one to come back: none is told, neither to SDKs nor to plain clients.
TEST(Limits, WhatWaitingDoesNotHelpSaysSo) {
  const auto refused = [](Window window, std::int64_t amount, std::string_view never) {
    SCOPED_TRACE(limits::name(window));
    GatewayWorld gateway;
    gateway.limit(gateway.tenant_limit("aurora", Measure::output_tokens, window, amount));
    if (amount == 20) ask(gateway, chat_body(tokens(20), R"(,"max_tokens":20)"));
    const Answer answer = ask(gateway, chat_body("x", R"(,"max_tokens":20)"));
    EXPECT_EQ(answer.status, 429);
    EXPECT_THAT(answer.head,
                AllOf(HasSubstr("\r\nx-should-retry: false\r\n"), Not(HasSubstr("retry-after"))));
    EXPECT_THAT(answer.body, AllOf(HasSubstr(never), Not(HasSubstr("reset_at"))));
  };
  refused(Window::lifetime, 20, R"("never":"resets")");
  refused(Window::minute, 19, R"("never":"fits")");
  refused(Window::day, 19, R"("never":"fits")");
  refused(Window::lifetime, 19, R"("never":"fits")");
}

// The estimate of "x" is less than a token, and its price less than a millionth.
TEST(Limits, NoRequestIsTooSmallForABudgetThatIsUsedUp) {
  std::string long_text;  // signs that are taken for spaces: twice as many tokens as the estimate
  for (int i = 0; i < 1'000; ++i)
    long_text += "\\\\ ";
  for (const auto& [measure, amount] :
       {std::pair(Measure::input_tokens, 600), std::pair(Measure::total_tokens, 600),
        std::pair(Measure::money_micro, 60), std::pair(Measure::gpu_microseconds, 60)}) {
    SCOPED_TRACE(limits::name(measure));
    GatewayWorld gateway;
    metering::PriceTerms terms{.model = "embed", .currency = "EUR", .label = "test"};
    terms.input = 100'000;  // a tenth of a micro-unit a token
    terms.prompt_ns = 100;
    gateway.set_prices({terms});
    gateway.limit(gateway.tenant_limit("aurora", measure, Window::lifetime, amount));
    const auto embed = [&](const std::string& text) {
      Client client(gateway);
      client.post("/v1/embeddings", R"({"model":"embed","input":")" + text + "\"}");
      return client.answer().status;
    };
    EXPECT_EQ(embed(long_text), 200);
    EXPECT_GT(used(gateway), amount);
    EXPECT_EQ(embed("x"), 429);
  }
}

TEST(Limits, ShadowLimitsRefuseNothing) {
  GatewayWorld gateway;
  limits::Limit limit = gateway.tenant_limit("aurora", Measure::requests, Window::minute, 1);
  limit.shadow = true;
  gateway.limit(limit);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(ask(gateway, chat_body("x")).status, 200);
  const auto decisions = gateway.limiter.decisions();
  ASSERT_EQ(decisions.size(), 1U);
  EXPECT_EQ(decisions[0].shadow_deny, 2U);
}

TEST(Limits, RunningRequestsAreCountedUntilTheyEnd) {
  GatewayWorld gateway;
  limits::Limit limit = gateway.tenant_limit("aurora", Measure::concurrency, Window::none, 1);
  gateway.limit(limit);
  Client running(gateway);
  running.post(kChat, chat_body(tokens(10, ",rate=5"), kStream));
  ASSERT_TRUE(running.wait_for("data: "));
  const Answer refused = ask(gateway, chat_body("x"));
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.has(R"("code":"concurrency_limit_exceeded")")) << refused.body;
  EXPECT_THAT(running.answer().body, EndsWith("data: [DONE]\n\n"));
  EXPECT_EQ(ask(gateway, chat_body("x")).status, 200);
}

// --- what is held and given back ----------------------------------------------------------------

TEST(Limits, WhatWasNotUsedIsFreeAgain) {
  GatewayWorld gateway;
  gateway.limit(gateway.tenant_limit("aurora", Measure::output_tokens, Window::day, 1'000));
  EXPECT_EQ(ask(gateway, chat_body(tokens(7), R"(,"max_tokens":900)")).status, 200);
  EXPECT_EQ(used(gateway), 7);
  EXPECT_EQ(ask(gateway, chat_body(tokens(7), R"(,"max_tokens":900)")).status, 200);
  EXPECT_EQ(ask(gateway, chat_body("x", R"(,"max_tokens":987)")).status, 429);
}

TEST(Limits, ARequestThatNeverRanTakesNothing) {
  GatewayWorld gateway;
  gateway.limit(gateway.tenant_limit("aurora", Measure::requests, Window::day, 5));
  gateway.engine->ready_ = our_error(Code::model_loading, "not yet");
  EXPECT_EQ(ask(gateway, chat_body("x")).status, 503);
  EXPECT_EQ(used(gateway), 0);
  EXPECT_EQ(ask(gateway, "{").status, 400);
  EXPECT_EQ(used(gateway), 0);
}

TEST(Limits, AHangUpIsChargedForWhatCameAndFreesTheRest) {
  GatewayWorld gateway;
  gateway.limit(gateway.tenant_limit("aurora", Measure::output_tokens, Window::day, 10'000));
  Client client(gateway);
  client.post(kChat, chat_body(tokens(100, ",rate=10"), kStream));
  ASSERT_TRUE(client.wait_for("data: "));
  gateway.world.run_for(2s);
  client.hang_up();
  EXPECT_TRUE(gateway.settle());
  EXPECT_GT(used(gateway), 5);
  EXPECT_LT(used(gateway), 50);
  EXPECT_EQ(used(gateway), gateway.ledger.last().settlement->counts.generated);
}

// --- leases -------------------------------------------------------------------------------------

TEST(Limits, AStreamWhoseBudgetRunsDryEndsCleanlyAndSaysWhy) {
  GatewayWorld gateway;
  gateway.limit(gateway.tenant_limit("aurora", Measure::output_tokens, Window::day, 700));
  const Answer answer =
      ask(gateway,
          chat_body(tokens(2'000), R"(,"stream":true,"stream_options":{"include_usage":true})"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.complete);
  EXPECT_THAT(answer.body, EndsWith("data: [DONE]\n\n"));
  EXPECT_TRUE(answer.has(R"("finish_reason":"length")"));
  EXPECT_TRUE(answer.has(R"("sm_limit":{"message":)"));
  EXPECT_TRUE(answer.has(R"("code":"insufficient_quota")"));
  const metering::Settlement& end = *gateway.ledger.last().settlement;
  EXPECT_EQ(end.finish, metering::Finish::length);
  EXPECT_GE(end.counts.generated, 690) << "what is left is given";
  EXPECT_LE(end.counts.generated, 700 + limits::kSlice);
  EXPECT_EQ(used(gateway), end.counts.generated);
}

TEST(Limits, APlainAnswerWhoseBudgetRunsDryIsGivenAsFarAsItCame) {
  GatewayWorld gateway;
  gateway.limit(gateway.tenant_limit("aurora", Measure::output_tokens, Window::day, 700));
  const Answer answer = ask(gateway, chat_body(tokens(2'000)));
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.has(R"("finish_reason":"length")"));
  EXPECT_TRUE(answer.has(R"("sm_limit":)"));
  EXPECT_THAT(answer.head, HasSubstr("\r\nx-sm-limit: tenant:aurora"));
  EXPECT_LE(used(gateway), 700 + limits::kSlice);
}

// The written bound: a slice for each request that runs, and no more.
TEST(Limits, ManyStreamsAtTheEdgePassItByNoMoreThanASliceEach) {
  constexpr int kStreams = 50;
  constexpr std::int64_t kBudget = 20'000;
  GatewayWorld gateway(11, {}, 256);
  gateway.limit(gateway.tenant_limit("aurora", Measure::output_tokens, Window::day, kBudget));
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < kStreams; ++i) {
    clients.push_back(std::make_unique<Client>(gateway));
    clients.back()->post(kChat, chat_body(tokens(5'000, ",rate=200"), kStream));
  }
  int served = 0;
  for (const auto& client : clients) {
    const Answer answer = client->answer();
    served += answer.status == 200 ? 1 : 0;
    if (answer.status == 200) {
      EXPECT_THAT(answer.body, EndsWith("data: [DONE]\n\n"));
    }
  }
  EXPECT_TRUE(gateway.settle());
  EXPECT_GT(served, 10);
  RecordProperty("past_the_budget", static_cast<int>(used(gateway) - kBudget));
  EXPECT_GE(used(gateway), kBudget - served * limits::kSlice);
  EXPECT_LE(used(gateway), kBudget + served * limits::kSlice);
}

// --- prices -------------------------------------------------------------------------------------

metering::PriceTerms terms(std::string model) {
  metering::PriceTerms terms{.model = std::move(model), .currency = "EUR", .label = "test"};
  terms.call = 100;
  terms.output = 2'000'000;  // two micro-units a token
  return terms;
}

TEST(Limits, MoneyIsHeldAndSpentByThePriceInForce) {
  GatewayWorld gateway;
  gateway.set_prices({terms("chat")});
  gateway.limit(gateway.tenant_limit("aurora", Measure::money_micro, Window::month, 1'000));
  const Answer answer = ask(gateway, chat_body(tokens(50), R"(,"max_tokens":50)"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.head, HasSubstr("\r\nx-sm-cost-micro: 200\r\n"));
  EXPECT_EQ(used(gateway), 200);
  ASSERT_NE(gateway.ledger.last().intent.price, nullptr);
  EXPECT_EQ(gateway.ledger.last().intent.currency, "EUR");
  const Answer refused = ask(gateway, chat_body("x", R"(,"max_tokens":500)"));
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.has(R"("code":"insufficient_quota")"));
}

TEST(Limits, UnpricedUsageIsSaid) {
  GatewayWorld gateway;
  gateway.set_prices({terms("another-model")});
  const Answer answer = ask(gateway, chat_body("x"));
  EXPECT_THAT(answer.head, Not(HasSubstr("x-sm-cost-micro")));
  EXPECT_EQ(gateway.ledger.last().intent.price, nullptr);
  EXPECT_THAT(gateway.sink.lines.back(), HasSubstr(R"("unpriced":true)"));
}

// --- idempotency --------------------------------------------------------------------------------

TEST(Idempotency, ARepeatedKeyNeverAsksTheEngineAgain) {
  GatewayWorld gateway;
  const std::string key = "idempotency-key: k1\r\n";
  EXPECT_EQ(ask(gateway, chat_body("x"), "aurora", key).status, 200);
  const Answer again = ask(gateway, chat_body("x"), "aurora", key);
  EXPECT_EQ(again.status, 400);
  EXPECT_THAT(again.body, AllOf(HasSubstr(R"("code":"idempotency_replay_unavailable")"),
                                HasSubstr(R"("rid":"req_)"), HasSubstr(R"("total_tokens":)")));
  EXPECT_EQ(gateway.engine_sim.counts().requests, 1);
  const Answer other = ask(gateway, chat_body("y"), "aurora", key);
  EXPECT_EQ(other.status, 400);
  EXPECT_TRUE(other.has(R"("code":"idempotency_key_reused")"));
  EXPECT_EQ(ask(gateway, chat_body("x"), "borealis", key).status, 200) << "keys are a tenant's own";
  EXPECT_EQ(gateway.ledger.order.size(), 2U);
}

TEST(Idempotency, WhileTheFirstRequestRunsOthersConflict) {
  GatewayWorld gateway;
  const std::string key = "idempotency-key: k1\r\n";
  Client running(gateway);
  const std::string body = chat_body(tokens(10, ",rate=2"), kStream);
  running.post(kChat, body, "aurora", key);
  ASSERT_TRUE(running.wait_for("data: "));
  Client second_client(gateway);
  second_client.post(kChat, body, "aurora", key);
  const Answer second = second_client.answer(2'100ms);
  EXPECT_EQ(second.status, 409) << "it may be over soon, but is not waited for longer";
  EXPECT_TRUE(second.has(R"("code":"idempotency_in_progress")"));
  EXPECT_THAT(second.head, HasSubstr("\r\nretry-after: "));
  EXPECT_THAT(running.answer().body, EndsWith("data: [DONE]\n\n"));
}

// The row of an answer is durable some time after its last byte. Who repeats the request meanwhile
// is not told that it is still at work.
TEST(Idempotency, WhoHasReadTheAnswerNeverMeetsItsRequestStillAtWork) {
  const std::string key = "idempotency-key: k1\r\n";
  for (const bool is_kept : {false, true}) {
    for (const std::string_view form : {std::string_view(), kStream}) {
      SCOPED_TRACE(fmt::format("kept {}{}", is_kept, form));
      GatewayWorld gateway;
      if (is_kept) gateway.keep_answers();
      gateway.blocking.set_delay(300ms, 300ms);
      gateway.ledger.sync_time = 300ms;
      EXPECT_EQ(ask(gateway, chat_body("x", form), "aurora", key).status, 200);
      EXPECT_EQ(ask(gateway, chat_body("x", form), "aurora", key).status, is_kept ? 200 : 400);
      EXPECT_EQ(gateway.engine_sim.counts().requests, 1);
      EXPECT_EQ(gateway.ledger.order.size(), 1U);
    }
  }
}

TEST(Idempotency, WhoeverHangsUpWhileWaitingForTheFirstRequestIsGone) {
  GatewayWorld gateway;
  const std::string key = "idempotency-key: k1\r\n";
  const std::string body = chat_body(tokens(10, ",rate=2"), kStream);
  Client running(gateway);
  running.post(kChat, body, "aurora", key);
  ASSERT_TRUE(running.wait_for("data: "));
  Client gone(gateway);
  gone.post(kChat, body, "aurora", key);
  gateway.world.run_for(500ms);
  gone.hang_up();
  EXPECT_THAT(running.answer().body, EndsWith("data: [DONE]\n\n"));
  EXPECT_TRUE(gateway.settle());
  EXPECT_EQ(gateway.engine_sim.counts().requests, 1);
}

TEST(Idempotency, AKeyWhoseRequestNeverRanIsFree) {
  GatewayWorld gateway;
  const std::string key = "idempotency-key: k1\r\n";
  gateway.engine->ready_ = our_error(Code::model_loading, "not yet");
  EXPECT_EQ(ask(gateway, chat_body("x"), "aurora", key).status, 503);
  gateway.engine->ready_ = {};
  EXPECT_EQ(ask(gateway, chat_body("x"), "aurora", key).status, 200);
}

TEST(Idempotency, ItsIntentIsDurableBeforeTheEngineIsAsked) {
  GatewayWorld gateway;
  gateway.ledger.sync_time = 200ms;
  Client client(gateway);
  client.post(kChat, chat_body("x"), "aurora", "idempotency-key: k1\r\n");
  gateway.world.run_for(150ms);
  EXPECT_EQ(gateway.engine_sim.counts().requests, 0);
  EXPECT_EQ(client.answer().status, 200);
}

TEST(Idempotency, HangingUpBeforeTheEngineIsAskedFreesTheKey) {
  GatewayWorld gateway;
  const std::string key = "idempotency-key: k1\r\n";
  gateway.ledger.sync_time = 200ms;
  Client client(gateway);
  client.post(kChat, chat_body("x"), "aurora", key);
  gateway.world.run_for(100ms);
  client.hang_up();
  EXPECT_TRUE(gateway.settle(1s));
  EXPECT_EQ(gateway.engine_sim.counts().requests, 0);
  EXPECT_TRUE(gateway.ledger.last().voided);
  gateway.ledger.sync_time = 1ms;
  EXPECT_EQ(ask(gateway, chat_body("x"), "aurora", key).status, 200);
}

// What reached an engine is never asked again: whether it failed, took too long or lost its client.
TEST(Idempotency, AKeyWhoseRequestReachedAnEngineIsKept) {
  struct Case {
    std::string_view path;
    std::string body;
    std::string_view finish;
    bool hangs_up;
  };
  const std::vector<Case> cases{
      {kChat, chat_body("[[sim:status=500]]"), "upstream_error", false},
      {kChat, chat_body("[[sim:die-before]]", kStream), "upstream_error", false},
      {kChat, chat_body("[[sim:never]]", "", "quick"), "upstream_timeout", false},
      {kChat, chat_body("[[sim:prefill=60000]]", kStream), "client_closed", true},
      {"/v1/embeddings", R"({"model":"embed","input":"[[sim:prefill=60000]]"})", "client_closed",
       true}};
  for (const Case& one : cases) {
    SCOPED_TRACE(one.body);
    GatewayWorld gateway;
    const std::string key = "idempotency-key: k1\r\n";
    Client client(gateway);
    client.post(one.path, one.body, "aurora", key);
    if (one.hangs_up) {
      gateway.world.run_for(1s);
      client.hang_up();
    } else {
      EXPECT_GE(client.answer().status, 500);
    }
    EXPECT_TRUE(gateway.settle());
    const auto asked = gateway.engine_sim.counts().requests;
    EXPECT_EQ(asked, 1);
    Client repeat(gateway);
    repeat.post(one.path, one.body, "aurora", key);
    const Answer again = repeat.answer();
    EXPECT_EQ(again.status, 400);
    EXPECT_TRUE(again.has(R"("code":"idempotency_replay_unavailable")"));
    EXPECT_TRUE(again.has(fmt::format(R"("finish":"{}")", one.finish))) << again.body;
    EXPECT_EQ(gateway.engine_sim.counts().requests, asked);
  }
}

TEST(Idempotency, AKeptAnswerIsGivenAgainInTheFormThatIsAsked) {
  constexpr std::string_view kUsage = R"(,"stream":true,"stream_options":{"include_usage":true})";
  const std::string key = "idempotency-key: k1\r\n";
  for (const bool assembled : {false, true}) {
    for (const std::string_view first_form : {std::string_view(), kStream, kUsage}) {
      SCOPED_TRACE(fmt::format("assembled {}, first {}", assembled, first_form));
      GatewayWorld gateway;
      gateway.engine->capabilities_.counts_cancelled_plain = !assembled;
      gateway.keep_answers();
      const Answer first = ask(gateway, chat_body(tokens(7), first_form), "aurora", key);
      EXPECT_EQ(first.status, 200);
      EXPECT_THAT(first.head, Not(HasSubstr("x-sm-idempotent-replay")));
      EXPECT_TRUE(gateway.settle());
      const Answer plain = ask(gateway, chat_body(tokens(7)), "aurora", key);
      EXPECT_EQ(plain.status, 200);
      EXPECT_THAT(plain.head, AllOf(HasSubstr("\r\nx-sm-idempotent-replay: true\r\n"),
                                    HasSubstr("application/json")));
      EXPECT_TRUE(plain.has("one mesh is made of many small ")) << plain.body;
      EXPECT_TRUE(plain.has(R"("completion_tokens":7)"));
      if (first_form.empty()) EXPECT_EQ(plain.body, first.body);
      const Answer stream = ask(gateway, chat_body(tokens(7), kStream), "aurora", key);
      EXPECT_THAT(stream.head, AllOf(HasSubstr("\r\nx-sm-idempotent-replay: true\r\n"),
                                     HasSubstr("text/event-stream")));
      EXPECT_TRUE(stream.has("one mesh is made of many small ")) << stream.body;
      EXPECT_THAT(stream.body, EndsWith("data: [DONE]\n\n"));
      EXPECT_FALSE(stream.has("usage"));
      EXPECT_TRUE(ask(gateway, chat_body(tokens(7), kUsage), "aurora", key)
                      .has(R"("completion_tokens":7)"));
      EXPECT_EQ(ask(gateway, chat_body(tokens(8)), "aurora", key).status, 400);
      EXPECT_EQ(gateway.engine_sim.counts().requests, 1);
      EXPECT_EQ(gateway.ledger.order.size(), 1U) << "nothing is charged twice";
      EXPECT_THAT(gateway.sink.lines, testing::Contains(HasSubstr(R"("replayed":true)")));
    }
  }
}

TEST(Idempotency, OnlyWholeAnswersOfWhoWantsItAreKept) {
  GatewayWorld gateway;
  gateway.keep_answers();
  const auto key = [](int n) { return fmt::format("idempotency-key: k{}\r\n", n); };
  EXPECT_EQ(ask(gateway, chat_body("x"), "borealis", key(1)).status, 200);
  EXPECT_EQ(ask(gateway, chat_body("x")).status, 200);
  Client gone(gateway);
  const std::string endless = chat_body("[[sim:stall-after=3]]", kStream);
  gone.post(kChat, endless, "aurora", key(2));
  ASSERT_TRUE(gone.wait_for("is "));
  gone.hang_up();
  EXPECT_EQ(ask(gateway, chat_body("[[sim:status=500]]"), "aurora", key(3)).status, 502);
  gateway.kept.full = true;
  EXPECT_EQ(ask(gateway, chat_body("x"), "aurora", key(4)).status, 200);
  EXPECT_TRUE(gateway.settle());
  EXPECT_THAT(gateway.kept.answers, testing::IsEmpty());
  EXPECT_THAT(gateway.sink.lines, testing::Contains(HasSubstr("answer_not_kept")));
  EXPECT_EQ(ask(gateway, chat_body("x"), "borealis", key(1)).status, 400);
  EXPECT_EQ(ask(gateway, endless, "aurora", key(2)).status, 400);
  EXPECT_EQ(ask(gateway, chat_body("[[sim:status=500]]"), "aurora", key(3)).status, 400);
  EXPECT_TRUE(ask(gateway, chat_body("x"), "aurora", key(4))
                  .has(R"("code":"idempotency_replay_unavailable")"));
}

// What a connection that broke was worth: the retry finds it.
TEST(Idempotency, AWholeAnswerThatNobodyTookIsKept) {
  GatewayWorld gateway;
  gateway.keep_answers();
  const std::string key = "idempotency-key: k1\r\n";
  Client gone(gateway);
  gone.post(kChat, chat_body(tokens(100)), "aurora", key);
  ASSERT_TRUE(gateway.world.run_until([&] { return gateway.ledger.open_rows() == 1; }, 1s));
  gateway.ledger.sync_time = 500ms;
  gateway.world.run_for(300ms);
  gone.hang_up();
  EXPECT_TRUE(gateway.settle());
  EXPECT_EQ(gateway.ledger.last().settlement->finish, metering::Finish::client_closed);
  const Answer again = ask(gateway, chat_body(tokens(100)), "aurora", key);
  EXPECT_EQ(again.status, 200);
  EXPECT_TRUE(again.has(R"("completion_tokens":100)"));
  EXPECT_EQ(gateway.engine_sim.counts().requests, 1);
}

TEST(Idempotency, EmbeddingsAreKeptInTheFormThatWasAsked) {
  GatewayWorld gateway;
  gateway.keep_answers();
  const auto embed = [&](std::string_view more) {
    Client client(gateway);
    client.post("/v1/embeddings", fmt::format(R"({{"model":"embed","input":"x"{}}})", more),
                "aurora", "idempotency-key: k1\r\n");
    return client.answer();
  };
  const Answer first = embed("");
  EXPECT_TRUE(gateway.settle());
  EXPECT_EQ(embed("").body, first.body);
  EXPECT_TRUE(embed(R"(,"encoding_format":"base64")").has("idempotency_key_reused"));
  EXPECT_EQ(gateway.engine_sim.counts().requests, 1);
}

TEST(Idempotency, KeysThatAreNoneAreRefused) {
  GatewayWorld gateway;
  const Answer answer =
      ask(gateway, chat_body("x"), "aurora", "idempotency-key: " + std::string(256, 'k') + "\r\n");
  EXPECT_EQ(answer.status, 400);
  EXPECT_TRUE(answer.has("Idempotency-Key"));
}

}  // namespace
}  // namespace sovmesh::flow
