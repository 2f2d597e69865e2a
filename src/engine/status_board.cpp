#include "engine/status_board.h"

#include <utility>

namespace sovmesh::engine {
namespace {

constexpr std::chrono::milliseconds kRetryAfter{1'000};
constexpr std::string_view kByAdministrator = "stopped by an administrator";

}  // namespace

std::string_view name(State state) {
  switch (state) {
    case State::stopped:
      return "stopped";
    case State::starting:
      return "starting";
    case State::ready:
      return "ready";
    case State::unhealthy:
      return "unhealthy";
    case State::backing_off:
      return "backing_off";
    case State::draining:
      return "draining";
  }
  return "unknown";
}

StatusBoard::StatusBoard(const Clock& clock) : clock_(clock) {
  shared_.with([&clock](Shared& shared) { shared.since = clock.wall_now(); });
}

bool StatusBoard::begin_start() {
  const WallTime now = clock_.wall_now();
  return shared_.with([now](Shared& shared) {
    if (shared.is_out || shared.change.state != State::stopped) return false;
    shared.change = {.state = State::starting, .reason = "starting"};
    shared.since = now;
    return true;
  });
}

// Where there is a process its end is waited for.
State StatusBoard::shown(const Shared& shared) {
  if (!shared.is_out) return shared.change.state;
  return shared.change.pid ? State::draining : State::stopped;
}

void StatusBoard::set(Change change) {
  alter([&change](Shared& shared) { shared.change = std::move(change); });
}

void StatusBoard::set_out_of_service(bool is_out) {
  alter([is_out](Shared& shared) { shared.is_out = is_out; });
}

template <class F>
void StatusBoard::alter(F&& change) {
  const WallTime now = clock_.wall_now();
  const auto waiters = shared_.with([&](Shared& shared) {
    const State before = shown(shared);
    change(shared);
    const State after = shown(shared);
    if (before != after) shared.since = now;
    ready_.store(after == State::ready, std::memory_order_release);
    is_out_.store(shared.is_out, std::memory_order_release);
    return std::exchange(shared.waiters, {});
  });
  for (const std::shared_ptr<Waiter>& waiter : waiters)
    waiter->loop.post([waiter] { waiter->changed.set(); });
}

void StatusBoard::count_start() {
  shared_.with([this](Shared& shared) {
    generation_.fetch_add(1, std::memory_order_release);
    ++shared.starts;
  });
}

Status StatusBoard::status() const {
  return shared_.with([](const Shared& shared) {
    Status status;
    status.state = shown(shared);
    status.reason = shared.is_out ? kByAdministrator : shared.change.reason;
    status.pid = shared.change.pid;
    status.restarts = shared.starts > 0 ? shared.starts - 1 : 0;
    status.since = shared.since;
    status.is_out_of_service = shared.is_out;
    return status;
  });
}

State StatusBoard::own_state() const {
  return shared_.with([](const Shared& shared) { return shared.change.state; });
}

std::optional<Result<void>> StatusBoard::verdict(const Shared& shared) {
  if (shown(shared) == State::ready) return Result<void>();
  if (shared.is_out || shared.change.hopeless) return fail(not_ready(shared));
  return std::nullopt;
}

Error StatusBoard::not_ready(const Shared& shared) {
  const Change& change = shared.change;
  const State state = shown(shared);
  const bool loading = state == State::starting && !change.hopeless;
  Error error(loading ? Code::model_loading : Code::no_healthy_backend, Blame::upstream,
              loading
                  ? "the model is being loaded"
                  : "no engine of this model can answer now (" + std::string(name(state)) + ")");
  return std::move(error).with_retry_after(change.retry_after.value_or(kRetryAfter));
}

rt::Task<Result<void>> StatusBoard::wait_ready(rt::Loop& loop, rt::Until until) {
  for (;;) {
    std::shared_ptr<Waiter> waiter;
    std::optional<Result<void>> now = shared_.with([&](Shared& shared) {
      std::optional<Result<void>> decided = verdict(shared);
      if (!decided) {
        waiter = std::make_shared<Waiter>(loop);
        shared.waiters.push_back(waiter);
      }
      return decided;
    });
    if (now) co_return *std::move(now);
    const rt::Wake wake = co_await waiter->changed.wait(until);
    if (wake == rt::Wake::ready) continue;
    Error last = shared_.with([&](Shared& shared) {
      std::erase(shared.waiters, waiter);
      return not_ready(shared);
    });
    if (wake == rt::Wake::cancelled)
      co_return our_error(Code::cancelled, "waiting for an engine was cancelled");
    co_return fail(std::move(last));
  }
}

}  // namespace sovmesh::engine
