#include <arpa/inet.h>

#include <array>
#include <cstring>
#include <thread>

#include "rt/ares_look_up.h"
#include "rt/real_socket.h"
#include "rt/real_test.h"
#include "rt/sockaddr.h"
#include "rt/task_group.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::rt {
namespace {

Task<void> use_everything(RealWorker& worker, std::string& said) {
  Loop& loop = *worker.loop;
  const Until until{loop.in(std::chrono::seconds(20)), nullptr};
  auto addresses = co_await worker.resolver->resolve("localhost", until);
  if (!addresses) co_return loop.stop();
  auto listener = worker.network->listen(IpEndpoint{.ip = addresses->front(), .port = 0}, {});
  if (!listener) co_return loop.stop();
  auto client = co_await worker.network->connect((*listener)->local(), until);
  ProcessSpec spec;
  spec.program = "/bin/echo";
  spec.arguments = {"hello"};
  auto child = worker.processes->spawn(spec);
  if (!client || !child) co_return loop.stop();
  std::array<char, 6> text{};
  const auto got = co_await read_full((*child)->output(), text, until);
  if (got) said.assign(text.data(), *got);
  loop.stop();
}

// Started on its own thread, as the real program does it.
TEST(RealWorker, HasEverythingBoundToItsLoop) {
  const auto clock = make_system_clock();
  const auto random = make_system_random();
  auto worker = make_worker(*clock, *random);
  ASSERT_THAT(worker, Succeeds());
  std::string said;
  std::thread thread([&] {
    TaskGroup group(*worker->loop, 1);
    group.spawn(use_everything(*worker, said));
    run(*worker);
  });
  thread.join();
  EXPECT_EQ(said, "hello\n");
}

// A name server on the loopback that knows one name: one A record, and no AAAA record.
class NameServer final : private FdHandler {
 public:
  explicit NameServer(EpollLoop& loop) : loop_(loop) {
    const auto address = to_kernel(any_port("127.0.0.1")).value();
    if (::bind(fd_.get(), address.get(), address.size) != 0) std::abort();
    if (!loop_.add(fd_.get(), EPOLLIN, *this)) std::abort();
  }
  ~NameServer() { loop_.remove(fd_.get(), *this); }
  std::string address() const { return to_text(*local_ip(fd_.get())); }
  int asked() const { return asked_; }
  bool broken = false;

 private:
  void on_events(std::uint32_t) override {
    std::array<unsigned char, 512> packet{};
    SocketAddress from;
    from.size = sizeof from.storage;
    const ssize_t size =
        ::recvfrom(fd_.get(), packet.data(), packet.size(), 0, from.get(), &from.size);
    if (size < 12) return;
    ++asked_;
    const auto question_end = end_of_question(packet, static_cast<std::size_t>(size));
    const bool is_a = packet[question_end - 3] == 1;
    packet[2] = 0x81;  // a response, recursion desired
    packet[3] = broken ? 0x82 : 0x80;
    packet[7] = is_a && !broken ? 1 : 0;   // answers
    std::memset(packet.data() + 8, 0, 4);  // no authority and no additional records
    std::size_t length = question_end;
    if (packet[7] == 1) {
      const std::array<unsigned char, 16> record{0xc0, 12, 0, 1, 0,   1, 0, 0,
                                                 0,    60, 0, 4, 192, 0, 2, 7};
      std::ranges::copy(record, packet.begin() + static_cast<std::ptrdiff_t>(length));
      length += record.size();
    }
    ::sendto(fd_.get(), packet.data(), length, 0, from.get(), from.size);
  }
  static std::size_t end_of_question(const std::array<unsigned char, 512>& packet,
                                     std::size_t size) {
    std::size_t at = 12;
    while (at < size && packet[at] != 0)
      at += packet[at] + 1U;
    return at + 5;
  }

  EpollLoop& loop_;
  Fd fd_{::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  int asked_ = 0;
};

class AresLookUpTest : public RealLoopTest {
 protected:
  Result<LookUp::Answer> look_up(LookUp& from, const std::string& host) {
    std::optional<Result<LookUp::Answer>> answer;
    from.start(host, [&answer](auto got) { answer.emplace(std::move(got)); });
    EXPECT_TRUE(drive([&] { return answer.has_value(); }));
    return answer.value_or(our_error(Code::internal_error, "no answer"));
  }
  NameServer server_{*loop_};
};

TEST_F(AresLookUpTest, AsksTheServer) {
  const auto ares = make_ares_look_up(*loop_, server_.address());
  ASSERT_THAT(ares, Succeeds());
  const auto answer = look_up(**ares, "engine.example");
  ASSERT_THAT(answer, Succeeds());
  ASSERT_EQ(answer->addresses.size(), 1U);
  EXPECT_EQ(answer->addresses.front().text(), "192.0.2.7");
  EXPECT_EQ(answer->ttl, std::chrono::seconds(60));
}

TEST_F(AresLookUpTest, ReportsFailures) {
  server_.broken = true;
  const auto ares = make_ares_look_up(*loop_, server_.address());
  ASSERT_THAT(ares, Succeeds());
  EXPECT_THAT(look_up(**ares, "engine.example"), FailsWith(Code::upstream_error));
  EXPECT_GT(server_.asked(), 0);
}

TEST_F(AresLookUpTest, EndingAnswersWhatIsStillOpen) {
  auto ares = make_ares_look_up(*loop_, server_.address());
  ASSERT_THAT(ares, Succeeds());
  bool answered = false;
  (*ares)->start("engine.example", [&answered](const auto& got) {
    answered = true;
    EXPECT_THAT(got, FailsWith(Code::upstream_error));
  });
  ares->reset();
  EXPECT_TRUE(answered);
  EXPECT_EQ(loop_->timers().size(), 0U);
}

}  // namespace
}  // namespace sovmesh::rt
