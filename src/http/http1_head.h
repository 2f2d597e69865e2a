#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/head.h"

namespace sovmesh::http {

// Why a message was refused before anybody acted on it. The status stands beside the code because
// HTTP has a few that the error table has not (414, 417, 501, 505).
struct Refusal {
  int status = 400;
  Code code = Code::invalid_request;
  std::string_view message;  // a literal
};
template <class T = void>
using Checked = std::expected<T, Refusal>;

struct HeadBounds {
  std::size_t bytes_max = std::size_t{64} * 1024;
  std::size_t fields_max = 100;
  std::size_t target_bytes_max = std::size_t{8} * 1024;
};

// Where the parts of a checked request line are, counted from the beginning of the head's bytes.
struct RequestLine {
  std::uint32_t method_begin = 0;
  std::uint32_t method_size = 0;
  std::uint32_t target_begin = 0;
  std::uint32_t target_size = 0;
  Version version = Version::http_1_1;
};

// What both versions of HTTP ask of a method and of a target; the latter's form is any we know.
Checked<> check_method(std::string_view method);
Checked<> check_target(std::string_view target, std::string_view method);

// Collects the bytes of one head, however they are split, up to and with its empty line. It only
// looks at lines: every line ends with CRLF, the first one makes sense, nothing exceeds its bound.
// parse_*_head() then reads the whole at once, so that a split cannot change what comes out.
class HeadReader {
 public:
  enum class Kind : std::uint8_t { request, response };
  explicit HeadReader(Kind kind) : kind_(kind) {}

  // Takes this head's part from the front of `input`. True: the head is complete, `input` begins
  // after it. False: `input` is used up.
  Checked<bool> feed(std::string_view& input, const HeadBounds& bounds);
  // For the next head; keeps at most kKeptBytes of memory.
  void clear();
  bool empty() const { return bytes_.empty(); }

  // The complete head, writable: field names are made lower case in place.
  std::string& bytes() { return bytes_; }
  const std::string& bytes() const { return bytes_; }
  std::size_t begin() const { return first_line_; }
  const RequestLine& request_line() const { return request_line_; }

  static constexpr std::size_t kKeptBytes = 2048;

 private:
  Checked<> check_line(std::string_view line, const HeadBounds& bounds);
  Checked<> check_line_begin(std::string_view line, const HeadBounds& bounds) const;

  std::string bytes_;
  std::uint32_t first_line_ = 0;  // 2 when an empty line came before it
  std::uint32_t line_begin_ = 0;  // of the unfinished line
  std::uint32_t lines_ = 0;       // finished ones
  RequestLine request_line_;
  Kind kind_;
};

// How the body that follows a head is delimited.
struct Framing {
  enum class Kind : std::uint8_t { none, length, chunked, until_close };
  Kind kind = Kind::none;
  std::uint64_t length = 0;
  bool keep_alive = true;  // the connection may carry another message afterwards
};

// Reads the complete head in `reader` strictly (RFC 9112, and no leniency it allows): `head` and
// its views live as long as the reader's bytes.
Checked<> parse_request_head(HeadReader& reader, RequestHead& head, Framing& framing);

struct ParsedResponse {
  int status = 0;
  Fields* fields = nullptr;  // filled; without framing fields
  std::optional<std::uint64_t> content_length;
  Framing framing;
};
// `to_head`: the answer to a HEAD request, which has no body whatever its fields say.
Checked<> parse_response_head(HeadReader& reader, bool to_head, ParsedResponse& response);

}  // namespace sovmesh::http
