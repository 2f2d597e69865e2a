#include "rt/sim/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

namespace sovmesh::rt::sim {
namespace {

constexpr std::size_t kPiecesMax = 16;  // as the contract of Socket::try_write says

}  // namespace

std::size_t ByteQueue::take(std::span<char> into) {
  const std::size_t count = std::min(into.size(), size());
  std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(head_), count, into.begin());
  drop(count);
  return count;
}

void ByteQueue::move_to(ByteQueue& other, std::size_t count) {
  assert(count <= size());
  other.append(std::string_view(bytes_).substr(head_, count));
  drop(count);
}

void ByteQueue::clear() {
  bytes_.clear();
  head_ = 0;
}

void ByteQueue::drop(std::size_t count) {
  head_ += count;
  if (head_ == bytes_.size()) {
    clear();
  } else if (head_ > bytes_.size() / 2) {
    bytes_.erase(0, std::exchange(head_, 0));
  }
}

Connection::Connection(SimWorld& world, Names names)
    : world_(world),
      wire_(world.wire()),
      id_(++wire_.last_id_),
      link_(wire_.options),
      names_(std::move(names)) {
  wire_.connections_[id_] = this;
}

Connection::~Connection() { wire_.connections_.erase(id_); }

bool Connection::lucky() const { return link_.split && world_.chaos().below(2) == 0; }

std::size_t Connection::part_of(std::size_t bytes) const {
  if (bytes < 2 || !lucky()) return bytes;
  return 1 + world_.chaos().below(static_cast<std::uint32_t>(bytes));
}

void Connection::note(Side side, std::string_view what) const {
  world_.note(fmt::format("connection {} {} {}", id_, side == 0 ? "client" : "server", what));
}

Instant Connection::landing_time(Pipe& pipe) {
  pipe.last_landing = std::max(pipe.last_landing, world_.now() + wire_.delay(link_));
  return pipe.last_landing;
}

template <class F>
void Connection::later(Instant when, F work) {
  world_.at(when, [self = shared_from_this(), work] { work(*self); });
}

IoResult Connection::read(Side side, std::span<char> into) {
  Pipe& in = pipes_[other(side)];
  End& end = ends_[side];
  Event& readable = end.socket->readable();
  assert(!into.empty());
  if (!in.arrived.empty()) {
    const std::size_t asked = into.size();
    const std::size_t got =
        in.arrived.take(into.first(part_of(std::min(asked, in.arrived.size()))));
    // As edge-triggered epoll: less than asked for means drained, unless the end is waiting.
    if (got < asked && in.arrived.empty() && !in.fin_arrived && !end.broken) readable.clear();
    open_window(other(side));
    return IoResult::done(got);
  }
  if (in.fin_arrived) return IoResult::end();
  if (end.error != 0) return IoResult::failed(std::exchange(end.error, 0));
  if (end.broken) return IoResult::end();
  readable.clear();
  // epoll may report what has been read already: now and then a wake is for nothing.
  if (lucky() && lucky()) wake_later(side, &SimSocket::readable);
  return IoResult::blocked();
}

IoResult Connection::write(Side side, std::span<const iovec> pieces) {
  assert(pieces.size() <= kPiecesMax);
  Pipe& out = pipes_[side];
  End& end = ends_[side];
  if (end.error != 0) return IoResult::failed(std::exchange(end.error, 0));
  if (end.broken || out.fin_sent) return IoResult::failed(EPIPE);
  std::string bytes;
  for (const iovec& piece : pieces)
    bytes.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  if (bytes.empty()) return IoResult::done(0);
  const std::size_t buffer = std::min(link_.send_buffer, out.send_buffer_max);
  const std::size_t room = buffer - std::min(buffer, out.flying.size());
  if (room == 0) {
    end.socket->writable().clear();
    return IoResult::blocked();
  }
  const std::size_t fits = std::min(room, bytes.size());
  const std::size_t taken = part_of(fits);
  out.flying.append(std::string_view(bytes).substr(0, taken));
  later(landing_time(out), [side, taken](Connection& self) {
    Pipe& pipe = self.pipes_[side];
    pipe.landed = std::min(pipe.landed + taken, pipe.flying.size());
    self.deliver(side);
  });
  if (fits < bytes.size() && taken == fits) end.socket->writable().clear();
  if (taken < fits && lucky()) {
    // A short write that looks like a full buffer, as when the kernel is short of memory.
    end.socket->writable().clear();
    wake_later(side, &SimSocket::writable);
  }
  return IoResult::done(taken);
}

void Connection::wake_later(Side side, Event& (SimSocket::*event)()) {
  later(world_.now() + wire_.delay(link_), [side, event](Connection& self) {
    if (SimSocket* socket = self.ends_[side].socket) (socket->*event)().set();
  });
}

void Connection::open_window(Side writer) {
  Pipe& pipe = pipes_[writer];
  if (pipe.landed == 0 || pipe.window_opening) return;
  pipe.window_opening = true;
  later(world_.now() + wire_.delay(link_), [writer](Connection& self) {
    self.pipes_[writer].window_opening = false;
    self.deliver(writer);
  });
}

