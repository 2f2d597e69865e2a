#include "sim/engine_sim.h"

#include <gmock/gmock.h>

#include <chrono>
#include <optional>
#include <string>

#include "rt/sim/sim.h"
#include "rt/task_group.h"
#include "tests/support/count_text.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::sim {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Talks to the engine in plain bytes: what a gateway's parser would have to cope with.
class EngineSimTest : public testing::Test {
 protected:
  ~EngineSimTest() override {
    socket_.reset();
    if (sim_) sim_->stop();
    world_.run_until_idle(5s);
  }

  void start(EngineSimOptions options = {}) {
    sim_.emplace(world_.loop(), std::move(options));
    auto listener = network_.listen(*rt::parse_endpoint("127.0.0.1:8000"), {});
    ASSERT_THAT(listener, Succeeds());
    tasks_.spawn(sim_->serve(*std::move(listener)));
  }

  static std::string chat(std::string_view content, std::string_view more = "") {
    std::string body = R"({"model":"sim","messages":[{"role":"user","content":")";
    body.append(content).append("\"}]").append(more).append("}");
    return body;
  }
  static std::string post(std::string_view target, const std::string& body) {
    return "POST " + std::string(target) +
           " HTTP/1.1\r\nhost: x\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
  }
  std::string stream(std::string_view content, std::string_view more = "") {
    const std::string all = R"(,"stream":true)" + std::string(more);
    return ask(post("/v1/chat/completions", chat(content, all)));
  }

  static rt::Task<std::unique_ptr<rt::Socket>> connect(rt::Network& network, rt::Until until) {
    auto socket = co_await network.connect(*rt::parse_endpoint("127.0.0.1:8000"), until);
    co_return std::move(socket).value();
  }
  static rt::Task<void> send(rt::Socket& socket, std::string bytes, rt::Until until) {
    EXPECT_THAT(co_await rt::write_all(socket, bytes, until), Succeeds());
  }
  void say(const std::string& request) {
    const rt::Until until{world_.loop().in(10s), nullptr};
    if (!socket_) socket_ = world_.run(connect(network_, until));
    world_.run(send(*socket_, request, until));
  }
  // Everything that arrives within a while; "<reset>" or "<end>" when the connection ended.
  std::string hear(std::chrono::milliseconds time = 2s) {
    std::string heard;
    const Instant end = world_.now() + time;
    while (world_.now() < end && !heard.ends_with('>')) {
      std::vector<char> buffer(std::size_t{64} * 1024);
      const rt::IoResult got = socket_->try_read(buffer);
      if (got.status == rt::IoResult::Status::ok) heard.append(buffer.data(), got.bytes);
      if (got.status == rt::IoResult::Status::eof) heard += "<end>";
      if (got.status == rt::IoResult::Status::error) heard += "<reset>";
      if (got.status == rt::IoResult::Status::would_block) world_.run_for(5ms);
    }
    return heard;
  }
  std::string ask(const std::string& request) {
    say(request);
    return hear();
  }

  rt::sim::SimWorld world_{7};
  rt::sim::SimNetwork network_{world_};
  rt::TaskGroup tasks_{world_.loop(), 1};
  std::optional<EngineSim> sim_;
  std::unique_ptr<rt::Socket> socket_;
};

