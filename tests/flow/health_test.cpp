// Engines that serve the same model, and one or all of them fail: who gets the request, who is left
// out, what is tried again and what is not.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "engine/canary.h"
#include "tests/flow/gateway_world.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using gateway::EngineHealth;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::string_view kChat = "/v1/chat/completions";
constexpr std::string_view kTwice = "\r\nx-sm-attempts: 2\r\n";
constexpr std::string_view kNoRetry = "\r\nx-should-retry: false\r\n";

class Health : public testing::Test {
 protected:
  void TearDown() override {
    EXPECT_TRUE(gateway_.settle());
    EXPECT_THAT(gateway_.ledger.violations, IsEmpty());
  }
  static void set_fault(sim::EngineSim& engine, std::string_view fault) {
    std::vector<sim::Fault> faults;
    if (!fault.empty()) faults.push_back(sim::parse_fault(fault).value());
    engine.set_faults(std::move(faults));
  }
  Answer ask(std::string_view content, std::string_view more = "", std::string_view fields = "",
             std::string_view tenant = "aurora") {
    Client client(gateway_);
    client.post(kChat, chat_body(content, more, "twins"), tenant, fields);
    return client.answer();
  }
  std::string next_text() { return fmt::format("question {}", ++questions_); }
  std::int64_t calls() const {
    return gateway_.engine_sim.counts().requests + gateway_.twin_sim.counts().requests;
  }
  EngineHealth::Condition condition(const FakeEngine& engine) {
    return gateway_.health.condition(engine);
  }
  // Until both engines have answered, and have their whole share.
  void recover() {
    using Condition = EngineHealth::Condition;
    gateway_.world.run_for(10min);
    for (int i = 0; i < 200; ++i)
      if (i < 20 || condition(*gateway_.engine) == Condition::on_trial) ask(next_text());
    gateway_.world.run_for(31s);
    ASSERT_EQ(condition(*gateway_.engine), Condition::in);
    ASSERT_EQ(condition(*gateway_.twin), Condition::in);
  }
  // Until the engine is out.
  void fail_often() {
    set_fault(gateway_.engine_sim, "status=500");
    for (int i = 0; i < 40 && condition(*gateway_.engine) != EngineHealth::Condition::ejected; ++i)
      ask(next_text());
    ASSERT_EQ(condition(*gateway_.engine), EngineHealth::Condition::ejected);
  }

  GatewayWorld gateway_;
  int questions_ = 0;
};

TEST_F(Health, ARequestWhoseEngineFailsBeforeItsFirstEventIsAnsweredByAnotherOne) {
  for (const std::string_view more : {std::string_view(), kStream}) {
    for (const char* fault : {"die-before", "close-before", "garbage-head", "endless-head",
                              "cl-and-te", "html", "error-event", "status=500", "status=502"}) {
      set_fault(gateway_.engine_sim, fault);
      const std::size_t rows = gateway_.ledger.order.size();
      int asked = 0;
      for (bool was_twice = false; !was_twice && asked < 30; ++asked) {
        const Answer answer = ask(next_text(), more);
        EXPECT_EQ(answer.status, 200) << fault << more << "\n" << answer.body;
        EXPECT_EQ(answer.count("error"), 0U) << answer.body;
        EXPECT_TRUE(answer.complete);
        EXPECT_EQ(gateway_.ledger.last().settlement->finish, metering::Finish::stop);
        was_twice = answer.head.contains(kTwice);
      }
      EXPECT_LT(asked, 30) << fault << ": never tried again";
      EXPECT_EQ(gateway_.ledger.order.size(), rows + static_cast<std::size_t>(asked));
      set_fault(gateway_.engine_sim, "");
      recover();
    }
  }
  EXPECT_THAT(gateway_.sink.lines, testing::Contains(HasSubstr(R"("attempts":2)")));
}

TEST_F(Health, AnEngineThatCannotBeReachedIsPassedOver) {
  gateway_.world.wire().set_reach(rt::parse_endpoint("10.0.0.2:8000").value(),
                                  rt::sim::Reach::refuse);
  for (int i = 0; i < 20; ++i) {
    const Answer answer = ask(next_text(), i % 2 == 0 ? kStream : "");
    EXPECT_EQ(answer.status, 200) << answer.body;
  }
  EXPECT_EQ(condition(*gateway_.engine), EngineHealth::Condition::ejected);
}

TEST_F(Health, AnEngineThatAnAdministratorStoppedGetsNothingAndIsNotBlamed) {
  gateway_.engine->take_out_of_service();
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(ask(next_text(), i % 2 == 0 ? kStream : "").status, 200);
  EXPECT_EQ(gateway_.engine_sim.counts().requests, 0);
  EXPECT_EQ(gateway_.twin_sim.counts().requests, 20);
  EXPECT_EQ(condition(*gateway_.engine), EngineHealth::Condition::in);

  gateway_.engine->put_in_service();
  for (int i = 0; i < 20; ++i)
    ask(next_text());
  EXPECT_GT(gateway_.engine_sim.counts().requests, 0);
}

