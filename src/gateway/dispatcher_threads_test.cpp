// Several workers at one dispatcher, for the sanitizers. Time passes only as the tests say, and
// what has to come out is brought about, so that it does not hang on which thread runs when.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <latch>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "gateway/dispatcher.h"
#include "gateway/engine_health.h"
#include "identity/directory.h"
#include "rt/epoll_loop.h"
#include "rt/task_group.h"
#include "tests/support/fake_engine.h"
#include "tests/support/seeded_random.h"

namespace sovmesh::gateway {
namespace {

using namespace std::chrono_literals;
using fairness::Leeway;
using Engines = std::vector<std::shared_ptr<engine::Engine>>;

constexpr unsigned kWorkers = 4;

class SteppedClock final : public Clock {
 public:
  Instant now() const override { return Instant(std::chrono::microseconds(now_.load())); }
  WallTime wall_now() const override { return WallTime{}; }
  void step() {
    // Somebody waits for what never comes: there is no other way to end.
    if (now_.fetch_add(20) > 1'000'000'000) std::abort();
  }

 private:
  std::atomic<std::int64_t> now_{0};
};

class NoSink : public observe::LogSink {
 public:
  void write(std::string&&) override {}
  std::uint64_t dropped() const override { return 0; }
};

std::shared_ptr<const identity::Directory> directory_of(const std::vector<std::string>& engines) {
  identity::DirectoryData data;
  if (!engines.empty()) {
    data.models.push_back({.name = ModelName::parse("m").value(),
                           .engine = engines.front(),
                           .engines = engines,
                           .engine_model = "m"});
  }
  return identity::Directory::build(std::move(data)).value();
}

struct Shared {
  explicit Shared(std::size_t waiting_per_tenant_max, const std::vector<PoolSettings>& pools = {})
      : dispatcher(clock, random,
                   {.waiting_per_tenant_max = waiting_per_tenant_max,
                    .wait_max = 1h,  // so only who says so is ever late
                    .health = &health,
                    .directory = &directory},
                   pools) {}

