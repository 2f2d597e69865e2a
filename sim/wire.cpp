#include "sim/wire.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/bytes.h"

namespace sovmesh::sim {
namespace {

constexpr std::chrono::seconds kIdleMax{300};
constexpr std::chrono::seconds kStallMax{60};

// "GET /path HTTP/1.1" and the fields. Lenient: our clients are gateways.
bool parse_head(std::string_view head, SimRequest& request) {
  const std::size_t line_end = std::min(head.find("\r\n"), head.size());
  const std::string_view line = head.substr(0, line_end);
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == line.npos || last == first) return false;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, last - first - 1);
  head.remove_prefix(std::min(line_end + 2, head.size()));
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view field = head.substr(0, end);
    const std::size_t colon = field.find(':');
    if (colon == field.npos) return false;
    request.fields.emplace_back(to_lower(field.substr(0, colon)), trim(field.substr(colon + 1)));
    head.remove_prefix(std::min(end + 2, head.size()));
  }
  return true;
}

}  // namespace

rt::Task<bool> Wire::fill() {
  const rt::Until until{loop_.in(kIdleMax), &stopping_};
  for (;;) {
    const std::span<char> scratch = loop_.scratch();
    const rt::IoResult got = socket_->try_read(scratch);
    if (got.status == rt::IoResult::Status::ok) {
      input_.append(scratch.data(), got.bytes);
      co_return true;
    }
    if (got.status != rt::IoResult::Status::would_block) co_return false;
    if (co_await socket_->readable().wait(until) != rt::Wake::ready) co_return false;
  }
}

rt::Task<bool> Wire::read_request(SimRequest& request) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  std::size_t end = 0;
  while ((end = input_.find(kEnd)) == input_.npos) {
    if (input_.size() > kHeadMax || !co_await fill()) co_return false;
  }
  const bool parsed = parse_head(std::string_view(input_).substr(0, end), request);
  input_.erase(0, end + kEnd.size());
  body_.clear();
  if (!parsed || !co_await read_body(request)) co_return false;
  body_size_ = body_.size();
  body_.resize(body_size_ + kPadding);
  co_return true;
}

rt::Task<bool> Wire::read_body(const SimRequest& request) {
  if (!request.field("transfer-encoding").empty()) co_return co_await read_chunked();
  const std::string_view length = request.field("content-length");
  if (length.empty()) co_return true;
  const auto count = parse_u64(length);
  if (!count || *count > kBodyMax) co_return false;
  body_.reserve(*count + kPadding);
  co_return co_await read_bytes(*count);
}

rt::Task<bool> Wire::read_bytes(std::size_t count) {
  while (count > 0) {
    if (input_.empty() && !co_await fill()) co_return false;
    const std::size_t part = std::min(count, input_.size());
    body_.append(input_, 0, part);
    input_.erase(0, part);
    count -= part;
  }
  co_return true;
}

rt::Task<bool> Wire::read_line(std::string& line) {
  std::size_t end = 0;
  while ((end = input_.find("\r\n")) == input_.npos) {
    if (input_.size() > kHeadMax || !co_await fill()) co_return false;
  }
  line = input_.substr(0, end);
  input_.erase(0, end + 2);
  co_return true;
}

rt::Task<bool> Wire::read_chunked() {
  std::string line;
  for (;;) {
    if (!co_await read_line(line)) co_return false;
    std::size_t size = 0;
    const auto parsed = std::from_chars(line.data(), line.data() + line.size(), size, 16);
    if (parsed.ec != std::errc() || size > kBodyMax - body_.size()) co_return false;
    if (size == 0) break;
    if (!co_await read_bytes(size) || !co_await read_line(line)) co_return false;
  }
  do {  // trailers
    if (!co_await read_line(line)) co_return false;
  } while (!line.empty());
  co_return true;
}

void Wire::put(std::string_view bytes) {
  if (failed_) return;
  if (unsent_.empty() && piece_max_ == 0) {  // the common case: no copy
    const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    const rt::IoResult sent = socket_->try_write({&piece, 1});
    if (sent.status == rt::IoResult::Status::error) failed_ = true;
    if (sent.status == rt::IoResult::Status::ok) bytes.remove_prefix(sent.bytes);
    if (failed_ || bytes.empty()) return;
  }
  unsent_ += bytes;
}

void Wire::push() {
  while (!unsent_.empty()) {
    const std::size_t size =
        piece_max_ == 0 ? unsent_.size() : std::min(piece_max_, unsent_.size());
    const iovec piece{unsent_.data(), size};
    const rt::IoResult sent = socket_->try_write({&piece, 1});
    if (sent.status == rt::IoResult::Status::error) failed_ = true;
    if (sent.status != rt::IoResult::Status::ok) return;
    unsent_.erase(0, sent.bytes);
  }
}

rt::Task<bool> Wire::flush() {
  for (;;) {
    push();
    if (failed_ || stopping_.is_set()) co_return false;
    if (unsent_.empty()) co_return true;
    const rt::Until until{loop_.in(kStallMax), &stopping_};
    if (co_await socket_->writable().wait(until) != rt::Wake::ready) co_return false;
  }
}

rt::Task<bool> Wire::pause_until(Instant when) {
  const rt::Until until{rt::Deadline::at(when), &stopping_};
  // What the socket did not take at once leaves during the pause.
  for (push(); !unsent_.empty() && !failed_; push()) {
    const rt::Wake wake = co_await socket_->writable().wait(until);
    if (wake == rt::Wake::cancelled) co_return false;
    if (wake == rt::Wake::timed_out) break;
  }
  co_return !failed_ && co_await socket_->hung_up().wait(until) == rt::Wake::timed_out;
}

rt::Task<bool> Wire::pause(std::chrono::nanoseconds time) {
  co_return co_await pause_until(loop_.now() + time);
}

rt::Task<bool> Wire::wait(rt::Event& event) {
  if (!co_await flush()) co_return false;
  const rt::Until until{rt::Deadline::never(), &socket_->hung_up()};
  co_return co_await event.wait(until) == rt::Wake::ready && !stopping_.is_set();
}

rt::Task<void> Wire::wait_for_client_to_go() {
  const rt::Until until{rt::Deadline::never(), &stopping_};
  co_await socket_->hung_up().wait(until);
}

}  // namespace sovmesh::sim
