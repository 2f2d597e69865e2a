#include "routing/slot_table.h"

#include <algorithm>
#include <bit>

namespace sovmesh::routing {
namespace {

// Back into the slot well below what fits, so that one holder who comes and goes does not move
// them each time.
constexpr std::size_t kInlineAgain = kInlineHolders / 2;

void set_bit(std::uint64_t* words, EndpointIndex e, bool value) {
  const std::uint64_t bit = std::uint64_t{1} << e % 64;
  words[e / 64] = value ? words[e / 64] | bit : words[e / 64] & ~bit;
}
bool has_bit(const std::uint64_t* words, EndpointIndex e) {
  return (words[e / 64] >> e % 64 & 1) != 0;
}

void set_tier_bits(Slot& slot, std::size_t place, Tier tier) {
  const std::size_t shift = 2 * place;
  slot.tiers = static_cast<std::uint16_t>((slot.tiers & ~(3U << shift)) |
                                          static_cast<unsigned>(tier) << shift);
}

void set_bitmap(Slot& slot, std::uint32_t number) {
  slot.ids = {static_cast<EndpointIndex>(number & 0xffff),
              static_cast<EndpointIndex>(number >> 16)};
  slot.tiers = 0;
  slot.in_bitmap = true;
}

std::size_t place_in(const Slot& slot, EndpointIndex endpoint) {
  return static_cast<std::size_t>(
      std::find(slot.ids.begin(), slot.ids.begin() + slot.holders, endpoint) - slot.ids.begin());
}

}  // namespace

std::uint32_t BitmapPool::take() {
  assert(!full());
  if (free_.empty()) {
    if (made_ == pieces_.size() * kPiece)
      pieces_.push_back(std::make_unique<std::uint64_t[]>(kPiece * 3 * words_));
    return static_cast<std::uint32_t>(made_++);
  }
  const std::uint32_t number = free_.back();
  free_.pop_back();
  std::fill_n(at(number), 3 * words_, 0);
  return number;
}

SlotTable::SlotTable(std::size_t keys_max, std::size_t endpoints_max, std::size_t bitmaps_max)
    : keys_max_(std::max<std::size_t>(keys_max, 1)),
      mask_(std::bit_ceil(keys_max_ + keys_max_ / 3 + 1) - 1),
      slots_(mask_ + 1),
      bitmaps_(endpoints_max, bitmaps_max) {}

bool SlotTable::add(BlockKey key, EndpointIndex endpoint, Tier tier) {
  Slot& slot = slots_[place_of(key)];
  if (slot.key == 0) {
    if (full()) return false;
    slot = Slot{.key = key, .ids = {}, .holders = 0, .tiers = 0, .in_bitmap = false, .uses = 0};
    ++keys_;
  } else if (!slot.in_bitmap && slot.holders == kInlineHolders && !to_bitmap(slot)) {
    return false;
  }
  if (slot.in_bitmap) {
    set_bit(bitmaps_.held(slot.bitmap()), endpoint, true);
  } else {
    slot.ids[slot.holders] = endpoint;
  }
  ++slot.holders;
  if (tier != Tier::gpu) set_tier(key, endpoint, tier);
  return true;
}

void SlotTable::set_tier(BlockKey key, EndpointIndex endpoint, Tier tier) {
  Slot& slot = slots_[place_of(key)];
  if (!slot.in_bitmap) {
    set_tier_bits(slot, place_in(slot, endpoint), tier);
    return;
  }
  std::uint64_t* below = bitmaps_.below(slot.bitmap());
  const bool was_below = has_bit(below, endpoint);
  set_bit(below, endpoint, tier != Tier::gpu);
  set_bit(bitmaps_.disk(slot.bitmap()), endpoint, tier == Tier::disk);
  // The count of those below the GPU: look-ups leave the planes alone when it is 0.
  slot.tiers = static_cast<std::uint16_t>(slot.tiers + (tier != Tier::gpu) - was_below);
}

void SlotTable::remove(BlockKey key, EndpointIndex endpoint) {
  const std::size_t at = place_of(key);
  Slot& slot = slots_[at];
  assert(slot.key == key && holds(slot, endpoint));
  if (slot.in_bitmap) {
    set_tier(key, endpoint, Tier::gpu);
    set_bit(bitmaps_.held(slot.bitmap()), endpoint, false);
    if (--slot.holders <= kInlineAgain) to_inline(slot);
    return;
  }
  // The order of the rest stays, so that blocks with the same holders look alike (match()).
  for (std::size_t i = place_in(slot, endpoint); i + 1 < slot.holders; ++i) {
    slot.ids[i] = slot.ids[i + 1];
    set_tier_bits(slot, i, slot.tier(i + 1));
  }
  --slot.holders;
  slot.ids[slot.holders] = 0;
  set_tier_bits(slot, slot.holders, Tier::gpu);
  if (slot.holders == 0) erase(at);
}

bool SlotTable::holds(const Slot& slot, EndpointIndex endpoint) const {
  if (slot.in_bitmap) return has_bit(bitmaps_.held(slot.bitmap()), endpoint);
  return place_in(slot, endpoint) < slot.holders;
}

bool SlotTable::to_bitmap(Slot& slot) {
  if (bitmaps_.full()) return false;
  const Slot old = slot;
  const std::uint32_t number = bitmaps_.take();
  set_bitmap(slot, number);
  for (std::size_t i = 0; i < old.holders; ++i) {
    set_bit(bitmaps_.held(number), old.ids[i], true);
    if (old.tier(i) != Tier::gpu) set_tier(slot.key, old.ids[i], old.tier(i));
  }
  return true;
}

void SlotTable::to_inline(Slot& slot) {
  const std::uint32_t number = slot.bitmap();
  Slot inside{
      .key = slot.key, .ids = {}, .holders = 0, .tiers = 0, .in_bitmap = false, .uses = slot.uses};
  for (std::size_t w = 0; w < bitmaps_.words(); ++w)
    for_each_bit(bitmaps_.held(number)[w], w, [&](EndpointIndex e) {
      if (has_bit(bitmaps_.disk(number), e))
        set_tier_bits(inside, inside.holders, Tier::disk);
      else if (has_bit(bitmaps_.below(number), e))
        set_tier_bits(inside, inside.holders, Tier::cpu);
      inside.ids[inside.holders++] = e;
    });
  slot = inside;
  bitmaps_.give_back(number);
}

void SlotTable::erase(std::size_t place) {
  --keys_;
  for (std::size_t i = next(place);; i = next(i)) {
    const Slot& slot = slots_[i];
    if (slot.key == 0) break;
    // It may move to `place` unless its home lies behind it.
    if (((i - home(slot.key)) & mask_) >= ((i - place) & mask_)) {
      slots_[place] = slot;
      place = i;
    }
  }
  slots_[place].key = 0;
}

}  // namespace sovmesh::routing
