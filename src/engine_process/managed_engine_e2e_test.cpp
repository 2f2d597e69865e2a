// The real engine in the real sandbox. Needs scripts/setup (the engine's virtual environment, or
// SM_ENGINE_VENV) and a model (models/tiny, or SM_TEST_MODEL).
#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <thread>

#include "engine/health.h"
#include "engine_process/managed_engine.h"
#include "rt/real.h"
#include "rt/task_group.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::engine_process {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
namespace fs = std::filesystem;

fs::path from_environment(const char* name, const fs::path& otherwise) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): no other thread
  return value != nullptr ? fs::path(value) : otherwise;
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The value of a line "Name:\tvalue" of /proc/PID/status.
std::string status_value(int pid, const std::string& name) {
  std::istringstream status(read_file("/proc/" + std::to_string(pid) + "/status"));
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
  return {};
}

// Tries what an engine must not do; prints one line for each. As an engine it is started with
// flags, which it does not read.
constexpr std::string_view kAttempts = R"(
import os, socket, time
def attempt(name, call):
    try:
        call()
        print(name, "worked")
    except OSError as e:
        print(name, "failed")
attempt("tcp", lambda: socket.socket(socket.AF_INET))
attempt("tcp6", lambda: socket.socket(socket.AF_INET6))
attempt("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
attempt("connect", lambda: socket.socket(socket.AF_UNIX).connect("/run/systemd/notify"))
attempt("passwd", lambda: open("/etc/passwd"))
attempt("secret", lambda: open(SECRET))
attempt("list", lambda: os.listdir(os.path.dirname(SECRET)))
attempt("write", lambda: open("here", "w"))
attempt("write_tmp", lambda: open("/tmp/sm-engine-was-here", "w"))
attempt("fork", lambda: os.fork())
attempt("kill", lambda: os.kill(os.getppid(), 0))
attempt("model", lambda: open(MODEL))
os.environ.pop("LC_CTYPE", None)  # the interpreter sets it itself
print("environment", len(os.environ))
print("end")
time.sleep(100)
)";

