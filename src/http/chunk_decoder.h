#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sovmesh::http {

// Takes the chunked coding (RFC 9112 section 7.1) off a body, in place and without a callback per
// chunk: the data of all chunks in a block of input is moved together, so that one read gives one
// piece. Strict: sizes of 1..15 hex digits, CRLF everywhere, no control bytes in extensions,
// well-formed trailer fields; extensions and trailers are dropped and bounded.
//
//   size -> (extension) -> data -> size ... -> "0" -> trailers -> done
class ChunkDecoder {
 public:
  // Bytes between two pieces of data, and of all trailers together.
  static constexpr std::size_t kOverheadMax = std::size_t{16} * 1024;

  enum class Outcome : std::uint8_t { more, done, bad };
  struct Step {
    Outcome outcome = Outcome::more;
    std::string_view data;     // inside `block`
    std::size_t consumed = 0;  // bytes of `block` used up: all, unless done or bad
  };
  // After done or bad there is no further call.
  Step decode(std::span<char> block);

 private:
  enum class State : std::uint8_t {
    size_first,  // the first digit of a size
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_first,  // the first byte of a trailer line, or the CR of the last empty line
    trailer_name,
    trailer_value,
    trailer_lf,
    last_lf,
    done,
    bad,
  };
  State after(char c);
  State after_size(char c);
  State after_trailer(char c);

  std::uint64_t left_ = 0;  // of the current chunk
  std::uint32_t overhead_ = 0;
  std::uint8_t digits_ = 0;
  State state_ = State::size_first;
};

}  // namespace sovmesh::http
