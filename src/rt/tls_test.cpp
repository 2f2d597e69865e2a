#include "rt/tls.h"

#include <cerrno>
#include <string>
#include <tuple>
#include <vector>

#include "rt/real_test.h"
#include "rt/sim/sim.h"
#include "rt/task_group.h"
#include "rt/tls_socket.h"
#include "rt/tls_test_certificates.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::rt {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using ::testing::HasSubstr;
using SocketPtr = std::unique_ptr<Socket>;
using ServerContext = std::shared_ptr<const TlsServerContext>;
using ClientContext = std::shared_ptr<const TlsClientContext>;

Task<void> accept_into(SocketPtr transport, ServerContext context, Until until,
                       Result<SocketPtr>& into) {
  into = co_await tls_accept(std::move(transport), std::move(context), until);
}

// Both ends of what a handshake gave.
struct Ends {
  Result<SocketPtr> client = our_error(Code::internal_error, "not yet");
  Result<SocketPtr> server = our_error(Code::internal_error, "not yet");
};

// In the simulated machine: pieces of any size, delays, small buffers, no real time.
class TlsTest : public ::testing::Test {
 protected:
  explicit TlsTest(std::uint64_t seed = 1) : world_(seed) {}

  ServerContext server_context(const TestIdentity& identity, std::vector<std::string> alpn = {}) {
    auto context =
        TlsServerContext::make(identity.certificate_pem, identity.key_pem, std::move(alpn));
    EXPECT_THAT(context, Succeeds());
    return std::move(context).value();
  }
  ClientContext client_context(const std::string& ca_pem, std::vector<std::string> alpn = {}) {
    auto context = TlsClientContext::make(ca_pem, std::move(alpn));
    EXPECT_THAT(context, Succeeds());
    return std::move(context).value();
  }
  Until soon() { return {world_.loop().in(seconds(20)), nullptr}; }

  Ends shake_hands(ServerContext server, ClientContext client,
                   const std::string& name = "engine.example") {
    auto [near, far] = sim_socket_pair(world_);
    near_id_ = sim::Wire::id_of(*near);
    Ends ends;
    Task<void> accepting = accept_into(std::move(far), std::move(server), soon(), ends.server);
    accepting.start();
    ends.client = world_.run(tls_connect(std::move(near), std::move(client), name, soon()));
    if (!accepting.done())
      EXPECT_TRUE(world_.run_until([&] { return accepting.done(); }, seconds(60)));
    return ends;
  }
  Ends usual() {
    auto ends = shake_hands(server_context(ca_.issue("engine.example")), client_context(ca_.pem()));
    EXPECT_THAT(ends.client, Succeeds());
    EXPECT_THAT(ends.server, Succeeds());
    return ends;
  }
  void send(Socket& socket, std::string_view text) {
    EXPECT_THAT(world_.run(write_all(socket, text, soon())), Succeeds());
  }
  std::string receive(Socket& socket, std::size_t bytes) {
    std::string text(bytes, '\0');
    const auto got = world_.run(read_full(socket, text, soon()));
    EXPECT_THAT(got, Succeeds());
    text.resize(got.value_or(0));
    return text;
  }
  IoResult after_waiting(Socket& socket) {
    EXPECT_TRUE(world_.run_until([&] { return socket.readable().is_set(); }, seconds(60)));
    IoResult got = socket.try_read(world_.loop().scratch());
    while (got.status == IoResult::Status::would_block) {
      EXPECT_TRUE(world_.run_until([&] { return socket.readable().is_set(); }, seconds(60)));
      got = socket.try_read(world_.loop().scratch());
    }
    return got;
  }

  sim::SimWorld world_;
  WallTime now_ = world_.clock().wall_now();
  TestCa ca_{now_};
  sim::ConnectionId near_id_ = 0;
};

TEST_F(TlsTest, CarriesBytesBothWays) {
  auto ends = usual();
  EXPECT_TRUE((*ends.client)->is_tls());
  send(**ends.client, "question");
  EXPECT_EQ(receive(**ends.server, 8), "question");
  send(**ends.server, "answer");
  EXPECT_EQ(receive(**ends.client, 6), "answer");
}

