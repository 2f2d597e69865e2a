// Compiled for machines with AVX2. The results are the same.
#include "routing/block_hash_loop.h"

namespace sovmesh::routing {

void hash_blocks_avx2(std::uint64_t last, const char* blocks, std::size_t block_bytes,
                      std::size_t count, std::uint64_t* keys);
void hash_blocks_avx2(std::uint64_t last, const char* blocks, std::size_t block_bytes,
                      std::size_t count, std::uint64_t* keys) {
  hash_along(last, blocks, block_bytes, count, keys);
}

}  // namespace sovmesh::routing
