#include "llmapi/text_size.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace sovmesh::llmapi {
namespace {

// Sixteen bytes at once; of a condition each byte is all ones or nothing. Prompts are long, and
// byte by byte this would take longer than the rest of reading them.
using Bytes = unsigned char __attribute__((ext_vector_type(16)));
constexpr std::size_t kLanes = 16;

Bytes in(Bytes c, unsigned char first, unsigned char last) {
  return Bytes(c >= Bytes(first)) & Bytes(c <= Bytes(last));
}
Bytes is(Bytes c, unsigned char one) { return Bytes(c == Bytes(one)); }

// What each byte is. Any byte of a character beyond ASCII counts as a letter: a sign among them
// only makes words longer. A backslash counts as a space: `\n` is then one piece with the word
// behind it.
struct Kinds {
  explicit Kinds(Bytes c)
      : lower(in(c, 'a', 'z')),
        upper(in(c, 'A', 'Z')),
        digit(in(c, '0', '9')),
        wide(Bytes(c >= Bytes(0x80))),
        space(Bytes(c <= Bytes(' ')) | is(c, '\\')) {}
  Bytes letter() const { return lower | upper | wide; }
  Bytes sign() const { return ~(letter() | digit | space); }

  Bytes lower;
  Bytes upper;
  Bytes digit;
  Bytes wide;
  Bytes space;
};

// The first byte of a character of Chinese, Japanese or Korean. Their punctuation (E3 80) may be a
// space.
Bytes begins_cjk(Bytes c, Bytes next) {
  return (is(c, 0xe3) & ~is(next, 0x80)) | in(c, 0xe4, 0xed);
}

// That of a letter beyond ASCII that may be taken for one. Not: signs, spaces, accents, emoji, and
// what normal forms may drop (C2, CC, CD, E1, E2, EE and up).
Bytes begins_wide(Bytes c, Bytes next) {
  return in(c, 0xc3, 0xcb) | in(c, 0xce, 0xe0) | begins_cjk(c, next);
}

// A part of a text with what stands before and behind it; spaces around the whole.
class Part {
 public:
  // Few enough for a byte to count what is in one lane.
  static constexpr std::size_t kSize = 64 * kLanes;

  Part(std::string_view text, std::size_t at) {
    bytes_.fill(' ');
    const std::size_t before = std::min(at, kBefore);
    const std::size_t size = std::min(text.size() - at, kSize + kBehind);
    std::memcpy(bytes_.data() + kBefore - before, text.data() + at - before, before + size);
    size_ = std::min(size, kSize);
  }
  std::size_t size() const { return size_; }
  // The block at `i`, or so many bytes before or behind it.
  Bytes at(std::size_t i, int offset = 0) const {
    Bytes block;
    const auto from = static_cast<std::ptrdiff_t>(kBefore + i) + offset;
    std::memcpy(&block, bytes_.data() + from, kLanes);
    return block;
  }

 private:
  static constexpr std::size_t kBefore = 8;
  static constexpr std::size_t kBehind = 1;
  std::array<char, kBefore + kSize + kLanes> bytes_{};
  std::size_t size_ = 0;
};

// Where a word or number begins that no token shares with what stands before it. A backslash begins
// an escape, whose letter is none: \n, \u001f.
Bytes begins_piece(const Part& part, std::size_t i, const Kinds& kinds, const Kinds& kinds_before) {
  const Bytes before = part.at(i, -1);
  const Bytes second = part.at(i, -2);
  const Bytes is_escaped = is(second, '\\');
  const Bytes begins_word = (kinds.lower | kinds.upper | begins_wide(part.at(i), part.at(i, 1))) &
                            (~kinds_before.letter() | is_escaped);
  const Bytes begins_number = kinds.digit & ~kinds_before.digit;
  const Bytes is_joined = is(before, '\\') | is(before, '\'') | is(before, '<') | is(before, '[') |
                          is(before, '|') | is(before, '_') |
                          (is(before, '/') & (is(second, '<') | is(second, '[')));
  const Bytes is_in_code =
      (is(before, 'u') & is_escaped) | (is(part.at(i, -4), 'u') & is(part.at(i, -5), '\\'));
  return (begins_word | begins_number) & ~is_joined & ~is_in_code;
}

// Where small letters, capitals, digits and signs change. A capital begins the word that goes on in
// small letters, several capitals are a piece of their own.
Bytes change(const Kinds& kinds, const Kinds& before, Bytes second) {
  const Bytes is_same = (kinds.lower & before.lower) | (kinds.upper & before.upper) |
                        (kinds.digit & before.digit) | (kinds.wide & before.wide) |
                        (kinds.sign() & before.sign());
  const Bytes is_capitalised = kinds.lower & before.upper & ~in(second, 'A', 'Z');
  return ~(kinds.space | is_same | is_capitalised);
}

std::int64_t sum(Bytes lanes) {
  std::int64_t total = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane)
    total += lanes[lane];
  return total;
}

struct Sums {
  std::int64_t pieces = 0;
  std::int64_t changes = 0;
  std::int64_t digits = 0;
  std::int64_t letters = 0;    // of ASCII
  std::int64_t wide = 0;       // letters beyond ASCII
  std::int64_t cjk = 0;        // of them
  std::int64_t continued = 0;  // bytes of UTF-8 that begin no character

  void add(const Part& part) {
    std::array<Bytes, 7> found{};
    Bytes any_wide = Bytes(0);
    for (std::size_t i = 0; i < part.size(); i += kLanes) {
      const Kinds kinds(part.at(i));
      const Kinds before(part.at(i, -1));
      found[0] -= begins_piece(part, i, kinds, before);
      found[1] -= change(kinds, before, part.at(i, -2));
      found[2] -= kinds.digit;
      found[3] -= kinds.lower | kinds.upper;
      any_wide |= kinds.wide;
    }
    pieces += sum(found[0]);
    changes += sum(found[1]);
    digits += sum(found[2]);
    letters += sum(found[3]);
    if (sum(any_wide) == 0) return;
    for (std::size_t i = 0; i < part.size(); i += kLanes) {
      const Bytes c = part.at(i);
      const Bytes next = part.at(i, 1);
      found[4] -= begins_wide(c, next);
      found[5] -= begins_cjk(c, next);
      found[6] -= in(c, 0x80, 0xbf);
    }
    wide += sum(found[4]);
    cjk += sum(found[5]);
    continued += sum(found[6]);
  }
};

}  // namespace

TextSize size_of_text(std::string_view json, std::size_t bytes) {
  if (json.empty()) return {};
  Sums sums;
  for (std::size_t at = 0; at < json.size(); at += Part::kSize)
    sums.add(Part(json, at));
  // The first is not counted. No more than what escapes add are their letters and digits; a wide
  // letter has two bytes, at least.
  const Part first(json.substr(0, kLanes), 0);
  const bool begins = begins_piece(first, 0, Kinds(first.at(0)), Kinds(first.at(0, -1)))[0] != 0;
  const std::int64_t words =
      sums.letters + sums.digits + 2 * sums.wide - static_cast<std::int64_t>(json.size() - bytes);
  return {.characters = bytes - static_cast<std::size_t>(sums.continued),
          .tokens_floor = std::max({sums.pieces - (begins ? 1 : 0), words / TextSize::kBytesMax,
                                    sums.cjk / TextSize::kCjkMax}),
          .tokens_usual =
              std::max((static_cast<std::int64_t>(bytes) + 3) / 4, sums.changes + sums.digits / 2)};
}

}  // namespace sovmesh::llmapi