TEST_F(TlsTest, BytesThatCameWithTheEndOfTheHandshakeAreReadable) {
  world_.wire().options.split = false;
  auto [near, far] = sim_socket_pair(world_);
  const sim::ConnectionId wire = sim::Wire::id_of(*near);
  Result<SocketPtr> server = our_error(Code::internal_error, "not yet");
  Task<void> accepting =
      accept_into(std::move(far), server_context(ca_.issue("engine.example")), soon(), server);
  accepting.start();
  auto client =
      world_.run(tls_connect(std::move(near), client_context(ca_.pem()), "engine.example", soon()));
  ASSERT_THAT(client, Succeeds());
  ASSERT_FALSE(accepting.done());
  world_.wire().stall(wire);
  send(**client, "early");
  world_.run_for(seconds(1));
  world_.wire().resume(wire);
  ASSERT_TRUE(world_.run_until([&] { return accepting.done(); }, seconds(60)));
  ASSERT_THAT(server, Succeeds());
  world_.run_for(seconds(1));
  EXPECT_TRUE((*server)->readable().is_set());
  EXPECT_EQ(receive(**server, 5), "early");
}

TEST_F(TlsTest, TheServersOrderDecidesTheProtocol) {
  const auto ends = shake_hands(server_context(ca_.issue("engine.example"), {"h2", "http/1.1"}),
                                client_context(ca_.pem(), {"http/1.1", "h2"}));
  ASSERT_THAT(ends.client, Succeeds());
  ASSERT_THAT(ends.server, Succeeds());
  EXPECT_EQ((*ends.client)->alpn(), "h2");
  EXPECT_EQ((*ends.server)->alpn(), "h2");
}

TEST_F(TlsTest, NoCommonProtocolEndsTheHandshake) {
  const auto ends = shake_hands(server_context(ca_.issue("engine.example"), {"h2"}),
                                client_context(ca_.pem(), {"spdy/1"}));
  EXPECT_THAT(ends.client, FailsWith(Code::io_error));
  EXPECT_THAT(ends.server, FailsWith(Code::io_error));
}

TEST_F(TlsTest, AClientWithoutAlpnIsServed) {
  const auto ends = shake_hands(server_context(ca_.issue("engine.example"), {"h2", "http/1.1"}),
                                client_context(ca_.pem()));
  ASSERT_THAT(ends.server, Succeeds());
  EXPECT_EQ((*ends.server)->alpn(), "");
}

TEST_F(TlsTest, RefusesACertificateOfAnotherCa) {
  const TestCa other(now_);
  const auto ends =
      shake_hands(server_context(other.issue("engine.example")), client_context(ca_.pem()));
  ASSERT_THAT(ends.client, FailsWith(Code::io_error));
  EXPECT_EQ(ends.client.error().blame(), Blame::upstream);
  EXPECT_THAT(ends.client.error().message(), HasSubstr("certificate"));
  ASSERT_THAT(ends.server, FailsWith(Code::io_error));
  EXPECT_EQ(ends.server.error().blame(), Blame::client);
}

TEST_F(TlsTest, RefusesAnExpiredAndANotYetValidCertificate) {
  const auto expired = ca_.issue("engine.example", now_ - hours(48), now_ - hours(1));
  auto ends = shake_hands(server_context(expired), client_context(ca_.pem()));
  ASSERT_THAT(ends.client, FailsWith(Code::io_error));
  EXPECT_THAT(ends.client.error().message(), HasSubstr("expired"));
  const auto early = ca_.issue("engine.example", now_ + hours(1), now_ + hours(48));
  ends = shake_hands(server_context(early), client_context(ca_.pem()));
  ASSERT_THAT(ends.client, FailsWith(Code::io_error));
  EXPECT_THAT(ends.client.error().message(), HasSubstr("not yet valid"));
}

TEST_F(TlsTest, RefusesAnotherHostsCertificate) {
  const auto server = server_context(ca_.issue("other.example"));
  auto ends = shake_hands(server, client_context(ca_.pem()));
  ASSERT_THAT(ends.client, FailsWith(Code::io_error));
  EXPECT_THAT(ends.client.error().message(), HasSubstr("hostname mismatch"));
  ends = shake_hands(server, client_context(ca_.pem()), "192.0.2.1");
  EXPECT_THAT(ends.client, FailsWith(Code::io_error));
}

TEST_F(TlsTest, ChecksAddressesAsAddresses) {
  const auto ends =
      shake_hands(server_context(ca_.issue("192.0.2.1")), client_context(ca_.pem()), "192.0.2.1");
  EXPECT_THAT(ends.client, Succeeds());
}

