#pragma once

#include <cstdint>
#include <span>

#include "base/random.h"

namespace sovmesh {

// The same numbers for the same seed (SplitMix64).
class SeededRandom : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<unsigned char> out) override {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < out.size(); ++i, word >>= 8) {
      if (i % 8 == 0) word = step();
      out[i] = static_cast<unsigned char>(word);
    }
  }
  double unit() { return static_cast<double>(next_u64() >> 11) * 0x1p-53; }  // in [0, 1)

 private:
  std::uint64_t step() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
  }
  std::uint64_t state_;
};

}  // namespace sovmesh
