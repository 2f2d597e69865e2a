#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sovmesh::llmapi {

// What is wrong with a JSON text. `duplicate_key`, `too_deep` and `too_many_members` are our own
// rules; the others break RFC 8259 or cannot be represented (a number out of double's range).
enum class JsonFault : std::uint8_t {
  none,
  syntax,
  invalid_utf8,
  lone_surrogate,
  number_out_of_range,
  duplicate_key,
  too_deep,
  too_many_members,
};

enum class JsonKind : std::uint8_t { none, object, array, string, number, boolean, null };

// Reads a JSON text once, front to back, and writes it again in canonical form: no white space, and
// in strings only what must be escaped (\" \\ \b \f \n \r \t, \u00xx for the other controls below
// U+0020). Numbers keep their digits. Nothing of the input reaches the output unchecked, and the
// output is never longer than the input. No recursion, no allocation per value.
//
// The caller walks: open_object() / next_member() for the parts it knows, value() for the rest. A
// false or Step::fault means that fault() is set and the reader is of no more use. A member or
// element can be left out of the output: rewind(mark) after reading it, with the mark taken before
// next_member() or next_element().
class JsonReader {
 public:
  static constexpr int kDepthMax = 64;
  static constexpr std::size_t kPadding = 64;       // readable bytes behind the input
  static constexpr std::size_t kSlack = 64;         // writable bytes behind the output
  static constexpr std::size_t kKeysMax = 100'000;  // of all objects open at the same time
  enum class Surrogates : std::uint8_t { refuse, replace };
  enum class Step : std::uint8_t { more, end, fault };

  JsonReader() { keys_.reserve(32); }

  // `out` has room for input.size() + kSlack bytes; `input` is followed by kPadding readable ones.
  // Checks the encoding of the whole input and stops at its first value.
  bool start(std::string_view input, char* out, Surrogates surrogates);
  // Only white space may follow.
  bool finish();

  JsonKind kind() const;  // of the value that comes next
  bool value();           // any value, copied
  bool open_object();
  bool open_array();
  // `key` is in canonical form and lives until its object ends.
  Step next_member(std::string_view& key);
  Step next_element();

  // Copies a string; its canonical form without quotes is string_json() until the next rewind.
  bool string();
  std::string_view string_json() const { return {string_begin_, string_size_}; }
  bool string_has_escapes() const { return string_escapes_ != 0; }
  // Bytes of its text, decoded.
  std::size_t string_text_size() const { return string_size_ - string_escapes_; }

  // Copies a number; number_text() is its text.
  bool number();
  std::string_view number_text() const { return number_; }
  bool number_is_integer() const { return number_is_integer_; }
  bool literal();  // true, false, null
  bool literal_is_true() const { return literal_true_; }

  char* mark() const { return out_; }
  void rewind(char* mark) { out_ = mark; }
  void put(std::string_view text);

  JsonFault fault() const { return fault_; }
  std::size_t offset() const;  // of the fault, in bytes
  // True when the input was at its end where more was needed.
  bool at_end() const { return at_ >= end_; }

 private:
  char look() const { return at_ < end_ ? *at_ : '\0'; }
  void skip_space();
  bool fail(JsonFault fault);
  Step stop(JsonFault fault);
  bool push(bool is_object, char bracket);
  Step end_container(char bracket);
  bool key_is_new(std::string_view key);
  bool keys_are_unique(std::size_t begin);
  bool scalar(JsonKind kind);
  bool long_string();
  bool escape();
  bool unicode_escape();
  bool in_object() const { return (objects_ >> (depth_ - 1) & 1U) != 0; }

  const char* begin_ = nullptr;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  char* out_ = nullptr;
  const char* string_begin_ = nullptr;
  std::size_t string_size_ = 0;
  std::size_t string_escapes_ = 0;  // bytes that escaping adds to the string's text
  std::string_view number_;
  std::uint64_t objects_ = 0;  // bit d-1: the container at depth d is an object
  int depth_ = 0;
  bool first_ = false;  // nothing of the innermost container has been read
  bool number_is_integer_ = false;
  bool literal_true_ = false;
  Surrogates surrogates_ = Surrogates::refuse;
  JsonFault fault_ = JsonFault::none;
  // The keys of all open objects, innermost last, and where each object's begin.
  std::vector<std::string_view> keys_;
  std::array<std::uint32_t, kDepthMax + 1> keys_begin_{};
  // Keys that had to be decoded, innermost first, and how many there are when an object begins.
  std::forward_list<std::string> escaped_keys_;
  std::uint32_t escaped_count_ = 0;
  std::array<std::uint32_t, kDepthMax + 1> escaped_begin_{};
};

// The first quote or control in a string's text that begins at `at`, with escapes passed over; at
// or past `end` when there is none.
const char* skip_string_text(const char* at, const char* end);

// The text of a canonical string (as string_json() gives it), decoded and appended to `out`.
void append_decoded(std::string& out, std::string_view json);
// The same into a buffer with room for json.size() bytes; returns the number written.
std::size_t decode_into(char* out, std::string_view json);

std::optional<std::int64_t> to_integer(std::string_view number_text);
double to_double(std::string_view number_text);

// What a client is told about a body that is no acceptable JSON.
Error json_error(JsonFault fault, std::size_t offset, bool at_end);

// The strict reader alone, on any JSON text: nothing when it is acceptable. `padded` is followed by
// 64 readable bytes.
JsonFault check_json(std::string_view padded);

}  // namespace sovmesh::llmapi