TEST_F(TlsTest, TheServersOwnCertificateCanBePinned) {
  const auto identity = ca_.issue("engine.example");
  const auto ends = shake_hands(server_context(identity), client_context(identity.certificate_pem));
  EXPECT_THAT(ends.client, Succeeds());
}

TEST_F(TlsTest, AnEmptyServerNameIsRefusedAndNotIgnored) {
  const auto ends =
      shake_hands(server_context(ca_.issue("engine.example")), client_context(ca_.pem()), "");
  EXPECT_THAT(ends.client, FailsWith(Code::config_invalid));
}

TEST_F(TlsTest, RefusesAKeyOfAnotherCertificate) {
  const auto one = ca_.issue("engine.example");
  const auto two = ca_.issue("engine.example");
  const auto context = TlsServerContext::make(one.certificate_pem, two.key_pem, {});
  ASSERT_THAT(context, FailsWith(Code::config_invalid));
  EXPECT_THAT(context.error().message(), HasSubstr("does not belong"));
}

TEST_F(TlsTest, RefusesWhatIsNoPem) {
  const auto identity = ca_.issue("engine.example");
  EXPECT_THAT(TlsServerContext::make("", identity.key_pem, {}), FailsWith(Code::config_invalid));
  EXPECT_THAT(TlsServerContext::make("garbage", identity.key_pem, {}),
              FailsWith(Code::config_invalid));
  EXPECT_THAT(TlsServerContext::make(identity.certificate_pem, Secret("garbage"), {}),
              FailsWith(Code::config_invalid));
  const std::string cut = identity.certificate_pem.substr(0, 200);
  EXPECT_THAT(TlsServerContext::make(identity.certificate_pem + cut, identity.key_pem, {}),
              FailsWith(Code::config_invalid));
  EXPECT_THAT(TlsClientContext::make("garbage", {}), FailsWith(Code::config_invalid));
}

TEST_F(TlsTest, KnowsWhenTheChainEnds) {
  const auto leaf = ca_.issue("engine.example", now_ - hours(1), now_ + hours(5));
  const auto context = server_context({leaf.certificate_pem + ca_.pem(), leaf.key_pem});
  EXPECT_EQ(context->not_after(),
            std::chrono::floor<seconds>(now_) + std::chrono::seconds(hours(5)));
}

TEST_F(TlsTest, CloseNotifyIsACleanEndAndTheOtherWayGoesOn) {
  auto ends = usual();
  send(**ends.client, "last words");
  (*ends.client)->shutdown_write();
  EXPECT_EQ(receive(**ends.server, 100), "last words");  // and then the end
  EXPECT_EQ(after_waiting(**ends.server).status, IoResult::Status::eof);
  EXPECT_TRUE((*ends.server)->hung_up().is_set());
  send(**ends.server, "answer");
  EXPECT_EQ(receive(**ends.client, 6), "answer");
}

TEST_F(TlsTest, AnEndWithoutCloseNotifyIsAnError) {
  auto ends = usual();
  send(**ends.server, "half an ans");
  ends.server->reset();  // FIN, without a word
  EXPECT_EQ(receive(**ends.client, 11), "half an ans");
  const IoResult got = after_waiting(**ends.client);
  EXPECT_EQ(got.status, IoResult::Status::error);
  EXPECT_EQ(got.error, ECONNRESET);
}

TEST_F(TlsTest, HangUpOfTheTransportPassesThrough) {
  auto ends = usual();
  ends.client->reset();
  EXPECT_TRUE(world_.run_until([&] { return (*ends.server)->hung_up().is_set(); }, seconds(60)));
}

TEST_F(TlsTest, ABrokenTransportBreaksReadsAndWrites) {
  auto ends = usual();
  world_.wire().reset(near_id_);
  EXPECT_EQ(after_waiting(**ends.client).status, IoResult::Status::error);
  char byte = 'x';
  const iovec piece{&byte, 1};
  EXPECT_EQ((*ends.client)->try_write({&piece, 1}).status, IoResult::Status::error);
  EXPECT_FALSE((*ends.client)->is_idle_and_open());
}

