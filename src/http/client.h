#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/head.h"
#include "rt/net.h"
#include "rt/task.h"
#include "rt/tls.h"

namespace sovmesh::http {

// Where to: resolved to an address by the pool when `host` is a name.
struct Origin {
  std::string host;  // name or literal; empty for a unix socket
  std::uint16_t port = 0;
  std::string unix_path;                            // when set, host is only the Host header
  std::shared_ptr<const rt::TlsClientContext> tls;  // nothing: clear text
};

// The request to send. Views must live until send() has returned.
struct ClientRequest {
  std::string_view method;
  std::string_view target;
  std::vector<Field> fields;  // without host, content-length, connection
  std::string_view body;      // sent with content-length when the method is not GET
  // Never sent a second time. Else a kept connection that ends before an answer counts as one that
  // was closed before its server saw the request.
  bool once = false;
  // Longest time for name, connection and TLS; nothing: ClientLimits::connect_time.
  std::optional<std::chrono::milliseconds> connect_time = {};
};

struct ClientResponseHead {
  int status = 0;
  Fields fields;  // lives until the first try_read()
  std::optional<std::uint64_t> content_length;
};

struct ClientLimits {
  std::size_t idle_max = 256;  // kept connections per origin
  std::chrono::milliseconds idle_time{55'000};
  std::size_t head_bytes_max = std::size_t{64} * 1024;
  std::chrono::milliseconds connect_time{5'000};
};

// One piece of a response body.
struct BodyPiece {
  // Behind the bytes of a piece at least this much memory is readable, as simdjson wants.
  static constexpr std::size_t kPadding = 64;
  enum class Kind : std::uint8_t { data, end, would_block };
  Kind kind;
  std::string_view bytes;  // for data, never empty: valid until the next call on this loop
};

// One HTTP/1.1 call. Whatever way it goes away, the connection is either clean (complete answer,
// strict framing, keep-alive) and returns to its pool, or it is closed at once, which cancels the
// engine. Strictness: a response with CL and TE, several or odd lengths, a bad chunk, bytes after
// the end, or an endless head is Code::upstream_invalid_response, and the connection is closed.
class ClientCall {
 public:
  virtual ~ClientCall() = default;
  // Connects or takes an idle connection, and sends the request. A kept connection that turns out
  // dead before any byte of an answer is replaced by a new one once.
  virtual rt::Task<Result<void>> send(const ClientRequest& request, rt::Until until) = 0;
  // After Code::timed_out it may be called again: the call goes on.
  virtual rt::Task<Result<ClientResponseHead>> head(rt::Until until) = 0;
  // Pulls the next piece without waiting; readable() is set when another try makes sense. An early
  // end of the connection is Code::upstream_error.
  virtual Result<BodyPiece> try_read() = 0;
  virtual rt::Event& readable() = 0;
  // Closes the connection now, also after the end of the answer: what it carried was no good.
  virtual void cancel() = 0;
};

// Kept connections to many origins, of one worker.
class ClientPool {
 public:
  ClientPool(rt::Loop& loop, rt::Network& network, rt::Resolver& resolver, ClientLimits limits);
  ~ClientPool();
  // `origin` must outlive the call. Never fails: errors come from send().
  std::unique_ptr<ClientCall> call(const Origin& origin);
  // Closes the kept connections (an engine was restarted, the worker ends).
  void close_idle();
  std::size_t idle() const;

  struct Impl;  // defined inside the module

 private:
  std::shared_ptr<Impl> impl_;
};

// Sends a request and reads the whole answer, at most `bytes_max` of it. For probes and admin
// calls, not for the data path.
struct ClientResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
};
rt::Task<Result<ClientResponse>> fetch(ClientPool& pool, const Origin& origin,
                                       ClientRequest request, std::size_t bytes_max,
                                       rt::Until until);

}  // namespace sovmesh::http
