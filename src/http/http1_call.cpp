// One HTTP/1.1 call of the client.
#include <algorithm>
#include <utility>

#include "base/append.h"
#include "base/bytes.h"
#include "http/chunk_decoder.h"
#include "http/client_pool.h"
#include "http/response_writer.h"
#include "http/socket_io.h"

namespace sovmesh::http {

namespace {

using Status = rt::IoResult::Status;
using Kind = BodyPiece::Kind;

// Larger bodies are not kept for a second attempt; they get a new connection at once instead, which
// costs little beside them.
constexpr std::size_t kReplayBytesMax = std::size_t{256} * 1024;
constexpr unsigned kInterimMax = 8;
constexpr std::size_t kAnswerFieldsMax = 256;

std::unexpected<Error> invalid(std::string_view what) {
  return upstream_error(Code::upstream_invalid_response, std::string(what));
}
std::unexpected<Error> broken(const char* what) {
  return upstream_error(Code::upstream_error, what);
}

void append_host(std::string& out, const Origin& origin) {
  const bool is_v6 = origin.host.find(':') != std::string::npos;
  if (is_v6) out += '[';
  out += origin.host.empty() ? std::string_view("localhost") : std::string_view(origin.host);
  if (is_v6) out += ']';
  const std::uint16_t usual = origin.tls ? 443 : 80;
  if (origin.unix_path.empty() && origin.port != usual) {
    out += ':';
    append_number(out, origin.port);
  }
}

void append_request_head(std::string& out, const Origin& origin, const ClientRequest& request) {
  out.reserve(512 + request.target.size());
  append_all(out, request.method, " ", request.target, " HTTP/1.1\r\nhost: ");
  append_host(out, origin);
  for (const Field& field : request.fields) {
    if (is_sendable_value(field.value)) append_all(out, "\r\n", field.name, ": ", field.value);
  }
  if (request.method != "GET" && request.method != "HEAD") {
    out += "\r\ncontent-length: ";
    append_number(out, request.body.size());
  }
  out += "\r\n\r\n";
}

//   idle -- send() -> sent -- head() -> body -- try_read() -> done (the destructor gives the
//                                                                   connection back to its pool)
//   any -- error, cancel() -> over (closed)
class Http1Call final : public ClientCall {
 public:
  Http1Call(std::shared_ptr<ClientPool::Impl> pool, const Origin& origin)
      : pool_(std::move(pool)),
        origin_(origin),
        buffers_(pool_->take_buffers()),
        always_ready_(pool_->loop) {
    always_ready_.set();
  }
  Http1Call(const Http1Call&) = delete;
  Http1Call& operator=(const Http1Call&) = delete;
  // A connection whose answer was read to its end goes back now and not earlier: until then
  // cancel() can say that what it carried was no good.
  ~Http1Call() override {
    if (state_ == State::done && socket_) pool_->put(origin_, std::move(socket_));
    give_back_buffers();
  }

  rt::Task<Result<void>> send(const ClientRequest& request, rt::Until until) override;
  rt::Task<Result<ClientResponseHead>> head(rt::Until until) override;
  Result<BodyPiece> try_read() override;
  rt::Event& readable() override {
    const bool waits = state_ != State::done && state_ != State::over && !has_pending_;
    return waits && socket_ ? socket_->readable() : always_ready_;
  }
  void cancel() override {
    socket_.reset();
    state_ = State::over;
  }

 private:
  enum class State : std::uint8_t { idle, sent, body, done, over };

  rt::Task<Result<void>> write_all(std::string_view head, std::string_view body, rt::Until until);
  rt::Task<Result<void>> connect_and_write(std::string_view head, std::string_view body,
                                           rt::Until until);
  Result<bool> read_head_bytes(bool& is_dead);
  Result<bool> use_head_bytes(std::string_view input);
  Result<ClientResponseHead> begin_body();
  Result<BodyPiece> use_body(std::span<char> block);
  Result<BodyPiece> end_of_connection(const rt::IoResult& got);
  void complete();
  void give_back_buffers() {
    if (buffers_) pool_->give_back(std::move(buffers_));
  }
  std::unexpected<Error> over(std::unexpected<Error> error) {
    cancel();
    return error;
  }

