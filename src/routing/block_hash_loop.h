#pragma once

// Included where it is compiled for a kind of machine, and nowhere else: so everything is static,
// and nothing here may be shared with code for other machines.
#define XXH_INLINE_ALL  // a block is short: a call and a choice of code would be a tenth of it
#include <xxhash.h>

#include <cstddef>
#include <cstdint>

namespace sovmesh::routing {

// One step of the chain. For a given block a bijection of what came before, so different beginnings
// stay different.
static inline std::uint64_t mix(std::uint64_t before, std::uint64_t block) {
  std::uint64_t h = before * 0x9e3779b97f4a7c15ULL + block;
  h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
  h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
  h ^= h >> 32;
  return h == 0 ? 1 : h;
}

// The keys of `count` blocks behind one another, the first behind `last`.
static inline void hash_along(std::uint64_t last, const char* blocks, std::size_t block_bytes,
                              std::size_t count, std::uint64_t* keys) {
  for (std::size_t i = 0; i < count; ++i)
    keys[i] = last = mix(last, XXH3_64bits(blocks + i * block_bytes, block_bytes));
}

}  // namespace sovmesh::routing
