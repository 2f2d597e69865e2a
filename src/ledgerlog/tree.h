#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"

// The Merkle tree of RFC 6962 section 2.1: values in, values out; no storage.
namespace sovmesh::ledgerlog {

// Larger than any log that can exist, small enough that 64-bit sums of indexes never wrap.
inline constexpr std::uint64_t kTreeSizeMax = (std::uint64_t{1} << 48) - 1;

Digest leaf_hash(std::string_view entry);                   // SHA256(0x00 | entry)
Digest node_hash(const Digest& left, const Digest& right);  // SHA256(0x01 | left | right)
Digest empty_root();                                        // SHA256("")

// The right edge of a tree: the roots of its complete subtrees, largest first. Enough to append and
// to know the root; 32 bytes per one-bit of the size.
class Frontier {
 public:
  Frontier() = default;
  // The edge of a tree of `size` leaves whose complete subtrees, largest first, are `roots`.
  static Result<Frontier> from(std::uint64_t size, std::vector<Digest> roots);

  void append(const Digest& leaf);  // size() < kTreeSizeMax
  std::uint64_t size() const { return size_; }
  Digest root() const;
  std::span<const Digest> roots() const { return roots_; }

 private:
  std::uint64_t size_ = 0;
  std::vector<Digest> roots_;
};

// A hash per step from the leaf (or the old edge) upwards, as in RFC 6962 section 2.1.1 and 2.1.2.
using Proof = std::vector<Digest>;
inline constexpr std::size_t kProofHashesMax = 64;

// True exactly when `proof` leads from the leaf at `index` to the root of a tree of `size`.
bool proves_inclusion(std::uint64_t index, const Digest& leaf, std::uint64_t size,
                      const Digest& root, std::span<const Digest> proof);
// True exactly when `proof` shows that the tree of `new_size` begins with that of `old_size`. For
// old_size 0 and for equal sizes the proof is empty.
bool proves_consistency(std::uint64_t old_size, const Digest& old_root, std::uint64_t new_size,
                        const Digest& new_root, std::span<const Digest> proof);

// A subtree that is complete: the root of the leaves [index << level, (index + 1) << level).
struct Subtree {
  unsigned level = 0;
  std::uint64_t index = 0;
  friend bool operator==(const Subtree&, const Subtree&) = default;
};

// Where the tree's hashes come from: tiles, or memory in tests.
class HashReader {
 public:
  virtual ~HashReader() = default;
  virtual Result<Digest> hash(Subtree subtree) = 0;
};

Result<Digest> root_at(HashReader& hashes, std::uint64_t size);
Result<Frontier> frontier_at(HashReader& hashes, std::uint64_t size);
// index < size, old_size <= new_size; anything else is an error of the caller's client.
Result<Proof> inclusion_proof(HashReader& hashes, std::uint64_t index, std::uint64_t size);
Result<Proof> consistency_proof(HashReader& hashes, std::uint64_t old_size, std::uint64_t new_size);

}  // namespace sovmesh::ledgerlog
