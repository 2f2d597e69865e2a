#include "rt/real_listener.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "rt/real_network.h"
#include "rt/sockaddr.h"

namespace sovmesh::rt {
namespace {

std::unexpected<Error> cannot_listen(const Endpoint& endpoint, int error) {
  return fail(io_error(error, "cannot listen on " + to_text(endpoint)));
}

void turn_on(int fd, int level, int option) {
  const int one = 1;
  ::setsockopt(fd, level, option, &one, sizeof one);
}

// Both families for the unspecified address, else exactly the one that was asked for.
void choose_families(int fd, const IpEndpoint& endpoint) {
  if (endpoint.ip.is_v4()) return;
  const auto bytes = endpoint.ip.bytes();
  const bool any = std::ranges::all_of(bytes, [](unsigned char byte) { return byte == 0; });
  const int only_v6 = any ? 0 : 1;
  ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6);
}

Result<Fd> bind_tcp(const IpEndpoint& endpoint, const ListenOptions& options) {
  TRY(const SocketAddress address, to_kernel(endpoint));
  Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return cannot_listen(endpoint, errno);
  choose_families(fd.get(), endpoint);
  turn_on(fd.get(), SOL_SOCKET, SO_REUSEADDR);
  if (options.reuse_port) turn_on(fd.get(), SOL_SOCKET, SO_REUSEPORT);
  set_stream_options(fd.get());
  if (::bind(fd.get(), address.get(), address.size) != 0) return cannot_listen(endpoint, errno);
  return fd;
}

bool has_ipv6() {
  const Fd probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return probe.valid() || errno != EAFNOSUPPORT;
}

Result<Fd> bind_ip(const IpEndpoint& endpoint, const ListenOptions& options) {
  const IpEndpoint everywhere{.ip = IpAddress::v6({}), .port = endpoint.port};
  if (endpoint != everywhere || has_ipv6()) return bind_tcp(endpoint, options);
  return bind_tcp({.ip = IpAddress::v4({}), .port = endpoint.port}, options);
}

// Removes the file of a socket that nobody listens on any more; leaves everything else alone, so
// that bind() then says what is in the way.
void remove_stale(const std::string& path, const SocketAddress& address) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return;
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!probe.valid()) return;
  if (::connect(probe.get(), address.get(), address.size) != 0 && errno == ECONNREFUSED)
    ::unlink(path.c_str());
}

Result<Fd> bind_unix(const UnixEndpoint& endpoint, const ListenOptions& options) {
  TRY(const SocketAddress address, to_kernel(endpoint));
  remove_stale(endpoint.path, address);
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return cannot_listen(endpoint, errno);
  // Linux gives the new file the mode of the socket, less the umask: never wider than asked, at no
  // time. The second call gives back what the umask took.
  ::fchmod(fd.get(), options.unix_mode);
  if (::bind(fd.get(), address.get(), address.size) != 0) return cannot_listen(endpoint, errno);
  if (::chmod(endpoint.path.c_str(), options.unix_mode) != 0) return cannot_listen(endpoint, errno);
  return fd;
}

int fds_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::numeric_limits<int>::max();
  return static_cast<int>(std::min<rlim_t>(limit.rlim_cur, std::numeric_limits<int>::max()));
}

// A connection that broke while it waited, and network errors that Linux passes on at accept: they
// concern one connection and not the listener.
bool is_transient(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

}  // namespace

Result<std::unique_ptr<Listener>> RealListener::make(EpollLoop& loop, const Endpoint& endpoint,
                                                     const ListenOptions& options) {
  const auto* ip = std::get_if<IpEndpoint>(&endpoint);
  TRY(Fd fd,
      ip != nullptr ? bind_ip(*ip, options) : bind_unix(std::get<UnixEndpoint>(endpoint), options));
  if (::listen(fd.get(), options.backlog) != 0) return cannot_listen(endpoint, errno);
  Endpoint local = endpoint;
  if (ip != nullptr) local = local_ip(fd.get()).value_or(*ip);
  return begin(
      loop, std::move(fd), std::move(local), options.may_use_reserve,
      ip == nullptr ? ListenerFile::of(std::get<UnixEndpoint>(endpoint).path) : ListenerFile());
}

