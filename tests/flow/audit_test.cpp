// What the audit log is told of requests.

#include <gmock/gmock.h>

#include "tests/flow/gateway_world.h"
#include "tests/support/fake_audit.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kChat = "/v1/chat/completions";

struct Audited {
  explicit Audited(bool fail_closed = false) {
    gateway.set_audit(
        {.log = &log, .fail_closed = fail_closed, .site = "hall-2", .jurisdiction = "DK"});
  }
  Answer ask(const std::string& body, std::string_view tenant = "aurora") {
    Client client(gateway);
    client.post(kChat, body, tenant);
    return client.answer();
  }
  FakeAudit log;
  GatewayWorld gateway;
};

TEST(Audit, EachRequestGetsOneEntryWithDigestsAndNoText) {
  Audited world;
  EXPECT_EQ(world.ask(chat_body("a secret word")).status, 200);
  EXPECT_EQ(world.ask(chat_body("a secret word", kStream)).status, 200);
  ASSERT_EQ(world.log.requests().size(), 2U);
  for (const store::RequestEntry& entry : world.log.requests()) {
    EXPECT_EQ(entry.tenant, GatewayWorld::tenant_id("aurora"));
    EXPECT_EQ(entry.model, "chat");
    EXPECT_EQ(entry.status, 200);
    EXPECT_EQ(entry.finish, metering::Finish::stop);
    EXPECT_GT(entry.counts.generated, 0);
    EXPECT_TRUE(entry.prompt_digest);
    EXPECT_TRUE(entry.answer_digest);
    EXPECT_EQ(entry.digest_key, "dk1");
    ASSERT_NE(entry.place, nullptr);
    EXPECT_EQ(entry.place->engine, "engine");
    EXPECT_EQ(entry.place->host, "10.0.0.2:8000");
    EXPECT_EQ(entry.place->egress, "10.0.0.2");
    EXPECT_EQ(entry.place->site, "hall-2");
    EXPECT_EQ(entry.place->jurisdiction, "DK");
  }
  EXPECT_EQ(world.log.requests()[0].answer_digest, world.log.requests()[1].answer_digest);
  EXPECT_EQ(world.log.requests()[0].place, world.log.requests()[1].place) << "looked up once";
}

TEST(Audit, AnEngineHasAPlaceOfItsOwnAndAModelItsDigest) {
  Audited world;
  gateway::AuditPolicy policy{.log = &world.log, .site = "hall-2", .jurisdiction = "DK"};
  policy.engines["engine"] = {
      .site = "Kiruna", .jurisdiction = "SE", .pool = "gpu", .model_digest = "aa"};
  world.gateway.set_audit(policy);
  EXPECT_EQ(world.ask(chat_body("x")).status, 200);
  policy.model_digests["chat"] = "bb";
  world.gateway.set_audit(policy);
  EXPECT_EQ(world.ask(chat_body("x")).status, 200);
  ASSERT_EQ(world.log.requests().size(), 2U);
  EXPECT_EQ(world.log.requests()[0].place->site, "Kiruna");
  EXPECT_EQ(world.log.requests()[0].place->jurisdiction, "SE");
  EXPECT_EQ(world.log.requests()[0].pool, "gpu");
  EXPECT_EQ(world.log.requests()[0].model_digest, "aa");
  EXPECT_EQ(world.log.requests()[1].model_digest, "bb") << "what the file says of the model";
}

TEST(Audit, WhatAskedForAnEngineHasItsClass) {
  Audited world;
  Client client(world.gateway);
  client.post(kChat, chat_body("x"), "aurora", "x-sm-priority: batch\r\n");
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_EQ(world.ask("{}").status, 400);
  ASSERT_EQ(world.log.requests().size(), 2U);
  EXPECT_EQ(world.log.requests()[0].priority, PriorityClass::batch);
  EXPECT_EQ(world.log.requests()[1].priority, std::nullopt);
}

