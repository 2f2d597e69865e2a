#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace sovmesh::des {

// Names a block of a prompt and everything before it, as routing::BlockKey does.
using BlockKey = std::uint64_t;

// The KV memory of one engine: tokens that requests hold for themselves, whole blocks that they
// share by reference, and blocks nobody refers to, which stay as prefix cache until the least
// recently used of them must go.
//
// Invariant, after every call: owned + block_tokens * (referenced + cached) <= capacity, and a
// block with references is never evicted. Plain memory.
class BlockCache {
 public:
  BlockCache(std::int64_t capacity_tokens, std::int64_t block_tokens)
      : capacity_(capacity_tokens), block_tokens_(block_tokens) {}

  // Leading blocks of `chain` that are here.
  std::size_t match(std::span<const BlockKey> chain) const;
  bool holds(BlockKey key) const { return places_.contains(key); }

  // Of `tokens`, how many more could be owned if everything without references went.
  bool has_room(std::int64_t tokens, std::span<const BlockKey> kept) const;
  // Takes tokens, evicting as needed; false, and nothing is taken, when there is no room.
  bool own(std::int64_t tokens);
  void disown(std::int64_t tokens) { owned_ -= tokens; }

  // One more reference to a block that is here.
  void refer(BlockKey key);
  // Turns block_tokens owned tokens into a shared block with a reference. When somebody else has
  // put it there meanwhile, the tokens are given back.
  void share(BlockKey key);
  // Gives references back, the deepest block first, so that the ends of prompts are evicted before
  // what many prompts begin with.
  void release(std::span<const BlockKey> keys);
  // Forgets everything: the engine has been started again.
  void clear();

  std::int64_t capacity() const { return capacity_; }
  std::int64_t block_tokens() const { return block_tokens_; }
  std::int64_t owned() const { return owned_; }
  std::int64_t referenced() const { return static_cast<std::int64_t>(places_.size()) - cached_; }
  std::int64_t cached() const { return cached_; }
  std::int64_t used() const { return owned_ + referenced() * block_tokens_; }
  std::int64_t free() const { return capacity_ - used() - cached_ * block_tokens_; }
  std::uint64_t evicted() const { return evicted_; }

 private:
  static constexpr std::uint32_t kNone = ~0U;
  struct Block {
    BlockKey key = 0;
    std::uint32_t references = 0;
    std::uint32_t older = kNone;
    std::uint32_t newer = kNone;
  };
  void link_newest(std::uint32_t place);
  void unlink(std::uint32_t place);
  void evict_oldest();
  std::uint32_t take_place(BlockKey key);

  std::int64_t capacity_;
  std::int64_t block_tokens_;
  std::int64_t owned_ = 0;
  std::int64_t cached_ = 0;  // blocks without references
  std::uint64_t evicted_ = 0;
  std::unordered_map<BlockKey, std::uint32_t> places_;
  std::vector<Block> blocks_;
  std::vector<std::uint32_t> vacant_;
  std::uint32_t oldest_ = kNone;
  std::uint32_t newest_ = kNone;
};

}  // namespace sovmesh::des
