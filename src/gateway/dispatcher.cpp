#include "gateway/dispatcher.h"

#include <algorithm>

#include "gateway/dispatch_pool.h"
#include "gateway/dispatch_queues.h"

namespace sovmesh::gateway {

namespace {

// Engines that never have as many slots.
void erase_small(SeatRequest& request) {
  std::erase_if(request.engines, [&](const auto& engine) {
    return std::max(engine->slots(), 1) < request.slots.slots;
  });
}

Error out_of_service() {
  return Error(Code::no_healthy_backend, Blame::upstream,
               "no engine of this model can answer now (stopped)")
      .with_retry_after(std::chrono::seconds(1));
}

}  // namespace

bool are_out_of_service(const std::vector<std::shared_ptr<engine::Engine>>& engines) {
  return std::ranges::all_of(engines,
                             [](const auto& engine) { return engine->is_out_of_service(); });
}

// A waiter's membership of its queue. It leaves whichever way its coroutine ends, also when its
// frame is destroyed at shutdown.
class Dispatcher::Place {
 public:
  Place(Dispatcher& dispatcher, std::shared_ptr<Waiter> waiter)
      : dispatcher_(dispatcher), waiter_(std::move(waiter)) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { dispatcher_.leave(*waiter_); }

 private:
  Dispatcher& dispatcher_;
  std::shared_ptr<Waiter> waiter_;
};

Seat::~Seat() {
  if (dispatcher_ != nullptr) dispatcher_->give_back(*hold_);
}

bool Seat::give_way() const { return hold_ && dispatcher_->give_way(*hold_); }

void Seat::set_leeway(fairness::Leeway leeway) {
  if (hold_ && !hold_->gave_way && hold_->leeway != leeway) dispatcher_->set_leeway(*hold_, leeway);
}

void Seat::charge(std::int64_t so_far, Instant now) {
  hold_->pool->with([&](DispatchPool& pool) {
    pool.charge(*hold_, so_far, now);
    hold_->noted = so_far;  // others look at it when they want places back
  });
  hold_->noted_at = now;
}

Dispatcher::Dispatcher(const Clock& clock, Random& random, Limits limits,
                       const std::vector<PoolSettings>& pools)
    : clock_(clock), limits_(std::move(limits)) {
  const auto make = [this](const PoolSettings& settings, std::uint64_t seed) {
    return std::make_shared<Guarded<DispatchPool>>(settings, limits_.waiting_per_tenant_max,
                                                   limits_.health, seed, clock_.now());
  };
  queues_ =
      std::make_unique<DispatchQueues>(pools, make, clock_, limits_.directory, random.next_u64());
}

Dispatcher::~Dispatcher() = default;

void Dispatcher::configure(const std::vector<PoolSettings>& pools) {
  for (const PoolSettings& settings : pools)
    queues_->configure(settings);
}

// All that there are, so that a new one costs a rebuilt tree once, not each time, and those that
// are gone leave it.
std::vector<std::string> Dispatcher::tenants_wanted(const std::string& tenant) const {
  std::vector<std::string> tenants;
  if (limits_.tenants) tenants = limits_.tenants();
  if (std::ranges::find(tenants, tenant) == tenants.end()) tenants.push_back(tenant);
  return tenants;
}

Result<Dispatcher::Entry> Dispatcher::enter(const std::shared_ptr<Waiter>& waiter,
                                            std::uint64_t version) {
  Woken woken;
  std::vector<std::string> strangers;
  const std::string& tenant = waiter->request.tenant;
  const auto enter = [&](DispatchPool& pool) -> std::optional<Result<Entry>> {
    if (!pool.is_of(version)) return Entry::moved;
    // Under the lock: engines_changed() finds it here, or it sees what that was called for.
    if (are_out_of_service(waiter->request.engines)) return Entry::moved;
    if (!strangers.empty()) {
      pool.meet(strangers, limits_.tenants != nullptr, clock_.now());
    } else if (!pool.knows(tenant)) {
      return std::nullopt;
    }
    Result<bool> entered = pool.enter(waiter, clock_.now(), woken);
    if (!entered) return fail(std::move(entered).error());
    return *entered ? Entry::seated : Entry::waits;
  };
  std::optional<Result<Entry>> entered = waiter->pool->with(enter);
  if (!entered) {
    strangers = tenants_wanted(tenant);
    entered = waiter->pool->with(enter);
  }
  wake(woken);
  return *std::move(entered);
}

void Dispatcher::leave(Waiter& waiter) {
  Woken woken;
  // A seat that came meanwhile goes back by its destructor, outside the lock.
  const std::optional<Seat> late = waiter.pool->with(
      [&](DispatchPool& pool) { return pool.leave(waiter, clock_.now(), woken); });
  wake(woken);
}

void Dispatcher::give_back(Seat::Hold& hold) {
  Woken woken;
  bool is_free = hold.pool->with(
      [&](DispatchPool& pool) { return pool.give_back(hold, clock_.now(), woken); });
  while (!is_free) {  // its engine may go on from queue to queue
    const Pool now_there = queues_->find(hold.engine->name()).pool;
    is_free = now_there->with(
        [&](DispatchPool& pool) { return pool.free_moved(hold, clock_.now(), woken); });
  }
  wake(woken);
}

bool Dispatcher::give_way(Seat::Hold& hold) {
  Woken woken;
  hold.pool->with([&](DispatchPool& pool) { pool.give_way(hold, clock_.now(), woken); });
  wake(woken);
  return hold.gave_way;
}

void Dispatcher::set_leeway(Seat::Hold& hold, fairness::Leeway leeway) {
  Woken woken;
  hold.pool->with([&](DispatchPool& pool) { pool.set_leeway(hold, leeway, clock_.now(), woken); });
  wake(woken);
}

void Dispatcher::wake(const Woken& woken) {
  for (const auto& waiter : woken)
    waiter->loop.post([waiter] { waiter->woken.set(); });
}

rt::Task<Result<Seat>> Dispatcher::seat(SeatRequest request, rt::Loop& loop, rt::Until until,
                                        bool has_waited) {
  erase_small(request);
  if (request.engines.empty()) {
    co_return client_error(Code::unsupported_value,
                           "The model cannot give that many choices at once.", "n");
  }
  const rt::Deadline limit = until.deadline.earlier(loop.in(limits_.wait_max));
  const rt::Until end{limit, until.cancelled};
  for (;;) {
    const auto in_service = std::ranges::find_if(
        request.engines, [](const auto& engine) { return !engine->is_out_of_service(); });
    if (in_service == request.engines.end()) co_return fail(out_of_service());
    std::iter_swap(request.engines.begin(), in_service);  // its queue is the one to wait in
    DispatchQueues::Engines others;
    const DispatchQueues::Found found = queues_->find(request.engines, others);
    const auto waiter =
        std::make_shared<Waiter>(*this, found.pool, std::move(request), loop, limit.when());
    waiter->has_waited = has_waited;
    CO_TRY(const Entry entry, enter(waiter, found.version));
    if (entry == Entry::seated) co_return *std::exchange(waiter->seat, std::nullopt);
    if (entry == Entry::waits) {
      CO_TRY(std::optional<Seat> seat, co_await wait(waiter, end));
      if (seat) co_return *std::move(seat);
      has_waited = true;
    }
    request = std::move(waiter->request);
    request.engines.insert(request.engines.end(), others.begin(), others.end());
  }
}

rt::Task<Result<Seat>> Dispatcher::seat_again(Seat seat, SeatRequest request, rt::Loop& loop,
                                              rt::Until until) {
  const std::unique_ptr<Seat::Hold> hold = seat.release();
  SeatRequest wanted = request;
  erase_small(wanted);
  if (wanted.engines.empty()) wanted.engines.push_back(hold->engine);
  DispatchQueues::Engines others;
  const DispatchQueues::Found found = queues_->find(wanted.engines, others);
  const auto waiter =
      std::make_shared<Waiter>(*this, hold->pool, std::move(wanted), loop, until.deadline.when());
  waiter->has_run = true;
  Woken woken;
  const bool waits = hold->pool->with([&](DispatchPool& pool) {
    const bool is_here = found.pool == hold->pool && pool.is_of(found.version) &&
                         !are_out_of_service(waiter->request.engines);
    if (is_here) pool.again(*hold, waiter, clock_.now(), woken);
    return is_here;
  });
  wake(woken);
  if (waits) {
    CO_TRY(std::optional<Seat> again, co_await wait(waiter, until));
    if (again) co_return *std::move(again);
  } else {
    give_back(*hold);
  }
  // Its engines are in another queue, where it has no old place, or in none that serves it.
  co_return co_await this->seat(std::move(request), loop, until, true);
}

rt::Task<Result<std::optional<Seat>>> Dispatcher::wait(std::shared_ptr<Waiter> waiter,
                                                       rt::Until until) {
  const rt::Deadline limit = until.deadline;
  const Place place(*this, waiter);
  for (;;) {
    const Instant look =
        waiter->pool->with([&](DispatchPool& of) { return of.watch(*waiter, clock_.now()); });
    const rt::Until wait{limit.earlier(rt::Deadline::at(look)), until.cancelled};
    if (co_await waiter->woken.wait(wait) == rt::Wake::cancelled)
      co_return client_error(Code::cancelled, "cancelled while waiting for a slot");
    waiter->woken.clear();
    CO_TRY(Look now, look_again(*waiter, limit));
    if (now.is != Entry::waits) co_return std::move(now.seat);
  }
}

// Its seat, if it has one by now.
Result<Dispatcher::Look> Dispatcher::look_again(Waiter& waiter, rt::Deadline limit) {
  Woken woken;
  Result<Look> out = waiter.pool->with([&](DispatchPool& pool) -> Result<Look> {
    const Instant now = clock_.now();
    if (!waiter.seat) pool.look(now, woken);
    if (waiter.seat) {
      waiter.tag = 0;  // it has left
      return Look{.is = Entry::seated, .seat = std::exchange(waiter.seat, std::nullopt)};
    }
    if (waiter.has_moved) return Look{.is = Entry::moved};
    if (waiter.is_out || limit.passed(now)) return fail(pool.out_of_time(waiter, now));
    return Look{};
  });
  wake(woken);
  return out;
}

void Dispatcher::engines_changed() {
  for (const DispatchQueues::Named& each : queues_->all()) {
    Woken woken;
    each.queue->with([&](DispatchPool& pool) { pool.look_at_service(clock_.now(), woken); });
    wake(woken);
  }
}

std::optional<Seat> Dispatcher::spare_seat(const SeatRequest& request) {
  DispatchQueues::Engines mine = request.engines;
  DispatchQueues::Engines others;
  const DispatchQueues::Found found = queues_->find(mine, others);
  if (!others.empty()) return std::nullopt;
  auto hold = found.pool->with([&](DispatchPool& pool) {
    return pool.is_of(found.version) ? pool.take_spare(request, clock_.now()) : nullptr;
  });
  if (!hold) return std::nullopt;
  hold->pool = found.pool;
  return Seat(*this, std::move(hold));
}

bool Dispatcher::is_wanted(const Seat& spare) const {
  const Pool queue = queues_->find(spare.engine().name()).pool;
  return queue->with([&](const DispatchPool& pool) { return pool.is_waited_for(spare.engine()); });
}

std::size_t Dispatcher::in_use(const engine::Engine& engine) const {
  const Pool queue = queues_->find(engine.name()).pool;
  return queue->with([&](const DispatchPool& pool) { return pool.in_use(engine); });
}

Dispatcher::Load Dispatcher::load() const {
  Load load;
  for (const DispatchQueues::Named& each : queues_->all()) {
    const Load more = each.queue->with([](const DispatchPool& of) { return of.load(); });
    load.running += more.running;
    load.waiting += more.waiting;
    for (std::size_t i = 0; i < load.waiting_by_class.size(); ++i)
      load.waiting_by_class[i] += more.waiting_by_class[i];
  }
  return load;
}

std::vector<Dispatcher::PoolView> Dispatcher::pools() const {
  std::vector<PoolView> views;
  for (const DispatchQueues::Named& each : queues_->all()) {
    fairness::PoolReport report =
        each.queue->with([](const DispatchPool& of) { return of.report(); });
    if (views.empty() || !each.pool.empty())
      views.push_back({.name = each.pool, .report = std::move(report)});
    else
      views.front().report.add(report);
  }
  return views;
}

std::vector<Dispatcher::History> Dispatcher::history() const {
  std::vector<History> all;
  for (const DispatchQueues::Named& each : queues_->all()) {
    if (each.is_retired) continue;
    all.push_back({.pool = each.pool,
                   .engine = each.engine,
                   .rows = each.queue->with(
                       [&](const DispatchPool& of) { return of.history(clock_.now()); })});
  }
  return all;
}

void Dispatcher::restore(const std::vector<History>& history, std::chrono::seconds age) {
  const std::vector<std::string> tenants =
      limits_.tenants ? limits_.tenants() : std::vector<std::string>();
  for (const History& one : history) {
    const Pool queue = queues_->queue_of(one.pool, one.engine);
    if (one.rows.empty() || !queue) continue;
    queue->with([&](DispatchPool& of) {
      const Instant now = clock_.now();
      of.meet(tenants, limits_.tenants != nullptr, now);
      of.restore(one.rows, age, now);
    });
  }
}

}  // namespace sovmesh::gateway
