#include "modelfile/reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace sovmesh::modelfile {
namespace {

std::unexpected<Error> ends_early(std::uint64_t position) {
  return client_error(Code::invalid_value,
                      fmt::format("the header goes on at byte {}, where the file (or what a header "
                                  "may have) ends",
                                  position));
}

}  // namespace

std::uint64_t Reader::left() const {
  const std::uint64_t end = std::min(bound_, source_.size());
  return end - std::min(end, position_);
}

Result<void> Reader::bytes(std::span<char> into) {
  if (into.size() > left()) return ends_early(position_);
  std::size_t done = 0;
  while (done < into.size()) {
    const bool is_ahead = position_ >= piece_at_ && position_ < piece_at_ + piece_.size();
    if (!is_ahead) {
      piece_.resize(kPiece);
      piece_at_ = position_;
      TRY(const std::size_t got, source_.read(position_, piece_));
      piece_.resize(got);
      if (got == 0) return ends_early(position_);
    }
    const auto from = static_cast<std::size_t>(position_ - piece_at_);
    const std::size_t count = std::min(into.size() - done, piece_.size() - from);
    std::copy_n(piece_.begin() + static_cast<std::ptrdiff_t>(from), count,
                into.begin() + static_cast<std::ptrdiff_t>(done));
    done += count;
    position_ += count;
  }
  return {};
}

Result<void> Reader::skip(std::uint64_t count) {
  if (count > left()) return ends_early(position_);
  position_ += count;
  return {};
}

Result<std::string> Reader::text(std::uint64_t bytes_max) {
  TRY(const auto length, number<std::uint64_t>());
  if (length > bytes_max) {
    return client_error(Code::invalid_value,
                        fmt::format("a text at byte {} claims {} bytes (at most {})", position_,
                                    length, bytes_max));
  }
  std::string out(static_cast<std::size_t>(length), '\0');
  TRY_VOID(bytes(out));
  return out;
}

Result<void> Reader::skip_text(std::uint64_t bytes_max) {
  TRY(const auto length, number<std::uint64_t>());
  if (length > bytes_max) {
    return client_error(Code::invalid_value,
                        fmt::format("a text at byte {} claims {} bytes (at most {})", position_,
                                    length, bytes_max));
  }
  return skip(length);
}

}  // namespace sovmesh::modelfile
