#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sovmesh::llmapi {

// A text followed by the readable bytes that our readers ask for. They are digits and quotes, so
// that a reader which takes them for input is found out.
class Padded {
 public:
  explicit Padded(std::string_view text) : size_(text.size()), bytes_(text) {
    while (bytes_.size() < size_ + 64)
      bytes_ += "1\"]}";
  }
  // NOLINTNEXTLINE(google-explicit-constructor): reads like the text itself in tests.
  operator std::string_view() const { return std::string_view(bytes_).substr(0, size_); }

 private:
  std::size_t size_;
  std::string bytes_;
};

}  // namespace sovmesh::llmapi
