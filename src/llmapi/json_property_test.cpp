// Properties of the reader on texts that a generator makes up. nlohmann is the judge of their
// value.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "llmapi/json_reader.h"
#include "llmapi/padded_test_support.h"

namespace sovmesh::llmapi {
namespace {

// Writes random valid JSON, in every way the grammar allows: odd white space, escapes where none
// are needed, numbers of all forms.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : state_(seed * 2 + 1) {}

  std::string text() {
    out_.clear();
    space();
    value(0);
    space();
    return out_;
  }
  std::size_t below(std::size_t bound) {
    state_ ^= state_ << 13U;
    state_ ^= state_ >> 7U;
    state_ ^= state_ << 17U;
    return static_cast<std::size_t>(state_ >> 8U) % bound;
  }

 private:
  void space() {
    for (std::size_t i = below(3); i > 0; --i)
      out_ += " \t\r\n"[below(4)];
  }
  void value(int depth) {
    switch (below(depth < 6 ? 8 : 5)) {
      case 0:
        out_ += "null";
        break;
      case 1:
        out_ += below(2) == 0 ? "true" : "false";
        break;
      case 2:
        number();
        break;
      case 3:
      case 4:
        string("");
        break;
      case 5:
        array(depth);
        break;
      default:
        object(depth);
    }
  }
  void array(int depth) {
    out_ += '[';
    const std::size_t count = below(5);
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) out_ += ',';
      space();
      value(depth + 1);
      space();
    }
    out_ += ']';
  }
  void object(int depth) {
    out_ += '{';
    const std::size_t count = below(8) == 0 ? 40 : below(5);
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) out_ += ',';
      space();
      string(std::to_string(i));  // so that no key comes twice
      space();
      out_ += ':';
      space();
      value(depth + 1);
      space();
    }
    out_ += '}';
  }
  void number() {
    if (below(2) == 0) out_ += '-';
    if (below(4) == 0) {
      out_ += '0';
    } else {
      out_ += static_cast<char>('1' + below(9));
      for (std::size_t i = below(18); i > 0; --i)
        out_ += static_cast<char>('0' + below(10));
    }
    if (below(2) == 0) out_ += "." + std::to_string(below(100'000));
    if (below(3) == 0) {
      out_ += below(2) == 0 ? 'e' : 'E';
      out_ += std::string_view("+-").substr(below(2), below(2));
      out_ += std::to_string(below(90));
    }
  }
  void string(const std::string& end) {
    out_ += '"';
    for (std::size_t i = below(below(10) == 0 ? 100 : 12); i > 0; --i)
      character();
    out_ += end + '"';
  }
  void character() {
    switch (below(8)) {
      case 0:
        out_ += '\\';
        out_ += "\"\\/bfnrt"[below(8)];
        break;
      case 1:
        unit(below(0xD800));
        break;
      case 2:
        unit(0xD800 + below(0x400));
        unit(0xDC00 + below(0x400));
        break;
      case 3:
        out_ += std::array<const char*, 4>{"é", "漢", "😀", "\x7f"}[below(4)];
        break;
      default:
        out_ += static_cast<char>('a' + below(26));
    }
  }
  void unit(std::size_t value) {
    const char* const digits = below(2) == 0 ? "0123456789abcdef" : "0123456789ABCDEF";
    out_ += "\\u";
    for (unsigned shift = 16; shift > 0; shift -= 4)
      out_ += digits[value >> (shift - 4) & 0xFU];
  }

  std::uint64_t state_;
  std::string out_;
};

std::optional<std::string> rewritten(std::string_view text) {
  const Padded padded(text);
  std::string out(text.size() + JsonReader::kSlack, '\0');
  JsonReader reader;
  if (!reader.start(padded, out.data(), JsonReader::Surrogates::refuse) || !reader.value() ||
      !reader.finish())
    return {};
  out.resize(static_cast<std::size_t>(reader.mark() - out.data()));
  return out;
}

TEST(JsonProperty, RewritingKeepsTheValueAndIsStable) {
  for (std::uint64_t seed = 1; seed <= 800; ++seed) {
    const std::string text = Generator(seed).text();
    const auto canonical = rewritten(text);
    ASSERT_TRUE(canonical) << "seed " << seed << ": " << text;
    ASSERT_EQ(nlohmann::json::parse(*canonical), nlohmann::json::parse(text)) << "seed " << seed;
    ASSERT_EQ(rewritten(*canonical), canonical) << "seed " << seed;
    ASSERT_LE(canonical->size(), text.size());
  }
}

// Whatever one changed byte makes of a text: the verdict is nlohmann's, but for our own rules.
TEST(JsonProperty, AgreesOnTextsWithAnError) {
  for (std::uint64_t seed = 1; seed <= 800; ++seed) {
    Generator generator(seed);
    std::string text = generator.text();
    text[generator.below(text.size())] = static_cast<char>(generator.below(256));
    const JsonFault fault = check_json(Padded(text));
    const bool ours_only = fault == JsonFault::duplicate_key || fault == JsonFault::too_deep ||
                           fault == JsonFault::number_out_of_range;
    if (ours_only) continue;
    ASSERT_EQ(fault == JsonFault::none, nlohmann::json::accept(text)) << "seed " << seed << text;
  }
}

}  // namespace
}  // namespace sovmesh::llmapi
