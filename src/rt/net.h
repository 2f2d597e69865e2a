#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "rt/event.h"
#include "rt/task.h"

namespace sovmesh::rt {

// An IPv4 or IPv6 address. IPv4-mapped IPv6 addresses are turned into IPv4 when parsed or accepted.
class IpAddress {
 public:
  static Result<IpAddress> parse(std::string_view text);
  static IpAddress v4(std::array<unsigned char, 4> bytes);
  static IpAddress v6(std::array<unsigned char, 16> bytes);
  bool is_v4() const { return is_v4_; }
  bool is_loopback() const;
  std::span<const unsigned char> bytes() const { return {bytes_.data(), is_v4_ ? 4U : 16U}; }
  std::string text() const;
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<unsigned char, 16> bytes_{};
  bool is_v4_ = true;
};

struct IpEndpoint {
  IpAddress ip;
  std::uint16_t port = 0;
  friend auto operator<=>(const IpEndpoint&, const IpEndpoint&) = default;
};
struct UnixEndpoint {
  std::string path;
  friend auto operator<=>(const UnixEndpoint&, const UnixEndpoint&) = default;
};
using Endpoint = std::variant<IpEndpoint, UnixEndpoint>;

// "127.0.0.1:8080", "[::1]:0", "*:8080" (dual stack, every address), "unix:/path". Ports 0..65535.
Result<Endpoint> parse_endpoint(std::string_view text);
std::string to_text(const Endpoint& endpoint);

// Outcome of one non-blocking attempt.
struct IoResult {
  enum class Status : std::uint8_t { ok, would_block, eof, error };
  Status status = Status::ok;
  std::size_t bytes = 0;  // for ok; a read of ok never has 0 bytes
  int error = 0;          // errno for error

  static IoResult done(std::size_t bytes) { return {Status::ok, bytes, 0}; }
  static IoResult blocked() { return {Status::would_block, 0, 0}; }
  static IoResult end() { return {Status::eof, 0, 0}; }
  static IoResult failed(int error) { return {Status::error, 0, error}; }
};

// A connected byte stream of one worker: TCP, unix, TLS over either, or simulated. The pattern is
//
//   for (;;) {
//     const IoResult got = socket.try_read(loop.scratch());
//     if (got.status == would_block) { co_await socket.readable().wait(until); continue; }
//     ...
//   }
//
// readable() and writable() are set while an attempt may make progress; would_block clears them. A
// short read or write may clear them too (edge-triggered epoll: a stream socket that gave less than
// asked is drained). TLS: a read may need a write and the other way round; the events hide that.
class Socket {
 public:
  virtual ~Socket() = default;

  virtual IoResult try_read(std::span<char> into) = 0;
  // Takes a prefix of what is offered; at most 16 pieces. Never raises SIGPIPE. After would_block
  // the next attempt must begin with the same bytes: TLS may have sealed them already.
  virtual IoResult try_write(std::span<const iovec> pieces) = 0;
  virtual Event& readable() = 0;
  virtual Event& writable() = 0;
  // Set when the peer sent FIN or RST or the connection broke, even with nobody reading and with
  // unread bytes waiting. Never cleared.
  virtual Event& hung_up() = 0;
  // Sends FIN after what was written (TLS: close_notify first); reading goes on.
  virtual void shutdown_write() = 0;
  // Makes the closing in the destructor an RST: a cut-off answer must not look finished.
  virtual void reset_on_close() = 0;
  // About so many bytes may wait below us for a peer that does not read; what is more stays with
  // whoever writes, who then sees it.
  virtual void bound_send_buffer(std::size_t bytes) { (void)bytes; }

  // False when the idle connection has been closed or has unexpected bytes waiting: not for reuse.
  virtual bool is_idle_and_open() = 0;
  virtual std::optional<IpEndpoint> peer() const = 0;   // nothing for unix sockets
  virtual std::optional<IpEndpoint> local() const = 0;  // nothing for unix sockets
  // Process id and user id of a unix peer; nothing elsewhere.
  struct PeerCredentials {
    int pid;
    unsigned uid;
  };
  virtual std::optional<PeerCredentials> peer_credentials() const = 0;
  // TLS only: what ALPN chose ("h2", "http/1.1") and whether the bytes are encrypted.
  virtual std::string_view alpn() const { return {}; }
  virtual bool is_tls() const { return false; }
};

struct ListenOptions {
  int backlog = 4096;
  bool reuse_port = false;    // several workers share one port
  unsigned unix_mode = 0600;  // permissions of a unix socket's file
  // For the admin listener: it may take the last file descriptors, which others must leave alone.
  bool may_use_reserve = false;
};

class Listener {
 public:
  virtual ~Listener() = default;
  // Accepts one connection with TCP_NODELAY, keep-alive 15/5/3 and TCP_USER_TIMEOUT 30 s. On
  // running out of file descriptors it pauses 100 ms by itself and then goes on (it never spins).
  virtual Task<Result<std::unique_ptr<Socket>>> accept(Until until) = 0;
  // The address really bound: the port is never 0.
  virtual Endpoint local() const = 0;
};

// Opens sockets for one worker's loop.
class Network {
 public:
  virtual ~Network() = default;
  virtual Result<std::unique_ptr<Listener>> listen(const Endpoint& endpoint,
                                                   const ListenOptions& options) = 0;
  virtual Task<Result<std::unique_ptr<Socket>>> connect(Endpoint endpoint, Until until) = 0;
};

// Host names to addresses; literals are answered at once. Keeps the last good answers for up to 1 h
// when servers fail, and failures for 5 s. Never empty on success.
class Resolver {
 public:
  virtual ~Resolver() = default;
  virtual Task<Result<std::vector<IpAddress>>> resolve(std::string host, Until until) = 0;
};

// Reads until `into` is full or the stream ends; the number of bytes read.
Task<Result<std::size_t>> read_full(Socket& socket, std::span<char> into, Until until);
// Writes everything.
Task<Result<void>> write_all(Socket& socket, std::string_view bytes, Until until);
// "connection reset by peer" and the like, as an Error with Code::closed or Code::io_error.
Error io_error(int error_number, std::string_view what);

}  // namespace sovmesh::rt
