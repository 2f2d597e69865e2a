#include "rt/net.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <deque>

#include "rt/test_loop.h"

namespace sovmesh::rt {
namespace {

using namespace std::chrono_literals;

TEST(IpAddress, ParsesAndPrintsBothFamilies) {
  EXPECT_EQ(IpAddress::parse("10.0.0.1")->text(), "10.0.0.1");
  EXPECT_EQ(IpAddress::parse("2001:DB8:0:0:0:0:0:1")->text(), "2001:db8::1");
  EXPECT_TRUE(IpAddress::parse("10.0.0.1")->is_v4());
  EXPECT_EQ(IpAddress::parse("::1")->bytes().size(), 16U);
  EXPECT_EQ(IpAddress{}.text(), "0.0.0.0");
}

TEST(IpAddress, MappedAddressesAreIpv4) {
  const auto mapped = IpAddress::parse("::ffff:192.0.2.7");
  ASSERT_TRUE(mapped);
  EXPECT_EQ(*mapped, IpAddress::v4({192, 0, 2, 7}));
  EXPECT_EQ(mapped->text(), "192.0.2.7");
}

TEST(IpAddress, KnowsLoopback) {
  EXPECT_TRUE(IpAddress::parse("127.8.9.10")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::ffff:127.0.0.1")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("::2")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("128.0.0.1")->is_loopback());
}

TEST(IpAddress, RefusesOtherTexts) {
  using namespace std::string_view_literals;
  for (const std::string_view bad :
       {""sv, "localhost"sv, "1.2.3"sv, "1.2.3.4.5"sv, "01.2.3.4"sv, "256.1.1.1"sv, " 1.2.3.4"sv,
        "1.2.3.4\0"sv, "::g"sv, "fe80::1%eth0"sv, "[::1]"sv})
    EXPECT_FALSE(IpAddress::parse(bad)) << bad;
}

TEST(Endpoint, ParsesEveryForm) {
  for (const std::string_view same :
       {"127.0.0.1:8080", "[::1]:0", "[2001:db8::1]:65535", "unix:/run/sovmesh.sock"}) {
    const auto endpoint = parse_endpoint(same);
    ASSERT_TRUE(endpoint) << same;
    EXPECT_EQ(to_text(*endpoint), same);
  }
  EXPECT_EQ(*parse_endpoint("*:8080"), *parse_endpoint("[::]:8080"));
}

TEST(Endpoint, RefusesOtherTexts) {
  for (const std::string_view bad :
       {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:080",
        "127.0.0.1:+1", "::1:80", "[::1]", "[::1]80", "[127.0.0.1]:80", "[]:80", "localhost:80",
        "unix:", "unix:relative", "unix:/dir/", "*:*"})
    EXPECT_FALSE(parse_endpoint(bad)) << bad;
  EXPECT_FALSE(parse_endpoint("unix:/" + std::string(107, 'a')));
  EXPECT_TRUE(parse_endpoint("unix:/" + std::string(106, 'a')));
}

TEST(IoError, SaysWhatFailedAndWhoseFaultItIs) {
  const Error reset = io_error(ECONNRESET, "read");
  EXPECT_EQ(reset.code(), Code::closed);
  EXPECT_EQ(reset.message(), "read: connection reset by peer");
  EXPECT_EQ(io_error(EPIPE, "write").code(), Code::closed);
  EXPECT_EQ(io_error(ECONNREFUSED, "connect").code(), Code::io_error);
  EXPECT_EQ(io_error(ECONNREFUSED, "connect").blame(), Blame::upstream);
  EXPECT_EQ(io_error(EMFILE, "accept").blame(), Blame::us);
}

// Answers attempts from a script; would_block when it is empty.
class ScriptedSocket final : public Socket {
 public:
  explicit ScriptedSocket(Loop& loop) : readable_(loop), writable_(loop), hung_up_(loop) {}

  IoResult try_read(std::span<char> into) override {
    if (incoming.empty()) {
      readable_.clear();
      return at_end ? IoResult::end() : IoResult::blocked();
    }
    const std::size_t count = std::min(into.size(), incoming.front().size());
    std::ranges::copy(incoming.front().substr(0, count), into.begin());
    incoming.front().erase(0, count);
    if (incoming.front().empty()) incoming.pop_front();
    return IoResult::done(count);
  }
  IoResult try_write(std::span<const iovec> pieces) override {
    if (write_error != 0) return IoResult::failed(write_error);
    const std::size_t count = std::min(room, pieces.front().iov_len);
    if (count == 0) {
      writable_.clear();
      return IoResult::blocked();
    }
    written.append(static_cast<const char*>(pieces.front().iov_base), count);
    room -= count;
    return IoResult::done(count);
  }
  Event& readable() override { return readable_; }
  Event& writable() override { return writable_; }
  Event& hung_up() override { return hung_up_; }
  void shutdown_write() override {}
  void reset_on_close() override {}
  bool is_idle_and_open() override { return true; }
  std::optional<IpEndpoint> peer() const override { return std::nullopt; }
  std::optional<IpEndpoint> local() const override { return std::nullopt; }
  std::optional<PeerCredentials> peer_credentials() const override { return std::nullopt; }

  std::deque<std::string> incoming;
  bool at_end = false;
  std::string written;
  std::size_t room = 0;
  int write_error = 0;

 private:
  Event readable_;
  Event writable_;
  Event hung_up_;
};

class StreamTest : public testing::Test {
 protected:
  Until within(std::chrono::milliseconds delay) { return {loop_.in(delay), nullptr}; }

  ManualClock clock_;
  TestLoop loop_{clock_};
  ScriptedSocket socket_{loop_};
  std::array<char, 8> buffer_{};
};

TEST_F(StreamTest, ReadFullCollectsPiecesUntilTheBufferIsFull) {
  socket_.incoming = {"ab", "cde"};
  auto task = read_full(socket_, buffer_, within(1s));
  task.start();
  EXPECT_FALSE(task.done());
  socket_.incoming = {"fghij"};
  socket_.readable().set();
  loop_.settle();
  ASSERT_TRUE(task.done());
  EXPECT_EQ(task.result(), 8U);
  EXPECT_EQ(std::string_view(buffer_.data(), 8), "abcdefgh");
  EXPECT_EQ(socket_.incoming.front(), "ij") << "nothing beyond the buffer is taken";
}

TEST_F(StreamTest, ReadFullEndsWithTheStream) {
  socket_.incoming = {"abc"};
  socket_.at_end = true;
  auto task = read_full(socket_, buffer_, within(1s));
  task.start();
  EXPECT_EQ(task.result(), 3U);
}

TEST_F(StreamTest, ReadFullTimesOut) {
  auto task = read_full(socket_, buffer_, within(1s));
  task.start();
  loop_.pass(1s);
  ASSERT_TRUE(task.done());
  EXPECT_EQ(task.result().error().code(), Code::timed_out);
}

TEST_F(StreamTest, WriteAllGoesOnAfterBackPressure) {
  socket_.room = 3;
  auto task = write_all(socket_, "abcdefgh", within(1s));
  task.start();
  EXPECT_EQ(socket_.written, "abc");
  socket_.room = 100;
  socket_.writable().set();
  loop_.settle();
  ASSERT_TRUE(task.done());
  EXPECT_TRUE(task.result());
  EXPECT_EQ(socket_.written, "abcdefgh");
}

TEST_F(StreamTest, WriteAllReportsABrokenPipeAndACancellation) {
  socket_.write_error = EPIPE;
  auto broken = write_all(socket_, "a", within(1s));
  broken.start();
  EXPECT_EQ(broken.result().error().code(), Code::closed);

  socket_.write_error = 0;
  Event cancel(loop_);
  auto cut = write_all(socket_, "a", {loop_.in(1s), &cancel});
  cut.start();
  cancel.set();
  loop_.settle();
  ASSERT_TRUE(cut.done());
  EXPECT_EQ(cut.result().error().code(), Code::cancelled);
}

}  // namespace
}  // namespace sovmesh::rt
