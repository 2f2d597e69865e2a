#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace sovmesh {
namespace detail {

// A literal, whose size stays known when it is copied: a store instead of a call.
template <std::size_t N>
struct Literal {
  const char* text;
  static constexpr std::size_t size() { return N; }
  const char* data() const { return text; }
};

template <std::size_t N>
Literal<N - 1> piece_of_text(const char (&literal)[N]) {
  return {literal};
}
inline std::string_view piece_of_text(std::string_view text) { return text; }

template <class... Pieces>
void append_pieces(std::string& out, Pieces... pieces) {
  using Traits = std::char_traits<char>;  // its copy() takes nothing from nowhere, too
  const std::size_t before = out.size();
  const std::size_t after = before + (pieces.size() + ...);
  // (The size that libstdc++ 12 hands in is the new capacity when the string has grown.)
  out.resize_and_overwrite(after, [&](char* begin, std::size_t) {
    char* to = begin + before;
    ((Traits::copy(to, pieces.data(), pieces.size()), to += pieces.size()), ...);
    return after;
  });
}

}  // namespace detail

// Appends literals and texts one behind the other. Much of a request's work is gluing short texts
// together: this looks once whether there is room, not once for each of them. An array of
// characters must be a literal, and none a part of `out`.
template <class... Texts>
void append_all(std::string& out, const Texts&... texts) {
  detail::append_pieces(out, detail::piece_of_text(texts)...);
}

// In decimal.
template <std::integral Number>
void append_number(std::string& out, Number value) {
  std::array<char, 24> digits;  // of any 64-bit number, with its sign
  const char* const end = std::to_chars(digits.begin(), digits.end(), value).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

}  // namespace sovmesh
