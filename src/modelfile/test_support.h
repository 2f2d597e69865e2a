#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "modelfile/reader.h"

// Model files for tests, byte by byte.
namespace sovmesh::modelfile {

class TextSource final : public ByteSource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  std::uint64_t size() const override { return text_.size(); }
  Result<std::size_t> read(std::uint64_t offset, std::span<char> into) override {
    const std::size_t from = std::min<std::size_t>(offset, text_.size());
    const std::size_t count = std::min(into.size(), text_.size() - from);
    std::copy_n(text_.begin() + static_cast<std::ptrdiff_t>(from), count, into.begin());
    return count;
  }

 private:
  std::string text_;
};

// Little-endian, as the formats have it.
class Bytes {
 public:
  Bytes& raw(std::string_view bytes) {
    out_.append(bytes);
    return *this;
  }
  template <class T>
  Bytes& number(T value) {
    return raw({reinterpret_cast<const char*>(&value), sizeof value});
  }
  Bytes& text(std::string_view text) { return number(std::uint64_t{text.size()}).raw(text); }
  Bytes& pad(std::size_t to) {
    out_.resize((out_.size() + to - 1) / to * to, '\0');
    return *this;
  }
  std::string end() const { return out_; }

 private:
  std::string out_;
};

}  // namespace sovmesh::modelfile