Result<std::unique_ptr<Listener>> RealListener::adopt(EpollLoop& loop, Fd fd,
                                                      const Endpoint& endpoint,
                                                      bool may_use_reserve) {
  if (std::holds_alternative<IpEndpoint>(endpoint)) set_stream_options(fd.get());
  return begin(loop, std::move(fd), endpoint, may_use_reserve, {});
}

Result<std::unique_ptr<Listener>> RealListener::begin(EpollLoop& loop, Fd fd, Endpoint local,
                                                      bool may_use_reserve, ListenerFile file) {
  const bool is_ip = std::holds_alternative<IpEndpoint>(local);
  std::unique_ptr<RealListener> listener(
      new RealListener(loop, std::move(fd), std::move(local), !is_ip || may_use_reserve));
  listener->file_ = std::move(file);
  TRY_VOID(loop.add(listener->fd(), EPOLLIN | EPOLLET, *listener));
  listener->registered_ = true;
  return listener;
}

RealListener::RealListener(EpollLoop& loop, Fd fd, Endpoint local, bool may_use_reserve)
    : loop_(loop),
      incoming_(loop),
      fd_(std::move(fd)),
      local_(std::move(local)),
      fds_max_(fds_limit() - (may_use_reserve ? 0 : RealNetwork::kReservedFds)) {}

RealListener::~RealListener() {
  if (registered_) loop_.remove(fd(), *this);
  file_.remove();
}

Task<Result<std::unique_ptr<Socket>>> RealListener::accept(Until until) {
  for (;;) {
    CO_TRY_VOID(to_result(co_await incoming_.wait(until), "accept"));
    switch (try_accept()) {
      case Attempt::taken:
        co_return wrap();
      case Attempt::none_waiting:
        incoming_.clear();
        taken_ = 0;
        break;
      case Attempt::out_of_fds: {
        const Until pause{loop_.in(RealNetwork::kPause).earlier(until.deadline), until.cancelled};
        if (!co_await sleep(loop_, pause))
          co_return our_error(Code::cancelled, "accept: cancelled");
        break;
      }
    }
  }
}

RealListener::Attempt RealListener::try_accept() {
  while (!accepted_.valid()) {
    SocketAddress peer;
    peer.size = sizeof peer.storage;
    accepted_ = Fd(::accept4(fd(), peer.get(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (accepted_.valid()) {
      peer_ = to_ip(peer.get());
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return Attempt::none_waiting;
    } else if (!is_transient(errno)) {
      return Attempt::out_of_fds;  // EMFILE, ENFILE, ENOBUFS, ENOMEM
    }
  }
  return reach_below_reserve() ? Attempt::taken : Attempt::out_of_fds;
}

// The kernel gives the lowest free number, so a number is also a count of what is in use.
bool RealListener::reach_below_reserve() {
  if (accepted_.get() < fds_max_) return true;
  Fd lower(::fcntl(accepted_.get(), F_DUPFD_CLOEXEC, 0));
  if (!lower.valid() || lower.get() >= fds_max_) return false;
  accepted_ = std::move(lower);
  return true;
}

Result<std::unique_ptr<Socket>> RealListener::wrap() {
  if (++taken_ == RealNetwork::kAcceptsPerTurn) {
    // Asking for the edge again brings it back in the next turn if more are waiting.
    incoming_.clear();
    taken_ = 0;
    loop_.modify(fd(), EPOLLIN | EPOLLET, *this);
  }
  const bool is_ip = std::holds_alternative<IpEndpoint>(local_);
  return RealSocket::make(loop_, std::move(accepted_),
                          is_ip ? RealSocket::Kind::tcp : RealSocket::Kind::unix_stream,
                          is_ip ? peer_ : std::nullopt);
}

}  // namespace sovmesh::rt
