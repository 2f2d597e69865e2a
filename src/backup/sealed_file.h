#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/hash_stream.h"
#include "base/random.h"
#include "base/result.h"
#include "base/seal.h"

// The outer form of an archive: encrypted and authenticated, in order and whole. docs/backup.md
// defines it to the byte.
//
//   "sovmesh-backup 1\n" | header, one line of JSON | chunk | chunk | ... | last chunk
//
// Each chunk is AES-256-GCM of 1 MiB (the last one: 1 byte to 1 MiB) and its tag. A nonce is the
// chunk's number and whether it is the last one, so a chunk that is missing, moved, doubled or
// added is found, and so is a changed bit anywhere. Both lines of the head are authenticated with
// every chunk.
namespace sovmesh::backup {

inline constexpr std::size_t kChunkBytes = std::size_t{1} << 20U;
// The secret is not stretched: it must be one that nobody can guess.
inline constexpr std::size_t kSecretBytesMin = 32;
inline constexpr std::size_t kSaltBytes = 32;

struct Header {
  std::string created_at;  // RFC 3339
  std::string version;     // of the program that wrote it
};

using Sink = std::function<Result<void>(std::string_view)>;
// Fills `out` as far as it can; 0 at the end.
using Source = std::function<Result<std::size_t>(std::span<char> out)>;

class SealedWriter {
 public:
  static Result<SealedWriter> begin(const SecretBytes& secret, const Header& header, Random& random,
                                    Sink sink);
  Result<void> write(std::string_view bytes);
  // The last chunk. Without it the archive is cut short.
  Result<void> finish();
  std::uint64_t written() const { return written_; }  // bytes of the archive so far

 private:
  SealedWriter(Sink sink, SecretBytes key, std::string head)
      : sink_(std::move(sink)), key_(std::move(key)), head_(std::move(head)) {}
  Result<void> seal_chunk(bool last);

  Sink sink_;
  SecretBytes key_;
  std::string head_;
  std::string chunk_;  // plain
  std::uint64_t number_ = 0;
  std::uint64_t written_ = 0;
};

class SealedReader {
 public:
  // Code::insufficient_permissions for a wrong secret; Code::invalid_value for what is no archive,
  // a newer one, or a damaged one, with where.
  static Result<SealedReader> open(const SecretBytes& secret, Source source);

  const Header& header() const { return header_; }
  // All of `out`; an error when the archive ends before.
  Result<void> read(std::span<char> out);
  // Whether everything has been read, to the authenticated end.
  Result<bool> at_end();
  // Of the archive's bytes, once at_end().
  Digest digest() { return hash_.finish(); }
  std::uint64_t position() const { return position_; }  // of the archive's bytes read so far

 private:
  explicit SealedReader(Source source) : source_(std::move(source)) {}
  Result<std::string> head_line(std::size_t max);
  Result<void> read_head(const SecretBytes& secret);
  // Reads from the source until `raw` has `want` bytes, or until the end.
  Result<void> fill(std::string& raw, std::size_t want);
  Result<void> next_chunk();

  Source source_;
  Header header_;
  SecretBytes key_;
  std::string head_;
  Sha256 hash_;
  std::string ahead_;  // read already, part of the next chunk
  SecretBytes plain_;
  std::size_t used_ = 0;  // of plain_
  bool last_ = false;     // plain_ is the last chunk
  std::uint64_t number_ = 0;
  std::uint64_t position_ = 0;
};

}  // namespace sovmesh::backup
