#include "llmapi/json_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <memory>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace sovmesh::llmapi {
namespace {

// Objects with more keys than this are checked for duplicates by sorting when they end, so that a
// hostile object costs n log n and no hash function can be played against.
constexpr std::size_t kKeysLinear = 16;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

#ifdef __x86_64__
// Copies blocks of 32 bytes as long as none has a quote, a backslash or a control; returns how many
// bytes. Long texts are most of what is sent, and this is most of the work on them.
__attribute__((target("avx2"))) std::size_t copy_plain_avx2(const char* from, char* to,
                                                            const char* end) {
  const __m256i control = _mm256_set1_epi8(0x1f);
  const __m256i quote = _mm256_set1_epi8('"');
  const __m256i backslash = _mm256_set1_epi8('\\');
  std::size_t size = 0;
  for (; end - from - static_cast<std::ptrdiff_t>(size) >= 32; size += 32) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + size));
    const __m256i ends = _mm256_or_si256(
        _mm256_or_si256(_mm256_cmpeq_epi8(bytes, quote), _mm256_cmpeq_epi8(bytes, backslash)),
        _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, control), bytes));
    if (_mm256_movemask_epi8(ends) != 0) break;
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + size), bytes);
  }
  return size;
}
std::size_t copy_plain(const char* from, char* to, const char* end) {
  static const bool can = __builtin_cpu_supports("avx2") != 0;
  return can ? copy_plain_avx2(from, to, end) : 0;
}

constexpr std::size_t kBlock = 16;
// Copies a block; bit i says that byte i ends a plain run: a quote, a backslash or a control.
inline unsigned copy_block(const char* from, char* to) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
  const __m128i control = _mm_set1_epi8(0x1f);
  const __m128i ends = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                                 _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
                                    _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes));
  return static_cast<unsigned>(_mm_movemask_epi8(ends));
}
#else
std::size_t copy_plain(const char* /*from*/, char* /*to*/, const char* /*end*/) { return 0; }

constexpr std::size_t kBlock = 8;
inline unsigned copy_block(const char* from, char* to) {
  std::memcpy(to, from, kBlock);
  unsigned ends = 0;
  for (unsigned i = 0; i < kBlock; ++i) {
    const auto c = static_cast<unsigned char>(from[i]);
    ends |= (c == '"' || c == '\\' || c < 0x20 ? 1U : 0U) << i;
  }
  return ends;
}
#endif

// Letters whose escape is canonical: it stays as it is.
constexpr auto kShortEscapes = [] {
  std::array<bool, 256> is{};
  for (const char c : {'"', '\\', 'b', 'f', 'n', 'r', 't'})
    is[static_cast<unsigned char>(c)] = true;
  return is;
}();

struct Run {
  std::size_t size = 0;
  std::size_t escapes = 0;
};

