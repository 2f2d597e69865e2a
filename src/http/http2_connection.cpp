#include "http/http2_connection.h"

#include <utility>

#include "http/http2_exchange.h"
#include "http/socket_io.h"

namespace sovmesh::http {

namespace {

using Status = rt::IoResult::Status;

// What a client may send before anybody reads it: of one body, and of all of a connection.
constexpr std::size_t kStreamWindow = std::size_t{256} * 1024;
constexpr std::size_t kConnectionWindow = 1U << 20;
constexpr std::size_t kSendBatch = std::size_t{64} * 1024;
// Memory that an idle connection may keep for sending.
constexpr std::size_t kKeptBytes = std::size_t{4} * 1024;
// Frames that wait because the client does not read: more, and it is cut off.
constexpr std::size_t kQueuedFramesMax = 1000;
constexpr std::size_t kQueuedAcksMax = 128;
// CONTINUATION frames of one header block. The library counts a frame again for each piece that its
// head of 9 bytes comes in, so that its own limit is that much higher.
constexpr std::size_t kContinuationsMax = 8;
constexpr std::size_t kFrameHeadBytes = 9;
// RST_STREAM frames a client may send: a burst, and afterwards per second.
constexpr std::uint64_t kResetBurst = 500;
constexpr std::uint64_t kResetRate = 50;
// What a stream costs that we have to reset because of its client, beside 1 for a frame that asks
// for no answer of a handler. What a client gets for each piece of an answer: it may acknowledge
// it.
constexpr std::uint32_t kFaultCost = 20;
constexpr std::uint32_t kEarnedBySending = 3;
constexpr std::chrono::milliseconds kLingerTime{1'000};
constexpr std::size_t kLingerBytesMax = 1U << 20;
// Between the two GOAWAY frames: requests that are under way arrive.
constexpr std::chrono::milliseconds kGoawayGap{500};

Http2Exchange* exchange_of(nghttp2_session* session, std::int32_t stream) {
  return static_cast<Http2Exchange*>(nghttp2_session_get_stream_user_data(session, stream));
}

bool ends_stream(const nghttp2_frame& frame) {
  return (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
}

// Whether a frame is one that costs us work without being part of a request.
bool is_overhead(const nghttp2_frame_hd& frame) {
  if (frame.type == NGHTTP2_DATA)
    return frame.length == 0 && (frame.flags & NGHTTP2_FLAG_END_STREAM) == 0;
  return frame.type != NGHTTP2_HEADERS && frame.type != NGHTTP2_CONTINUATION &&
         frame.type != NGHTTP2_RST_STREAM;  // the library itself limits the last two
}

// Whether a stream was reset for what its client did; we use none of these codes ourselves.
bool is_fault_of_client(std::uint32_t error_code) {
  return error_code == NGHTTP2_PROTOCOL_ERROR || error_code == NGHTTP2_FLOW_CONTROL_ERROR ||
         error_code == NGHTTP2_STREAM_CLOSED || error_code == NGHTTP2_FRAME_SIZE_ERROR ||
         error_code == NGHTTP2_REFUSED_STREAM;
}

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

struct OptionFree {
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};
struct CallbacksFree {
  void operator()(nghttp2_session_callbacks* callbacks) const {
    nghttp2_session_callbacks_del(callbacks);
  }
};

std::unique_ptr<nghttp2_option, OptionFree> make_options() {
  nghttp2_option* raw = nullptr;
  if (nghttp2_option_new(&raw) != 0) return nullptr;
  std::unique_ptr<nghttp2_option, OptionFree> option(raw);
  nghttp2_option_set_no_auto_window_update(raw, 1);
  nghttp2_option_set_max_outbound_ack(raw, kQueuedAcksMax);
  nghttp2_option_set_max_continuations(raw, kFrameHeadBytes * (kContinuationsMax + 1));
  nghttp2_option_set_stream_reset_rate_limit(raw, kResetBurst, kResetRate);
  return option;
}

}  // namespace

// None of them sends, resumes a coroutine or destroys what the library still uses.
struct Http2Connection::Callbacks {
  static Http2Connection& self(void* user) { return *static_cast<Http2Connection*>(user); }

  static int on_begin_headers(nghttp2_session* /*session*/, const nghttp2_frame* frame,
                              void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    self(user).begin_head(frame->hd.stream_id);
    return 0;
  }

  static int on_begin_frame(nghttp2_session* session, const nghttp2_frame_hd* frame, void* user) {
    Http2Connection& connection = self(user);
    if (is_overhead(*frame)) connection.charge(1);
    if (frame->type == NGHTTP2_HEADERS) {
      connection.continuations_ = 0;
      if (!connection.numbers_.note(frame->stream_id))
        nghttp2_session_terminate_session(session, NGHTTP2_PROTOCOL_ERROR);
    } else if (frame->type == NGHTTP2_CONTINUATION &&
               ++connection.continuations_ > kContinuationsMax) {
      nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM);
    }
    return 0;
  }

  static int on_header(nghttp2_session* session, const nghttp2_frame* frame,
                       const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                       std::size_t value_size, std::uint8_t /*flags*/, void* /*user*/) {
    Http2Exchange* exchange = exchange_of(session, frame->hd.stream_id);
    if (exchange != nullptr && !exchange->has_head())  // trailers are of no use
      exchange->collected().add(text_of(name, name_size), text_of(value, value_size));
    return 0;
  }

  static int on_invalid_header(nghttp2_session* /*session*/, const nghttp2_frame* /*frame*/,
                               const std::uint8_t* /*name*/, std::size_t /*name_size*/,
                               const std::uint8_t* /*value*/, std::size_t /*value_size*/,
                               std::uint8_t /*flags*/, void* /*user*/) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // RST_STREAM
  }

