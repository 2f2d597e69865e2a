#include "base/csv.h"

#include <algorithm>
#include <array>

namespace sovmesh {
namespace {

// The characters that begin a formula, and their full-width forms, which some programs take too.
bool looks_like_formula(std::string_view text) {
  const auto first = text.find_first_not_of(" \"'\xc2\xa0");
  if (first == std::string_view::npos) return false;
  const std::string_view rest = text.substr(first);
  if (static_cast<unsigned char>(rest.front()) < 0x20) return true;  // they skip it
  constexpr std::array<std::string_view, 9> kBegins{
      "=", "+", "-", "@", "|", "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};
  return std::ranges::any_of(kBegins, [&](auto begin) { return rest.starts_with(begin); });
}

}  // namespace

void CsvWriter::begin_field() {
  if (!at_begin_) out_ += ',';
  at_begin_ = false;
}

CsvWriter& CsvWriter::text(std::string_view text) {
  begin_field();
  const bool guarded = looks_like_formula(text);
  if (!guarded && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out_ += text;
    return *this;
  }
  out_ += guarded ? "\"'" : "\"";
  for (const char c : text) {
    if (c == '"') out_ += '"';
    out_ += c;
  }
  out_ += '"';
  return *this;
}

CsvWriter& CsvWriter::number(std::int64_t number) { return plain(std::to_string(number)); }

CsvWriter& CsvWriter::plain(std::string_view text) {
  begin_field();
  out_ += text;
  return *this;
}

void CsvWriter::end_line() {
  out_ += "\r\n";
  at_begin_ = true;
}

}  // namespace sovmesh
