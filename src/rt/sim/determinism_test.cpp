#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rt/sim/sim.h"
#include "rt/task_group.h"

namespace sovmesh::rt::sim {
namespace {

using namespace std::chrono_literals;

// An echo server and its clients on two workers, with timers, small buffers and broken connections.
class EchoWorld {
 public:
  explicit EchoWorld(std::uint64_t seed)
      : world(seed),
        server_loop(world.add_loop()),
        server_network(world, server_loop),
        client_network(world),
        serving(server_loop, 1'000),
        asking(world.loop(), 1'000) {
    world.wire().options.send_buffer = 3'000;
    world.wire().options.receive_buffer = 2'000;
    listener = *server_network.listen(endpoint, {});
    serving.spawn(accept_all(*this));
  }

  static Task<void> accept_all(EchoWorld& self) {
    const Until until{Deadline::never(), &self.serving.cancelled()};
    for (;;) {
      auto socket = co_await self.listener->accept(until);
      if (!socket) co_return;
      self.serving.spawn(echo(self, *std::move(socket)));
    }
  }
  static Task<void> echo(EchoWorld& self, std::unique_ptr<Socket> socket) {
    std::vector<char> buffer(700);
    for (;;) {
      const Until until{self.server_loop.in(5s), &self.serving.cancelled()};
      const auto got = co_await read_some(*socket, buffer, until);
      if (!got || *got == 0) co_return;
      const std::string_view bytes(buffer.data(), *got);
      const auto sent = co_await write_all(*socket, bytes, until);
      if (!sent) co_return;
    }
  }
  static Task<Result<std::size_t>> read_some(Socket& socket, std::span<char> into, Until until) {
    for (;;) {
      const IoResult got = socket.try_read(into);
      if (got.status == IoResult::Status::ok) co_return got.bytes;
      if (got.status == IoResult::Status::eof) co_return std::size_t{0};
      if (got.status == IoResult::Status::error) co_return fail(io_error(got.error, "read"));
      const Wake wake = co_await socket.readable().wait(until);
      CO_TRY_VOID(to_result(wake, "read"));
    }
  }
  static Task<void> ask(EchoWorld& self, int who) {
    Random& random = self.world.random();
    const auto pause = std::chrono::milliseconds(random.below(2'000));
    co_await sleep(self.world.loop(), Until{self.world.loop().in(pause), nullptr});
    const Until until{self.world.loop().in(10s), nullptr};
    auto socket = co_await self.client_network.connect(self.endpoint, until);
    if (!socket) co_return self.tell(who, socket.error().message());
    const std::string sent(1 + random.below(2'500), static_cast<char>('a' + who % 26));
    if (random.below(4) == 0) (*socket)->reset_on_close();
    const auto put = co_await write_all(**socket, sent, until);
    if (!put) co_return self.tell(who, put.error().message());
    if (random.below(4) == 0) co_return self.tell(who, "leaves without the answer");
    std::string received(sent.size(), '\0');
    const auto got = co_await read_full(**socket, received, until);
    if (!got) co_return self.tell(who, got.error().message());
    ++self.answered;
    EXPECT_EQ(received.substr(0, *got), sent.substr(0, *got));
    self.tell(who, fmt::format("got {} of {}", *got, sent.size()));
  }
  void tell(int who, std::string_view what) { world.note(fmt::format("client {} {}", who, what)); }

  // Now and then one connection is cut or stalled.
  void make_trouble() {
    const auto ids = world.wire().connections();
    if (!ids.empty()) {
      const auto id = ids[world.chaos().below(static_cast<std::uint32_t>(ids.size()))];
      if (world.chaos().below(2) == 0) {
        world.wire().reset(id);
      } else {
        world.wire().stall(id);
        world.after(world.random_delay(1ms, 40s), [this, id] { world.wire().resume(id); });
      }
    }
    if (++troubles < 20) world.after(world.random_delay(1ms, 200ms), [this] { make_trouble(); });
  }

  void run() {
    for (int who = 0; who < 40; ++who)
      asking.spawn(ask(*this, who));
    world.after(50ms, [this] { make_trouble(); });
    world.after(700ms, [this] { world.jump_wall(-1h); });
    EXPECT_TRUE(world.run_until_idle());
    EXPECT_EQ(asking.size(), 0U);
    EXPECT_EQ(serving.size(), 1U) << "only the accept loop is left";
    serving.cancel();
    EXPECT_TRUE(world.run_until_idle());
    EXPECT_EQ(world.wire().open_sockets(), 0U);
    EXPECT_EQ(world.armed_timers(), 0U);
    world.end();
  }

  SimWorld world;
  SimLoop& server_loop;
  SimNetwork server_network;
  SimNetwork client_network;
  const Endpoint endpoint = *parse_endpoint("127.0.0.1:7");
  std::unique_ptr<Listener> listener;
  TaskGroup serving;
  TaskGroup asking;
  int troubles = 0;
  int answered = 0;
};

std::string log_of(std::uint64_t seed, int& answered) {
  EchoWorld echo(seed);
  echo.run();
  answered += echo.answered;
  return echo.world.log();
}

TEST(SimDeterminism, TheSameSeedGivesTheSameLogToTheByte) {
  std::string last;
  std::string all;
  int answered = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const std::string log = log_of(seed, answered);
    ASSERT_EQ(log, log_of(seed, answered)) << "seed " << seed;
    EXPECT_NE(log, last) << "another seed is another story";
    EXPECT_GT(log.size(), 5'000U);
    last = log;
    all += log;
  }
  EXPECT_GT(answered, 2'000) << "the world is not all trouble";
  for (const std::string_view seen : {"is reset", "stalls", "gets FIN", "closes with RST", "jumps"})
    EXPECT_NE(all.find(seen), std::string::npos) << seen;
}

// A client that goes away at a random moment of connect, write, read or wait.
Task<void> abort_somewhere(EchoWorld& self, Event& cancel) {
  const Until until{self.world.loop().in(30s), &cancel};
  auto socket = co_await self.client_network.connect(self.endpoint, until);
  if (!socket) co_return;
  if (self.world.random().below(2) == 0) (*socket)->reset_on_close();
  const std::string bytes(2'200, 'x');
  if (!co_await write_all(**socket, bytes, until)) co_return;
  std::string back(bytes.size(), '\0');
  static_cast<void>(co_await read_full(**socket, back, until));
}

TEST(SimLeaks, TenThousandAbortedConnectionsLeaveNothing) {
  constexpr int kConnections = 10'000;
  constexpr int kAtOnce = 500;
  EchoWorld self(99);
  for (int done = 0; done < kConnections; done += kAtOnce) {
    Event cancel(self.world.loop());
    for (int i = 0; i < kAtOnce; ++i)
      self.asking.spawn(abort_somewhere(self, cancel));
    self.world.run_for(std::chrono::microseconds(self.world.random().below(4'000)));
    cancel.set();
    self.world.run_until_idle();
    ASSERT_EQ(self.asking.size(), 0U);
  }
  EXPECT_EQ(self.serving.size(), 1U);
  EXPECT_EQ(self.world.wire().open_sockets(), 0U);
  EXPECT_EQ(self.world.wire().connections().size(), 0U);
  EXPECT_EQ(self.world.armed_timers(), 0U);
  EXPECT_EQ(self.world.pending_events(), 0U);
  self.world.end();
}

}  // namespace
}  // namespace sovmesh::rt::sim
