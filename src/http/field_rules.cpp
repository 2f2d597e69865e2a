#include "http/field_rules.h"

#include <algorithm>

#include "base/bytes.h"

namespace sovmesh::http {

namespace {

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (unsigned char c = '0'; c <= '9'; ++c)
    table[c] = true;
  for (unsigned char c = 'a'; c <= 'z'; ++c)
    table[c] = true;
  for (unsigned char c = 'A'; c <= 'Z'; ++c)
    table[c] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kTokenChars = make_token_table();

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_name_char(char c) {
  return is_digit(c) || is_alpha(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

// Takes the piece up to the next comma off the front of `list`.
std::string_view next_element(std::string_view& list) {
  const std::size_t comma = list.find(',');
  const std::string_view element = list.substr(0, comma);
  list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  return trim(element);
}

// The letters of `name` are exactly `letters`; everything else in it does not count.
bool has_letters(std::string_view name, std::string_view letters) {
  std::size_t matched = 0;
  for (const char c : name) {
    if (!is_alpha(c)) continue;
    if (matched == letters.size() || c != letters[matched]) return false;
    ++matched;
  }
  return matched == letters.size();
}

}  // namespace

bool is_token_char(char c) { return kTokenChars[static_cast<unsigned char>(c)]; }

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token_char);
}

std::optional<std::uint64_t> parse_content_length(std::string_view value) {
  if (value.empty() || value.size() > 18 || (value.size() > 1 && value.front() == '0'))
    return std::nullopt;
  std::uint64_t length = 0;
  for (const char c : value) {
    if (!is_digit(c)) return std::nullopt;
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return length;
}

bool looks_like_framing(std::string_view lower_name) {
  constexpr std::string_view kLength = "content-length";
  constexpr std::string_view kEncoding = "transfer-encoding";
  return (lower_name != kLength && has_letters(lower_name, "contentlength")) ||
         (lower_name != kEncoding && has_letters(lower_name, "transferencoding"));
}

std::optional<Authority> parse_authority(std::string_view text) {
  std::size_t host_size = 0;
  if (text.starts_with('[')) {
    host_size = text.find(']');
    if (host_size == std::string_view::npos || host_size < 3) return std::nullopt;
    ++host_size;
    const auto inside = text.substr(1, host_size - 2);
    if (!std::ranges::all_of(inside,
                             [](char c) { return is_hex_digit(c) || c == ':' || c == '.'; }))
      return std::nullopt;
  } else {
    while (host_size < text.size() && is_name_char(text[host_size]))
      ++host_size;
  }
  Authority authority{.host = text.substr(0, host_size), .port = {}};
  if (host_size == 0 || host_size > 255) return std::nullopt;
  if (host_size == text.size()) return authority;
  authority.port = text.substr(host_size + 1);
  const bool port_is_good = text[host_size] == ':' && !authority.port.empty() &&
                            authority.port.size() <= 5 &&
                            std::ranges::all_of(authority.port, is_digit);
  if (!port_is_good) return std::nullopt;
  unsigned port = 0;
  for (const char c : authority.port)
    port = port * 10 + static_cast<unsigned>(c - '0');
  return port <= 65'535 ? std::optional(authority) : std::nullopt;
}

void TransferEncoding::add(std::string_view value) {
  ++lines_;
  value = trim(value);
  if (value.empty() || value.ends_with(',')) bad_ = true;
  while (!value.empty())
    add_element(next_element(value));
}

void TransferEncoding::add_element(std::string_view element) {
  ++elements_;
  const std::size_t semicolon = element.find(';');
  const std::string_view coding = trim(element.substr(0, semicolon));
  if (semicolon != std::string_view::npos) has_parameters_ = true;
  if (!is_token(coding)) bad_ = true;
  last_is_chunked_ = equals_ignore_case(coding, "chunked");
  if (last_is_chunked_) ++chunked_;
}

Coding TransferEncoding::coding() const {
  if (bad_ || chunked_ != 1 || !last_is_chunked_) return Coding::bad;
  return elements_ == 1 && !has_parameters_ ? Coding::chunked : Coding::unsupported;
}

void ConnectionOptions::add(std::string_view value) {
  while (!value.empty()) {
    const std::string_view option = next_element(value);
    if (equals_ignore_case(option, "close")) close = true;
    if (equals_ignore_case(option, "keep-alive")) keep_alive = true;
  }
}

bool is_connection_field(std::string_view lower_name) {
  switch (lower_name.size()) {
    case 2:
      return lower_name == "te";
    case 6:
      return lower_name == "expect";
    case 7:
      return lower_name == "upgrade" || lower_name == "trailer";
    case 10:
      return lower_name == "connection" || lower_name == "keep-alive";
    case 14:
      return lower_name == "content-length" || lower_name == "http2-settings";
    case 16:
      return lower_name == "proxy-connection";
    case 17:
      return lower_name == "transfer-encoding";
    default:
      return false;
  }
}

}  // namespace sovmesh::http
