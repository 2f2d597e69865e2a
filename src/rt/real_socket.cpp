#include "rt/real_socket.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <utility>

#include "rt/sockaddr.h"

namespace sovmesh::rt {
namespace {

constexpr std::size_t kPiecesMax = 16;
// Little in several pieces costs less to copy into one than to hand over as it is.
constexpr std::size_t kJoinedMax = 1'024;

std::size_t total(std::span<const iovec> pieces) {
  std::size_t bytes = 0;
  for (const iovec& piece : pieces)
    bytes += piece.iov_len;
  return bytes;
}

std::size_t join(std::span<const iovec> pieces, std::span<char> into) {
  std::size_t bytes = 0;
  for (const iovec& piece : pieces) {
    std::copy_n(static_cast<const char*>(piece.iov_base), piece.iov_len, into.data() + bytes);
    bytes += piece.iov_len;
  }
  return bytes;
}

bool is_blocked(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

Result<std::unique_ptr<RealSocket>> RealSocket::make(EpollLoop& loop, Fd fd, Kind kind,
                                                     std::optional<IpEndpoint> peer) {
  std::unique_ptr<RealSocket> socket(new RealSocket(loop, std::move(fd), kind, peer));
  TRY_VOID(loop.add(socket->fd(), socket->interest(), *socket));
  socket->registered_ = true;
  return socket;
}

RealSocket::RealSocket(EpollLoop& loop, Fd fd, Kind kind, std::optional<IpEndpoint> peer)
    : readable_(loop),
      writable_(loop),
      hung_up_(loop),
      fd_(std::move(fd)),
      kind_(kind),
      wants_writable_(kind == Kind::tcp || kind == Kind::tcp_connecting),
      peer_(peer) {
  if (kind != Kind::tcp_connecting) writable_.set();
}

RealSocket::~RealSocket() {
  if (registered_) loop().remove(fd(), *this);
}

std::uint32_t RealSocket::interest() const {
  const std::uint32_t in = EPOLLIN | EPOLLRDHUP | EPOLLET;
  return wants_writable_ ? in | EPOLLOUT : in;
}

void RealSocket::on_events(std::uint32_t events) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    ended_ = true;
    hung_up_.set();
    readable_.set();
    // A write finds the reason; after a mere FIN of the peer it may still succeed.
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) writable_.set();
  }
  if ((events & EPOLLIN) != 0) readable_.set();
  if ((events & EPOLLOUT) != 0) writable_.set();
}

IoResult RealSocket::try_read(std::span<char> into) {
  assert(!into.empty());
  for (;;) {
    const ssize_t got = kind_ == Kind::pipe ? ::read(fd(), into.data(), into.size())
                                            : ::recv(fd(), into.data(), into.size(), 0);
    if (got > 0) {
      const auto bytes = static_cast<std::size_t>(got);
      if (bytes < into.size() && !ended_) readable_.clear();
      return IoResult::done(bytes);
    }
    if (got == 0) {
      ended_ = true;
      hung_up_.set();
      return IoResult::end();
    }
    if (errno == EINTR) continue;
    if (!is_blocked(errno)) return broken(errno);
    readable_.clear();
    return IoResult::blocked();
  }
}

IoResult RealSocket::try_write(std::span<const iovec> pieces) {
  pieces = pieces.first(std::min(pieces.size(), kPiecesMax));
  const std::size_t offered = total(pieces);
  if (offered == 0) return IoResult::done(0);
  std::array<char, kJoinedMax> joined;
  iovec one{};
  if (pieces.size() > 1 && offered <= joined.size()) {
    one = {.iov_base = joined.data(), .iov_len = join(pieces, joined)};
    pieces = {&one, 1};
  }
  for (;;) {
    ssize_t sent = 0;
    if (pieces.size() == 1) {
      sent = ::send(fd(), pieces[0].iov_base, offered, MSG_NOSIGNAL);
    } else {
      msghdr message{};
      message.msg_iov = const_cast<iovec*>(pieces.data());  // sendmsg only reads it
      message.msg_iovlen = pieces.size();
      sent = ::sendmsg(fd(), &message, MSG_NOSIGNAL);
    }
    if (sent >= 0) {
      const auto bytes = static_cast<std::size_t>(sent);
      if (bytes < offered) write_was_short();
      return IoResult::done(bytes);
    }
    if (errno == EINTR) continue;
    if (!is_blocked(errno)) return broken(errno);
    write_was_short();
    return IoResult::blocked();
  }
}

void RealSocket::write_was_short() {
  writable_.clear();
  if (std::exchange(wants_writable_, true)) return;
  loop().modify(fd(), interest(), *this);  // reports at once when there is room again
}

IoResult RealSocket::broken(int error) {
  ended_ = true;
  hung_up_.set();
  readable_.set();
  writable_.set();
  return IoResult::failed(error);
}

void RealSocket::shutdown_write() {
  if (kind_ != Kind::pipe) ::shutdown(fd(), SHUT_WR);
}

void RealSocket::reset_on_close() {
  if (kind_ == Kind::pipe || kind_ == Kind::unix_stream) return;  // these know no reset
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

// The kernel takes twice of it, for its own book-keeping, and no longer makes it larger by itself.
void RealSocket::bound_send_buffer(std::size_t bytes) {
  const int size = static_cast<int>(bytes);
  if (kind_ != Kind::pipe) ::setsockopt(fd(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

bool RealSocket::is_idle_and_open() {
  if (ended_) return false;
  if (!readable_.is_set()) return true;
  char byte = 0;
  const ssize_t got = ::recv(fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got >= 0 || !is_blocked(errno)) return false;
  readable_.clear();
  return true;
}

std::optional<IpEndpoint> RealSocket::local() const {
  if (kind_ == Kind::pipe || kind_ == Kind::unix_stream) return std::nullopt;
  return local_ip(fd());
}

std::optional<Socket::PeerCredentials> RealSocket::peer_credentials() const {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (kind_ != Kind::unix_stream ||
      ::getsockopt(fd(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return std::nullopt;
  return PeerCredentials{.pid = credentials.pid, .uid = credentials.uid};
}

int RealSocket::connect_error() const {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

}  // namespace sovmesh::rt
