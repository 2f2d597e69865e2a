#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sovmesh {

// "0aff" as two bytes. For vectors in tests: the text is known to be hex.
inline std::string from_hex(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes.push_back(static_cast<char>(digit(text[i]) * 16 + digit(text[i + 1])));
  return bytes;
}

}  // namespace sovmesh
