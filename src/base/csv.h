#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace sovmesh {

// Writes CSV of RFC 4180 (lines end in CR LF), field by field, then end_line(). What is anybody's
// text never becomes a formula of the spreadsheet that opens it: an apostrophe goes before it.
class CsvWriter {
 public:
  CsvWriter& text(std::string_view text);
  CsvWriter& number(std::int64_t number);
  // Digits, times, words of ours: never text from outside. "-0.25" stays a number.
  CsvWriter& plain(std::string_view text);
  void end_line();
  std::string take() { return std::move(out_); }

 private:
  void begin_field();
  std::string out_;
  bool at_begin_ = true;
};

}  // namespace sovmesh
