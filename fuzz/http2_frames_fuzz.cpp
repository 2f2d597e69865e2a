// Frames from a hostile client, against the whole HTTP/2 server over the simulated network. What
// reaches a handler keeps the promises of a checked head, and a coarser split of the same bytes
// never shows a handler more requests than a finer one does (it may show fewer: a stream that is
// reset in the same piece is not served).
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"
#include "rt/sim/sim.h"

namespace {

namespace http = sovmesh::http;
namespace rt = sovmesh::rt;
using namespace std::chrono_literals;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t kInputMax = 4096;  // one millisecond each: sooner than any time limit

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_clean(std::string_view text) {
  for (const char c : text)
    if (c == '\r' || c == '\n' || c == '\0') return false;
  return true;
}

// Answers nothing before all of the input is there: what a stream's state is then depends on the
// client alone.
class Witness final : public http::Handler {
 public:
  explicit Witness(rt::Loop& loop) : go_(loop) {}
  rt::Task<void> handle(http::Exchange& exchange) override {
    const http::RequestHead& head = exchange.head();
    require(head.path == "*" || head.path.starts_with('/'));
    require(!head.host.empty() && is_clean(head.host) && is_clean(head.path));
    for (const http::Field& field : head.fields)
      require(!field.name.empty() && is_clean(field.name) && is_clean(field.value));
    std::string text(head.method);
    text.append(" ").append(head.path).append("?").append(head.query).append(head.host);
    seen.push_back(std::move(text));
    const rt::Until until{exchange.loop().in(1h), &exchange.client_gone()};
    if (co_await go_.wait(until) != rt::Wake::ready) co_return;
    const auto length = head.content_length;
    const auto body = co_await exchange.read_body({});
    if (body && head.has_body && length) require(body->bytes().size() == *length);
    exchange.start_stream({});
    (void)exchange.write(body ? body->bytes() : std::string_view("none"));
    co_await exchange.finish();
  }
  void go() { go_.set(); }

  std::vector<std::string> seen;

 private:
  rt::Event go_;
};

void send(rt::sim::SimWorld& world, rt::Socket& socket, std::string_view bytes) {
  const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  (void)socket.try_write({&piece, 1});
  world.run_for(1ms);
}

// The requests that a handler saw when `bytes` came in pieces of `step`.
std::vector<std::string> requests(std::string_view bytes, std::size_t step) {
  rt::sim::SimWorld world(1);
  world.wire().options.split = false;
  world.wire().options.delay_min = world.wire().options.delay_max = 10us;
  rt::sim::SimNetwork network(world);
  rt::TaskGroup group(world.loop(), 1);
  Witness witness(world.loop());
  auto listener = network.listen(*rt::parse_endpoint("127.0.0.1:0"), {});
  http::Server server(world.loop(), *std::move(listener), witness, {});
  group.spawn(server.run());
  auto socket = *world.run(network.connect(server.local(), {world.loop().in(1s), nullptr}));
  send(world, *socket, kPreface);
  for (std::size_t at = 0; at < bytes.size(); at += step)
    send(world, *socket, bytes.substr(at, step));
  witness.go();
  world.run_for(2s);
  socket.reset();
  world.run(server.drain(world.loop().in(0s)));
  world.run_for(1ms);
  require(server.counters().open == 0);
  return witness.seen;
}

bool is_subsequence(const std::vector<std::string>& part, const std::vector<std::string>& all) {
  auto next = part.begin();
  for (const std::string& each : all)
    if (next != part.end() && *next == each) ++next;
  return next == part.end();
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), std::min(size, kInputMax));
  const auto finest = requests(bytes, 1);
  require(is_subsequence(requests(bytes, kInputMax), finest));
  require(is_subsequence(requests(bytes, 7), finest));
  return 0;
}
