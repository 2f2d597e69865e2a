#include "gateway/dispatcher.h"

#include <algorithm>

#include "gateway/dispatch_pool.h"

namespace sovmesh::gateway {

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
  hold_->pool->with([&](DispatchPool& pool) { pool.charge(*hold_, so_far, now); });
  hold_->noted = so_far;
  hold_->noted_at = now;
}

Dispatcher::Dispatcher(const Clock& clock, Random& random, Limits limits,
                       const std::vector<PoolSettings>& pools)
    : clock_(clock), limits_(std::move(limits)) {
  const auto make = [&](const PoolSettings& settings) {
    return std::make_shared<Guarded<DispatchPool>>(settings, limits_.waiting_per_tenant_max,
                                                   limits_.health, random.next_u64(), clock.now());
  };
  pools_.emplace("", make({}));
  for (const PoolSettings& settings : pools) {
    const Pool& pool = pools_.emplace(settings.name, make(settings)).first->second;
    for (const std::string& engine : settings.engines)
      of_engine_.emplace(engine, pool);
  }
}

Dispatcher::~Dispatcher() = default;

void Dispatcher::configure(const std::vector<PoolSettings>& pools) {
  for (const PoolSettings& settings : pools) {
    const auto known = pools_.find(settings.name);
    if (known == pools_.end()) continue;
    Woken woken;
    known->second->with([&](DispatchPool& pool) {
      pool.configure(settings.members, settings.capacity, clock_.now(), woken);
    });
    wake(woken);
  }
}

const Dispatcher::Pool& Dispatcher::pool_of(std::string_view engine) const {
  const auto named = of_engine_.find(engine);
  return named == of_engine_.end() ? pools_.begin()->second : named->second;
}

// All that there are, so that a new one costs a rebuilt tree once, not each time, and those that
// are gone leave it.
std::vector<std::string> Dispatcher::tenants_wanted(const std::string& tenant) const {
  std::vector<std::string> tenants;
  if (limits_.tenants) tenants = limits_.tenants();
  if (std::ranges::find(tenants, tenant) == tenants.end()) tenants.push_back(tenant);
  return tenants;
}

