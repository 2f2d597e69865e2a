// Who goes next and where: shares of tenants and classes, floods, replicas.

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <random>
#include <vector>

#include "tests/flow/gateway_world.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::string_view kChat = "/v1/chat/completions";

// Keeps so many requests of one tenant under way, and counts those that were served.
class Crowd {
 public:
  Crowd(GatewayWorld& gateway, std::string tenant, std::size_t size, std::string body,
        std::string fields = {})
      : gateway_(gateway),
        tenant_(std::move(tenant)),
        body_(std::move(body)),
        fields_(std::move(fields)),
        clients_(size) {}

  // Everybody who has an answer asks again.
  void go_on() {
    for (auto& client : clients_) {
      if (client) client->pump();
      if (client && !client->parsed().complete) continue;
      if (client) note(client->parsed());
      client = std::make_unique<Client>(gateway_);
      client->post(kChat, body_, tenant_, fields_);
      ++asked;
    }
  }
  void hang_up() { clients_.clear(); }

  int asked = 0;
  int served = 0;
  int refused = 0;

 private:
  void note(const Answer& answer) {
    served += answer.status == 200;
    refused += answer.status == 429;
  }
  GatewayWorld& gateway_;
  std::string tenant_;
  std::string body_;
  std::string fields_;
  std::vector<std::unique_ptr<Client>> clients_;
};

void run(GatewayWorld& gateway, std::chrono::milliseconds time, std::vector<Crowd*> crowds) {
  for (auto passed = 0ms; passed < time; passed += 10ms) {
    for (Crowd* crowd : crowds)
      crowd->go_on();
    gateway.world.run_for(10ms);
  }
}

// Ten tokens in a tenth of a second.
std::string short_answer() { return chat_body("[[sim:rate=100,tokens=10]]", kStream); }

TEST(Scheduling, BackloggedTenantsAreServedByWeight) {
  GatewayWorld gateway(7, {}, 4);
  gateway.set_members({{.name = "aurora", .weight = 1}, {.name = "borealis", .weight = 3}});
  Crowd one(gateway, "aurora", 20, short_answer());
  Crowd three(gateway, "borealis", 20, short_answer());
  run(gateway, 40s, {&one, &three});
  EXPECT_GT(one.served, 200);
  EXPECT_NEAR(static_cast<double>(three.served) / one.served, 3, 0.15);
  one.hang_up();
  three.hang_up();
}

// The 64 places that a tenant has to wait in are those of one group of engines.
TEST(Scheduling, AFloodAtOneModelRefusesNobodyAtAnUnconnectedOne) {
  GatewayWorld gateway(7, {}, 1);
  gateway.withdraw("pair");  // it connects the scripted engine with the other ones
  gateway.scripted.script = {.parts = {}, .end = Script::End::hang};
  Crowd flood(gateway, "aurora", 65, chat_body("x", kStream, "script"));
  flood.go_on();
  Client first(gateway);
  first.post(kChat, chat_body("[[sim:rate=100,tokens=200]]", kStream));
  ASSERT_TRUE(first.wait_for("data: "));
  EXPECT_EQ(gateway.dispatcher().load().waiting, 64U);
  Client second(gateway);
  second.post(kChat, short_answer());
  gateway.world.run_for(500ms);
  EXPECT_EQ(gateway.dispatcher().load().waiting, 65U);
  EXPECT_EQ(first.answer().status, 200);
  EXPECT_EQ(second.answer().status, 200);
  flood.hang_up();
}

TEST(Scheduling, LongAnswersAreCountedByTheirTokensNotAsRequests) {
  GatewayWorld gateway(7, {}, 4);
  Crowd brief(gateway, "aurora", 20, short_answer());
  Crowd wordy(gateway, "borealis", 20, chat_body("[[sim:rate=100,tokens=100]]", kStream));
  run(gateway, 60s, {&brief, &wordy});
  EXPECT_NEAR(static_cast<double>(brief.served) / wordy.served, 10, 2);
  brief.hang_up();
  wordy.hang_up();
}

