#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

#include "base/result.h"

namespace sovmesh::modelfile {

// The bytes of a file, wherever they are.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual std::uint64_t size() const = 0;
  // As many bytes as there are from `offset` on, at most into.size(); 0 at the end.
  virtual Result<std::size_t> read(std::uint64_t offset, std::span<char> into) = 0;
};

// Reads little-endian values one after the other, never past the end and never past `bound`
// bytes. Code::invalid_value for what is not there.
class Reader {
 public:
  Reader(ByteSource& source, std::uint64_t bound) : source_(source), bound_(bound) {}

  std::uint64_t position() const { return position_; }
  std::uint64_t left() const;

  template <class T>
    requires std::is_integral_v<T>
  Result<T> number() {
    static_assert(std::endian::native == std::endian::little);
    T value{};
    TRY_VOID(bytes({reinterpret_cast<char*>(&value), sizeof value}));
    return value;
  }
  // Its length as 64 bits, then its bytes.
  Result<std::string> text(std::uint64_t bytes_max);
  Result<void> skip_text(std::uint64_t bytes_max);
  Result<void> bytes(std::span<char> into);
  Result<void> skip(std::uint64_t count);

 private:
  static constexpr std::size_t kPiece = std::size_t{64} << 10;

  ByteSource& source_;
  std::uint64_t bound_;
  std::uint64_t position_ = 0;
  std::string piece_;           // what was read ahead
  std::uint64_t piece_at_ = 0;  // where it begins
};

}  // namespace sovmesh::modelfile
