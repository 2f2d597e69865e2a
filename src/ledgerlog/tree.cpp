#include "ledgerlog/tree.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <utility>

namespace sovmesh::ledgerlog {
namespace {

constexpr std::size_t kHashBytes = sizeof(Digest);

}  // namespace

Digest leaf_hash(std::string_view entry) {
  // Nearly every entry fits the buffer; it is hashed in one piece because one call costs least.
  std::array<char, 2048> small;
  if (entry.size() < small.size()) {
    small[0] = '\0';
    std::memcpy(small.data() + 1, entry.data(), entry.size());
    return sha256({small.data(), entry.size() + 1});
  }
  std::string bytes(1, '\0');
  bytes += entry;
  return sha256(bytes);
}

Digest node_hash(const Digest& left, const Digest& right) {
  std::array<char, 1 + 2 * kHashBytes> bytes;
  bytes[0] = '\x01';
  std::memcpy(bytes.data() + 1, left.data(), kHashBytes);
  std::memcpy(bytes.data() + 1 + kHashBytes, right.data(), kHashBytes);
  return sha256({bytes.data(), bytes.size()});
}

Digest empty_root() { return sha256({}); }

Result<Frontier> Frontier::from(std::uint64_t size, std::vector<Digest> roots) {
  if (size > kTreeSizeMax || roots.size() != static_cast<std::size_t>(std::popcount(size)))
    return client_error(Code::invalid_value, "an edge has one hash per one-bit of the size");
  Frontier frontier;
  frontier.size_ = size;
  frontier.roots_ = std::move(roots);
  return frontier;
}

void Frontier::append(const Digest& leaf) {
  assert(size_ < kTreeSizeMax);
  // Like a carry: every trailing one-bit is a complete subtree that the new one joins.
  Digest hash = leaf;
  for (std::uint64_t bits = size_; (bits & 1) != 0; bits >>= 1) {
    hash = node_hash(roots_.back(), hash);
    roots_.pop_back();
  }
  roots_.push_back(hash);
  ++size_;
}

Digest Frontier::root() const {
  if (roots_.empty()) return empty_root();
  Digest hash = roots_.back();
  for (std::size_t i = roots_.size() - 1; i-- > 0;)
    hash = node_hash(roots_[i], hash);
  return hash;
}

}  // namespace sovmesh::ledgerlog
