#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/buffer_cache.h"
#include "base/result.h"
#include "http/head.h"
#include "rt/event.h"
#include "rt/net.h"
#include "rt/task.h"

namespace sovmesh::http {

// A whole request body. `bytes` is followed by 64 zero bytes of the same allocation, as simdjson
// wants.
class Body {
 public:
  static constexpr std::size_t kPadding = 64;
  Body() = default;
  explicit Body(std::string padded) : padded_(std::move(padded)) {}  // size() includes the padding
  Body(Body&&) = default;
  Body& operator=(Body&&) = default;
  ~Body() { give_buffer(padded_); }
  std::string_view bytes() const {
    return padded_.empty() ? std::string_view()
                           : std::string_view(padded_).substr(0, padded_.size() - kPadding);
  }

 private:
  std::string padded_;
};

struct BodyLimits {
  std::size_t bytes_max = 32U << 20;
  // Sustained rate after a grace, and the whole body's time: a slow sender gets 408.
  std::chrono::milliseconds grace{10'000};
  std::size_t bytes_per_second_min = 1024;
  std::chrono::milliseconds total{60'000};
};

// One request and its answer, on one worker, the same over HTTP/1.1 and HTTP/2. The handler answers
// exactly once: respond(), or start_stream() + write()s + finish() or abort(). Returning without an
// answer is a bug and gets 500.
class Exchange {
 public:
  virtual ~Exchange() = default;

  // Until the answer begins: an open stream does not hold what asked for it.
  virtual const RequestHead& head() const = 0;
  virtual std::optional<rt::IpEndpoint> peer() const = 0;
  virtual std::optional<rt::Socket::PeerCredentials> peer_credentials() const = 0;
  virtual bool is_tls() const = 0;
  virtual rt::Loop& loop() const = 0;

  // Set when the client is gone (http.md: FIN, RST, RST_STREAM, lost connection). Pass it to every
  // wait.
  virtual rt::Event& client_gone() = 0;

  // Reads the whole body; sends "100 Continue" first when the client waits for it. 413, 408, 400
  // (bad framing) as errors; after one the connection closes once the answer has been sent.
  virtual rt::Task<Result<Body>> read_body(BodyLimits limits) = 0;

  // A complete answer. Content-Length is set; HEAD is not our business here.
  virtual rt::Task<Result<void>> respond(const ResponseHead& head, std::string_view body) = 0;

  // Begins an answer of unknown length. The head goes out with the first write(), flush_head() or
  // finish(), in one segment with it.
  virtual void start_stream(const ResponseHead& head) = 0;
  virtual void flush_head() = 0;
  // Sends `bytes` as far as the socket takes them now and keeps the rest, at most kBufferMax (more
  // is an assertion: wait for drained() while buffered() > 0). No allocation when all of it goes
  // out. An error means the client is gone.
  virtual Result<void> write(std::string_view bytes) = 0;
  virtual std::size_t buffered() const = 0;
  virtual rt::Event& drained() = 0;  // set while buffered() == 0
  // For a stream that says little for long: see rt::Socket.
  virtual void bound_send_buffer(std::size_t bytes) = 0;
  // Ends the stream cleanly (last chunk, END_STREAM).
  virtual rt::Task<Result<void>> finish() = 0;
  // Ends it visibly broken (connection reset, RST_STREAM), so that it cannot look complete.
  virtual void abort() = 0;

  static constexpr std::size_t kBufferMax = std::size_t{256} * 1024;

  // What is left to do for this request goes on when handle() has returned, in its place and with
  // nothing of it in memory: for answers that take minutes. For the handler, once.
  void go_on(rt::Task<void> rest) { rest_ = std::move(rest); }
  // For whoever called handle(): the rest, to be awaited.
  bool goes_on() const { return rest_.valid(); }
  rt::Task<void> rest() { return std::exchange(rest_, {}); }

 private:
  rt::Task<void> rest_;
};

// Answers requests. One object serves all connections of a worker; handle() may run many times at
// once. A request is over when what handle() left to Exchange::go_on() has ended, too.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual rt::Task<void> handle(Exchange& exchange) = 0;
  // Answers what the server found to be no request: `error`, with a status that may differ from its
  // code's. Of the head only method and path are there, as far as they were read, and unchecked.
  virtual rt::Task<void> refuse(Exchange& exchange, int status, const Error& error);
};

}  // namespace sovmesh::http
