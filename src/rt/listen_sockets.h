#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "rt/event.h"
#include "rt/fd.h"
#include "rt/net.h"
#include "rt/task.h"

namespace sovmesh::rt {

// The file that bind() made for a unix socket: only that very one is removed.
struct ListenerFile {
  std::string path;
  dev_t device = 0;
  ino_t inode = 0;
  static ListenerFile of(std::string path);
  void remove() const;
};

// Sockets that listen already and were given to us: by the service manager, or by the process whose
// place we take. Not for several threads.
class ListenSockets {
 public:
  static constexpr std::size_t kMax = 253;  // what one message of the kernel's carries

  ListenSockets() = default;
  // What the service manager has passed: LISTEN_FDS and LISTEN_PID, which are gone from the
  // environment afterwards. Nothing passed is nothing adopted.
  static Result<ListenSockets> from_environment();
  // Asks the process that listens at `path` for its sockets. It lets go of them when told so by
  // confirm(). Code::dependency_unavailable: nobody is there. Blocks, at most 5 s.
  static Result<ListenSockets> from_predecessor(const std::string& path);
  // From now on the predecessor takes no more connections. Blocks no longer than a write.
  Result<void> confirm();

  // Every one of them for this address, each of which has connections of its own waiting.
  std::vector<Fd> take(const Endpoint& endpoint);
  // Addresses that nobody took.
  std::vector<std::string> left() const;
  bool empty() const { return sockets_.empty(); }

 private:
  struct Socket {
    Endpoint endpoint;
    Fd fd;
  };
  Result<void> add(Fd fd);

  std::vector<Socket> sockets_;
  Fd predecessor_;  // the connection to it
};

// The other side: gives `sockets` to whoever is at the end of `peer`, a unix socket. True when it
// has confirmed that it has them.
Task<Result<bool>> pass_sockets(rt::Socket& peer, const std::vector<Fd>& sockets, Until until);

// Another handle on the same open socket.
Result<Fd> duplicate(int fd);

}  // namespace sovmesh::rt