  std::shared_ptr<ClientPool::Impl> pool_;
  const Origin& origin_;
  std::unique_ptr<ClientPool::Impl::Buffers> buffers_;  // until the body needs none of them
  std::unique_ptr<rt::Socket> socket_;
  rt::Event always_ready_;
  std::chrono::milliseconds connect_time_{0};
  std::uint64_t left_ = 0;  // of a body with a length
  ChunkDecoder chunks_;
  Framing::Kind framing_ = Framing::Kind::none;
  bool keeps_alive_ = false;  // its connection, after the answer
  State state_ = State::idle;
  bool to_head_ = false;
  bool may_replay_ = false;   // the connection was kept and nothing of an answer has come
  bool has_pending_ = false;  // buffers_->pending holds body bytes not handed out yet
  unsigned interim_ = 0;
};

rt::Task<Result<void>> Http1Call::send(const ClientRequest& request, rt::Until until) {
  std::string& head = buffers_->request;
  head.clear();
  append_request_head(head, origin_, request);
  to_head_ = request.method == "HEAD";
  connect_time_ = request.connect_time.value_or(pool_->limits.connect_time);
  state_ = State::sent;
  const bool may_use_kept = !request.once && request.body.size() <= kReplayBytesMax;
  if (may_use_kept) socket_ = pool_->take(origin_);
  if (!socket_) {
    auto sent = co_await connect_and_write(head, request.body, until);
    if (!sent) cancel();
    head.clear();
    co_return sent;
  }
  head += request.body;
  may_replay_ = true;
  auto sent = co_await write_all(head, {}, until);
  if (!sent && sent.error().code() != Code::timed_out && sent.error().code() != Code::cancelled) {
    may_replay_ = false;
    sent = co_await connect_and_write(head, {}, until);
  }
  if (!sent) cancel();
  co_return sent;
}

rt::Task<Result<void>> Http1Call::connect_and_write(std::string_view head, std::string_view body,
                                                    rt::Until until) {
  socket_.reset();
  CO_TRY(socket_, co_await pool_->connect(origin_, connect_time_, until));
  co_return co_await write_all(head, body, until);
}

rt::Task<Result<void>> Http1Call::write_all(std::string_view head, std::string_view body,
                                            rt::Until until) {
  TwoPieces pieces(head, body);
  while (!pieces.empty()) {
    const rt::IoResult sent = pieces.write_to(*socket_);
    if (sent.status == Status::ok) continue;
    if (sent.status == Status::would_block) {
      const rt::Wake wake = co_await socket_->writable().wait(until);
      CO_TRY_VOID(rt::to_result(wake, "sending the request"));
    } else {
      co_return broken("the connection broke while the request was sent");
    }
  }
  co_return Result<void>();
}

rt::Task<Result<ClientResponseHead>> Http1Call::head(rt::Until until) {
  if (state_ != State::sent) co_return broken("there is no request to answer");
  while (true) {
    bool is_dead = false;
    CO_TRY(const bool complete, read_head_bytes(is_dead));
    if (complete) co_return begin_body();
    if (is_dead) {  // kept, and closed by its server before it saw the request
      may_replay_ = false;
      auto sent = co_await connect_and_write(buffers_->request, {}, until);
      if (!sent && sent.error().code() == Code::io_error) sent = broken("the connection ended");
      if (!sent) co_return over(std::unexpected(std::move(sent).error()));
      continue;
    }
    const rt::Wake wake = co_await socket_->readable().wait(until);
    if (wake != rt::Wake::ready)
      co_return std::unexpected(rt::to_result(wake, "waiting for the answer").error());
  }
}

// Reads until the head is complete (true) or the socket is empty.
Result<bool> Http1Call::read_head_bytes(bool& is_dead) {
  while (true) {
    const auto scratch = pool_->loop.scratch();
    const rt::IoResult got =
        read_now(*socket_, scratch.first(scratch.size() - BodyPiece::kPadding));
    if (got.status == Status::would_block) return false;
    if (got.status != Status::ok) {
      is_dead = may_replay_;
      if (is_dead) return false;
      return over(broken("the connection ended before an answer"));
    }
    may_replay_ = false;
    TRY(const bool complete, use_head_bytes({scratch.data(), got.bytes}));
    if (complete) return true;
  }
}

Result<bool> Http1Call::use_head_bytes(std::string_view input) {
  const HeadBounds bounds{.bytes_max = pool_->limits.head_bytes_max,
                          .fields_max = kAnswerFieldsMax};
  while (true) {
    const auto complete = buffers_->reader.feed(input, bounds);
    if (!complete) return over(invalid(complete.error().message));
    if (!*complete) return false;
    const auto parsed = parse_response_head(buffers_->reader, to_head_, buffers_->parsed);
    if (!parsed) return over(invalid(parsed.error().message));
    if (buffers_->parsed.status >= 200) break;
    if (buffers_->parsed.status == 101 || ++interim_ > kInterimMax)
      return over(invalid("an interim answer that was not asked for"));
    buffers_->reader.clear();
  }
  has_pending_ = !input.empty();
  if (has_pending_) {
    buffers_->pending.reserve(input.size() + BodyPiece::kPadding);
    buffers_->pending.assign(input);
  }
  return true;
}

Result<ClientResponseHead> Http1Call::begin_body() {
  using Framing::Kind::chunked;
  using Framing::Kind::none;
  using Framing::Kind::until_close;
  const ParsedResponse& parsed = buffers_->parsed;
  framing_ = parsed.framing.kind;
  keeps_alive_ = parsed.framing.keep_alive;
  if (framing_ == none && has_pending_) return over(invalid("bytes follow the end of the answer"));
  // A long answer should hold neither its request nor memory for the next one.
  buffers_->request.clear();
  if (framing_ == chunked || framing_ == until_close) release(buffers_->request);
  state_ = State::body;
  left_ = parsed.framing.length;
  if (framing_ == none) complete();
  return ClientResponseHead{.status = parsed.status,
                            .fields = std::move(buffers_->fields),
                            .content_length = parsed.content_length};
}

Result<BodyPiece> Http1Call::try_read() {
  if (state_ == State::done) return BodyPiece{.kind = Kind::end, .bytes = {}};
  if (state_ != State::body) return broken("the answer was given up");
  while (true) {
    std::span<char> block;
    if (has_pending_) {
      has_pending_ = false;
      block = buffers_->pending;
    } else {
      // An open stream keeps no buffer.
      if (framing_ != Framing::Kind::length) give_back_buffers();
      const auto scratch = pool_->loop.scratch();
      const rt::IoResult got =
          read_now(*socket_, scratch.first(scratch.size() - BodyPiece::kPadding));
      if (got.status == Status::would_block)
        return BodyPiece{.kind = Kind::would_block, .bytes = {}};
      if (got.status != Status::ok) return end_of_connection(got);
      block = scratch.first(got.bytes);
    }
    TRY(const BodyPiece piece, use_body(block));
    if (piece.kind != Kind::data || !piece.bytes.empty()) return piece;
  }
}

// One block of the body; a data piece without bytes asks for the next block.
Result<BodyPiece> Http1Call::use_body(std::span<char> block) {
  std::string_view data(block.data(), block.size());
  if (framing_ == Framing::Kind::length) {
    if (data.size() > left_) return over(invalid("bytes follow the end of the answer"));
    left_ -= data.size();
    if (left_ == 0) complete();
  } else if (framing_ == Framing::Kind::chunked) {
    const ChunkDecoder::Step step = chunks_.decode(block);
    if (step.outcome == ChunkDecoder::Outcome::bad)
      return over(invalid("a chunk of the answer is malformed"));
    data = step.data;
    if (step.outcome == ChunkDecoder::Outcome::done) {
      if (step.consumed < block.size()) return over(invalid("bytes follow the end of the answer"));
      complete();
      if (data.empty()) return BodyPiece{.kind = Kind::end, .bytes = {}};
    }
  }
  return BodyPiece{.kind = Kind::data, .bytes = data};
}

Result<BodyPiece> Http1Call::end_of_connection(const rt::IoResult& got) {
  if (got.status == Status::eof && framing_ == Framing::Kind::until_close) {
    complete();
    return BodyPiece{.kind = Kind::end, .bytes = {}};
  }
  return over(broken("the connection ended before the answer did"));
}

void Http1Call::complete() {
  state_ = State::done;
  if (!keeps_alive_) socket_.reset();
}

}  // namespace

std::unique_ptr<ClientCall> ClientPool::call(const Origin& origin) {
  return std::make_unique<Http1Call>(impl_, origin);
}

rt::Task<Result<ClientResponse>> fetch(ClientPool& pool, const Origin& origin,
                                       ClientRequest request, std::size_t bytes_max,
                                       rt::Until until) {
  const std::unique_ptr<ClientCall> call = pool.call(origin);
  CO_TRY_VOID(co_await call->send(request, until));
  CO_TRY(const ClientResponseHead head, co_await call->head(until));
  ClientResponse response{.status = head.status, .fields = {}, .body = {}};
  for (const Field& field : head.fields)
    response.fields.emplace_back(field.name, field.value);
  while (true) {
    CO_TRY(const BodyPiece piece, call->try_read());
    if (piece.kind == Kind::end) co_return response;
    if (piece.kind == Kind::would_block) {
      const rt::Wake wake = co_await call->readable().wait(until);
      CO_TRY_VOID(rt::to_result(wake, "reading the answer"));
      continue;
    }
    if (response.body.size() + piece.bytes.size() > bytes_max)
      co_return invalid("the answer is too large");
    response.body += piece.bytes;
  }
}

}  // namespace sovmesh::http
