#include "rt/real_network.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "rt/real_listener.h"
#include "rt/real_socket.h"
#include "rt/real_test.h"
#include "rt/task_group.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::rt {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

using SocketPtr = std::unique_ptr<Socket>;

// Both ends of one new connection.
struct Connection {
  SocketPtr client;
  SocketPtr server;
};

Task<void> connect_into(Network& network, Endpoint to, Until until, Result<SocketPtr>& into) {
  into = co_await network.connect(std::move(to), until);
}

class RealNetworkTest : public RealLoopTest {
 protected:
  std::unique_ptr<Listener> listen(const Endpoint& endpoint, const ListenOptions& options = {}) {
    auto listener = network_.listen(endpoint, options);
    EXPECT_THAT(listener, Succeeds());
    return std::move(listener).value();
  }
  Connection connect(Listener& listener) {
    Result<SocketPtr> client = our_error(Code::internal_error, "not yet");
    Task<void> connecting = connect_into(network_, listener.local(), soon(), client);
    connecting.start();
    auto server = finish(listener.accept(soon()));
    EXPECT_TRUE(drive([&] { return connecting.done(); }));
    EXPECT_THAT(server, Succeeds());
    EXPECT_THAT(client, Succeeds());
    return {.client = std::move(client).value(), .server = std::move(server).value()};
  }
  Connection tcp() {
    const auto listener = listen(any_port("127.0.0.1"));
    return connect(*listener);
  }
  IoResult::Status read_status(Socket& socket) { return socket.try_read(loop_->scratch()).status; }
  void send(Socket& socket, std::string_view text) {
    EXPECT_THAT(finish(write_all(socket, text, soon())), Succeeds());
  }
  std::string receive(Socket& socket, std::size_t bytes) {
    std::string text(bytes, '\0');
    const auto got = finish(read_full(socket, text, soon()));
    EXPECT_THAT(got, Succeeds());
    text.resize(got.value_or(0));
    return text;
  }
};

Task<void> echo(SocketPtr socket, Until until) {
  for (;;) {
    std::string text(4096, '\0');
    const IoResult got = socket->try_read(text);
    if (got.status == IoResult::Status::would_block) {
      if (co_await socket->readable().wait(until) != Wake::ready) co_return;
      continue;
    }
    if (got.status != IoResult::Status::ok) co_return;
    const std::string_view received(text.data(), got.bytes);
    if (!co_await write_all(*socket, received, until)) co_return;
  }
}

class EchoTest : public RealNetworkTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(EchoTest, GivesBackWhatWasSent) {
  const TemporaryFolder folder;
  const std::string_view name = GetParam();
  const Endpoint endpoint = name == "unix" ? Endpoint(UnixEndpoint{folder.file("echo.sock")})
                                           : parse_endpoint(name).value();
  const auto listener = listen(endpoint);
  auto [client, server] = connect(*listener);
  Task<void> serving = echo(std::move(server), soon());
  serving.start();

  send(*client, "hello");
  EXPECT_EQ(receive(*client, 5), "hello");
  client->shutdown_write();
  EXPECT_TRUE(drive([&] { return serving.done(); }));
}
INSTANTIATE_TEST_SUITE_P(Families, EchoTest,
                         ::testing::Values("127.0.0.1:0", "[::1]:0", "*:0", "unix"));

TEST_F(RealNetworkTest, DualStackShowsIpv4PeersAsIpv4) {
  const auto listener = listen(parse_endpoint("*:0").value());
  const auto port = std::get<IpEndpoint>(listener->local()).port;
  EXPECT_NE(port, 0);
  Result<SocketPtr> client = our_error(Code::internal_error, "not yet");
  const IpEndpoint v4{.ip = IpAddress::v4({127, 0, 0, 1}), .port = port};
  Task<void> connecting = connect_into(network_, v4, soon(), client);
  connecting.start();
  const auto server = finish(listener->accept(soon()));
  ASSERT_THAT(server, Succeeds());
  ASSERT_TRUE(drive([&] { return connecting.done(); }));
  ASSERT_THAT(client, Succeeds());
  EXPECT_EQ((*server)->peer()->ip, v4.ip);
  EXPECT_EQ((*server)->local(), v4);
  EXPECT_EQ((*client)->peer(), v4);
  EXPECT_EQ((*client)->local(), (*server)->peer());
}