Result<bool> Dispatcher::enter(const std::shared_ptr<Waiter>& waiter) {
  Woken woken;
  std::vector<std::string> strangers;
  const std::string& tenant = waiter->request.tenant;
  const auto enter = [&](DispatchPool& pool) -> std::optional<Result<bool>> {
    if (!strangers.empty()) {
      pool.meet(strangers, limits_.tenants != nullptr, clock_.now());
    } else if (!pool.knows(tenant)) {
      return std::nullopt;
    }
    return pool.enter(waiter, clock_.now(), woken);
  };
  std::optional<Result<bool>> entered = waiter->pool->with(enter);
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
  hold.pool->with([&](DispatchPool& pool) { pool.give_back(hold, clock_.now(), woken); });
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

rt::Task<Result<Seat>> Dispatcher::seat(SeatRequest request, rt::Loop& loop, rt::Until until) {
  const Pool& pool = pool_of(request.engines.front()->name());
  std::erase_if(request.engines, [&](const auto& engine) {
    return std::max(engine->slots(), 1) < request.slots.slots || pool_of(engine->name()) != pool;
  });
  if (request.engines.empty()) {
    co_return client_error(Code::unsupported_value,
                           "The model cannot give that many choices at once.", "n");
  }
  const rt::Deadline limit = until.deadline.earlier(loop.in(limits_.wait_max));
  const auto waiter = std::make_shared<Waiter>(*this, pool, std::move(request), loop, limit.when());
  CO_TRY(const bool is_seated, enter(waiter));
  if (is_seated) co_return *std::exchange(waiter->seat, std::nullopt);
  const rt::Until end{limit, until.cancelled};
  co_return co_await wait(waiter, end);
}

rt::Task<Result<Seat>> Dispatcher::seat_again(Seat seat, SeatRequest request, rt::Loop& loop,
                                              rt::Until until) {
  const std::unique_ptr<Seat::Hold> hold = seat.release();
  std::erase_if(request.engines, [&](const auto& engine) {
    return std::max(engine->slots(), 1) < request.slots.slots ||
           pool_of(engine->name()) != hold->pool;
  });
  if (request.engines.empty()) request.engines.push_back(hold->engine);
  const auto waiter =
      std::make_shared<Waiter>(*this, hold->pool, std::move(request), loop, until.deadline.when());
  waiter->has_run = true;
  Woken woken;
  hold->pool->with([&](DispatchPool& pool) { pool.again(*hold, waiter, clock_.now(), woken); });
  wake(woken);
  co_return co_await wait(waiter, until);
}

rt::Task<Result<Seat>> Dispatcher::wait(std::shared_ptr<Waiter> waiter, rt::Until until) {
  const rt::Deadline limit = until.deadline;
  const Place place(*this, waiter);
  for (;;) {
    const Instant look =
        waiter->pool->with([&](DispatchPool& of) { return of.watch(*waiter, clock_.now()); });
    const rt::Until wait{limit.earlier(rt::Deadline::at(look)), until.cancelled};
    if (co_await waiter->woken.wait(wait) == rt::Wake::cancelled)
      co_return client_error(Code::cancelled, "cancelled while waiting for a slot");
    waiter->woken.clear();
    CO_TRY(std::optional<Seat> seat, look_again(*waiter, limit));
    if (seat) co_return *std::move(seat);
  }
}

// Its seat, if it has one by now.
Result<std::optional<Seat>> Dispatcher::look_again(Waiter& waiter, rt::Deadline limit) {
  Woken woken;
  Result<std::optional<Seat>> out =
      waiter.pool->with([&](DispatchPool& pool) -> Result<std::optional<Seat>> {
        const Instant now = clock_.now();
        if (!waiter.seat) pool.look(now, woken);
        if (waiter.seat) {
          waiter.tag = 0;  // it has left
          return std::exchange(waiter.seat, std::nullopt);
        }
        if (waiter.is_out || limit.passed(now)) return fail(pool.out_of_time(waiter, now));
        return std::nullopt;
      });
  wake(woken);
  return out;
}

std::optional<Seat> Dispatcher::spare_seat(const SeatRequest& request) {
  const Pool& pool = pool_of(request.engines.front()->name());
  auto hold = pool->with([&](DispatchPool& of) { return of.take_spare(request, clock_.now()); });
  if (!hold) return std::nullopt;
  hold->pool = pool;
  return Seat(*this, std::move(hold));
}

bool Dispatcher::is_wanted(const Seat& spare) const {
  return spare.hold_->pool->with(
      [&](const DispatchPool& pool) { return pool.is_waited_for(spare.engine()); });
}

Dispatcher::Load Dispatcher::load() const {
  Load load;
  for (const auto& [name, pool] : pools_) {
    const Load more = pool->with([](const DispatchPool& of) { return of.load(); });
    load.running += more.running;
    load.waiting += more.waiting;
    for (std::size_t i = 0; i < load.waiting_by_class.size(); ++i)
      load.waiting_by_class[i] += more.waiting_by_class[i];
  }
  return load;
}

std::vector<Dispatcher::PoolView> Dispatcher::pools() const {
  std::vector<PoolView> views;
  for (const auto& [name, pool] : pools_)
    views.push_back(
        {.name = name, .report = pool->with([](const DispatchPool& of) { return of.report(); })});
  return views;
}

std::vector<Dispatcher::History> Dispatcher::history() const {
  std::vector<History> all;
  for (const auto& [name, pool] : pools_)
    all.push_back({.pool = name, .rows = pool->with([&](const DispatchPool& of) {
                     return of.history(clock_.now());
                   })});
  return all;
}

void Dispatcher::restore(const std::vector<History>& history, std::chrono::seconds age) {
  const std::vector<std::string> tenants =
      limits_.tenants ? limits_.tenants() : std::vector<std::string>();
  for (const History& one : history) {
    const auto pool = pools_.find(one.pool);
    if (pool == pools_.end()) continue;
    pool->second->with([&](DispatchPool& of) {
      const Instant now = clock_.now();
      of.meet(tenants, limits_.tenants != nullptr, now);
      of.restore(one.rows, age, now);
    });
  }
}

}  // namespace sovmesh::gateway
