#include "http/http1_exchange.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstring>
#include <initializer_list>

#include "base/bytes.h"
#include "http/chunk_decoder.h"
#include "http/socket_io.h"

namespace sovmesh::http {

namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n";
constexpr std::string_view kLastChunk = "0\r\n\r\n";

// A client that lies about its length must not make us reserve much for it: memory follows what
// came. (What is reserved and not yet written to is not yet memory.)
constexpr std::size_t kReserveMax = std::size_t{256} * 1024;
constexpr std::size_t kSlideBytes =
    std::size_t{64} * 1024;  // sent bytes that may stay in front of the others

std::unexpected<Error> gone() { return client_error(Code::client_closed, "the client is gone"); }

// "1f4\r\n", in the caller's array.
std::string_view chunk_size_line(std::size_t size, std::span<char, 20> into) {
  char* end = std::to_chars(into.data(), into.data() + 16, size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return {into.data(), static_cast<std::size_t>(end - into.data())};
}

void grow(std::string& text, std::size_t size) {
  text.resize_and_overwrite(size, [](char* /*bytes*/, std::size_t n) { return n; });
}

}  // namespace

// How fast a body has to come: a grace, then a minimal rate, and a total.
class Http1Exchange::Pace {
 public:
  Pace(Instant start, const BodyLimits& limits) : start_(start), limits_(limits) {}
  // When the next byte has to be here, `received` bytes having come.
  rt::Deadline next(std::size_t received) const {
    const auto rate = std::max<std::size_t>(limits_.bytes_per_second_min, 1);
    const auto earned = std::chrono::milliseconds(received * 1000 / rate);
    return rt::Deadline::at(start_ + std::min(limits_.total, limits_.grace + earned));
  }