std::vector<int> stream_options(const Socket& socket) {
  const std::array<std::pair<int, int>, 6> options{{{IPPROTO_TCP, TCP_NODELAY},
                                                    {SOL_SOCKET, SO_KEEPALIVE},
                                                    {IPPROTO_TCP, TCP_KEEPIDLE},
                                                    {IPPROTO_TCP, TCP_KEEPINTVL},
                                                    {IPPROTO_TCP, TCP_KEEPCNT},
                                                    {IPPROTO_TCP, TCP_USER_TIMEOUT}}};
  std::vector<int> values;
  for (const auto& [level, option] : options) {
    int value = 0;
    socklen_t size = sizeof value;
    ::getsockopt(static_cast<const RealSocket&>(socket).fd(), level, option, &value, &size);
    values.push_back(value);
  }
  return values;
}

TEST_F(RealNetworkTest, BothSidesOfATcpConnectionHaveItsOptions) {
  auto [client, server] = tcp();
  const std::vector expected{1, 1, 15, 5, 3, 30'000};
  EXPECT_EQ(stream_options(*client), expected);
  EXPECT_EQ(stream_options(*server), expected);
}

TEST_F(RealNetworkTest, AConnectionCostsLittleMemory) {
  EXPECT_LE(sizeof(RealSocket), 200U + 3 * sizeof(Event));
}

TEST_F(RealNetworkTest, AfterHalfCloseTheOtherDirectionGoesOn) {
  auto [client, server] = tcp();
  send(*client, "question");
  client->shutdown_write();
  ASSERT_TRUE(drive([&, s = server.get()] { return s->hung_up().is_set(); }));
  EXPECT_EQ(receive(*server, 100), "question");  // and then the end
  EXPECT_EQ(read_status(*server), IoResult::Status::eof);
  send(*server, "answer");
  EXPECT_EQ(receive(*client, 6), "answer");
}

TEST_F(RealNetworkTest, FinAfterAShortReadIsStillSeen) {
  auto [client, server] = tcp();
  send(*client, "abc");
  ASSERT_TRUE(drive([&, s = server.get()] { return s->readable().is_set(); }));
  EXPECT_EQ(server->try_read(loop_->scratch()).bytes, 3U);
  EXPECT_FALSE(server->readable().is_set());  // without a second system call
  client.reset();
  ASSERT_TRUE(drive([&, s = server.get()] { return s->readable().is_set(); }));
  EXPECT_EQ(read_status(*server), IoResult::Status::eof);
}

TEST_F(RealNetworkTest, DataAndFinInOneEventAreBothRead) {
  auto [client, server] = tcp();
  send(*client, "abc");
  client.reset();
  ASSERT_TRUE(drive([&, s = server.get()] { return s->hung_up().is_set(); }));
  EXPECT_EQ(server->try_read(loop_->scratch()).bytes, 3U);
  EXPECT_TRUE(server->readable().is_set());
  EXPECT_EQ(read_status(*server), IoResult::Status::eof);
}

TEST_F(RealNetworkTest, HangUpIsSeenWithoutAReaderAndWithUnreadBytes) {
  auto [client, server] = tcp();
  send(*client, "never read");
  client.reset();
  EXPECT_TRUE(drive([&, s = server.get()] { return s->hung_up().is_set(); }));
  EXPECT_FALSE(server->is_idle_and_open());
}

TEST_F(RealNetworkTest, ResetOnCloseShowsAsAnErrorAndNotAsAnEnd) {
  auto [client, server] = tcp();
  server->reset_on_close();
  server.reset();
  ASSERT_TRUE(drive([&, c = client.get()] { return c->hung_up().is_set(); }));
  const IoResult got = client->try_read(loop_->scratch());
  EXPECT_EQ(got.status, IoResult::Status::error);
  EXPECT_EQ(got.error, ECONNRESET);
}

TEST_F(RealNetworkTest, WhoeverDoesNotReadIsSeenSoonerWithABoundBuffer) {
  auto [client, server] = tcp();
  server->bound_send_buffer(16 << 10);
  const std::string block(16 << 10, 'x');
  std::size_t taken = 0;
  constexpr std::size_t most = 16 << 20;
  // Nobody reads; what is on its way arrives within a loop's turn or two.
  const auto write_some = [&, s = server.get()] {
    iovec piece{.iov_base = const_cast<char*>(block.data()), .iov_len = block.size()};
    const IoResult written = s->try_write({&piece, 1});
    if (written.status == IoResult::Status::ok) taken += written.bytes;
    return written.status != IoResult::Status::ok || taken > most;
  };
  while (!write_some()) {
  }
  EXPECT_LT(taken, std::size_t{4} << 20);
}

TEST_F(RealNetworkTest, WritingToAClosedPeerIsAnErrorAndNoSignal) {
  auto [client, server] = tcp();
  server->reset_on_close();
  server.reset();
  ASSERT_TRUE(drive([&, c = client.get()] { return c->hung_up().is_set(); }));
  read_status(*client);  // takes the reset
  const auto written = finish(write_all(*client, "x", soon()));
  EXPECT_THAT(written, FailsWith(Code::closed));
}

Task<Result<void>> write_zeros(Socket& socket, std::size_t bytes, Until until, std::size_t& done) {
  const std::string block(65'536, '\0');
  while (done < bytes) {
    const iovec piece{const_cast<char*>(block.data()), std::min(block.size(), bytes - done)};
    const IoResult put = socket.try_write({&piece, 1});
    if (put.status == IoResult::Status::ok) {
      done += put.bytes;
    } else if (put.status == IoResult::Status::would_block) {
      CO_TRY_VOID(to_result(co_await socket.writable().wait(until), "write"));
    } else {
      co_return fail(io_error(put.error, "write"));
    }
  }
  co_return Result<void>();
}

class BackPressureTest : public RealNetworkTest, public ::testing::WithParamInterface<bool> {};

TEST_P(BackPressureTest, AWriterWaitsUntilTheReaderHasRead) {
  constexpr std::size_t bytes = std::size_t{32} << 20;
  const TemporaryFolder folder;
  const auto listener =
      GetParam() ? listen(UnixEndpoint{folder.file("s")}) : listen(any_port("127.0.0.1"));
  auto [client, server] = connect(*listener);
  std::size_t sent = 0;
  auto writing = write_zeros(*client, bytes, soon(), sent);
  writing.start();
  for (int i = 0; i < 20; ++i)
    loop_->turn(clock_->now());
  EXPECT_FALSE(writing.done());
  EXPECT_FALSE(client->writable().is_set());
  EXPECT_LT(sent, bytes);

  std::size_t received = 0;
  ASSERT_TRUE(drive([&, s = server.get()] {
    while (s->readable().is_set() && received < bytes)
      received += s->try_read(loop_->scratch()).bytes;
    return received == bytes;
  }));
  ASSERT_TRUE(drive([&] { return writing.done(); }));
  EXPECT_THAT(writing.result(), Succeeds());
}
INSTANTIATE_TEST_SUITE_P(Kinds, BackPressureTest, ::testing::Bool());

TEST_F(RealNetworkTest, ManyPiecesArriveAsOneText) {
  auto [client, server] = tcp();
  std::string text = "abcdefghijklmnop";
  std::vector<iovec> pieces;
  for (char& c : text)
    pieces.push_back({&c, 1});
  pieces.push_back({text.data(), 16});  // the 17th: left for the next attempt
  EXPECT_EQ(client->try_write(pieces).bytes, 16U);
  EXPECT_EQ(receive(*server, 16), text);
}

TEST_F(RealNetworkTest, PiecesOfAnySizeArriveAsOneText) {
  auto [client, server] = tcp();
  for (const std::size_t size : {1U, 340U, 341U, 342U, 1'500U}) {
    std::string text;
    for (const char c : {'a', 'b', 'c'})
      text.append(size, c);
    const iovec pieces[] = {{text.data(), size},
                            {nullptr, 0},
                            {text.data() + size, size},
                            {text.data() + 2 * size, size}};
    EXPECT_EQ(client->try_write(pieces).bytes, text.size());
    EXPECT_EQ(receive(*server, text.size()), text);
  }
}

TEST_F(RealNetworkTest, AnIdleConnectionWithUnexpectedBytesIsNotForReuse) {
  auto [client, server] = tcp();
  EXPECT_TRUE(client->is_idle_and_open());
  send(*server, "unasked");
  ASSERT_TRUE(drive([&, c = client.get()] { return c->readable().is_set(); }));
  EXPECT_FALSE(client->is_idle_and_open());
  EXPECT_EQ(receive(*client, 7), "unasked");
  EXPECT_TRUE(client->is_idle_and_open());
}

TEST_F(RealNetworkTest, ConnectionRefusedIsSaid) {
  IpEndpoint gone;
  {
    const auto listener = listen(any_port("127.0.0.1"));
    gone = std::get<IpEndpoint>(listener->local());
  }
  const auto refused = finish(network_.connect(gone, soon()));
  ASSERT_THAT(refused, FailsWith(Code::io_error));
  EXPECT_THAT(refused.error().message(), HasSubstr("refused"));
  EXPECT_EQ(refused.error().blame(), Blame::upstream);
}

TEST_F(RealNetworkTest, ConnectKeepsItsDeadline) {
  // A listener whose backlog is full leaves the next SYN without an answer.
  const auto listener = listen(any_port("127.0.0.1"), {.backlog = 0});
  std::vector<Task<Result<SocketPtr>>> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.push_back(network_.connect(listener->local(), {loop_->in(milliseconds(50)), nullptr}));
    waiting.back().start();
  }
  ASSERT_TRUE(drive([&] { return waiting.back().done(); }));
  EXPECT_THAT(waiting.back().result(), FailsWith(Code::timed_out));
}

TEST_F(RealNetworkTest, AcceptCanBeCancelled) {
  const auto listener = listen(any_port("127.0.0.1"));
  Event cancelled(*loop_);
  auto accepting = listener->accept({Deadline::never(), &cancelled});
  accepting.start();
  loop_->turn(clock_->now());
  EXPECT_FALSE(accepting.done());
  cancelled.set();
  ASSERT_TRUE(drive([&] { return accepting.done(); }));
  EXPECT_THAT(accepting.result(), FailsWith(Code::cancelled));
}

TEST_F(RealNetworkTest, APortInUseIsOurError) {
  const auto listener = listen(any_port("127.0.0.1"));
  const auto second = network_.listen(listener->local(), {});
  ASSERT_THAT(second, FailsWith(Code::io_error));
  EXPECT_THAT(second.error().message(), HasSubstr(to_text(listener->local())));
  EXPECT_EQ(second.error().blame(), Blame::us);
}

TEST_F(RealNetworkTest, WorkersShareAPortWhenAsked) {
  const auto first = listen(any_port("127.0.0.1"), {.reuse_port = true});
  const auto second = listen(first->local(), {.reuse_port = true});
  EXPECT_EQ(first->local(), second->local());
}

// More connections than one turn takes; none is forgotten behind the edge.
TEST_F(RealNetworkTest, AcceptsABurstOverSeveralTurns) {
  constexpr int count = RealNetwork::kAcceptsPerTurn * 2 + 5;
  const auto listener = listen(any_port("127.0.0.1"));
  std::vector<Task<Result<SocketPtr>>> clients;
  for (int i = 0; i < count; ++i) {
    clients.push_back(network_.connect(listener->local(), soon()));
    clients.back().start();
  }
  std::vector<SocketPtr> accepted;
  while (accepted.size() < count) {
    auto next = finish(listener->accept(soon()));
    ASSERT_THAT(next, Succeeds());
    accepted.push_back(std::move(*next));
  }
  EXPECT_TRUE(drive([&] {
    return std::ranges::all_of(clients, [](const auto& client) { return client.done(); });
  }));
}

class UnixListenerTest : public RealNetworkTest {
 protected:
  TemporaryFolder folder_;
  std::string path_ = folder_.file("listen.sock");
};

TEST_F(UnixListenerTest, HasItsModeAndShowsWhoConnects) {
  const auto listener = listen(UnixEndpoint{path_}, {.unix_mode = 0620});
  struct stat info{};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0620U);
  auto [client, server] = connect(*listener);
  ASSERT_TRUE(server->peer_credentials().has_value());
  EXPECT_EQ(server->peer_credentials()->pid, ::getpid());
  EXPECT_EQ(server->peer_credentials()->uid, ::getuid());
  EXPECT_FALSE(server->peer().has_value());
  EXPECT_FALSE(tcp().server->peer_credentials().has_value());
}

TEST_F(UnixListenerTest, RemovesItsFileAtTheEnd) {
  listen(UnixEndpoint{path_}).reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(UnixListenerTest, ReplacesAStaleFile) {
  {
    // A process that died leaves its file behind.
    const auto dead = listen(UnixEndpoint{path_});
    std::filesystem::rename(path_, path_ + ".kept");
  }
  std::filesystem::rename(path_ + ".kept", path_);
  EXPECT_THAT(network_.listen(UnixEndpoint{path_}, {}), Succeeds());
}

TEST_F(UnixListenerTest, LeavesAFileThatSomebodyAnswersOn) {
  const auto first = listen(UnixEndpoint{path_});
  EXPECT_THAT(network_.listen(UnixEndpoint{path_}, {}), FailsWith(Code::io_error));
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(UnixListenerTest, LeavesAFileThatIsNoSocket) {
  std::ofstream(path_) << "precious";
  EXPECT_THAT(network_.listen(UnixEndpoint{path_}, {}), FailsWith(Code::io_error));
  EXPECT_EQ(std::filesystem::file_size(path_), 8U);
}

// In a process of its own, because the limit concerns the whole process.
class FdExhaustionTest : public RealNetworkTest {
 protected:
  static constexpr int kFree = 40;  // descriptors left above the reserve
  static constexpr int kClients = 30;

  // The first accepted connections, then what happens at the limit.
  int scenario() {
    const Fd probe(::dup(STDERR_FILENO));
    const auto used = static_cast<rlim_t>(probe.get());
    const rlim_t limit = used + kFree + RealNetwork::kReservedFds;
    const rlimit limits{.rlim_cur = limit, .rlim_max = limit};
    if (::setrlimit(RLIMIT_NOFILE, &limits) != 0) return 10;
    const auto listener = listen(any_port("127.0.0.1"));
    std::vector<SocketPtr> clients;
    std::vector<SocketPtr> servers;
    for (int i = 0; i < kClients; ++i) {
      auto client = finish(network_.connect(listener->local(), soon()));
      if (!client) return 11;
      clients.push_back(std::move(*client));
    }
    auto accepting = listener->accept(soon());
    for (;;) {
      accepting.start();
      const Instant give_up = clock_->now() + milliseconds(30);
      while (!accepting.done() && clock_->now() < give_up)
        loop_->turn(give_up);
      if (!accepting.done()) break;
      auto server = accepting.result();
      if (!server) return 12;
      servers.push_back(std::move(*server));
      accepting = listener->accept(soon());
    }
    // Held back at the reserve, with descriptors left for others.
    if (servers.empty() || servers.size() >= kClients) return 13;
    std::vector<Fd> others;
    for (int i = 0; i < RealNetwork::kReservedFds / 2; ++i) {
      others.emplace_back(::dup(STDERR_FILENO));
      if (!others.back().valid()) return 14;
    }
    // It does not spin meanwhile ...
    const std::clock_t before = std::clock();
    const Instant until = clock_->now() + milliseconds(250);
    while (clock_->now() < until)
      loop_->turn(until);
    const double cpu = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    if (cpu > 0.1 || accepting.done()) return 15;
    // ... and nobody was dropped: the held one comes when descriptors are free again.
    others.clear();
    clients.resize(2);
    servers.clear();
    if (!drive([&] { return accepting.done(); })) return 16;
    return accepting.result() ? 0 : 17;
  }
};

TEST_F(FdExhaustionTest, PausesAtTheReserveAndGoesOnWhenDescriptorsAreFree) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(scenario());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

Task<void> abort_one(Network& network, Endpoint to, Until until) {
  auto client = co_await network.connect(std::move(to), until);
  if (!client) co_return;
  (*client)->reset_on_close();
}

Task<void> serve_one(SocketPtr socket, Until until) {
  std::array<char, 16> buffer{};
  [[maybe_unused]] const auto got = co_await read_full(*socket, buffer, until);
}

Task<void> serve_all(Listener& listener, TaskGroup& group, Until until) {
  for (;;) {
    auto socket = co_await listener.accept(until);
    if (!socket) co_return;
    group.spawn(serve_one(std::move(*socket), until));
  }
}

TEST_F(RealNetworkTest, TenThousandAbortedConnectionsLeaveNothing) {
  constexpr std::size_t total = 10'000;
  constexpr std::size_t at_once = 100;
  const auto listener = listen(any_port("127.0.0.1"));
  const std::size_t fds_before = open_fds();
  const std::size_t timers_before = loop_->timers().size();
  TaskGroup servers(*loop_, 10 * at_once);
  TaskGroup clients(*loop_, at_once);
  TaskGroup acceptor(*loop_, 1);
  const Until until{Deadline::never(), &acceptor.cancelled()};
  acceptor.spawn(serve_all(*listener, servers, until));
  std::size_t started = 0;
  ASSERT_TRUE(drive([&] {
    for (; started < total && !clients.full(); ++started)
      clients.spawn(abort_one(network_, listener->local(), soon()));
    return started == total && clients.size() == 0 && servers.size() == 0;
  }));
  acceptor.cancel();
  ASSERT_TRUE(drive([&] { return acceptor.size() == 0 && servers.size() == 0; }));
  EXPECT_EQ(open_fds(), fds_before);
  EXPECT_EQ(loop_->timers().size(), timers_before);
}

}  // namespace
}  // namespace sovmesh::rt
