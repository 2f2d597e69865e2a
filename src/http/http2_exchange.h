#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/exchange.h"
#include "http/http2_connection.h"
#include "http/http2_head.h"

namespace sovmesh::http {

// One request and its answer: one HTTP/2 stream. The connection makes it with the first byte of the
// header block; from the end of that on the task that runs the handler owns it. The stream may be
// closed before the task has ended and the other way round.
class Http2Exchange final : public Exchange {
 public:
  Http2Exchange(Http2Connection& connection, std::int32_t stream);
  Http2Exchange(const Http2Exchange&) = delete;
  Http2Exchange& operator=(const Http2Exchange&) = delete;
  ~Http2Exchange() override;

  // --- for the connection ---------------------------------------------------------------------
  std::int32_t stream() const { return stream_; }
  Http2Head& collected() { return collected_; }
  bool has_head() const { return has_head_; }
  bool is_closed() const { return is_closed_; }
  // The header block is complete; `ends`: there is no body.
  void on_head(bool ends);
  void on_data(std::string_view bytes);
  void on_request_end();
  void on_answer_sent();
  void on_close(std::uint32_t error_code);
  // The connection is lost.
  void on_lost();
  // The client takes nothing of the answer any more.
  void cut_off();
  // Bytes of the answer wait for the client, which took some (or none was waiting) at `moved()`.
  bool is_behind() const { return !is_gone() && !(out_.empty() && whole_.empty()); }
  Instant moved() const { return moved_; }
  // The next bytes of the answer's body into `into`; nothing while there are none.
  std::optional<std::size_t> take_body(std::span<char> into, bool& is_last);
  // Runs the handler, or answers what the head's check refused.
  rt::Task<void> serve();

  // --- Exchange -------------------------------------------------------------------------------
  const RequestHead& head() const override { return head_; }
  std::optional<rt::IpEndpoint> peer() const override;
  std::optional<rt::Socket::PeerCredentials> peer_credentials() const override;
  bool is_tls() const override;
  rt::Loop& loop() const override;
  rt::Event& client_gone() override { return gone_; }
  rt::Task<Result<Body>> read_body(BodyLimits limits) override;
  rt::Task<Result<void>> respond(const ResponseHead& head, std::string_view body) override;
  void start_stream(const ResponseHead& head) override;
  void flush_head() override;
  Result<void> write(std::string_view bytes) override;
  std::size_t buffered() const override { return out_.size() - taken_; }
  rt::Event& drained() override { return drained_; }
  void bound_send_buffer(std::size_t bytes) override;
  rt::Task<Result<void>> finish() override;
  void abort() override;

 private:
  enum class Answer : std::uint8_t { none, streaming, finished, aborted };

  bool is_gone() const { return is_closed_ || gone_.is_set(); }
  void consume(std::size_t bytes);
  bool answer_has_body(int status) const;
  void submit_head(const ResponseHead& head, std::optional<std::size_t> length);
  rt::Task<Result<void>> wait_sent();
  rt::Task<void> refuse(Refusal refusal);
  rt::Task<void> conclude(bool handler_threw);
  rt::Task<void> let_request_end();
  void reset(std::uint32_t error_code);
  void drop_answer();

  Http2Connection& connection_;
  std::int32_t stream_;
  Http2Head collected_;
  std::optional<Refusal> refusal_;
  RequestHead head_;

  std::string in_;              // the body so far
  std::size_t unconsumed_ = 0;  // of received bytes: not given back to the connection's window
  std::size_t body_max_ = 0;    // known once the handler reads
  bool reads_body_ = false;
  bool skips_body_ = false;  // nobody wants it any more, and it gets no more window
  rt::Event body_over_;      // complete, or larger than body_max_

  std::string out_;
  std::size_t taken_ = 0;   // of out_
  std::string_view whole_;  // respond(): what of the caller's body is not taken
  Instant moved_{};
  rt::Event drained_;
  rt::Event sent_;  // the answer went out completely, or never will
  rt::Event gone_;
  Answer answer_ = Answer::none;
  bool has_head_ = false;
  bool request_ended_ = false;
  bool is_answered_ = false;  // everything of the answer went out
  bool is_closed_ = false;    // the stream; its number must not be used any more
  bool sends_body_ = true;    // false: HEAD, 204, 304
};

}  // namespace sovmesh::http
