#include "engine_remote/remote_engine.h"

#include <gmock/gmock.h>

#include <optional>

#include "http/server.h"
#include "rt/sim/sim.h"
#include "rt/task_group.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::engine_remote {
namespace {

using namespace std::chrono_literals;
using engine::State;
using testing::ElementsAre;
using testing::HasSubstr;

class HealthPage final : public http::Handler {
 public:
  rt::Task<void> handle(http::Exchange& exchange) override {
    ++asked;
    authorization = exchange.head().fields.find("authorization").value_or("");
    http::ResponseHead head;
    head.status = status;
    co_await exchange.respond(head, body);
  }
  int status = 200;
  std::string body = "{}";
  int asked = 0;
  std::string authorization;
};

class RemoteEngineTest : public testing::Test {
 protected:
  RemoteEngineTest() {
    spec_.name = "far";
    spec_.url = "http://engine.example:8000/v1";
    spec_.dialect = llmapi::Dialect::sglang;
    resolver_.set("engine.example", {*rt::IpAddress::parse("10.0.0.7")});
  }
  ~RemoteEngineTest() override {
    if (engine_) world_.run(engine_->stop(world_.loop().in(5s)));
    engine_.reset();
    if (server_) server_->stop_accepting();
    world_.run_until_idle(10min);
    world_.end();
  }
  void serve(const char* endpoint = "10.0.0.7:8000") {
    auto listener = network_.listen(*rt::parse_endpoint(endpoint), {});
    server_.emplace(world_.loop(), std::move(listener).value(), page_, http::ServerOptions{});
    tasks_.spawn(accept(&*server_));
  }
  static rt::Task<void> accept(http::Server* server) { co_await server->run(); }

  Result<std::shared_ptr<RemoteEngine>> make() {
    return RemoteEngine::make(
        {.loop = world_.loop(),
         .network = network_,
         .resolver = resolver_,
         .random = world_.random(),
         .on_change = [this](const engine::Status& status) { states_.push_back(status.state); },
         .on_models =
             [this](const Result<std::vector<engine::ListedModel>>& list) {
               std::string names = list ? "" : "broken";
               for (std::size_t i = 0; list && i < list->size(); ++i)
                 names += (*list)[i].name + ";";
               lists_.push_back(names);
             }},
        spec_);
  }
  void start() {
    auto made = make();
    ASSERT_THAT(made, Succeeds());
    engine_ = *made;
    engine_->start();
  }
  Result<void> ensure_ready(std::chrono::milliseconds time) {
    const rt::Until until{world_.loop().in(time), nullptr};
    return world_.run(engine_->ensure_ready(world_.loop(), until));
  }
  bool reaches(State state, std::chrono::seconds limit) {
    return world_.run_until([&] { return engine_->status().state == state; }, limit);
  }

