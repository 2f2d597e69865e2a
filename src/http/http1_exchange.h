#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "http/connection.h"
#include "http/http1_head.h"
#include "http/response_writer.h"

namespace sovmesh::http {

// The head of a request, and the bytes that it points into.
struct IncomingHead {
  HeadReader reader{HeadReader::Kind::request};
  RequestHead head;

  void clear() {  // keeps memory for the next one
    head.method = head.path = head.query = head.host = head.port = {};
    head.fields.clear();
    reader.clear();
  }
};

// One HTTP/1.1 request and its answer. Used again for the next request, of the same connection
// while bytes of it wait here, else of any connection of the worker.
//
//   answer:  none -- respond() --------------------------> finished
//             \----- start_stream() -> streaming -- finish() --^
//                                          \------- abort() -> aborted
class Http1Exchange final : public Exchange {
 public:
  explicit Http1Exchange(ServerCore& core);
  ~Http1Exchange() override;

  // --- for the connection ---------------------------------------------------------------------
  void attach(rt::Socket& socket, LiveConnection& live);
  void detach();
  // The next bytes of the connection, up to the end of the request's head; what follows is kept.
  Checked<bool> feed_head(std::string_view input);
  // The refused bytes are how HTTP/2 with prior knowledge begins.
  bool is_http2_preface() const;
  std::string take_everything();
  // Bytes of the next request that came with this one.
  bool has_pending() const { return !pending_.empty(); }
  // Answers what the parser refused.
  SM_OWN_FRAME rt::Task<void> refuse(Refusal refusal);
  // What a handler left undone: no answer gets 500, an open stream is cut off. Then waits until
  // everything is sent.
  SM_OWN_FRAME rt::Task<void> conclude(bool handler_threw);
  // After conclude(): whether the connection can carry another request, ...
  bool keeps_alive() const { return keep_alive_ && answer_ == Answer::finished && !is_broken(); }
  // ... and if not, whether the client may still be sending, so that closing at once could destroy
  // the answer on its way.
  bool wants_linger() const {
    return answer_ == Answer::finished && (has_unread_body_ || has_pending());
  }
  void begin_next();

  // --- Exchange -------------------------------------------------------------------------------
  const RequestHead& head() const override;
  std::optional<rt::IpEndpoint> peer() const override { return socket_->peer(); }
  std::optional<rt::Socket::PeerCredentials> peer_credentials() const override {
    return socket_->peer_credentials();
  }
  bool is_tls() const override { return socket_->is_tls(); }
  rt::Loop& loop() const override { return core_.loop; }
  rt::Event& client_gone() override;
  rt::Task<Result<Body>> read_body(BodyLimits limits) override;
  rt::Task<Result<void>> respond(const ResponseHead& head, std::string_view body) override;
  void start_stream(const ResponseHead& head) override;
  void flush_head() override;
  Result<void> write(std::string_view bytes) override;
  std::size_t buffered() const override { return is_flushing_ ? out_.size() - sent_ : 0; }
  rt::Event& drained() override { return drained_; }
  void bound_send_buffer(std::size_t bytes) override { socket_->bound_send_buffer(bytes); }
  rt::Task<Result<void>> finish() override;
  void abort() override;

 private:
  enum class Answer : std::uint8_t { none, streaming, finished, aborted };

  bool is_broken() const { return broken_.is_set(); }
  void break_off();

  // Body.
  class Pace;
  bool body_is_pending() const;
  void skip_pending_body();
  Result<Body> body_error(Code code, const char* message);
  Result<Body> take_pending_body();
  rt::Task<Result<void>> send_continue();
  rt::Task<Result<Body>> read_sized_body(BodyLimits limits);
  rt::Task<Result<Body>> read_chunked_body(BodyLimits limits);
  Result<void> check_wake(rt::Wake wake);

  // Answer.
  void begin_answer(const ResponseHead& head, ResponseFraming framing);
  bool answer_has_body(int status) const;
  Result<void> send_pieces(std::span<iovec> pieces);
  void start_flusher();
  rt::Task<void> flush();
  rt::Task<Result<void>> send_whole(std::string_view body);

  ServerCore& core_;
  rt::Socket* socket_ = nullptr;
  LiveConnection* live_ = nullptr;
  std::unique_ptr<IncomingHead> incoming_;  // until a streamed answer begins
  Framing framing_;
  std::string pending_;   // read behind the head: the body's beginning, or the next request
  std::string out_;       // not sent yet: a head, or what the socket did not take
  std::size_t sent_ = 0;  // of out_
  rt::Event drained_;
  rt::Event broken_;  // this connection is of no more use
  Answer answer_ = Answer::none;
  bool keep_alive_ = true;
  bool has_unread_body_ = false;
  bool sends_body_ = true;  // false: HEAD, 204, 304
  bool is_chunked_ = false;
  bool is_flushing_ = false;
};

}  // namespace sovmesh::http