  static int on_frame_recv(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    // The client gives up what is running; without an error it only asks for nothing more.
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
      nghttp2_session_terminate_session(session, NGHTTP2_NO_ERROR);
    if (frame->hd.type == NGHTTP2_SETTINGS) self(user).is_greeted_ = true;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    Http2Exchange* exchange = exchange_of(session, frame->hd.stream_id);
    if (exchange == nullptr) return 0;
    if (!exchange->has_head()) {
      self(user).finish_head(*exchange, ends_stream(*frame));
    } else if (ends_stream(*frame)) {
      exchange->on_request_end();
    }
    return 0;
  }

  static int on_data(nghttp2_session* session, std::uint8_t /*flags*/, std::int32_t stream,
                     const std::uint8_t* data, std::size_t size, void* /*user*/) {
    if (Http2Exchange* exchange = exchange_of(session, stream)) {
      exchange->on_data(text_of(data, size));
    } else {
      nghttp2_session_consume(session, stream, size);
    }
    return 0;
  }

  static int on_frame_send(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_RST_STREAM && is_fault_of_client(frame->rst_stream.error_code))
      self(user).charge(kFaultCost);
    if (frame->hd.type == NGHTTP2_DATA) self(user).budget_.earn(kEarnedBySending);
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    Http2Exchange* exchange = exchange_of(session, frame->hd.stream_id);
    if (exchange != nullptr && ends_stream(*frame)) exchange->on_answer_sent();
    return 0;
  }

  static int on_stream_close(nghttp2_session* session, std::int32_t stream,
                             std::uint32_t error_code, void* user) {
    Http2Exchange* exchange = exchange_of(session, stream);
    if (exchange == nullptr) return 0;
    nghttp2_session_set_stream_user_data(session, stream, nullptr);
    exchange->on_close(error_code);
    if (exchange == self(user).incoming_.get()) self(user).incoming_.reset();
    return 0;
  }
};

Http2Connection::Http2Connection(ServerCore& core, std::unique_ptr<rt::Socket> socket,
                                 std::unique_ptr<LiveConnection> live)
    : core_(core),
      socket_(std::move(socket)),
      live_(std::move(live)),
      budget_(core.loop.now()),
      idle_since_(core.loop.now()),
      head_began_(core.loop.now()),
      over_(core.loop),
      blocked_(core.loop),
      behind_(core.loop),
      ended_(core.loop),
      helpers_(core.loop, 3),
      // A handler may outlive its reset stream by a little, hence twice.
      requests_(core.loop, 2 * core.options.limits.streams_max) {
  live_->set_gone(&over_);
}

Http2Connection::~Http2Connection() { live_->set_gone(nullptr); }

bool Http2Connection::make_session() {
  const auto option = make_options();
  nghttp2_session_callbacks* raw = nullptr;
  if (!option || nghttp2_session_callbacks_new(&raw) != 0) return false;
  const std::unique_ptr<nghttp2_session_callbacks, CallbacksFree> callbacks(raw);
  nghttp2_session_callbacks_set_on_begin_frame_callback(raw, Callbacks::on_begin_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(raw, Callbacks::on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(raw, Callbacks::on_header);
  nghttp2_session_callbacks_set_on_invalid_header_callback(raw, Callbacks::on_invalid_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(raw, Callbacks::on_frame_recv);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(raw, Callbacks::on_data);
  nghttp2_session_callbacks_set_on_frame_send_callback(raw, Callbacks::on_frame_send);
  nghttp2_session_callbacks_set_on_stream_close_callback(raw, Callbacks::on_stream_close);
  nghttp2_session* session = nullptr;
  if (nghttp2_session_server_new2(&session, raw, this, option.get()) != 0) return false;
  session_.reset(session);
  const ServerLimits& limits = core_.options.limits;
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<std::uint32_t>(limits.streams_max)},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits.head_bytes_max)},
  };
  return nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings)) == 0 &&
         nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kConnectionWindow) ==
             0;
}

