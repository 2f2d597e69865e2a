#include "routing/block_hash.h"

#define XXH_INLINE_ALL  // a block is short: a call and a choice of code would be a tenth of it
#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace sovmesh::routing {
namespace {

// One step of the chain. For a given block a bijection of what came before, so different beginnings
// stay different.
BlockKey mix(BlockKey before, std::uint64_t block) {
  std::uint64_t h = before * 0x9e3779b97f4a7c15ULL + block;
  h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
  h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
  h ^= h >> 32;
  return h == 0 ? 1 : h;
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

void BlockChain::add_block(const char* block) {
  last_ = mix(last_, XXH3_64bits(block, block_bytes_));
  keys_.push_back(last_);
}

void BlockChain::feed(std::string_view text) {
  if (held_ > 0) {
    const std::size_t part = std::min(block_bytes_ - held_, text.size());
    std::memcpy(block_.data() + held_, text.data(), part);
    held_ += part;
    text.remove_prefix(part);
    if (held_ < block_bytes_) return;
    held_ = 0;
    if (keys_.size() < kBlocksMax) add_block(block_.data());
  }
  const std::size_t blocks = std::min(text.size() / block_bytes_, kBlocksMax - keys_.size());
  keys_.reserve(std::max(keys_.capacity(), keys_.size() + blocks));
  for (std::size_t i = 0; i < blocks; ++i)
    add_block(text.data() + i * block_bytes_);
  if (keys_.size() == kBlocksMax) return;
  text.remove_prefix(blocks * block_bytes_);
  std::memcpy(block_.data(), text.data(), text.size());
  held_ = text.size();
}

void BlockChain::feed(std::span<const std::uint32_t> tokens) {
  feed(std::string_view(reinterpret_cast<const char*>(tokens.data()), tokens.size_bytes()));
}

}  // namespace sovmesh::routing
