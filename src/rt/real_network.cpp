#include "rt/real_network.h"

#include <netinet/tcp.h>

#include <cerrno>
#include <utility>

#include "rt/real_listener.h"
#include "rt/real_socket.h"
#include "rt/sockaddr.h"

namespace sovmesh::rt {
namespace {

constexpr std::chrono::milliseconds kUnixRetry{5};

// A unix socket whose backlog is full answers EAGAIN and reports nothing later.
Task<Result<Fd>> connect_unix(EpollLoop& loop, SocketAddress address, Until until) {
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) co_return fail(io_error(errno, "socket"));
  while (::connect(fd.get(), address.get(), address.size) != 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN) co_return fail(io_error(errno, "connect"));
    if (until.deadline.passed(loop.now())) co_return fail(io_error(ETIMEDOUT, "connect"));
    const Until pause{loop.in(kUnixRetry).earlier(until.deadline), until.cancelled};
    if (!co_await sleep(loop, pause)) co_return our_error(Code::cancelled, "connect: cancelled");
  }
  co_return fd;
}

// The attempt is under way, or over already, when this returns.
Result<Fd> start_tcp(const SocketAddress& address) {
  Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail(io_error(errno, "socket"));
  set_stream_options(fd.get());
  if (::connect(fd.get(), address.get(), address.size) == 0 || errno == EINPROGRESS ||
      errno == EINTR)
    return fd;
  return fail(io_error(errno, "connect"));
}

}  // namespace

void set_stream_options(int fd) {
  const auto set = [fd](int level, int option, int value) {
    ::setsockopt(fd, level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 15);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);
}

Result<std::unique_ptr<Listener>> RealNetwork::listen(const Endpoint& endpoint,
                                                      const ListenOptions& options) {
  return RealListener::make(loop_, endpoint, options);
}

Task<Result<std::unique_ptr<Socket>>> RealNetwork::connect(Endpoint endpoint, Until until) {
  CO_TRY(const SocketAddress address, to_kernel(endpoint));
  const auto* ip = std::get_if<IpEndpoint>(&endpoint);
  if (ip == nullptr) {
    CO_TRY(Fd fd, co_await connect_unix(loop_, address, until));
    co_return RealSocket::make(loop_, std::move(fd), RealSocket::Kind::unix_stream, std::nullopt);
  }
  CO_TRY(Fd fd, start_tcp(address));
  CO_TRY(auto socket,
         RealSocket::make(loop_, std::move(fd), RealSocket::Kind::tcp_connecting, *ip));
  CO_TRY_VOID(to_result(co_await socket->writable().wait(until), "connect"));
  if (const int error = socket->connect_error(); error != 0)
    co_return fail(io_error(error, "connect"));
  co_return socket;
}

}  // namespace sovmesh::rt
