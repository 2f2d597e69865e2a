#include "rt/real.h"
#include "rt/sim/sim.h"
#include "tests/contract/ledger_suite.h"
#include "tests/contract/post_loop.h"
#include "tests/contract/sqlite_place.h"

namespace sovmesh::store {
namespace {

using store_sqlite::LedgerOptions;

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
  bool run_until(const std::function<bool()>& reached) override { return loop_.run_until(reached); }

 private:
  std::unique_ptr<store_sqlite::TempFolder> folder_ = std::make_unique<store_sqlite::TempFolder>();
  std::vector<std::unique_ptr<store_sqlite::TempFolder>> left_behind_;
  std::unique_ptr<Clock> clock_ = rt::make_system_clock();
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
  bool run_until(const std::function<bool()>& reached) override {
    return world_.run_until(reached, std::chrono::minutes(1));
  }

 private:
  rt::sim::SimWorld world_{1};
  rt::sim::SimBlockingPool pool_{world_, 2, 64};
  store_sqlite::SimDisk disk_{1};
};

template <class Place>
std::unique_ptr<LedgerPlace> make() {
  return std::make_unique<Place>();
}

INSTANTIATE_TEST_SUITE_P(SqliteFile, LedgerSuite, testing::Values(make<OnTheMachine>));
INSTANTIATE_TEST_SUITE_P(SqliteSim, LedgerSuite, testing::Values(make<InTheWorld>));

}  // namespace
}  // namespace sovmesh::store