// --- input --------------------------------------------------------------------------------------

void Http2Connection::begin_head(std::int32_t stream) {
  const std::size_t running = requests_.size() + ready_.size();
  if (running >= 2 * core_.options.limits.streams_max) {
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream, NGHTTP2_REFUSED_STREAM);
    return;
  }
  incoming_ = std::make_unique<Http2Exchange>(*this, stream);
  exchanges_.emplace(stream, incoming_.get());
  head_began_ = core_.loop.now();
  nghttp2_session_set_stream_user_data(session_.get(), stream, incoming_.get());
}

void Http2Connection::finish_head(Http2Exchange& exchange, bool ends) {
  if (&exchange != incoming_.get()) return;
  exchange.on_head(ends);
  ready_.push_back(std::move(incoming_));
}

bool Http2Connection::feed(std::string_view input) {
  const ssize_t used = nghttp2_session_mem_recv(
      session_.get(), reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  start_ready();
  flush();
  const bool is_flooded = nghttp2_session_get_outbound_queue_size(session_.get()) >
                          kQueuedFramesMax + core_.options.limits.streams_max;
  if (is_flooded) break_off();
  return used >= 0 && takes_requests();
}

void Http2Connection::charge(std::uint32_t cost) {
  if (!budget_.take(cost, core_.loop.now()))
    nghttp2_session_terminate_session(session_.get(), NGHTTP2_ENHANCE_YOUR_CALM);
}

// False once the connection ends: for an error, ours or the client's, or because all is done.
bool Http2Connection::takes_requests() const {
  return !is_broken() && nghttp2_session_want_read(session_.get()) != 0;
}

void Http2Connection::start_ready() {
  for (auto& exchange : std::exchange(ready_, {}))
    if (!exchange->is_closed() && takes_requests()) requests_.spawn(serve(std::move(exchange)));
}

rt::Task<void> Http2Connection::serve(std::unique_ptr<Http2Exchange> exchange) {
  co_await exchange->serve();
}

void Http2Connection::forget(Http2Exchange& exchange) {
  exchanges_.erase(exchange.stream());
  if (!exchange.is_closed())
    nghttp2_session_set_stream_user_data(session_.get(), exchange.stream(), nullptr);
  if (exchanges_.empty()) idle_since_ = core_.loop.now();
}

bool Http2Connection::is_over() const {
  return is_broken() || (nghttp2_session_want_read(session_.get()) == 0 &&
                         nghttp2_session_want_write(session_.get()) == 0 && out_.empty());
}

rt::Deadline Http2Connection::idle_end() const {
  const ServerLimits& limits = core_.options.limits;
  if (incoming_ || !is_greeted_) return rt::Deadline::at(head_began_ + limits.head_time);
  if (exchanges_.empty()) return rt::Deadline::at(idle_since_ + limits.keep_alive);
  return core_.loop.in(limits.keep_alive);  // not idle now: look again
}

rt::Task<void> Http2Connection::read_all() {
  while (!is_over() && !over_.is_set()) {
    const rt::IoResult got = read_now(*socket_, core_.loop.scratch());
    if (got.status == Status::would_block) {
      const rt::Wake wake = co_await socket_->readable().wait({idle_end(), &over_});
      if (wake == rt::Wake::timed_out && idle_end().passed(core_.loop.now())) {
        nghttp2_session_terminate_session(session_.get(), NGHTTP2_NO_ERROR);
        flush();
        co_return;
      }
      continue;
    }
    if (got.status == Status::error) break_off();
    if (got.status != Status::ok) {
      is_broken_ = true;
      co_return;
    }
    if (!feed({core_.loop.scratch().data(), got.bytes})) co_return;
  }
}

// --- output -------------------------------------------------------------------------------------

void Http2Connection::flush() {
  while (!blocked_.is_set() && !is_broken()) {
    if (!collect()) return break_off();
    if (out_.empty()) break;
    send_some();
  }
  if (is_over()) over_.set();
}

// Takes what the framing library has to say, up to a batch.
bool Http2Connection::collect() {
  while (out_.size() < kSendBatch) {
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_.get(), &data);
    if (size <= 0) return size == 0;
    out_.append(text_of(data, static_cast<std::size_t>(size)));
  }
  return true;
}

