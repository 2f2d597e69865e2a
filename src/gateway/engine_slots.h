#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "engine/engine.h"

namespace sovmesh::gateway {

// Whose text a request brings into which of an engine's slots.
struct SlotsWanted {
  TenantId tenant;
  int slots = 1;
  // The engine picks a slot for it by itself, whatever the seat says (llama.cpp's embeddings).
  bool in_any_slot = false;
};

struct SlotsTaken {
  std::vector<int> which;  // empty where slots have no owners
  // Another tenant's text may be in a slot: its cache must not be used.
  bool fresh_cache = false;
};

// The slots of one engine. Where they belong to tenants they remember the tenant they last served:
// a tenant gets its own slot again when it is free (its prefix cache is there), and a slot that
// changes hands is marked for a fresh cache, until an answer shows that nothing foreign is left in
// it. Plain memory: one thread at a time.
class EngineSlots {
 public:
  explicit EngineSlots(const engine::Engine& engine);

  int in_use() const { return running_; }
  int free(const engine::Engine& engine) const;
  // There must be so many free ones.
  SlotsTaken take(const engine::Engine& engine, const SlotsWanted& wanted);
  // `own_cache`: the engine has read the whole prompt, so that nothing else is left in the slot.
  void give_back(const engine::Engine& engine, const SlotsWanted& wanted, const SlotsTaken& taken,
                 bool own_cache);

 private:
  struct Slot {
    std::optional<TenantId> owner;
    bool has_foreign = false;  // may hold text of somebody else than the owner
    bool busy = false;
    std::uint64_t last_used = 0;
  };
  void note_generation(const engine::Engine& engine);
  void mark_all(TenantId tenant);
  std::vector<int> take_best(const SlotsWanted& wanted) const;

  std::uint64_t generation_;
  bool has_owners_;
  // Of an engine whose slots belong to tenants; others may have thousands, which are just counted.
  std::vector<Slot> slots_;
  int running_ = 0;
  std::vector<TenantId> in_any_slot_;  // whose requests run in slots that we do not know
  std::uint64_t uses_ = 0;
};

}  // namespace sovmesh::gateway
