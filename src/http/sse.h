#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sovmesh::http {

// One server-sent event. The views live until the next call of the parser.
struct SseEvent {
  std::string_view name;  // empty means "message"
  std::string_view data;  // lines joined by '\n'
};

// Turns pulled bytes into events (WHATWG HTML 9.2.6): CR, LF and CRLF, a BOM at the start,
// comments, multi-line data, "data:" with and without the space, any split of the input. Sans-I/O:
//
//   parser.feed(bytes);
//   while (true) { TRY(const bool more, parser.next(event)); if (!more) break; ... }
//
// An event that lies whole inside the fed bytes is returned as views into them, without a copy;
// only a split event is kept (so a fed buffer must stay untouched until next() has returned false).
class SseParser {
 public:
  static constexpr std::size_t kLineMax = 1U << 20;
  static constexpr std::size_t kEventMax = 4U << 20;

  void feed(std::string_view bytes);
  // True: `event` holds the next event. False: all fed bytes are used up. Errors: a line or an
  // event beyond its bound, a NUL, invalid UTF-8 in a data line (Code::upstream_invalid_response).
  Result<bool> next(SseEvent& event);
  // True when bytes of an unfinished event are kept: at the end of a stream, that event was cut
  // off.
  bool has_partial() const;

 private:
  std::string_view input_;
  std::string kept_;
  std::string data_;
  std::string name_;
  bool started_ = false;
  bool skip_lf_ = false;
  bool has_data_ = false;
};

}  // namespace sovmesh::http
