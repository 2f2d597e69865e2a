#include "http/chunk_decoder.h"

#include <algorithm>
#include <cstring>

#include "http/field_rules.h"

namespace sovmesh::http {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_text(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7F) || byte == '\t';
}

constexpr std::uint8_t kDigitsMax = 15;  // below 2^60: sums cannot overflow

}  // namespace

ChunkDecoder::Step ChunkDecoder::decode(std::span<char> block) {
  std::size_t at = 0;
  std::size_t data_begin = 0;
  std::size_t data_end = 0;
  while (at < block.size() && state_ != State::done && state_ != State::bad) {
    if (state_ != State::data) {
      state_ = after(block[at++]);
      if (++overhead_ > kOverheadMax) state_ = State::bad;
      continue;
    }
    const std::size_t size = std::min<std::size_t>(left_, block.size() - at);
    if (data_end == data_begin) data_begin = data_end = at;
    if (data_end != at) std::memmove(block.data() + data_end, block.data() + at, size);
    data_end += size;
    at += size;
    left_ -= size;
    overhead_ = 0;
    if (left_ == 0) state_ = State::data_cr;
  }
  Step step{.outcome = Outcome::more,
            .data = {block.data() + data_begin, data_end - data_begin},
            .consumed = at};
  if (state_ == State::done) step.outcome = Outcome::done;
  if (state_ == State::bad) step.outcome = Outcome::bad;
  return step;
}

ChunkDecoder::State ChunkDecoder::after(char c) {
  switch (state_) {
    case State::size_first:
    case State::size:
    case State::extension:
    case State::size_lf:
      return after_size(c);
    case State::data_cr:
      return c == '\r' ? State::data_lf : State::bad;
    case State::data_lf:
      return c == '\n' ? State::size_first : State::bad;
    case State::trailer_first:
    case State::trailer_name:
    case State::trailer_value:
    case State::trailer_lf:
    case State::last_lf:
      return after_trailer(c);
    case State::data:
    case State::done:
    case State::bad:
      break;
  }
  return State::bad;
}

ChunkDecoder::State ChunkDecoder::after_size(char c) {
  if (state_ == State::size_first) {
    left_ = 0;
    digits_ = 0;
  }
  if (state_ == State::size_lf) {
    if (c != '\n') return State::bad;
    return left_ == 0 ? State::trailer_first : State::data;
  }
  if (state_ == State::extension) {
    if (c == '\r') return State::size_lf;
    return is_text(c) ? State::extension : State::bad;
  }
  const int digit = hex_value(c);
  if (digit >= 0) {
    left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
    return ++digits_ <= kDigitsMax ? State::size : State::bad;
  }
  if (state_ == State::size_first) return State::bad;
  if (c == '\r') return State::size_lf;
  return c == ';' ? State::extension : State::bad;
}

ChunkDecoder::State ChunkDecoder::after_trailer(char c) {
  switch (state_) {
    case State::trailer_first:
      if (c == '\r') return State::last_lf;
      return is_token_char(c) ? State::trailer_name : State::bad;
    case State::trailer_name:
      if (c == ':') return State::trailer_value;
      return is_token_char(c) ? State::trailer_name : State::bad;
    case State::trailer_value:
      if (c == '\r') return State::trailer_lf;
      return is_text(c) ? State::trailer_value : State::bad;
    case State::trailer_lf:
      return c == '\n' ? State::trailer_first : State::bad;
    case State::last_lf:
      return c == '\n' ? State::done : State::bad;
    default:
      return State::bad;
  }
}

}  // namespace sovmesh::http
