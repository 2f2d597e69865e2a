// Routes: which model answers for a public name, and what client, ledger and log are told of it.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>

#include "tests/flow/gateway_world.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using catalog::Stage;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

constexpr std::string_view kChat = "/v1/chat/completions";

ModelName named(std::string_view name) { return ModelName::parse(name).value(); }

// "assistant": stable "chat", canary "quick", both on the simulated engine.
catalog::Route assistant(std::int64_t chat, std::int64_t quick) {
  return {.name = named("assistant"),
          .versions = {{.model = named("chat"), .weight = chat},
                       {.model = named("quick"), .weight = quick, .stage = Stage::canary}}};
}

class Routes : public testing::Test {
 protected:
  void TearDown() override {
    EXPECT_TRUE(gateway_.settle());
    EXPECT_THAT(gateway_.ledger.violations, testing::IsEmpty());
  }
  Answer ask(std::string_view fields = "", std::string_view tenant = "aurora",
             std::string_view model = "assistant", std::string_view more = "") {
    Client client(gateway_);
    client.post(kChat, chat_body("hello", more, model), tenant, fields);
    return client.answer();
  }
  // Who answered, as the header says.
  std::string version_of(const Answer& answer) {
    constexpr std::string_view kField = "x-sm-model: ";
    const std::size_t at = answer.head.find(kField);
    if (at == std::string::npos) return fmt::format("status {}", answer.status);
    const std::size_t from = at + kField.size();
    return answer.head.substr(from, answer.head.find('\r', from) - from);
  }
  static std::string session(int n) { return fmt::format("x-sm-session: {}\r\n", n); }
  void make_unhealthy(FakeEngine& engine) {
    engine.ready_ = our_error(Code::no_healthy_backend, "down");
    engine.status_.state = engine::State::unhealthy;
  }

  GatewayWorld gateway_;
};

TEST_F(Routes, SpreadConversationsByWeightAndKeepEachAtItsVersion) {
  gateway_.set_route(assistant(75, 25));
  std::map<std::string, int> count;
  for (int n = 0; n < 200; ++n) {
    const std::string first = version_of(ask(session(n)));
    ++count[first];
    EXPECT_EQ(version_of(ask(session(n))), first) << "conversation " << n;
  }
  EXPECT_EQ(count["chat"] + count["quick"], 200);
  EXPECT_NEAR(count["quick"], 50, 25);
}

TEST_F(Routes, ConversationsOnlyMoveIntoAVersionThatGrows) {
  gateway_.set_route(assistant(90, 10));
  std::vector<std::string> before;
  for (int n = 0; n < 60; ++n)
    before.push_back(version_of(ask(session(n))));
  gateway_.set_route(assistant(50, 50));
  int moved = 0;
  for (std::size_t n = 0; n < before.size(); ++n) {
    const std::string now = version_of(ask(session(static_cast<int>(n))));
    if (now == before[n]) continue;
    EXPECT_EQ(now, "quick") << n;
    ++moved;
  }
  EXPECT_GT(moved, 0);
  gateway_.set_route(assistant(90, 10));
  for (std::size_t n = 0; n < before.size(); ++n)
    EXPECT_EQ(version_of(ask(session(static_cast<int>(n)))), before[n]) << n;
}

TEST_F(Routes, WithoutASessionATenantStaysAtOneVersion) {
  gateway_.set_route(assistant(50, 50));
  const std::string first = version_of(ask());
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(version_of(ask()), first);
}

TEST_F(Routes, AClientIsAnsweredUnderTheNameThatItCalled) {
  gateway_.set_route(assistant(1, 0));
  for (const std::string_view more : {std::string_view(), kStream}) {
    const Answer answer = ask("", "aurora", "assistant", more);
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.has(R"("model":"assistant")")) << answer.body;
    EXPECT_FALSE(answer.has(R"("model":"chat")")) << answer.body;
  }
}

TEST_F(Routes, LedgerAndLogNameRouteAndVersion) {
  gateway_.set_route(assistant(1, 0));
  ASSERT_EQ(ask().status, 200);
  EXPECT_EQ(gateway_.ledger.last().intent.model, "assistant");
  EXPECT_EQ(gateway_.ledger.last().intent.model_revision, "chat@0");
  EXPECT_THAT(gateway_.sink.lines.back(), HasSubstr(R"("model":"assistant","version":"chat")"));
  ASSERT_EQ(ask("", "aurora", "chat").status, 200);
  EXPECT_EQ(gateway_.ledger.last().intent.model_revision, "0");
  EXPECT_THAT(gateway_.sink.lines.back(), Not(HasSubstr(R"("version":)")));
}

