// What borrowers run is wanted back: batch requests begin again, streams are cut.

#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/flow/gateway_world.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using metering::Finish;
using testing::HasSubstr;

constexpr std::string_view kChat = "/v1/chat/completions";
constexpr std::string_view kBatch = "x-sm-priority: batch\r\n";

// Two slots that are guaranteed to borealis, which has nothing to do, so that aurora has both.
class ReclaimFlow : public testing::Test {
 protected:
  ReclaimFlow() { gateway_.set_members({{.name = "borealis", .nominal = 2}}); }

  std::unique_ptr<Client> ask(const std::string& body, std::string_view tenant = "aurora",
                              std::string_view fields = kBatch) {
    auto client = std::make_unique<Client>(gateway_);
    client->post(kChat, body, tenant, fields);
    return client;
  }
  // Plain batch requests of 20 s.
  void lend(int count = 2, const std::string& wish = "rate=100,tokens=2000") {
    for (int i = 0; i < count; ++i)
      nightly_.push_back(ask(chat_body("[[sim:" + wish + "]]")));
    gateway_.world.run_for(5s);
  }
  // Of the owner: so many seconds.
  std::unique_ptr<Client> claim(int seconds = 10) {
    const std::string tokens = std::to_string(100 * seconds);
    return ask(chat_body("[[sim:rate=100,tokens=" + tokens + "]]", kStream), "borealis", "");
  }
  // The nightly ones take what comes.
  void read_for(std::chrono::seconds time) {
    for (auto passed = 0ms; passed < time; passed += 100ms) {
      gateway_.world.run_for(100ms);
      for (const auto& client : nightly_)
        client->pump();
    }
  }
  // Until one of the nightly ones waits again.
  void run_until_it_waits() {
    EXPECT_TRUE(gateway_.world.run_until([this] { return gave_way() > 0; }, 5s));
    gateway_.world.run_for(200ms);
  }
  std::uint64_t gave_way(fairness::Leeway how = fairness::Leeway::again) const {
    return gateway_.dispatcher().pools().front().report.gave_way_total[static_cast<std::size_t>(
        how)];
  }
  void expect_whole(Client& client) {
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_TRUE(answer.has(R"("completion_tokens":2000)")) << answer.body.substr(0, 300);
  }
  std::vector<metering::Settlement> settled() const {
    std::vector<metering::Settlement> all;
    for (const RequestId& id : gateway_.ledger.order)
      if (const auto& row = gateway_.ledger.records.at(id); row.settlement)
        all.push_back(*row.settlement);
    return all;
  }
  std::ptrdiff_t logged(const std::string& text) const {
    return std::ranges::count_if(gateway_.sink.lines,
                                 [&](const std::string& line) { return line.contains(text); });
  }

  GatewayWorld gateway_{7, {}, 2};
  std::vector<std::unique_ptr<Client>> nightly_;
};

