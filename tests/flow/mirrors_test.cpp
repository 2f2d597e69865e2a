// Copies of requests for a route's mirror: which are made, that nobody waits or pays for them, and
// what is compared.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/flow/gateway_world.h"
#include "tests/flow/stream_script.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using gateway::Mirrors;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Outcome = Mirrors::Outcome;

constexpr std::string_view kChat = "/v1/chat/completions";

ModelName named(std::string_view name) { return ModelName::parse(name).value(); }

// "assistant": "chat" on the simulated engine answers, "script" on the scripted one is its mirror.
struct MirrorWorld {
  explicit MirrorWorld(int slots = 16, int share = catalog::kWholeShare)
      : gateway(7, {}, slots),
        route{.name = named("assistant"),
              .versions = {{.model = named("chat"), .weight = 1},
                           {.model = named("script"), .stage = catalog::Stage::experiment}}} {
    route.mirror = catalog::Mirror{.version = named("script"), .share = share};
    gateway.set_route(route);
    gateway.scripted.script = {.parts = {make_stream({"one", "two", "three"}).bytes}};
  }
  void set(const catalog::Mirror& mirror) {
    route.mirror = mirror;
    gateway.set_route(route);
  }
  Answer ask(std::string_view more = kStream, std::string_view fields = "",
             std::string_view tenant = "aurora", std::string_view content = "hello") {
    Client client(gateway);
    client.post(kChat, chat_body(content, more, "assistant"), tenant, fields);
    return client.answer();
  }
  std::size_t copies() const { return gateway.scripted.bodies.size(); }
  Mirrors::Comparison seen() const {
    return gateway.mirrors()
        .comparison(route.name)
        .value_or(Mirrors::Comparison{
            .version = named("none"), .original = {}, .copies = {}, .outcomes = {}});
  }
  std::uint64_t count(Outcome outcome) const {
    return seen().outcomes.at(static_cast<std::size_t>(outcome));
  }

  GatewayWorld gateway;
  catalog::Route route;
};

TEST(Mirrors, ACopyIsComparedAndThrownAway) {
  MirrorWorld world;
  const Answer answer = world.ask();
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.has("three")) << answer.body;
  world.gateway.world.run_for(1s);
  ASSERT_EQ(world.copies(), 1U);
  const std::string& body = world.gateway.scripted.bodies[0];
  EXPECT_THAT(body, HasSubstr(R"("model":"sim","stream":true)"));
  EXPECT_THAT(body, HasSubstr(R"("content":"hello")"));
  EXPECT_THAT(body, HasSubstr(R"("cache_salt":)"));
  EXPECT_EQ(world.count(Outcome::answered), 1U);
  const Mirrors::Comparison seen = world.seen();
  EXPECT_EQ(seen.version, named("script"));
  for (const Mirrors::Side* side : {&seen.original, &seen.copies}) {
    EXPECT_EQ(side->arm.requests, 1U);
    EXPECT_EQ(side->arm.errors, 0U);
    EXPECT_EQ(side->arm.ttft_us.count(), 1U);
    EXPECT_EQ(side->arm.tpot_us.count(), 1U);
    EXPECT_EQ(side->total_us.count(), 1U);
  }
  EXPECT_EQ(seen.copies.arm.output_tokens.bucket_at(0.5), rollout::Histogram::bucket_of(3));
  EXPECT_THAT(world.gateway.metrics(),
              HasSubstr(R"(sm_mirror_requests_total{route="assistant",version="script",)"
                        R"(outcome="answered"} 1)"));
  EXPECT_THAT(world.gateway.metrics(), HasSubstr(R"(sm_mirror_running{route="assistant"} 0)"));
}

TEST(Mirrors, ACopyIsNeverCharged) {
  MirrorWorld world;
  GatewayWorld& gateway = world.gateway;
  gateway.limit(gateway.tenant_limit("aurora", limits::Measure::requests, limits::Window::day, 10));
  gateway.limit(
      gateway.tenant_limit("aurora", limits::Measure::concurrency, limits::Window::none, 1));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(world.ask(R"(,"max_tokens":20)").status, 200);
    gateway.world.run_for(1s);
  }
  EXPECT_EQ(world.count(Outcome::answered), 3U);
  EXPECT_EQ(gateway.ledger.order.size(), 3U);
  for (const auto& [id, row] : gateway.ledger.records)
    EXPECT_EQ(row.intent.engine, "engine");
  for (const limits::Status& status : gateway.balances())
    EXPECT_EQ(status.used, status.measure == limits::Measure::requests ? 3 : 0);
}

