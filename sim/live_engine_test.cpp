#include "sim/live_engine.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rt/sim/sim.h"
#include "rt/task_group.h"
#include "sim/engine_sim.h"
#include "tests/support/count_text.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::sim {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Steps of 100 ms, a prompt token 1 ms: what can be added up by hand.
des::EngineSpec spec_by_hand() {
  return {.base_us = 100'000,
          .prefill_us = 1'000,
          .decode_us = 0,
          .context_us = 0,
          .context_scale = 1e18,
          .kv_tokens = 4'000,
          .block_tokens = 10,
          .chunk_tokens = 500,
          .requests_max = 4,
          .watermark = 0,
          .lora_slots = 1,
          .lora_load_us = 300'000,
          .wake_us = 2'000'000};
}

// An engine-sim on the engine model, and clients that note when what came.
class LiveEngineTest : public testing::Test {
 protected:
  struct Client {
    std::unique_ptr<rt::Socket> socket;
    std::string heard;
    std::optional<Instant> first, last;  // of its bytes
  };

  ~LiveEngineTest() override {
    clients_.clear();
    if (sim_) sim_->stop();
    world_.run_until_idle(5s);
  }

  void start(const des::EngineSpec& spec = spec_by_hand(), EngineSimOptions options = {}) {
    options.engine = spec;
    options.tokens = 3;
    options.loras = {"red", "blue"};
    sim_.emplace(world_.loop(), std::move(options));
    auto listener = network_.listen(*rt::parse_endpoint("127.0.0.1:8000"), {});
    ASSERT_THAT(listener, Succeeds());
    tasks_.spawn(sim_->serve(*std::move(listener)));
    began_ = world_.now();
  }