TEST_F(Health, WhereAllAreStoppedTheAnswerIs503AtOnce) {
  for (const auto& engine : {gateway_.engine, gateway_.twin})
    engine->take_out_of_service();
  const Instant before = gateway_.world.now();
  const Answer answer = ask(next_text());
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr(R"("code":"no_healthy_backend")"));
  EXPECT_THAT(answer.head, HasSubstr("retry-after: "));
  EXPECT_LT(gateway_.world.now() - before, 100ms);
  EXPECT_EQ(calls(), 0);
}

TEST_F(Health, WhatRunsOnAStoppedEngineGoesOnWhileNewRequestsAreRefused) {
  Client running(gateway_);
  running.post(kChat, chat_body("[[sim:rate=20,tokens=40]]", kStream));
  gateway_.world.run_for(200ms);
  EXPECT_EQ(gateway_.dispatcher().in_use(*gateway_.engine), 1U);
  gateway_.engine->take_out_of_service();
  Client refused(gateway_);
  refused.post(kChat, chat_body("hello"));
  EXPECT_EQ(refused.answer().status, 503);
  const Answer answer = running.answer();
  EXPECT_EQ(answer.count("data: [DONE]"), 1U) << answer.body;
  EXPECT_EQ(gateway_.dispatcher().in_use(*gateway_.engine), 0U);
}

// One slot each.
class Stopped : public testing::Test {
 protected:
  void TearDown() override { EXPECT_TRUE(gateway_.settle()); }
  void run_for_long(Client& client, std::string_view model) {
    client.post(kChat, chat_body("[[sim:rate=20,tokens=100]]", kStream, model));
    gateway_.world.run_for(200ms);
  }
  std::size_t waiting() const { return gateway_.dispatcher().load().waiting; }

  GatewayWorld gateway_{7, {}, 1};
};

TEST_F(Stopped, WhoWaitsForItIsRefusedAtOnceAndWhatRunsGoesOn) {
  Client running(gateway_);
  run_for_long(running, "chat");
  Client queued(gateway_);
  queued.post(kChat, chat_body("hello"));
  gateway_.world.run_for(100ms);
  ASSERT_EQ(waiting(), 1U);
  const Instant before = gateway_.world.now();
  gateway_.stop(*gateway_.engine);
  const Answer refused = queued.answer();
  EXPECT_LT(gateway_.world.now() - before, 100ms);
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.body, HasSubstr(R"("code":"no_healthy_backend")"));
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(running.answer().count("data: [DONE]"), 1U);
}

TEST_F(Stopped, WhoWaitsGoesToAnotherEngineOfTheModel) {
  Client one(gateway_);
  Client two(gateway_);
  run_for_long(one, "twins");
  run_for_long(two, "twins");
  Client queued(gateway_);
  queued.post(kChat, chat_body("hello", "", "twins"));
  gateway_.world.run_for(100ms);
  ASSERT_EQ(waiting(), 1U);
  gateway_.stop(*gateway_.engine);
  gateway_.world.run_for(100ms);
  EXPECT_EQ(waiting(), 1U) << "the other one is in service, and busy";
  EXPECT_EQ(queued.answer().status, 200);
  EXPECT_EQ(gateway_.twin_sim.counts().requests, 2);
}

TEST_F(Stopped, WhoWaitsForOneThatStartsGoesToAnotherEngineOfTheModel) {
  gateway_.stop(*gateway_.twin);
  gateway_.engine->is_starting_ = true;
  gateway_.engine->status_.state = engine::State::starting;
  Client client(gateway_);
  client.post(kChat, chat_body("hello", "", "twins"));
  gateway_.world.run_for(200ms);
  ASSERT_EQ(gateway_.dispatcher().in_use(*gateway_.engine), 1U);
  gateway_.twin->put_in_service();
  gateway_.stop(*gateway_.engine);
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_EQ(gateway_.twin_sim.counts().requests, 1);
  EXPECT_EQ(gateway_.dispatcher().in_use(*gateway_.engine), 0U);
}

TEST_F(Stopped, WhoWaitsForTheOnlyOneThatStartsIsRefused) {
  gateway_.engine->is_starting_ = true;
  gateway_.engine->status_.state = engine::State::starting;
  Client client(gateway_);
  client.post(kChat, chat_body("hello"));
  gateway_.world.run_for(200ms);
  gateway_.stop(*gateway_.engine);
  const Instant before = gateway_.world.now();
  EXPECT_EQ(client.answer().status, 503);
  EXPECT_LT(gateway_.world.now() - before, 100ms);
}

