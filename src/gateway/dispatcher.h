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

// The right to run one request on an engine: `slots` of its slots. Given back by the destructor.
class Seat {
 public:
  Seat() = default;
  Seat(Dispatcher& dispatcher, std::shared_ptr<engine::Engine> engine, std::vector<int> slots,
       bool fresh_cache)
      : dispatcher_(&dispatcher),
        engine_(std::move(engine)),
        slots_(std::move(slots)),
        fresh_cache_(fresh_cache) {}
  Seat(Seat&& other) noexcept
      : dispatcher_(std::exchange(other.dispatcher_, nullptr)),
        engine_(std::move(other.engine_)),
        slots_(std::move(other.slots_)),
        fresh_cache_(other.fresh_cache_) {}
  Seat& operator=(Seat&& other) noexcept {
    std::swap(dispatcher_, other.dispatcher_);
    std::swap(engine_, other.engine_);
    std::swap(slots_, other.slots_);
    std::swap(fresh_cache_, other.fresh_cache_);
    return *this;
  }
  ~Seat();

  engine::Engine& engine() const { return *engine_; }
  // The slot to name to an engine whose slots belong to tenants.
  int slot() const { return slots_.front(); }
  // The slot belonged to another tenant before: its cache must not be used.
  bool fresh_cache() const { return fresh_cache_; }

 private:
  friend class FifoDispatcher;
  Dispatcher* dispatcher_ = nullptr;
  std::shared_ptr<engine::Engine> engine_;
  std::vector<int> slots_;
  bool fresh_cache_ = false;
};

struct SeatRequest {
  std::shared_ptr<engine::Engine> engine;
  TenantId tenant;
  int slots = 1;
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
  virtual void give_back(const std::shared_ptr<engine::Engine>& engine,
                         const std::vector<int>& slots) = 0;
};

// First come, first served per engine, with a bounded number of waiting requests per tenant. Slots
// remember the tenant they last served: a tenant gets its own slot again when it is free (its
// prefix cache is there), and a slot that changes hands is marked for a fresh cache. Shared by all
// workers.
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
    bool busy = false;
    std::uint64_t last_used = 0;
  };
  struct Queue {  // of one engine
    std::uint64_t generation = 0;
    // Of an engine whose slots belong to tenants; others may have thousands, which are just
    // counted.
    std::vector<Slot> slots;
    bool has_owners = false;
    int running = 0;                               // slots in use
    std::vector<std::shared_ptr<Waiter>> waiting;  // in order of arrival
    std::uint64_t uses = 0;
  };
  struct State {
    std::vector<std::pair<std::shared_ptr<engine::Engine>, Queue>> queues;
  };

  void give_back(const std::shared_ptr<engine::Engine>& engine,
                 const std::vector<int>& slots) override;
  static Queue& queue_of(State& state, const std::shared_ptr<engine::Engine>& engine);
  static std::optional<Seat> try_seat(Dispatcher& self, Queue& queue, const SeatRequest& request);
  static std::vector<int> take_best(Queue& queue, const SeatRequest& request);
  static void release(Queue& queue, const std::vector<int>& slots);
  void leave(const std::shared_ptr<Waiter>& waiter);
  static void notify(const std::vector<std::shared_ptr<Waiter>>& granted);
  void grant_waiting(Queue& queue, std::vector<std::shared_ptr<Waiter>>& granted);

  Limits limits_;
  mutable Guarded<State> state_;
};

}  // namespace sovmesh::gateway