  rt::sim::SimWorld world_{13};
  rt::sim::SimNetwork network_{world_};
  rt::sim::SimResolver resolver_{world_};
  HealthPage page_;
  std::optional<http::Server> server_;
  rt::TaskGroup tasks_{world_.loop(), 1};
  engine::RemoteSpec spec_;
  std::vector<State> states_;
  std::vector<std::string> lists_;
  std::shared_ptr<RemoteEngine> engine_;
};

TEST_F(RemoteEngineTest, IsReadyAfterItsFirstProbe) {
  serve();
  spec_.api_key = Secret("sk-abc");
  start();
  EXPECT_THAT(ensure_ready(5s), Succeeds());
  EXPECT_EQ(engine_->generation(), 1U);
  EXPECT_EQ(page_.authorization, "Bearer sk-abc");
  EXPECT_EQ(engine_->origin().host, "engine.example");
  EXPECT_EQ(engine_->origin().port, 8000);
  EXPECT_EQ(engine_->base_path(), "/v1");
  EXPECT_EQ(engine_->api_key().reveal(), "sk-abc");
  const int asked = page_.asked;
  EXPECT_THAT(ensure_ready(5s), Succeeds());
  EXPECT_EQ(page_.asked, asked) << "requests do not probe";
}

TEST_F(RemoteEngineTest, FailsFastWhileItIsKnownToBeDown) {
  start();
  ASSERT_TRUE(reaches(State::unhealthy, 10s));
  EXPECT_THAT(engine_->status().reason, HasSubstr("connection refused"));
  const Instant before = world_.now();
  const auto result = ensure_ready(5s);
  ASSERT_THAT(result, FailsWith(Code::no_healthy_backend));
  EXPECT_EQ(world_.now(), before);
  EXPECT_TRUE(result.error().retry_after().has_value());
}

TEST_F(RemoteEngineTest, TellsEachNewModelListOnce) {
  serve();
  spec_.discover_models = true;
  page_.body = R"({"data":[{"id":"a"},{"id":"b"}]})";
  start();
  ASSERT_THAT(ensure_ready(5s), Succeeds());
  EXPECT_THAT(lists_, ElementsAre("a;b;"));
  world_.run_for(30s);
  EXPECT_EQ(lists_.size(), 1U);
  page_.body = R"({"data":[{"id":"b"}]})";
  world_.run_for(30s);
  EXPECT_THAT(lists_, ElementsAre("a;b;", "b;"));
}

TEST_F(RemoteEngineTest, ABrokenModelListIsToldOnceAndCostsNoReadiness) {
  serve();
  spec_.discover_models = true;
  page_.body = R"({"data":[{"id":"a"}]})";
  start();
  ASSERT_THAT(ensure_ready(5s), Succeeds());
  page_.body = "<html>";
  world_.run_for(30s);
  EXPECT_EQ(engine_->status().state, State::ready);
  page_.body = R"({"data":[{"id":"a"}]})";
  world_.run_for(30s);
  EXPECT_THAT(lists_, ElementsAre("a;", "broken"));
}

TEST_F(RemoteEngineTest, NobodyIsAskedForModelsUnwanted) {
  serve();
  start();
  ASSERT_THAT(ensure_ready(5s), Succeeds());
  world_.run_for(30s);
  EXPECT_TRUE(lists_.empty());
}

TEST_F(RemoteEngineTest, ComesBackWithANewGeneration) {
  serve();
  start();
  ASSERT_THAT(ensure_ready(5s), Succeeds());
  page_.status = 500;
  ASSERT_TRUE(reaches(State::unhealthy, 20s));
  EXPECT_EQ(engine_->status().reason, "GET /health answered 500");
  page_.status = 200;
  ASSERT_TRUE(reaches(State::ready, 20s));
  EXPECT_EQ(engine_->generation(), 2U);
  world_.run_for(30s);
  EXPECT_EQ(engine_->generation(), 2U);
  EXPECT_THAT(states_, ElementsAre(State::ready, State::unhealthy, State::ready));
}

TEST_F(RemoteEngineTest, ASuspicionIsCheckedAtOnce) {
  serve();
  start();
  ASSERT_THAT(ensure_ready(5s), Succeeds());
  world_.run_for(300ms);
  page_.status = 500;
  engine_->suspect();
  EXPECT_TRUE(world_.run_until([&] { return engine_->status().state == State::unhealthy; }, 50ms));
}

TEST_F(RemoteEngineTest, AnUnknownNameIsTheReason) {
  spec_.url = "http://nowhere.example";
  start();
  ASSERT_TRUE(reaches(State::unhealthy, 20s));
  EXPECT_THAT(engine_->status().reason, HasSubstr("no such name"));
}

TEST_F(RemoteEngineTest, SpeaksOverUnixSocketsToo) {
  spec_.url = "unix:/run/llama.sock";
  spec_.dialect = llmapi::Dialect::llama_cpp;
  serve("unix:/run/llama.sock");
  start();
  EXPECT_THAT(ensure_ready(5s), Succeeds());
  EXPECT_EQ(engine_->origin().unix_path, "/run/llama.sock");
}

TEST_F(RemoteEngineTest, OutOfServiceItIsStoppedWhileProbesGoOn) {
  serve();
  start();
  ASSERT_THAT(ensure_ready(5s), Succeeds());
  engine_->take_out_of_service();
  EXPECT_EQ(engine_->status().state, State::stopped);
  EXPECT_EQ(engine_->status().reason, "stopped by an administrator");
  const Instant before = world_.now();
  EXPECT_THAT(ensure_ready(10s), FailsWith(Code::no_healthy_backend));
  EXPECT_EQ(world_.now(), before);
  const int asked = page_.asked;
  page_.status = 500;
  world_.run_for(1min);
  EXPECT_GT(page_.asked, asked);
  EXPECT_EQ(engine_->status().state, State::stopped);

  engine_->put_in_service();
  EXPECT_EQ(engine_->status().state, State::unhealthy) << "as the probes have seen it";
  page_.status = 200;
  EXPECT_TRUE(reaches(State::ready, 10s));
  EXPECT_EQ(engine_->memory_bytes(), std::nullopt);
}

TEST_F(RemoteEngineTest, StopEndsTheProbesAndItCanStartAgain) {
  serve();
  start();
  ASSERT_THAT(ensure_ready(5s), Succeeds());
  world_.run(engine_->stop(world_.loop().in(5s)));
  EXPECT_EQ(engine_->status().state, State::stopped);
  world_.run_for(1s);  // what was under way
  const int asked = page_.asked;
  world_.run_for(1min);
  EXPECT_EQ(page_.asked, asked);
  EXPECT_THAT(ensure_ready(5s), Succeeds());
}

TEST_F(RemoteEngineTest, CapabilitiesAreTheDialectsWithOverrides) {
  spec_.dialect = llmapi::Dialect::vllm;
  spec_.capabilities = {{"embeddings", true}, {"images", false}};
  const auto made = make();
  ASSERT_THAT(made, Succeeds());
  EXPECT_TRUE((*made)->capabilities().cache_salt);
  EXPECT_TRUE((*made)->capabilities().embeddings);
  EXPECT_FALSE((*made)->capabilities().images);
}

TEST_F(RemoteEngineTest, RefusesWhatCannotBeMeant) {
  const engine::RemoteSpec good = spec_;
  const auto refuses = [this, &good](void (*spoil)(engine::RemoteSpec&)) {
    spec_ = good;
    spoil(spec_);
    EXPECT_THAT(make(), FailsWith(Code::config_invalid));
  };
  refuses([](engine::RemoteSpec& spec) { spec.url = "engine:8000"; });
  refuses([](engine::RemoteSpec& spec) { spec.slots = 0; });
  refuses([](engine::RemoteSpec& spec) { spec.api_key = Secret("a\r\nhost: b"); });
  refuses([](engine::RemoteSpec& spec) { spec.ca_pem = "x"; });
  refuses([](engine::RemoteSpec& spec) { spec.probe_interval = 1ms; });
  refuses([](engine::RemoteSpec& spec) { spec.capabilities = {{"embeding", true}}; });
}

TEST_F(RemoteEngineTest, HttpsPinsTheGivenCa) {
  spec_.url = "https://engine.example";
  spec_.ca_pem = "this is no certificate";
  EXPECT_THAT(make(), FailsWith(Code::config_invalid));
  spec_.ca_pem.clear();
  const auto made = make();
  ASSERT_THAT(made, Succeeds());
  EXPECT_NE((*made)->origin().tls, nullptr);
  EXPECT_EQ((*made)->origin().port, 443);
}

}  // namespace
}  // namespace sovmesh::engine_remote
