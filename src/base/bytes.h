#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sovmesh {

// Text encodings and checks that every module may need. Plain functions, no state.

// Gives the memory back, too. (Assigning an empty string keeps it.)
inline void release(std::string& text) { std::string().swap(text); }

std::string to_hex(std::span<const unsigned char> bytes);  // lower case
void append_hex(std::string& out, std::span<const unsigned char> bytes);
std::string to_base64(std::span<const unsigned char> bytes);
// Standard alphabet with padding; nothing when the text is not exactly that.
std::optional<std::string> from_base64(std::string_view text);
// CRC-32 (IEEE 802.3, reflected, as in zlib).
std::uint32_t crc32(std::string_view bytes);
// Exactly `width` base62 digits (0-9A-Za-z), most significant first; the value's high digits are
// lost when it does not fit.
std::string to_base62(std::uint64_t value, std::size_t width);
bool is_base62(std::string_view text);
bool is_valid_utf8(std::string_view text);
// Appends `text` as the inside of a JSON string (no quotes): escapes ", \ and control characters.
void append_json_escaped(std::string& out, std::string_view text);
// Appends a complete JSON string, quotes included.
void append_json_string(std::string& out, std::string_view text);
// Digits only, no sign, no leading zeros, no overflow.
std::optional<std::uint64_t> parse_u64(std::string_view digits);
// ASCII only: locale-free.
bool equals_ignore_case(std::string_view a, std::string_view b);
std::string to_lower(std::string_view text);
std::string_view trim(std::string_view text);  // spaces and tabs at both ends
// The candidate closest to `text` by edit distance when it is close enough to be a typing error
// (at most a third of its length); for "did you mean" hints.
std::string_view closest(std::string_view text, std::span<const std::string_view> candidates);

}  // namespace sovmesh
