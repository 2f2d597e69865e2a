#include "engine_process/managed_engine.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>

#include "http/server.h"
#include "rt/sim/sim.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::engine_process {
namespace {

using namespace std::chrono_literals;
using engine::State;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// How the fake llama-server behaves from its next start on.
struct Behaviour {
  std::chrono::milliseconds loading{200};
  std::optional<int> exits_while_loading;
  bool ignores_term = false;
  bool is_healthy = true;
  std::string says = "loading model\n";
  int starts = 0;
  std::vector<int> signals;
  rt::sim::SimProcess* running = nullptr;  // the last one; dangling once it has ended
};

class HealthPage final : public http::Handler {
 public:
  HealthPage(const Behaviour& behaviour, Instant ready_at)
      : behaviour_(behaviour), ready_at_(ready_at) {}
  rt::Task<void> handle(http::Exchange& exchange) override {
    http::ResponseHead head;
    const bool loaded = exchange.loop().now() >= ready_at_;
    head.status = loaded && behaviour_.is_healthy ? 200 : 503;
    co_await exchange.respond(head, "{}");
  }

 private:
  const Behaviour& behaviour_;
  Instant ready_at_;
};

class FakeLlamaServer final : public rt::sim::SimProgram {
 public:
  explicit FakeLlamaServer(Behaviour& behaviour) : behaviour_(behaviour) {}

  rt::Task<int> main(rt::sim::SimProcess& process) override {
    ++behaviour_.starts;
    behaviour_.running = &process;
    co_await process.print(behaviour_.says);
    if (behaviour_.exits_while_loading) {
      const rt::Until until{process.loop().in(behaviour_.loading), nullptr};
      co_await rt::sleep(process.loop(), until);
      co_return *behaviour_.exits_while_loading;
    }
    page_.emplace(behaviour_, process.loop().now() + behaviour_.loading);
    auto listener = process.network().listen(
        rt::UnixEndpoint{process.spec().working_directory + "/engine.sock"}, {});
    if (!listener) co_return 9;
    server_.emplace(process.loop(), *std::move(listener), *page_, http::ServerOptions{});
    co_await server_->run();
    co_return 0;
  }
  bool on_signal(int number) override {
    behaviour_.signals.push_back(number);
    return behaviour_.ignores_term;
  }

 private:
  Behaviour& behaviour_;
  std::optional<HealthPage> page_;
  std::optional<http::Server> server_;
};

class ManagedEngineTest : public testing::Test {
 protected:
  ManagedEngineTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sm-engine-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    spec_.name = "tiny";
    spec_.program = folder_ / "llama-server";
    spec_.model_file = folder_ / "tiny.gguf";
    spec_.run_dir = folder_ / "run";
    spec_.sandbox = false;  // no real process
    for (const std::string& file : {spec_.program, spec_.model_file})
      std::ofstream(file) << "x";
    std::filesystem::permissions(spec_.program, std::filesystem::perms::owner_all);
    processes_.install(spec_.program, [this] { return std::make_unique<FakeLlamaServer>(fake_); });
  }
  ~ManagedEngineTest() override {
    if (engine_) stop(3s);
    engine_.reset();
    world_.run_until_idle(1min);
    std::filesystem::remove_all(folder_);
  }

  void make() {
    auto made = ManagedEngine::make(
        {.loop = world_.loop(),
         .network = network_,
         .resolver = resolver_,
         .processes = processes_,
         .random = world_.random(),
         .on_log = [this](std::string_view line) { heard_.emplace_back(line); },
         .on_change = [this](const engine::Status& status) { states_.push_back(status.state); },
         .memory_of = [this](int pid) { return memory_of(pid); }},
        spec_);
    ASSERT_THAT(made, Succeeds());
    engine_ = *made;
  }
  rt::Until within(std::chrono::milliseconds time) { return {world_.loop().in(time), nullptr}; }
  Result<void> ensure_ready(std::chrono::milliseconds time) {
    return world_.run(engine_->ensure_ready(world_.loop(), within(time)));
  }
  void stop(std::chrono::milliseconds time) { world_.run(engine_->stop(world_.loop().in(time))); }
  std::optional<std::int64_t> memory_of(int pid) const {
    if (fake_.running == nullptr || pid != fake_.running->pid()) return std::nullopt;
    return 51'234 * 1'024;
  }
  bool reaches(State state, std::chrono::seconds limit) {
    return world_.run_until([&] { return engine_->status().state == state; }, limit);
  }

