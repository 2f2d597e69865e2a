// Several workers at one dispatcher, for the sanitizers.

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "gateway/dispatcher.h"
#include "gateway/engine_health.h"
#include "rt/epoll_loop.h"
#include "rt/task_group.h"
#include "tests/support/fake_engine.h"
#include "tests/support/seeded_random.h"

namespace sovmesh::gateway {
namespace {

using namespace std::chrono_literals;

// Each look at it moves it on: time passes with what is done, on any thread.
class TickingClock final : public Clock {
 public:
  Instant now() const override { return Instant(std::chrono::microseconds(ticks_.fetch_add(1))); }
  WallTime wall_now() const override { return WallTime{}; }

 private:
  mutable std::atomic<std::int64_t> ticks_{0};
};

class NoSink : public observe::LogSink {
 public:
  void write(std::string&&) override {}
  std::uint64_t dropped() const override { return 0; }
};

struct Shared {
  TickingClock clock;
  SeededRandom random{7};
  NoSink sink;
  observe::Log log{sink, clock, observe::Level::error};
  EngineHealth health{clock, random, log};
  std::vector<std::shared_ptr<engine::Engine>> engines = {std::make_shared<FakeEngine>("a", 2),
                                                          std::make_shared<FakeEngine>("b", 3),
                                                          std::make_shared<FakeEngine>("c", 1)};
  std::array<std::atomic<int>, 3> running{};
  std::array<int, 3> slots{2, 3, 1};
  std::atomic<int> seated{0}, refused{0}, cancelled{0};
  Dispatcher dispatcher{
      clock, random, {.waiting_per_tenant_max = 8, .wait_max = 50ms, .health = &health}};

  std::size_t index_of(const engine::Engine& engine) const {
    for (std::size_t i = 0; i < engines.size(); ++i)
      if (engines[i].get() == &engine) return i;
    ADD_FAILURE() << "a stranger";
    return 0;
  }
};

SeatRequest random_request(const Shared& shared, std::mt19937& random) {
  const auto tenant = static_cast<unsigned char>(random() % 6);
  std::array<unsigned char, 16> id{};
  id[15] = tenant;
  SeatRequest request{.engines = {},
                      .slots = {.tenant = TenantId{Ulid::from_bytes(id)}},
                      .tenant = "t" + std::to_string(tenant),
                      .user = random() % 3,
                      .priority = fairness::kAllClasses[random() % fairness::kClasses],
                      .input_tokens = static_cast<std::int64_t>(random() % 100),
                      .output_max = 100,
                      .output_expected = 10};
  for (const auto& engine : shared.engines)
    if (random() % 2 == 0) request.engines.push_back(engine);
  if (request.engines.empty()) request.engines.push_back(shared.engines[random() % 3]);
  if (request.engines.front() != shared.engines[2] && random() % 4 == 0) request.slots.slots = 2;
  return request;
}

// A request that may be given up while it waits, while it is given its seat, or not at all.
rt::Task<void> one(Shared& shared, rt::Loop& loop, std::mt19937& random) {
  const auto gone = std::make_shared<rt::Event>(loop);
  const SeatRequest request = random_request(shared, random);
  const int slots = request.slots.slots;
  const rt::Until until{loop.in(std::chrono::milliseconds(random() % 20)), gone.get()};
  if (random() % 3 == 0) loop.post([gone] { gone->set(); });
  Result<Seat> seat = co_await shared.dispatcher.seat(request, loop, until);
  if (!seat) {
    const bool is_cancelled = seat.error().code() == Code::cancelled;
    ++(is_cancelled ? shared.cancelled : shared.refused);
    co_return;
  }
  ++shared.seated;
  const std::size_t at = shared.index_of(seat->engine());
  EXPECT_LE(shared.running[at].fetch_add(slots) + slots, shared.slots[at]);
  Attempts attempts(shared.health, request.slots.tenant, Digest());
  attempts.begin(request.engines, seat->engine());
  for (int tokens = 1; tokens < 80; tokens += 40) {
    const rt::Until nap{loop.in(0ms), nullptr};
    co_await rt::sleep(loop, nap);
    seat->note_tokens(tokens, loop.now());
  }
  if (random() % 8 != 0) attempts.succeeded(1ms, 10);
  seat->note_usage({.input_tokens = 10, .output_tokens = 80});
  shared.running[at] -= slots;
}

rt::Task<void> many(Shared& shared, rt::EpollLoop& loop, unsigned seed, int count, int& left) {
  std::mt19937 random(seed);
  for (int i = 0; i < count; ++i)
    co_await one(shared, loop, random);
  if (--left == 0) loop.stop();
}

void work(Shared& shared, rt::EpollLoop& loop, unsigned seed) {
  constexpr int kTasks = 16;
  constexpr int kEach = 40;
  int left = kTasks;
  rt::TaskGroup group(loop, kTasks);
  for (int i = 0; i < kTasks; ++i)
    group.spawn(many(shared, loop, seed * kTasks + static_cast<unsigned>(i), kEach, left));
  loop.run();
  EXPECT_EQ(left, 0);
}

TEST(DispatcherThreads, NoSeatIsLostOrGivenTwiceWhoeverComesGivesUpOrLeaves) {
  Shared shared;
  constexpr unsigned kWorkers = 4;
  std::vector<std::unique_ptr<rt::EpollLoop>> loops;  // for as long as anybody may be woken
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < kWorkers; ++i)
    loops.push_back(std::move(rt::EpollLoop::make(shared.clock)).value());
  for (unsigned i = 0; i < kWorkers; ++i)
    workers.emplace_back([&, i] { work(shared, *loops[i], i); });
  std::atomic<bool> is_over{false};
  std::thread operator_at_work([&] {
    for (double weight = 1; !is_over; weight = weight > 8 ? 1 : weight + 1) {
      shared.dispatcher.configure({{.members = {{.name = "t1", .nominal = 1, .weight = weight}}}});
      (void)shared.dispatcher.pools();
      (void)shared.dispatcher.load();
      std::this_thread::yield();
    }
  });
  for (std::thread& worker : workers)
    worker.join();
  is_over = true;
  operator_at_work.join();
  EXPECT_EQ(shared.dispatcher.load().running, 0U);
  EXPECT_EQ(shared.dispatcher.load().waiting, 0U);
  EXPECT_GT(shared.seated, 500);
  EXPECT_GT(shared.cancelled, 10);
}

}  // namespace
}  // namespace sovmesh::gateway
