#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sovmesh::control {

// Pieces of reports for people.

// Without what a terminal would obey: names may be anybody's.
std::string printable(std::string_view text);
std::string html_escaped(std::string_view text);
std::size_t characters(std::string_view text);  // of UTF-8
// "12.50": micro-units of money with at least two places, none cut off.
std::string money_text(std::int64_t micro);
std::string seconds_text(std::int64_t microseconds);
std::string watt_hours_text(std::int64_t millijoules);  // to a millionth

// Lines of cells in columns that fit; numbers to the right.
class TextTable {
 public:
  struct Column {
    std::string name;
    bool is_number = false;
  };
  explicit TextTable(std::vector<Column> columns);
  void add(std::vector<std::string> cells);  // as many as there are columns
  void rule();                               // a line below what was added so far
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> lines_;  // an empty one: a rule
};

// "#####     " of `width` characters for `value` of `max`; what is not nothing shows.
std::string bar_text(std::int64_t value, std::int64_t max, std::size_t width);

}  // namespace sovmesh::control