  std::filesystem::path folder_;
  rt::sim::SimWorld world_{11};
  rt::sim::SimNetwork network_{world_};
  rt::sim::SimResolver resolver_{world_};
  rt::sim::SimProcessSpawner processes_{world_};
  Behaviour fake_;
  engine::ManagedSpec spec_;
  std::vector<std::string> heard_;
  std::vector<State> states_;
  std::shared_ptr<ManagedEngine> engine_;
};

TEST_F(ManagedEngineTest, StartsOnDemandAndIsReadyWhenHealthSaysSo) {
  make();
  EXPECT_EQ(engine_->status().state, State::stopped);
  EXPECT_EQ(fake_.starts, 0);
  const Instant before = world_.now();
  EXPECT_THAT(ensure_ready(10s), Succeeds());
  EXPECT_GE(world_.now() - before, fake_.loading);
  EXPECT_LT(world_.now() - before, fake_.loading + 200ms);
  EXPECT_EQ(engine_->status().pid, fake_.running->pid());
  EXPECT_EQ(engine_->status().restarts, 0);
  EXPECT_EQ(engine_->generation(), 1U);
  EXPECT_THAT(states_, ElementsAre(State::starting, State::starting, State::ready));
}

TEST_F(ManagedEngineTest, IsALlamaCppEngineOnItsSocket) {
  spec_.embeddings = false;
  spec_.adapter_files = {folder_ / "a.gguf"};
  make();
  EXPECT_EQ(engine_->dialect(), llmapi::Dialect::llama_cpp);
  EXPECT_TRUE(engine_->capabilities().tenant_slots);
  EXPECT_FALSE(engine_->capabilities().embeddings);
  EXPECT_EQ(engine_->origin().unix_path, spec_.run_dir + "/tiny/engine.sock");
  EXPECT_EQ(engine_->base_path(), "/v1");
  EXPECT_EQ(engine_->adapters(), 1);
  EXPECT_TRUE(engine_->api_key().empty());
}

rt::Task<void> note_when_ready(std::shared_ptr<ManagedEngine> engine, rt::Loop* loop,
                               rt::Until until, int* ready) {
  *ready += (co_await engine->ensure_ready(*loop, until)).has_value();
}

TEST_F(ManagedEngineTest, RequestsOfAllWorkersShareOneStart) {
  make();
  rt::sim::SimLoop& other = world_.add_loop();
  int ready = 0;
  rt::TaskGroup here(world_.loop(), 8);
  rt::TaskGroup there(other, 8);
  for (int i = 0; i < 4; ++i) {
    here.spawn(note_when_ready(engine_, &world_.loop(), within(10s), &ready));
    there.spawn(note_when_ready(engine_, &other, within(10s), &ready));
  }
  world_.run_until([&] { return ready == 8; }, 10s);
  EXPECT_EQ(ready, 8);
  EXPECT_EQ(fake_.starts, 1);
}

TEST_F(ManagedEngineTest, AWaitEndsAtItsDeadlineWhileTheModelLoads) {
  fake_.loading = 20s;
  make();
  const auto result = ensure_ready(500ms);
  ASSERT_THAT(result, FailsWith(Code::model_loading));
  EXPECT_TRUE(result.error().retry_after().has_value());
  EXPECT_THAT(ensure_ready(30s), Succeeds()) << "the start went on";
  EXPECT_EQ(fake_.starts, 1);
}

TEST_F(ManagedEngineTest, ACrashIsFollowedByANewStartAndANewGeneration) {
  make();
  ASSERT_THAT(ensure_ready(10s), Succeeds());
  fake_.running->crash(SIGSEGV);
  ASSERT_TRUE(reaches(State::backing_off, 1s));
  EXPECT_THAT(engine_->status().reason, HasSubstr("SIGSEGV"));
  EXPECT_THAT(ensure_ready(10s), Succeeds()) << "a request waits for the restart";
  EXPECT_EQ(engine_->generation(), 2U);
  EXPECT_EQ(engine_->status().restarts, 1);
}

