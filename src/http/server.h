#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "http/exchange.h"
#include "rt/net.h"
#include "rt/task_group.h"
#include "rt/tls.h"

namespace sovmesh::http {

// Limits and times of one listener (docs/configuration.md shows them to operators).
struct ServerLimits {
  std::size_t head_bytes_max = std::size_t{64} * 1024;   // more: 431
  std::size_t fields_max = 100;                          // more: 431
  std::size_t target_bytes_max = std::size_t{8} * 1024;  // more: 414 as invalid_request
  std::size_t connections_max = 10'000;                  // per worker; beyond it accepting pauses
  std::size_t connections_per_ip_max = 2'000;
  std::size_t streams_max = 100;  // concurrent HTTP/2 streams of one connection
  std::chrono::milliseconds head_time{10'000};
  std::chrono::milliseconds handshake_time{10'000};
  std::chrono::milliseconds keep_alive{75'000};
  std::chrono::milliseconds write_stall{
      30'000};  // a client that takes nothing this long is dropped
  bool half_close_is_abort =
      true;  // HTTP/1.1: a FIN while an answer is outstanding ends the request
};

struct ServerOptions {
  ServerLimits limits;
  // Nothing: clear text, where HTTP/2 is spoken to clients that begin with its preface. Called per
  // handshake, so that a rotated certificate is used by the next one.
  std::function<std::shared_ptr<const rt::TlsServerContext>()> tls;
};

// Counts for the metrics page, per worker.
struct ServerCounters {
  std::uint64_t accepted = 0;
  std::uint64_t open = 0;
  std::uint64_t requests = 0;
  std::uint64_t bad_requests = 0;  // refused by the parser
};

// Serves one listener on one worker.
class Server {
 public:
  Server(rt::Loop& loop, std::unique_ptr<rt::Listener> listener, Handler& handler,
         ServerOptions options);
  ~Server();

  rt::Endpoint local() const;
  const ServerCounters& counters() const;

  // Accepts until stop_accepting() or a cancelled wait.
  rt::Task<void> run();
  // Closes the listener; running requests go on.
  void stop_accepting();
  // Tells clients to go elsewhere (Connection: close, GOAWAY) and closes idle connections; a
  // request that comes on one within a second is still answered.
  void begin_drain();
  // While the process is too full, until told otherwise: `closes`: as begin_drain(), for a while;
  // not `accepts`: new connections wait in the kernel.
  void relieve(bool closes, bool accepts);
  // Waits until every connection has ended; at the deadline the rest is cut off (client_gone is
  // set, then connections are reset) and awaited.
  rt::Task<void> drain(rt::Deadline deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sovmesh::http
