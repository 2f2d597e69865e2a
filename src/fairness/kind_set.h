#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace sovmesh::fairness {

// Some kinds of requests, at most kMost; 0 is none. Takes memory only to grow.
class KindSet {
 public:
  // Beyond that a kind is not noted, and its requests are tried as if nothing were known.
  static constexpr std::size_t kMost = 4'096;

  bool empty() const { return kinds_.empty(); }
  bool contains(std::uint64_t kind) const { return std::ranges::binary_search(kinds_, kind); }
  void insert(std::uint64_t kind) {
    const auto at = std::ranges::lower_bound(kinds_, kind);
    const bool is_there = at != kinds_.end() && *at == kind;
    if (kind != 0 && !is_there && kinds_.size() < kMost) kinds_.insert(at, kind);
  }
  void erase(std::uint64_t kind) {
    const auto at = std::ranges::lower_bound(kinds_, kind);
    if (at != kinds_.end() && *at == kind) kinds_.erase(at);
  }
  void clear() { kinds_.clear(); }

 private:
  std::vector<std::uint64_t> kinds_;  // in ascending order
};

}  // namespace sovmesh::fairness