TEST_F(Health, WhatHasBegunIsNotTriedAgain) {
  const Answer answer = ask("[[sim:rate=100,die-after=3]]", kStream);
  EXPECT_TRUE(answer.has(R"("content":"one ")"));
  EXPECT_EQ(answer.count(R"(data: {"error":)"), 1U);
  EXPECT_EQ(calls(), 1);
}

TEST_F(Health, ARefusalIsNotTriedAgainAndIsNoFailure) {
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(ask("[[sim:status=400]]").status, 400);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(ask(fmt::format("[[sim:status=429]] {}", i)).status, 503);
  EXPECT_EQ(calls(), 40);
  EXPECT_EQ(condition(*gateway_.engine), EngineHealth::Condition::in);
  EXPECT_EQ(condition(*gateway_.twin), EngineHealth::Condition::in);
}

TEST_F(Health, WithAnIdempotencyKeyNoSecondEngineIsCalledOnceOneHasAccepted) {
  set_fault(gateway_.engine_sim, "status=500");
  set_fault(gateway_.twin_sim, "die-before");
  for (int i = 0; i < 4; ++i) {
    const std::int64_t before = calls();
    const std::string key = fmt::format("idempotency-key: key-{}\r\n", i);
    EXPECT_EQ(ask(next_text(), "", key).status, 502);
    EXPECT_EQ(calls(), before + 1);
  }
}

TEST_F(Health, WithAnIdempotencyKeyAnEngineThatWasNeverReachedIsPassedOver) {
  gateway_.world.wire().set_reach(rt::parse_endpoint("10.0.0.2:8000").value(),
                                  rt::sim::Reach::refuse);
  for (int i = 0; i < 8; ++i) {
    const std::string key = fmt::format("idempotency-key: key-{}\r\n", i);
    EXPECT_EQ(ask(next_text(), "", key).status, 200);
  }
}

TEST_F(Health, WhenAllEnginesFailTheBudgetBoundsWhatIsTriedAgain) {
  constexpr int kRequests = 1'000;
  set_fault(gateway_.engine_sim, "status=500");
  set_fault(gateway_.twin_sim, "close-before");
  int told = 0;
  for (int i = 0; i < kRequests; ++i) {
    const Answer answer = ask(next_text(), i % 2 == 0 ? kStream : "");
    EXPECT_EQ(answer.status, 502) << answer.body;
    if (answer.head.contains(kNoRetry)) ++told;
  }
  EXPECT_LE(static_cast<double>(calls()), 1.2 * kRequests + 3);
  EXPECT_GE(calls(), kRequests + kRequests / 10) << "there is a budget";
  EXPECT_GT(told, kRequests / 2) << "clients hear that trying again does not help";
  EXPECT_EQ(gateway_.health.totals().poisonous, 0U) << "it is not the requests' fault";
  // Both are back: nothing of it stays.
  set_fault(gateway_.engine_sim, "");
  set_fault(gateway_.twin_sim, "");
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(ask(fmt::format("question {}", i + 1)).status, 200);
}

TEST_F(Health, WhenAllEnginesBeginToFailAtOnceOnlyTheFirstRequestIsTakenForPoison) {
  recover();
  set_fault(gateway_.engine_sim, "status=500");
  set_fault(gateway_.twin_sim, "status=500");
  for (int i = 0; i < 100; ++i)
    ask(next_text());
  EXPECT_EQ(gateway_.health.totals().poisonous, 1U);
}

TEST_F(Health, AnEngineThatKeepsFailingGetsNothingUntilItIsTriedAgain) {
  fail_often();
  EXPECT_EQ(condition(*gateway_.twin), EngineHealth::Condition::in);
  EXPECT_THAT(gateway_.sink.lines, testing::Contains(testing::AllOf(
                                       HasSubstr(R"("event":"engine_health")"),
                                       HasSubstr(R"("engine":"engine","state":"ejected")"))));
  const std::int64_t before = gateway_.engine_sim.counts().requests;
  for (int i = 0; i < 20; ++i)
    EXPECT_THAT(ask(next_text()).head, Not(HasSubstr(std::string(kTwice))));
  EXPECT_EQ(gateway_.engine_sim.counts().requests, before);
  set_fault(gateway_.engine_sim, "");
  gateway_.world.run_for(45s);
  EXPECT_EQ(condition(*gateway_.engine), EngineHealth::Condition::on_trial);
  for (int i = 0; i < 100 && condition(*gateway_.engine) == EngineHealth::Condition::on_trial; ++i)
    EXPECT_EQ(ask(next_text()).status, 200);
  EXPECT_EQ(condition(*gateway_.engine), EngineHealth::Condition::ramping);
  EXPECT_LT(gateway_.health.standing(*gateway_.engine).weight, 0.3);
  gateway_.world.run_for(31s);
  EXPECT_EQ(condition(*gateway_.engine), EngineHealth::Condition::in);
}