TEST_F(EngineSimTest, StreamsAnswersAndCountsItsOwnTokens) {
  start({.tokens = 3});
  const std::string heard = stream("two words", R"(,"stream_options":{"include_usage":true})");
  EXPECT_THAT(heard, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(heard, HasSubstr(R"("delta":{"role":"assistant","content":""})"));
  EXPECT_THAT(heard,
              HasSubstr(R"("delta":{"content":"one "},"logprobs":null,"finish_reason":null)"));
  EXPECT_THAT(heard, HasSubstr(R"("finish_reason":"stop")"));
  EXPECT_THAT(heard,
              HasSubstr(R"("usage":{"prompt_tokens":3,"total_tokens":6,"completion_tokens":3)"));
  EXPECT_THAT(heard, EndsWith("data: [DONE]\n\n\r\n0\r\n\r\n"));
  EXPECT_EQ(sim_->counts().generated_tokens, 3);
  EXPECT_EQ(sim_->counts().finished, 1);
  EXPECT_EQ(EngineSim::answer_text(3), "one mesh is ");
}

TEST_F(EngineSimTest, UsageIsInEveryChunkOnlyWhenAskedFor) {
  start({.tokens = 2});
  EXPECT_EQ(count_text(stream("x"), "usage"), 0U);
  EXPECT_EQ(count_text(stream("x", R"(,"stream_options":{"include_usage":true})"), "usage"), 1U);
  const std::string live =
      stream("x", R"(,"stream_options":{"include_usage":true,"continuous_usage_stats":true})");
  EXPECT_EQ(count_text(live, "\"usage\""), 4U);
  EXPECT_THAT(live, HasSubstr(R"("completion_tokens":1)"));
}

TEST_F(EngineSimTest, AnswersPlainRequestsOnAKeptConnection) {
  start({.tokens = 2});
  const std::string first = ask(post("/v1/chat/completions", chat("x")));
  EXPECT_THAT(first, HasSubstr(R"("message":{"role":"assistant","content":"one mesh "})"));
  const std::string second = ask(post("/v1/completions", R"({"model":"sim","prompt":"a b c"})"));
  EXPECT_THAT(second, HasSubstr(R"("object":"text_completion")"));
  EXPECT_THAT(second, HasSubstr(R"("prompt_tokens":3)"));
  EXPECT_THAT(ask(post("/v1/embeddings", R"({"model":"sim","input":["a","b"]})")),
              HasSubstr(R"("index":1,"embedding":[-0.125,0.25)"));
}

TEST_F(EngineSimTest, AnInputGivenByItsTokensIsOneInput) {
  start();
  const std::string one = ask(post("/v1/embeddings", R"({"model":"sim","input":[1,2,3]})"));
  EXPECT_THAT(one, HasSubstr(R"("index":0,)"));
  EXPECT_THAT(one, Not(HasSubstr(R"("index":1,)")));
  EXPECT_THAT(one, HasSubstr(R"("prompt_tokens":3)"));
  const std::string two = ask(post("/v1/embeddings", R"({"model":"sim","input":[[1,2],[3]]})"));
  EXPECT_THAT(two, HasSubstr(R"("index":1,)"));
  EXPECT_THAT(two, Not(HasSubstr(R"("index":2,)")));
}

TEST_F(EngineSimTest, MaxTokensCutTheAnswer) {
  start();
  const std::string heard = stream("x", R"(,"max_tokens":2)");
  EXPECT_THAT(heard, HasSubstr(R"("finish_reason":"length")"));
  EXPECT_EQ(sim_->counts().generated_tokens, 2);
}

TEST_F(EngineSimTest, EachChoiceHasItsOwnTokens) {
  start({.tokens = 2});
  const std::string heard = stream("x", R"(,"n":3)");
  EXPECT_EQ(count_text(heard, R"("finish_reason":"stop")"), 3U);
  EXPECT_EQ(sim_->counts().generated_tokens, 6);
}

TEST_F(EngineSimTest, KeepsItsPaceAndItsPrefillTime) {
  start({.tokens = 5, .tokens_per_second = 10, .prefill = 300ms});
  say(post("/v1/chat/completions", chat("x", R"(,"stream":true)")));
  EXPECT_EQ(hear(250ms), "") << "prefill";
  const std::string early = hear(350ms);  // tokens are due at 300, 400, ... 700 ms
  EXPECT_GE(count_text(early, "\"content\":\""), 3U);
  EXPECT_THAT(early, Not(HasSubstr("[DONE]")));
  EXPECT_THAT(hear(300ms), HasSubstr("[DONE]"));
}

TEST_F(EngineSimTest, CountsWhatACancelledRequestHadGenerated) {
  start({.tokens = 1'000, .tokens_per_second = 100});
  say(post("/v1/chat/completions", chat("x", R"(,"stream":true)")));
  hear(500ms);
  socket_.reset();
  world_.run_for(100ms);
  EXPECT_EQ(sim_->counts().cancelled, 1);
  EXPECT_NEAR(static_cast<double>(sim_->counts().generated_tokens), 51, 2);
  EXPECT_EQ(sim_->requests().front().outcome, SimOutcome::cancelled);
  EXPECT_EQ(sim_->counts().running, 0);

  say(post("/v1/chat/completions", chat("x")));
  hear(1s);
  socket_.reset();
  world_.run_for(100ms);
  EXPECT_EQ(sim_->counts().cancelled, 2);
  EXPECT_NEAR(static_cast<double>(sim_->requests().back().generated_tokens), 100, 2);
}

TEST_F(EngineSimTest, MoreRequestsThanSlotsWaitInLine) {
  start({.slots = 1, .tokens = 10, .tokens_per_second = 10});
  say(post("/v1/chat/completions", chat("a", R"(,"stream":true)")));
  world_.run_for(100ms);
  auto first = std::move(socket_);
  say(post("/v1/chat/completions", chat("b", R"(,"stream":true)")));
  EXPECT_EQ(hear(500ms), "");
  EXPECT_EQ(sim_->counts().waiting, 1);
  EXPECT_THAT(hear(2s), HasSubstr("[DONE]"));
}

TEST_F(EngineSimTest, RemembersWhatItWasAsked) {
  start();
  say("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Trace: abc\r\n"
      "Transfer-Encoding: chunked\r\n\r\n8\r\n{\"model\"\r\n9\r\n:\"other\"}\r\n0\r\n\r\n");
  EXPECT_THAT(hear(), HasSubstr("404"));
  ASSERT_EQ(sim_->requests().size(), 1U);
  EXPECT_EQ(sim_->requests()[0].field("x-trace"), "abc");
  EXPECT_EQ(sim_->requests()[0].body, R"({"model":"other"})");
  EXPECT_THAT(ask("GET /sim/requests HTTP/1.1\r\nhost: x\r\n\r\n"),
              HasSubstr(R"("body":"{\"model\":\"other\"}")"));
}

TEST_F(EngineSimTest, KeepsTheLastRequestsOnly) {
  start({.record_max = 2});
  for (const char* text : {"a", "b", "c"})
    ask(post("/v1/chat/completions", chat(text)));
  ASSERT_EQ(sim_->requests().size(), 2U);
  EXPECT_THAT(sim_->requests()[0].body, HasSubstr("\"b\""));
}

TEST_F(EngineSimTest, ARepeatedPromptIsCachedPerSalt) {
  start({.tokens = 1});
  const auto cached = [this](std::string_view salt) {
    return ask(post("/v1/chat/completions",
                    chat("a b c", ",\"cache_salt\":\"" + std::string(salt) + "\"")));
  };
  EXPECT_THAT(cached("A"), HasSubstr(R"("cached_tokens":0)"));
  EXPECT_THAT(cached("A"), HasSubstr(R"("cached_tokens":3)"));
  EXPECT_THAT(cached("B"), HasSubstr(R"("cached_tokens":0)"));
}

TEST_F(EngineSimTest, LlamaCppHasSlotsTimingsAndAFinishEvent) {
  start({.dialect = llmapi::Dialect::llama_cpp, .tokens = 1});
  const std::string more = R"(,"id_slot":2,"timings_per_token":true)";
  const std::string first = stream("a b", more);
  EXPECT_THAT(first, HasSubstr(R"("delta":{"role":"assistant","content":null})"));
  EXPECT_THAT(first, HasSubstr(R"("predicted_n":1)"));
  EXPECT_THAT(first, HasSubstr(R"("delta":{},"finish_reason":"stop")"));
  EXPECT_THAT(stream("a b", more), HasSubstr(R"("cache_n":2)"));
  EXPECT_THAT(stream("a b", more + R"(,"cache_prompt":false)"), HasSubstr(R"("cache_n":0)"));
}

TEST_F(EngineSimTest, ShowsItsCountersOnItsMetricsPage) {
  start({.tokens = 4});
  stream("x");
  const std::string page = ask("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n");
  EXPECT_THAT(page, HasSubstr("vllm:generation_tokens_total{model_name=\"sim\"} 4.0\n"));
  EXPECT_THAT(page, HasSubstr("vllm:prompt_tokens_total{model_name=\"sim\"} 2.0\n"));
}

TEST_F(EngineSimTest, GathersEventsIntoLargerWrites) {
  start({.tokens = 100, .chunk_bytes = 4'096});
  const std::string heard = stream("x");
  EXPECT_LT(count_text(heard, "\r\n"), 20U) << "a few large chunks";
  EXPECT_EQ(count_text(heard, "data: "), 102U);
}

TEST_F(EngineSimTest, StopCutsWhatIsRunning) {
  start({.tokens = 1'000, .tokens_per_second = 10});
  say(post("/v1/chat/completions", chat("x", R"(,"stream":true)")));
  hear(300ms);
  sim_->stop();
  EXPECT_THAT(hear(100ms), EndsWith("<reset>"));
}

TEST_F(EngineSimTest, FaultsOfTheWholeEngineCanBeReplaced) {
  start();
  EXPECT_THAT(ask(post("/sim/faults", "unhealthy status:429")), HasSubstr("200 OK"));
  EXPECT_THAT(ask("GET /health HTTP/1.1\r\nhost: x\r\n\r\n"), HasSubstr("503"));
  EXPECT_THAT(ask(post("/v1/chat/completions", chat("x"))), HasSubstr("429"));
  EXPECT_THAT(ask(post("/sim/faults", "dye")), HasSubstr("400"));
  EXPECT_THAT(ask(post("/sim/faults", "")), HasSubstr("200 OK"));
  EXPECT_THAT(ask("GET /health HTTP/1.1\r\nhost: x\r\n\r\n"), HasSubstr("200"));
}

struct FaultCase {
  const char* fault;
  const char* shows;   // part of what arrives
  const char* lacks;   // never arrives
  const char* ending;  // how it ends
};
class StreamFault : public EngineSimTest, public testing::WithParamInterface<FaultCase> {};
TEST_P(StreamFault, LooksAsItsNameSays) {
  start({.tokens = 4});
  const FaultCase& expected = GetParam();
  const std::string heard = stream("[[sim:" + std::string(expected.fault) + "]]");
  EXPECT_THAT(heard, HasSubstr(expected.shows));
  EXPECT_THAT(heard, Not(HasSubstr(expected.lacks)));
  EXPECT_THAT(heard, EndsWith(expected.ending));
}
constexpr const char* kNothing = "<nothing of the kind>";
constexpr const char* kClean = "\r\n0\r\n\r\n";
INSTANTIATE_TEST_SUITE_P(
    All, StreamFault,
    testing::Values(FaultCase{"die-before", "", "HTTP", "<reset>"},
                    FaultCase{"close-before", "", "HTTP", "<end>"},
                    FaultCase{"never", "", "HTTP", ""}, FaultCase{"delay=5000", "", "HTTP", ""},
                    FaultCase{"status=429", "HTTP/1.1 429 Too", "[DONE]", "}}"},
                    FaultCase{"garbage-head", "no HTTP", "HTTP/1.1", "<end>"},
                    FaultCase{"cl-and-te", "content-length: 10", kNothing, kClean},
                    FaultCase{"extra-bytes", "0\r\n\r\nHTTP/1.1 200", kNothing, "OK\r\n\r\n"},
                    FaultCase{"bad-chunk-after=1", "zz\r\n", "[DONE]", "<end>"},
                    FaultCase{"html", "<html>", "data:", "</html>"},
                    FaultCase{"error-body=400", "200 OK", "[DONE]", "\"code\":400}}"},
                    FaultCase{"error-event=400", "data: {\"error\":", "choices", kClean},
                    FaultCase{"error-after=2", "mesh", "\"is \"", kClean},
                    FaultCase{"die-after=2", "mesh", "\"is \"", "<reset>"},
                    FaultCase{"eof-after=2", "mesh", "\"is \"", "<end>"},
                    FaultCase{"end-after=2", "mesh", "\"is \"", kClean},
                    FaultCase{"stall-after=2", "mesh", "\"is \"", "\n\n\r\n"},
                    FaultCase{"stall-comments-after=2", "mesh", "\"is \"", ": keep-alive\n\n\r\n"},
                    FaultCase{"garbage-after=2", "{this is no JSON\n\n", kNothing, kClean},
                    FaultCase{"bad-utf8-after=2", "\xc3\x28", kNothing, kClean},
                    FaultCase{"no-choices-after=2", "{\"id\":\"x\"}", kNothing, kClean},
                    FaultCase{"huge-number-after=2", "99999999999999999999", kNothing, kClean},
                    FaultCase{"duplicate-done", "[DONE]\n\n\r\ne\r\ndata: [DONE]", kNothing,
                              kClean},
                    FaultCase{"data-after-done", "[DONE]\n\n\r\n", "[DONE]\n\n\r\n0", kClean},
                    FaultCase{"no-done", "\"stop\"", "[DONE]", kClean},
                    FaultCase{"no-finish", "[DONE]", "\"stop\"", kClean},
                    FaultCase{"crlf", "}\r\n\r\n\r\n", "}\n", kClean},
                    FaultCase{"cr", "}\r\r\r\n", "}\n", kClean},
                    FaultCase{"comments", "\r\n: keep-alive\ndata: {", "\r\ndata", kClean},
                    FaultCase{"bom",
                              "\xef\xbb\xbf"
                              "data: {",
                              kNothing, kClean},
                    FaultCase{"multiline", ",\ndata:\"", kNothing, kClean},
                    FaultCase{"utf8,split=1", "你好", kNothing, kClean},
                    FaultCase{"tool-call", R"("function":{"name":"look_up","arguments":"")",
                              "\"content\":\"one", kClean},
                    FaultCase{"no-usage", "[DONE]", "usage", kClean}));

TEST_F(EngineSimTest, AHugeLineArrivesWhole) {
  start({.tokens = 2});
  say(post("/v1/chat/completions", chat("[[sim:huge-line=3000000]]", R"(,"stream":true)")));
  const std::string heard = hear(30s);
  EXPECT_GT(heard.size(), 3'000'000U);
  EXPECT_THAT(heard, EndsWith(kClean));
}

TEST_F(EngineSimTest, AnEndlessHeadEndsWithTheClient) {
  start();
  say(post("/v1/chat/completions", chat("[[sim:endless-head]]")));
  EXPECT_GT(hear(100ms).size(), 100'000U);
  socket_.reset();
  world_.run_for(1s);
  EXPECT_EQ(sim_->counts().failed, 1);
}

TEST_F(EngineSimTest, LyingLengthsBreakPlainAnswers) {
  start({.tokens = 1});
  EXPECT_THAT(ask(post("/v1/chat/completions", chat("[[sim:length=10]]"))), EndsWith("}}}<end>"));
  socket_.reset();
  EXPECT_THAT(ask(post("/v1/chat/completions", chat("[[sim:length=-10]]"))), EndsWith("}}}<end>"));
}

}  // namespace
}  // namespace sovmesh::sim
