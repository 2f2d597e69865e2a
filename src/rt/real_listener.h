#pragma once

#include <memory>
#include <utility>

#include "rt/epoll_loop.h"
#include "rt/listen_sockets.h"
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
  // On a socket that listens already and belongs to others, too. Its file is left alone.
  static Result<std::unique_ptr<Listener>> adopt(EpollLoop& loop, Fd fd, const Endpoint& endpoint,
                                                 bool may_use_reserve);
  ~RealListener() override;

  Task<Result<std::unique_ptr<Socket>>> accept(Until until) override;
  Endpoint local() const override { return local_; }
  int fd() const { return fd_.get(); }
  // The file of a unix socket, which from now on is the caller's to remove.
  ListenerFile take_file() { return std::exchange(file_, {}); }

 private:
  enum class Attempt : std::uint8_t { taken, none_waiting, out_of_fds };

  static Result<std::unique_ptr<Listener>> begin(EpollLoop& loop, Fd fd, Endpoint local,
                                                 bool may_use_reserve, ListenerFile file);
  RealListener(EpollLoop& loop, Fd fd, Endpoint local, bool may_use_reserve);
  void on_events(std::uint32_t) override { incoming_.set(); }
  Attempt try_accept();
  bool reach_below_reserve();
  Result<std::unique_ptr<Socket>> wrap();

  EpollLoop& loop_;
  Event incoming_;
  Fd fd_;
  Endpoint local_;
  ListenerFile file_;  // unix sockets that we have made
  int fds_max_;
  bool registered_ = false;
  unsigned taken_ = 0;  // since the last edge
  Fd accepted_;         // taken from the kernel and not yet given out
  std::optional<IpEndpoint> peer_;
};

}  // namespace sovmesh::rt
