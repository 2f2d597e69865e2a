#include "rt/sim/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rt/task_group.h"

namespace sovmesh::rt::sim {
namespace {

using namespace std::chrono_literals;
using Sockets = std::pair<std::unique_ptr<Socket>, std::unique_ptr<Socket>>;

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    text[i] = static_cast<char>('a' + i % 23);
  return text;
}

class SimNetworkTest : public testing::Test {
 protected:
  Until within(std::chrono::milliseconds delay) { return {world_.loop().in(delay), nullptr}; }
  static IoResult put(Socket& socket, std::string_view bytes) {
    const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    return socket.try_write({&piece, 1});
  }
  IoResult get(Socket& socket) { return socket.try_read(buffer_); }
  std::string text(const IoResult& got) const { return std::string(buffer_.data(), got.bytes); }

  static Task<Result<std::string>> read_to_end(Socket& socket, Until until) {
    std::string all;
    std::vector<char> chunk(1'000);
    for (;;) {
      CO_TRY(const std::size_t count, co_await read_full(socket, chunk, until));
      all.append(chunk.data(), count);
      if (count < chunk.size()) co_return all;
    }
  }
  static Task<Result<void>> send_and_end(Socket& socket, std::string bytes, Until until) {
    CO_TRY_VOID(co_await write_all(socket, bytes, until));
    socket.shutdown_write();
    co_return Result<void>();
  }
  static Task<void> ignore(Task<Result<void>> task) { co_await std::move(task); }

  SimWorld world_{1};
  SimNetwork network_{world_};
  std::vector<char> buffer_ = std::vector<char>(std::size_t{256} * 1024);
};

TEST_F(SimNetworkTest, BytesArriveWholeAndInOrderThroughSmallBuffers) {
  world_.wire().options.send_buffer = 1'000;
  world_.wire().options.receive_buffer = 700;
  const Sockets pair = sim_socket_pair(world_);
  const std::string sent = pattern(50'000);
  TaskGroup group(world_.loop(), 1);
  group.spawn(ignore(send_and_end(*pair.first, sent, within(60s))));
  const auto received = world_.run(read_to_end(*pair.second, within(60s)));
  ASSERT_TRUE(received);
  EXPECT_EQ(*received, sent);
  EXPECT_TRUE(pair.second->hung_up().is_set());
  world_.run_until_idle();
}

TEST_F(SimNetworkTest, AFullPathBlocksTheWriterUntilTheReaderReads) {
  world_.wire().options.split = false;
  world_.wire().options.send_buffer = 1'000;
  world_.wire().options.receive_buffer = 500;
  const Sockets pair = sim_socket_pair(world_);
  EXPECT_EQ(put(*pair.first, pattern(5'000)).bytes, 1'000U);
  EXPECT_FALSE(pair.first->writable().is_set()) << "a short write means full";
  EXPECT_EQ(put(*pair.first, "x").status, IoResult::Status::would_block);
  world_.run_until_idle();
  EXPECT_TRUE(pair.first->writable().is_set()) << "the other machine has taken 500";
  EXPECT_EQ(put(*pair.first, pattern(5'000)).bytes, 500U);
  world_.run_until_idle();
  EXPECT_FALSE(pair.first->writable().is_set());
  EXPECT_EQ(get(*pair.second).bytes, 500U);
  world_.run_until_idle();
  EXPECT_TRUE(pair.first->writable().is_set());
}

TEST_F(SimNetworkTest, ReadableIsClearedByDrainingAndSetByArrival) {
  world_.wire().options.split = false;
  const Sockets pair = sim_socket_pair(world_);
  EXPECT_FALSE(pair.second->readable().is_set());
  EXPECT_EQ(get(*pair.second).status, IoResult::Status::would_block);
  put(*pair.first, "hello");
  world_.run_until_idle();
  EXPECT_TRUE(pair.second->readable().is_set());
  EXPECT_EQ(text(get(*pair.second)), "hello");
  EXPECT_FALSE(pair.second->readable().is_set());
}

TEST_F(SimNetworkTest, HalfCloseLetsTheOtherDirectionGoOn) {
  const Sockets pair = sim_socket_pair(world_);
  pair.first->shutdown_write();
  world_.run_until_idle();
  EXPECT_TRUE(pair.second->hung_up().is_set());
  EXPECT_FALSE(pair.first->hung_up().is_set());
  EXPECT_EQ(get(*pair.second).status, IoResult::Status::eof);
  EXPECT_TRUE(pair.second->readable().is_set()) << "the end stays readable";
  put(*pair.second, "x");
  world_.run_until_idle();
  EXPECT_EQ(text(get(*pair.first)), "x");
  EXPECT_EQ(put(*pair.first, "y").error, EPIPE);
}

TEST_F(SimNetworkTest, TheEndIsSeenWithUnreadBytesWaitingAndNobodyReading) {
  world_.wire().options.split = false;
  Sockets pair = sim_socket_pair(world_);
  put(*pair.first, "last words");
  pair.first.reset();
  world_.run_until_idle();
  EXPECT_TRUE(pair.second->hung_up().is_set());
  EXPECT_FALSE(pair.second->is_idle_and_open());
  EXPECT_EQ(text(get(*pair.second)), "last words");
  EXPECT_TRUE(pair.second->readable().is_set());
  EXPECT_EQ(get(*pair.second).status, IoResult::Status::eof);
}

TEST_F(SimNetworkTest, FinWaitsBehindBytesThatHaveNoRoom) {
  world_.wire().options.split = false;
  world_.wire().options.receive_buffer = 10;
  Sockets pair = sim_socket_pair(world_);
  put(*pair.first, pattern(25));
  pair.first.reset();
  world_.run_until_idle();
  EXPECT_FALSE(pair.second->hung_up().is_set());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(get(*pair.second).bytes, 10U);
    world_.run_until_idle();
  }
  EXPECT_TRUE(pair.second->hung_up().is_set());
  EXPECT_EQ(get(*pair.second).bytes, 5U);
}

TEST_F(SimNetworkTest, ResetOnCloseIsAnErrorOnceAndThenAnEnd) {
  Sockets pair = sim_socket_pair(world_);
  pair.first->reset_on_close();
  pair.first.reset();
  EXPECT_FALSE(pair.second->hung_up().is_set()) << "it travels";
  world_.run_until_idle();
  EXPECT_TRUE(pair.second->hung_up().is_set());
  EXPECT_EQ(get(*pair.second).error, ECONNRESET);
  EXPECT_EQ(get(*pair.second).status, IoResult::Status::eof);
  EXPECT_EQ(put(*pair.second, "x").error, EPIPE);
}

TEST_F(SimNetworkTest, ClosingWithUnreadBytesResets) {
  Sockets pair = sim_socket_pair(world_);
  put(*pair.first, "never read");
  world_.run_until_idle();
  pair.second.reset();
  world_.run_until_idle();
  EXPECT_EQ(get(*pair.first).error, ECONNRESET);
}

TEST_F(SimNetworkTest, WritingToAClosedEndResets) {
  Sockets pair = sim_socket_pair(world_);
  pair.second.reset();
  world_.run_until_idle();
  EXPECT_TRUE(pair.first->hung_up().is_set());
  EXPECT_EQ(put(*pair.first, "x").status, IoResult::Status::ok) << "the first write cannot know";
  world_.run_until_idle();
  EXPECT_EQ(put(*pair.first, "x").error, EPIPE);
}

TEST_F(SimNetworkTest, AStalledPathIsSilentThenBreaks) {
  const Sockets pair = sim_socket_pair(world_);
  world_.wire().stall(Wire::id_of(*pair.first));
  put(*pair.first, "lost");
  world_.run_for(29s);
  EXPECT_FALSE(pair.second->readable().is_set());
  EXPECT_FALSE(pair.first->hung_up().is_set());
  world_.run_for(2s);
  EXPECT_EQ(get(*pair.first).error, ETIMEDOUT);
  EXPECT_EQ(get(*pair.second).error, ETIMEDOUT);
}

TEST_F(SimNetworkTest, AResumedPathLosesNothing) {
  world_.wire().options.split = false;
  Sockets pair = sim_socket_pair(world_);
  world_.wire().stall(Wire::id_of(*pair.first));
  put(*pair.first, "late");
  pair.first.reset();
  world_.run_for(20s);
  world_.wire().resume(Wire::id_of(*pair.second));
  world_.run_until_idle();
  EXPECT_EQ(text(get(*pair.second)), "late");
  EXPECT_EQ(get(*pair.second).status, IoResult::Status::eof);
}

TEST_F(SimNetworkTest, AResetBehindAStallArrivesAfterIt) {
  Sockets pair = sim_socket_pair(world_);
  const ConnectionId id = Wire::id_of(*pair.first);
  world_.wire().stall(id);
  pair.first->reset_on_close();
  pair.first.reset();
  world_.run_for(5s);
  EXPECT_FALSE(pair.second->hung_up().is_set());
  world_.wire().resume(id);
  world_.run_until_idle();
  EXPECT_EQ(get(*pair.second).error, ECONNRESET);
}

TEST_F(SimNetworkTest, ConnectsToAListenerAndKnowsBothEnds) {
  auto listener = network_.listen(*parse_endpoint("*:0"), {});
  ASSERT_TRUE(listener);
  const auto port = std::get<IpEndpoint>((*listener)->local()).port;
  EXPECT_NE(port, 0);
  const IpEndpoint target{*IpAddress::parse("10.1.2.3"), port};
  network_.set_source(*IpAddress::parse("10.9.9.9"));
  auto client = world_.run(network_.connect(target, within(1s)));
  ASSERT_TRUE(client);
  auto server = world_.run((*listener)->accept(within(1s)));
  ASSERT_TRUE(server);
  EXPECT_EQ((*client)->peer(), target);
  EXPECT_EQ((*server)->peer(), (*client)->local());
  EXPECT_EQ((*server)->peer()->ip.text(), "10.9.9.9");
  EXPECT_EQ((*server)->local(), target);
  EXPECT_EQ((*server)->peer_credentials(), std::nullopt);
  EXPECT_EQ(world_.wire().connections(target).size(), 1U);
}

TEST_F(SimNetworkTest, UnixSocketsCarryCredentials) {
  const Endpoint path = *parse_endpoint("unix:/run/a.sock");
  auto listener = network_.listen(path, {});
  auto client = world_.run(network_.connect(path, within(1s)));
  ASSERT_TRUE(client);
  auto server = world_.run((*listener)->accept(within(1s)));
  EXPECT_EQ((*server)->peer_credentials()->uid, 1000U);
  EXPECT_EQ((*server)->peer(), std::nullopt);
}

TEST_F(SimNetworkTest, ConnectMeetsRefusalSilenceAndHangs) {
  const Endpoint nobody = *parse_endpoint("127.0.0.1:1");
  EXPECT_EQ(world_.run(network_.connect(nobody, within(1s))).error().message(),
            "connect: connection refused");
  world_.wire().set_reach(nobody, Reach::drop);
  EXPECT_EQ(world_.run(network_.connect(nobody, within(1s))).error().code(), Code::timed_out);
  world_.wire().set_reach(nobody, Reach::accept_and_hang);
  auto hanging = world_.run(network_.connect(nobody, within(1s)));
  ASSERT_TRUE(hanging);
  put(**hanging, "anybody there?");
  world_.run_for(5s);
  EXPECT_FALSE((*hanging)->readable().is_set());
}

TEST_F(SimNetworkTest, AnAddressIsTakenOnceUnlessThePortIsShared) {
  const Endpoint here = *parse_endpoint("127.0.0.1:80");
  auto first = network_.listen(here, {});
  EXPECT_FALSE(network_.listen(here, {}));
  first->reset();
  auto shared = network_.listen(here, {.reuse_port = true});
  EXPECT_TRUE(network_.listen(here, {.reuse_port = true}));
  EXPECT_FALSE(network_.listen(here, {}));
}

TEST_F(SimNetworkTest, AFullBacklogLeavesConnectsHanging) {
  const Endpoint here = *parse_endpoint("127.0.0.1:80");
  auto listener = network_.listen(here, {.backlog = 1});
  auto first = world_.run(network_.connect(here, within(1s)));
  EXPECT_TRUE(first);
  EXPECT_EQ(world_.run(network_.connect(here, within(1s))).error().code(), Code::timed_out);
  listener->reset();
  world_.run_until_idle();
  EXPECT_EQ(get(**first).error, ECONNRESET) << "nobody will accept it";
}

TEST_F(SimNetworkTest, AnAbandonedConnectLeavesNothing) {
  const Endpoint here = *parse_endpoint("127.0.0.1:80");
  auto listener = network_.listen(here, {});
  {
    auto task = network_.connect(here, within(1s));
    task.start();
    world_.run_until([&] { return world_.wire().open_sockets() == 2; }, 1s);
  }
  world_.run_until_idle();
  auto server = world_.run((*listener)->accept(within(1s)));
  ASSERT_TRUE(server);
  EXPECT_TRUE((*server)->hung_up().is_set());
  server->reset();
  EXPECT_EQ(world_.wire().open_sockets(), 0U);
  EXPECT_EQ(world_.wire().connections().size(), 0U);
}

}  // namespace
}  // namespace sovmesh::rt::sim
