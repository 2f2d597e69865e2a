#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sovmesh::routing {

// The place of an endpoint in the arrays of a pool: dense, reused after the endpoint's removal.
using EndpointIndex = std::uint16_t;

// A set of endpoints of one pool. Its size is fixed; members are below it.
class EndpointSet {
 public:
  explicit EndpointSet(std::size_t endpoints_max = 0) : words_((endpoints_max + 63) / 64) {}

  void insert(EndpointIndex e) { words_[e / 64] |= bit(e); }
  void erase(EndpointIndex e) { words_[e / 64] &= ~bit(e); }
  bool contains(EndpointIndex e) const {
    return e / 64 < words_.size() && (words_[e / 64] & bit(e)) != 0;
  }
  void clear() { words_.assign(words_.size(), 0); }
  std::size_t count() const {
    std::size_t n = 0;
    for (const std::uint64_t word : words_)
      n += static_cast<std::size_t>(std::popcount(word));
    return n;
  }
  // Word i has the endpoints 64 i to 64 i + 63, the first in the lowest bit.
  std::span<std::uint64_t> words() { return words_; }
  std::span<const std::uint64_t> words() const { return words_; }

 private:
  static std::uint64_t bit(EndpointIndex e) { return std::uint64_t{1} << e % 64; }
  std::vector<std::uint64_t> words_;
};

// Calls use(EndpointIndex) for each bit of a word of a set.
template <class F>
void for_each_bit(std::uint64_t word, std::size_t word_index, F&& use) {
  for (; word != 0; word &= word - 1)
    use(static_cast<EndpointIndex>(word_index * 64 +
                                   static_cast<std::size_t>(std::countr_zero(word))));
}

}  // namespace sovmesh::routing
