#include "gateway/engine_slots.h"

#include <algorithm>

namespace sovmesh::gateway {

EngineSlots::EngineSlots(const engine::Engine& engine)
    : generation_(engine.generation()), has_owners_(engine.capabilities().tenant_slots) {
  if (has_owners_) slots_.resize(static_cast<std::size_t>(std::max(engine.slots(), 1)));
}

int EngineSlots::free(const engine::Engine& engine) const {
  return std::max(engine.slots(), 1) - running_;
}

// After a restart every cache is gone. Seats that are out stay: their requests may run only now.
void EngineSlots::note_generation(const engine::Engine& engine) {
  if (generation_ == engine.generation()) return;
  generation_ = engine.generation();
  for (Slot& slot : slots_) {
    if (!slot.busy) slot.owner.reset();
    slot.has_foreign = false;
  }
  for (const TenantId tenant : in_any_slot_)
    mark_all(tenant);
}

// Text of `tenant` may be in any slot.
void EngineSlots::mark_all(TenantId tenant) {
  for (Slot& slot : slots_) {
    if (slot.owner && slot.owner != tenant) slot.has_foreign = true;
    if (!slot.owner) slot.owner = tenant;
  }
}

SlotsTaken EngineSlots::take(const engine::Engine& engine, const SlotsWanted& wanted) {
  note_generation(engine);
  running_ += wanted.slots;
  if (!has_owners_) return {};
  SlotsTaken taken{.which = take_best(wanted)};
  for (const int index : taken.which) {
    Slot& slot = slots_[static_cast<std::size_t>(index)];
    slot.busy = true;
    if (wanted.in_any_slot) continue;
    if (slot.owner && slot.owner != wanted.tenant) slot.has_foreign = true;
    slot.owner = wanted.tenant;
    slot.last_used = ++uses_;
    taken.fresh_cache = taken.fresh_cache || slot.has_foreign;
  }
  if (wanted.in_any_slot) {
    in_any_slot_.push_back(wanted.tenant);
    mark_all(wanted.tenant);
  }
  return taken;
}

// Own slots first (their cache helps), then unowned ones, then the one idle the longest.
std::vector<int> EngineSlots::take_best(const SlotsWanted& wanted) const {
  const auto rank = [&](int index) {
    const Slot& slot = slots_[static_cast<std::size_t>(index)];
    const int kind = slot.owner == wanted.tenant ? 0 : slot.owner ? 2 : 1;
    return std::pair(kind, slot.last_used);
  };
  std::vector<int> free;
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (!slots_[i].busy) free.push_back(static_cast<int>(i));
  const auto end = free.begin() + wanted.slots;
  std::ranges::partial_sort(free, end, {}, rank);
  free.erase(end, free.end());
  return free;
}

void EngineSlots::give_back(const engine::Engine& engine, const SlotsWanted& wanted,
                            const SlotsTaken& taken, bool own_cache) {
  note_generation(engine);
  running_ -= wanted.slots;
  if (!has_owners_) return;
  for (const int index : taken.which)
    slots_[static_cast<std::size_t>(index)].busy = false;
  if (wanted.in_any_slot) {
    in_any_slot_.erase(std::ranges::find(in_any_slot_, wanted.tenant));
    return;
  }
  const auto is_other = [&](TenantId tenant) { return tenant != wanted.tenant; };
  if (!own_cache || std::ranges::any_of(in_any_slot_, is_other)) return;
  for (const int index : taken.which)
    slots_[static_cast<std::size_t>(index)].has_foreign = false;
}

}  // namespace sovmesh::gateway
