#include "tests/flow/scripted_engine.h"

#include <charconv>

namespace sovmesh::flow {

using namespace std::chrono_literals;

rt::Task<void> ScriptedEngine::serve(std::unique_ptr<rt::Listener> listener) {
  for (;;) {
    auto socket = co_await listener->accept({rt::Deadline::never(), &stopping_});
    if (!socket) break;
    connections_.spawn(talk(*std::move(socket)));
  }
  co_await connections_.join({rt::Deadline::never(), nullptr});
}

rt::Task<bool> ScriptedEngine::read_request(rt::Socket& socket, std::string& body) {
  std::string input;
  const rt::Until until{loop_.in(10min), &stopping_};
  for (;;) {
    const std::size_t head_end = input.find("\r\n\r\n");
    if (head_end != std::string::npos) {
      constexpr std::string_view kLength = "\r\ncontent-length: ";
      std::size_t length = 0;
      const char* from = input.data() + input.find(kLength) + kLength.size();
      std::from_chars(from, input.data() + head_end, length);
      if (input.size() >= head_end + 4 + length) {
        body = input.substr(head_end + 4);
        co_return true;
      }
    }
    const rt::IoResult got = socket.try_read(loop_.scratch());
    if (got.status == rt::IoResult::Status::ok) {
      input.append(loop_.scratch().data(), got.bytes);
    } else if (got.status != rt::IoResult::Status::would_block ||
               co_await socket.readable().wait(until) != rt::Wake::ready) {
      co_return false;
    }
  }
}

rt::Task<bool> ScriptedEngine::play(rt::Socket& socket, Script played) {
  for (const std::string& part : played.parts) {
    const rt::Until until{loop_.in(5min), &stopping_};
    if (!co_await rt::write_all(socket, part, until)) co_return false;
    // An RST overtakes what is on its way: the bytes before it shall arrive.
    const rt::Until pause{loop_.in(played.pause), &stopping_};
    co_await rt::sleep(loop_, pause);
  }
  if (played.end == Script::End::reset) socket.reset_on_close();
  if (played.end == Script::End::hang) {
    const rt::Until until{rt::Deadline::never(), &stopping_};
    if (co_await socket.hung_up().wait(until) == rt::Wake::ready) ++gone;
  }
  co_return played.end == Script::End::keep;
}

rt::Task<void> ScriptedEngine::talk(std::unique_ptr<rt::Socket> socket) {
  for (;;) {
    std::string body;
    if (!co_await read_request(*socket, body)) break;
    bodies.push_back(std::move(body));
    if (!co_await play(*socket, script)) break;
  }
}

}  // namespace sovmesh::flow
