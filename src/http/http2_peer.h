#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sovmesh::http {

// For tests: the client's side of one HTTP/2 connection, without a socket. output() says what it
// wants to send, feed() takes what came.
class Http2Peer {
 public:
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  struct Options {
    std::uint32_t stream_window = 65'535;
    bool gives_window_back = true;  // false: reads nothing beyond the first windows
    bool checks_messages = true;    // false: sends what no client should
  };
  struct Answer {
    int status = 0;
    Pairs fields;
    std::string body;
    bool interim = false;  // a 1xx came first
    bool ended = false;    // END_STREAM came
    std::optional<std::uint32_t> closed;

    std::string field(std::string_view name) const {
      for (const auto& [given, value] : fields)
        if (given == name) return value;
      return "";
    }
  };

  Http2Peer() : Http2Peer(Options()) {}
  explicit Http2Peer(Options options) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, options.gives_window_back ? 0 : 1);
    nghttp2_option_set_no_http_messaging(option, options.checks_messages ? 0 : 1);
    nghttp2_option_set_peer_max_concurrent_streams(option, 100'000);
    nghttp2_option_set_max_send_header_block_length(option, 1U << 20);
    nghttp2_session* session = nullptr;
    nghttp2_session_client_new2(&session, callbacks, this, option);
    session_.reset(session);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry window{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                                        options.stream_window};
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, &window, 1);
  }
  Http2Peer(const Http2Peer&) = delete;
  Http2Peer& operator=(const Http2Peer&) = delete;
  ~Http2Peer() = default;

  // --- what it does -----------------------------------------------------------------------------
  // `body`: nothing means END_STREAM with the head.
  std::int32_t request(const Pairs& fields, std::optional<std::string> body = std::nullopt,
                       bool leave_open = false) {
    std::vector<nghttp2_nv> pairs;
    pairs.reserve(fields.size());
    for (const auto& [name, value] : fields)
      pairs.push_back({.name = bytes(name),
                       .value = bytes(value),
                       .namelen = name.size(),
                       .valuelen = value.size(),
                       .flags = NGHTTP2_NV_FLAG_NONE});
    nghttp2_data_provider provider{.source = {}, .read_callback = read_body};
    const std::int32_t stream =
        nghttp2_submit_request(session_.get(), nullptr, pairs.data(), pairs.size(),
                               body || leave_open ? &provider : nullptr, nullptr);
    uploads_[stream] = {.bytes = body.value_or(""), .leave_open = leave_open};
    return stream;
  }
  std::int32_t get(std::string path) { return request(head("GET", std::move(path))); }
  std::int32_t post(std::string body, std::string path = "/x") {
    return request(head("POST", std::move(path)), std::move(body));
  }
  static Pairs head(std::string method, std::string path) {
    return {{":method", std::move(method)},
            {":scheme", "http"},
            {":path", std::move(path)},
            {":authority", "a"}};
  }
  void send_more(std::int32_t stream, std::string_view bytes, bool ends) {
    uploads_[stream].bytes.append(bytes);
    uploads_[stream].leave_open = !ends;
    nghttp2_session_resume_data(session_.get(), stream);
  }
  void reset(std::int32_t stream, std::uint32_t code = NGHTTP2_CANCEL) {
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream, code);
  }
  nghttp2_session* session() { return session_.get(); }

  // --- what passes ------------------------------------------------------------------------------
  std::string output() {
    std::string all;
    const std::uint8_t* data = nullptr;
    while (true) {
      const ssize_t size = nghttp2_session_mem_send(session_.get(), &data);
      if (size <= 0) return all;
      all.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
    }
  }
  bool feed(std::string_view input) {
    return nghttp2_session_mem_recv(session_.get(), bytes(input), input.size()) >= 0;
  }

  // --- what it learned --------------------------------------------------------------------------
  Answer& answer(std::int32_t stream) { return answers_[stream]; }
  std::vector<std::uint32_t> goaways;  // error codes
  std::int32_t goaway_last_stream = 0;
  // The order in which pieces of bodies came.
  std::vector<std::int32_t> order;

 private:
  struct Free {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };
  struct Upload {
    std::string bytes;
    bool leave_open = false;
  };
  static Http2Peer& self(void* user) { return *static_cast<Http2Peer*>(user); }
  static std::uint8_t* bytes(std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  }
  static std::string text(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
  }
  static int on_header(nghttp2_session* /*session*/, const nghttp2_frame* frame,
                       const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                       std::size_t value_size, std::uint8_t /*flags*/, void* user) {
    Answer& answer = self(user).answers_[frame->hd.stream_id];
    const std::string key = text(name, name_size);
    if (key != ":status") {
      answer.fields.emplace_back(key, text(value, value_size));
      return 0;
    }
    answer.status = std::stoi(text(value, value_size));
    answer.interim = answer.interim || answer.status < 200;
    return 0;
  }
  static int on_data(nghttp2_session* /*session*/, std::uint8_t /*flags*/, std::int32_t stream,
                     const std::uint8_t* data, std::size_t size, void* user) {
    self(user).answers_[stream].body += text(data, size);
    self(user).order.push_back(stream);
    return 0;
  }
  static int on_frame(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      self(user).goaways.push_back(frame->goaway.error_code);
      self(user).goaway_last_stream = frame->goaway.last_stream_id;
    }
    const bool is_message = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (is_message && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
      self(user).answers_[frame->hd.stream_id].ended = true;
    return 0;
  }
  static int on_close(nghttp2_session* /*session*/, std::int32_t stream, std::uint32_t code,
                      void* user) {
    self(user).answers_[stream].closed = code;
    return 0;
  }
  static ssize_t read_body(nghttp2_session* /*session*/, std::int32_t stream, std::uint8_t* into,
                           std::size_t size, std::uint32_t* flags, nghttp2_data_source* /*source*/,
                           void* user) {
    Upload& upload = self(user).uploads_[stream];
    const std::size_t taken = upload.bytes.copy(reinterpret_cast<char*>(into), size);
    upload.bytes.erase(0, taken);
    const bool is_last = upload.bytes.empty() && !upload.leave_open;
    if (is_last) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return taken == 0 && !is_last ? NGHTTP2_ERR_DEFERRED : static_cast<ssize_t>(taken);
  }

  std::unique_ptr<nghttp2_session, Free> session_;
  std::map<std::int32_t, Answer> answers_;
  std::map<std::int32_t, Upload> uploads_;
};

}  // namespace sovmesh::http
