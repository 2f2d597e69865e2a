#pragma once

#include <cmath>
#include <cstdint>

namespace sovmesh::des {

// The generator of the simulator: SplitMix64. The same numbers on every machine, which the
// distributions of the standard library do not promise.
class SeededRandom {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}

  std::uint64_t bits() {
    state_ += 0x9E3779B97F4A7C15;
    return mix(state_);
  }
  double unit() { return static_cast<double>(bits() >> 11) * 0x1p-53; }  // [0, 1)
  std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>(unit() * static_cast<double>(bound));
  }
  double exponential(double mean) { return -mean * std::log1p(-unit()); }
  // Log-normal with this median; `sigma` of the logarithm.
  double log_normal(double median, double sigma) {
    const double radius = std::sqrt(-2 * std::log1p(-unit()));
    return median * std::exp(sigma * radius * std::cos(6.283185307179586 * unit()));
  }

  // Spreads the bits of a number.
  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

}  // namespace sovmesh::des