  SteppedClock clock;
  SeededRandom random{7};
  NoSink sink;
  observe::Log log{sink, clock, observe::Level::error};
  EngineHealth health{clock, random, log};
  Engines engines = {std::make_shared<FakeEngine>("a", 2), std::make_shared<FakeEngine>("b", 3),
                     std::make_shared<FakeEngine>("c", 1)};
  std::array<std::atomic<int>, 3> running{};
  std::atomic<int> seated{0}, refused{0}, cancelled{0};
  // No models; "a" and "b" are one's, and all engines are.
  std::array<std::shared_ptr<const identity::Directory>, 3> directories = {
      directory_of({}), directory_of({"a", "b"}), directory_of({"b", "c", "a"})};
  Snapshot<identity::Directory> directory{directories[0]};
  Dispatcher dispatcher;
};

// Slots in use, for as long as it lives: nobody else has them.
class Use {
 public:
  Use(Shared& shared, const Seat& seat, int slots)
      : running_(shared.running[index_of(shared, seat.engine())]), slots_(slots) {
    EXPECT_LE(running_.fetch_add(slots) + slots, seat.engine().slots());
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  ~Use() { running_ -= slots_; }

 private:
  static std::size_t index_of(const Shared& shared, const engine::Engine& engine) {
    for (std::size_t i = 0; i < shared.engines.size(); ++i)
      if (shared.engines[i].get() == &engine) return i;
    ADD_FAILURE() << "a stranger";
    return 0;
  }

  std::atomic<int>& running_;
  int slots_;
};

TenantId tenant_id(unsigned n) {
  std::array<unsigned char, 16> id{};
  id[15] = static_cast<unsigned char>(n);
  return TenantId{Ulid::from_bytes(id)};
}

SeatRequest request_of(const std::string& tenant, unsigned number, Engines engines) {
  return {.engines = std::move(engines),
          .slots = {.tenant = tenant_id(number)},
          .tenant = tenant,
          .input_tokens = 10,
          .output_max = 100,
          .output_expected = 10};
}

Engines some_of(const Engines& all, std::mt19937& random) {
  Engines some;
  for (const auto& engine : all)
    if (random() % 2 == 0) some.push_back(engine);
  if (some.empty()) some.push_back(all[random() % all.size()]);
  return some;
}

// The others go on, and time does.
rt::Task<void> nap(Shared& shared, rt::Loop& loop) {
  shared.clock.step();
  const auto next = std::make_shared<rt::Event>(loop);
  loop.post([next] { next->set(); });
  const rt::Until never{rt::Deadline::never(), nullptr};
  co_await next->wait(never);
}

// Its client may hang up while it waits, while it is given its seat, or not at all.
struct Patience {
  std::shared_ptr<rt::Event> gone;
  rt::Until until;
};
Patience patience(rt::Loop& loop, bool hangs_up, rt::Deadline deadline = rt::Deadline::never()) {
  auto gone = std::make_shared<rt::Event>(loop);
  if (hangs_up) loop.post([gone] { gone->set(); });
  return {.gone = gone, .until = {deadline, gone.get()}};
}

// The tasks of one worker.
using Task = std::function<rt::Task<void>(rt::Loop&, std::mt19937&, unsigned number)>;
rt::Task<void> run_one(const Task& task, rt::EpollLoop& loop, unsigned number, int& left) {
  std::mt19937 random(number);
  co_await task(loop, random, number);
  if (--left == 0) loop.stop();
}
void run_all(const Task& task, rt::EpollLoop& loop, unsigned first, unsigned count) {
  int left = static_cast<int>(count);
  rt::TaskGroup group(loop, count);
  for (unsigned i = 0; i < count; ++i)
    group.spawn(run_one(task, loop, first + i, left));
  loop.run();
  EXPECT_EQ(left, 0);
}

// Runs so many tasks on each worker, and `meanwhile` on a thread of its own, again and again.
void run_workers(const Shared& shared, unsigned tasks, const Task& task,
                 const std::function<void(double weight)>& meanwhile) {
  std::vector<std::unique_ptr<rt::EpollLoop>> loops;  // for as long as anybody may be woken
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < kWorkers; ++i)
    loops.push_back(std::move(rt::EpollLoop::make(shared.clock)).value());
  for (unsigned i = 0; i < kWorkers; ++i)
    workers.emplace_back([&, i] { run_all(task, *loops[i], i * tasks, tasks); });
  std::atomic<bool> is_over{false};
  std::thread operator_at_work([&] {
    for (double weight = 1; !is_over; weight = weight > 8 ? 1 : weight + 1) {
      meanwhile(weight);
      std::this_thread::yield();
    }
  });
  for (std::thread& worker : workers)
    worker.join();
  is_over = true;
  operator_at_work.join();
}

// Takes every slot; there are none left.
std::vector<Seat> take_all(Shared& shared) {
  std::vector<Seat> seats;
  const auto loop = std::move(rt::EpollLoop::make(shared.clock)).value();
  const Task take = [&](rt::Loop& on, std::mt19937&, unsigned) -> rt::Task<void> {
    for (const auto& engine : shared.engines) {
      for (int i = 0; i < engine->slots(); ++i) {
        const rt::Until until{rt::Deadline::never()};
        Result<Seat> seat =
            co_await shared.dispatcher.seat(request_of("all", 99, {engine}), on, until);
        if (seat)
          seats.push_back(*std::move(seat));
        else
          ADD_FAILURE() << seat.error().message();
      }
    }
  };
  run_all(take, *loop, 0, 1);
  return seats;
}

void expect_idle(const Shared& shared) {
  EXPECT_EQ(shared.dispatcher.load().running, 0U);
  EXPECT_EQ(shared.dispatcher.load().waiting, 0U);
}

SeatRequest random_request(const Shared& shared, std::mt19937& random) {
  const unsigned number = random() % 6;
  SeatRequest request =
      request_of("t" + std::to_string(number), number, some_of(shared.engines, random));
  request.user = random() % 3;
  request.priority = fairness::kAllClasses[random() % fairness::kClasses];
  request.input_tokens = static_cast<std::int64_t>(random() % 100);
  if (request.engines.front() != shared.engines[2] && random() % 4 == 0) request.slots.slots = 2;
  return request;
}

rt::Task<void> come_and_go(Shared& shared, rt::Loop& loop, std::mt19937& random) {
  if (random() % 32 == 0) shared.directory.publish(shared.directories[random() % 3]);
  const SeatRequest request = random_request(shared, random);
  const auto longest = std::chrono::milliseconds(random() % 20);
  const Patience has = patience(loop, random() % 3 == 0, loop.in(longest));
  Result<Seat> seat = co_await shared.dispatcher.seat(request, loop, has.until);
  if (!seat) {
    ++(seat.error().code() == Code::cancelled ? shared.cancelled : shared.refused);
    co_return;
  }
  ++shared.seated;
  const Use use(shared, *seat, request.slots.slots);
  Attempts attempts(shared.health, request.slots.tenant, Digest());
  attempts.begin(request.engines, seat->engine());
  for (int tokens = 1; tokens < 80; tokens += 40) {
    co_await nap(shared, loop);
    seat->note_tokens(tokens, loop.now());
  }
  if (random() % 8 != 0) {
    attempts.first_token(1ms, 10);
    attempts.succeeded(10);
  }
  seat->note_usage({.input_tokens = 10, .output_tokens = 80});
}

TEST(DispatcherThreads, NoSeatIsLostOrGivenTwiceWhoeverComesGivesUpOrLeaves) {
  constexpr unsigned kTasks = 16;
  constexpr int kEach = 40;
  Shared shared(8);
  std::vector<Seat> all = take_all(shared);
  std::latch gave_up(kWorkers * kTasks);
  std::thread holder([&] {
    gave_up.wait();
    all.clear();
  });
  const Task task = [&](rt::Loop& loop, std::mt19937& random, unsigned number) -> rt::Task<void> {
    {
      const SeatRequest request = request_of("g" + std::to_string(number), number, shared.engines);
      const Patience has = patience(loop, true);
      const Result<Seat> seat = co_await shared.dispatcher.seat(request, loop, has.until);
      EXPECT_TRUE(!seat && seat.error().code() == Code::cancelled);
      gave_up.count_down();
    }
    for (int i = 0; i < kEach; ++i)
      co_await come_and_go(shared, loop, random);
  };
  run_workers(shared, kTasks, task, [&](double weight) {
    shared.clock.step();  // who waits for an engine to get well needs time, too
    shared.dispatcher.configure({{.members = {{.name = "t1", .nominal = 1, .weight = weight}}}});
    (void)shared.dispatcher.pools();
    (void)shared.dispatcher.load();
  });
  holder.join();
  EXPECT_EQ(shared.seated + shared.refused + shared.cancelled,
            static_cast<int>(kWorkers * kTasks) * kEach);
  EXPECT_GT(shared.seated, 0);
  expect_idle(shared);
}

// Owners want back what borrowers hold until they are asked for it. Of the engines "a" and "b"
// batch requests have every slot, of "c" a stream, so that the first owners wait for both.
class Lending : public Shared {
 public:
  static constexpr unsigned kOwners = 3, kBorrowers = 3, kStreams = 2;  // of each worker
  static constexpr unsigned kTasks = kOwners + kBorrowers + kStreams;
  static constexpr int kRounds = 30;

