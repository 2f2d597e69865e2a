#include "engine/health.h"

#include <gmock/gmock.h>

#include <map>
#include <optional>

#include "http/server.h"
#include "rt/sim/sim.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::engine {
namespace {

using namespace std::chrono_literals;
using llmapi::Dialect;
using testing::ElementsAre;

TEST(HealthRule, TwoFailuresAreDownAndOneSuccessIsUp) {
  HealthRule rule;
  rule.failed();
  EXPECT_FALSE(rule.is_down());
  rule.succeeded();
  rule.failed();
  EXPECT_FALSE(rule.is_down());
  rule.failed();
  EXPECT_TRUE(rule.is_down());
  rule.succeeded();
  EXPECT_FALSE(rule.is_down());
}

TEST(ProbeTargets, FollowTheDialect) {
  EXPECT_THAT(probe_targets(Dialect::llama_cpp, "/v1", false), ElementsAre("/health"));
  EXPECT_THAT(probe_targets(Dialect::sglang, "/v1", false), ElementsAre("/health"));
  EXPECT_THAT(probe_targets(Dialect::tgi, "/v1", false), ElementsAre("/health"));
  EXPECT_THAT(probe_targets(Dialect::tensorrt_llm, "/v1", false), ElementsAre("/health"));
  EXPECT_THAT(probe_targets(Dialect::vllm, "/v1", false), ElementsAre("/health", "/v1/models"));
  EXPECT_THAT(probe_targets(Dialect::vllm, "/llm/v1", true), ElementsAre("/llm/health"));
  EXPECT_THAT(probe_targets(Dialect::openai, "/openai", true), ElementsAre("/openai/models"));
}

TEST(ProbeTargets, EndWithTheModelListWhenItIsWanted) {
  EXPECT_THAT(probe_targets(Dialect::vllm, "/v1", true, true),
              ElementsAre("/health", "/v1/models"));
  EXPECT_THAT(probe_targets(Dialect::vllm, "/v1", false, true),
              ElementsAre("/health", "/v1/models"));
  EXPECT_THAT(probe_targets(Dialect::openai, "/v1", false, true), ElementsAre("/v1/models"));
}

// Answers by path, and remembers what it was asked.
class Pages final : public http::Handler {
 public:
  rt::Task<void> handle(http::Exchange& exchange) override {
    const std::string path(exchange.head().path);
    asked.push_back(path);
    authorization = exchange.head().fields.find("authorization").value_or("");
    http::ResponseHead head;
    head.status = status.contains(path) ? status[path] : 404;
    co_await exchange.respond(head, body);
  }
  std::map<std::string, int> status;
  std::string body = "{}";
  std::vector<std::string> asked;
  std::string authorization;
};

class HealthProberTest : public testing::Test {
 protected:
  HealthProberTest() {
    origin_.host = "127.0.0.1";
    origin_.port = 8000;
    auto listener = network_.listen(*rt::parse_endpoint("127.0.0.1:8000"), {});
    server_.emplace(world_.loop(), std::move(listener).value(), pages_, http::ServerOptions{});
    tasks_.spawn(serve(&*server_));
  }
  ~HealthProberTest() override {
    tasks_.cancel();
    server_->stop_accepting();
    pool_.close_idle();
    world_.run_until_idle(5min);
    world_.end();
  }
  static rt::Task<void> serve(http::Server* server) { co_await server->run(); }

  void watch(Dialect dialect) {
    prober_.emplace(world_.loop(), world_.random(), pool_, origin_, key_,
                    HealthProber::Options{.dialect = dialect}, [this](const Result<void>& verdict) {
                      verdicts_.push_back(verdict ? "ok" : verdict.error().message());
                    });
    tasks_.spawn(prober_->run(tasks_.cancelled()));
  }

