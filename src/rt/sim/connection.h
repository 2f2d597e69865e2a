#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "rt/sim/network.h"

namespace sovmesh::rt::sim {

// Bytes in order, taken from the front.
class ByteQueue {
 public:
  std::size_t size() const { return bytes_.size() - head_; }
  bool empty() const { return size() == 0; }
  void append(std::string_view bytes) { bytes_.append(bytes); }
  std::size_t take(std::span<char> into);
  void move_to(ByteQueue& other, std::size_t count);
  void clear();

 private:
  void drop(std::size_t count);
  std::string bytes_;
  std::size_t head_ = 0;
};

class SimSocket;

// Both directions of one connection. It lives while a socket or something in flight refers to it.
//
//   write -> [flying] --delay--> landed --receiver has room--> [arrived] -> read
//
// FIN travels behind the bytes; RST overtakes them. Linux decides the details: unread bytes can be
// read after an RST, an error is reported once, closing with unread bytes sends an RST, and so does
// a closed end that still gets bytes.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Names {
    Endpoint server;
    std::optional<IpEndpoint> client;
  };
  Connection(SimWorld& world, Names names);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  using Side = std::size_t;  // 0 is the client, 1 the server
  ConnectionId id() const { return id_; }
  const Names& names() const { return names_; }

  void open(Side side, SimSocket& socket) { ends_[side].socket = &socket; }
  IoResult read(Side side, std::span<char> into);
  IoResult write(Side side, std::span<const iovec> pieces);
  void shutdown_write(Side side);
  void close(Side side, bool reset);
  bool is_idle_and_open(Side side) const;
  void bound_send_buffer(Side side, std::size_t bytes) { pipes_[side].send_buffer_max = bytes; }
  bool is_open() const { return ends_[0].socket != nullptr || ends_[1].socket != nullptr; }

  void break_both(int error);
  void stall();
  void resume();

 private:
  struct Pipe {  // from one end to the other
    ByteQueue flying;
    std::size_t landed = 0;  // how many of the flying bytes have reached the other machine
    ByteQueue arrived;
    std::size_t send_buffer_max = SIZE_MAX;  // of its writer's own
    bool fin_sent = false;
    bool fin_landed = false;
    bool fin_arrived = false;
    bool reset_landed = false;  // waits for the end of a stall
    bool window_opening = false;
    Instant last_landing{};
  };
  struct End {
    SimSocket* socket = nullptr;
    int error = 0;        // reported by the next read or write
    bool broken = false;  // an error was set: nothing passes any more
  };
  static Side other(Side side) { return 1 - side; }
  Instant landing_time(Pipe& pipe);
  template <class F>
  void later(Instant when, F work);
  void wake_later(Side side, Event& (SimSocket::*event)());
  void deliver(Side writer);
  void open_window(Side writer);
  void send_reset(Side to);
  void receive_reset(Side side);
  void break_end(Side side, int error);
  bool lucky() const;  // one time in two, when splitting is on
  std::size_t part_of(std::size_t bytes) const;
  void note(Side side, std::string_view what) const;

  SimWorld& world_;
  Wire& wire_;
  const ConnectionId id_;
  const LinkOptions link_;
  const Names names_;
  std::array<Pipe, 2> pipes_;  // by the end that writes
  std::array<End, 2> ends_;
  bool stalled_ = false;
  unsigned stalls_ = 0;
};

class SimSocket final : public Socket {
 public:
  SimSocket(std::shared_ptr<Connection> connection, Connection::Side side, SimLoop& loop,
            Wire& wire);
  ~SimSocket() override;
  SimSocket(const SimSocket&) = delete;
  SimSocket& operator=(const SimSocket&) = delete;

  IoResult try_read(std::span<char> into) override { return connection_->read(side_, into); }
  IoResult try_write(std::span<const iovec> pieces) override {
    return connection_->write(side_, pieces);
  }
  Event& readable() override { return readable_; }
  Event& writable() override { return writable_; }
  Event& hung_up() override { return hung_up_; }
  void shutdown_write() override { connection_->shutdown_write(side_); }
  void reset_on_close() override { reset_on_close_ = true; }
  void bound_send_buffer(std::size_t bytes) override {
    connection_->bound_send_buffer(side_, bytes);
  }
  bool is_idle_and_open() override { return connection_->is_idle_and_open(side_); }
  std::optional<IpEndpoint> peer() const override { return address(1 - side_); }
  std::optional<IpEndpoint> local() const override { return address(side_); }
  std::optional<PeerCredentials> peer_credentials() const override;
  ConnectionId id() const { return connection_->id(); }

 private:
  std::optional<IpEndpoint> address(Connection::Side side) const;

  std::shared_ptr<Connection> connection_;
  Connection::Side side_;
  Wire& wire_;
  Event readable_;
  Event writable_;
  Event hung_up_;
  bool reset_on_close_ = false;
};

}  // namespace sovmesh::rt::sim