 private:
  Instant start_;
  const BodyLimits& limits_;
};

Http1Exchange::Http1Exchange(ServerCore& core)
    : core_(core), incoming_(core.take_head()), drained_(core.loop), broken_(core.loop) {
  drained_.set();
}

Http1Exchange::~Http1Exchange() = default;

const RequestHead& Http1Exchange::head() const {
  static const RequestHead kNone;
  return incoming_ ? incoming_->head : kNone;
}

void Http1Exchange::attach(rt::Socket& socket, LiveConnection& live) {
  socket_ = &socket;
  live_ = &live;
  live.set_gone(&broken_);
}

void Http1Exchange::detach() {
  begin_next();
  pending_.clear();
  if (pending_.capacity() > HeadReader::kKeptBytes) pending_.shrink_to_fit();
  if (live_ != nullptr) live_->set_gone(nullptr);
  live_ = nullptr;
  socket_ = nullptr;
  broken_.clear();
}

void Http1Exchange::begin_next() {
  if (incoming_) {
    incoming_->clear();
  } else {
    incoming_ = core_.take_head();
  }
  out_.clear();
  if (out_.capacity() > HeadReader::kKeptBytes) out_.shrink_to_fit();
  sent_ = 0;
  answer_ = Answer::none;
  keep_alive_ = true;
  has_unread_body_ = false;
  sends_body_ = true;
  is_chunked_ = false;
}

Checked<bool> Http1Exchange::feed_head(std::string_view input) {
  const ServerLimits& limits = core_.options.limits;
  const HeadBounds bounds{.bytes_max = limits.head_bytes_max,
                          .fields_max = limits.fields_max,
                          .target_bytes_max = limits.target_bytes_max};
  // What a pipelining client sent with its last request comes first.
  std::string earlier;
  std::string joined;
  if (!pending_.empty()) {
    earlier.swap(pending_);
    joined = earlier.append(input);
    input = joined;
  }
  const auto complete = incoming_->reader.feed(input, bounds);
  if (!complete) {  // HTTP/2 goes on behind the refused line
    if (is_http2_preface()) pending_.assign(input, input.find('\n') + 1);
    return complete;
  }
  if (!*complete) return complete;
  if (auto parsed = parse_request_head(incoming_->reader, incoming_->head, framing_); !parsed)
    return std::unexpected(parsed.error());
  has_unread_body_ = incoming_->head.has_body;
  keep_alive_ = framing_.keep_alive;
  if (!input.empty()) {
    const std::size_t wanted = std::min<std::size_t>(framing_.length, kReserveMax);
    const std::size_t room = std::max(input.size(), wanted) + Body::kPadding;
    if (pending_.capacity() < room) pending_ = take_buffer(room);
    pending_.assign(input);
  }
  return true;
}

bool Http1Exchange::is_http2_preface() const { return incoming_->reader.bytes() == kPreface; }

std::string Http1Exchange::take_everything() {
  std::string all = incoming_->reader.bytes() + pending_;
  incoming_->reader.clear();
  pending_.clear();
  return all;
}

rt::Task<void> Http1Exchange::refuse(Refusal refusal) {
  ++core_.counters.bad_requests;
  keep_alive_ = false;
  has_unread_body_ = true;
  co_await answer_refusal(core_.handler, *this, refusal);
}

rt::Task<void> Http1Exchange::conclude(bool handler_threw) {
  if (answer_ == Answer::none && !is_broken()) co_await answer_for_handler(*this, handler_threw);
  if (answer_ == Answer::streaming) abort();
  if (is_flushing_) {
    const rt::Deadline patience = core_.loop.in(core_.options.limits.write_stall * 10);
    const rt::Wake wake = co_await drained_.wait({patience, nullptr});
    if (wake != rt::Wake::ready) break_off();
    // The flusher uses this object: it has the last word, and ends as soon as it is broken off.
    while (is_flushing_)
      co_await drained_.wait({rt::Deadline::never(), nullptr});
  }
  if (keep_alive_ && body_is_pending()) skip_pending_body();
}

void Http1Exchange::break_off() {
  socket_->reset_on_close();
  broken_.set();
  if (core_.options.limits.half_close_is_abort) socket_->hung_up().set();
}

rt::Event& Http1Exchange::client_gone() {
  return core_.options.limits.half_close_is_abort ? socket_->hung_up() : broken_;
}

// --- body ---------------------------------------------------------------------------------------

bool Http1Exchange::body_is_pending() const {
  return has_unread_body_ && framing_.kind == Framing::Kind::length &&
         pending_.size() >= framing_.length;
}

void Http1Exchange::skip_pending_body() {
  pending_.erase(0, static_cast<std::size_t>(framing_.length));
  has_unread_body_ = false;
}

rt::Task<Result<Body>> Http1Exchange::read_body(BodyLimits limits) {
  if (!has_unread_body_) co_return Body();
  if (framing_.kind == Framing::Kind::length) {
    if (framing_.length > limits.bytes_max)
      co_return body_error(Code::request_too_large, "The request body is too large.");
    if (body_is_pending()) co_return take_pending_body();
  }
  if (incoming_->head.expects_continue && pending_.empty()) CO_TRY_VOID(co_await send_continue());
  if (framing_.kind == Framing::Kind::chunked) co_return co_await read_chunked_body(limits);
  co_return co_await read_sized_body(limits);
}

Result<Body> Http1Exchange::body_error(Code code, const char* message) {
  keep_alive_ = false;
  return client_error(code, message);
}

Result<Body> Http1Exchange::take_pending_body() {
  const auto length = static_cast<std::size_t>(framing_.length);
  has_unread_body_ = false;
  std::string body;
  if (pending_.size() == length) {
    body.swap(pending_);
  } else {
    body.reserve(length + Body::kPadding);
    body.assign(pending_, 0, length);
    pending_.erase(0, length);
  }
  body.append(Body::kPadding, '\0');
  return Body(std::move(body));
}

rt::Task<Result<void>> Http1Exchange::send_continue() {
  out_ = "HTTP/1.1 100 Continue\r\n\r\n";
  co_return co_await send_whole({});
}

Result<void> Http1Exchange::check_wake(rt::Wake wake) {
  if (wake == rt::Wake::ready) return {};
  keep_alive_ = false;
  if (wake == rt::Wake::timed_out)
    return client_error(Code::request_timeout, "The request body came too slowly.");
  return gone();
}

rt::Task<Result<Body>> Http1Exchange::read_sized_body(BodyLimits limits) {
  const Pace pace(core_.loop.now(), limits);
  const auto length = static_cast<std::size_t>(framing_.length);
  std::string body = std::move(pending_);
  pending_.clear();
  std::size_t filled = body.size();
  while (filled < length) {
    if (filled == body.size()) {
      const std::size_t room = std::min(length, std::max(2 * filled, kReserveMax));
      body.reserve(room + Body::kPadding);
      grow(body, room);
    }
    const rt::IoResult got =
        read_now(*socket_, std::span(body.data() + filled, body.size() - filled));
    if (got.status == rt::IoResult::Status::ok) {
      filled += got.bytes;
    } else if (got.status != rt::IoResult::Status::would_block) {
      co_return body_error(Code::client_closed, "the client is gone");
    }
    if (filled == length) break;
    const rt::Deadline next = pace.next(filled);
    if (got.status == rt::IoResult::Status::ok && !next.passed(core_.loop.now())) continue;
    const rt::Wake wake = co_await socket_->readable().wait({next, &core_.cut_off});
    CO_TRY_VOID(check_wake(wake));
  }
  has_unread_body_ = false;
  body.append(Body::kPadding, '\0');
  co_return Body(std::move(body));
}

rt::Task<Result<Body>> Http1Exchange::read_chunked_body(BodyLimits limits) {
  const Pace pace(core_.loop.now(), limits);
  ChunkDecoder decoder;
  std::string body;
  std::size_t received = 0;
  std::span<char> block = pending_;
  while (true) {
    const ChunkDecoder::Step step = decoder.decode(block);
    received += step.consumed;
    if (step.outcome == ChunkDecoder::Outcome::bad)
      co_return body_error(Code::invalid_request, "The chunked body is malformed.");
    if (body.size() + step.data.size() > limits.bytes_max)
      co_return body_error(Code::request_too_large, "The request body is too large.");
    body.append(step.data);
    if (step.outcome == ChunkDecoder::Outcome::done) {
      // Built apart: `block` may be the pending bytes themselves.
      pending_ = std::string(block.data() + step.consumed, block.size() - step.consumed);
      break;
    }
    rt::IoResult got = rt::IoResult::blocked();
    while (true) {
      const rt::Deadline next = pace.next(received);
      if (next.passed(core_.loop.now())) CO_TRY_VOID(check_wake(rt::Wake::timed_out));
      got = read_now(*socket_, core_.loop.scratch());
      if (got.status != rt::IoResult::Status::would_block) break;
      const rt::Wake wake = co_await socket_->readable().wait({next, &core_.cut_off});
      CO_TRY_VOID(check_wake(wake));
    }
    if (got.status != rt::IoResult::Status::ok)
      co_return body_error(Code::client_closed, "the client is gone");
    block = core_.loop.scratch().first(got.bytes);
  }
  has_unread_body_ = false;
  body.append(Body::kPadding, '\0');
  co_return Body(std::move(body));
}

// --- answer -------------------------------------------------------------------------------------

bool Http1Exchange::answer_has_body(int status) const {
  return incoming_->head.method != "HEAD" && status != 204 && status != 304;
}

void Http1Exchange::begin_answer(const ResponseHead& head, ResponseFraming framing) {
  assert(answer_ == Answer::none);
  if (core_.draining.is_set() || (has_unread_body_ && !body_is_pending())) keep_alive_ = false;
  if (framing.kind == ResponseFraming::Kind::until_close) keep_alive_ = false;
  if (head.status == 204 || head.status == 304) framing.kind = ResponseFraming::Kind::none;
  framing.close = !keep_alive_;
  sends_body_ = answer_has_body(head.status);
  is_chunked_ = framing.kind == ResponseFraming::Kind::chunked;
  out_.clear();
  append_response_head(out_, head, framing, core_.date.get(core_.loop));
}

rt::Task<Result<void>> Http1Exchange::respond(const ResponseHead& head, std::string_view body) {
  begin_answer(head, {.kind = ResponseFraming::Kind::length, .length = body.size()});
  answer_ = Answer::finished;
  if (!sends_body_) body = {};
  co_return co_await send_whole(body);
}

// Sends what is in out_ and `body`, waiting as long as the client keeps taking something.
rt::Task<Result<void>> Http1Exchange::send_whole(std::string_view body) {
  TwoPieces pieces(out_, body);
  while (!pieces.empty()) {
    const rt::IoResult sent = is_broken() ? rt::IoResult::end() : pieces.write_to(*socket_);
    if (sent.status == rt::IoResult::Status::ok) continue;
    rt::Wake wake = rt::Wake::cancelled;
    if (sent.status == rt::IoResult::Status::would_block)
      wake = co_await socket_->writable().wait(
          {core_.loop.in(core_.options.limits.write_stall), &client_gone()});
    if (wake != rt::Wake::ready) {
      break_off();
      co_return gone();
    }
  }
  out_.clear();
  co_return Result<void>();
}

void Http1Exchange::start_stream(const ResponseHead& head) {
  const bool is_old = incoming_->head.version == Version::http_1_0;
  begin_answer(
      head, {.kind = is_old ? ResponseFraming::Kind::until_close : ResponseFraming::Kind::chunked});
  answer_ = Answer::streaming;
  core_.give_back(std::move(incoming_));
}

void Http1Exchange::flush_head() {
  if (!is_flushing_ && !out_.empty() && !is_broken()) (void)send_pieces({});
}

Result<void> Http1Exchange::write(std::string_view bytes) {
  assert(answer_ == Answer::streaming);
  if (is_broken()) return gone();
  if (bytes.empty() || !sends_body_) return {};
  char size_line[20];
  iovec pieces[3] = {{}, piece_of(bytes), {}};
  if (!is_chunked_) return send_pieces(std::span(pieces).subspan(1, 1));
  pieces[0] = piece_of(chunk_size_line(bytes.size(), size_line));
  pieces[2] = piece_of("\r\n");
  return send_pieces(pieces);
}

// Sends what is in out_ and the pieces with one call as far as the socket takes them; the rest is
// kept and left to the flusher.
Result<void> Http1Exchange::send_pieces(std::span<iovec> pieces) {
  std::size_t taken = 0;
  if (!is_flushing_) {
    iovec all[5];
    std::size_t count = 0;
    if (!out_.empty()) all[count++] = piece_of(out_);
    count = static_cast<std::size_t>(std::ranges::copy(pieces, all + count).out - all);
    const rt::IoResult sent = socket_->writable().is_set()
                                  ? socket_->try_write(std::span(all).first(count))
                                  : rt::IoResult::blocked();
    if (sent.status == rt::IoResult::Status::ok) {
      taken = sent.bytes;
    } else if (sent.status != rt::IoResult::Status::would_block) {
      break_off();
      return gone();
    }
    sent_ = std::min(taken, out_.size());
    taken -= sent_;
    if (sent_ == out_.size()) {  // an open stream that is not behind keeps no buffer
      release(out_);
      sent_ = 0;
    }
  }
  for (const iovec& piece : pieces) {
    const std::size_t skipped = std::min(taken, piece.iov_len);
    taken -= skipped;
    out_.append(static_cast<const char*>(piece.iov_base) + skipped, piece.iov_len - skipped);
  }
  const bool is_in_bounds = out_.size() - sent_ <= kBufferMax + kSlideBytes;
  assert(is_in_bounds);  // the caller did not wait for drained()
  if (!is_in_bounds) {
    break_off();
    return gone();
  }
  if (!out_.empty()) start_flusher();
  return {};
}

void Http1Exchange::start_flusher() {
  if (is_flushing_) return;
  is_flushing_ = true;
  drained_.clear();
  core_.flushers.spawn(flush());
}

// Lives at most as long as this object: conclude() waits for it.
rt::Task<void> Http1Exchange::flush() {
  while (sent_ < out_.size() && !is_broken()) {
    const rt::Wake wake = co_await socket_->writable().wait(
        {core_.loop.in(core_.options.limits.write_stall), &broken_});
    if (wake == rt::Wake::timed_out) break_off();
    if (wake != rt::Wake::ready) break;
    const iovec piece = piece_of(std::string_view(out_).substr(sent_));
    const rt::IoResult sent = socket_->try_write(std::span(&piece, 1));
    if (sent.status == rt::IoResult::Status::ok) {
      sent_ += sent.bytes;
      if (sent_ > kSlideBytes) out_.erase(0, std::exchange(sent_, 0));
    } else if (sent.status != rt::IoResult::Status::would_block) {
      break_off();
    }
  }
  release(out_);
  sent_ = 0;
  is_flushing_ = false;
  drained_.set();
}

rt::Task<Result<void>> Http1Exchange::finish() {
  assert(answer_ == Answer::streaming);
  if (is_broken()) co_return gone();
  answer_ = Answer::finished;
  iovec last = piece_of(kLastChunk);
  const bool has_last = is_chunked_ && sends_body_;
  if (has_last || !out_.empty()) CO_TRY_VOID(send_pieces(std::span(&last, has_last ? 1 : 0)));
  if (is_flushing_) co_await drained_.wait({rt::Deadline::never(), &client_gone()});
  if (is_broken() || is_flushing_) {
    break_off();
    co_return gone();
  }
  co_return Result<void>();
}

void Http1Exchange::abort() {
  answer_ = Answer::aborted;
  keep_alive_ = false;
  break_off();
}

}  // namespace sovmesh::http