// Copies string text up to a quote, a control, an escape that is not canonical, or the end (which
// it may pass by a block).
inline Run copy_run(const char* from, char* to, const char* end) {
  Run run;
  while (from + run.size < end) {
    run.size += copy_plain(from + run.size, to + run.size, end);
    const char* const block = from + run.size;
    std::size_t size = kBlock;
    for (unsigned ends = copy_block(block, to + run.size); ends != 0;) {
      const auto at = static_cast<unsigned>(__builtin_ctz(ends));
      if (block[at] != '\\' || !kShortEscapes[static_cast<unsigned char>(block[at + 1])]) {
        run.size += at;
        return run;
      }
      ++run.escapes;
      to[run.size + at + 1] = block[at + 1];  // it may be the first byte behind the block
      if (at + 2 > kBlock) size = at + 2;
      ends &= ~(3U << at);
    }
    run.size += size;
  }
  return run;
}

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Four hexadecimal digits, or -1.
int read_hex4(const char* at) {
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_value(at[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

char* put_utf8(char* out, unsigned code_point) {
  const auto put = [&out](unsigned byte) { *out++ = static_cast<char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0U | code_point >> 6U);
    put(0x80U | (code_point & 0x3FU));
  } else if (code_point < 0x10000) {
    put(0xE0U | code_point >> 12U);
    put(0x80U | (code_point >> 6U & 0x3FU));
    put(0x80U | (code_point & 0x3FU));
  } else {
    put(0xF0U | code_point >> 18U);
    put(0x80U | (code_point >> 12U & 0x3FU));
    put(0x80U | (code_point >> 6U & 0x3FU));
    put(0x80U | (code_point & 0x3FU));
  }
  return out;
}

// The letter of the short escape of a character, or '\0'.
char short_escape(unsigned code_point) {
  switch (code_point) {
    case '"':
      return '"';
    case '\\':
      return '\\';
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return '\0';
  }
}

char* put_canonical(char* out, unsigned code_point) {
  if (const char letter = short_escape(code_point)) {
    *out++ = '\\';
    *out++ = letter;
    return out;
  }
  if (code_point >= 0x20) return put_utf8(out, code_point);
  constexpr std::string_view digits = "0123456789abcdef";
  constexpr std::string_view prefix = "\\u00";
  std::memcpy(out, prefix.data(), prefix.size());
  out[4] = digits[code_point >> 4U];
  out[5] = digits[code_point & 0xFU];
  return out + 6;
}

bool has_nonzero_digit(std::string_view number) {
  for (const char c : number) {
    if (c == 'e' || c == 'E') return false;
    if (c >= '1' && c <= '9') return true;
  }
  return false;
}

// Neither infinite nor, when it is not zero, rounded to zero.
bool fits_double(std::string_view number) {
  const double value = to_double(number);
  return std::isfinite(value) && (value != 0 || !has_nonzero_digit(number));
}

}  // namespace

bool JsonReader::start(std::string_view input, char* out, Surrogates surrogates) {
  begin_ = at_ = input.data();
  end_ = begin_ + input.size();
  out_ = out;
  string_begin_ = out;
  string_size_ = 0;
  objects_ = 0;
  depth_ = 0;
  first_ = false;
  surrogates_ = surrogates;
  fault_ = JsonFault::none;
  keys_.clear();
  escaped_keys_.clear();
  escaped_count_ = 0;
  if (!simdjson::validate_utf8(input.data(), input.size())) return fail(JsonFault::invalid_utf8);
  skip_space();
  return true;
}

bool JsonReader::finish() {
  skip_space();
  return at_ == end_ || fail(JsonFault::syntax);
}

JsonKind JsonReader::kind() const {
  switch (look()) {
    case '{':
      return JsonKind::object;
    case '[':
      return JsonKind::array;
    case '"':
      return JsonKind::string;
    case 't':
    case 'f':
      return JsonKind::boolean;
    case 'n':
      return JsonKind::null;
    default:
      return look() == '-' || is_digit(look()) ? JsonKind::number : JsonKind::none;
  }
}

bool JsonReader::value() {
  const int outside = depth_;
  for (;;) {
    const JsonKind next = kind();
    const bool opens = next == JsonKind::object || next == JsonKind::array;
    if (!opens && !scalar(next)) return false;
    if (!opens && depth_ == outside) return true;
    if (opens && !(next == JsonKind::object ? open_object() : open_array())) return false;
    Step step = Step::end;
    while (step == Step::end) {
      std::string_view key;
      step = in_object() ? next_member(key) : next_element();
      if (step == Step::fault) return false;
      if (step == Step::end && depth_ == outside) return true;
    }
  }
}

bool JsonReader::scalar(JsonKind kind) {
  switch (kind) {
    case JsonKind::string:
      return string();
    case JsonKind::number:
      return number();
    case JsonKind::boolean:
    case JsonKind::null:
      return literal();
    default:
      return fail(JsonFault::syntax);
  }
}

bool JsonReader::open_object() { return look() == '{' ? push(true, '{') : fail(JsonFault::syntax); }

bool JsonReader::open_array() { return look() == '[' ? push(false, '[') : fail(JsonFault::syntax); }

bool JsonReader::push(bool is_object, char bracket) {
  if (depth_ == kDepthMax) return fail(JsonFault::too_deep);
  const std::uint64_t bit = std::uint64_t{1} << static_cast<unsigned>(depth_);
  objects_ = is_object ? objects_ | bit : objects_ & ~bit;
  ++depth_;
  keys_begin_[static_cast<std::size_t>(depth_)] = static_cast<std::uint32_t>(keys_.size());
  escaped_begin_[static_cast<std::size_t>(depth_)] = escaped_count_;
  first_ = true;
  ++at_;
  *out_++ = bracket;
  return true;
}

JsonReader::Step JsonReader::end_container(char bracket) {
  const std::size_t begin = keys_begin_[static_cast<std::size_t>(depth_)];
  if (keys_.size() - begin > kKeysLinear && !keys_are_unique(begin)) return Step::fault;
  keys_.resize(begin);
  for (; escaped_count_ > escaped_begin_[static_cast<std::size_t>(depth_)]; --escaped_count_)
    escaped_keys_.pop_front();
  --depth_;
  ++at_;
  *out_++ = bracket;
  return Step::end;
}

JsonReader::Step JsonReader::next_member(std::string_view& key) {
  skip_space();
  const bool first = std::exchange(first_, false);
  if (look() == '}') return end_container('}');
  if (!first) {
    if (look() != ',') return stop(JsonFault::syntax);
    ++at_;
    skip_space();
  }
  if (look() != '"') return stop(JsonFault::syntax);
  if (out_[-1] != '{') *out_++ = ',';
  const char* const raw = at_ + 1;
  if (!string()) return Step::fault;
  // A key without escapes stands in the input as it does in the output, and a view of the input
  // outlives a rewind of the output.
  if (string_escapes_ == 0 && at_ - raw == static_cast<std::ptrdiff_t>(string_size_) + 1) {
    key = {raw, string_size_};
  } else {
    key = escaped_keys_.emplace_front(string_json());
    ++escaped_count_;
  }
  if (!key_is_new(key)) return Step::fault;
  skip_space();
  if (look() != ':') return stop(JsonFault::syntax);
  ++at_;
  *out_++ = ':';
  skip_space();
  return Step::more;
}

JsonReader::Step JsonReader::next_element() {
  skip_space();
  const bool first = std::exchange(first_, false);
  if (look() == ']') return end_container(']');
  if (!first) {
    if (look() != ',') return stop(JsonFault::syntax);
    ++at_;
    skip_space();
  }
  if (kind() == JsonKind::none) return stop(JsonFault::syntax);
  if (out_[-1] != '[') *out_++ = ',';
  return Step::more;
}

bool JsonReader::key_is_new(std::string_view key) {
  const std::size_t begin = keys_begin_[static_cast<std::size_t>(depth_)];
  const std::size_t count = keys_.size() - begin;
  if (count < kKeysLinear) {
    for (std::size_t i = begin; i < keys_.size(); ++i) {
      if (keys_[i] == key) return fail(JsonFault::duplicate_key);
    }
  }
  if (keys_.size() == kKeysMax) return fail(JsonFault::too_many_members);
  keys_.push_back(key);
  return true;
}

bool JsonReader::keys_are_unique(std::size_t begin) {
  const auto from = keys_.begin() + static_cast<std::ptrdiff_t>(begin);
  std::sort(from, keys_.end());
  return std::adjacent_find(from, keys_.end()) == keys_.end() || fail(JsonFault::duplicate_key);
}

bool JsonReader::string() {
  if (look() != '"') return fail(JsonFault::syntax);
  const char* const from = at_ + 1;
  char* const to = out_ + 1;
  *out_ = '"';
  string_begin_ = to;
  string_escapes_ = 0;
  // Most strings are keys and words: one block holds them with their quote.
  const unsigned ends = copy_block(from, to);
  const auto plain = static_cast<std::size_t>(__builtin_ctz(ends | 1U << kBlock));
  if (plain == kBlock || from[plain] != '"' || from + plain >= end_) return long_string();
  string_size_ = plain;
  out_ = to + plain + 1;
  at_ = from + plain + 1;
  out_[-1] = '"';
  return true;
}

bool JsonReader::long_string() {
  const char* from = at_ + 1;
  char* to = out_ + 1;
  for (;;) {
    const Run run = copy_run(from, to, end_);
    from += run.size;
    to += run.size;
    string_escapes_ += run.escapes;
    at_ = from;
    if (from >= end_) return fail(JsonFault::syntax);
    if (*from == '"') break;
    out_ = to;
    if (*from != '\\' || !escape()) return fail(JsonFault::syntax);
    from = at_;
    to = out_;
  }
  string_size_ = static_cast<std::size_t>(to - string_begin_);
  *to++ = '"';
  out_ = to;
  ++at_;
  return true;
}

// At a backslash that does not begin a canonical escape. The padding makes it safe to look at a
// whole \uXXXX\uXXXX; the string's loop then sees that the end was passed.
bool JsonReader::escape() {
  if (at_[1] == 'u') return unicode_escape();
  if (at_[1] != '/') return fail(JsonFault::syntax);
  *out_++ = '/';
  at_ += 2;
  return true;
}

bool JsonReader::unicode_escape() {
  const int unit = read_hex4(at_ + 2);
  if (unit < 0 || end_ - at_ < 6) return fail(JsonFault::syntax);
  auto code_point = static_cast<unsigned>(unit);
  at_ += 6;
  if (code_point < 0xD800 || code_point > 0xDFFF) {
    const char* const before = out_;
    out_ = put_canonical(out_, code_point);
    if (*before == '\\') string_escapes_ += static_cast<std::size_t>(out_ - before) - 1;
    return true;
  }
  const int low = at_[0] == '\\' && at_[1] == 'u' ? read_hex4(at_ + 2) : -1;
  if (code_point <= 0xDBFF && low >= 0xDC00 && low <= 0xDFFF) {
    code_point = 0x10000 + ((code_point - 0xD800) << 10U) + (static_cast<unsigned>(low) - 0xDC00);
    at_ += 6;
    out_ = put_utf8(out_, code_point);
    return true;
  }
  if (surrogates_ == Surrogates::refuse) return fail(JsonFault::lone_surrogate);
  put(kReplacement);
  return true;
}

bool JsonReader::number() {
  const char* const begin = at_;
  const char* at = at_;
  const auto digits = [&] {
    const char* const from = at;
    while (at < end_ && is_digit(*at))
      ++at;
    return at - from;
  };
  const auto bad = [&] {
    at_ = at;
    return fail(JsonFault::syntax);
  };
  if (at < end_ && *at == '-') ++at;
  const bool leading_zero = at < end_ && *at == '0';
  const std::ptrdiff_t whole = digits();
  if (whole == 0 || (leading_zero && whole > 1)) return bad();
  number_is_integer_ = true;
  bool exponent = false;
  if (at < end_ && *at == '.') {
    ++at;
    number_is_integer_ = false;
    if (digits() == 0) return bad();
  }
  if (at < end_ && (*at == 'e' || *at == 'E')) {
    ++at;
    number_is_integer_ = false;
    exponent = true;
    if (at < end_ && (*at == '+' || *at == '-')) ++at;
    if (digits() == 0) return bad();
  }
  number_ = {begin, static_cast<std::size_t>(at - begin)};
  constexpr std::size_t always_fits = 300;  // digits without exponent
  if ((exponent || number_.size() > always_fits) && !fits_double(number_)) {
    return fail(JsonFault::number_out_of_range);
  }
  at_ = at;
  put(number_);
  return true;
}

bool JsonReader::literal() {
  const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
  for (const std::string_view word : {"true", "false", "null"}) {
    if (!rest.starts_with(word)) continue;
    literal_true_ = word == "true";
    at_ += word.size();
    put(word);
    return true;
  }
  return fail(JsonFault::syntax);
}

void JsonReader::put(std::string_view text) {
  std::memcpy(out_, text.data(), text.size());
  out_ += text.size();
}

void JsonReader::skip_space() {
  if (at_ < end_ && static_cast<unsigned char>(*at_) > ' ') return;  // nearly always
  while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r'))
    ++at_;
}

bool JsonReader::fail(JsonFault fault) {
  if (fault_ == JsonFault::none) fault_ = fault;
  return false;
}

JsonReader::Step JsonReader::stop(JsonFault fault) {
  fail(fault);
  return Step::fault;
}

std::size_t JsonReader::offset() const {
  return static_cast<std::size_t>(std::min(at_, end_) - begin_);
}

const char* skip_string_text(const char* at, const char* end) {
  std::array<char, kBlock> ignored;
  while (at < end) {
    std::size_t size = kBlock;
    for (unsigned ends = copy_block(at, ignored.data()); ends != 0;) {
      const auto i = static_cast<unsigned>(__builtin_ctz(ends));
      if (at[i] != '\\') return at + i;
      if (i + 2 > kBlock) size = i + 2;
      ends &= ~(3U << i);
    }
    at += size;
  }
  return at;
}

std::size_t decode_into(char* out, std::string_view json) {
  char* const begin = out;
  while (!json.empty()) {
    const std::size_t plain = std::min(json.find('\\'), json.size());
    std::memcpy(out, json.data(), plain);
    out += plain;
    json.remove_prefix(plain);
    if (json.size() < 2) break;
    std::size_t used = 2;
    switch (json[1]) {
      case 'b':
        *out++ = '\b';
        break;
      case 'f':
        *out++ = '\f';
        break;
      case 'n':
        *out++ = '\n';
        break;
      case 'r':
        *out++ = '\r';
        break;
      case 't':
        *out++ = '\t';
        break;
      case 'u':
        *out++ = static_cast<char>(read_hex4(json.data() + 2));
        used = 6;
        break;
      default:
        *out++ = json[1];
    }
    json.remove_prefix(used);
  }
  return static_cast<std::size_t>(out - begin);
}

void append_decoded(std::string& out, std::string_view json) {
  const std::size_t before = out.size();
  out.resize(before + json.size());
  out.resize(before + decode_into(out.data() + before, json));
}

std::optional<std::int64_t> to_integer(std::string_view number_text) {
  std::int64_t value = 0;
  const char* const end = number_text.data() + number_text.size();
  const auto [at, error] = std::from_chars(number_text.data(), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

double to_double(std::string_view number_text) {
  double value = 0;
  const auto [at, error] =
      std::from_chars(number_text.data(), number_text.data() + number_text.size(), value);
  return error == std::errc() ? value : HUGE_VAL;
}

Error json_error(JsonFault fault, std::size_t offset, bool at_end) {
  const auto error = [](Code code, std::string message) {
    return Error(code, Blame::client, std::move(message));
  };
  const std::string place = " (at byte " + std::to_string(offset) + ")";
  const auto unparsable = [&](std::string_view why) {
    return error(Code::invalid_json, "We could not parse the JSON body of your request: " +
                                         std::string(why) + place + ".");
  };
  switch (fault) {
    case JsonFault::duplicate_key:
      return error(
          Code::duplicate_key,
          "The JSON body of your request has an object with the same key twice" + place + ".");
    case JsonFault::too_deep:
      return error(Code::nesting_too_deep, "The JSON body of your request is nested deeper than " +
                                               std::to_string(JsonReader::kDepthMax) + " levels" +
                                               place + ".");
    case JsonFault::too_many_members:
      return error(Code::invalid_request,
                   "The JSON body of your request has objects with more than " +
                       std::to_string(JsonReader::kKeysMax) + " members.");
    case JsonFault::invalid_utf8:
      return error(Code::invalid_json,
                   "We could not parse the JSON body of your request: it is not valid UTF-8.");
    case JsonFault::lone_surrogate:
      return unparsable("a \\u escape is half of a surrogate pair");
    case JsonFault::number_out_of_range:
      return unparsable("a number is out of range");
    case JsonFault::syntax:
    case JsonFault::none:
      break;
  }
  return unparsable(at_end ? "it ends too early" : "what was sent is not valid JSON");
}

JsonFault check_json(std::string_view padded) {
  const auto out = std::make_unique<char[]>(padded.size() + JsonReader::kSlack);
  JsonReader reader;
  const bool good = reader.start(padded, out.get(), JsonReader::Surrogates::refuse) &&
                    reader.value() && reader.finish();
  return good ? JsonFault::none : reader.fault();
}

}  // namespace sovmesh::llmapi
