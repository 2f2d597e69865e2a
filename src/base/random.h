#pragma once

#include <cstdint>
#include <span>

namespace sovmesh {

// The only source of randomness. The real one is the kernel's generator, fit for keys; the
// simulated one is seeded. Any thread may call it.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<unsigned char> out) = 0;

  std::uint64_t next_u64() {
    std::uint64_t value = 0;
    fill({reinterpret_cast<unsigned char*>(&value), sizeof value});
    return value;
  }
  // Uniform enough in [0, bound) for jitter and ports (bias below 2^-32); bound > 0.
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>((next_u64() >> 32) * bound >> 32);
  }
};

}  // namespace sovmesh
