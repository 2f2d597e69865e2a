#include "rt/listen_sockets.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "rt/real_socket.h"
#include "rt/sockaddr.h"

namespace sovmesh::rt {
namespace {

constexpr int kFirstPassed = 3;
// Both sides say the same, so that a later version can say something else.
constexpr std::string_view kHello = "sovmesh sockets 1\n";
constexpr std::string_view kTaken = "taken\n";
constexpr int kPatience = 5'000;  // ms

std::unexpected<Error> broken(std::string_view what) {
  return our_error(Code::io_error, "taking over sockets: " + std::string(what));
}

std::optional<int> number_in(const char* name) {
  const char* const text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread
  if (text == nullptr) return std::nullopt;
  int value = 0;
  const char* const end = text + std::strlen(text);
  if (std::from_chars(text, end, value).ptr != end) return std::nullopt;
  return value;
}

int option_of(int fd, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

Result<Endpoint> address_of(int fd) {
  if (const auto ip = local_ip(fd)) return Endpoint(*ip);
  SocketAddress address;
  address.size = sizeof address.storage;
  if (::getsockname(fd, address.get(), &address.size) != 0) return fail(io_error(errno, "socket"));
  if (address.storage.ss_family != AF_UNIX) return broken("a socket of a family we do not know");
  sockaddr_un name{};
  std::memcpy(&name, &address.storage, sizeof name);
  return Endpoint(UnixEndpoint{
      std::string(static_cast<const char*>(name.sun_path),
                  ::strnlen(static_cast<const char*>(name.sun_path), sizeof name.sun_path))});
}

bool is_wildcard(const IpAddress& ip) {
  return std::ranges::all_of(ip.bytes(), [](unsigned char byte) { return byte == 0; });
}

// "*:80" may be bound as either family's unspecified address.
bool same(const Endpoint& a, const Endpoint& b) {
  const auto* left = std::get_if<IpEndpoint>(&a);
  const auto* right = std::get_if<IpEndpoint>(&b);
  if (left == nullptr || right == nullptr || left->port != right->port) return a == b;
  return left->ip == right->ip || (is_wildcard(left->ip) && is_wildcard(right->ip));
}

bool wait_readable(int fd) {
  pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&wanted, 1, kPatience) == 1;
}

// Room for the descriptors of one message.
struct Control {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * ListenSockets::kMax)> bytes{};
};

std::vector<Fd> descriptors_in(msghdr& message) {
  std::vector<Fd> found;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      found.emplace_back(fd);
    }
  }
  return found;
}

}  // namespace

ListenerFile ListenerFile::of(std::string path) {
  ListenerFile file{.path = std::move(path)};
  struct stat info{};
  if (::lstat(file.path.c_str(), &info) == 0) {
    file.device = info.st_dev;
    file.inode = info.st_ino;
  }
  return file;
}

void ListenerFile::remove() const {
  struct stat info{};
  if (!path.empty() && ::lstat(path.c_str(), &info) == 0 && info.st_dev == device &&
      info.st_ino == inode)
    ::unlink(path.c_str());
}

Result<Fd> duplicate(int fd) {
  Fd made(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!made.valid()) return fail(io_error(errno, "dup"));
  return made;
}

Result<void> ListenSockets::add(Fd fd) {
  if (option_of(fd.get(), SO_TYPE) != SOCK_STREAM || option_of(fd.get(), SO_ACCEPTCONN) != 1)
    return broken("one of them does not listen");
  ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  TRY(Endpoint endpoint, address_of(fd.get()));
  sockets_.push_back({std::move(endpoint), std::move(fd)});
  return {};
}

Result<ListenSockets> ListenSockets::from_environment() {
  const std::optional<int> pid = number_in("LISTEN_PID");
  const std::optional<int> count = number_in("LISTEN_FDS");
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
    ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread
  ListenSockets passed;
  if (!count || (pid && *pid != ::getpid())) return passed;
  if (!pid || *count < 0 || static_cast<std::size_t>(*count) > kMax)
    return our_error(Code::config_invalid, "LISTEN_FDS and LISTEN_PID make no sense");
  for (int i = 0; i < *count; ++i)
    TRY_VOID(passed.add(Fd(kFirstPassed + i)));
  return passed;
}

