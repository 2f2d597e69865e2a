#include "control/report_text.h"

#include <algorithm>

#include "base/decimal.h"
#include "base/html.h"

namespace sovmesh::control {
namespace {

void trim_end(std::string& text) { text.erase(text.find_last_not_of(' ') + 1); }

}  // namespace

std::string printable(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return out;
}

std::string html_escaped(std::string_view text) { return escape_html(printable(text)); }

std::string money_text(std::int64_t micro) { return micro_text(micro, 2); }
std::string seconds_text(std::int64_t microseconds) { return micro_text(microseconds); }

std::string watt_hours_text(std::int64_t millijoules) {
  // A watt-hour is 3.6 million millijoules; divided first, so that nothing overflows.
  return micro_text(millijoules / 18 * 5 + millijoules % 18 * 5 / 18);
}

// What is not the rest of a character.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

TextTable::TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {
  auto& head = lines_.emplace_back();
  for (const Column& column : columns_)
    head.push_back(column.name);
}

void TextTable::add(std::vector<std::string> cells) {
  for (std::string& cell : cells)
    cell = cell.empty() ? "-" : printable(cell);
  cells.resize(columns_.size());
  lines_.push_back(std::move(cells));
}

void TextTable::rule() { lines_.emplace_back(); }

std::string TextTable::text() const {
  std::vector<std::size_t> widths(columns_.size());
  for (const auto& line : lines_) {
    for (std::size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], characters(line[i]));
  }
  std::string out;
  for (const auto& line : lines_) {
    std::string text;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string cell = line.empty() ? std::string(widths[i], '-') : line[i];
      const std::string fill(widths[i] - characters(cell), ' ');
      text += columns_[i].is_number ? fill + cell : cell + fill;
      text += "  ";
    }
    trim_end(text);
    out += text + '\n';
  }
  return out;
}

std::string bar_text(std::int64_t value, std::int64_t max, std::size_t width) {
  std::size_t filled = 0;
  if (value > 0 && max > 0) {
    const double share = static_cast<double>(std::min(value, max)) / static_cast<double>(max);
    filled = std::clamp<std::size_t>(
        static_cast<std::size_t>(share * static_cast<double>(width) + 0.5), 1, width);
  }
  return std::string(filled, '#') + std::string(width - filled, ' ');
}

}  // namespace sovmesh::control