TEST_F(ManagedEngineTest, RepeatedCrashesBackOff) {
  make();
  ASSERT_THAT(ensure_ready(10s), Succeeds());
  std::vector<std::int64_t> pauses;
  for (int i = 0; i < 4; ++i) {
    fake_.running->crash(SIGSEGV);
    ASSERT_TRUE(reaches(State::backing_off, 1s));
    const Instant before = world_.now();
    ASSERT_TRUE(reaches(State::starting, 100s));
    pauses.push_back(std::chrono::round<std::chrono::seconds>(world_.now() - before).count());
    ASSERT_TRUE(reaches(State::ready, 10s));
  }
  EXPECT_THAT(pauses, ElementsAre(1, 2, 4, 8));
  world_.run_for(61s);
  fake_.running->crash(SIGSEGV);
  ASSERT_TRUE(reaches(State::backing_off, 1s));
  const Instant before = world_.now();
  ASSERT_TRUE(reaches(State::starting, 100s));
  EXPECT_EQ(std::chrono::round<std::chrono::seconds>(world_.now() - before), 1s)
      << "a minute of good health forgives";
}

TEST_F(ManagedEngineTest, WaitersGiveUpOnAnEngineThatCannotStart) {
  fake_.exits_while_loading = 1;
  fake_.says = "error: this is no model\n";
  make();
  engine_->start();
  const auto result = ensure_ready(60s);
  ASSERT_THAT(result, FailsWith(Code::no_healthy_backend)) << "after the third failure";
  EXPECT_EQ(fake_.starts, 3);
  EXPECT_EQ(engine_->status().reason, "exited with code 1; its last line: error: this is no model");
  EXPECT_THAT(result.error().message(), testing::Not(HasSubstr("no model")))
      << "an engine's words are not for clients";
  const Instant before = world_.now();
  EXPECT_THAT(ensure_ready(60s), FailsWith(Code::no_healthy_backend));
  EXPECT_EQ(world_.now(), before) << "at once";

  fake_.exits_while_loading.reset();
  ASSERT_TRUE(reaches(State::ready, 30s)) << "the starts go on";
  EXPECT_THAT(ensure_ready(0s), Succeeds());
}

TEST_F(ManagedEngineTest, AMissingModelIsNamed) {
  std::filesystem::remove(spec_.model_file);
  make();
  engine_->start();
  ASSERT_TRUE(reaches(State::backing_off, 1s));
  EXPECT_THAT(engine_->status().reason, StartsWith("the model " + spec_.model_file));
  EXPECT_EQ(fake_.starts, 0);
}

TEST_F(ManagedEngineTest, TheSandboxesKillIsExplained) {
  make();
  ASSERT_THAT(ensure_ready(10s), Succeeds());
  fake_.running->crash(SIGSYS);
  ASSERT_TRUE(reaches(State::backing_off, 1s));
  EXPECT_THAT(engine_->status().reason, HasSubstr("not on the allow-list"));
}

TEST_F(ManagedEngineTest, AStartThatTakesTooLongIsEndedAndTriedAgain) {
  spec_.start_time = 2s;
  fake_.loading = 1h;
  make();
  engine_->start();
  ASSERT_TRUE(reaches(State::backing_off, 10s));
  EXPECT_THAT(engine_->status().reason, StartsWith("not ready after 2000 ms"));
  EXPECT_THAT(engine_->status().reason, HasSubstr("503"));
  ASSERT_TRUE(reaches(State::starting, 10s));
}

TEST_F(ManagedEngineTest, AHungEngineIsTakenOutThenKilled) {
  make();
  ASSERT_THAT(ensure_ready(10s), Succeeds());
  fake_.is_healthy = false;
  ASSERT_TRUE(reaches(State::unhealthy, 20s));
  EXPECT_THAT(ensure_ready(60s), FailsWith(Code::no_healthy_backend));
  fake_.is_healthy = true;
  ASSERT_TRUE(reaches(State::ready, 10s));
  EXPECT_EQ(fake_.starts, 1) << "it recovered by itself";

  fake_.is_healthy = false;
  ASSERT_TRUE(reaches(State::backing_off, 60s));
  EXPECT_THAT(engine_->status().reason, StartsWith("killed: it did not answer /health"));
}

TEST_F(ManagedEngineTest, ASuspicionIsCheckedAtOnce) {
  make();
  ASSERT_THAT(ensure_ready(10s), Succeeds());
  world_.run_for(300ms);
  fake_.is_healthy = false;
  engine_->suspect();
  EXPECT_TRUE(world_.run_until([&] { return engine_->status().state == State::unhealthy; }, 50ms))
      << "the data path's failure and ours make two";
}