void Http2Connection::send_some() {
  const iovec piece = piece_of(std::string_view(out_).substr(sent_));
  const rt::IoResult sent = socket_->writable().is_set() ? socket_->try_write(std::span(&piece, 1))
                                                         : rt::IoResult::blocked();
  if (sent.status == Status::would_block) return blocked_.set();
  if (sent.status != Status::ok) return break_off();
  sent_ += sent.bytes;
  if (sent_ < out_.size()) return;
  sent_ = 0;
  out_.clear();
  if (out_.capacity() > kKeptBytes) out_.shrink_to_fit();
}

rt::Task<void> Http2Connection::write_rest() {
  while (true) {
    const rt::Wake turn = co_await blocked_.wait({rt::Deadline::never(), &ended_});
    if (turn != rt::Wake::ready) co_return;
    const rt::Deadline stall = core_.loop.in(core_.options.limits.write_stall);
    const rt::Wake wake = co_await socket_->writable().wait({stall, &ended_});
    if (wake == rt::Wake::timed_out) break_off();
    if (wake != rt::Wake::ready) co_return;
    blocked_.clear();
    flush();
  }
}

void Http2Connection::break_off() {
  socket_->reset_on_close();
  is_broken_ = true;
  over_.set();
}

// --- life ---------------------------------------------------------------------------------------

rt::Task<void> Http2Connection::watch_drain() {
  if (co_await core_.draining.wait({rt::Deadline::never(), &ended_}) != rt::Wake::ready) co_return;
  nghttp2_submit_shutdown_notice(session_.get());
  flush();
  if (!co_await rt::sleep(core_.loop, {core_.loop.in(kGoawayGap), &ended_})) co_return;
  nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_.get()), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  flush();
}

// The stream that is behind and took nothing for the longest time.
Http2Exchange* Http2Connection::longest_stalled() const {
  Http2Exchange* found = nullptr;
  for (const auto& [stream, exchange] : exchanges_)
    if (exchange->is_behind() && (found == nullptr || exchange->moved() < found->moved()))
      found = exchange;
  return found;
}

rt::Task<void> Http2Connection::cut_stalled() {
  while (co_await behind_.wait({rt::Deadline::never(), &ended_}) == rt::Wake::ready) {
    behind_.clear();
    while (Http2Exchange* exchange = longest_stalled()) {
      const Instant end = exchange->moved() + core_.options.limits.write_stall;
      if (end <= core_.loop.now()) {
        exchange->cut_off();
      } else if (!co_await rt::sleep(core_.loop, {rt::Deadline::at(end), &ended_})) {
        co_return;
      }
    }
  }
}

// The last frames must not be lost to the reset that closing with unread bytes causes.
rt::Task<void> Http2Connection::linger() {
  const rt::Deadline end = core_.loop.in(kLingerTime);
  while (blocked_.is_set() && !is_broken()) {
    if (co_await socket_->writable().wait({end, &core_.cut_off}) != rt::Wake::ready) co_return;
    blocked_.clear();
    flush();
  }
  socket_->shutdown_write();
  std::size_t discarded = 0;
  while (discarded < kLingerBytesMax && !is_broken()) {
    const rt::IoResult got = socket_->try_read(core_.loop.scratch());
    if (got.status == Status::would_block) {
      if (co_await socket_->readable().wait({end, &core_.cut_off}) != rt::Wake::ready) break;
    } else if (got.status != Status::ok) {
      break;
    }
    discarded += got.bytes;
  }
}

rt::Task<void> Http2Connection::run(std::string first) {
  if (!make_session()) co_return;
  helpers_.spawn(write_rest());
  helpers_.spawn(watch_drain());
  helpers_.spawn(cut_stalled());
  flush();
  if (first.empty() || feed(first)) co_await read_all();
  for (const auto& [stream, exchange] : exchanges_)
    exchange->on_lost();
  ended_.set();
  co_await helpers_.join({rt::Deadline::never(), nullptr});
  if (!is_broken()) co_await linger();
  is_broken_ = true;
  co_await requests_.join({rt::Deadline::never(), nullptr});
  incoming_.reset();
  ready_.clear();
}

rt::Task<void> serve_http2(ServerCore& core, std::unique_ptr<rt::Socket> socket,
                           std::unique_ptr<LiveConnection> live, std::string first) {
  Http2Connection connection(core, std::move(socket), std::move(live));
  co_await connection.run(std::move(first));
}

}  // namespace sovmesh::http