TEST(Scheduling, AMemberThatIsAddedLiveGetsItsShareAtOnce) {
  GatewayWorld gateway(7, {}, 4);
  Crowd one(gateway, "aurora", 20, short_answer());
  Crowd other(gateway, "borealis", 20, short_answer());
  run(gateway, 10s, {&one, &other});
  EXPECT_NEAR(static_cast<double>(other.served) / one.served, 1, 0.1);
  gateway.set_members({{.name = "borealis", .weight = 4}});
  one.served = other.served = 0;
  run(gateway, 20s, {&one, &other});
  EXPECT_NEAR(static_cast<double>(other.served) / one.served, 4, 0.5);
  one.hang_up();
  other.hang_up();
}

TEST(Scheduling, AClassKeepsItsMinimumShareUnderAFloodOfABetterOne) {
  GatewayWorld gateway(7, {}, 4);
  Crowd people(gateway, "aurora", 20, short_answer());
  Crowd nightly(gateway, "aurora", 20, short_answer(), "x-sm-priority: batch\r\n");
  run(gateway, 30s, {&people, &nightly});
  EXPECT_NEAR(static_cast<double>(people.served) / nightly.served, 6, 1);
  people.hang_up();
  nightly.hang_up();
}

TEST(Scheduling, AnUnknownClassIsRefused) {
  GatewayWorld gateway;
  Client client(gateway);
  client.post(kChat, short_answer(), "aurora", "x-sm-priority: urgent\r\n");
  const Answer answer = client.answer();
  EXPECT_EQ(answer.status, 400);
  EXPECT_TRUE(answer.has("x-sm-priority")) << answer.body;
}

TEST(Scheduling, AKeyAsksForNoHigherClassThanItsOwn) {
  GatewayWorld gateway;
  gateway.set_max_priority("aurora", PriorityClass::agent);
  const auto status_of = [&](const std::string& fields) {
    Client client(gateway);
    client.post(kChat, short_answer(), "aurora", fields);
    return client.answer().status;
  };
  EXPECT_EQ(status_of("x-sm-priority: interactive\r\n"), 403);
  EXPECT_EQ(status_of("x-sm-priority: agent\r\n"), 200);
  EXPECT_EQ(status_of("x-sm-priority: batch\r\n"), 200);
  EXPECT_EQ(status_of("x-sm-priority: batch\r\nx-sm-priority: agent\r\n"), 400);
}

TEST(Scheduling, WithoutSayingSoARequestHasTheHighestClassOfItsKey) {
  GatewayWorld gateway(7, {}, 4);
  gateway.set_max_priority("borealis", PriorityClass::batch);
  Crowd people(gateway, "aurora", 20, short_answer());
  Crowd nightly(gateway, "borealis", 20, short_answer());
  run(gateway, 30s, {&people, &nightly});
  EXPECT_NEAR(static_cast<double>(people.served) / nightly.served, 6, 1);
  people.hang_up();
  nightly.hang_up();
}

// Times to the first token of `count` requests of a polite tenant, one after the other; the
// longest.
double longest_first_token(GatewayWorld& gateway, std::vector<Crowd*> others, int count) {
  double longest = 0;
  for (int i = 0; i < count; ++i) {
    Client polite(gateway);
    const Instant asked = gateway.world.now();
    polite.post(kChat, chat_body("[[sim:prefill=300,rate=100,tokens=10]]", kStream), "borealis");
    std::chrono::duration<double> took{-1};
    for (int step = 0; step < 500; ++step) {
      run(gateway, 10ms, others);
      polite.pump();
      if (took.count() < 0 && polite.heard().contains("data: ")) took = gateway.world.now() - asked;
      if (polite.parsed().complete) break;
    }
    EXPECT_EQ(polite.parsed().status, 200);
    longest = std::max(longest, took.count());
  }
  return longest;
}