  static rt::Task<std::unique_ptr<rt::Socket>> connect(rt::Network& network, rt::Until until) {
    auto socket = co_await network.connect(*rt::parse_endpoint("127.0.0.1:8000"), until);
    co_return std::move(socket).value();
  }
  static rt::Task<void> send(rt::Socket& socket, std::string bytes, rt::Until until) {
    EXPECT_THAT(co_await rt::write_all(socket, bytes, until), Succeeds());
  }
  Client& say(const std::string& bytes) {
    const rt::Until until{world_.loop().in(10s), nullptr};
    Client& client = *clients_.emplace_back(std::make_unique<Client>());
    client.socket = world_.run(connect(network_, until));
    world_.run(send(*client.socket, bytes, until));
    return client;
  }
  static std::string words(int count, std::string_view word = "word") {
    std::string text;
    for (int i = 1; i < count; ++i)  // one is its role
      text += std::string(word) + std::to_string(i) + " ";
    return text;
  }
  Client& chat(const std::string& content, std::string_view more = "",
               std::string_view model = "sim") {
    std::string body = R"({"model":")" + std::string(model) +
                       R"(","stream":true,"messages":[{"role":"user","content":")" + content +
                       "\"}]" + std::string(more) + "}";
    return say("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  Client& page(std::string_view method, std::string_view target) {
    return say(std::string(method) + " " + std::string(target) +
               " HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
  }
  std::string read_page(std::string_view target) {
    Client& client = page("GET", target);
    run(20ms);
    return client.heard;
  }
  void run(std::chrono::milliseconds time) {
    for (const Instant end = world_.now() + time; world_.now() < end;) {
      world_.run_for(5ms);
      for (const auto& client : clients_)
        listen(*client);
    }
  }
  void listen(Client& client) {
    std::vector<char> buffer(std::size_t{64} * 1024);
    if (!client.socket) return;
    const rt::IoResult got = client.socket->try_read(buffer);
    if (got.status != rt::IoResult::Status::ok || got.bytes == 0) return;
    client.heard.append(buffer.data(), got.bytes);
    client.last = world_.now();
    if (!client.first) client.first = client.last;
  }
  // Since the beginning; -1: not yet.
  std::int64_t ms(std::optional<Instant> when) const {
    if (!when) return -1;
    return std::chrono::duration_cast<std::chrono::milliseconds>(*when - began_).count();
  }
  // The way here takes a little, and timers are 4 ms late at most.
  static auto about(std::int64_t ms) { return AllOf(testing::Ge(ms), testing::Lt(ms + 20)); }

  rt::sim::SimWorld world_{7};
  rt::sim::SimNetwork network_{world_};
  rt::TaskGroup tasks_{world_.loop(), 1};
  std::optional<EngineSim> sim_;
  std::vector<std::unique_ptr<Client>> clients_;
  Instant began_{};
};

TEST_F(LiveEngineTest, AnAnswerComesStepByStep) {
  start();
  Client& client = chat(words(200));
  run(1s);
  EXPECT_THAT(ms(client.first), about(200)) << "prefill";
  EXPECT_THAT(ms(client.last), about(400)) << "two more steps";
  EXPECT_THAT(client.heard, HasSubstr("[DONE]"));
  EXPECT_EQ(sim_->counts().generated_tokens, 3);
  EXPECT_EQ(sim_->counts().prompt_tokens, 200);
}

TEST_F(LiveEngineTest, AStepThatIsHandledLateCountsFromWhenItWasDue) {
  des::EngineSpec spec = spec_by_hand();
  spec.base_us = 1'000;  // shorter than a tick of the timers
  start(spec);
  Client& client = chat("x", R"(,"max_tokens":3)");
  run(1s);
  EXPECT_LT(ms(client.last), 25);
  EXPECT_THAT(client.heard, HasSubstr("[DONE]"));
}

TEST_F(LiveEngineTest, APromptIsComputedInChunksWhileOthersStream) {
  start();
  Client& early = chat("x", R"(,"max_tokens":3)");
  run(50ms);
  Client& late = chat(words(600));
  run(2s);
  // Early's first step ends at 100 ms; then 499 tokens of the long prompt beside its stream, then
  // 101 of them.
  EXPECT_THAT(ms(early.first), about(100));
  EXPECT_THAT(ms(early.last), about(100 + 499 + 101));
  EXPECT_THAT(ms(late.first), about(100 + 499 + 101));
}

TEST_F(LiveEngineTest, MoreRequestsThanItTakesWaitInItsQueue) {
  start();
  for (int i = 0; i < 5; ++i)
    chat("x");
  run(150ms);
  EXPECT_EQ(sim_->counts().running, 4);
  EXPECT_EQ(sim_->counts().waiting, 1);
  EXPECT_THAT(read_page("/metrics"),
              HasSubstr("vllm:num_requests_waiting{model_name=\"sim\"} 1.0"));
  EXPECT_EQ(ms(clients_[4]->first), -1);
  run(2s);
  EXPECT_THAT(ms(clients_[4]->first), about(400)) << "when the others have had three steps";
}

TEST_F(LiveEngineTest, ASharedPrefixIsNotComputedAgainButPerSalt) {
  start();
  chat(words(400), R"(,"cache_salt":"a")");
  run(1s);
  const std::int64_t before = ms(world_.now());
  Client& same =
      chat(words(400) + "more", R"(,"cache_salt":"a","stream_options":{"include_usage":true})");
  run(1s);
  EXPECT_THAT(ms(same.first) - before, about(100)) << "400 of 401 are cached";
  EXPECT_THAT(same.heard, HasSubstr(R"("cached_tokens":400)"));
  const std::int64_t later = ms(world_.now());
  Client& other = chat(words(400), R"(,"cache_salt":"b")");
  run(1s);
  EXPECT_THAT(ms(other.first) - later, about(400));
  const std::string metrics = read_page("/metrics");
  EXPECT_THAT(metrics, HasSubstr("vllm:prefix_cache_hits_total{model_name=\"sim\"} 400.0"));
  EXPECT_THAT(metrics,
              HasSubstr("vllm:cache_config_info{block_size=\"10\",num_gpu_blocks=\"400\"}"));
}

TEST_F(LiveEngineTest, TheNextTurnFindsTheAnswerOfTheLastOne) {
  start();
  chat(words(200), R"(,"max_tokens":100)");
  sim_->set_faults({{.kind = FaultKind::tokens, .argument = 100}});
  run(1ms);
  run(12s);
  const std::string turn = R"("},{"role":"assistant","content":")" + EngineSim::answer_text(3) +
                           R"("},{"role":"user","content":"and then?)";
  Client& next = chat(words(200) + turn, R"(,"stream_options":{"include_usage":true})");
  run(12s);
  EXPECT_THAT(next.heard, HasSubstr(R"("cached_tokens":200)"));
}

TEST_F(LiveEngineTest, WithoutMemoryTheYoungestIsPreemptedAndStillAnswered) {
  des::EngineSpec spec = spec_by_hand();
  spec.kv_tokens = 420;
  start(spec, {});
  sim_->set_faults({{.kind = FaultKind::tokens, .argument = 60}});
  Client& old = chat(words(200, "old"));
  run(5ms);
  Client& young = chat(words(180, "young"));
  run(30s);
  EXPECT_EQ(count_text(old.heard, "\"content\":"), 61U);
  EXPECT_EQ(count_text(young.heard, "\"content\":"), 61U);
  EXPECT_LT(ms(old.last), ms(young.last));
  EXPECT_THAT(read_page("/metrics"),
              HasSubstr("vllm:num_preemptions_total{model_name=\"sim\"} 1.0"));
}

TEST_F(LiveEngineTest, WhatItsMemoryWouldNeverHoldIsRefused) {
  start();
  Client& client = chat(words(3'998));
  run(20ms);
  EXPECT_THAT(client.heard, AllOf(HasSubstr("400 Bad Request"),
                                  HasSubstr("maximum context length is 4000 tokens")));
}

TEST_F(LiveEngineTest, AClientThatLeavesGivesItsPlaceBack) {
  start();
  for (int i = 0; i < 5; ++i)
    chat("x");
  run(150ms);
  clients_[0]->socket.reset();
  run(30ms);
  EXPECT_EQ(sim_->counts().cancelled, 1);
  EXPECT_EQ(sim_->counts().running, 3);
  run(1s);
  EXPECT_THAT(ms(clients_[4]->first), about(300)) << "from the next step on";
}

TEST_F(LiveEngineTest, ALoraIsLoadedOnceAndEvictedForAnother) {
  start();
  Client& red = chat("x", "", "red");
  run(1s);
  EXPECT_THAT(ms(red.first), about(301)) << "loaded in the step";
  EXPECT_THAT(read_page("/metrics"), HasSubstr("running_lora_adapters=\"red\""));
  std::int64_t before = ms(world_.now());
  Client& again = chat("x", "", "red");
  run(1s);
  EXPECT_THAT(ms(again.first) - before, about(100));
  before = ms(world_.now());
  Client& blue = chat("x", "", "blue");
  run(1s);
  EXPECT_THAT(ms(blue.first) - before, about(301));
  EXPECT_THAT(read_page("/metrics"), HasSubstr("running_lora_adapters=\"blue\""));
  EXPECT_THAT(read_page("/v1/models"), HasSubstr(R"("id":"blue","object":"model")"));
  Client& green = chat("x", "", "green");
  run(20ms);
  EXPECT_THAT(green.heard, HasSubstr("404"));
}

TEST_F(LiveEngineTest, SleepsUntilItIsWokenAndForgetsItsCache) {
  start();
  chat(words(400));
  run(1s);
  page("POST", "/sleep?level=1");
  run(20ms);
  EXPECT_THAT(clients_.back()->heard, HasSubstr("200 OK"));
  EXPECT_THAT(read_page("/is_sleeping"), HasSubstr("{\"is_sleeping\":true}"));
  Client& waits = chat(words(400));
  run(5s);
  EXPECT_EQ(ms(waits.first), -1);
  const std::int64_t woken = ms(world_.now());
  Client& wake = page("POST", "/wake_up");
  run(4s);
  EXPECT_THAT(ms(wake.first) - woken, about(2'000));
  EXPECT_THAT(ms(waits.first) - woken, about(2'400)) << "all of it is computed again";
  EXPECT_THAT(read_page("/is_sleeping"), HasSubstr("{\"is_sleeping\":false}"));
}

TEST_F(LiveEngineTest, SleepInTheMiddleOfAnAnswerOnlyDelaysIt) {
  start();
  Client& client = chat("x");
  run(150ms);
  page("POST", "/sleep");
  run(5s);
  EXPECT_THAT(client.heard, Not(HasSubstr("[DONE]")));
  page("POST", "/wake_up");
  run(4s);
  EXPECT_EQ(count_text(client.heard, "\"content\":"), 4U) << "role and three tokens";
  EXPECT_THAT(client.heard, HasSubstr("[DONE]"));
}

TEST_F(LiveEngineTest, ASlowNodeTakesLonger) {
  start(spec_by_hand(), {.faults = {{.kind = FaultKind::speed, .argument = 50}}});
  Client& client = chat("x");
  run(1s);
  EXPECT_THAT(ms(client.first), about(200));
}

TEST_F(LiveEngineTest, OutOfMemoryFailsAllAndTakesItAwayForAWhile) {
  start();
  Client& streaming = chat("x");
  run(150ms);
  Client& queued = chat("y");
  Client& poison = chat("[[sim:out-of-memory=3000]]");
  run(30ms);
  EXPECT_THAT(poison.heard, HasSubstr("HTTP/1.1 500"));
  EXPECT_THAT(queued.heard, HasSubstr("HTTP/1.1 500"));
  EXPECT_THAT(streaming.heard, AllOf(HasSubstr("200 OK"), HasSubstr("ran out of memory")));
  EXPECT_EQ(sim_->counts().failed, 3);
  EXPECT_THAT(read_page("/health"), HasSubstr("503"));
  Client& during = chat("x");
  run(20ms);
  EXPECT_THAT(during.heard, HasSubstr("503"));
  run(3s);
  EXPECT_THAT(read_page("/health"), HasSubstr("200"));
  Client& after = chat("x");
  run(1s);
  EXPECT_THAT(after.heard, HasSubstr("[DONE]"));
}

TEST_F(LiveEngineTest, StopEndsRequestsThatWait) {
  start();
  for (int i = 0; i < 6; ++i)
    chat(words(400));
  run(50ms);
  sim_->stop();
  world_.run_until_idle(1s);
  EXPECT_EQ(sim_->counts().cancelled, 6);
}

}  // namespace
}  // namespace sovmesh::sim