  Lending() : Shared(1'000, {pool()}) {}

  rt::Task<void> run(rt::Loop& loop, std::mt19937& random, unsigned number) {
    const unsigned role = number % kTasks;
    if (role < kOwners) return own(loop, random, number);
    return borrow(loop, random, number, role < kOwners + kStreams);
  }
  void reconfigure(double weight) {
    PoolSettings settings = pool();
    for (fairness::NodeSpec& member : settings.members)
      member.weight = weight;
    dispatcher.configure({settings});
    (void)dispatcher.pools();
    (void)dispatcher.load();
  }

  std::atomic<int> gave_way{0}, cut{0};

 private:
  static PoolSettings pool() {
    PoolSettings settings{
        .name = "p",
        .engines = {"a", "b", "c"},
        .members = {{.name = "t1", .nominal = 1'000}, {.name = "t2", .nominal = 1'000}}};
    settings.options.reclaim_after = 1ms;
    settings.options.borrower_tokens_max = 1;
    return settings;
  }

  rt::Task<void> own(rt::Loop& loop, std::mt19937& random, unsigned number) {
    while (lent_ < 6)
      co_await nap(*this, loop);
    for (int round = 0; round < kRounds; ++round) {
      Engines where = some_of(engines, random);
      if (round == 0) where = {number % 2 == 0 ? engines[0] : engines[2]};
      const unsigned tenant = 1 + number % 2;
      SeatRequest request = request_of("t" + std::to_string(tenant), tenant, std::move(where));
      const Patience has = patience(loop, round > 0 && random() % 3 == 0);
      Result<Seat> seat = co_await dispatcher.seat(std::move(request), loop, has.until);
      if (!note(seat)) continue;
      const Use use(*this, *seat, 1);
      for (unsigned naps = random() % 4; naps > 0; --naps)
        co_await nap(*this, loop);
    }
    --owners_;
  }

  rt::Task<void> borrow(rt::Loop& loop, std::mt19937& random, unsigned number, bool streams) {
    for (bool is_first = true; owners_ > 0; is_first = false) {
      Engines where = some_of(engines, random);
      if (is_first) where = streams ? Engines{engines[2]} : Engines{engines[0], engines[1]};
      const unsigned tenant = 3 + number % 3;
      SeatRequest request = request_of("t" + std::to_string(tenant), tenant, std::move(where));
      request.output_max = 1'000'000;
      request.priority = fairness::PriorityClass::batch;
      if (streams) request.leeway = Leeway::cut;
      const Patience has = patience(loop, !is_first && random() % 3 == 0);
      Result<Seat> seat = co_await dispatcher.seat(request, loop, has.until);
      if (!note(seat)) continue;
      std::optional<Use> use(std::in_place, *this, *seat, 1);
      if (is_first) ++lent_;
      if (streams) {
        co_await stream_until_wanted(loop, *seat);
      } else if (co_await hold_until_wanted(loop, random, *seat)) {
        use.reset();
        co_await run_again(loop, random, *std::move(seat), std::move(request));
      }
    }
  }

  rt::Task<void> stream_until_wanted(rt::Loop& loop, Seat& seat) {
    for (std::int64_t tokens = 1; owners_ > 0; ++tokens) {
      co_await nap(*this, loop);
      seat.note_tokens(tokens, loop.now());
      if (!seat.is_wanted(tokens) || !seat.give_way()) continue;
      ++cut;
      co_return;
    }
  }

  // True: it is to wait again.
  rt::Task<bool> hold_until_wanted(rt::Loop& loop, std::mt19937& random, Seat& seat) {
    while (owners_ > 0) {
      seat.set_leeway(Leeway::again);
      co_await nap(*this, loop);
      if (seat.is_wanted(0) && seat.give_way()) {
        ++gave_way;
        EXPECT_TRUE(seat.is_left());
        co_return true;
      }
      if (random() % 16 == 0) seat.set_leeway(Leeway::none);  // who named it names another one
    }
    co_return false;
  }

  rt::Task<void> run_again(rt::Loop& loop, std::mt19937& random, Seat left, SeatRequest request) {
    const Patience has = patience(loop, random() % 3 == 0);
    Result<Seat> seat =
        co_await dispatcher.seat_again(std::move(left), std::move(request), loop, has.until);
    if (!note(seat)) co_return;
    const Use use(*this, *seat, 1);
    seat->set_leeway(Leeway::again);
    for (int i = 0; i < 3; ++i) {
      co_await nap(*this, loop);
      EXPECT_FALSE(seat->is_wanted(0)) << "once is enough";
      EXPECT_FALSE(seat->give_way());
    }
  }

  bool note(const Result<Seat>& seat) {
    if (!seat) EXPECT_EQ(seat.error().code(), Code::cancelled) << seat.error().message();
    ++(seat ? seated : cancelled);
    return seat.has_value();
  }

  std::atomic<int> lent_{0};
  std::atomic<int> owners_{kWorkers * kOwners};
};

TEST(DispatcherThreads, WhoIsGuaranteedASeatGetsItAndWhoGaveWayRunsAgainOnce) {
  Lending lending;
  run_workers(
      lending, Lending::kTasks,
      [&](rt::Loop& loop, std::mt19937& random, unsigned number) {
        return lending.run(loop, random, number);
      },
      [&](double weight) { lending.reconfigure(weight); });
  const auto views = lending.dispatcher.pools();
  const fairness::PoolReport& report = views.back().report;
  EXPECT_EQ(views.back().name, "p");
  EXPECT_EQ(report.named, 0U);
  const auto told = [&](Leeway how) {
    return static_cast<int>(report.gave_way_total[static_cast<std::size_t>(how)]);
  };
  EXPECT_EQ(told(Leeway::again), lending.gave_way);
  EXPECT_EQ(told(Leeway::cut), lending.cut);
  EXPECT_GE(lending.gave_way, 1);
  EXPECT_GE(lending.cut, 1);
  EXPECT_EQ(lending.refused, 0);
  expect_idle(lending);
  EXPECT_EQ(take_all(lending).size(), 6U) << "no slot is lost";
}

}  // namespace
}  // namespace sovmesh::gateway
