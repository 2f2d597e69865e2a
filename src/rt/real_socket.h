#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "rt/epoll_loop.h"
#include "rt/fd.h"
#include "rt/net.h"

namespace sovmesh::rt {

// A socket or pipe of the kernel on an epoll loop. It makes no system call that the events have
// already answered:
//   - readable starts clear (registration reports what has arrived) and a read of less than asked
//     clears it, except after FIN: then the end must still be read.
//   - writable starts set on a connected socket and a short write clears it. TCP reports EPOLLOUT
//     only after such a write; a unix socket would report it after everything the peer reads, so
//     there it is asked for only from the first short write on.
class RealSocket final : public Socket, private FdHandler {
 public:
  enum class Kind : std::uint8_t { tcp, tcp_connecting, unix_stream, pipe };

  static Result<std::unique_ptr<RealSocket>> make(EpollLoop& loop, Fd fd, Kind kind,
                                                  std::optional<IpEndpoint> peer);
  ~RealSocket() override;

  IoResult try_read(std::span<char> into) override;
  IoResult try_write(std::span<const iovec> pieces) override;
  Event& readable() override { return readable_; }
  Event& writable() override { return writable_; }
  Event& hung_up() override { return hung_up_; }
  void shutdown_write() override;
  void reset_on_close() override;
  void bound_send_buffer(std::size_t bytes) override;
  bool is_idle_and_open() override;
  std::optional<IpEndpoint> peer() const override { return peer_; }
  std::optional<IpEndpoint> local() const override;
  std::optional<PeerCredentials> peer_credentials() const override;

  int fd() const { return fd_.get(); }
  // The errno of a finished connection attempt, 0 when it succeeded.
  int connect_error() const;

 private:
  RealSocket(EpollLoop& loop, Fd fd, Kind kind, std::optional<IpEndpoint> peer);
  std::uint32_t interest() const;
  void on_events(std::uint32_t events) override;
  void write_was_short();
  IoResult broken(int error);

  EpollLoop& loop() const { return EpollLoop::of(readable_.loop()); }

  Event readable_;
  Event writable_;
  Event hung_up_;
  Fd fd_;
  Kind kind_;
  bool registered_ = false;
  bool wants_writable_ = false;  // unix sockets: EPOLLOUT is in the interest
  bool ended_ = false;           // FIN, RST or an error was reported: readable stays set
  std::optional<IpEndpoint> peer_;
};

}  // namespace sovmesh::rt
