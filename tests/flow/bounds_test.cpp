// Limits, overload and the end: queues, slow peers, broken paths, exhausted descriptors, drain.

#include <gmock/gmock.h>

#include <algorithm>
#include <memory>

#include "tests/flow/gateway_world.h"
#include "tests/flow/stream_script.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kChat = "/v1/chat/completions";

double seconds_since(const GatewayWorld& gateway, Instant then) {
  return std::chrono::duration<double>(gateway.world.now() - then).count();
}

void expect_served(GatewayWorld& gateway, std::string_view tenant) {
  Client client(gateway);
  client.post(kChat, chat_body("x", kStream), tenant);
  EXPECT_THAT(client.answer().body, testing::EndsWith("data: [DONE]\n\n")) << tenant;
}

// --- queue --------------------------------------------------------------------------------------

TEST(Bounds, AFullQueueRefusesItsTenantAtOnceAndNobodyElse) {
  GatewayWorld gateway(7, {}, 1);
  Client running(gateway);
  running.post(kChat, chat_body("[[sim:rate=1,tokens=10]]", kStream));
  ASSERT_TRUE(running.wait_for("data: "));
  std::vector<std::unique_ptr<Client>> waiting;
  for (int i = 0; i < 64; ++i) {
    waiting.push_back(std::make_unique<Client>(gateway));
    waiting.back()->post(kChat, chat_body("x"));
  }
  gateway.world.run_for(10ms);
  EXPECT_EQ(gateway.dispatcher().load().waiting, 64U);
  Client one_more(gateway);
  const Instant asked = gateway.world.now();
  one_more.post(kChat, chat_body("x"));
  const Answer refused = one_more.answer();
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.has(R"("code":"queue_full")")) << refused.body;
  EXPECT_THAT(refused.head, HasSubstr("\r\nretry-after: 1\r\n"));
  EXPECT_LT(seconds_since(gateway, asked), 0.1);
  Client other(gateway);
  other.post(kChat, chat_body("x"), "borealis");
  gateway.world.run_for(10ms);
  EXPECT_EQ(gateway.dispatcher().load().waiting, 65U);
  EXPECT_EQ(gateway.ledger.order.size(), 1U) << "who waits has no row yet";
  EXPECT_EQ(other.answer().status, 200);
  for (const auto& client : waiting)
    EXPECT_EQ(client->answer().status, 200);
  EXPECT_TRUE(gateway.settle());
  EXPECT_EQ(gateway.ledger.order.size(), 66U);
}

TEST(Bounds, WhoHangsUpInTheQueueFreesItsPlace) {
  GatewayWorld gateway(7, {}, 1);
  Client running(gateway);
  running.post(kChat, chat_body("[[sim:rate=1,tokens=10]]", kStream));
  ASSERT_TRUE(running.wait_for("data: "));
  {
    std::vector<std::unique_ptr<Client>> waiting;
    for (int i = 0; i < 64; ++i) {
      waiting.push_back(std::make_unique<Client>(gateway));
      waiting.back()->post(kChat, chat_body("x"));
    }
    gateway.world.run_for(10ms);
    EXPECT_EQ(gateway.dispatcher().load().waiting, 64U);
  }
  gateway.world.run_for(10ms);
  EXPECT_EQ(gateway.dispatcher().load().waiting, 0U);
  expect_served(gateway, "aurora");
  EXPECT_EQ(gateway.engine_sim.counts().requests, 2);
  EXPECT_EQ(gateway.ledger.order.size(), 2U);
}

// What the engine computes takes seats, not what the client gets to see of it.
TEST(Bounds, EveryCandidateTakesASeat) {
  GatewayWorld gateway(7, {}, 8);
  const auto seats_of = [&](std::string_view more) {
    Client client(gateway);
    client.post("/v1/completions",
                fmt::format(R"({{"model":"chat","prompt":"[[sim:rate=10,tokens=5]]"{}}})", more));
    gateway.world.run_for(100ms);
    const std::size_t seats = gateway.dispatcher().load().running;
    EXPECT_EQ(client.answer().status, 200);
    gateway.settle();
    return seats;
  };
  EXPECT_EQ(seats_of(""), 1U);
  EXPECT_EQ(seats_of(R"(,"n":2)"), 2U);
  EXPECT_EQ(seats_of(R"(,"best_of":3)"), 3U);
  EXPECT_EQ(seats_of(R"(,"n":2,"best_of":3)"), 3U);
}