TEST_F(Routes, CanStandInFrontOfTheirStableVersion) {
  catalog::Route route = assistant(1, 1);
  route.name = named("chat");
  gateway_.set_route(route);
  std::set<std::string> seen;
  for (int n = 0; n < 40; ++n)
    seen.insert(version_of(ask(session(n), "aurora", "chat")));
  EXPECT_THAT(seen, UnorderedElementsAre("chat", "quick"));
}

TEST_F(Routes, AreListedInsteadOfAModelOfTheirName) {
  gateway_.set_route(assistant(1, 0));
  Client client(gateway_);
  client.get("/v1/models");
  EXPECT_EQ(client.answer().count(R"("id":"assistant")"), 1U);
  client.get("/v1/models/assistant");
  EXPECT_EQ(client.answer().status, 200);
}

TEST_F(Routes, AVersionThatIsNotForATenantIsPassedOver) {
  catalog::Route route = assistant(1, 0);
  route.versions[1] = {.model = named("aurora-only"), .weight = 99, .stage = Stage::canary};
  gateway_.set_route(route);
  std::set<std::string> auroras;
  for (int n = 0; n < 30; ++n) {
    auroras.insert(version_of(ask(session(n))));
    EXPECT_EQ(version_of(ask(session(n), "borealis")), "chat");
  }
  EXPECT_TRUE(auroras.contains("aurora-only"));
}

TEST_F(Routes, ToForeignVersionsLookLikeUnknownNames) {
  catalog::Route route = assistant(1, 0);
  route.versions = {{.model = named("aurora-only"), .weight = 1}};
  gateway_.set_route(route);
  Client client(gateway_);
  client.get("/v1/models", "borealis");
  EXPECT_FALSE(client.answer().has("assistant"));
  const Answer foreign = ask("", "borealis", "assistant");
  const Answer unknown = ask("", "borealis", "assistanx");
  EXPECT_EQ(foreign.status, 404);
  std::string expected = without_ids(unknown.head + unknown.body);
  expected.replace(expected.find("assistanx"), 9, "assistant");
  EXPECT_EQ(without_ids(foreign.head + foreign.body), expected);
  EXPECT_EQ(ask().status, 200);
}

TEST_F(Routes, AKeyThatHoldsARoutesNameHoldsItsVersionsAndNoMore) {
  catalog::Route route = assistant(1, 1);
  route.fallbacks = {{.name = named("script")}};
  gateway_.set_route(route);
  gateway_.narrow_key("aurora", {named("assistant")});
  for (int n = 0; n < 10; ++n) {
    const Answer answer = ask(session(n));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(version_of(answer), "assistant")
        << "it cannot call a version, so it need not know it";
  }
  EXPECT_EQ(ask("", "aurora", "chat").status, 404);
  make_unhealthy(*gateway_.engine);
  EXPECT_EQ(ask().status, 503) << "the fallback is not in its list";
}

TEST_F(Routes, AGreyChannelIsForTenantsThatTakePart) {
  catalog::Route route = assistant(1, 0);
  route.grey = catalog::GreyChannel{
      .name = "preview", .version = named("quick"), .tenants = {GatewayWorld::tenant_id("aurora")}};
  gateway_.set_route(route);
  constexpr std::string_view kPreview = "x-sm-channel: preview\r\n";
  EXPECT_EQ(version_of(ask(kPreview)), "quick");
  EXPECT_EQ(version_of(ask()), "chat");
  EXPECT_EQ(version_of(ask("x-sm-channel: other\r\n")), "chat");
  EXPECT_EQ(version_of(ask(kPreview, "borealis")), "chat");
}

// Labels are set by who makes a key: a client cannot say that it has one.
TEST_F(Routes, ALabelOfTheKeyLeadsToAVersion) {
  catalog::Route route = assistant(1, 0);
  const catalog::Match gold{.of = catalog::Match::Of::key_label, .name = "tier", .value = "gold"};
  route.conditions = {{.name = "gold", .all = {gold}, .version = named("quick")}};
  gateway_.set_route(route);
  EXPECT_EQ(version_of(ask()), "chat");
  EXPECT_EQ(version_of(ask("tier: gold\r\n")), "chat");
  gateway_.label_key("aurora", {{"tier", "gold"}});
  EXPECT_EQ(version_of(ask()), "quick");
  EXPECT_EQ(version_of(ask("", "borealis")), "chat");

  route.conditions = {{.name = "ours",
                       .all = {},
                       .version = named("quick"),
                       .tenant = GatewayWorld::tenant_id("borealis"),
                       .project = ProjectSlug::parse("default").value()}};
  gateway_.set_route(route);
  EXPECT_EQ(version_of(ask()), "chat");
  EXPECT_EQ(version_of(ask("", "borealis")), "quick");

  route.conditions.clear();
  route.grey = catalog::GreyChannel{.name = "preview",
                                    .version = named("quick"),
                                    .tenants = {GatewayWorld::tenant_id("aurora")},
                                    .key_label = gold};
  gateway_.set_route(route);
  gateway_.label_key("borealis", {{"tier", "gold"}});
  EXPECT_EQ(version_of(ask()), "quick");
  EXPECT_EQ(version_of(ask("", "borealis")), "chat") << "it takes no part";
  gateway_.label_key("aurora", {{"tier", "silver"}});
  EXPECT_EQ(version_of(ask()), "chat");
}

