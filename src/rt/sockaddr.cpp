#include "rt/sockaddr.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace sovmesh::rt {
namespace {

SocketAddress ip_address(const IpEndpoint& endpoint) {
  SocketAddress to;
  const auto bytes = endpoint.ip.bytes();
  if (endpoint.ip.is_v4()) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&to.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(endpoint.port);
    std::memcpy(&v4->sin_addr, bytes.data(), bytes.size());
    to.size = sizeof *v4;
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&to.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(endpoint.port);
    std::memcpy(&v6->sin6_addr, bytes.data(), bytes.size());
    to.size = sizeof *v6;
  }
  return to;
}

}  // namespace

Result<SocketAddress> to_kernel(const Endpoint& endpoint) {
  if (const auto* ip = std::get_if<IpEndpoint>(&endpoint)) return ip_address(*ip);
  const std::string& path = std::get<UnixEndpoint>(endpoint).path;
  SocketAddress to;
  auto* name = reinterpret_cast<sockaddr_un*>(&to.storage);
  if (path.empty() || path.size() >= sizeof name->sun_path)
    return our_error(Code::config_invalid, "the path of a unix socket must have 1 to " +
                                               std::to_string(sizeof name->sun_path - 1) +
                                               " characters: " + path);
  name->sun_family = AF_UNIX;
  std::memcpy(name->sun_path, path.data(), path.size());
  to.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return to;
}

std::optional<IpEndpoint> to_ip(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    std::array<unsigned char, 4> bytes{};
    std::memcpy(bytes.data(), &v4->sin_addr, bytes.size());
    return IpEndpoint{.ip = IpAddress::v4(bytes), .port = ntohs(v4->sin_port)};
  }
  if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    std::array<unsigned char, 16> bytes{};
    std::memcpy(bytes.data(), &v6->sin6_addr, bytes.size());
    return IpEndpoint{.ip = IpAddress::v6(bytes), .port = ntohs(v6->sin6_port)};
  }
  return std::nullopt;
}

std::optional<IpEndpoint> local_ip(int fd) {
  SocketAddress local;
  local.size = sizeof local.storage;
  if (::getsockname(fd, local.get(), &local.size) != 0) return std::nullopt;
  return to_ip(local.get());
}

}  // namespace sovmesh::rt
