#pragma once

#include <gmock/gmock.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "http/server.h"
#include "rt/sim/sim.h"

namespace sovmesh::http {

// For tests: a client that writes and reads raw bytes.
class RawClient {
 public:
  RawClient(rt::sim::SimWorld& world, std::unique_ptr<rt::Socket> socket)
      : world_(world), socket_(std::move(socket)) {}

  void send(std::string_view bytes) {
    const auto sent = world_.run(rt::write_all(*socket_, bytes, within(std::chrono::minutes(5))));
    ASSERT_TRUE(sent) << sent.error().message();
  }
  // Everything that comes within `time`, or until the end.
  std::string receive(std::chrono::milliseconds time = std::chrono::milliseconds(50)) {
    world_.run_for(time);
    std::string all;
    std::vector<char> block(std::size_t{64} * 1024);
    while (!ended_ && !was_reset_) {
      const rt::IoResult got = socket_->try_read(block);
      if (got.status == rt::IoResult::Status::would_block) break;
      ended_ = got.status == rt::IoResult::Status::eof;
      was_reset_ = got.status == rt::IoResult::Status::error;
      all.append(block.data(), got.bytes);
      if (got.bytes > 0) world_.run_for(std::chrono::milliseconds(2));
    }
    return all;
  }
  bool ended() const { return ended_; }
  bool was_reset() const { return was_reset_; }
  void finish_sending() { socket_->shutdown_write(); }
  void close() { socket_.reset(); }
  void close_with_reset() {
    socket_->reset_on_close();
    socket_.reset();
  }
  rt::Socket& socket() { return *socket_; }

 private:
  rt::Until within(std::chrono::milliseconds time) { return {world_.loop().in(time), nullptr}; }

  rt::sim::SimWorld& world_;
  std::unique_ptr<rt::Socket> socket_;
  bool ended_ = false;
  bool was_reset_ = false;
};

// Runs one function per request and remembers what came. The function captures nothing (a
// coroutine would outlive its captures); what it has to tell goes into `notes`.
class ScriptHandler : public Handler {
 public:
  struct Notes {
    std::vector<Instant> instants;
    std::size_t number = 0;
  };
  using Script = rt::Task<void> (*)(Exchange&, Notes&);
  rt::Task<void> handle(Exchange& exchange) override {
    seen.push_back(std::string(exchange.head().method) + " " + std::string(exchange.head().path));
    ++running;
    running_max = std::max(running_max, running);
    co_await script(exchange, notes);
    --running;
  }
  rt::Task<void> refuse(Exchange& exchange, int status, const Error& error) override {
    refused.push_back(status);
    return Handler::refuse(exchange, status, error);
  }
  Script script = nullptr;
  Notes notes;
  std::vector<std::string> seen;
  std::vector<int> refused;
  int running = 0;
  int running_max = 0;
};

class ServerFixture : public testing::Test {
 protected:
  explicit ServerFixture(std::uint64_t seed = 1) : world_(seed) {}
  ~ServerFixture() override { stop(); }

  // Call after options_ are as wanted; the clients connect to it.
  void start() {
    auto listener = network_.listen(*rt::parse_endpoint("127.0.0.1:0"), {});
    ASSERT_TRUE(listener);
    server_ = std::make_unique<Server>(world_.loop(), *std::move(listener), handler_, options_);
    group_.spawn(server_->run());
  }
  void stop() {
    if (!server_) return;
    world_.run(server_->drain(world_.loop().in(std::chrono::seconds(0))), std::chrono::minutes(60));
    server_.reset();
    world_.run_for(std::chrono::milliseconds(1));
  }
  RawClient connect() {
    auto socket = world_.run(
        network_.connect(server_->local(), {world_.loop().in(std::chrono::seconds(1)), nullptr}));
    EXPECT_TRUE(socket);
    return {world_, *std::move(socket)};
  }
  // Sends `bytes` on a new connection and says all that came back within `time`.
  std::string answer_to(std::string_view bytes,
                        std::chrono::milliseconds time = std::chrono::milliseconds(50)) {
    RawClient client = connect();
    client.send(bytes);
    return client.receive(time);
  }

  rt::sim::SimWorld world_;
  rt::sim::SimNetwork network_{world_};
  rt::TaskGroup group_{world_.loop(), 16};
  ServerOptions options_;
  ScriptHandler handler_;
  std::unique_ptr<Server> server_;
};

// The answers most tests want.
inline rt::Task<void> echo(Exchange& exchange, ScriptHandler::Notes& /*notes*/) {
  auto body = co_await exchange.read_body({});
  ResponseHead head;
  if (!body) {
    head.status = 599;
    const std::string why(name(body.error().code()));
    co_await exchange.respond(head, why);
    co_return;
  }
  head.add("content-type", "text/plain");
  co_await exchange.respond(head, body->bytes());
}

}  // namespace sovmesh::http
