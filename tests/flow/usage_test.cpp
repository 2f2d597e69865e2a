// Tenants read their own usage: who may, in what form, and how many at once.

#include <gmock/gmock.h>

#include "tests/flow/gateway_world.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(Usage, IsAnsweredLikeEveryOtherRequestOfTheApi) {
  GatewayWorld gateway;
  Client client(gateway);
  client.get("/v1/usage?group_by=model");
  const Answer sums = client.answer();
  EXPECT_EQ(sums.status, 200);
  EXPECT_THAT(sums.body, HasSubstr(R"("object":"list","group_by":"model")"));
  EXPECT_THAT(sums.head, HasSubstr("openai-organization: aurora"));
  EXPECT_THAT(sums.head, HasSubstr("cache-control: private, no-store"));
  client.get("/v1/usage/export?format=csv");
  const Answer rows = client.answer();
  EXPECT_EQ(rows.status, 200);
  EXPECT_THAT(rows.head, HasSubstr("content-type: text/csv; charset=utf-8"));
  EXPECT_TRUE(rows.body.starts_with("id,opened_at,"));
  EXPECT_EQ(gateway.ledger.flushes, 2) << "who has just been answered must find it";
  EXPECT_EQ(gateway.ledger.records.size(), 0U) << "reading is no usage";
}

TEST(Usage, ErrorsHaveTheFormOfTheApi) {
  GatewayWorld gateway;
  Client client(gateway);
  client.get("/v1/usage?colour=red");
  const Answer wrong = client.answer();
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.body, HasSubstr(R"("code":"unsupported_parameter")"));
  EXPECT_THAT(wrong.body, HasSubstr(R"("param":"colour")"));
  client.post("/v1/usage", "{}");
  EXPECT_EQ(client.answer().status, 405);
}

TEST(Usage, NeedsAKeyWithItsScope) {
  GatewayWorld gateway;
  gateway.take_scope("borealis", tenancy::Scope::usage_read);
  for (const char* path : {"/v1/usage", "/v1/usage/export"}) {
    Client client(gateway);
    client.get(path, "borealis");
    const Answer refused = client.answer();
    EXPECT_EQ(refused.status, 403);
    EXPECT_THAT(refused.body, HasSubstr("insufficient_permissions"));
    client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: gateway\r\n\r\n");
    EXPECT_EQ(client.answer().status, 401);
  }
  EXPECT_EQ(gateway.ledger.flushes, 0);
}

TEST(Usage, OneReportAtATimeForATenantAndOthersAreServed) {
  GatewayWorld gateway;
  gateway.blocking.set_delay(1s, 1s);
  Client first(gateway);
  Client second(gateway);
  Client other(gateway);
  first.get("/v1/usage");
  gateway.world.run_for(100ms);
  second.get("/v1/usage");
  other.get("/v1/usage", "borealis");
  const Answer busy = second.answer();
  EXPECT_EQ(busy.status, 429);
  EXPECT_THAT(busy.body, HasSubstr("concurrency_limit_exceeded"));
  EXPECT_THAT(busy.head, HasSubstr("retry-after: 1"));
  EXPECT_EQ(first.answer().status, 200);
  EXPECT_EQ(other.answer().status, 200);
  second.get("/v1/usage");
  EXPECT_EQ(second.answer().status, 200);
}

TEST(Usage, AClientThatLeavesGivesTheTurnBack) {
  GatewayWorld gateway;
  gateway.blocking.set_delay(1s, 1s);
  {
    Client gone(gateway);
    gone.get("/v1/usage");
    gateway.world.run_for(100ms);
    gone.hang_up();
  }
  gateway.world.run_for(3s);
  Client next(gateway);
  next.get("/v1/usage");
  EXPECT_EQ(next.answer().status, 200);
}

}  // namespace
}  // namespace sovmesh::flow
