#pragma once

#include <cstddef>
#include <cstdint>
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
// An event with one data line that lies whole inside the fed bytes is returned as views into them,
// without a copy; only a split event and joined lines are kept (so a fed buffer must stay untouched
// until next() has returned false).
class SseParser {
 public:
  static constexpr std::size_t kLineMax = 1U << 20;   // without its end
  static constexpr std::size_t kEventMax = 4U << 20;  // its data

  // `is_later`: for what follows a whole event of a stream, where no BOM is expected.
  explicit SseParser(bool is_later = false) : started_(is_later) {}
  SseParser(const SseParser&) = delete;
  SseParser& operator=(const SseParser&) = delete;

  void feed(std::string_view bytes);
  // True: `event` holds the next event. False: all fed bytes are used up. Errors: a line or an
  // event beyond its bound, a NUL, invalid UTF-8 in a data line (Code::upstream_invalid_response);
  // after one the parser is of no more use.
  Result<bool> next(SseEvent& event);
  // True when bytes of an unfinished event are kept: at the end of a stream, that event was cut
  // off.
  bool has_partial() const;
  // True when a new parser would go on just as well.
  bool is_between_events() const { return started_ && !skip_lf_ && !has_partial(); }
  // True when the data of the last event is a view into the fed bytes (and not a copy of ours).
  bool data_is_fed() const { return !data_is_copy_; }

 private:
  // What a block of bytes may contain, found in one pass when it is fed, so that the usual block
  // (ASCII, LF only) needs no check per line.
  struct Traits {
    bool cr = false;
    bool nul = false;
    bool high = false;
  };
  static Traits scan(std::string_view bytes);

  void begin_event();
  void skip_bom();
  Result<bool> take_line(std::string_view& line);
  Result<void> use_line(std::string_view line, bool is_fed);
  Result<void> add_data(std::string_view value, bool is_fed);
  void keep_event();

  std::string_view input_;
  Traits traits_;     // of the bytes that the current line may come from
  std::string kept_;  // the beginning of a line whose end has not come
  std::string data_;  // owned data of the current event, when it cannot be a view
  std::string name_;  // the same for its name
  std::string_view data_view_;
  std::string_view name_view_;
  std::uint8_t bom_seen_ = 0;  // bytes of a BOM that have come
  bool started_ = false;       // past the place of a BOM
  bool skip_lf_ = false;       // the last line ended with CR: an LF now belongs to it
  bool line_is_kept_ = false;  // kept_ holds the line that was taken last
  bool has_data_ = false;
  bool data_is_copy_ = false;
  bool finished_ = true;  // the last event was handed out: the next line begins another one
};

}  // namespace sovmesh::http