TEST(Scheduling, AFloodOfOneTenantHardlyDelaysAnother) {
  constexpr int kRequests = 100;          // so the longest is the 99th percentile
  constexpr double kPrefillChunk = 0.05;  // s: 512 tokens at 10,000 a second
  GatewayWorld gateway(7, {}, 16);
  const double alone = longest_first_token(gateway, {}, kRequests);
  Crowd flood(gateway, "aurora", 160, short_answer());
  const double flooded = longest_first_token(gateway, {&flood}, kRequests);
  EXPECT_LE(flooded, 1.3 * alone + kPrefillChunk) << "alone " << alone << " s";
  EXPECT_GT(flood.asked, 10'000);
  EXPECT_GT(flood.refused, 1'000) << "its queue is bounded";
  EXPECT_GT(flood.served, 3'000) << "what the polite one leaves is used";
  flood.hang_up();
}

// Requests of one tenant that come at random, whatever became of the ones before.
class Arrivals {
 public:
  Arrivals(GatewayWorld& gateway, std::string tenant, double per_second, unsigned seed)
      : gateway_(gateway), tenant_(std::move(tenant)), gap_(per_second), random_(seed) {
    next_ = gateway.world.now();
  }

  void go_on() {
    for (; next_ <= gateway_.world.now(); next_ += next_gap()) {
      Sent& sent = sent_.emplace_back(std::make_unique<Client>(gateway_), gateway_.world.now());
      sent.client->post(kChat, chat_body("[[sim:prefill=300,rate=100,tokens=10]]", kStream),
                        tenant_);
    }
    for (Sent& sent : sent_) {
      if (sent.first_token >= 0) continue;
      sent.client->pump();
      if (sent.client->heard().contains("data: ")) {
        const std::chrono::duration<double> took = gateway_.world.now() - sent.at;
        sent.first_token = took.count();
      }
    }
  }
  // The 99th percentile, and how many had theirs within `bar` seconds.
  double p99() const {
    std::vector<double> times;
    for (const Sent& sent : sent_)
      times.push_back(sent.first_token < 0 ? 1e9 : sent.first_token);
    std::ranges::sort(times);
    return times.at(times.size() * 99 / 100);
  }
  std::ptrdiff_t within(double bar) const {
    return std::ranges::count_if(
        sent_, [&](const Sent& sent) { return sent.first_token >= 0 && sent.first_token <= bar; });
  }
  std::ptrdiff_t count() const { return std::ssize(sent_); }

 private:
  struct Sent {
    std::unique_ptr<Client> client;
    Instant at;
    double first_token = -1;  // s; negative: none yet
  };
  Instant::duration next_gap() {
    return std::chrono::duration_cast<Instant::duration>(
        std::chrono::duration<double>(gap_(random_)));
  }
  GatewayWorld& gateway_;
  std::string tenant_;
  std::exponential_distribution<double> gap_;
  std::mt19937 random_;
  Instant next_;
  std::vector<Sent> sent_;
};

// In steps of 5 ms, the grain of the times.
void run_with(GatewayWorld& gateway, Arrivals* arrivals, Crowd* crowd, std::chrono::seconds time) {
  for (const Instant end = gateway.world.now() + time; gateway.world.now() < end;) {
    if (arrivals != nullptr) arrivals->go_on();
    if (crowd != nullptr) crowd->go_on();
    gateway.world.run_for(5ms);
  }
}

TEST(Scheduling, AFloodTakesNeitherGoodputNorTheTailFromAPoliteTenant) {
  constexpr unsigned kSeed = 11;
  constexpr auto kTime = 20s;
  constexpr double kPrefillChunk = 0.05;  // s: 512 tokens at 10,000 a second
  constexpr double kLoss = 0.05;
  GatewayWorld gateway(7, {}, 16);
  Arrivals alone(gateway, "borealis", 10, kSeed);
  run_with(gateway, &alone, nullptr, kTime);
  const double bar = 1.3 * alone.p99() + kPrefillChunk;
  // Of `clients` of another tenant beside the polite one: answers to all of them.
  int asked = 0;
  const auto answers_beside = [&](std::size_t clients, const auto& check) {
    Crowd crowd(gateway, "aurora", clients, short_answer());
    run_with(gateway, nullptr, &crowd, 1s);
    crowd.served = 0;
    Arrivals polite(gateway, "borealis", 10, kSeed);
    run_with(gateway, &polite, &crowd, kTime);
    check(polite);
    asked = crowd.asked;
    crowd.hang_up();
    return static_cast<double>(crowd.served + polite.within(1e6));
  };
  // As many as keep the engine busy, and then far more than may wait.
  const double busy = answers_beside(24, [](const Arrivals&) {});
  const double flooded = answers_beside(90, [&](const Arrivals& polite) {
    EXPECT_LE(polite.p99(), bar) << "alone " << alone.p99() << " s";
    EXPECT_NEAR(static_cast<double>(polite.count()), static_cast<double>(alone.count()), 2);
    EXPECT_GE(static_cast<double>(polite.within(bar)),
              (1 - kLoss) * static_cast<double>(polite.count()));
  });
  EXPECT_GE(flooded, (1 - kLoss) * busy);
  EXPECT_GT(asked, 10'000);
}

TEST(Scheduling, AGuaranteeIsBackWithinOneRequestAfterIdleTime) {
  GatewayWorld gateway(7, {}, 4);
  gateway.set_members({{.name = "borealis", .nominal = 2}});
  Crowd flood(gateway, "aurora", 40, chat_body("[[sim:rate=20,tokens=20]]", kStream));  // a second
  run(gateway, 20s, {&flood});
  EXPECT_GE(flood.served, 4 * 17) << "what nobody else wants is used";
  std::vector<std::unique_ptr<Client>> back;
  for (int i = 0; i < 2; ++i) {
    back.push_back(std::make_unique<Client>(gateway));
    back.back()->post(kChat, short_answer(), "borealis");
  }
  run(gateway, 1200ms, {&flood});
  for (const auto& client : back) {
    client->pump();
    EXPECT_THAT(client->heard(), HasSubstr("data: "));
  }
  flood.hang_up();
}

TEST(Scheduling, WhoCannotStartInTimeIsToldSoAtOnce) {
  GatewayWorld gateway(7, {}, 1);  // ten of these in a second
  Crowd flood(gateway, "aurora", 10, short_answer());
  run(gateway, 5s, {&flood});  // how fast the queue moves is known now
  std::vector<std::unique_ptr<Client>> hurried;
  for (int i = 0; i < 20; ++i) {
    hurried.push_back(std::make_unique<Client>(gateway));
    hurried.back()->post(kChat, short_answer(), "aurora", "x-sm-timeout-ms: 1000\r\n");
  }
  gateway.world.run_for(50ms);
  int refused = 0;
  for (const auto& client : hurried) {
    client->pump();
    const Answer answer = client->parsed();
    if (!answer.complete) continue;
    ++refused;
    EXPECT_EQ(answer.status, 429);
    EXPECT_TRUE(answer.has(R"("code":"queue_full")")) << answer.body;
    EXPECT_THAT(answer.head, HasSubstr("\r\nretry-after: 1\r\n"));
  }
  EXPECT_NEAR(refused, 10, 2);
  hurried.clear();
  flood.hang_up();
}

// An owner of all that there is, who sleeps and comes back while a borrower has it all.
TEST(Scheduling, LentEnginesAreFullAndBackWithinTheLongestRequest) {
  constexpr int kSlots = 8;
  GatewayWorld gateway(7, {}, kSlots);
  gateway.set_members({{.name = "borealis", .nominal = 0.8}});  // 8 streams of 100 tokens a second
  const std::string second = chat_body("[[sim:rate=100,tokens=100]]", kStream);
  Crowd borrower(gateway, "aurora", 24, second);
  run(gateway, 5s, {&borrower});
  borrower.served = 0;
  run(gateway, 40s, {&borrower});
  const double used = borrower.served / 40.0 / kSlots;
  EXPECT_GE(used, 0.95 / 1.05) << "a request takes a second and its overhead";
  std::vector<std::unique_ptr<Client>> owner;
  for (int i = 0; i < kSlots; ++i) {
    owner.push_back(std::make_unique<Client>(gateway));
    owner.back()->post(kChat, second, "borealis");
  }
  auto passed = 0ms;
  const auto has_begun = [](const std::unique_ptr<Client>& client) {
    client->pump();
    return client->heard().contains("data: ");
  };
  for (; passed < 5s && !std::ranges::all_of(owner, has_begun); passed += 10ms)
    run(gateway, 10ms, {&borrower});
  EXPECT_LE(passed, 1200ms);
  std::printf(
      "while lending %.1f %% of %d slots in use; all back after %lld ms, requests of 1000 ms\n",
      100 * used, kSlots, static_cast<long long>(passed.count()));
  borrower.hang_up();
}

TEST(Scheduling, StreamsOfBorrowersAreNeverTakenAway) {
  GatewayWorld gateway(7, {}, 2);
  gateway.set_members({{.name = "borealis", .nominal = 2}});
  std::vector<std::unique_ptr<Client>> streams;
  for (int i = 0; i < 2; ++i) {
    streams.push_back(std::make_unique<Client>(gateway));
    streams.back()->post(kChat, chat_body("[[sim:rate=100,tokens=1000]]", kStream), "aurora",
                         "x-sm-priority: batch\r\n");
  }
  gateway.world.run_for(2s);
  Client owner(gateway);
  owner.post(kChat, short_answer(), "borealis");
  for (const auto& client : streams)
    EXPECT_EQ(client->answer().status, 200);
  EXPECT_EQ(owner.answer().status, 200);
  EXPECT_EQ(gateway.engine_sim.counts().requests, 3);
}

// --- replicas -----------------------------------------------------------------------------------

TEST(Scheduling, AHerdSpreadsOverReplicas) {
  GatewayWorld gateway(7, {}, 64);
  std::vector<std::unique_ptr<Client>> herd;
  for (int i = 0; i < 64; ++i) {
    herd.push_back(std::make_unique<Client>(gateway));
    herd.back()->post(kChat, chat_body("[[sim:rate=20,tokens=20]]", kStream, "twins"));
  }
  for (const auto& client : herd)
    EXPECT_EQ(client->answer().status, 200);
  EXPECT_EQ(gateway.engine_sim.counts().requests + gateway.twin_sim.counts().requests, 64);
  EXPECT_NEAR(static_cast<double>(gateway.twin_sim.counts().requests), 32, 4);
}

TEST(Scheduling, AReplicaThatIsFullLeavesTheRestToTheOther) {
  GatewayWorld gateway(7, {}, 2);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<Client>(gateway));
    clients.back()->post(kChat, chat_body("[[sim:rate=20,tokens=20]]", kStream, "twins"));
  }
  gateway.world.run_for(100ms);
  EXPECT_EQ(gateway.engine_sim.counts().running, 2);
  EXPECT_EQ(gateway.twin_sim.counts().running, 2);
  EXPECT_EQ(gateway.dispatcher().load().waiting, 1U);
  for (const auto& client : clients)
    EXPECT_EQ(client->answer().status, 200);
}

TEST(Scheduling, AConversationStaysWhereItsPrefixIs) {
  GatewayWorld gateway(7, {}, 16);
  std::string talk = std::string(4'000, 'a');
  for (int turn = 0; turn < 8; ++turn) {
    Client client(gateway);
    client.post(kChat, chat_body(talk, kStream, "twins"));
    EXPECT_EQ(client.answer().status, 200);
    gateway.world.run_for(1s);
    talk += std::string(500, static_cast<char>('b' + turn));
  }
  const auto there = gateway.twin_sim.counts().requests;
  EXPECT_TRUE(there == 0 || there == 8) << there;
}

TEST(Scheduling, AReplicaThatIsDownIsLeftOut) {
  GatewayWorld gateway(7, {}, 16);
  gateway.twin->ready_ = our_error(Code::no_healthy_backend, "down");
  gateway.twin->status_.state = engine::State::unhealthy;
  for (int i = 0; i < 20; ++i) {
    Client client(gateway);
    client.post(kChat, chat_body("x", kStream, "twins"));
    EXPECT_EQ(client.answer().status, 200);
  }
  EXPECT_EQ(gateway.engine_sim.counts().requests, 20);
}

std::string id_of(const Answer& answer) {
  constexpr std::string_view kField = "x-sm-request-id: ";
  const auto at = answer.head.find(kField);
  return at == answer.head.npos ? "" : answer.head.substr(at + kField.size(), 36);
}

RequestId request_of(const Answer& answer) {
  const std::string hex = id_of(answer).substr(4);
  std::array<unsigned char, 16> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes.at(i) = static_cast<unsigned char>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
  return {Ulid::from_bytes(bytes)};
}

TEST(Scheduling, AStreamSaysHowLongItWaited) {
  GatewayWorld gateway(7, {}, 1);
  Client running(gateway);
  running.post(kChat, chat_body("[[sim:rate=10,tokens=10]]", kStream));  // a second
  gateway.world.run_for(100ms);
  Client waiting(gateway);
  waiting.post(kChat, short_answer());
  const Answer answer = waiting.answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.head, testing::ContainsRegex("x-sm-queue-ms: [789][0-9][0-9]\r\n"));
  EXPECT_THAT(running.answer().head, HasSubstr("x-sm-queue-ms: 0\r\n"));
}

TEST(Scheduling, ATenantSeesTheWaitAndTheRuleOfItsOwnRequestsOnly) {
  GatewayWorld gateway(7, {}, 1);
  Client running(gateway);
  running.post(kChat, chat_body("[[sim:rate=10,tokens=10]]", kStream));
  gateway.world.run_for(100ms);
  Client waiting(gateway);
  waiting.post(kChat, short_answer(), "aurora", "x-sm-priority: batch\r\n");
  const std::string id = id_of(waiting.answer());
  const auto ask = [&](const std::string& path, std::string_view tenant) {
    Client client(gateway);
    client.get(path, tenant);
    return client.answer();
  };
  const Answer own = ask("/v1/requests/" + id, "aurora");
  EXPECT_EQ(own.status, 200);
  EXPECT_THAT(own.body, HasSubstr("\"id\":\"" + id + "\",\"model\":\"chat\",\"class\":\"batch\""));
  EXPECT_THAT(own.body, HasSubstr(R"("rule":"borrowed","refused":null})"));
  EXPECT_THAT(own.body, testing::Not(HasSubstr("engine")));
  const Answer foreign = ask("/v1/requests/" + id, "borealis");
  EXPECT_EQ(foreign.status, 404);
  const Answer unknown = ask("/v1/requests/req_00000000000000000000000000000000", "borealis");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(foreign.body.size(), unknown.body.size());
  gateway.take_scope("aurora", tenancy::Scope::usage_read);
  EXPECT_EQ(ask("/v1/requests/" + id, "aurora").status, 403);
}

TEST(Scheduling, WhyEachAttemptWentWhereItWentIsRemembered) {
  GatewayWorld gateway(7, {}, 4);
  http::Origin nowhere = gateway.engine->origin_;
  nowhere.host = "10.9.9.9";
  gateway.engine->origin_ = nowhere;
  std::optional<gateway::Decision> moved;
  for (int i = 0; i < 20 && !moved; ++i) {
    Client client(gateway);
    client.post(kChat, chat_body("x" + std::to_string(i), kStream, "twins"));
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 200);
    const auto decision = gateway.decisions.find(request_of(answer));
    ASSERT_TRUE(decision);
    if (decision->attempts.size() == 2) moved = decision;
  }
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->attempts[0].engine, "engine");
  EXPECT_EQ(moved->attempts[0].outcome, "upstream_error");
  ASSERT_TRUE(moved->attempts[0].seat);
  EXPECT_EQ(moved->attempts[0].seat->engines.size(), 2U);
  EXPECT_EQ(moved->attempts[1].engine, "twin");
  EXPECT_EQ(moved->attempts[1].outcome, "ok");
  ASSERT_TRUE(moved->attempts[1].seat);
  ASSERT_EQ(moved->attempts[1].seat->engines.size(), 1U) << "where it has failed it is not tried";
  EXPECT_EQ(moved->attempts[1].seat->engines[0].verdict, gateway::EngineChoice::Verdict::taken);
  EXPECT_TRUE(moved->attempts[1].seat->engines[0].cost);
}

TEST(Scheduling, WaitsAreCountedByClassAndByTenant) {
  GatewayWorld gateway;
  Client client(gateway);
  client.post(kChat, short_answer(), "aurora", "x-sm-priority: batch\r\n");
  EXPECT_EQ(client.answer().status, 200);
  const std::string page = gateway.metrics();
  EXPECT_THAT(page, HasSubstr("sm_queue_wait_seconds_count{tenant_class=\"batch\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("sm_tenant_queue_wait_seconds_count{tenant=\"aurora\"} 1\n"));
  EXPECT_THAT(gateway.sink.lines, testing::Contains(HasSubstr(R"("class":"batch")")));
}

}  // namespace
}  // namespace sovmesh::flow
