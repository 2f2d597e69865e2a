#pragma once

#include "http/http2_peer.h"
#include "http/server_fixture.h"

namespace sovmesh::http {

class Http2Test : public ServerFixture {
 protected:
  Http2Test() { handler_.script = echo; }

  // Lets both sides talk for `time`.
  void talk(RawClient& wire, Http2Peer& peer,
            std::chrono::milliseconds time = std::chrono::milliseconds(50)) {
    const Instant end = world_.now() + time;
    do {
      if (const std::string out = peer.output(); !out.empty()) wire.send(out);
      peer.feed(wire.receive(std::chrono::milliseconds(1)));
    } while (world_.now() < end);
  }
  // For long waits: little passes meanwhile.
  void wait(RawClient& wire, Http2Peer& peer, std::chrono::milliseconds time) {
    talk(wire, peer, std::chrono::milliseconds(10));
    world_.run_for(time - std::chrono::milliseconds(20));
    talk(wire, peer, std::chrono::milliseconds(10));
  }
};

// Streams nothing until the client goes away, and notes when that was.
inline rt::Task<void> wait_for_hang_up(Exchange& exchange, ScriptHandler::Notes& notes) {
  exchange.start_stream({});
  (void)exchange.write("begun");
  const rt::Until until{exchange.loop().in(std::chrono::hours(1)), nullptr};
  co_await exchange.client_gone().wait(until);
  notes.instants.push_back(exchange.loop().now());
  EXPECT_FALSE(exchange.write("more"));
}

}  // namespace sovmesh::http