  rt::sim::SimWorld world_{9};
  rt::sim::SimNetwork network_{world_};
  rt::sim::SimResolver resolver_{world_};
  http::ClientPool pool_{world_.loop(), network_, resolver_, {}};
  http::Origin origin_;
  Secret key_;
  Pages pages_;
  std::vector<std::string> verdicts_;
  std::optional<http::Server> server_;
  std::optional<HealthProber> prober_;
  rt::TaskGroup tasks_{world_.loop(), 4};
};

TEST_F(HealthProberTest, ProbesAboutEveryFiveSeconds) {
  pages_.status["/health"] = 200;
  watch(Dialect::llama_cpp);
  world_.run_for(60s);
  EXPECT_GE(pages_.asked.size(), 11U);
  EXPECT_LE(pages_.asked.size(), 15U);
  EXPECT_THAT(verdicts_, testing::Each("ok"));
}

TEST_F(HealthProberTest, ASecondFailureFollowsTheFirstSoon) {
  pages_.status["/health"] = 200;
  watch(Dialect::llama_cpp);
  world_.run_for(100ms);
  verdicts_.clear();
  pages_.status["/health"] = 503;
  const Instant before = world_.now();
  ASSERT_TRUE(world_.run_until([&] { return !verdicts_.empty(); }, 20s));
  EXPECT_THAT(verdicts_, ElementsAre("GET /health answered 503"));
  EXPECT_LT(world_.now() - before, 7s);
  EXPECT_EQ(pages_.asked.size(), 3U);
  pages_.status["/health"] = 200;
  ASSERT_TRUE(world_.run_until([&] { return verdicts_.back() == "ok"; }, 6s));
}

TEST_F(HealthProberTest, VllmIsReadyWhenItsModelsAre) {
  pages_.status["/health"] = 200;
  pages_.status["/v1/models"] = 503;
  watch(Dialect::vllm);
  ASSERT_TRUE(world_.run_until([&] { return !verdicts_.empty(); }, 20s));
  EXPECT_THAT(verdicts_, ElementsAre("GET /v1/models answered 503"));
  pages_.status["/v1/models"] = 200;
  ASSERT_TRUE(world_.run_until([&] { return verdicts_.back() == "ok"; }, 20s));
  pages_.asked.clear();
  world_.run_for(20s);
  EXPECT_THAT(pages_.asked, testing::Each("/health")) << "the model list is not asked for again";
}

TEST_F(HealthProberTest, SuspicionsAreOneIncidentAndCheckedAtOnce) {
  pages_.status["/health"] = 200;
  watch(Dialect::llama_cpp);
  world_.run_for(1s);
  for (int i = 0; i < 100; ++i)
    prober_->suspect();
  world_.run_for(50ms);
  EXPECT_EQ(pages_.asked.size(), 2U);
  EXPECT_EQ(verdicts_.back(), "ok") << "the engine is well: one bad request proves nothing";
}

TEST_F(HealthProberTest, ConstantSuspicionCannotMakeItSpin) {
  pages_.status["/health"] = 200;
  watch(Dialect::llama_cpp);
  for (int i = 0; i < 1'000; ++i) {
    prober_->suspect();
    world_.run_for(1ms);
  }
  EXPECT_LE(pages_.asked.size(), 11U) << "at most every 100 ms";
}

TEST_F(HealthProberTest, SendsTheKey) {
  key_ = Secret("sk-123");
  pages_.status["/v1/models"] = 200;
  watch(Dialect::openai);
  world_.run_for(100ms);
  EXPECT_EQ(pages_.authorization, "Bearer sk-123");
}

TEST_F(HealthProberTest, ASilentEngineTimesOut) {
  world_.wire().set_reach(*rt::parse_endpoint("127.0.0.1:9"), rt::sim::Reach::drop);
  origin_.port = 9;
  watch(Dialect::llama_cpp);
  ASSERT_TRUE(world_.run_until([&] { return !verdicts_.empty(); }, 20s));
  EXPECT_THAT(verdicts_.front(), testing::StartsWith("GET /health: "));
}

TEST_F(HealthProberTest, ReadsCounters) {
  pages_.status["/metrics"] = 200;
  pages_.body = "vllm:prompt_tokens_total 5\nvllm:generation_tokens_total 7\n";
  const rt::Until until{world_.loop().in(1s), nullptr};
  const auto counters =
      world_.run(read_counters(pool_, origin_, Dialect::vllm, "/v1", key_, until));
  ASSERT_THAT(counters, Succeeds());
  EXPECT_EQ(counters->generated_tokens, 7);
}

}  // namespace
}  // namespace sovmesh::engine
