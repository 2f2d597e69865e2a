#include "gateway/dispatcher.h"

#include <algorithm>
#include <cassert>

namespace sovmesh::gateway {

// One request in a queue. `loop` and `granted` belong to the waiting worker; `seat` is filled under
// the dispatcher's lock, before `granted` is set from the worker's own loop.
struct FifoDispatcher::Waiter {
  Waiter(SeatRequest r, rt::Loop& l) : request(std::move(r)), loop(l), granted(l) {}
  SeatRequest request;
  rt::Loop& loop;
  rt::Event granted;
  std::optional<Seat> seat;
};

// A waiter's membership of its queue.
class FifoDispatcher::Place {
 public:
  Place(FifoDispatcher& dispatcher, std::shared_ptr<Waiter> waiter)
      : dispatcher_(dispatcher), waiter_(std::move(waiter)) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { dispatcher_.leave(waiter_); }

 private:
  FifoDispatcher& dispatcher_;
  std::shared_ptr<Waiter> waiter_;
};

Seat::~Seat() {
  if (dispatcher_ != nullptr) dispatcher_->give_back(*this);
}

FifoDispatcher::~FifoDispatcher() = default;

FifoDispatcher::Queue& FifoDispatcher::queue_of(State& state,
                                                const std::shared_ptr<engine::Engine>& engine) {
  auto it = std::ranges::find(state.queues, engine,
                              &std::pair<std::shared_ptr<engine::Engine>, Queue>::first);
  if (it == state.queues.end()) {
    // Engines that were replaced leave their queue behind until nothing refers to it any more.
    std::erase_if(state.queues, [](const auto& entry) {
      return entry.first.use_count() == 1 && entry.second.waiting.empty();
    });
    it = state.queues.emplace(state.queues.end(), engine, Queue{});
    Queue& made = it->second;
    made.generation = engine->generation();
    made.has_owners = engine->capabilities().tenant_slots;
    if (made.has_owners) made.slots.resize(static_cast<std::size_t>(std::max(engine->slots(), 1)));
  }
  Queue& queue = it->second;
  if (queue.generation != engine->generation()) forget_caches(queue, engine->generation());
  return queue;
}

// After a restart every cache is gone. Seats that are out stay: their requests may run only now.
void FifoDispatcher::forget_caches(Queue& queue, std::uint64_t generation) {
  queue.generation = generation;
  for (Slot& slot : queue.slots) {
    if (!slot.busy) slot.owner.reset();
    slot.has_foreign = false;
  }
  for (const TenantId tenant : queue.in_any_slot)
    mark_all(queue, tenant);
}

// Text of `tenant` may be in any slot.
void FifoDispatcher::mark_all(Queue& queue, TenantId tenant) {
  for (Slot& slot : queue.slots) {
    if (slot.owner && slot.owner != tenant) slot.has_foreign = true;
    if (!slot.owner) slot.owner = tenant;
  }
}

std::optional<Seat> FifoDispatcher::try_seat(Dispatcher& self, Queue& queue,
                                             const SeatRequest& request) {
  if (request.slots > std::max(request.engine->slots(), 1) - queue.running) return std::nullopt;
  queue.running += request.slots;
  if (!queue.has_owners) {
    return Seat(self, request, {}, false);
  }
  std::vector<int> chosen = take_best(queue, request);
  bool fresh = false;
  for (const int index : chosen) {
    Slot& slot = queue.slots[static_cast<std::size_t>(index)];
    slot.busy = true;
    if (request.in_any_slot) continue;
    if (slot.owner && slot.owner != request.tenant) slot.has_foreign = true;
    slot.owner = request.tenant;
    slot.last_used = ++queue.uses;
    fresh = fresh || slot.has_foreign;
  }
  if (request.in_any_slot) {
    queue.in_any_slot.push_back(request.tenant);
    mark_all(queue, request.tenant);
  }
  return Seat(self, request, std::move(chosen), fresh);
}

// Own slots first (their cache helps), then unowned ones, then the one idle the longest.
std::vector<int> FifoDispatcher::take_best(Queue& queue, const SeatRequest& request) {
  const auto rank = [&](int index) {
    const Slot& slot = queue.slots[static_cast<std::size_t>(index)];
    const int kind = slot.owner == request.tenant ? 0 : slot.owner ? 2 : 1;
    return std::pair(kind, slot.last_used);
  };
  std::vector<int> free;
  for (std::size_t i = 0; i < queue.slots.size(); ++i)
    if (!queue.slots[i].busy) free.push_back(static_cast<int>(i));
  const auto end = free.begin() + request.slots;
  std::ranges::partial_sort(free, end, {}, rank);
  free.erase(end, free.end());
  return free;
}

void FifoDispatcher::release(Queue& queue, const Seat& seat) {
  const SeatRequest& request = seat.request_;
  queue.running -= request.slots;
  if (!queue.has_owners) return;
  for (const int index : seat.slots_)
    queue.slots[static_cast<std::size_t>(index)].busy = false;
  if (request.in_any_slot) {
    queue.in_any_slot.erase(std::ranges::find(queue.in_any_slot, request.tenant));
    return;
  }
  const auto is_other = [&](TenantId tenant) { return tenant != request.tenant; };
  if (!seat.has_own_cache_ || std::ranges::any_of(queue.in_any_slot, is_other)) return;
  for (const int index : seat.slots_)
    queue.slots[static_cast<std::size_t>(index)].has_foreign = false;
}

void FifoDispatcher::grant_waiting(Queue& queue, std::vector<std::shared_ptr<Waiter>>& granted) {
  while (!queue.waiting.empty()) {
    const std::shared_ptr<Waiter> head = queue.waiting.front();
    auto seat = try_seat(*this, queue, head->request);
    if (!seat) return;
    head->seat = std::move(seat);
    queue.waiting.erase(queue.waiting.begin());
    granted.push_back(head);
  }
}

void FifoDispatcher::give_back(const Seat& seat) {
  std::vector<std::shared_ptr<Waiter>> granted;
  state_.with([&](State& state) {
    Queue& queue = queue_of(state, seat.request_.engine);
    release(queue, seat);
    grant_waiting(queue, granted);
  });
  notify(granted);
}

void FifoDispatcher::notify(const std::vector<std::shared_ptr<Waiter>>& granted) {
  for (const auto& waiter : granted) {
    waiter->loop.post([waiter] { waiter->granted.set(); });
  }
}

rt::Task<Result<Seat>> FifoDispatcher::seat(SeatRequest request, rt::Loop& loop, rt::Until until) {
  if (request.slots > request.engine->slots()) {
    co_return client_error(Code::unsupported_value,
                           "The model cannot give that many choices at once.", "n");
  }
  std::shared_ptr<Waiter> waiter;
  bool full = false;
  std::optional<Seat> seat = state_.with([&](State& state) -> std::optional<Seat> {
    Queue& queue = queue_of(state, request.engine);
    if (queue.waiting.empty()) {
      if (auto now = try_seat(*this, queue, request)) return now;
    }
    const auto waits = std::ranges::count_if(
        queue.waiting, [&](const auto& other) { return other->request.tenant == request.tenant; });
    full = static_cast<std::size_t>(waits) >= limits_.waiting_per_tenant_max;
    if (!full) queue.waiting.push_back(waiter = std::make_shared<Waiter>(std::move(request), loop));
    return std::nullopt;
  });
  if (seat) co_return std::move(*seat);
  const auto queue_full = [] {
    return Error(Code::queue_full, Blame::us,
                 "Too many requests are waiting for this model. Please try again later.")
        .with_retry_after(std::chrono::seconds(1));
  };
  if (full) co_return fail(queue_full());

  // Leaves the queue whichever way this coroutine ends, also when its frame is destroyed at
  // shutdown.
  const Place place(*this, waiter);
  const rt::Deadline limit = until.deadline.earlier(loop.in(limits_.wait_max));
  const rt::Until wait{limit, until.cancelled};
  const rt::Wake wake = co_await waiter->granted.wait(wait);
  if (wake == rt::Wake::ready) co_return std::move(*waiter->seat);
  if (wake == rt::Wake::cancelled) {
    co_return client_error(Code::cancelled, "cancelled while waiting for a slot");
  }
  co_return fail(queue_full());
}

void FifoDispatcher::leave(const std::shared_ptr<Waiter>& waiter) {
  // A seat granted meanwhile goes back by its destructor, outside the lock.
  std::optional<Seat> late;
  std::vector<std::shared_ptr<Waiter>> granted;
  state_.with([&](State& state) {
    Queue& queue = queue_of(state, waiter->request.engine);
    if (std::erase(queue.waiting, waiter) == 0) {
      late.swap(waiter->seat);
    } else {
      grant_waiting(queue, granted);  // a head that needed many slots may have been in the way
    }
  });
  notify(granted);
}

FifoDispatcher::Load FifoDispatcher::load() const {
  return state_.with([](const State& state) {
    Load load;
    for (const auto& [engine, queue] : state.queues) {
      load.waiting += queue.waiting.size();
      load.running += static_cast<std::size_t>(queue.running);
    }
    return load;
  });
}

}  // namespace sovmesh::gateway
