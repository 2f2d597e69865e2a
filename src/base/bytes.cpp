#include "base/bytes.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace sovmesh {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase62Digits =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

constexpr std::array<std::array<char, 2>, 256> make_hex_pairs() {
  std::array<std::array<char, 2>, 256> pairs{};
  for (std::size_t byte = 0; byte < pairs.size(); ++byte)
    pairs[byte] = {kHexDigits[byte >> 4], kHexDigits[byte & 0xf]};
  return pairs;
}
constexpr auto kHexPairs = make_hex_pairs();

constexpr unsigned char kNoDigit = 0xff;

constexpr std::array<unsigned char, 256> make_base64_values() {
  std::array<unsigned char, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t i = 0; i < kBase64Digits.size(); ++i)
    values[static_cast<unsigned char>(kBase64Digits[i])] = static_cast<unsigned char>(i);
  return values;
}
constexpr auto kBase64Values = make_base64_values();

// Eight tables: the remainder of a byte that is followed by 0..7 zero bytes, so that eight bytes
// cost eight look-ups and no dependency between them.
constexpr std::array<std::array<std::uint32_t, 256>, 8> make_crc_tables() {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit)
      remainder = (remainder >> 1) ^ ((remainder & 1) != 0 ? 0xEDB88320U : 0U);
    tables[0][byte] = remainder;
  }
  for (std::size_t t = 1; t < tables.size(); ++t) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t shorter = tables[t - 1][byte];
      tables[t][byte] = (shorter >> 8) ^ tables[0][shorter & 0xff];
    }
  }
  return tables;
}
constexpr auto kCrc = make_crc_tables();

std::uint32_t load_le32(const char* at) {
  std::array<unsigned char, 4> bytes{};
  std::memcpy(bytes.data(), at, bytes.size());
  return static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8 |
         static_cast<std::uint32_t>(bytes[2]) << 16 | static_cast<std::uint32_t>(bytes[3]) << 24;
}

// The remainder after `bytes` when it was `crc` before them.
std::uint32_t crc_after(std::uint32_t crc, std::string_view bytes) {
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    const std::uint32_t low = load_le32(at) ^ crc;
    const std::uint32_t high = load_le32(at + 4);
    crc = kCrc[7][low & 0xff] ^ kCrc[6][low >> 8 & 0xff] ^ kCrc[5][low >> 16 & 0xff] ^
          kCrc[4][low >> 24] ^ kCrc[3][high & 0xff] ^ kCrc[2][high >> 8 & 0xff] ^
          kCrc[1][high >> 16 & 0xff] ^ kCrc[0][high >> 24];
  }
  for (; left > 0; --left, ++at)
    crc = (crc >> 8) ^ kCrc[0][(crc ^ static_cast<unsigned char>(*at)) & 0xff];
  return crc;
}

constexpr std::size_t kFoldBytes = 64;
#ifdef __x86_64__
bool can_fold() {
  static const bool can = __builtin_cpu_supports("pclmul") != 0;
  return can;
}
__attribute__((target("pclmul"))) inline __m128i fold(__m128i value, __m128i by, __m128i next) {
  return _mm_xor_si128(
      _mm_xor_si128(_mm_clmulepi64_si128(value, by, 0x00), _mm_clmulepi64_si128(value, by, 0x11)),
      next);
}
// Four blocks of 16 bytes side by side, each multiplied by what moves it over the next four (Gopal
// et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction"). 16 bytes
// with the same remainder are left. `bytes` has at least kFoldBytes, and loses its whole blocks.
__attribute__((target("pclmul"))) std::uint32_t crc_folded(std::uint32_t crc,
                                                           std::string_view& bytes) {
  constexpr std::size_t kBlock = 16;
  const auto next = [&bytes] {
    const auto* const at = reinterpret_cast<const __m128i*>(bytes.data());
    bytes.remove_prefix(kBlock);
    return _mm_loadu_si128(at);
  };
  // x^(512+32), x^(512-32); x^(128+32), x^(128-32): modulo the polynomial, reflected.
  const __m128i over_four = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
  const __m128i over_one = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
  __m128i a = _mm_xor_si128(next(), _mm_cvtsi32_si128(static_cast<int>(crc)));
  __m128i b = next();
  __m128i c = next();
  __m128i d = next();
  while (bytes.size() >= kFoldBytes) {
    a = fold(a, over_four, next());
    b = fold(b, over_four, next());
    c = fold(c, over_four, next());
    d = fold(d, over_four, next());
  }
  a = fold(fold(fold(a, over_one, b), over_one, c), over_one, d);
  while (bytes.size() >= kBlock)
    a = fold(a, over_one, next());
  std::array<char, kBlock> rest;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(rest.data()), a);
  return crc_after(0, {rest.data(), rest.size()});
}
#else
bool can_fold() { return false; }
std::uint32_t crc_folded(std::uint32_t crc, std::string_view& /*bytes*/) { return crc; }
#endif