TEST_F(Health, AProbeThatSucceedsBringsAnEngineBack) {
  fail_often();
  gateway_.health.probed(*gateway_.engine, false);
  EXPECT_EQ(condition(*gateway_.engine), EngineHealth::Condition::ejected);
  gateway_.health.probed(*gateway_.engine, true);
  EXPECT_EQ(condition(*gateway_.engine), EngineHealth::Condition::on_trial);
}

TEST_F(Health, AProbeIsDueForAnEngineThatIsIdleAndHasReplicas) {
  EXPECT_FALSE(gateway_.health.take_probe(*gateway_.engine)) << "nobody has used it";
  ask(next_text());
  EXPECT_FALSE(gateway_.health.take_probe(*gateway_.engine));
  gateway_.world.run_for(61s);
  EXPECT_TRUE(gateway_.health.take_probe(*gateway_.engine));
  EXPECT_FALSE(gateway_.health.take_probe(*gateway_.engine)) << "one is on its way";
  Client client(gateway_);
  client.post(kChat, chat_body("x", "", "script"));
  client.answer(1ms);
  gateway_.world.run_for(61s);
  EXPECT_FALSE(gateway_.health.take_probe(*gateway_.scripted_engine)) << "it has no replica";
}

TEST_F(Health, AProbeFindsAnEngineThatLivesAndDoesNotGenerate) {
  const auto probe = [&] {
    const rt::Until until{gateway_.world.loop().in(5s), nullptr};
    return gateway_.world.run(
        engine::generate_one(gateway_.pool, *gateway_.engine, "sim", true, until));
  };
  EXPECT_TRUE(probe().has_value());
  EXPECT_EQ(gateway_.engine_sim.counts().generated_tokens, 1);
  for (const char* fault : {"never", "status=500", "error-body", "die-before"}) {
    set_fault(gateway_.engine_sim, fault);
    EXPECT_FALSE(probe().has_value()) << fault;
  }
}

TEST_F(Health, ARequestThatBreaksTwoEnginesIsQuarantinedForItsTenantAndChargedToNone) {
  const std::string deadly = "[[sim:status=500]]";
  recover();
  const std::int64_t begin = calls();
  const Answer first = ask(deadly);
  EXPECT_EQ(first.status, 502);
  EXPECT_THAT(first.head, HasSubstr(std::string(kNoRetry)));
  EXPECT_EQ(calls(), begin + 2);
  const Answer again = ask(deadly);
  EXPECT_EQ(again.status, 502);
  EXPECT_THAT(again.head, HasSubstr(std::string(kNoRetry)));
  EXPECT_TRUE(again.has("made the model's engines fail")) << again.body;
  EXPECT_EQ(calls(), begin + 2) << "no engine has seen it again";
  EXPECT_EQ(gateway_.health.totals().poisonous, 1U);
  EXPECT_EQ(ask("harmless").status, 200);
  ask(deadly, R"(,"max_tokens":5)");
  EXPECT_GT(calls(), begin + 3) << "another request";
  const std::int64_t before = calls();
  EXPECT_EQ(ask(deadly, "", "", "borealis").status, 502);
  EXPECT_GT(calls(), before) << "another tenant's";
  EXPECT_EQ(condition(*gateway_.engine), EngineHealth::Condition::in);
  EXPECT_EQ(condition(*gateway_.twin), EngineHealth::Condition::in);
  gateway_.world.run_for(11min);
  const std::int64_t later = calls();
  ask(deadly);
  EXPECT_GT(calls(), later) << "the quarantine has an end";
}

TEST_F(Health, AClientThatLeavesWhileItsRequestMovesOnClosesTheBooks) {
  set_fault(gateway_.engine_sim, "status=500");
  set_fault(gateway_.twin_sim, "delay=1000");
  for (int i = 0; i < 20; ++i) {
    Client client(gateway_);
    client.post(kChat, chat_body(next_text(), kStream, "twins"));
    gateway_.world.run_for(std::chrono::milliseconds(i * 2));
    client.hang_up();
    gateway_.world.run_for(2s);
  }
  EXPECT_TRUE(gateway_.settle());
}

TEST_F(Health, ATooShortTimeOfAClientsOwnIsNoFailureOfAnEngine) {
  set_fault(gateway_.engine_sim, "delay=1000");
  set_fault(gateway_.twin_sim, "delay=1000");
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(ask(next_text(), kStream, "x-sm-timeout-ms: 50\r\n").status, 504);
  EXPECT_EQ(condition(*gateway_.engine), EngineHealth::Condition::in);
  EXPECT_EQ(condition(*gateway_.twin), EngineHealth::Condition::in);
}

}  // namespace
}  // namespace sovmesh::flow
