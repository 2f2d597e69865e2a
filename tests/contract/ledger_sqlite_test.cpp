#include <atomic>
#include <thread>

#include "rt/real.h"
#include "rt/sim/sim.h"
#include "tests/contract/ledger_books_suite.h"
#include "tests/contract/ledger_requests_suite.h"
#include "tests/contract/ledger_suite.h"
#include "tests/contract/post_loop.h"
#include "tests/contract/sqlite_place.h"

namespace sovmesh::store {
namespace {

using store_sqlite::LedgerOptions;

// The machine's clock, whose wall time a test may set.
class ShiftedClock : public Clock {
 public:
  Instant now() const override { return clock_->now(); }
  WallTime wall_now() const override {
    return clock_->wall_now() + std::chrono::microseconds(shift_.load());
  }
  void shift(std::chrono::microseconds by) { shift_ += by.count(); }

 private:
  std::unique_ptr<Clock> clock_ = rt::make_system_clock();
  std::atomic<std::int64_t> shift_{0};
};

// A real file, a real writer thread. To die is to go on with a copy of the files as they are at
// that moment; ledger_kill_test kills real processes.
class OnTheMachine : public LedgerPlace {
 public:
  Result<std::unique_ptr<Ledger>> boot() override {
    LedgerOptions options;
    options.reserve_bytes = 1 << 20;
    return store_sqlite::open_ledger(store_sqlite::real_disk(), folder_->path() + "/ledger.db",
                                     *clock_, store_sqlite::make_thread_runner(*clock_), options);
  }
  void die() override {
    auto copy = std::make_unique<store_sqlite::TempFolder>();
    std::filesystem::copy(folder_->path(), copy->path());
    left_behind_.push_back(std::exchange(folder_, std::move(copy)));
  }
  rt::Loop& loop() override { return loop_; }
  const Clock& clock() override { return *clock_; }
  void jump_wall(std::chrono::microseconds by) override { clock_->shift(by); }
  bool run_until(const std::function<bool()>& reached) override { return loop_.run_until(reached); }

 private:
  std::unique_ptr<store_sqlite::TempFolder> folder_ = std::make_unique<store_sqlite::TempFolder>();
  std::vector<std::unique_ptr<store_sqlite::TempFolder>> left_behind_;
  std::unique_ptr<ShiftedClock> clock_ = std::make_unique<ShiftedClock>();
  PostLoop loop_{*clock_};
};

// Everything in one simulated world; dying is a power cut.
class InTheWorld : public LedgerPlace {
 public:
  Result<std::unique_ptr<Ledger>> boot() override {
    LedgerOptions options;
    options.reserve_bytes = 100'000;
    return store_sqlite::open_ledger(disk_, "/data/ledger.db", world_.clock(),
                                     store_sqlite::make_pool_runner(world_.loop(), pool_), options);
  }
  void die() override { disk_.power_loss(); }
  rt::Loop& loop() override { return world_.loop(); }
  const Clock& clock() override { return world_.clock(); }
  void jump_wall(std::chrono::microseconds by) override { world_.jump_wall(by); }
  bool run_until(const std::function<bool()>& reached) override {
    return world_.run_until(reached, std::chrono::minutes(1));
  }

 private:
  rt::sim::SimWorld world_{1};
  rt::sim::SimBlockingPool pool_{world_, 2, 64};
  store_sqlite::SimDisk disk_{1};
};

rt::Task<void> serve_many(Ledger& ledger, rt::Loop& loop, UlidSource& ids, TenantId tenant,
                          int& left) {
  for (; left > 0; --left) {
    metering::Intent intent{.request = {ids.next()},
                            .tenant = tenant,
                            .key = *KeyId::parse("abcdefghijkl"),
                            .model = "tiny",
                            .opened_at = loop.clock().wall_now()};
    Result<OpenRow> row = co_await ledger.open(std::move(intent), loop);
    if (!row) co_return;
    row->checkpoint({.generated = 1});
    std::move(*row).settle({.counts = {.generated = 3}});
  }
}

TEST(LedgerThreads, WorkersAndReportsShareOneLedger) {
  constexpr int kWorkers = 3;
  constexpr int kRequests = 200;
  OnTheMachine place;
  const auto ledger = place.boot();
  ASSERT_THAT(ledger, Succeeds());
  const auto clock = rt::make_system_clock();
  const auto random = rt::make_system_random();
  const TenantId tenant{Ulid::make(clock->wall_now(), *random)};
  std::vector<std::unique_ptr<PostLoop>> loops;
  for (int i = 0; i < kWorkers; ++i)
    loops.push_back(std::make_unique<PostLoop>(*clock));
  std::vector<std::thread> workers;
  for (auto& loop : loops)
    workers.emplace_back([&ledger, &clock, &random, &loop, tenant] {
      UlidSource ids(*clock, *random);
      int left = kRequests;
      auto task = serve_many(**ledger, *loop, ids, tenant, left);
      task.start();
      EXPECT_TRUE(loop->run_until([&] { return task.done(); }));
      EXPECT_EQ(left, 0);
    });
  for (int i = 0; i < 20; ++i) {
    const auto sums = (*ledger)->sum({.tenant = tenant});
    ASSERT_THAT(sums, Succeeds());
    if (!sums->empty()) EXPECT_EQ(sums->at(0).generated % 3, 0);
    EXPECT_THAT((*ledger)->flush(), Succeeds());
  }
  for (auto& worker : workers)
    worker.join();
  ASSERT_THAT((*ledger)->flush(), Succeeds());
  const auto sums = (*ledger)->sum({.tenant = tenant});
  EXPECT_EQ(sums->at(0).requests, kWorkers * kRequests);
  EXPECT_EQ(sums->at(0).generated, 3 * kWorkers * kRequests);
}

template <class Place>
std::unique_ptr<LedgerPlace> make() {
  return std::make_unique<Place>();
}

INSTANTIATE_TEST_SUITE_P(SqliteFile, LedgerSuite, testing::Values(make<OnTheMachine>));
INSTANTIATE_TEST_SUITE_P(SqliteFile, LedgerClaims, testing::Values(make<OnTheMachine>));
INSTANTIATE_TEST_SUITE_P(SqliteSim, LedgerClaims, testing::Values(make<InTheWorld>));
INSTANTIATE_TEST_SUITE_P(SqliteFile, LedgerRequests, testing::Values(make<OnTheMachine>));
INSTANTIATE_TEST_SUITE_P(SqliteSim, LedgerRequests, testing::Values(make<InTheWorld>));
INSTANTIATE_TEST_SUITE_P(SqliteSim, LedgerSuite, testing::Values(make<InTheWorld>));

}  // namespace
}  // namespace sovmesh::store
