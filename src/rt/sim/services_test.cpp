#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <vector>

#include "rt/sim/sim.h"

namespace sovmesh::rt::sim {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class SimServicesTest : public testing::Test {
 protected:
  Until within(std::chrono::milliseconds delay) { return {world_.loop().in(delay), nullptr}; }
  SimWorld world_{3};
};

TEST_F(SimServicesTest, ResolverAnswersFailsAndHangs) {
  SimResolver resolver(world_);
  const IpAddress ip = *IpAddress::parse("10.0.0.1");
  resolver.set("engine", {ip});
  EXPECT_THAT(*world_.run(resolver.resolve("engine", within(1s))), ElementsAre(ip));
  const Instant before = world_.now();
  EXPECT_THAT(*world_.run(resolver.resolve("10.0.0.1", within(1s))), ElementsAre(ip));
  EXPECT_EQ(world_.now(), before) << "a literal is answered at once";
  resolver.fail("engine");
  EXPECT_EQ(world_.run(resolver.resolve("engine", within(1s))).error().code(), Code::io_error);
  resolver.hang("engine");
  EXPECT_EQ(world_.run(resolver.resolve("engine", within(1s))).error().code(), Code::timed_out);
  Event cancel(world_.loop());
  world_.after(5ms, [&] { cancel.set(); });
  EXPECT_EQ(world_.run(resolver.resolve("engine", {world_.loop().in(1s), &cancel})).error().code(),
            Code::cancelled);
}

TEST_F(SimServicesTest, BlockingWorkTakesTimeAndComesBack) {
  SimBlockingPool pool(world_, 1, 10);
  pool.set_delay(7ms, 7ms);
  const Instant before = world_.now();
  const auto value = world_.run(run_blocking(pool, world_.loop(), [] { return Result<int>(5); }));
  EXPECT_EQ(value, 5);
  EXPECT_EQ(world_.now() - before, 7ms);
}

TEST_F(SimServicesTest, ABlockingThreadKeepsTheOrderAndTheQueueIsBounded) {
  SimBlockingPool pool(world_, 1, 3);
  std::vector<int> order;
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(pool.submit([&order, i] { order.push_back(i); }));
  EXPECT_FALSE(pool.submit([&order] { order.push_back(9); }));
  EXPECT_EQ(pool.waiting(), 3U);
  const auto full = world_.run(run_blocking(pool, world_.loop(), [] { return Result<int>(5); }));
  EXPECT_EQ(full.error().code(), Code::overloaded);
  world_.run_until_idle();
  EXPECT_THAT(order, ElementsAre(0, 1, 2));
}

// Answers each connection with its own arguments; ends on SIGTERM with code 3.
class EchoProgram final : public SimProgram {
 public:
  Task<int> main(SimProcess& process) override {
    stop_ = std::make_unique<Event>(process.loop());
    auto listener = process.network().listen(*parse_endpoint("127.0.0.1:8000"), {});
    if (!listener) co_return 1;
    co_await process.print("listening\n");
    for (;;) {
      auto socket = co_await (*listener)->accept({Deadline::never(), stop_.get()});
      if (!socket) co_return 3;
      process.tasks().spawn(serve(process, *std::move(socket)));
    }
  }
  bool on_signal(int number) override {
    if (number != SIGTERM || stop_ == nullptr) return false;
    stop_->set();
    return true;
  }

 private:
  static Task<void> serve(SimProcess& process, std::unique_ptr<Socket> socket) {
    const Until never{Deadline::never(), nullptr};
    static_cast<void>(co_await write_all(*socket, process.spec().arguments.at(0), never));
    co_await socket->hung_up().wait(never);
  }
  std::unique_ptr<Event> stop_;
};

class SimProcessTest : public SimServicesTest {
 protected:
  SimProcessTest() {
    spawner_.install("/bin/echo", [] { return std::make_unique<EchoProgram>(); });
    spec_.program = "/bin/echo";
    spec_.arguments = {"hello"};
  }
  std::string read(Socket& socket, std::size_t size) {
    std::string text(size, '\0');
    const auto got = world_.run(read_full(socket, text, within(10s)));
    text.resize(got.value_or(0));
    return text;
  }

  SimProcessSpawner spawner_{world_};
  SimNetwork network_{world_};
  ProcessSpec spec_;
  const Endpoint endpoint_ = *parse_endpoint("127.0.0.1:8000");
};

TEST_F(SimProcessTest, ServesWritesAndExitsBySignalHandler) {
  auto child = spawner_.spawn(spec_);
  ASSERT_TRUE(child);
  EXPECT_EQ(read((*child)->output(), 10), "listening\n");
  auto socket = world_.run(network_.connect(endpoint_, within(1s)));
  ASSERT_TRUE(socket);
  EXPECT_EQ(read(**socket, 5), "hello");
  EXPECT_FALSE((*child)->exited().is_set());

  (*child)->send_signal(SIGTERM);
  EXPECT_EQ(world_.run(read_full((*child)->output(), std::span<char>(), within(1s))), 0U);
  world_.run_until_idle();
  ASSERT_TRUE((*child)->exited().is_set());
  EXPECT_EQ((*child)->exit_status()->code, 3);
  EXPECT_TRUE((*socket)->hung_up().is_set()) << "the end of a process closes its sockets";
  EXPECT_FALSE(world_.run(network_.connect(endpoint_, within(1s))));
}

TEST_F(SimProcessTest, KillEndsItAtOnceAndItsOutputAfterTheLastBytes) {
  auto child = spawner_.spawn(spec_);
  world_.run_until_idle();
  (*child)->send_signal(SIGKILL);
  world_.run_until_idle();
  EXPECT_EQ((*child)->exit_status()->signal, SIGKILL);
  EXPECT_EQ(read((*child)->output(), 100), "listening\n");
}

TEST_F(SimProcessTest, DestroyingAChildKillsIt) {
  {
    auto child = spawner_.spawn(spec_);
    world_.run_until_idle();
    EXPECT_EQ(world_.wire().open_listeners(), 1U);
  }
  world_.run_until_idle();
  EXPECT_EQ(world_.wire().open_listeners(), 0U);
  EXPECT_EQ(world_.wire().open_sockets(), 0U);
}

TEST_F(SimProcessTest, AWorldMayEndBeforeAChildHasStarted) {
  auto child = spawner_.spawn(spec_);
  child->reset();
  EXPECT_GT(world_.pending_events(), 0U);
}

TEST_F(SimProcessTest, AnUnknownProgramIsAnError) {
  spec_.program = "/bin/none";
  EXPECT_EQ(spawner_.spawn(spec_).error().message(), "run /bin/none: no such file or directory");
}

}  // namespace
}  // namespace sovmesh::rt::sim