constexpr char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// Length of the well-formed UTF-8 sequence at the front of `text`, 0 when there is none (Unicode
// 15, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF).
std::size_t utf8_sequence(std::string_view text) {
  const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (at(1) < low || at(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((at(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

bool needs_escape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

// How much of `text` goes into a JSON string as it is. Eight bytes at a time: a byte's top bit is
// set in `found` when the byte needs an escape (or follows one that does, which only makes the slow
// loop start early).
std::size_t plain_prefix(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kTops = 0x8080808080808080;
  std::size_t at = 0;
  for (; text.size() - at >= 8; at += 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, text.data() + at, sizeof eight);
    const auto zero_bytes = [](std::uint64_t v) { return (v - kOnes) & ~v; };
    const std::uint64_t found =
        (zero_bytes(eight ^ (kOnes * '"')) | zero_bytes(eight ^ (kOnes * '\\')) |
         ((eight - kOnes * 0x20) & ~eight)) &
        kTops;
    if (found != 0) break;
  }
  while (at < text.size() && !needs_escape(text[at]))
    ++at;
  return at;
}

// Edit distance where swapping two neighbours counts once, as typing errors do.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

void append_hex(std::string& out, std::span<const unsigned char> bytes) {
  const std::size_t before = out.size();
  const std::size_t after = before + bytes.size() * 2;
  out.resize_and_overwrite(after, [&](char* begin, std::size_t) {
    char* to = begin + before;
    for (const unsigned char byte : bytes) {
      std::memcpy(to, kHexPairs[byte].data(), 2);
      to += 2;
    }
    return after;
  });
}

std::string to_hex(std::span<const unsigned char> bytes) {
  std::string text;
  append_hex(text, bytes);
  return text;
}

std::string to_base64(std::span<const unsigned char> bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = static_cast<std::uint32_t>(bytes[i]) << 16;
    if (left > 1) group |= static_cast<std::uint32_t>(bytes[i + 1]) << 8;
    if (left > 2) group |= bytes[i + 2];
    text.push_back(kBase64Digits[group >> 18]);
    text.push_back(kBase64Digits[(group >> 12) & 63]);
    text.push_back(left > 1 ? kBase64Digits[(group >> 6) & 63] : '=');
    text.push_back(left > 2 ? kBase64Digits[group & 63] : '=');
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=')
    ++padding;
  const std::string_view digits = text.substr(0, text.size() - padding);
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char c : digits) {
    const unsigned char value = kBase64Values[static_cast<unsigned char>(c)];
    if (value == kNoDigit) return std::nullopt;
    group = group << 6 | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<char>(group >> bits & 0xff));
    }
  }
  // Bits that no byte uses must be zero, so that every value has one spelling.
  if ((group & ((1U << bits) - 1)) != 0) return std::nullopt;
  return bytes;
}

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = 0xffffffffU;
  if (bytes.size() >= kFoldBytes && can_fold()) crc = crc_folded(crc, bytes);
  return ~crc_after(crc, bytes);
}

std::string to_base62(std::uint64_t value, std::size_t width) {
  std::string text(width, '0');
  for (std::size_t i = width; i-- > 0; value /= 62)
    text[i] = kBase62Digits[value % 62];
  return text;
}

bool is_base62(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    std::uint64_t word = 0;
    if (text.size() >= sizeof word) {  // prompts are mostly ASCII: eight bytes at once
      std::memcpy(&word, text.data(), sizeof word);
      if ((word & 0x8080808080808080U) == 0) {
        text.remove_prefix(sizeof word);
        continue;
      }
    }
    const std::size_t length = utf8_sequence(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void append_json_escaped(std::string& out, std::string_view text) {
  std::size_t plain_from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    i += plain_prefix(text.substr(i));
    if (i == text.size()) break;
    out.append(text, plain_from, i - plain_from);
    plain_from = i + 1;
    switch (const auto c = static_cast<unsigned char>(text[i]); c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += "\\u00";
        out.push_back(kHexDigits[c >> 4]);
        out.push_back(kHexDigits[c & 0xf]);
    }
  }
  out.append(text, plain_from, text.size() - plain_from);
}

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  append_json_escaped(out, text);
  out.push_back('"');
}

std::optional<std::uint64_t> parse_u64(std::string_view digits) {
  if (digits.empty() || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    if (__builtin_mul_overflow(value, std::uint64_t{10}, &value)) return std::nullopt;
    if (__builtin_add_overflow(value, static_cast<std::uint64_t>(c - '0'), &value))
      return std::nullopt;
  }
  return value;
}

bool equals_ignore_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return ascii_lower(x) == ascii_lower(y); });
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), ascii_lower);
  return lower;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view closest(std::string_view text, std::span<const std::string_view> candidates) {
  constexpr std::size_t kLengthMax = 128;  // longer than any name we offer: not a typing error
  if (text.size() > kLengthMax) return {};
  std::string_view best;
  std::size_t best_distance = text.size() / 3 + 1;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kLengthMax) continue;
    const std::size_t distance = edit_distance(text, candidate);
    if (distance >= best_distance) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

}  // namespace sovmesh