TEST_F(ReclaimFlow, ABatchRequestBeginsAgainAndIsPaidForOnce) {
  lend();
  const auto owner = claim();
  const Instant asked = gateway_.world.now();
  EXPECT_TRUE(owner->wait_for("data: "));
  EXPECT_LE(gateway_.world.now() - asked, 1'250ms) << "not the 15 s that the others still need";
  EXPECT_EQ(owner->answer().status, 200);
  for (const auto& client : nightly_)
    expect_whole(*client);
  EXPECT_EQ(gateway_.engine_sim.counts().requests, 4) << "one of them twice";
  EXPECT_EQ(gateway_.engine_sim.counts().cancelled, 1);
  ASSERT_EQ(settled().size(), 3U);
  for (const metering::Settlement& end : settled())
    EXPECT_THAT(end.counts.generated, testing::AnyOf(1'000, 2'000));
  EXPECT_EQ(gave_way(), 1U);
  EXPECT_EQ(logged(R"("gave_way":true)"), 1);
  EXPECT_EQ(logged(R"("attempts":)"), 0) << "no attempt of it counts twice";
  EXPECT_EQ(gateway_.health.totals().retries, 0U);
  EXPECT_EQ(gateway_.engine->suspected_, 0);
  const auto amended = std::ranges::count_if(
      gateway_.ledger.records, [](const auto& row) { return row.second.amended > 0; });
  EXPECT_EQ(amended, 1) << "its row says which engine, and at what price";
}

TEST_F(ReclaimFlow, ExplainSaysThatItGaveWay) {
  lend();
  const auto owner = claim();
  run_until_it_waits();
  int found = 0;
  for (const RequestId& id : gateway_.ledger.order) {
    const auto decision = gateway_.decisions.find(id);
    ASSERT_TRUE(decision);
    if (decision->attempts.front().outcome != "gave_way") continue;
    ++found;
    EXPECT_EQ(decision->attempts.size(), 1U) << "it waits";
    EXPECT_EQ(owner->answer().status, 200);
    for (const auto& client : nightly_)
      expect_whole(*client);
    const auto whole = gateway_.decisions.find(id);
    ASSERT_EQ(whole->attempts.size(), 2U);
    EXPECT_EQ(whole->attempts[1].outcome, "ok");
    EXPECT_GT(whole->attempts[1].waited, 5s);
  }
  EXPECT_EQ(found, 1);
}

TEST_F(ReclaimFlow, WhatBeganAgainIsLeftAlone) {
  lend(1);
  const auto other = ask(chat_body("[[sim:rate=100,tokens=6000]]", kStream), "aurora", "");
  gateway_.world.run_for(100ms);
  const auto first = claim(1);
  EXPECT_EQ(first->answer().status, 200);
  gateway_.world.run_for(100ms);
  const auto second = claim(1);
  gateway_.world.run_for(5s);
  second->pump();
  EXPECT_FALSE(second->heard().contains("data: ")) << "it waits for one of them to end";
  expect_whole(*nightly_.front());
  EXPECT_EQ(second->answer().status, 200);
  EXPECT_EQ(gave_way(), 1U);
  EXPECT_EQ(other->answer().status, 200);
}

TEST_F(ReclaimFlow, AFullQueueDoesNotRefuseIt) {
  lend();
  std::vector<std::unique_ptr<Client>> more;
  for (int i = 0; i < 70; ++i)  // 64 of a tenant may wait
    more.push_back(ask(chat_body("[[sim:rate=100,tokens=10]]")));
  gateway_.world.run_for(100ms);
  const auto owner = claim(1);
  EXPECT_EQ(owner->answer().status, 200);
  for (const auto& client : nightly_)
    expect_whole(*client);
  EXPECT_EQ(gave_way(), 1U);
}

// Its own time is all that bounds its wait: the 30 s of the queue are for those who never ran.
TEST_F(ReclaimFlow, ItWaitsForLongerThanTheQueueAllows) {
  lend();
  std::vector<std::unique_ptr<Client>> owners;
  owners.push_back(claim(50));
  owners.push_back(claim(50));
  gateway_.world.run_for(40s);
  EXPECT_EQ(gave_way(), 2U);
  for (const auto& owner : owners)
    EXPECT_EQ(owner->answer().status, 200);
  for (const auto& client : nightly_)
    expect_whole(*client);
}

TEST_F(ReclaimFlow, WhenItsOwnTimeEndsInTheQueueItIsToldSo) {
  nightly_.push_back(ask(chat_body("[[sim:rate=100,tokens=2000]]"), "aurora",
                         "x-sm-priority: batch\r\nx-sm-timeout-ms: 25000\r\n"));
  const auto busy = ask(chat_body("[[sim:rate=100,tokens=6000]]", kStream), "borealis", "");
  gateway_.world.run_for(5s);
  const auto owner = claim(40);
  const Answer answer = nightly_.front()->answer();
  EXPECT_EQ(answer.status, 504);
  EXPECT_TRUE(answer.has("waited to begin again")) << answer.body;
  EXPECT_EQ(settled().front().finish, Finish::upstream_timeout);
  EXPECT_EQ(settled().front().counts, metering::Counts());
  EXPECT_EQ(owner->answer().status, 200);
  EXPECT_EQ(busy->answer().status, 200);
}

TEST_F(ReclaimFlow, WhoHangsUpWhileItWaitsAgainPaysNothing) {
  lend();
  const auto owner = claim();
  run_until_it_waits();
  for (const auto& client : nightly_)
    client->hang_up();
  EXPECT_EQ(owner->answer().status, 200);
  ASSERT_TRUE(gateway_.settle());
  ASSERT_EQ(settled().size(), 3U);
  int nothing = 0;
  for (const metering::Settlement& end : settled()) {
    if (end.finish != Finish::client_closed) continue;
    nothing += end.counts == metering::Counts() ? 1 : 0;
  }
  EXPECT_EQ(nothing, 1) << "the other one had run";
  EXPECT_EQ(gateway_.engine_sim.counts().requests, 3);
}

// A process that is killed now bills what the row says.
TEST_F(ReclaimFlow, WhatWasMadeInVainIsTakenOffTheRowAtOnce) {
  lend();
  for (const auto& [id, row] : gateway_.ledger.records)
    EXPECT_GT(row.checkpoint.generated, 0);
  const auto owner = claim();
  run_until_it_waits();
  int nothing = 0;
  for (const auto& [id, row] : gateway_.ledger.records)
    nothing += !row.closed() && row.checkpoint == metering::Counts() &&
                       row.intent.tenant == GatewayWorld::tenant_id("aurora")
                   ? 1
                   : 0;
  EXPECT_EQ(nothing, 1);
  EXPECT_EQ(owner->answer().status, 200);
  for (const auto& client : nightly_)
    expect_whole(*client);
}

TEST_F(ReclaimFlow, AnEngineThatFailsMeanwhileIsAnErrorOnce) {
  lend();
  const auto owner = claim();
  run_until_it_waits();
  gateway_.engine_sim.set_faults({sim::parse_fault("die-before").value()});
  EXPECT_EQ(owner->answer().status, 200);
  std::vector<int> statuses;
  for (const auto& client : nightly_)
    statuses.push_back(client->answer().status);
  EXPECT_THAT(statuses, testing::UnorderedElementsAre(200, 502));
  ASSERT_EQ(settled().size(), 3U);
  for (const metering::Settlement& end : settled())
    if (end.finish == Finish::upstream_error) EXPECT_EQ(end.counts, metering::Counts());
}

// The destructor of the world drains it, and looks at what is left.
TEST_F(ReclaimFlow, AServerThatEndsWhileItWaitsAgainClosesItsRow) {
  lend();
  const auto owner = claim(60);
  run_until_it_waits();
}

TEST_F(ReclaimFlow, WhenWhoWaitsLeavesInTimeNobodyBeginsAgain) {
  for (const auto wait : {990ms, 1'000ms, 1'010ms, 1'050ms, 1'090ms, 1'120ms}) {
    GatewayWorld gateway(7, {}, 2);
    gateway.set_members({{.name = "borealis", .nominal = 2}});
    std::vector<std::unique_ptr<Client>> nightly;
    std::vector<std::unique_ptr<Client>> owners;
    for (int i = 0; i < 2; ++i) {
      nightly.push_back(std::make_unique<Client>(gateway));
      nightly.back()->post(kChat, chat_body("[[sim:rate=100,tokens=500]]"), "aurora", kBatch);
    }
    gateway.world.run_for(2s);
    for (int i = 0; i < 2; ++i) {
      owners.push_back(std::make_unique<Client>(gateway));
      owners.back()->post(kChat, chat_body("[[sim:rate=100,tokens=500]]", kStream), "borealis");
    }
    gateway.world.run_for(wait);
    owners.clear();
    for (const auto& client : nightly)
      EXPECT_EQ(client->answer().status, 200);
    const auto again = gateway.dispatcher().pools().front().report.gave_way_total[2];
    if (wait < 1'000ms) EXPECT_EQ(again, 0U);
    EXPECT_EQ(static_cast<std::uint64_t>(gateway.engine_sim.counts().finished), 2U) << again;
    EXPECT_EQ(gateway.dispatcher().pools().front().report.named, 0U);
  }
}

TEST_F(ReclaimFlow, AStreamOfWhichNothingHasComeBeginsAgain) {
  for (int i = 0; i < 2; ++i)
    nightly_.push_back(ask(chat_body("[[sim:prefill=10000,rate=100,tokens=100]]", kStream)));
  gateway_.world.run_for(5s);
  const auto owner = claim(1);
  const Instant asked = gateway_.world.now();
  EXPECT_TRUE(owner->wait_for("data: "));
  EXPECT_LE(gateway_.world.now() - asked, 1'250ms);
  for (const auto& client : nightly_) {
    const Answer answer = client->answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.count(R"("delta":{"content":")"), 100U);
    EXPECT_TRUE(answer.complete);
  }
  EXPECT_EQ(gave_way(), 1U);
}

TEST_F(ReclaimFlow, AStreamThatWaitsAgainIsKeptAlive) {
  const Instant asked = gateway_.world.now();
  for (int i = 0; i < 2; ++i)
    nightly_.push_back(ask(chat_body("[[sim:prefill=10000,rate=100,tokens=100]]", kStream)));
  gateway_.world.run_for(5s);
  std::vector<std::unique_ptr<Client>> owners;
  for (int i = 0; i < 2; ++i)
    owners.push_back(claim(20));
  for (const auto& client : nightly_) {
    ASSERT_TRUE(client->wait_for(": keep-alive\n\n", 20s));
    EXPECT_NEAR(std::chrono::duration<double>(gateway_.world.now() - asked).count(), 15.0, 0.2);
    EXPECT_THAT(client->heard(), testing::StartsWith("HTTP/1.1 200"));
  }
  EXPECT_EQ(gave_way(), 2U);
  EXPECT_EQ(gateway_.dispatcher().load().waiting, 2U);
  for (const auto& client : nightly_) {
    const Answer answer = client->answer();
    EXPECT_EQ(answer.count(": keep-alive"), 2U) << "and again each 15 s, on the engine, too";
    EXPECT_EQ(answer.count(R"("delta":{"content":")"), 100U);
    EXPECT_TRUE(answer.complete);
  }
  for (const auto& owner : owners)
    EXPECT_EQ(owner->answer().status, 200);
}

TEST_F(ReclaimFlow, WhoHangsUpAfterASignOfLifeInItsSecondWaitPaysNothing) {
  for (int i = 0; i < 2; ++i)
    nightly_.push_back(ask(chat_body("[[sim:prefill=10000,rate=100,tokens=100]]", kStream)));
  gateway_.world.run_for(5s);
  std::vector<std::unique_ptr<Client>> owners;
  for (int i = 0; i < 2; ++i)
    owners.push_back(claim(20));
  for (const auto& client : nightly_) {
    ASSERT_TRUE(client->wait_for(": keep-alive", 20s));
    client->hang_up();
  }
  for (const auto& owner : owners)
    EXPECT_EQ(owner->answer().status, 200);
  ASSERT_TRUE(gateway_.settle());
  int nothing = 0;
  for (const metering::Settlement& end : settled())
    nothing += end.finish == Finish::client_closed && end.counts == metering::Counts() ? 1 : 0;
  EXPECT_EQ(nothing, 2);
  EXPECT_EQ(gateway_.engine_sim.counts().requests, 4);
}

TEST_F(ReclaimFlow, ExplainKeepsWhatNoModelCouldTakeAndWhatGaveWay) {
  const auto named = [](std::string_view name) { return ModelName::parse(name).value(); };
  catalog::Route route{.name = named("assistant"),
                       .versions = {{.model = named("script"), .weight = 1}}};
  route.fallbacks = {
      {.name = named("script-embed")}, {.name = named(kLongModel)}, {.name = named("chat")}};
  gateway_.set_route(route);
  gateway_.scripted_engine->ready_ = our_error(Code::no_healthy_backend, "it does not start");
  gateway_.scripted_engine->status_.state = engine::State::stopped;
  for (int i = 0; i < 2; ++i)
    nightly_.push_back(ask(chat_body("[[sim:rate=100,tokens=2000]]", "", "assistant")));
  gateway_.world.run_for(5s);
  const auto owner = claim();
  EXPECT_EQ(owner->answer().status, 200);
  for (const auto& client : nightly_)
    expect_whole(*client);
  ASSERT_EQ(gave_way(), 1U);
  std::vector<std::string> outcomes;
  for (const RequestId& id : gateway_.ledger.order) {
    const auto decision = gateway_.decisions.find(id);
    ASSERT_TRUE(decision);
    if (decision->attempts.size() < 5) continue;
    for (const auto& attempt : decision->attempts)
      outcomes.push_back(attempt.outcome);
  }
  EXPECT_THAT(outcomes, testing::ElementsAre("no_healthy_backend", "no_healthy_backend",
                                             "no_healthy_backend", "gave_way", "ok"));
}

TEST_F(ReclaimFlow, AStreamThatHasBegunGoesOnAndIsCutWhenItHasHadEnough) {
  for (int i = 0; i < 2; ++i)
    nightly_.push_back(ask(chat_body("[[sim:rate=100,tokens=9000]]", kStream), "aurora",
                           i == 0 ? kBatch : std::string_view()));
  read_for(5s);
  const auto owner = claim(1);
  read_for(13s);
  EXPECT_EQ(owner->answer().status, 200);
  ASSERT_EQ(gave_way(fairness::Leeway::cut), 1U);
  EXPECT_EQ(gave_way(), 0U);
  int cut = 0;
  for (const auto& client : nightly_) {
    const Answer answer = client->answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.complete);
    if (!answer.has(R"("finish_reason":"length")")) continue;
    ++cut;
    EXPECT_TRUE(answer.has("guaranteed share")) << answer.body.substr(answer.body.size() - 500);
    EXPECT_NEAR(static_cast<double>(answer.count(R"("delta":{"content":")")), 600 + 1'024, 70);
  }
  EXPECT_EQ(cut, 1);
}

TEST_F(ReclaimFlow, WhoseClaimantGotAnotherPlaceIsNotCut) {
  const auto shorter = ask(chat_body("[[sim:rate=100,tokens=800]]", kStream), "aurora", "");
  const auto longer = ask(chat_body("[[sim:rate=100,tokens=2500]]", kStream), "aurora", "");
  gateway_.world.run_for(5s);
  const auto owner = claim(1);
  EXPECT_EQ(owner->answer().status, 200);
  for (const auto* client : {&longer, &shorter}) {
    const Answer answer = (*client)->answer();
    EXPECT_TRUE(answer.has(R"("finish_reason":"stop")"));
  }
  EXPECT_EQ(gave_way(fairness::Leeway::cut), 0U);
}

TEST_F(ReclaimFlow, APlainAnswerThatRunsAsAStreamInsideIsCutToo) {
  for (int i = 0; i < 2; ++i)
    nightly_.push_back(ask(chat_body("[[sim:rate=100,tokens=9000]]"), "aurora", ""));
  gateway_.world.run_for(5s);
  const auto owner = claim(1);
  EXPECT_EQ(owner->answer().status, 200);
  int cut = 0;
  for (const auto& client : nightly_) {
    const Answer answer = client->answer();
    cut += answer.has(R"("finish_reason":"length")") && answer.has("guaranteed share") ? 1 : 0;
    EXPECT_EQ(answer.head.contains("x-sm-limit: guarantee"), answer.has("guaranteed share"));
  }
  EXPECT_EQ(cut, 1);
}

TEST_F(ReclaimFlow, AnAnswerThatTheEngineDoesNotStreamBeginsAgain) {
  gateway_.engine->capabilities_.counts_cancelled_plain = true;
  lend();
  const auto owner = claim();
  const Instant asked = gateway_.world.now();
  EXPECT_TRUE(owner->wait_for("data: "));
  EXPECT_LE(gateway_.world.now() - asked, 1'250ms);
  EXPECT_EQ(owner->answer().status, 200);
  for (const auto& client : nightly_)
    expect_whole(*client);
}

TEST_F(ReclaimFlow, AnIdempotentRequestIsNotSentTwice) {
  for (const std::string_view key : {"one", "two"}) {
    nightly_.push_back(ask(chat_body("[[sim:rate=100,tokens=2000]]"), "aurora",
                           std::string(kBatch) + "idempotency-key: " + std::string(key) + "\r\n"));
  }
  gateway_.world.run_for(5s);
  const auto owner = claim(1);
  EXPECT_EQ(owner->answer().status, 200);
  for (const auto& client : nightly_)
    EXPECT_EQ(client->answer().status, 200);
  EXPECT_EQ(gave_way(), 0U);
  EXPECT_EQ(gateway_.engine_sim.counts().requests, 3);
}

// Both engines are in one pool: who waits for one model has no use for a place at the other.
TEST_F(ReclaimFlow, OnlyWhatRunsWhereTheOwnerWantsToRunGivesWay) {
  gateway_.scripted.script = {.parts = {}, .end = Script::End::hang, .pause = 2ms};
  const auto elsewhere = ask(chat_body("x", "", "script"));
  lend();
  const auto newer = ask(chat_body("x", "", "script"));
  gateway_.world.run_for(100ms);
  const auto owner = claim(1);
  EXPECT_EQ(owner->answer().status, 200);
  EXPECT_EQ(gave_way(), 1U);
  for (const auto& client : nightly_)
    expect_whole(*client);
  EXPECT_EQ(gateway_.engine_sim.counts().cancelled, 1);
}

}  // namespace
}  // namespace sovmesh::flow
