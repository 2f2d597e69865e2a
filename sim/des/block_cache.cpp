#include "sim/des/block_cache.h"

#include <cassert>

namespace sovmesh::des {

std::size_t BlockCache::match(std::span<const BlockKey> chain) const {
  std::size_t depth = 0;
  while (depth < chain.size() && places_.contains(chain[depth]))
    ++depth;
  return depth;
}

bool BlockCache::has_room(std::int64_t tokens, std::span<const BlockKey> kept) const {
  std::int64_t evictable = cached_;
  for (const BlockKey key : kept)
    if (blocks_[places_.at(key)].references == 0) --evictable;
  return tokens <= free() + evictable * block_tokens_;
}

bool BlockCache::own(std::int64_t tokens) {
  if (tokens > free() + cached_ * block_tokens_) return false;
  while (free() < tokens)
    evict_oldest();
  owned_ += tokens;
  return true;
}

void BlockCache::refer(BlockKey key) {
  const std::uint32_t place = places_.at(key);
  if (blocks_[place].references++ == 0) {
    unlink(place);
    --cached_;
  }
}

void BlockCache::share(BlockKey key) {
  owned_ -= block_tokens_;
  if (places_.contains(key)) return refer(key);
  const std::uint32_t place = take_place(key);
  blocks_[place].references = 1;
  places_.emplace(key, place);
}

void BlockCache::release(std::span<const BlockKey> keys) {
  for (std::size_t i = keys.size(); i-- > 0;) {
    const std::uint32_t place = places_.at(keys[i]);
    assert(blocks_[place].references > 0);
    if (--blocks_[place].references > 0) continue;
    link_newest(place);
    ++cached_;
  }
}

void BlockCache::clear() { *this = BlockCache(capacity_, block_tokens_); }

void BlockCache::link_newest(std::uint32_t place) {
  blocks_[place].older = newest_;
  blocks_[place].newer = kNone;
  (newest_ == kNone ? oldest_ : blocks_[newest_].newer) = place;
  newest_ = place;
}

void BlockCache::unlink(std::uint32_t place) {
  const Block& block = blocks_[place];
  (block.older == kNone ? oldest_ : blocks_[block.older].newer) = block.newer;
  (block.newer == kNone ? newest_ : blocks_[block.newer].older) = block.older;
}

void BlockCache::evict_oldest() {
  const std::uint32_t place = oldest_;
  unlink(place);
  places_.erase(blocks_[place].key);
  vacant_.push_back(place);
  --cached_;
  ++evicted_;
}

std::uint32_t BlockCache::take_place(BlockKey key) {
  if (vacant_.empty()) {
    blocks_.push_back({.key = key});
    return static_cast<std::uint32_t>(blocks_.size() - 1);
  }
  const std::uint32_t place = vacant_.back();
  vacant_.pop_back();
  blocks_[place] = {.key = key};
  return place;
}

}  // namespace sovmesh::des