TEST_F(ManagedEngineTest, StopAsksPolitelyFirst) {
  make();
  ASSERT_THAT(ensure_ready(10s), Succeeds());
  const Instant before = world_.now();
  stop(5s);
  EXPECT_LT(world_.now() - before, 100ms);
  EXPECT_THAT(fake_.signals, ElementsAre(SIGTERM));
  EXPECT_EQ(engine_->status().state, State::stopped);
}

TEST_F(ManagedEngineTest, StopKillsWhatIgnoresTwoTerms) {
  fake_.ignores_term = true;
  make();
  ASSERT_THAT(ensure_ready(10s), Succeeds());
  const Instant before = world_.now();
  stop(10s);
  EXPECT_GE(world_.now() - before, 2s);
  EXPECT_LT(world_.now() - before, 2'100ms);
  EXPECT_THAT(fake_.signals, ElementsAre(SIGTERM, SIGTERM));
}

TEST_F(ManagedEngineTest, StopKeepsAShorterDeadline) {
  fake_.ignores_term = true;
  make();
  ASSERT_THAT(ensure_ready(10s), Succeeds());
  const Instant before = world_.now();
  stop(300ms);
  EXPECT_LT(world_.now() - before, 400ms);
}

TEST_F(ManagedEngineTest, StopsWhileLoadingAndWhileBackingOff) {
  fake_.loading = 1h;
  make();
  engine_->start();
  world_.run_for(100ms);
  stop(5s);
  EXPECT_EQ(engine_->status().state, State::stopped);

  fake_.exits_while_loading = 1;
  fake_.loading = 10ms;
  engine_->start();
  ASSERT_TRUE(reaches(State::backing_off, 5s));
  const Instant before = world_.now();
  stop(5s);
  EXPECT_LT(world_.now() - before, 10ms);
}

TEST_F(ManagedEngineTest, AStopBeforeTheStartHasBegunWins) {
  make();
  engine_->start();
  stop(5s);
  world_.run_for(1s);
  EXPECT_EQ(fake_.starts, 0);
  EXPECT_EQ(engine_->status().state, State::stopped);
}

TEST_F(ManagedEngineTest, AStoppedEngineStartsAgainWhenItIsNeeded) {
  make();
  ASSERT_THAT(ensure_ready(10s), Succeeds());
  stop(5s);
  EXPECT_THAT(ensure_ready(10s), Succeeds());
  EXPECT_EQ(engine_->generation(), 2U);
}

TEST_F(ManagedEngineTest, AStopReleasesThoseWhoWait) {
  fake_.loading = 1h;
  make();
  rt::TaskGroup waiting(world_.loop(), 1);
  int ready = 0;
  waiting.spawn(note_when_ready(engine_, &world_.loop(), within(1h), &ready));
  world_.run_for(100ms);
  stop(5s);
  world_.run_for(10ms);
  EXPECT_EQ(waiting.size(), 0U);
  EXPECT_EQ(ready, 0);
}

TEST_F(ManagedEngineTest, OutOfServiceNoRequestWakesIt) {
  make();
  ASSERT_THAT(ensure_ready(10s), Succeeds());
  engine_->take_out_of_service();
  EXPECT_FALSE(engine_->is_ready());
  EXPECT_EQ(engine_->status().state, State::draining);
  EXPECT_TRUE(engine_->status().pid.has_value()) << "what runs there goes on";
  EXPECT_THAT(fake_.signals, testing::IsEmpty());
  stop(5s);
  EXPECT_EQ(engine_->status().state, State::stopped);
  EXPECT_EQ(engine_->status().reason, "stopped by an administrator");

  const Instant before = world_.now();
  EXPECT_THAT(ensure_ready(10s), FailsWith(Code::no_healthy_backend));
  EXPECT_EQ(world_.now(), before);
  engine_->start();
  world_.run_for(10s);
  EXPECT_EQ(fake_.starts, 1);

  engine_->put_in_service();
  EXPECT_TRUE(reaches(State::ready, 10s));
  EXPECT_EQ(fake_.starts, 2);
}

TEST_F(ManagedEngineTest, PutBackWhileItDrainsItKeepsItsProcess) {
  make();
  ASSERT_THAT(ensure_ready(10s), Succeeds());
  engine_->take_out_of_service();
  world_.run_for(1s);
  engine_->put_in_service();
  world_.run_for(1s);
  EXPECT_TRUE(engine_->is_ready());
  EXPECT_EQ(fake_.starts, 1);
}

TEST_F(ManagedEngineTest, OutOfServiceACrashIsNotFollowedByAStart) {
  make();
  ASSERT_THAT(ensure_ready(10s), Succeeds());
  engine_->take_out_of_service();
  fake_.running->crash(SIGSEGV);
  ASSERT_TRUE(reaches(State::stopped, 5s));
  world_.run_for(2min);
  EXPECT_EQ(fake_.starts, 1);
  engine_->put_in_service();
  EXPECT_TRUE(reaches(State::ready, 10s));
}

TEST_F(ManagedEngineTest, APutBackEndsTheBackOffAndForgetsWhatItWasFor) {
  fake_.exits_while_loading = 1;
  make();
  engine_->start();
  world_.run_until([this] { return fake_.starts == 5; }, 60s);
  ASSERT_TRUE(reaches(State::backing_off, 5s));
  fake_.exits_while_loading.reset();
  engine_->put_in_service();
  EXPECT_TRUE(reaches(State::ready, 1s)) << "the pause would have been 16 s";
  fake_.running->crash(SIGSEGV);
  ASSERT_TRUE(reaches(State::backing_off, 1s));
  const Instant before = world_.now();
  ASSERT_TRUE(reaches(State::ready, 10s));
  EXPECT_LT(world_.now() - before, 2s) << "the pauses begin anew";
}

TEST_F(ManagedEngineTest, TellsWhatItsProcessHasInMemory) {
  make();
  EXPECT_EQ(engine_->memory_bytes(), std::nullopt) << "no process yet";
  ASSERT_THAT(ensure_ready(10s), Succeeds());
  EXPECT_EQ(engine_->memory_bytes(), 51'234 * 1'024);
  stop(5s);
  EXPECT_EQ(engine_->memory_bytes(), std::nullopt);
}

TEST_F(ManagedEngineTest, SaysHowManyLinesItWithholds) {
  fake_.says = "first\n";
  make();
  ASSERT_THAT(ensure_ready(10s), Succeeds());
  EXPECT_EQ(engine_->withheld_log_lines(), 0U);
  rt::TaskGroup printing(world_.loop(), 1);
  printing.spawn(fake_.running->print("a prompt of somebody\nand more\n"));
  world_.run_for(100ms);
  EXPECT_EQ(engine_->withheld_log_lines(), 2U);
  for (const std::string& line : engine_->recent_log())
    EXPECT_THAT(line, testing::Not(HasSubstr("prompt of somebody")));
}

TEST_F(ManagedEngineTest, KeepsAndForwardsWhatTheEngineWrites) {
  fake_.says = "first\nsecond\n";
  make();
  ASSERT_THAT(ensure_ready(10s), Succeeds());
  EXPECT_THAT(engine_->recent_log(),
              ElementsAre("sandbox: off by configuration", "first", "second", HasSubstr("ready:")));
  EXPECT_EQ(heard_, engine_->recent_log());
}

TEST_F(ManagedEngineTest, OnlyCountsWhatAReadyEngineWrites) {
  fake_.says = "first\n";
  make();
  ASSERT_THAT(ensure_ready(10s), Succeeds());
  rt::TaskGroup printing(world_.loop(), 1);
  printing.spawn(fake_.running->print("bad pattern: what a client sent\nand more\n"));
  world_.run_for(100ms);
  stop(5s);
  EXPECT_THAT(heard_, ElementsAre("sandbox: off by configuration", "first", HasSubstr("ready:"),
                                  "2 more lines were not logged"));
  EXPECT_EQ(heard_, engine_->recent_log());
}

TEST_F(ManagedEngineTest, ARefusedSpecIsAConfigurationError) {
  spec_.slots = 0;
  EXPECT_THAT(ManagedEngine::make({.loop = world_.loop(),
                                   .network = network_,
                                   .resolver = resolver_,
                                   .processes = processes_,
                                   .random = world_.random()},
                                  spec_),
              FailsWith(Code::config_invalid));
}

}  // namespace
}  // namespace sovmesh::engine_process