TEST(Bounds, WhereASlotBelongsToATenantThereIsOneCandidate) {
  GatewayWorld gateway;
  gateway.engine->capabilities_.tenant_slots = true;
  for (const auto& [more, param] :
       {std::pair(R"(,"n":2)", "n"), std::pair(R"(,"best_of":2)", "best_of"),
        std::pair(R"(,"n":2,"best_of":3)", "n")}) {
    Client client(gateway);
    client.post("/v1/completions", fmt::format(R"({{"model":"chat","prompt":"x"{}}})", more));
    const Answer refused = client.answer();
    EXPECT_EQ(refused.status, 400) << refused.body;
    EXPECT_TRUE(refused.has(fmt::format(R"("param":"{}")", param))) << refused.body;
  }
  EXPECT_EQ(gateway.engine_sim.counts().requests, 0);
}

// --- slow and broken clients ---------------------------------------------------------------------

TEST(Bounds, ASlowReaderHoldsTheEngineBackAndLosesNothing) {
  GatewayWorld gateway;
  constexpr int kTokens = 30'000;
  Client slow(gateway);
  slow.post(kChat, chat_body(fmt::format("[[sim:tokens={}]]", kTokens), kStream));
  gateway.world.run_for(10s);
  const auto made = gateway.engine_sim.counts().generated_tokens;
  EXPECT_GT(made, 1'000);
  // An event is more than 100 bytes; in between are two pairs of socket buffers and ours.
  EXPECT_LT(made * 100, std::int64_t{1} << 20) << "the engine was read beyond all bounds";
  gateway.world.run_for(10s);
  EXPECT_EQ(gateway.engine_sim.counts().generated_tokens, made) << "nothing moves on";
  expect_served(gateway, "borealis");
  const Answer answer = slow.answer();
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.count(R"("content":")") - answer.count(R"("content":"")"),
            static_cast<std::size_t>(kTokens));
  EXPECT_TRUE(gateway.settle());
}

// An engine's terse events grow tenfold in translation; a client that reads slowly must not make
// that a burst beyond the buffer.
TEST(Bounds, TerseEventsForASlowReaderStayWithinTheBuffer) {
  GatewayWorld gateway;
  constexpr std::size_t kEvents = 20'000;
  std::string events;
  for (std::size_t i = 0; i < kEvents; ++i)
    events += "data:{\"choices\":[{\"text\":\"a\"}]}\n\n";
  events += "data:{\"choices\":[{\"text\":\"\",\"finish_reason\":\"stop\"}]}\n\ndata:[DONE]\n\n";
  gateway.scripted.script.parts = {std::string(kStreamHead) + chunk(events) + "0\r\n\r\n"};
  gateway.world.wire().options.split = false;  // reads as large as they get
  Client slow(gateway);
  slow.post("/v1/completions", fmt::format(R"({{"model":"{}","prompt":"x","stream":true,)"
                                           R"("stream_options":{{"include_usage":true}}}})",
                                           kLongModel));
  gateway.world.run_for(5s);
  const Answer answer = slow.answer();
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.count(R"("text":"a")"), kEvents);
  EXPECT_TRUE(answer.has("[DONE]"));
}

TEST(Bounds, AClientWhosePathBreaksIsNoticedAndItsEngineCancelled) {
  GatewayWorld gateway;
  Client client(gateway);
  client.post(kChat, chat_body("[[sim:rate=2,tokens=400]]", kStream));
  ASSERT_TRUE(client.wait_for("data: "));
  gateway.world.wire().stall(client.connection());
  EXPECT_TRUE(gateway.settle(31s));
  EXPECT_EQ(gateway.engine_sim.counts().cancelled, 1);
  EXPECT_EQ(gateway.ledger.last().settlement->finish, metering::Finish::client_closed);
}

TEST(Bounds, AnEngineWhosePathBreaksEndsTheStream) {
  GatewayWorld gateway;
  Client client(gateway);
  client.post(kChat, chat_body("[[sim:rate=2,tokens=400]]", kStream, "quick"));
  ASSERT_TRUE(client.wait_for("mesh "));
  const auto to_engine = gateway.world.wire().connections(*rt::parse_endpoint("10.0.0.2:8000"));
  ASSERT_EQ(to_engine.size(), 1U);
  gateway.world.wire().stall(to_engine.front());
  const Answer answer = client.answer(5s);
  EXPECT_TRUE(answer.complete);
  EXPECT_TRUE(answer.has(R"("code":"upstream_timeout")")) << answer.body;
  EXPECT_EQ(gateway.ledger.last().settlement->finish, metering::Finish::upstream_timeout);
  expect_served(gateway, "borealis");
}

