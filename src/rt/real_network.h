#pragma once

#include <memory>

#include "rt/epoll_loop.h"
#include "rt/net.h"

namespace sovmesh::rt {

// The sockets of one epoll loop.
//
// The unspecified IPv6 address listens on both families; where the machine has no IPv6 it falls
// back to IPv4. A unix socket's file left by a dead process is replaced, one that answers is not,
// and a listener removes its own file at its end.
class RealNetwork final : public Network {
 public:
  // Listeners leave this many file descriptors of the process to upstream connections, databases
  // and logs (unix listeners and those with `may_use_reserve` take them all).
  static constexpr int kReservedFds = 64;
  // Connections one listener takes in one turn of the loop before the others get their share.
  static constexpr unsigned kAcceptsPerTurn = 64;
  static constexpr std::chrono::milliseconds kPause{100};

  explicit RealNetwork(EpollLoop& loop) : loop_(loop) {}
  Result<std::unique_ptr<Listener>> listen(const Endpoint& endpoint,
                                           const ListenOptions& options) override;
  Task<Result<std::unique_ptr<Socket>>> connect(Endpoint endpoint, Until until) override;

 private:
  EpollLoop& loop_;
};

}  // namespace sovmesh::rt