Result<ListenSockets> ListenSockets::from_predecessor(const std::string& path) {
  TRY(const SocketAddress address, to_kernel(UnixEndpoint{path}));
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail(io_error(errno, "socket"));
  if (::connect(fd.get(), address.get(), address.size) != 0)
    return our_error(Code::dependency_unavailable, "nobody listens at '" + path + "'");
  std::array<char, kHello.size()> text{};
  iovec piece{.iov_base = text.data(), .iov_len = text.size()};
  Control control;
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  if (!wait_readable(fd.get())) return broken("no answer");
  const ssize_t got = ::recvmsg(fd.get(), &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
  std::vector<Fd> descriptors = descriptors_in(message);
  if (got < 0) return fail(io_error(errno, "taking over sockets"));
  if (got == 0) return our_error(Code::dependency_unavailable, "the other process ends already");
  if (std::string_view(text.data(), static_cast<std::size_t>(got)) != kHello ||
      (message.msg_flags & MSG_CTRUNC) != 0)
    return broken("an answer that is none");
  ListenSockets taken;
  for (Fd& one : descriptors)
    TRY_VOID(taken.add(std::move(one)));
  taken.predecessor_ = std::move(fd);
  return taken;
}

Result<void> ListenSockets::confirm() {
  const ssize_t sent = ::send(predecessor_.get(), kTaken.data(), kTaken.size(), MSG_NOSIGNAL);
  predecessor_.reset();
  if (sent != static_cast<ssize_t>(kTaken.size())) return broken("the other process is gone");
  return {};
}

std::vector<Fd> ListenSockets::take(const Endpoint& endpoint) {
  std::vector<Fd> taken;
  std::erase_if(sockets_, [&](Socket& socket) {
    if (!same(socket.endpoint, endpoint)) return false;
    taken.push_back(std::move(socket.fd));
    return true;
  });
  return taken;
}

std::vector<std::string> ListenSockets::left() const {
  std::vector<std::string> texts;
  for (const Socket& socket : sockets_)
    texts.push_back(to_text(socket.endpoint));
  return texts;
}

Task<Result<bool>> pass_sockets(Socket& peer, const std::vector<Fd>& sockets, Until until) {
  auto* const real = dynamic_cast<RealSocket*>(&peer);
  if (real == nullptr || sockets.size() > ListenSockets::kMax)
    co_return broken("too many, or no unix socket");
  {
    std::string hello(kHello);
    iovec piece{.iov_base = hello.data(), .iov_len = hello.size()};
    Control control;
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (!sockets.empty()) {
      message.msg_control = control.bytes.data();
      message.msg_controllen = CMSG_SPACE(sizeof(int) * sockets.size());
      cmsghdr* const part = CMSG_FIRSTHDR(&message);
      part->cmsg_level = SOL_SOCKET;
      part->cmsg_type = SCM_RIGHTS;
      part->cmsg_len = CMSG_LEN(sizeof(int) * sockets.size());
      for (std::size_t i = 0; i < sockets.size(); ++i) {
        const int fd = sockets[i].get();
        std::memcpy(CMSG_DATA(part) + i * sizeof(int), &fd, sizeof fd);
      }
    }
    // A new connection has room for this.
    if (::sendmsg(real->fd(), &message, MSG_NOSIGNAL) != static_cast<ssize_t>(hello.size()))
      co_return fail(io_error(errno, "passing sockets on"));
  }
  std::string answer(kTaken.size(), '\0');
  CO_TRY(const std::size_t got, co_await read_full(peer, answer, until));
  co_return got == answer.size() && answer == kTaken;
}

}  // namespace sovmesh::rt