TEST(Bounds, AnEngineThatCannotBeReachedIsGivenUp) {
  GatewayWorld gateway;
  gateway.world.wire().set_reach(*rt::parse_endpoint("10.0.0.2:8000"), rt::sim::Reach::drop);
  Client client(gateway);
  const Instant asked = gateway.world.now();
  client.post(kChat, chat_body("x", kStream, "quick"));
  const Answer answer = client.answer();
  EXPECT_EQ(answer.status, 502) << answer.body;
  EXPECT_LT(seconds_since(gateway, asked), 10.5);
  EXPECT_THAT(gateway.ledger.order, IsEmpty());
}

TEST(Bounds, HangingUpWhileTheLedgerIsSlowCancelsTheEngineAtOnce) {
  GatewayWorld gateway;
  gateway.ledger.sync_time = 4s;
  Client client(gateway);
  client.post(kChat, chat_body("[[sim:rate=5,tokens=400]]", kStream));
  ASSERT_TRUE(gateway.world.run_until(
      [&] { return gateway.engine_sim.counts().generated_tokens > 2; }, 2s));
  client.hang_up();
  EXPECT_TRUE(
      gateway.world.run_until([&] { return gateway.engine_sim.counts().cancelled == 1; }, 250ms));
  gateway.world.run_for(5ms);
  EXPECT_EQ(gateway.dispatcher().load().running, 0U);
  ASSERT_EQ(gateway.ledger.order.size(), 1U);
  EXPECT_EQ(gateway.ledger.last().settlement->finish, metering::Finish::client_closed);
}

TEST(Bounds, SlowHeadsAndBodiesEndAtTheirTimeAndOthersGoOn) {
  GatewayWorld gateway;
  const std::string bytes = post_bytes(gateway, kChat, chat_body("x"));
  const std::size_t body_at = bytes.find("\r\n\r\n") + 4;
  for (const std::size_t sent : {std::size_t{1}, body_at - 3, body_at, body_at + 10}) {
    SCOPED_TRACE(sent);
    Client slow(gateway);
    const Instant began = gateway.world.now();
    slow.send(bytes.substr(0, sent));
    gateway.world.run_for(5s);
    expect_served(gateway, "borealis");
    const Answer answer = slow.answer();
    EXPECT_EQ(answer.status, 408);
    EXPECT_TRUE(answer.has(R"("code":"request_timeout")")) << answer.body;
    EXPECT_NEAR(seconds_since(gateway, began), 10.0, 0.2);
    EXPECT_TRUE(slow.answer(5s).head.empty());
    EXPECT_TRUE(slow.ended());
  }
  EXPECT_EQ(gateway.engine_sim.counts().requests, 4);
}

// A byte a second keeps neither a head nor a body alive.
TEST(Bounds, DripsDoNotExtendTheTime) {
  GatewayWorld gateway;
  const std::string bytes = post_bytes(gateway, kChat, chat_body(std::string(500, 'x')));
  const std::size_t body_at = bytes.find("\r\n\r\n") + 4;
  for (const std::size_t start : {std::size_t{1}, body_at}) {
    Client slow(gateway);
    const Instant began = gateway.world.now();
    slow.send(bytes.substr(0, start));
    std::size_t at = start;
    while (!slow.heard().starts_with("HTTP/1.1 408") && at < start + 30) {
      slow.send(bytes.substr(at++, 1));
      gateway.world.run_for(1s);
      slow.pump();
    }
    EXPECT_NEAR(seconds_since(gateway, began), 10.0, 1.1);
  }
}

