#include "http/http2_exchange.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstring>

#include "base/bytes.h"
#include "http/field_rules.h"
#include "http/response_writer.h"

namespace sovmesh::http {

namespace {

// What a handler may write beyond kBufferMax in the last write() before it waits.
constexpr std::size_t kWriteSlack = std::size_t{64} * 1024;

// How long a client may go on sending behind a complete answer.
constexpr std::chrono::milliseconds kEarlyAnswerPatience{500};

std::unexpected<Error> gone() { return client_error(Code::client_closed, "the client is gone"); }

HeadBounds bounds_of(const ServerLimits& limits) {
  return {.bytes_max = limits.head_bytes_max,
          .fields_max = limits.fields_max,
          .target_bytes_max = limits.target_bytes_max};
}

// The library copies both texts.
nghttp2_nv pair_of(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {.name = bytes(name),
          .value = bytes(value),
          .namelen = name.size(),
          .valuelen = value.size(),
          .flags = NGHTTP2_NV_FLAG_NONE};
}

std::string_view to_digits(std::span<char, 20> into, std::size_t value) {
  const char* end = std::to_chars(into.data(), into.data() + into.size(), value).ptr;
  return {into.data(), static_cast<std::size_t>(end - into.data())};
}

// When the next byte of a body has to be here: a grace, then a minimal rate, and a total.
rt::Deadline next_byte_by(Instant start, const BodyLimits& limits, std::size_t received) {
  const auto rate = std::max<std::size_t>(limits.bytes_per_second_min, 1);
  const auto earned = std::chrono::milliseconds(received * 1000 / rate);
  return rt::Deadline::at(start + std::min(limits.total, limits.grace + earned));
}

// The provider finds the exchange by its stream: the exchange may be gone when it is asked.
ssize_t read_body_source(nghttp2_session* session, std::int32_t stream, std::uint8_t* into,
                         std::size_t size, std::uint32_t* flags, nghttp2_data_source* /*source*/,
                         void* /*user*/) {
  auto* exchange =
      static_cast<Http2Exchange*>(nghttp2_session_get_stream_user_data(session, stream));
  if (exchange == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  bool is_last = false;
  const auto taken = exchange->take_body({reinterpret_cast<char*>(into), size}, is_last);
  if (is_last) *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (!taken) return NGHTTP2_ERR_DEFERRED;
  return static_cast<ssize_t>(*taken);
}

}  // namespace

Http2Exchange::Http2Exchange(Http2Connection& connection, std::int32_t stream)
    : connection_(connection),
      stream_(stream),
      collected_(bounds_of(connection.core().options.limits)),
      body_over_(connection.core().loop),
      drained_(connection.core().loop),
      sent_(connection.core().loop),
      gone_(connection.core().loop) {
  drained_.set();
}

Http2Exchange::~Http2Exchange() {
  // A stream that outlives us gives its bytes back by itself from now on.
  if (!is_closed_ && unconsumed_ > 0)
    nghttp2_session_consume_connection(connection_.session(), unconsumed_);
  connection_.forget(*this);
}

std::optional<rt::IpEndpoint> Http2Exchange::peer() const { return connection_.socket().peer(); }
std::optional<rt::Socket::PeerCredentials> Http2Exchange::peer_credentials() const {
  return connection_.socket().peer_credentials();
}
bool Http2Exchange::is_tls() const { return connection_.socket().is_tls(); }
void Http2Exchange::bound_send_buffer(std::size_t bytes) {
  connection_.socket().bound_send_buffer(bytes);  // for the other streams of it, too
}
rt::Loop& Http2Exchange::loop() const { return connection_.core().loop; }

// --- from the connection ------------------------------------------------------------------------

void Http2Exchange::on_head(bool ends) {
  has_head_ = true;
  request_ended_ = ends;
  if (ends) body_over_.set();
  if (auto built = collected_.build(!ends, head_); !built) refusal_ = built.error();
}

void Http2Exchange::on_data(std::string_view bytes) {
  unconsumed_ += bytes.size();
  if (skips_body_) return;
  in_.append(bytes);
  if (!reads_body_) return;  // bounded by the stream's window
  if (in_.size() > body_max_) {
    body_over_.set();  // no more window: the client stops
  } else {
    consume(bytes.size());
  }
}

void Http2Exchange::on_request_end() {
  request_ended_ = true;
  body_over_.set();
}

void Http2Exchange::on_answer_sent() {
  is_answered_ = true;
  drop_answer();
  sent_.set();
}

void Http2Exchange::on_close(std::uint32_t error_code) {
  is_closed_ = true;
  if (unconsumed_ > 0) nghttp2_session_consume_connection(connection_.session(), unconsumed_);
  unconsumed_ = 0;
  if (error_code != NGHTTP2_NO_ERROR || !is_answered_) gone_.set();
  body_over_.set();
  drop_answer();
  sent_.set();
}

void Http2Exchange::on_lost() {
  gone_.set();
  drop_answer();
  sent_.set();
}

void Http2Exchange::cut_off() {
  gone_.set();
  drop_answer();
  reset(NGHTTP2_CANCEL);
}

std::optional<std::size_t> Http2Exchange::take_body(std::span<char> into, bool& is_last) {
  if (gone_.is_set()) return std::nullopt;  // what was dropped must not look complete
  const std::string_view rest = whole_.empty() ? std::string_view(out_).substr(taken_) : whole_;
  const std::size_t size = std::min(rest.size(), into.size());
  std::memcpy(into.data(), rest.data(), size);
  if (!whole_.empty()) {
    whole_.remove_prefix(size);
  } else {
    taken_ += size;
  }
  if (size > 0) moved_ = loop().now();
  const bool is_empty = size == rest.size();
  if (is_empty && taken_ == out_.size()) {  // an open stream that is not behind keeps no buffer
    release(out_);
    taken_ = 0;
    drained_.set();
  }
  is_last = is_empty && answer_ == Answer::finished;
  return size > 0 || is_last ? std::optional(size) : std::nullopt;
}

void Http2Exchange::drop_answer() {
  whole_ = {};
  release(out_);
  taken_ = 0;
  drained_.set();
}

void Http2Exchange::consume(std::size_t bytes) {
  unconsumed_ -= bytes;
  if (is_closed_ || bytes == 0) return;
  nghttp2_session_consume(connection_.session(), stream_, bytes);
}

// --- the request's task -------------------------------------------------------------------------

rt::Task<void> Http2Exchange::serve() {
  ServerCore& core = connection_.core();
  if (refusal_) {
    co_await refuse(*refusal_);
    co_await conclude(false);
    co_return;
  }
  ++core.counters.requests;
  bool threw = false;
  try {
    co_await core.handler.handle(*this);
    if (goes_on()) co_await rest();
  } catch (...) {  // a bug of the handler ends its own request only
    threw = true;
  }
  co_await conclude(threw);
}

rt::Task<void> Http2Exchange::refuse(Refusal refusal) {
  ++connection_.core().counters.bad_requests;
  co_await answer_refusal(connection_.core().handler, *this, refusal);
}

rt::Task<void> Http2Exchange::conclude(bool handler_threw) {
  if (answer_ == Answer::none && !is_gone()) co_await answer_for_handler(*this, handler_threw);
  if (answer_ == Answer::streaming) abort();
  if (!is_gone() && !request_ended_) co_await let_request_end();
}

// The answer is complete and the rest of the request is of no use (RFC 9113 8.1). Some clients take
// an early reset for a failure, so that they get time to end by themselves; but no more window.
rt::Task<void> Http2Exchange::let_request_end() {
  reads_body_ = false;
  skips_body_ = true;
  release(in_);
  body_over_.clear();
  const rt::Wake wake = co_await body_over_.wait({loop().in(kEarlyAnswerPatience), &gone_});
  if (wake == rt::Wake::timed_out) reset(NGHTTP2_NO_ERROR);
}

void Http2Exchange::reset(std::uint32_t error_code) {
  if (is_closed_) return;
  nghttp2_submit_rst_stream(connection_.session(), NGHTTP2_FLAG_NONE, stream_, error_code);
  connection_.flush();
}

// --- body ---------------------------------------------------------------------------------------

rt::Task<Result<Body>> Http2Exchange::read_body(BodyLimits limits) {
  if (!head_.has_body) co_return Body();
  if (head_.content_length.value_or(0) > limits.bytes_max)
    co_return client_error(Code::request_too_large, "The request body is too large.");
  if (head_.expects_continue && in_.empty() && !request_ended_ && !is_closed_) {
    const nghttp2_nv status = pair_of(":status", "100");
    nghttp2_submit_headers(connection_.session(), NGHTTP2_FLAG_NONE, stream_, nullptr, &status, 1,
                           nullptr);
  }
  reads_body_ = true;
  body_max_ = limits.bytes_max;
  if (in_.size() > body_max_) {
    body_over_.set();
  } else {
    consume(unconsumed_);
  }
  connection_.flush();
  const Instant start = loop().now();
  while (!body_over_.is_set()) {
    const rt::Deadline next = next_byte_by(start, limits, in_.size());
    const rt::Wake wake = co_await body_over_.wait({next, &gone_});
    if (wake == rt::Wake::cancelled) co_return gone();
    const rt::Deadline extended = next_byte_by(start, limits, in_.size());
    if (wake == rt::Wake::timed_out && extended.passed(loop().now())) {
      reads_body_ = false;
      skips_body_ = true;
      co_return client_error(Code::request_timeout, "The request body came too slowly.");
    }
  }
  if (is_gone()) co_return gone();
  reads_body_ = false;
  skips_body_ = true;
  std::string body = std::move(in_);
  release(in_);
  if (body.size() > body_max_)
    co_return client_error(Code::request_too_large, "The request body is too large.");
  body.append(Body::kPadding, '\0');
  co_return Body(std::move(body));
}

// --- answer -------------------------------------------------------------------------------------

bool Http2Exchange::answer_has_body(int status) const {
  return head_.method != "HEAD" && status != 204 && status != 304;
}

void Http2Exchange::submit_head(const ResponseHead& head, std::optional<std::size_t> length) {
  sends_body_ = answer_has_body(head.status);
  if (is_gone()) return;
  char status[20];
  char digits[20];
  std::vector<nghttp2_nv> fields;
  fields.reserve(head.fields.size() + 3);
  ServerCore& core = connection_.core();
  fields.push_back(pair_of(":status", to_digits(status, static_cast<std::size_t>(head.status))));
  fields.push_back(pair_of("date", core.date.get(core.loop)));
  for (const auto& [name, value] : head.fields)
    if (is_sendable_value(value) && !is_connection_field(name))
      fields.push_back(pair_of(name, value));
  if (length && head.status != 204 && head.status != 304)
    fields.push_back(pair_of("content-length", to_digits(digits, *length)));
  nghttp2_data_provider provider{};
  provider.read_callback = read_body_source;
  const bool has_body = sends_body_ && length != 0;
  const int failed = nghttp2_submit_response(connection_.session(), stream_, fields.data(),
                                             fields.size(), has_body ? &provider : nullptr);
  if (failed != 0) gone_.set();
}

rt::Task<Result<void>> Http2Exchange::respond(const ResponseHead& head, std::string_view body) {
  assert(answer_ == Answer::none);
  answer_ = Answer::finished;
  submit_head(head, body.size());
  if (sends_body_ && !is_gone()) whole_ = body;
  moved_ = loop().now();
  connection_.flush();
  co_return co_await wait_sent();
}

// Ends by itself: a client that takes nothing is cut off, its stream or its connection.
rt::Task<Result<void>> Http2Exchange::wait_sent() {
  if (is_behind()) connection_.watch_stalls();
  co_await sent_.wait({rt::Deadline::never(), &gone_});
  drop_answer();
  if (!is_answered_) co_return gone();
  co_return Result<void>();
}

void Http2Exchange::start_stream(const ResponseHead& head) {
  assert(answer_ == Answer::none);
  answer_ = Answer::streaming;
  submit_head(head, std::nullopt);
}

void Http2Exchange::flush_head() { connection_.flush(); }

Result<void> Http2Exchange::write(std::string_view bytes) {
  assert(answer_ == Answer::streaming);
  if (is_gone()) return gone();
  if (bytes.empty() || !sends_body_) return {};
  const bool is_in_bounds = buffered() + bytes.size() <= kBufferMax + kWriteSlack;
  assert(is_in_bounds);  // the caller did not wait for drained()
  if (!is_in_bounds) {
    abort();
    return gone();
  }
  if (taken_ > kWriteSlack) out_.erase(0, std::exchange(taken_, 0));
  if (out_.empty()) moved_ = loop().now();
  out_.append(bytes);
  drained_.clear();
  nghttp2_session_resume_data(connection_.session(), stream_);
  connection_.flush();
  if (is_gone()) return gone();
  if (!out_.empty()) connection_.watch_stalls();
  return {};
}

rt::Task<Result<void>> Http2Exchange::finish() {
  assert(answer_ == Answer::streaming);
  if (is_gone()) co_return gone();
  answer_ = Answer::finished;
  nghttp2_session_resume_data(connection_.session(), stream_);
  connection_.flush();
  co_return co_await wait_sent();
}

void Http2Exchange::abort() {
  answer_ = Answer::aborted;
  drop_answer();
  gone_.set();
  reset(NGHTTP2_INTERNAL_ERROR);
}

}  // namespace sovmesh::http