TEST_F(Routes, ConditionsComeBeforeWeights) {
  catalog::Route route = assistant(1, 0);
  route.conditions = {
      {.name = "beta-app", .all = {{.name = "x-app", .value = "beta"}}, .version = named("quick")}};
  gateway_.set_route(route);
  EXPECT_EQ(version_of(ask("X-App: beta\r\n")), "quick");
  EXPECT_EQ(version_of(ask("X-App: Beta\r\n")), "chat");
  EXPECT_EQ(version_of(ask()), "chat");
}

TEST_F(Routes, FallBackWhileAVersionsEngineIsNotHealthy) {
  catalog::Route route = assistant(1, 0);
  route.versions[0].model = named("script");
  route.fallbacks = {{.name = named("script-embed")}, {.name = named("chat")}};
  gateway_.set_route(route);
  make_unhealthy(*gateway_.scripted_engine);
  const Answer answer = ask();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(version_of(answer), "chat");
  EXPECT_TRUE(answer.has(R"("model":"assistant")"));
  EXPECT_EQ(gateway_.ledger.last().intent.model_revision, "chat@0");
}

TEST_F(Routes, FallBackToARouteChoosesAmongItsVersions) {
  catalog::Route other = assistant(0, 1);
  other.name = named("reserve");
  gateway_.set_route(other);
  catalog::Route route = assistant(1, 0);
  route.versions = {{.model = named("script"), .weight = 1}};
  route.fallbacks = {{.kind = catalog::Fallback::Kind::route, .name = named("reserve")}};
  gateway_.set_route(route);
  make_unhealthy(*gateway_.scripted_engine);
  EXPECT_EQ(version_of(ask()), "quick");
}

TEST_F(Routes, AnEngineThatIsOnlyAsleepIsNotPassedOver) {
  catalog::Route route = assistant(1, 0);
  route.versions[0].model = named("script");
  route.fallbacks = {{.name = named("chat")}};
  gateway_.set_route(route);
  gateway_.scripted_engine->ready_ = our_error(Code::model_loading, "asleep");
  gateway_.scripted_engine->status_.state = engine::State::stopped;
  EXPECT_EQ(ask().status, 503);  // it was asked to start, which this one cannot
}

TEST_F(Routes, WithoutAHealthyFallbackTheVersionsOwnErrorIsTold) {
  catalog::Route route = assistant(1, 0);
  route.fallbacks = {{.name = named("quick")}};
  gateway_.set_route(route);
  make_unhealthy(*gateway_.engine);
  const Answer answer = ask();
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(answer.has("no_healthy_backend")) << answer.body;
}

TEST_F(Routes, AVersionThatNoLongerExistsIsPassedOver) {
  gateway_.set_route(assistant(1, 1));
  gateway_.withdraw("quick");
  for (int n = 0; n < 10; ++n)
    EXPECT_EQ(version_of(ask(session(n))), "chat");
}

TEST_F(Routes, TimesOfARouteComeBeforeThoseOfItsModels) {
  catalog::Route route = assistant(1, 0);
  route.timeouts.first_token = 3s;
  gateway_.set_route(route);
  const Instant began = gateway_.world.now();
  Client client(gateway_);
  client.post(kChat, chat_body("[[sim:never]]", kStream, "assistant"));
  const Answer answer = client.answer();
  EXPECT_TRUE(answer.has("first_token_timeout")) << answer.status << answer.body;
  EXPECT_LT(gateway_.world.now() - began, 5s);
}

TEST_F(Routes, CostWhatTheirNameCostsElseWhatTheVersionCosts) {
  metering::PriceTerms version{.model = "chat", .currency = "EUR"};
  version.call = 5;
  gateway_.set_prices({version});
  gateway_.set_route(assistant(1, 0));
  ASSERT_EQ(ask().status, 200);
  ASSERT_TRUE(gateway_.ledger.last().intent.price);
  EXPECT_EQ(gateway_.ledger.last().intent.price->terms().model, "chat");
  metering::PriceTerms own{.model = "assistant", .currency = "EUR"};
  own.call = 7;
  gateway_.set_prices({version, own});
  ASSERT_EQ(ask().status, 200);
  EXPECT_EQ(gateway_.ledger.last().intent.price->terms().model, "assistant");
}

}  // namespace
}  // namespace sovmesh::flow
