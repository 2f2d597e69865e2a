#include "routing/block_hash.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "routing/block_hash_loop.h"

namespace sovmesh::routing {

#if defined(SM_AVX2)  // block_hash_avx2.cpp is there
void hash_blocks_avx2(BlockKey last, const char* blocks, std::size_t block_bytes, std::size_t count,
                      BlockKey* keys);
#endif

namespace {

void hash_blocks(BlockKey last, const char* blocks, std::size_t block_bytes, std::size_t count,
                 BlockKey* keys) {
#if defined(SM_AVX2)
  static const bool wide = __builtin_cpu_supports("avx2");
  if (wide) return hash_blocks_avx2(last, blocks, block_bytes, count, keys);
#endif
  hash_along(last, blocks, block_bytes, count, keys);
}

}  // namespace

BlockKey chain_seed(const ChainOwner& owner) {
  BlockKey seed = 1;
  for (const std::string_view part : {owner.model, owner.lora, owner.salt})
    seed = mix(mix(seed, part.size()), XXH3_64bits(part.data(), part.size()));
  return seed;
}

// A chain of tokens never meets one of text, nor one of other blocks.
BlockChain BlockChain::of_tokens(BlockKey seed, std::size_t block_tokens) {
  return behind(mix(seed, block_tokens), block_tokens);
}

BlockChain BlockChain::behind(BlockKey parent, std::size_t block_tokens) {
  assert(block_tokens >= 1 && block_tokens <= kTokenBlockMax);
  return BlockChain(parent, block_tokens * sizeof(std::uint32_t));
}

void BlockChain::add_blocks(const char* blocks, std::size_t count) {
  if (count == 0) return;
  const std::size_t before = keys_.size();
  // Room for what is there, or twice as much: bodies come in many pieces.
  if (before + count > keys_.capacity())
    keys_.reserve(std::max(before + count, std::min(2 * before, kBlocksMax)));
  keys_.resize(before + count);
  hash_blocks(last_, blocks, block_bytes_, count, keys_.data() + before);
  last_ = keys_.back();
}

void BlockChain::feed(std::string_view text) {
  if (held_ > 0) {
    const std::size_t part = std::min(block_bytes_ - held_, text.size());
    std::memcpy(block_.data() + held_, text.data(), part);
    held_ += part;
    text.remove_prefix(part);
    if (held_ < block_bytes_) return;
    held_ = 0;
    if (keys_.size() < kBlocksMax) add_blocks(block_.data(), 1);
  }
  const std::size_t blocks = std::min(text.size() / block_bytes_, kBlocksMax - keys_.size());
  add_blocks(text.data(), blocks);
  if (keys_.size() == kBlocksMax) return;
  text.remove_prefix(blocks * block_bytes_);
  std::memcpy(block_.data(), text.data(), text.size());
  held_ = text.size();
}

void BlockChain::feed(std::span<const std::uint32_t> tokens) {
  feed(std::string_view(reinterpret_cast<const char*>(tokens.data()), tokens.size_bytes()));
}

}  // namespace sovmesh::routing
