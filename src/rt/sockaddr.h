#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <optional>

#include "base/result.h"
#include "rt/net.h"

namespace sovmesh::rt {

// A kernel address with its length.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// Fails for a unix path that does not fit (107 bytes).
Result<SocketAddress> to_kernel(const Endpoint& endpoint);
// Nothing when it is not an IP address; IPv4-mapped IPv6 becomes IPv4.
std::optional<IpEndpoint> to_ip(const sockaddr* address);
// The local address of an IP socket.
std::optional<IpEndpoint> local_ip(int fd);

}  // namespace sovmesh::rt
