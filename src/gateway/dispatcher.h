#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "base/ids.h"
#include "base/result.h"
#include "engine/engine.h"
#include "rt/event.h"
#include "rt/loop.h"
#include "rt/task.h"

namespace sovmesh::gateway {

class Dispatcher;

struct SeatRequest {
  std::shared_ptr<engine::Engine> engine;
  TenantId tenant;
  int slots = 1;
  // The engine picks a slot for it by itself, whatever the seat says (llama.cpp's embeddings).
  bool in_any_slot = false;
};

// The right to run one request on an engine: `slots` of its slots. Given back by the destructor.
class Seat {
 public:
  Seat() = default;
  Seat(Dispatcher& dispatcher, SeatRequest request, std::vector<int> slots, bool fresh_cache)
      : dispatcher_(&dispatcher),
        request_(std::move(request)),
        slots_(std::move(slots)),
        fresh_cache_(fresh_cache) {}
  Seat(Seat&& other) noexcept { *this = std::move(other); }
  Seat& operator=(Seat&& other) noexcept {
    std::swap(dispatcher_, other.dispatcher_);
    std::swap(request_, other.request_);
    std::swap(slots_, other.slots_);
    std::swap(fresh_cache_, other.fresh_cache_);
    std::swap(has_own_cache_, other.has_own_cache_);
    return *this;
  }
  ~Seat();

  engine::Engine& engine() const { return *request_.engine; }
  // The slot to name to an engine whose slots belong to tenants.
  int slot() const { return slots_.front(); }
  // Another tenant's text may be in the slot: its cache must not be used.
  bool fresh_cache() const { return fresh_cache_; }
  // The engine has read the whole prompt, so that nothing else is left in the slot. A request that
  // the engine refused, or that never got there, leaves the slot as it was.
  void note_own_cache() { has_own_cache_ = true; }

 private:
  friend class FifoDispatcher;
  Dispatcher* dispatcher_ = nullptr;
  SeatRequest request_;
  std::vector<int> slots_;  // which; empty where slots have no owners
  bool fresh_cache_ = false;
  bool has_own_cache_ = false;
};

// Who may run next. Admission is ours: an engine never has more requests than slots.
class Dispatcher {
 public:
  virtual ~Dispatcher() = default;
  // Waits on `loop` for a seat. Code::queue_full when the tenant's queue is full or its time is up;
  // Code::cancelled when `until.cancelled` came first.
  virtual rt::Task<Result<Seat>> seat(SeatRequest request, rt::Loop& loop, rt::Until until) = 0;

 protected:
  friend class Seat;
  virtual void give_back(const Seat& seat) = 0;
};

// First come, first served per engine, with a bounded number of waiting requests per tenant. Slots
// remember the tenant they last served: a tenant gets its own slot again when it is free (its
// prefix cache is there), and a slot that changes hands is marked for a fresh cache, until an
// answer shows that nothing foreign is left in it. Shared by all workers.
class FifoDispatcher : public Dispatcher {
 public:
  struct Limits {
    std::size_t waiting_per_tenant_max = 64;
    std::chrono::milliseconds wait_max{30'000};
  };
  explicit FifoDispatcher(Limits limits) : limits_(limits) {}
  ~FifoDispatcher() override;

  rt::Task<Result<Seat>> seat(SeatRequest request, rt::Loop& loop, rt::Until until) override;

  struct Load {
    std::size_t running = 0;
    std::size_t waiting = 0;
  };
  Load load() const;

 private:
  struct Waiter;
  class Place;
  struct Slot {
    std::optional<TenantId> owner;
    bool has_foreign = false;  // may hold text of somebody else than the owner
    bool busy = false;
    std::uint64_t last_used = 0;
  };
  struct Queue {  // of one engine
    std::uint64_t generation = 0;
    // Of an engine whose slots belong to tenants; others may have thousands, which are just
    // counted.
    std::vector<Slot> slots;
    bool has_owners = false;
    int running = 0;                    // slots in use
    std::vector<TenantId> in_any_slot;  // whose requests run in slots that we do not know
    std::vector<std::shared_ptr<Waiter>> waiting;  // in order of arrival
    std::uint64_t uses = 0;
  };
  struct State {
    std::vector<std::pair<std::shared_ptr<engine::Engine>, Queue>> queues;
  };

  void give_back(const Seat& seat) override;
  static Queue& queue_of(State& state, const std::shared_ptr<engine::Engine>& engine);
  static std::optional<Seat> try_seat(Dispatcher& self, Queue& queue, const SeatRequest& request);
  static std::vector<int> take_best(Queue& queue, const SeatRequest& request);
  static void forget_caches(Queue& queue, std::uint64_t generation);
  static void mark_all(Queue& queue, TenantId tenant);
  static void release(Queue& queue, const Seat& seat);
  void leave(const std::shared_ptr<Waiter>& waiter);
  static void notify(const std::vector<std::shared_ptr<Waiter>>& granted);
  void grant_waiting(Queue& queue, std::vector<std::shared_ptr<Waiter>>& granted);

  Limits limits_;
  mutable Guarded<State> state_;
};

}  // namespace sovmesh::gateway
