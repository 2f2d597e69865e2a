// Each flood ends its connection soon, and another client is served.
#include <gmock/gmock.h>

#include "http/http2_fixture.h"

namespace sovmesh::http {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class Http2FloodTest : public Http2Test {
 protected:
  void SetUp() override {
    world_.wire().options.split = false;
    start();
  }
  // Sends what `attack` adds, again and again, until the server ends the connection.
  template <class Attack>
  int rounds_until_cut(Attack attack, int rounds_max = 3'000) {
    RawClient wire = connect();
    Http2Peer peer({.checks_messages = false});
    talk(wire, peer, 5ms);
    for (int round = 0; round < rounds_max; ++round) {
      attack(peer);
      const std::string out = peer.output() + std::exchange(raw_, "");
      const iovec piece{const_cast<char*>(out.data()), out.size()};
      if (wire.socket().try_write({&piece, 1}).status == rt::IoResult::Status::error) return round;
      peer.feed(wire.receive(1ms));
      goaways_ = peer.goaways;
      if (wire.ended() || wire.was_reset() || !peer.goaways.empty()) return round;
    }
    return rounds_max;
  }
  void frame(std::uint8_t type, std::uint8_t flags, std::uint8_t stream, std::string_view payload) {
    raw_ += '\0';
    raw_ += static_cast<char>(payload.size() >> 8);
    raw_ += static_cast<char>(payload.size() & 0xFF);
    raw_ += static_cast<char>(type);
    raw_ += static_cast<char>(flags);
    raw_ += std::string(3, '\0') + static_cast<char>(stream);
    raw_ += payload;
  }
  void expect_others_served() {
    world_.run_for(2s);
    RawClient wire = connect();
    Http2Peer peer;
    const auto stream = peer.post("fine");
    talk(wire, peer);
    EXPECT_EQ(peer.answer(stream).body, "fine");
    EXPECT_EQ(server_->counters().open, 1U);
  }

  std::string raw_;
  std::vector<std::uint32_t> goaways_;
};

TEST_F(Http2FloodTest, RapidReset) {
  const int rounds = rounds_until_cut([&](Http2Peer& peer) {
    for (int i = 0; i < 10; ++i) {
      const auto stream = peer.post("{}");
      raw_ += peer.output();
      peer.reset(stream);
      raw_ += peer.output();
    }
  });
  // Even without the handlers' work: the client's burst, and what it may do per second.
  EXPECT_LT(rounds, 100);
  expect_others_served();
}

TEST_F(Http2FloodTest, ResetsThatTheClientProvokes) {
  handler_.script = wait_for_hang_up;
  std::uint8_t stream = 1;
  const int rounds = rounds_until_cut([&](Http2Peer& peer) {
    // Streams by number, because our own session must not know of the error.
    peer.post("{}");
    const std::string out = peer.output();
    raw_ += out;
    frame(NGHTTP2_WINDOW_UPDATE, 0, stream, std::string_view("\0\0\0\0", 4));
    stream = static_cast<std::uint8_t>(stream + 2);
    if (stream > 250) stream = 251;  // closed: costs as well
  });
  EXPECT_LT(rounds, 3'000);
  handler_.script = echo;
  expect_others_served();
}

TEST_F(Http2FloodTest, Pings) {
  const int rounds = rounds_until_cut([&](Http2Peer& /*peer*/) {
    for (int i = 0; i < 100; ++i)
      frame(NGHTTP2_PING, 0, 0, "12345678");
  });
  EXPECT_LT(rounds, 120);
  EXPECT_THAT(goaways_, ElementsAre(NGHTTP2_ENHANCE_YOUR_CALM));
  expect_others_served();
}

TEST_F(Http2FloodTest, PingsWithoutReadingTheAnswers) {
  RawClient wire = connect();
  Http2Peer peer;
  wire.send(peer.output());
  for (int i = 0; i < 9'000; ++i)
    frame(NGHTTP2_PING, 0, 0, "12345678");
  std::string_view rest = raw_;
  while (!rest.empty()) {
    const iovec piece{const_cast<char*>(rest.data()), rest.size()};
    const auto sent = wire.socket().try_write({&piece, 1});
    world_.run_for(1ms);
    if (sent.status == rt::IoResult::Status::ok) rest.remove_prefix(sent.bytes);
    if (sent.status == rt::IoResult::Status::error) break;
  }
  wire.close();
  expect_others_served();
}

TEST_F(Http2FloodTest, Settings) {
  const int rounds = rounds_until_cut([&](Http2Peer& /*peer*/) {
    for (int i = 0; i < 100; ++i)
      frame(NGHTTP2_SETTINGS, 0, 0, "");
  });
  EXPECT_LT(rounds, 120);
  expect_others_served();
}

TEST_F(Http2FloodTest, EmptyData) {
  handler_.script = wait_for_hang_up;
  bool is_first = true;
  const int rounds = rounds_until_cut([&](Http2Peer& peer) {
    if (std::exchange(is_first, false))
      peer.request(Http2Peer::head("POST", "/x"), std::nullopt, true);
    else
      for (int i = 0; i < 100; ++i)
        frame(NGHTTP2_DATA, 0, 1, "");
  });
  EXPECT_LT(rounds, 120);
  handler_.script = echo;
  expect_others_served();
}

TEST_F(Http2FloodTest, Continuations) {
  const int rounds = rounds_until_cut([&](Http2Peer& /*peer*/) {
    if (raw_.empty()) frame(NGHTTP2_HEADERS, 0, 1, "\x82");
    for (int i = 0; i < 20; ++i)
      frame(NGHTTP2_CONTINUATION, 0, 1, "");
  });
  EXPECT_LE(rounds, 1);
  EXPECT_THAT(handler_.seen, IsEmpty());
  expect_others_served();
}

}  // namespace
}  // namespace sovmesh::http
