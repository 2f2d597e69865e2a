// Rollouts on a whole gateway: what gets to a bad candidate, who changes version, what a rollback
// does to streams. Decisions are taken as the process takes them, between requests.

#include "control/rollouts.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>

#include "store_sqlite/open.h"
#include "tests/flow/gateway_world.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using control::Rollouts;
using rollout::Measure;
using rollout::State;

constexpr std::string_view kChat = "/v1/chat/completions";
constexpr std::int64_t kSample = 20;
constexpr std::string_view kBroken =
    "HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\n"
    "content-length: 2\r\n\r\n{}";

ModelName named(std::string_view name) { return ModelName::parse(name).value(); }

class RolloutsFlow : public testing::Test {
 protected:
  RolloutsFlow() { gateway_.use_rollouts(rollouts_.in_force()); }

  // A route "assistant" whose stable version is "chat".
  void begin(std::string_view candidate, std::vector<rollout::Step> steps) {
    gateway_.set_route(
        {.name = named("assistant"),
         .versions = {{.model = named("chat"), .weight = 1},
                      {.model = named(candidate), .stage = catalog::Stage::canary}}});
    rollout::Plan plan{
        .route = named("assistant"),
        .stable = named("chat"),
        .candidate = named(candidate),
        .steps = std::move(steps),
        .gates = {{.measure = Measure::error_rate, .tolerance = 100, .sample_min = kSample}}};
    const auto started = rollouts_.started(Ulid(), std::move(plan));
    ASSERT_TRUE(started) << started.error().message();
    rollouts_.take(*started);
    rollouts_.look();
  }
  Answer ask(int session) {
    Client client(gateway_);
    client.post(kChat, chat_body("hello", "", "assistant"), "aurora",
                fmt::format("x-sm-session: {}\r\n", session));
    Answer answer = client.answer();
    rollouts_.look();
    return answer;
  }
  static std::string version_of(const Answer& answer) {
    constexpr std::string_view kField = "x-sm-model: ";
    const std::size_t at = answer.head.find(kField);
    if (at == std::string::npos) return "";
    const std::size_t from = at + kField.size();
    return answer.head.substr(from, answer.head.find('\r', from) - from);
  }
  rollout::Rollout now() const { return rollouts_.find("assistant").value(); }
  static rt::Task<void> pass(rt::Loop& loop, std::chrono::milliseconds time) {
    co_await rt::sleep(loop, rt::Until{loop.in(time), nullptr});
  }
  void wait(std::chrono::seconds time) {
    for (auto left = time; left > 0s; left -= 30s) {
      gateway_.world.run(pass(gateway_.world.loop(), 30s));
      rollouts_.look();
    }
  }

  GatewayWorld gateway_;
  store_sqlite::SimDisk disk_{1};
  std::unique_ptr<store::ControlStore> store_ =
      *store_sqlite::open_control_store(disk_, "control.db", gateway_.world.clock());
  rollout::Readiness readiness_{.ready = true, .why = {}};
  Rollouts rollouts_{{*store_, gateway_.directory(), gateway_.world.clock(),
                      [this](const catalog::Model&) { return readiness_; }}};
};

class BadCandidate : public RolloutsFlow, public testing::WithParamInterface<int> {};

TEST_P(BadCandidate, IsRolledBackBeforeManyRequestsSawIt) {
  gateway_.scripted.script = {.parts = {std::string(kBroken)}};
  begin("script", {{.share = GetParam(), .hold = 600s}});
  int asked = 0;
  while (now().state == State::holding && asked < 8'000) {
    (void)ask(asked++);
    gateway_.world.run(pass(gateway_.world.loop(), 250ms));
  }
  EXPECT_EQ(now().state, State::rolled_back) << "after " << asked;
  // The smallest sample (of both), or the candidate's part of two decision intervals' requests.
  constexpr std::int64_t kOfTwoIntervals = 2 * 60 * 4;
  const auto exposed = static_cast<std::int64_t>(gateway_.scripted.bodies.size());
  EXPECT_LE(exposed, std::max(2 * kSample, GetParam() * kOfTwoIntervals / 10'000));
  for (int n = 0; n < 100; ++n)
    EXPECT_EQ(version_of(ask(n)), "chat");
  EXPECT_EQ(static_cast<std::int64_t>(gateway_.scripted.bodies.size()), exposed)
      << "requests after the rollback";
}
INSTANTIATE_TEST_SUITE_P(AtEachShare, BadCandidate, testing::Values(100, 500, 2'500, 5'000));

TEST_F(RolloutsFlow, AHealthyCandidateIsPromotedAndConversationsMoveOnce) {
  begin("quick", {{.share = 1'000, .hold = 60s}, {.share = 5'000, .hold = 60s}});
  std::map<int, std::string> version;
  std::map<int, int> moves;
  for (int round = 0; round < 40 && now().state == State::holding; ++round) {
    for (int session = 0; session < 60; ++session) {
      const std::string answered = version_of(ask(session));
      std::string& before = version[session];
      if (!before.empty() && before != answered) {
        ++moves[session];
        EXPECT_EQ(answered, "quick") << "a conversation moved back";
      }
      before = answered;
    }
    wait(30s);
  }
  EXPECT_EQ(now().state, State::promoted) << rollouts_.last_reason(named("assistant"));
  for (const auto& [session, count] : moves)
    EXPECT_EQ(count, 1) << session;
  EXPECT_EQ(version_of(ask(1'000)), "quick");
}

TEST_F(RolloutsFlow, AbortDropsNoStreamAndTakesTheNextRequestBack) {
  begin("quick", {{.share = 9'999, .hold = 600s}});
  Client client(gateway_);
  client.post(kChat, chat_body("[[sim:tokens=40,rate=10]]", kStream, "assistant"), "aurora",
              "x-sm-session: 1\r\n");
  ASSERT_TRUE(client.wait_for("data: "));
  const auto aborted = rollouts_.after(Rollouts::Act::abort, "assistant", "");
  ASSERT_TRUE(aborted);
  rollouts_.take(*aborted);
  EXPECT_EQ(version_of(ask(1)), "chat");
  const Answer streamed = client.answer();
  EXPECT_EQ(version_of(streamed), "quick");
  EXPECT_TRUE(streamed.has("[DONE]")) << streamed.body;
}

TEST_F(RolloutsFlow, ACandidateWhoseEngineFailsIsTakenBack) {
  begin("quick", {{.share = 5'000, .hold = 600s}});
  EXPECT_EQ(now().share(), 5'000);
  readiness_ = {.ready = false, .why = "engine is unhealthy"};
  wait(90s);
  EXPECT_EQ(now().state, State::rolled_back);
  for (int n = 0; n < 20; ++n)
    EXPECT_EQ(version_of(ask(n)), "chat");
}

TEST_F(RolloutsFlow, OnlyWhatWeightsSentCounts) {
  begin("quick", {{.share = 5'000, .hold = 600s}});
  const rollout::RoutesInForce in_force = *rollouts_.in_force().get();
  const rollout::Tally& tally = *in_force.begin()->second.tally;
  Client client(gateway_);
  client.post(kChat, chat_body("hello", "", "quick"));
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_EQ(tally.requests().candidate, 0U) << "called by its own name";
  client.post(kChat, chat_body("hello", R"(,"zanzibar":1)", "assistant"));
  EXPECT_EQ(client.answer().status, 400);
  EXPECT_EQ(tally.requests().stable, 0U) << "a client's fault";
}

}  // namespace
}  // namespace sovmesh::flow
