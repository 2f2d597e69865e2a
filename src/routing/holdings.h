#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "routing/block_hash.h"
#include "routing/slot_table.h"
#include "routing/zeroed_array.h"

namespace sovmesh::routing {

// One block of one endpoint.
struct Holding {
  BlockKey key;         // 0: free
  std::uint32_t until;  // tick at which the expectation ends; 0: never
  bool confirmed;       // by the engine
  bool used;            // since the hand passed it
  Tier tier;
};
static_assert(sizeof(Holding) == 16);

// The blocks of one endpoint: an open-addressing table whose cells are at the same time the ring of
// its CLOCK. The order of the ring is that of the hashes: which of the unused blocks goes first is
// chance.
class Holdings {
 public:
  Holdings() = default;
  // `arena` lives longer.
  Holdings(std::size_t capacity, ZeroedArena& arena)
      : capacity_(std::max<std::size_t>(capacity, 1)),
        mask_(std::bit_ceil(capacity_ + capacity_ / 3 + 1) - 1),
        cells_(mask_ + 1, arena) {}

  Holding* find(BlockKey key) {
    const std::size_t i = place_of(key);
    return cells_[i].key == 0 ? nullptr : &cells_[i];
  }
  const Holding* find(BlockKey key) const {
    const std::size_t i = place_of(key);
    return cells_[i].key == 0 ? nullptr : &cells_[i];
  }
  void prefetch(BlockKey key) const { __builtin_prefetch(&cells_[home(key)]); }

  bool full() const { return size_ == capacity_; }
  // Not there yet, and not full().
  void add(const Holding& holding) {
    cells_[place_of(holding.key)] = holding;
    ++size_;
  }
  void remove(BlockKey key) {
    Holding* cell = find(key);
    if (cell != nullptr) erase(static_cast<std::size_t>(cell - &cells_[0]));
  }
  // The block that should go: the hand clears `used` until it finds one that was not. size() > 0.
  // Calls soon(key) for blocks that are likely to be next.
  template <class F>
  BlockKey victim(F&& soon) {
    for (;; hand_ = (hand_ + 1) & mask_) {
      const Holding& later = cells_[(hand_ + kSoon) & mask_];
      if (may_go(later)) soon(later.key);
      Holding& cell = cells_[hand_];
      if (may_go(cell)) return cell.key;
      cell.used = false;
    }
  }

  // Takes up to `steps` cells from the place where the last call ended, and calls drop(key) for
  // each block; drop removes it. For tables that nobody adds to any more. Returns steps left.
  template <class F>
  std::size_t drain(std::size_t steps, F&& drop) {
    for (; steps > 0 && size_ > 0; --steps) {
      if (cells_[hand_].key == 0)
        hand_ = (hand_ + 1) & mask_;
      else
        drop(cells_[hand_].key);  // and something else may be here now
    }
    return steps;
  }
  template <class F>
  void for_each(F&& use) {
    for (std::size_t i = 0; i < cells_.size(); ++i)
      if (cells_[i].key != 0) use(cells_[i]);
  }

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  std::size_t bytes() const { return cells_.bytes(); }

 private:
  // Without a branch for free cells: the hand may have a whole round of used ones to pass, and
  // which cells are free is chance.
  static bool may_go(const Holding& cell) { return (cell.key != 0) & !cell.used; }

  static constexpr std::size_t kSoon = 24;  // cells from the hand: about ten blocks
  // Other bits than SlotTable's, or the cells of one region of slots would be neighbours.
  std::size_t home(BlockKey key) const { return (key >> 32 ^ key >> 12) & mask_; }
  // Of the key, or of the free cell where it would be.
  std::size_t place_of(BlockKey key) const {
    std::size_t i = home(key);
    while (cells_[i].key != key && cells_[i].key != 0)
      i = (i + 1) & mask_;
    return i;
  }
  void erase(std::size_t place) {
    --size_;
    for (std::size_t i = (place + 1) & mask_; cells_[i].key != 0; i = (i + 1) & mask_) {
      if (((i - home(cells_[i].key)) & mask_) >= ((i - place) & mask_)) {
        cells_[place] = cells_[i];
        place = i;
      }
    }
    cells_[place].key = 0;
  }

  std::size_t capacity_ = 0;
  std::size_t mask_ = 0;
  std::size_t size_ = 0;
  std::size_t hand_ = 0;
  ZeroedArray<Holding> cells_;
};

}  // namespace sovmesh::routing
