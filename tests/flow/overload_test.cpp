// A process that is too full: what it still does, what it refuses, and that it comes back.

#include <gmock/gmock.h>

#include "tests/flow/gateway_world.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using routing::OverloadActions;
using routing::Pressures;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kChat = "/v1/chat/completions";

class Overload : public testing::Test {
 protected:
  Overload() : ended_(gateway_.world.loop()), tasks_(gateway_.world.loop(), 1) {
    auto sample = [this] {
      ++samples_;
      Pressures pressures;
      pressures.share[Pressures::memory] = memory_;
      return pressures;
    };
    auto apply = [this](const OverloadActions& actions) {
      gateway_.server().relieve(actions.close_connections, !actions.stop_accept);
    };
    tasks_.spawn(gateway::watch_overload(gateway_.overload, gateway_.world.loop(),
                                         std::move(sample), std::move(apply), ended_));
  }
  ~Overload() override {
    ended_.set();
    gateway_.world.run_for(1ms);
  }
  // From the next sample on.
  void press(double memory) {
    memory_ = memory;
    gateway_.world.run_for(251ms);
  }
  Answer ask(std::string_view more = "") {
    Client client(gateway_);
    client.post(kChat, chat_body("x", more));
    return client.answer();
  }

  GatewayWorld gateway_;
  rt::Event ended_;
  rt::TaskGroup tasks_;
  double memory_ = 0;
  int samples_ = 0;
};

TEST_F(Overload, IsLookedAtFourTimesASecond) {
  gateway_.world.run_for(10s);
  EXPECT_GE(samples_, 40);
  EXPECT_LE(samples_, 42);
}

TEST_F(Overload, RefusesNewRequestsAndLetsTheOthersEnd) {
  Client running(gateway_);
  running.post(kChat, chat_body("[[sim:rate=10,tokens=20]]", kStream));
  ASSERT_TRUE(running.wait_for("data: "));
  press(0.96);
  const Answer refused = ask();
  EXPECT_EQ(refused.status, 503);
  EXPECT_TRUE(refused.has(R"("code":"overloaded")")) << refused.body;
  EXPECT_THAT(refused.head, HasSubstr("\r\nretry-after: "));
  EXPECT_THAT(refused.head, HasSubstr("\r\nconnection: close\r\n"));
  EXPECT_EQ(gateway_.overload.refused(), 1U);
  EXPECT_THAT(running.answer().body, testing::EndsWith("data: [DONE]\n\n"));
  press(0.94);
  EXPECT_EQ(ask().status, 503) << "the edge does not flap";
  press(0.92);
  EXPECT_EQ(ask().status, 200);
}

TEST_F(Overload, LeavesHealthAlone) {
  press(0.965);
  for (const char* path : {"/healthz", "/livez", "/readyz"}) {
    Client client(gateway_);
    client.get(path);
    EXPECT_EQ(client.answer().status, 200) << path;
  }
  Client client(gateway_);
  client.get("/v1/models");
  EXPECT_EQ(client.answer().status, 503);
}

TEST_F(Overload, ClosesConnectionsWhichCanBeOpenedAgainLater) {
  Client idle(gateway_);
  idle.get("/healthz");
  EXPECT_EQ(idle.answer().status, 200);
  press(0.93);
  gateway_.world.run_for(1'100ms);
  idle.pump();
  EXPECT_TRUE(idle.ended()) << "idle ones end";
  const Answer answer = ask();
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.head, HasSubstr("\r\nconnection: close\r\n"));
  press(0.5);
  EXPECT_THAT(ask().head, Not(HasSubstr("\r\nconnection: close\r\n")));
}

TEST_F(Overload, StopsToAcceptAndTakesWhoWaitedAfterwards) {
  press(0.98);
  Client waiting(gateway_);
  waiting.get("/healthz");
  gateway_.world.run_for(1s);
  waiting.pump();
  EXPECT_EQ(waiting.heard(), "");
  press(0.5);
  EXPECT_EQ(waiting.answer().status, 200);
}

TEST_F(Overload, WaitsLessForStreamsThatAreSilent) {
  const auto silent_for = [&] {
    Client client(gateway_);
    const Instant began = gateway_.world.now();
    client.post(kChat, chat_body("[[sim:stall-after=2]]", kStream));
    EXPECT_TRUE(client.answer().has("upstream_timeout"));
    return std::chrono::duration<double>(gateway_.world.now() - began).count();
  };
  EXPECT_GT(silent_for(), 14);
  press(0.90);  // half of the way from 15 s to 2 s
  const double less = silent_for();
  EXPECT_GT(less, 8);
  EXPECT_LT(less, 13);
}

TEST_F(Overload, DoesNotStartADrainThatNobodyWanted) {
  press(0.98);
  press(0.1);
  EXPECT_EQ(ask().status, 200);
  gateway_.server().begin_drain();
  press(0.98);
  press(0.1);
  Client client(gateway_);
  client.get("/healthz");
  EXPECT_THAT(client.answer().head, HasSubstr("\r\nconnection: close\r\n"))
      << "a drain is for good";
}

TEST(Lag, IsThe99thPercentileOfTheLastLooks) {
  gateway::LagMeter meter;
  EXPECT_EQ(meter.p99(), 0ns);
  for (int i = 0; i < 100; ++i)
    meter.note(1ms);
  meter.note(5s);
  EXPECT_EQ(meter.p99(), 1ms) << "one look is no lag";
  for (int i = 0; i < 3; ++i)
    meter.note(2s);
  EXPECT_GE(meter.p99(), 2s);
  for (int i = 0; i < 100; ++i)
    meter.note(0ns);
  EXPECT_EQ(meter.p99(), 0ns);
}

}  // namespace
}  // namespace sovmesh::flow