TEST(Audit, AModelWithAnAdapterIsAnotherOne) {
  gateway::AuditPolicy policy;
  policy.engines["e"] = {.model_digest = "base", .adapters = {"first"}};
  catalog::Model model{.id = {}, .name = *ModelName::parse("m")};
  EXPECT_EQ(policy.model_digest("e", model), "base");
  model.adapter = 0;
  EXPECT_EQ(policy.model_digest("e", model), "first");
  model.adapter = 1;
  EXPECT_EQ(policy.model_digest("e", model), "");
  EXPECT_EQ(policy.model_digest("another", model), "");
}

TEST(Audit, RefusedAndBrokenRequestsHaveTheirsToo) {
  Audited world;
  world.gateway.limit(
      world.gateway.tenant_limit("aurora", limits::Measure::requests, limits::Window::day, 1));
  EXPECT_EQ(world.ask("{").status, 400);
  EXPECT_EQ(world.ask(chat_body("[[sim:status=500]]")).status, 502);
  EXPECT_EQ(world.ask(chat_body("x")).status, 429);
  ASSERT_EQ(world.log.requests().size(), 3U);
  EXPECT_EQ(world.log.requests()[0].code, "invalid_json");
  EXPECT_EQ(world.log.requests()[1].code, "upstream_error");
  EXPECT_EQ(world.log.requests()[2].code, "insufficient_quota");
}

TEST(Audit, RequestsThatCostNothingAreMarkedRefused) {
  Audited world;
  EXPECT_EQ(world.ask("{").status, 400);
  EXPECT_EQ(world.ask(chat_body("[[sim:status=500]]")).status, 502);
  EXPECT_EQ(world.ask(chat_body("x")).status, 200);
  world.gateway.ledger.refuses = true;
  EXPECT_EQ(world.ask(chat_body("x")).status, 503);
  const auto entries = world.log.requests();
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_TRUE(entries[0].refused);
  EXPECT_FALSE(entries[0].settled);
  EXPECT_FALSE(entries[1].refused) << "an engine has worked for it";
  EXPECT_EQ(entries[1].settled, entries[1].request);
  EXPECT_FALSE(entries[2].refused);
  EXPECT_EQ(entries[2].settled, entries[2].request);
  EXPECT_TRUE(entries[3].refused);
}

TEST(Audit, AnAnswerGivenAgainNamesTheRowOfItsFirstRequest) {
  Audited world;
  world.gateway.keep_answers();
  for (int i = 0; i < 2; ++i) {
    Client client(world.gateway);
    client.post(kChat, chat_body("x"), "aurora", "idempotency-key: k1\r\n");
    EXPECT_EQ(client.answer().status, 200);
    EXPECT_TRUE(world.gateway.settle());
  }
  const auto entries = world.log.requests();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].settled, entries[0].request);
  EXPECT_EQ(entries[1].settled, entries[0].request);
  EXPECT_TRUE(entries[1].is_replay());
  EXPECT_EQ(entries[1].finish, metering::Finish::stop);
  EXPECT_FALSE(entries[1].cost_micro) << "nothing is charged again";
}

TEST(Audit, StrangersHaveNone) {
  Audited world;
  Client client(world.gateway);
  client.send(
      "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sm-x\r\n"
      "content-length: 0\r\n\r\n");
  EXPECT_EQ(client.answer().status, 401);
  EXPECT_TRUE(world.log.requests().empty());
  EXPECT_THAT(world.log.strangers, testing::ElementsAre("malformed_key")) << "and are counted";
}

TEST(Audit, WithoutAPlaceForEntriesRequestsRunOrNotAsThePolicySays) {
  Audited open;
  open.log.broken = true;
  EXPECT_EQ(open.ask(chat_body("x")).status, 200);
  EXPECT_EQ(open.log.gaps, 1U);
  Audited closed(true);
  closed.log.broken = true;
  const Answer refused = closed.ask(chat_body("x"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_TRUE(refused.has(R"("code":"dependency_unavailable")")) << refused.body;
  EXPECT_EQ(closed.gateway.engine_sim.counts().requests, 0);
}

}  // namespace
}  // namespace sovmesh::flow
