#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "routing/block_hash.h"
#include "routing/endpoint_set.h"
#include "routing/tier.h"
#include "routing/zeroed_array.h"

namespace sovmesh::routing {

constexpr std::size_t kInlineHolders = 8;

// A key and who holds it; half a cache line. Up to kInlineHolders of them are here, with two bits
// of tier for each. More are in a bitmap, whose number is in ids[0] and ids[1].
struct alignas(32) Slot {
  BlockKey key;  // 0: free
  std::array<EndpointIndex, kInlineHolders> ids;
  std::uint16_t holders;
  std::uint16_t tiers;
  bool in_bitmap;
  std::uint16_t uses;  // PrefixIndex::begin_use() less end_use()

  std::uint32_t bitmap() const { return ids[0] | static_cast<std::uint32_t>(ids[1]) << 16; }
  Tier tier(std::size_t place) const { return static_cast<Tier>(tiers >> 2 * place & 3); }
};
static_assert(sizeof(Slot) == 32);

// The bitmaps of keys with many holders. Given out by number, in pieces that never move.
class BitmapPool {
 public:
  BitmapPool(std::size_t endpoints_max, std::size_t bitmaps_max)
      : words_((endpoints_max + 63) / 64), max_(bitmaps_max) {}

  std::size_t words() const { return words_; }
  bool full() const { return free_.empty() && made_ == max_; }
  std::uint32_t take();  // all zero; not when full()
  void give_back(std::uint32_t number) { free_.push_back(number); }
  // words() words for who holds it, then as many for who holds it below the GPU, then as many for
  // who holds it on disk.
  std::uint64_t* held(std::uint32_t number) { return at(number); }
  std::uint64_t* below(std::uint32_t number) { return at(number) + words_; }
  std::uint64_t* disk(std::uint32_t number) { return at(number) + 2 * words_; }
  // Who holds it.
  void prefetch(std::uint32_t number) {
    for (std::size_t w = 0; w < words_; w += 8)
      __builtin_prefetch(held(number) + w);
    // They need not begin with a cache line, and so may end in one more.
    __builtin_prefetch(held(number) + words_ - 1);
  }
  std::size_t in_use() const { return made_ - free_.size(); }
  std::size_t bytes() const { return pieces_.size() * kPiece * 3 * words_ * 8; }

 private:
  static constexpr std::size_t kPiece = 64;  // bitmaps made at a time
  std::uint64_t* at(std::uint32_t number) {
    return pieces_[number / kPiece].get() + number % kPiece * 3 * words_;
  }

  std::size_t words_;
  std::size_t max_;
  std::size_t made_ = 0;
  std::vector<std::unique_ptr<std::uint64_t[]>> pieces_;
  std::vector<std::uint32_t> free_;
};

// Key to holders: open addressing with linear probing, at most three quarters full; removal moves
// later slots back, so there are no tombstones.
class SlotTable {
 public:
  SlotTable(std::size_t keys_max, std::size_t endpoints_max, std::size_t bitmaps_max);

  // Null when nobody holds it.
  Slot* find(BlockKey key) {
    Slot& slot = slots_[place_of(key)];
    return slot.key == 0 ? nullptr : &slot;
  }
  const Slot* find(BlockKey key) const {
    const Slot& slot = slots_[place_of(key)];
    return slot.key == 0 ? nullptr : &slot;
  }
  void prefetch(BlockKey key) const { __builtin_prefetch(&slots_[home(key)]); }
  // For add() and remove(), which often go on to the next line.
  void prefetch_to_write(BlockKey key) const {
    __builtin_prefetch(&slots_[home(key)], 1);
    __builtin_prefetch(&slots_[home(key) + 2 & mask_], 1);
  }

  bool full() const { return keys_ == keys_max_; }
  // False, and nothing changes: no room. The endpoint does not hold it yet.
  bool add(BlockKey key, EndpointIndex endpoint, Tier tier);
  // The endpoint holds it.
  void remove(BlockKey key, EndpointIndex endpoint);
  void set_tier(BlockKey key, EndpointIndex endpoint, Tier tier);

  bool holds(const Slot& slot, EndpointIndex endpoint) const;
  BitmapPool& bitmaps() { return bitmaps_; }
  const BitmapPool& bitmaps() const { return bitmaps_; }
  std::size_t keys() const { return keys_; }
  std::size_t bytes() const { return slots_.bytes() + bitmaps_.bytes(); }

  template <class F>
  void for_each(F&& use) const {
    for (std::size_t i = 0; i < slots_.size(); ++i)
      if (slots_[i].key != 0) use(slots_[i]);
  }

 private:
  // The first slot of a cache line: what is not there is mostly in the line's other one.
  std::size_t home(BlockKey key) const { return key & mask_ & ~std::size_t{1}; }
  std::size_t next(std::size_t i) const { return (i + 1) & mask_; }
  // Of the key, or of the free slot where it would be.
  std::size_t place_of(BlockKey key) const {
    std::size_t i = home(key);
    while (slots_[i].key != key && slots_[i].key != 0)
      i = next(i);
    return i;
  }
  bool to_bitmap(Slot& slot);
  void to_inline(Slot& slot);
  void erase(std::size_t place);

  std::size_t keys_max_;
  std::size_t keys_ = 0;
  std::size_t mask_;
  ZeroedArray<Slot> slots_;
  mutable BitmapPool bitmaps_;
};

}  // namespace sovmesh::routing
