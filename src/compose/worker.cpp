#include "compose/worker.h"

#include <algorithm>

namespace sovmesh::compose {
namespace {

constexpr std::size_t kTasksMax = 256;
constexpr std::size_t kServersMax = 64;
// A page of metrics that is being read when everything else has ended.
constexpr std::chrono::milliseconds kLastPage{1'000};

}  // namespace

Worker::Worker(rt::RealWorker machine, const http::ClientLimits& upstream)
    : machine_(std::move(machine)),
      upstream_(*machine_.loop, *machine_.network, *machine_.resolver, upstream),
      tasks_(*machine_.loop, kTasksMax),
      serving_(*machine_.loop, kServersMax),
      stop_(*machine_.loop) {}

Worker::~Worker() = default;

Result<rt::Endpoint> Worker::add_listener(ListenerPlan plan, rt::Fd socket) {
  rt::ListenOptions options;
  options.reuse_port = plan.reuse_port;
  TRY(std::unique_ptr<rt::Listener> listener,
      socket.valid() ? rt::adopt_listener(machine_, std::move(socket), plan.endpoint)
                     : machine_.network->listen(plan.endpoint, options));
  if (plan.shared != nullptr) {
    TRY(rt::SharedListener shared, rt::share_listener(*listener));
    plan.shared->push_back(std::move(shared));
  }
  rt::Endpoint local = listener->local();
  auto& servers = plan.outlives_drain ? watchers_ : servers_;
  servers.push_back(std::make_unique<http::Server>(loop(), std::move(listener), *plan.handler,
                                                   std::move(plan.options)));
  if (plan.can_wait) can_wait_.push_back(servers.back().get());
  return local;
}

void Worker::relieve(bool closes, bool accepts) {
  loop().post([this, closes, accepts] {
    for (http::Server* server : can_wait_)
      server->relieve(closes, accepts);
  });
}

rt::Task<void> Worker::measure_lag() {
  gateway::LagMeter meter;
  for (;;) {
    const Instant due = loop().clock().now() + gateway::LagMeter::kEvery;
    if (!co_await rt::sleep(loop(), {rt::Deadline::at(due), &tasks_.cancelled()})) co_return;
    meter.note(std::max<std::chrono::nanoseconds>(loop().clock().now() - due, {}));
    lag_ns_.store(meter.p99().count(), std::memory_order_relaxed);
  }
}

void Worker::run() {
  rt::TaskGroup root(loop(), 1);
  root.spawn(main());
  rt::run(machine_);
}

void Worker::begin_stop(const StopTimes& times) {
  loop().post([this, times] {
    accept_until_ = accept_until_.earlier(times.accept_until);
    cut_off_at_ = cut_off_at_.earlier(times.cut_off);
    deadline_ = deadline_.earlier(times.deadline);
    stop_.set();
  });
}

rt::Task<void> Worker::main() {
  for (auto* servers : {&servers_, &watchers_}) {
    for (auto& server : *servers)
      serving_.spawn(server->run());
  }
  tasks_.spawn(measure_lag());
  co_await stop_.wait({rt::Deadline::never(), nullptr});
  co_await drain_all();
  if (last_) co_await last_();
  co_await end_watchers();
  tasks_.cancel();
  co_await tasks_.join({loop().in(std::chrono::seconds(30)), nullptr});
  co_await serving_.join({loop().in(std::chrono::seconds(5)), nullptr});
  upstream_.close_idle();
  loop().stop();
}

// Keeps accepting for a while, so that whoever routes to us notices; then lets requests end. The
// deadlines may come closer meanwhile (a second signal).
rt::Task<void> Worker::drain_all() {
  rt::Event never(loop());
  while (!accept_until_.passed(loop().now())) {
    const rt::Deadline step = loop().in(std::chrono::milliseconds(100));
    co_await never.wait({step.earlier(accept_until_), nullptr});
  }
  for (auto& server : servers_) {
    server->stop_accepting();
    server->begin_drain();
  }
  if (last_accept_) last_accept_();
  const auto busy = [this] {
    for (const auto& server : servers_) {
      if (server->counters().open > 0) return true;
    }
    return false;
  };
  while (busy() && !cut_off_at_.passed(loop().now())) {
    co_await never.wait({loop().in(std::chrono::milliseconds(50)), nullptr});
  }
  for (const auto& action : cut_off_)
    action();
  for (auto& server : servers_)
    co_await server->drain(deadline_);
}

rt::Task<void> Worker::end_watchers() {
  const rt::Deadline end = loop().in(kLastPage);
  for (auto& server : watchers_)
    co_await server->drain(end);
}

}  // namespace sovmesh::compose
