#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "rt/event.h"
#include "rt/loop.h"
#include "rt/net.h"
#include "rt/task.h"
#include "sim/engine_sim.h"

namespace sovmesh::sim {

// One connection to the simulated engine: reads requests, writes whatever bytes a fault wants.
class Wire {
 public:
  static constexpr std::size_t kHeadMax = std::size_t{64} * 1024;
  static constexpr std::size_t kBodyMax = 64U << 20;
  static constexpr std::size_t kPadding = 64;  // readable bytes behind a body, for simdjson

  // `stopping` cuts it off.
  Wire(rt::Loop& loop, std::unique_ptr<rt::Socket> socket, rt::Event& stopping)
      : loop_(loop), socket_(std::move(socket)), stopping_(stopping) {}

  // The next request; false when the connection is over. The body is in body().
  rt::Task<bool> read_request(SimRequest& request);
  std::string_view body() const { return std::string_view(body_).substr(0, body_size_); }

  // Writes what the socket takes now and keeps the rest: one write when it takes all.
  void put(std::string_view bytes);
  bool is_full() const { return !unsent_.empty(); }
  // Waits until everything has been written; false when the client is gone.
  rt::Task<bool> flush();
  // From now on at most this many bytes per write.
  void split_writes(std::size_t bytes) { piece_max_ = bytes; }

  // Lets time pass; false when the client went away meanwhile (or the engine is stopped).
  rt::Task<bool> pause(std::chrono::nanoseconds time);
  rt::Task<bool> pause_until(Instant when);
  // Waits for something of the engine's; false when the client went away first.
  rt::Task<bool> wait(rt::Event& event);
  rt::Task<void> wait_for_client_to_go();
  bool is_gone() const { return failed_ || socket_->hung_up().is_set() || stopping_.is_set(); }
  // The connection ends by an RST and not by a FIN.
  void reset() { socket_->reset_on_close(); }

 private:
  rt::Task<bool> fill();  // reads more into input_
  rt::Task<bool> read_body(const SimRequest& request);
  rt::Task<bool> read_chunked();
  rt::Task<bool> read_line(std::string& line);
  rt::Task<bool> read_bytes(std::size_t count);  // appends to body_
  void push();

  rt::Loop& loop_;
  std::unique_ptr<rt::Socket> socket_;
  rt::Event& stopping_;
  std::string input_;
  std::string body_;  // with padding
  std::size_t body_size_ = 0;
  std::string unsent_;
  std::size_t piece_max_ = 0;
  bool failed_ = false;
};

}  // namespace sovmesh::sim