class RealEngineTest : public testing::Test {
 public:
  void SetUp() override {
    const fs::path source = SM_SOURCE_DIR;
    python_ = from_environment("SM_ENGINE_VENV", source / "build/deps/engine-venv") / "bin/python3";
    model_ = from_environment("SM_TEST_MODEL", source / "models/tiny/sovmesh-tiny.gguf");
    for (const fs::path& needed : {python_, model_})
      if (!fs::exists(needed)) GTEST_SKIP() << needed << " is missing (scripts/setup makes it)";

    std::string pattern = (fs::temp_directory_path() / "sm-real-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());  // 0700, as a data folder
    std::ofstream(folder_ / "secret") << "secret";
    clock_ = rt::make_system_clock();
    random_ = rt::make_system_random();
    auto worker = rt::make_worker(*clock_, *random_);
    ASSERT_THAT(worker, Succeeds());
    worker_.emplace(*std::move(worker));
    spec_.name = "tiny";
    spec_.program = python_;
    spec_.program_arguments = {"-I", "-B", source / "tools/llama_launcher.py", "-lv", "1"};
    spec_.model_file = model_;
    spec_.run_dir = folder_ / "run";
    spec_.slots = 2;
    spec_.context_tokens = 512;
  }
  void TearDown() override {
    engine_.reset();
    worker_.reset();
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  void make() {
    auto made = ManagedEngine::make({.loop = *worker_->loop,
                                     .network = *worker_->network,
                                     .resolver = *worker_->resolver,
                                     .processes = *worker_->processes,
                                     .random = *random_},
                                    spec_);
    ASSERT_THAT(made, Succeeds());
    engine_ = *made;
  }

  // Runs the loop until `story` has ended, and stops the engine after it.
  using Story = rt::Task<void> (*)(RealEngineTest*);
  static rt::Task<void> tell(RealEngineTest* test, Story story) {
    co_await story(test);
    co_await test->engine_->stop(test->worker_->loop->in(5s));
    test->worker_->loop->stop();
  }
  void run(Story story) {
    rt::TaskGroup tasks(*worker_->loop, 1);
    tasks.spawn(tell(this, story));
    rt::run(*worker_);
  }
  rt::Until within(std::chrono::milliseconds time) { return {worker_->loop->in(time), nullptr}; }
  bool in_force(std::string_view measure) {
    const SandboxReport report = engine_->sandbox();
    const Measure* found = report.find(measure);
    return found != nullptr && found->in_force;
  }

  fs::path python_;
  fs::path model_;
  fs::path folder_;
  std::unique_ptr<Clock> clock_;
  std::unique_ptr<Random> random_;
  std::optional<rt::RealWorker> worker_;
  engine::ManagedSpec spec_;
  std::shared_ptr<ManagedEngine> engine_;
};

rt::Task<Result<http::ClientResponse>> ask(http::ClientPool& pool, const http::Origin& origin,
                                           std::string_view target, std::string_view body,
                                           rt::Until until) {
  http::ClientRequest request;
  request.method = "POST";
  request.target = target;
  request.fields.push_back({"content-type", "application/json"});
  request.body = body;
  co_return co_await http::fetch(pool, origin, std::move(request), 1 << 20, until);
}

TEST_F(RealEngineTest, AnswersFromInsideItsWalls) {
  make();
  run([](RealEngineTest* test) -> rt::Task<void> {
    const auto ready =
        co_await test->engine_->ensure_ready(*test->worker_->loop, test->within(60s));
    EXPECT_THAT(ready, Succeeds()) << test->engine_->status().reason;
    if (!ready) co_return;
    http::ClientPool pool(*test->worker_->loop, *test->worker_->network, *test->worker_->resolver,
                          {});
    const std::string body =
        R"({"messages":[{"role":"user","content":"Hello"}],"max_tokens":4,"temperature":0,)"
        R"("response_format":{"type":"json_schema","json_schema":{"name":"a","schema":)"
        R"({"type":"object","properties":{"a":{"type":"string"}}}}}})";
    const auto answer = co_await ask(pool, test->engine_->origin(), "/v1/chat/completions", body,
                                     test->within(30s));
    EXPECT_THAT(answer, Succeeds());
    if (answer) EXPECT_THAT(answer->body, HasSubstr("\"usage\""));
    const auto counters =
        co_await engine::read_counters(pool, test->engine_->origin(), test->engine_->dialect(),
                                       "/v1", test->engine_->api_key(), test->within(5s));
    EXPECT_THAT(counters, Succeeds());
    if (counters) EXPECT_GT(counters->prompt_tokens, 0);

    const int pid = test->engine_->status().pid.value_or(0);
    const std::string proc = "/proc/" + std::to_string(pid);
    EXPECT_EQ(status_value(pid, "NoNewPrivs"), "1");
    EXPECT_EQ(status_value(pid, "CapEff"), "0000000000000000");
    if (test->in_force("calls")) EXPECT_EQ(status_value(pid, "Seccomp"), "2");
    if (test->in_force("network"))
      EXPECT_NE(fs::read_symlink(proc + "/ns/net"), fs::read_symlink("/proc/self/ns/net"));
    EXPECT_EQ(read_file(proc + "/environ"), "");
  });
}

TEST_F(RealEngineTest, EmbedsInputsUpToItsContext) {
  spec_.context_tokens = 1'024;
  make();
  run([](RealEngineTest* test) -> rt::Task<void> {
    EXPECT_THAT(co_await test->engine_->ensure_ready(*test->worker_->loop, test->within(60s)),
                Succeeds());
    http::ClientPool pool(*test->worker_->loop, *test->worker_->network, *test->worker_->resolver,
                          {});
    std::string body = R"({"input":")";
    for (int i = 0; i < 400; ++i)
      body += "the day ";
    body += "\"}";
    const auto answer =
        co_await ask(pool, test->engine_->origin(), "/v1/embeddings", body, test->within(30s));
    EXPECT_THAT(answer, Succeeds());
    if (answer) EXPECT_EQ(answer->status, 200) << answer->body;
  });
}

rt::Task<void> wait_elsewhere(std::shared_ptr<ManagedEngine> engine, rt::Loop* loop, bool* ready) {
  const rt::Until until{loop->in(60s), nullptr};
  *ready = (co_await engine->ensure_ready(*loop, until)).has_value();
  engine->suspect();
  loop->stop();
}

TEST_F(RealEngineTest, RequestsOfOtherThreadsShareOneStart) {
  make();
  std::array<bool, 3> ready{};
  std::vector<std::thread> threads;
  for (bool& mine : ready)
    threads.emplace_back([this, &mine] {
      auto worker = rt::make_worker(*clock_, *random_);
      rt::TaskGroup tasks(*worker->loop, 1);
      tasks.spawn(wait_elsewhere(engine_, worker->loop.get(), &mine));
      rt::run(*worker);
    });
  run([](RealEngineTest* test) -> rt::Task<void> {
    EXPECT_THAT(co_await test->engine_->ensure_ready(*test->worker_->loop, test->within(60s)),
                Succeeds());
    co_await rt::sleep(*test->worker_->loop, test->within(300ms));  // suspicions arrive
    EXPECT_EQ(test->engine_->generation(), 1U);
    EXPECT_EQ(test->engine_->status().state, engine::State::ready);
  });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_THAT(ready, testing::Each(true));
}

TEST_F(RealEngineTest, StopsAtOnceAndLeavesNoProcess) {
  make();
  static int pid = 0;
  run([](RealEngineTest* test) -> rt::Task<void> {
    EXPECT_THAT(co_await test->engine_->ensure_ready(*test->worker_->loop, test->within(60s)),
                Succeeds());
    pid = test->engine_->status().pid.value_or(0);
    const Instant before = test->clock_->now();
    co_await test->engine_->stop(test->worker_->loop->in(5s));
    EXPECT_LT(test->clock_->now() - before, 2s);
  });
  EXPECT_EQ(kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST_F(RealEngineTest, AFileThatIsNoModelIsExplained) {
  spec_.model_file = folder_ / "broken.gguf";
  std::ofstream(spec_.model_file) << "GGUF and then nonsense";
  make();
  run([](RealEngineTest* test) -> rt::Task<void> {
    test->engine_->start();
    for (int i = 0; i < 200 && test->engine_->status().state != engine::State::backing_off; ++i)
      co_await rt::sleep(*test->worker_->loop, test->within(50ms));
    EXPECT_THAT(test->engine_->status().reason, HasSubstr("exited with code 1"));
  });
}

TEST_F(RealEngineTest, HasNoNetworkReadsNoSecretsAndWritesNothing) {
  std::string script =
      "SECRET=\"" + (folder_ / "secret").string() + "\"\nMODEL=\"" + model_.string() + "\"";
  script += kAttempts;
  spec_.program_arguments = {"-I", "-B", "-u", "-c", script};
  make();
  run([](RealEngineTest* test) -> rt::Task<void> {
    test->engine_->start();
    const auto log_has_end = [test] {
      for (const std::string& line : test->engine_->recent_log())
        if (line == "end") return true;
      return false;
    };
    for (int i = 0; i < 200 && !log_has_end(); ++i)
      co_await rt::sleep(*test->worker_->loop, test->within(50ms));
    const std::vector<std::string> log = test->engine_->recent_log();
    EXPECT_THAT(log, Contains("model worked"));
    EXPECT_THAT(log, Contains("environment 0"));
    if (test->in_force("calls"))
      for (const char* attempt : {"tcp", "tcp6", "udp", "connect", "fork", "kill"})
        EXPECT_THAT(log, Contains(std::string(attempt) + " failed"));
    if (test->in_force("files"))
      for (const char* attempt : {"passwd", "secret", "list", "write", "write_tmp"})
        EXPECT_THAT(log, Contains(std::string(attempt) + " failed"));
    EXPECT_THAT(log, Contains("end"));
  });
}

}  // namespace
}  // namespace sovmesh::engine_process
