#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace sovmesh::routing {

// A number of each endpoint that is mostly the same for all. A pass over the pool goes tile by
// tile, and while all are the same, each tile is the same kTile numbers: these stay in the
// innermost cache, and the pass reads that much less memory.
class EvenColumn {
 public:
  static constexpr std::size_t kTile = 64;

  void push_back(float value) {
    values_.push_back(value);
    is_even_ = false;
  }
  void set(std::size_t place, float value) {
    is_even_ = is_even_ && values_[place] == value;
    values_[place] = value;
  }
  // Are they all the same again? Takes time by their number.
  void look() {
    if (values_.empty()) return;
    is_even_ = std::ranges::all_of(values_, [&](float each) { return each == values_.front(); });
    same_.fill(values_.front());
  }

  float operator[](std::size_t place) const { return values_[place]; }
  const float* data() const { return values_.data(); }
  // Of the kTile places from `begin` on, or as many as there are.
  const float* tile(std::size_t begin) const {
    return is_even_ ? same_.data() : values_.data() + begin;
  }

 private:
  std::vector<float> values_;
  std::array<float, kTile> same_{};
  bool is_even_ = false;
};

}  // namespace sovmesh::routing
