#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "rt/epoll_loop.h"
#include "rt/net.h"
#include "rt/real_socket.h"

namespace sovmesh::rt {

// TCP_NODELAY, keep-alive 15/5/3, TCP_USER_TIMEOUT 30 s. Set on a listening socket they are
// inherited by what it accepts, so a new connection costs no call for them.
void set_stream_options(int fd);

// A listening socket, edge-triggered. A connection whose descriptor would come from the reserve is
// not dropped: it is held back, and so is everything behind it, until descriptors are free again.
class RealListener final : public Listener, private FdHandler {
 public:
  static Result<std::unique_ptr<Listener>> make(EpollLoop& loop, const Endpoint& endpoint,
                                                const ListenOptions& options);
  ~RealListener() override;

  Task<Result<std::unique_ptr<Socket>>> accept(Until until) override;
  Endpoint local() const override { return local_; }
  int fd() const { return fd_.get(); }

 private:
  // The identity of the file that bind() made: only that one is removed at the end.
  struct File {
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;
  };
  enum class Attempt : std::uint8_t { taken, none_waiting, out_of_fds };

  RealListener(EpollLoop& loop, Fd fd, Endpoint local, bool may_use_reserve);
  void on_events(std::uint32_t) override { incoming_.set(); }
  Attempt try_accept();
  bool reach_below_reserve();
  Result<std::unique_ptr<Socket>> wrap();

  EpollLoop& loop_;
  Event incoming_;
  Fd fd_;
  Endpoint local_;
  File file_;  // unix sockets only
  int fds_max_;
  bool registered_ = false;
  unsigned taken_ = 0;  // since the last edge
  Fd accepted_;         // taken from the kernel and not yet given out
  std::optional<IpEndpoint> peer_;
};

}  // namespace sovmesh::rt