TEST(Bounds, LargeHeadsTargetsAndBodiesAreRefusedWithTheirStatus) {
  GatewayWorld gateway;
  const auto ask = [&gateway](const std::string& bytes) {
    Client client(gateway);
    client.send(bytes);
    const Answer answer = client.answer();
    (void)client.answer(5s);
    EXPECT_TRUE(client.ended());
    return answer.status;
  };
  const std::string start = "POST " + std::string(kChat) + " HTTP/1.1\r\nhost: x\r\n";
  EXPECT_EQ(ask(start + "a: " + std::string(70'000, 'x') + "\r\n\r\n"), 431);
  std::string fields;
  for (int i = 0; i < 110; ++i)
    fields += fmt::format("f{}: x\r\n", i);
  EXPECT_EQ(ask(start + fields + "\r\n"), 431);
  EXPECT_EQ(ask("GET /" + std::string(9'000, 'x') + " HTTP/1.1\r\nhost: x\r\n\r\n"), 414);
  const std::string authorized = start + "authorization: Bearer " + gateway.key("aurora") +
                                 "\r\ncontent-type: application/json\r\n";
  EXPECT_EQ(ask(authorized + "content-length: 34000000\r\n\r\n"), 413);
  EXPECT_EQ(ask(authorized + "content-length: 99999999999999999999\r\n\r\n"), 400);
  EXPECT_EQ(gateway.engine_sim.counts().requests, 0);
  EXPECT_THAT(gateway.ledger.order, IsEmpty());
  expect_served(gateway, "borealis");
}

// Each could be read in two ways: refused, connection closed, and nothing behind it is a request.
TEST(Bounds, SmugglingShapesReachNoEngine) {
  GatewayWorld gateway;
  const std::string start = "POST " + std::string(kChat) + " HTTP/1.1\r\nhost: x\r\n" +
                            "authorization: Bearer " + gateway.key("aurora") +
                            "\r\ncontent-type: application/json\r\n";
  const std::string inner = post_bytes(gateway, kChat, chat_body("x"));
  for (const std::string fields :
       {"content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "content-length: 5\r\ncontent-length: 6\r\n", "content-length: 5, 5\r\n",
        "content-length: +5\r\n", "content-length: 0x5\r\n", "content-length : 5\r\n",
        "transfer-encoding: xchunked\r\n", "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding:\x0b"
        "chunked\r\n",
        " content-length: 5\r\n", "a: b\r\n continued\r\n", "content-length: 5\nx: y\r\n", "a\r\n",
        ": b\r\n", "a: \x01\r\n"}) {
    SCOPED_TRACE(testing::PrintToString(fields));
    Client client(gateway);
    client.send(start + fields + "\r\n0\r\n\r\n" + inner);
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 400) << answer.body;
    EXPECT_EQ(client.answer(5s).status, 0) << "nothing behind it is answered";
    EXPECT_TRUE(client.ended());
  }
  EXPECT_EQ(gateway.engine_sim.counts().requests, 0);
  EXPECT_THAT(gateway.ledger.order, IsEmpty());
  expect_served(gateway, "aurora");
}

// An answer that another peer could read in two ways is not passed on, and its connection ends.
TEST(Bounds, SmugglingShapesOfAnEngineReachNoClient) {
  GatewayWorld gateway;
  const std::string body = R"({"object":"list","data":[],"model":"sim"})";
  const std::string length = fmt::format("content-length: {}\r\n", body.size());
  for (const std::string& fields :
       {length + "transfer-encoding: chunked\r\n", length + "content-length: 3\r\n",
        std::string("content-length: -1\r\n"), std::string("transfer-encoding: gzip, chunked\r\n"),
        length + " folded\r\n", std::string("content-length: 3\r\n"),
        std::string("transfer-encoding: chunked\r\n")}) {
    SCOPED_TRACE(testing::PrintToString(fields));
    gateway.scripted.script = {
        .parts = {"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + fields + "\r\n" + body},
        .end = Script::End::hang};
    const int gone = gateway.scripted.gone;
    Client client(gateway);
    client.post("/v1/embeddings", R"({"model":"script-embed","input":"a b"})");
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 502) << answer.body;
    EXPECT_FALSE(answer.has("object"));
    EXPECT_EQ(gateway.pool.idle(), 0U);
    EXPECT_TRUE(gateway.world.run_until([&] { return gateway.scripted.gone > gone; }, 250ms));
  }
}

// Hundreds of connections that never finish their heads or bodies.
TEST(Bounds, ManySlowConnectionsDoNotSlowAGoodClient) {
  GatewayWorld gateway;
  const auto time_of_good = [&gateway] {
    const Instant asked = gateway.world.now();
    for (int i = 0; i < 20; ++i)
      expect_served(gateway, "borealis");
    return seconds_since(gateway, asked);
  };
  const double alone = time_of_good();
  const std::string bytes = post_bytes(gateway, kChat, chat_body("x"));
  std::vector<std::unique_ptr<Client>> slow;
  for (std::size_t i = 0; i < 1'500; ++i) {
    slow.push_back(std::make_unique<Client>(gateway));
    slow.back()->send(bytes.substr(0, 1 + i % (bytes.size() - 1)));
  }
  EXPECT_LT(time_of_good(), 2 * alone);
  gateway.world.run_for(13s);  // their times are over
  EXPECT_EQ(gateway.server().counters().open, 0U);
  for (const auto& client : slow)
    EXPECT_EQ(client->answer().status, 408);
  EXPECT_EQ(gateway.ledger.order.size(), 40U);
}

// Ten times what the engine can do: it is never idle, who is admitted waits a bounded time, and the
// rest is told so at once.
TEST(Bounds, OverloadKeepsTheGoodput) {
  GatewayWorld gateway(7, {}, 4);
  std::vector<std::unique_ptr<Client>> clients;
  const Instant began = gateway.world.now();
  for (int i = 0; i < 1'200; ++i) {  // 400 a second; 4 slots of 100 ms do 40
    clients.push_back(std::make_unique<Client>(gateway));
    clients.back()->post(kChat, chat_body("[[sim:rate=100,tokens=11]]"),
                         i % 2 == 0 ? "aurora" : "borealis");
    gateway.world.run_for(2ms);
  }
  const double loaded = seconds_since(gateway, began);
  EXPECT_GT(static_cast<double>(gateway.engine_sim.counts().finished), 0.9 * 40 * (loaded - 0.2));
  int good = 0;
  for (const auto& client : clients) {
    const Answer answer = client->answer(4s);
    EXPECT_TRUE(answer.complete);
    if (answer.status == 200)
      ++good;
    else
      EXPECT_TRUE(answer.has(R"("code":"queue_full")")) << answer.body;
  }
  EXPECT_LT(seconds_since(gateway, began), loaded + 4.0) << "128 wait, 40 a second";
  EXPECT_EQ(good, gateway.engine_sim.counts().finished);
  EXPECT_EQ(gateway.ledger.order.size(), static_cast<std::size_t>(good));
}

// --- descriptors --------------------------------------------------------------------------------

TEST(Bounds, RunningOutOfDescriptorsPausesAcceptingWithoutSpinning) {
  GatewayWorld gateway;
  Client early(gateway);
  early.post(kChat, chat_body("[[sim:rate=10,tokens=40]]", kStream));
  ASSERT_TRUE(early.wait_for("data: "));
  gateway.accept_trouble.failures_left = 10;
  const int before = gateway.accept_trouble.accepts;
  const Instant began = gateway.world.now();
  Client late(gateway);  // ends the accept that is under way
  Client later(gateway);
  later.post(kChat, chat_body("x"), "borealis");
  EXPECT_EQ(later.answer().status, 200);
  EXPECT_NEAR(seconds_since(gateway, began), 1.0, 0.2);
  EXPECT_LE(gateway.accept_trouble.accepts - before, 13);
  EXPECT_TRUE(early.answer().has("[DONE]")) << "what runs goes on";
}

TEST(Bounds, ConnectionsPerAddressAndInAllAreBounded) {
  GatewayWorld gateway(7, {}, 16, {.connections_max = 8, .connections_per_ip_max = 6});
  gateway.world.wire().options.split = false;  // a new connection takes a refusal as a whole
  std::vector<std::unique_ptr<Client>> idle;
  for (int i = 0; i < 6; ++i)
    idle.push_back(std::make_unique<Client>(gateway));
  Client one_more(gateway);
  const Answer refused = one_more.answer();
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.has("concurrency_limit_exceeded")) << refused.body;
  gateway.network.set_source(rt::IpAddress::v4({10, 9, 9, 9}));
  expect_served(gateway, "borealis");
  idle.clear();
  gateway.network.set_source(rt::IpAddress::v4({127, 0, 0, 1}));
  gateway.world.run_for(10ms);
  expect_served(gateway, "aurora");
}

// --- drain and changes under load ----------------------------------------------------------------

TEST(Bounds, ADrainLetsStreamsEndAndRefusesNewOnes) {
  GatewayWorld gateway;
  Client running(gateway);
  Client idle(gateway);
  running.post(kChat, chat_body("[[sim:rate=2,tokens=20]]", kStream));
  ASSERT_TRUE(running.wait_for("data: "));
  idle.get("/readyz");
  EXPECT_EQ(idle.answer().status, 200);

  gateway.readiness.set_ready(false);
  idle.get("/readyz");
  EXPECT_EQ(idle.answer().status, 503);
  idle.get("/healthz");
  EXPECT_EQ(idle.answer().status, 200);
  expect_served(gateway, "borealis");  // until routers have noticed

  gateway.server().stop_accepting();
  gateway.server().begin_drain();
  gateway.world.run_for(1'100ms);
  idle.pump();
  EXPECT_TRUE(idle.ended()) << "idle connections are closed";
  EXPECT_TRUE(Client(gateway).refused());
  const Answer answer = running.answer();
  EXPECT_THAT(answer.body, testing::EndsWith("data: [DONE]\n\n"));
  EXPECT_TRUE(answer.complete);
  EXPECT_TRUE(gateway.settle());
  EXPECT_EQ(gateway.ledger.last().settlement->finish, metering::Finish::stop);
  gateway.world.run_for(1'100ms);
  running.pump();
  EXPECT_TRUE(running.ended());
}

TEST(Bounds, AtItsDeadlineADrainEndsStreamsWithAnErrorEventAndTheirRow) {
  GatewayWorld gateway;
  Client talking(gateway);
  Client silent(gateway);
  Client plain(gateway);
  talking.post(kChat, chat_body("[[sim:rate=2,tokens=400]]", kStream));
  silent.post(kChat, chat_body("[[sim:stall-after=2]]", kStream), "borealis");
  plain.post(kChat, chat_body("[[sim:rate=2,tokens=400]]"));
  ASSERT_TRUE(talking.wait_for("data: "));
  ASSERT_TRUE(silent.wait_for("mesh "));
  gateway.plane().cut_off();
  for (Client* client : {&talking, &silent}) {
    const Answer answer = client->answer(5s);
    EXPECT_TRUE(answer.complete);
    EXPECT_TRUE(answer.has(R"("code":"overloaded")")) << answer.body;
    EXPECT_FALSE(answer.has("[DONE]"));
  }
  EXPECT_EQ(plain.answer(5s).status, 503);
  EXPECT_TRUE(gateway.settle(1s));
  for (const auto& [id, row] : gateway.ledger.records)
    EXPECT_EQ(row.settlement->finish, metering::Finish::drained);
  EXPECT_EQ(gateway.engine_sim.counts().cancelled, 3);
  talking.get("/v1/models");
  EXPECT_EQ(talking.answer().status, 503);
}

// 20 drains under load: every request that was accepted ends, whole or with its reason.
TEST(Bounds, NoRequestIsLostInADrain) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    GatewayWorld gateway(seed);
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 30; ++i) {
      clients.push_back(std::make_unique<Client>(gateway));
      clients.back()->post(kChat, chat_body("[[sim:rate=100,tokens=20]]",
                                            i % 2 == 0 ? kStream : std::string_view()));
      gateway.world.run_for(std::chrono::milliseconds(gateway.world.chaos().below(10)));
    }
    gateway.server().stop_accepting();
    gateway.server().begin_drain();
    for (const auto& client : clients) {
      const Answer answer = client->answer();
      EXPECT_EQ(answer.status, 200);
      EXPECT_TRUE(answer.complete);
    }
  }
}

TEST(Bounds, EachRequestKeepsTheDirectoryItBeganWith) {
  GatewayWorld gateway;
  Client client(gateway);
  client.post(kChat, chat_body("[[sim:rate=10,tokens=100]]", kStream, "quick"));
  ASSERT_TRUE(client.wait_for("data: "));
  gateway.withdraw("quick");
  Client next(gateway);
  next.post(kChat, chat_body("x", "", "quick"));
  EXPECT_EQ(next.answer().status, 404);
  for (int i = 0; i < 200; ++i) {
    gateway.withdraw(fmt::format("nobody-{}", i));
    if (i % 20 == 0) expect_served(gateway, "borealis");
    gateway.world.run_for(10ms);
  }
  const Answer answer = client.answer();
  EXPECT_TRUE(answer.has("[DONE]"));
  EXPECT_TRUE(answer.complete);
}

TEST(Bounds, AJumpOfTheWallClockDisturbsNoStream) {
  for (const auto by : {std::chrono::hours(24 * 366), std::chrono::hours(-24 * 366)}) {
    GatewayWorld gateway;
    Client client(gateway);
    client.post(kChat, chat_body("[[sim:rate=10,tokens=30]]", kStream, "quick"));
    ASSERT_TRUE(client.wait_for("mesh "));
    gateway.world.jump_wall(by);
    const Instant jumped = gateway.world.now();
    EXPECT_TRUE(client.answer().has("[DONE]"));
    EXPECT_LT(seconds_since(gateway, jumped), 3.5);
    expect_served(gateway, "borealis");
  }
}

}  // namespace
}  // namespace sovmesh::flow