TEST_F(TlsTest, GarbageInsteadOfAHandshakeIsRefused) {
  auto [near, far] = sim_socket_pair(world_);
  Result<SocketPtr> server = our_error(Code::internal_error, "not yet");
  Task<void> accepting =
      accept_into(std::move(far), server_context(ca_.issue("engine.example")), soon(), server);
  accepting.start();
  send(*near, "GET / HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(world_.run_until([&] { return accepting.done(); }, seconds(60)));
  EXPECT_THAT(server, FailsWith(Code::io_error));
  EXPECT_EQ(server.error().blame(), Blame::client);
}

TEST_F(TlsTest, ASilentPeerRunsIntoTheDeadline) {
  auto [near, far] = sim_socket_pair(world_);
  const auto got =
      world_.run(tls_accept(std::move(far), server_context(ca_.issue("engine.example")), soon()));
  EXPECT_THAT(got, FailsWith(Code::timed_out));
}

TEST_F(TlsTest, ASessionTicketDoesNotSpoilAnIdleConnection) {
  auto ends = usual();
  world_.run_for(seconds(1));  // the ticket has come, and nobody has read
  EXPECT_TRUE((*ends.client)->is_idle_and_open());
  EXPECT_FALSE((*ends.client)->readable().is_set());
  send(**ends.server, "unasked");
  world_.run_for(seconds(1));
  EXPECT_FALSE((*ends.client)->is_idle_and_open());
  EXPECT_EQ(receive(**ends.client, 7), "unasked");  // looking has not taken it
}

// One record that is read in small pieces: readable must stay set for what is decrypted already.
TEST_F(TlsTest, ReadableStaysSetWhileDecryptedBytesAreLeft) {
  world_.wire().options.split = false;
  auto ends = usual();
  send(**ends.client, "0123456789");
  std::string two(2, '\0');
  EXPECT_THAT(world_.run(read_full(**ends.server, two, soon())), HasValue(2U));
  EXPECT_TRUE((*ends.server)->readable().is_set());
  EXPECT_EQ(receive(**ends.server, 8), "23456789");
}

// The writer offers pieces and the caller obeys the contract: the same bytes after would_block.
Task<Result<void>> write_pieces(Socket& socket, const std::string& text, std::size_t piece_size,
                                Until until) {
  std::size_t done = 0;
  while (done < text.size()) {
    std::vector<iovec> pieces;
    for (std::size_t at = done; at < text.size() && pieces.size() < 16; at += piece_size)
      pieces.push_back({const_cast<char*>(text.data()) + at,  // only read
                        std::min(piece_size, text.size() - at)});
    const IoResult put = socket.try_write(pieces);
    if (put.status == IoResult::Status::ok) {
      done += put.bytes;
    } else if (put.status == IoResult::Status::would_block) {
      CO_TRY_VOID(to_result(co_await socket.writable().wait(until), "write"));
    } else {
      co_return fail(io_error(put.error, "write"));
    }
  }
  socket.shutdown_write();
  co_return Result<void>();
}

std::string numbered_text(std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; text.size() < bytes; ++i)
    text += std::to_string(i) + ",";
  text.resize(bytes);
  return text;
}

class TlsSeedTest : public TlsTest, public ::testing::WithParamInterface<int> {
 protected:
  TlsSeedTest() : TlsTest(static_cast<std::uint64_t>(GetParam())) {}
};

