#include "engine/load_reader.h"

#include <gmock/gmock.h>

#include <optional>

#include "http/server.h"
#include "rt/sim/sim.h"
#include "rt/task_group.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::engine {
namespace {

using namespace std::chrono_literals;

// A vLLM with so many requests.
class LoadPage final : public http::Handler {
 public:
  rt::Task<void> handle(http::Exchange& exchange) override {
    ++asked;
    http::ResponseHead head;
    head.status = status;
    co_await exchange.respond(head, "vllm:num_requests_running " + std::to_string(running) +
                                        "\nvllm:num_requests_waiting 2\n"
                                        "vllm:kv_cache_usage_perc 0.25\n");
  }
  int status = 200;
  int running = 0;
  int asked = 0;
};

class LoadReaderTest : public testing::Test {
 protected:
  LoadReaderTest() {
    origin_.host = "127.0.0.1";
    origin_.port = 8000;
    auto listener = network_.listen(*rt::parse_endpoint("127.0.0.1:8000"), {});
    server_.emplace(world_.loop(), std::move(listener).value(), page_, http::ServerOptions{});
    tasks_.spawn(serve(&*server_));
    reading_.spawn(reader_.run(reading_.cancelled()));
  }
  ~LoadReaderTest() override {
    reading_.cancel();
    tasks_.cancel();
    server_->stop_accepting();
    pool_.close_idle();
    world_.run_until_idle(5min);
    world_.end();
  }
  static rt::Task<void> serve(http::Server* server) { co_await server->run(); }
  bool says(int running) {
    const auto is_said = [&] { return board_.reading() && board_.reading()->running == running; };
    return world_.run_until(is_said, 2s);
  }
  void pass(std::chrono::milliseconds time) {
    world_.run_until([] { return false; }, time);
  }

  rt::sim::SimWorld world_{11};
  rt::sim::SimNetwork network_{world_};
  rt::sim::SimResolver resolver_{world_};
  LoadPage page_;
  http::Origin origin_;
  Secret key_;
  LoadBoard board_;
  std::optional<http::Server> server_;
  rt::TaskGroup tasks_{world_.loop(), 4};
  rt::TaskGroup reading_{world_.loop(), 1};
  http::ClientPool pool_{world_.loop(), network_, resolver_, {}};
  LoadReader reader_{
      world_.loop(), world_.random(), pool_, origin_, key_, {.dialect = llmapi::Dialect::vllm},
      board_};
};

TEST_F(LoadReaderTest, SaysWhatThePageSaysAndWhenItWasAsked) {
  page_.running = 3;
  ASSERT_TRUE(says(3));
  const LoadReading said = *board_.reading();
  EXPECT_EQ(said.waiting, 2);
  EXPECT_EQ(said.kv_used, 0.25);
  EXPECT_EQ(said.kv_tokens, std::nullopt);
  EXPECT_LE(said.at, world_.loop().now());
  const std::uint64_t version = board_.version();
  page_.running = 4;
  ASSERT_TRUE(says(4));
  EXPECT_GT(board_.version(), version);
  EXPECT_GT(board_.reading()->at, said.at);
}

TEST_F(LoadReaderTest, AsksABusyEngineMoreOften) {
  page_.running = 3;
  ASSERT_TRUE(says(3));
  const int before = page_.asked;
  pass(10s);
  EXPECT_GE(page_.asked - before, 34);
  EXPECT_LE(page_.asked - before, 46);
}

TEST_F(LoadReaderTest, TakesBackWhatIsOldAndAsksABrokenPageSeldom) {
  page_.running = 3;
  ASSERT_TRUE(says(3));
  page_.status = 500;
  pass(3s);
  EXPECT_TRUE(board_.reading()) << "one page that is missing says nothing";
  pass(3s);
  EXPECT_FALSE(board_.reading());
  const int before = page_.asked;
  pass(5min);
  EXPECT_LE(page_.asked - before, 20);
  page_.status = 200;
  pass(40s);
  EXPECT_TRUE(board_.reading());
}

TEST_F(LoadReaderTest, NothingIsLeftOfItWhenItEnds) {
  ASSERT_TRUE(says(0));
  reading_.cancel();
  pass(1s);
  EXPECT_FALSE(board_.reading());
}

}  // namespace
}  // namespace sovmesh::engine