void Connection::deliver(Side writer) {
  Pipe& pipe = pipes_[writer];
  const Side reader = other(writer);
  if (stalled_ || ends_[reader].broken) return;
  SimSocket* const socket = ends_[reader].socket;
  if (socket == nullptr) {
    if (pipe.landed > 0) send_reset(writer);  // nobody is there any more
    return;
  }
  const std::size_t room =
      link_.receive_buffer - std::min(link_.receive_buffer, pipe.arrived.size());
  const std::size_t count = std::min(pipe.landed, room);
  if (count > 0) {
    pipe.flying.move_to(pipe.arrived, count);
    pipe.landed -= count;
    note(reader, fmt::format("gets {} bytes", count));
    socket->readable().set();
    // As Linux: not for each byte of room, or the writer would send crumbs.
    const bool roomy = pipe.flying.size() <= link_.send_buffer / 3 * 2;
    if (SimSocket* sender = ends_[writer].socket; sender != nullptr && roomy)
      sender->writable().set();
  }
  if (pipe.fin_landed && !pipe.fin_arrived && pipe.flying.empty()) {
    pipe.fin_arrived = true;
    note(reader, "gets FIN");
    socket->readable().set();
    socket->hung_up().set();
  }
}

void Connection::shutdown_write(Side side) {
  Pipe& out = pipes_[side];
  if (out.fin_sent || ends_[side].broken) return;
  out.fin_sent = true;
  later(landing_time(out), [side](Connection& self) {
    self.pipes_[side].fin_landed = true;
    self.deliver(side);
  });
}

void Connection::close(Side side, bool reset) {
  End& end = ends_[side];
  end.socket = nullptr;
  const bool unread = !pipes_[other(side)].arrived.empty();
  if (end.broken) return;
  if (reset || unread) {
    note(side, "closes with RST");
    send_reset(other(side));
  } else {
    note(side, "closes");
    shutdown_write(side);
    deliver(other(side));  // bytes that waited for room find nobody
  }
}

void Connection::send_reset(Side to) {
  pipes_[0].flying.clear();
  pipes_[0].landed = 0;
  pipes_[1].flying.clear();
  pipes_[1].landed = 0;
  later(landing_time(pipes_[other(to)]), [to](Connection& self) {
    self.pipes_[self.other(to)].reset_landed = true;
    self.receive_reset(to);
  });
}

void Connection::receive_reset(Side side) {
  Pipe& in = pipes_[other(side)];
  if (stalled_ || !std::exchange(in.reset_landed, false)) return;
  // Linux: after the peer's FIN an RST means that what we write has no reader.
  break_end(side, in.fin_arrived ? EPIPE : ECONNRESET);
}

void Connection::break_end(Side side, int error) {
  End& end = ends_[side];
  if (end.broken || end.socket == nullptr) return;
  note(side, error == ETIMEDOUT ? "times out" : "is reset");
  end.broken = true;
  end.error = error;
  pipes_[side].flying.clear();
  pipes_[side].landed = 0;
  end.socket->readable().set();
  end.socket->writable().set();
  end.socket->hung_up().set();
}

void Connection::break_both(int error) {
  break_end(0, error);
  break_end(1, error);
}

bool Connection::is_idle_and_open(Side side) const {
  const Pipe& in = pipes_[other(side)];
  return !ends_[side].broken && !in.fin_arrived && in.arrived.empty();
}

void Connection::stall() {
  if (std::exchange(stalled_, true)) return;
  note(0, "stalls");
  const bool is_unix = std::holds_alternative<UnixEndpoint>(names_.server);
  if (is_unix) return;
  later(world_.now() + link_.broken_after, [stall = ++stalls_](Connection& self) {
    if (self.stalled_ && self.stalls_ == stall) self.break_both(ETIMEDOUT);
  });
}

void Connection::resume() {
  if (!std::exchange(stalled_, false)) return;
  note(0, "resumes");
  for (const Side side : {Side{0}, Side{1}}) {
    deliver(side);
    receive_reset(side);
  }
}

SimSocket::SimSocket(std::shared_ptr<Connection> connection, Connection::Side side, SimLoop& loop,
                     Wire& wire)
    : connection_(std::move(connection)),
      side_(side),
      wire_(wire),
      readable_(loop),
      writable_(loop),
      hung_up_(loop) {
  ++wire_.open_sockets_;
  writable_.set();
  connection_->open(side_, *this);
}

SimSocket::~SimSocket() {
  --wire_.open_sockets_;
  connection_->close(side_, reset_on_close_);
}

std::optional<IpEndpoint> SimSocket::address(Connection::Side side) const {
  const Connection::Names& names = connection_->names();
  if (side == 0) return names.client;
  const auto* server = std::get_if<IpEndpoint>(&names.server);
  return server != nullptr ? std::optional(*server) : std::nullopt;
}

std::optional<Socket::PeerCredentials> SimSocket::peer_credentials() const {
  const bool is_unix = std::holds_alternative<UnixEndpoint>(connection_->names().server);
  return is_unix ? std::optional(wire_.unix_peer) : std::nullopt;
}

}  // namespace sovmesh::rt::sim