TEST_P(TlsSeedTest, EveryByteArrivesInOrderThroughSmallBuffers) {
  world_.wire().options.send_buffer = 3000;
  world_.wire().options.receive_buffer = 2000;
  auto ends = usual();
  const std::string text = numbered_text(300'000);
  const std::size_t piece_size = GetParam() % 2 == 0 ? 700 : 40'000;
  auto writing = write_pieces(**ends.client, text, piece_size, soon());
  writing.start();
  EXPECT_EQ(receive(**ends.server, text.size()), text);
  EXPECT_EQ(after_waiting(**ends.server).status, IoResult::Status::eof);
  ASSERT_TRUE(writing.done());
  EXPECT_THAT(writing.result(), Succeeds());
}
INSTANTIATE_TEST_SUITE_P(Seeds, TlsSeedTest, ::testing::Range(1, 21));

// Fills the way to the peer, which does not read, until a record is stuck half-way.
std::size_t fill(Socket& socket, const std::string& text) {
  std::size_t done = 0;
  for (;;) {
    const iovec piece{const_cast<char*>(text.data()) + done, text.size() - done};
    const IoResult put = socket.try_write({&piece, 1});
    if (put.status != IoResult::Status::ok) return done;
    done += put.bytes;
  }
}

TEST_F(TlsTest, OtherBytesAfterWouldBlockAreAnErrorAndNotAMixUp) {
  auto ends = usual();
  const std::string text = numbered_text(500'000);
  receive(**ends.server, fill(**ends.client, text));
  ASSERT_TRUE(world_.run_until([&] { return (*ends.client)->writable().is_set(); }, seconds(60)));
  std::string other(100'000, 'x');
  const iovec piece{other.data(), other.size()};
  const IoResult put = (*ends.client)->try_write({&piece, 1});
  EXPECT_EQ(put.status, IoResult::Status::error);
  EXPECT_EQ(put.error, EPROTO);
}

TEST_F(TlsTest, TheEndComesAfterWhatWasStuckAtShutdown) {
  auto ends = usual();
  const std::string text = numbered_text(500'000);
  const std::size_t written = fill(**ends.client, text);
  ASSERT_LT(written, text.size());
  (*ends.client)->shutdown_write();
  const std::string got = receive(**ends.server, text.size());
  // At least what was reported, at most one record more, and nothing else.
  EXPECT_GE(got.size(), written);
  EXPECT_LE(got.size(), written + TlsSocket::kRecordMax);
  EXPECT_EQ(got, text.substr(0, got.size()));
  EXPECT_EQ(after_waiting(**ends.server).status, IoResult::Status::eof);
}

TEST_F(TlsTest, DestroyingWhileTheEndIsStuckLeavesNothing) {
  auto ends = usual();
  fill(**ends.client, numbered_text(500'000));
  (*ends.client)->shutdown_write();
  ends = Ends();
  EXPECT_TRUE(world_.run_until_idle());
  EXPECT_EQ(world_.wire().open_sockets(), 0U);
  EXPECT_EQ(world_.armed_timers(), 0U);
}

Task<void> serve_echo(SocketPtr transport, ServerContext context, Until until) {
  auto accepted = co_await tls_accept(std::move(transport), std::move(context), until);
  if (!accepted) co_return;
  Socket& socket = **accepted;
  std::string text(5, '\0');
  if (!co_await read_full(socket, text, until)) co_return;
  if (!co_await write_all(socket, text, until)) co_return;
  socket.shutdown_write();
  std::string rest(1, '\0');
  [[maybe_unused]] const auto end = co_await read_full(socket, rest, until);
}

Task<Result<std::string>> ask_echo(Network& network, Endpoint to, ClientContext context,
                                   Until until) {
  CO_TRY(auto transport, co_await network.connect(std::move(to), until));
  CO_TRY(auto socket,
         co_await tls_connect(std::move(transport), std::move(context), "localhost", until));
  CO_TRY_VOID(co_await write_all(*socket, "hello", until));
  std::string text(100, '\0');  // more than comes: reads up to close_notify
  CO_TRY(const std::size_t bytes, co_await read_full(*socket, text, until));
  text.resize(bytes);
  co_return text;
}

using RealTlsTest = RealLoopTest;

TEST_F(RealTlsTest, WorksOverTcpAndLeavesNothing) {
  const TestCa ca(clock_->wall_now());
  const auto identity = ca.issue("localhost");
  const auto server = TlsServerContext::make(identity.certificate_pem, identity.key_pem, {});
  const auto client = TlsClientContext::make(ca.pem(), {});
  ASSERT_THAT(server, Succeeds());
  ASSERT_THAT(client, Succeeds());
  const auto listener = network_.listen(any_port("127.0.0.1"), {});
  ASSERT_THAT(listener, Succeeds());
  const std::size_t fds_before = open_fds();
  for (int i = 0; i < 20; ++i) {
    TaskGroup group(*loop_, 1);
    auto asking = ask_echo(network_, (*listener)->local(), *client, soon());
    asking.start();
    auto transport = finish((*listener)->accept(soon()));
    ASSERT_THAT(transport, Succeeds());
    group.spawn(serve_echo(std::move(*transport), *server, soon()));
    ASSERT_TRUE(drive([&] { return asking.done(); }));
    EXPECT_THAT(asking.result(), HasValue("hello"));
    asking = Task<Result<std::string>>();
    ASSERT_TRUE(drive([&] { return group.size() == 0; }));
  }
  EXPECT_EQ(open_fds(), fds_before);
}

}  // namespace
}  // namespace sovmesh::rt