TEST(Mirrors, AShareIsCopied) {
  MirrorWorld world(16, 2'500);
  for (int i = 0; i < 200; ++i) {
    world.ask("", "", i % 2 == 0 ? "aurora" : "borealis");
    world.gateway.world.run_for(1s);
  }
  EXPECT_GT(world.copies(), 25U);
  EXPECT_LT(world.copies(), 75U);
  const RequestId id = world.gateway.ledger.order.front();
  EXPECT_EQ(gateway::mirror_draw(id), gateway::mirror_draw(id));
}

TEST(Mirrors, NoRequestWaitsForItsCopy) {
  MirrorWorld world;
  world.gateway.scripted.script = {.parts = {}, .end = Script::End::hang};
  const Instant began = world.gateway.world.now();
  EXPECT_EQ(world.ask().status, 200);
  EXPECT_LT(world.gateway.world.now() - began, 10ms);
  world.gateway.world.run_for(10ms);
  EXPECT_EQ(world.copies(), 1U) << "and it hangs";
}

TEST(Mirrors, ACopyEndsByTheTimesOfItsModel) {
  MirrorWorld world;
  world.gateway.scripted.script = {.parts = {}, .end = Script::End::hang};
  EXPECT_EQ(world.ask().status, 200);
  world.gateway.world.run_for(7s);
  EXPECT_EQ(world.count(Outcome::failed), 0U);
  world.gateway.world.run_for(2s);
  EXPECT_EQ(world.count(Outcome::failed), 1U) << "8 s to the first token";
  EXPECT_EQ(world.gateway.scripted.gone, 1) << "and its connection is closed";
  EXPECT_EQ(world.seen().copies.arm.errors, 1U);
  EXPECT_EQ(world.seen().original.arm.errors, 0U);
}

TEST(Mirrors, OnlySoManyRunAtOnce) {
  MirrorWorld world;
  world.set({.version = named("script"), .share = catalog::kWholeShare, .in_flight_max = 2});
  world.gateway.scripted.script = {.parts = {}, .end = Script::End::hang};
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(world.ask().status, 200);
  EXPECT_EQ(world.copies(), 2U);
  EXPECT_EQ(world.count(Outcome::full), 3U);
  EXPECT_THAT(world.gateway.metrics(), HasSubstr(R"(sm_mirror_running{route="assistant"} 2)"));
}

TEST(Mirrors, WithoutRoomAtItsEngineNoCopyIsMade) {
  MirrorWorld world(1);
  world.set({.version = named("script"), .share = catalog::kWholeShare, .in_flight_max = 9});
  world.gateway.scripted.script = {.parts = {}, .end = Script::End::hang};
  EXPECT_EQ(world.ask().status, 200);
  EXPECT_EQ(world.ask().status, 200);
  EXPECT_EQ(world.copies(), 1U);
  EXPECT_EQ(world.count(Outcome::no_room), 1U) << "the only slot is taken";
  world.gateway.world.run_for(10s);
  world.gateway.scripted_engine->ready_ = our_error(Code::no_healthy_backend, "down");
  EXPECT_EQ(world.ask().status, 200);
  EXPECT_EQ(world.count(Outcome::no_room), 2U) << "no engine is started for a copy";
}

TEST(Mirrors, ACopyGivesWayToARequest) {
  MirrorWorld world(1);
  world.gateway.scripted.script = {.parts = {}, .end = Script::End::hang};
  EXPECT_EQ(world.ask().status, 200);
  world.gateway.world.run_for(10ms);
  ASSERT_EQ(world.copies(), 1U);
  world.gateway.scripted.script = {.parts = {make_stream({"well"}).bytes}};
  const Instant began = world.gateway.world.now();
  Client client(world.gateway);
  client.post(kChat, chat_body("x", kStream, "script"));
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_LT(world.gateway.world.now() - began, 200ms);
  EXPECT_EQ(world.count(Outcome::yielded), 1U);
  EXPECT_EQ(world.seen().original.arm.requests, 0U) << "half a copy is not compared";
}

TEST(Mirrors, CopiesEndWhenTheServerGoesDown) {
  MirrorWorld world;
  world.gateway.scripted.script = {.parts = {}, .end = Script::End::hang};
  EXPECT_EQ(world.ask().status, 200);
  world.gateway.world.run_for(10ms);
  world.gateway.plane().cut_off();
  world.gateway.world.run_for(50ms);
  EXPECT_EQ(world.count(Outcome::cancelled), 1U);
  EXPECT_EQ(world.gateway.scripted.gone, 1);
}

TEST(Mirrors, FaultsOfTheMirrorAreItsOwn) {
  MirrorWorld world;
  int failed = 0;
  for (const Script& script :
       {Script{.parts = {"HTTP/1.1 500 X\r\ncontent-length: 2\r\n\r\n{}"}},
        Script{.parts = {std::string(kStreamHead)}, .end = Script::End::reset},
        Script{.parts = {"no http\r\n\r\n"}, .end = Script::End::fin}}) {
    world.gateway.scripted.script = script;
    EXPECT_EQ(world.ask().status, 200);
    world.gateway.world.run_for(1s);
    EXPECT_EQ(world.count(Outcome::failed), static_cast<std::uint64_t>(++failed));
  }
  EXPECT_EQ(world.seen().copies.arm.errors, 3U);
  EXPECT_EQ(world.seen().original.arm.errors, 0U);
  EXPECT_EQ(world.seen().copies.total_us.count(), 0U);
  world.gateway.scripted.script = {.parts = {"HTTP/1.1 400 X\r\ncontent-length: 2\r\n\r\n{}"}};
  EXPECT_EQ(world.ask().status, 200);
  world.gateway.world.run_for(1s);
  EXPECT_EQ(world.count(Outcome::unsuited), 1U);
  EXPECT_EQ(world.seen().copies.arm.requests, 3U);
}

TEST(Mirrors, RefusalsAreCounted) {
  MirrorWorld world;
  world.gateway.scripted.script = {
      .parts = {std::string(kStreamHead) +
                chunk(event(R"("delta":{"role":"assistant","content":"no"})")) +
                chunk(event(R"("delta":{},"finish_reason":"content_filter")")) +
                chunk("data: [DONE]\n\n") + "0\r\n\r\n"}};
  EXPECT_EQ(world.ask().status, 200);
  world.gateway.world.run_for(1s);
  EXPECT_EQ(world.seen().copies.arm.refusals, 1U);
  EXPECT_EQ(world.seen().original.arm.refusals, 0U);
}

TEST(Mirrors, OfPlainAnswersThereIsNoFirstToken) {
  MirrorWorld world;
  EXPECT_EQ(world.ask("").status, 200);
  world.gateway.world.run_for(1s);
  EXPECT_EQ(world.count(Outcome::answered), 1U);
  EXPECT_EQ(world.seen().copies.arm.requests, 1U);
  EXPECT_EQ(world.seen().copies.arm.ttft_us.count(), 0U);
  EXPECT_EQ(world.seen().copies.total_us.count(), 1U);
}

TEST(Mirrors, ARequestOfAnotherEngineIsNotCompared) {
  MirrorWorld world;
  world.route.fallbacks = {{.name = named("quick")}};
  world.gateway.set_route(world.route);
  world.gateway.engine->ready_ = our_error(Code::no_healthy_backend, "down");
  world.gateway.engine->status_.state = engine::State::unhealthy;
  world.ask();
  EXPECT_EQ(world.copies(), 0U);
}

TEST(Mirrors, ErrorsOfTheRequestItselfAreCompared) {
  MirrorWorld world;
  world.gateway.engine_sim.set_faults({sim::parse_fault("status=500").value()});
  EXPECT_EQ(world.ask().status, 502);
  world.gateway.world.run_for(1s);
  EXPECT_EQ(world.seen().original.arm.errors, 1U);
  EXPECT_EQ(world.seen().copies.arm.errors, 0U);
}

TEST(Mirrors, WhatAClientHungUpOnIsNotCompared) {
  MirrorWorld world;
  Client client(world.gateway);
  client.post(kChat, chat_body("[[sim:rate=5]]", kStream, "assistant"));
  world.gateway.world.run_for(100ms);
  client.hang_up();
  world.gateway.world.run_for(2s);
  EXPECT_EQ(world.count(Outcome::answered), 1U);
  EXPECT_EQ(world.seen().copies.arm.requests, 0U);
}

TEST(Mirrors, RequestsWithAnIdempotencyKeyAreNotCopied) {
  MirrorWorld world;
  EXPECT_EQ(world.ask("", "idempotency-key: one\r\n").status, 200);
  EXPECT_EQ(world.copies(), 0U);
}

TEST(Mirrors, LargePromptsAreNotCopied) {
  MirrorWorld world;
  world.set({.version = named("script"), .share = catalog::kWholeShare, .prompt_bytes_max = 100});
  EXPECT_EQ(world.ask(kStream, "", "aurora", std::string(100, 'x')).status, 200);
  EXPECT_EQ(world.copies(), 0U);
  EXPECT_EQ(world.count(Outcome::too_large), 1U);
}

TEST(Mirrors, OnlyRequestsOfThoseWhoMayUseTheMirrorAreCopied) {
  MirrorWorld world;
  world.route.versions[1].model = named("aurora-only");
  world.set({.version = named("aurora-only"), .share = catalog::kWholeShare});
  EXPECT_EQ(world.ask("", "", "borealis").status, 200);
  EXPECT_FALSE(world.gateway.mirrors().comparison(world.route.name));
  EXPECT_EQ(world.ask("", "", "aurora").status, 200);
  world.gateway.world.run_for(1s);
  EXPECT_EQ(world.count(Outcome::answered), 1U);
}

TEST(Mirrors, WhatItsEngineCannotDoIsNotCopied) {
  MirrorWorld world;
  world.gateway.scripted_engine->capabilities_.tools = false;
  world.ask(R"(,"tools":[{"type":"function","function":{"name":"f","parameters":{}}}])");
  EXPECT_EQ(world.copies(), 0U);
  EXPECT_EQ(world.count(Outcome::unsuited), 1U);
}

TEST(Mirrors, AnotherMirrorBeginsAnew) {
  MirrorWorld world;
  world.ask();
  world.gateway.world.run_for(1s);
  ASSERT_EQ(world.seen().copies.arm.requests, 1U);
  world.route.versions[1].model = named("quick");
  world.set({.version = named("quick"), .share = catalog::kWholeShare});
  world.ask();
  world.gateway.world.run_for(1s);
  EXPECT_EQ(world.seen().version, named("quick"));
  EXPECT_EQ(world.seen().copies.arm.requests, 1U);
  EXPECT_EQ(world.count(Outcome::answered), 1U);
}

TEST(Mirrors, ThoseThatAreGoneTakeNoPlace) {
  MirrorWorld world;
  world.ask();
  world.gateway.world.run_for(1s);
  ASSERT_EQ(world.count(Outcome::answered), 1U);
  const ModelName first = world.route.name;
  catalog::Route without = world.route;
  without.mirror.reset();
  world.gateway.set_route(without);
  // As many as a process remembers at once, one after the other.
  for (int i = 0; i < 1'100; ++i) {
    catalog::Route next = world.route;
    next.name = named(fmt::format("assistant-{}", i));
    world.gateway.drop_routes();
    world.gateway.set_route(next);
    Client client(world.gateway);
    client.post(kChat, chat_body("hello", "", next.name.text()), "aurora", "");
    ASSERT_EQ(client.answer().status, 200);
    world.gateway.world.run_for(100ms);
    const auto seen = world.gateway.mirrors().comparison(next.name);
    ASSERT_TRUE(seen) << i;
    ASSERT_EQ(seen->outcomes.at(static_cast<std::size_t>(Outcome::answered)), 1U) << i;
  }
  EXPECT_FALSE(world.gateway.mirrors().comparison(first));
  const std::string page = world.gateway.metrics();
  EXPECT_THAT(page, Not(HasSubstr(R"(sm_mirror_requests_total{route="assistant-1098")")));
  EXPECT_THAT(page, HasSubstr(R"(sm_mirror_requests_total{route="assistant-1099")"));
  EXPECT_THAT(page, Not(HasSubstr(R"(sm_mirror_requests_total{route="other")")));
}

TEST(Mirrors, TheAuditLogSaysWhereCopiesWent) {
  FakeAudit log;
  MirrorWorld world;
  world.gateway.set_audit({.log = &log, .site = "hall-2", .jurisdiction = "DK"});
  world.ask();
  world.gateway.world.run_for(1s);
  ASSERT_EQ(log.requests().size(), 1U);
  const store::RequestEntry entry = log.requests()[0];
  EXPECT_EQ(entry.place->engine, "engine");
  ASSERT_NE(entry.mirror, nullptr);
  EXPECT_EQ(entry.mirror->engine, "scripted");
  EXPECT_EQ(entry.mirror->egress, "10.0.0.3");
  world.ask("", "idempotency-key: one\r\n");
  EXPECT_EQ(log.requests()[1].mirror, nullptr);
}

}  // namespace
}  // namespace sovmesh::flow
