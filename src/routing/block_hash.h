#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sovmesh::routing {

// Names a block and everything before it: h_i = mix(h_(i-1), XXH3(block_i)). Never 0. Two prompts
// share a key exactly as long as they share the bytes from their beginning, but for collisions of
// 64 bits, which cost a wrong guess of where a prefix is cached and nothing else.
using BlockKey = std::uint64_t;

// What must be the same for two prompts to share cached blocks. `salt` separates tenants: without
// it a tenant could tell by the time to the first token what others have asked. It should be
// secret.
struct ChainOwner {
  std::string_view model;
  std::string_view lora;
  std::string_view salt;
};
// The parts are hashed with their lengths, so that {"ab", "c"} and {"a", "bc"} differ.
BlockKey chain_seed(const ChainOwner& owner);

// The keys of one prompt, computed while it arrives. Text: blocks of 256 bytes of the canonical
// text. Tokens: blocks of as many ids as the engine has in a block, for engines that publish what
// they cache. An incomplete last block has no key: engines cache whole blocks only.
class BlockChain {
 public:
  static constexpr std::size_t kTextBlockBytes = 256;
  static constexpr std::size_t kTokenBlockMax = 256;  // ids
  // 2 MiB of text. What comes behind has no keys, as if it were cached nowhere.
  static constexpr std::size_t kBlocksMax = 8'192;

  static BlockChain of_text(BlockKey seed) { return BlockChain(seed, kTextBlockBytes); }
  // `block_tokens`: 1 to kTokenBlockMax.
  static BlockChain of_tokens(BlockKey seed, std::size_t block_tokens);
  // A chain of tokens that goes on behind a block whose key is known.
  static BlockChain behind(BlockKey parent, std::size_t block_tokens);

  // Pieces may end anywhere; the keys depend on the whole only.
  void feed(std::string_view text);
  void feed(std::span<const std::uint32_t> tokens);

  // Of the complete blocks so far. Valid until the next feed.
  std::span<const BlockKey> keys() const { return keys_; }

 private:
  static constexpr std::size_t kBlockBytesMax = kTokenBlockMax * sizeof(std::uint32_t);
  BlockChain(BlockKey last, std::size_t block_bytes) : block_bytes_(block_bytes), last_(last) {}
  void add_blocks(const char* blocks, std::size_t count);

  std::size_t block_bytes_;
  BlockKey last_;
  std::vector<BlockKey> keys_;
  std::size_t held_ = 0;  // bytes of the incomplete block
  std::array<char, kBlockBytesMax> block_;
};

}  // namespace sovmesh::routing
