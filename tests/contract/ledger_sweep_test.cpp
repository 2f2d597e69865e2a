#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "tests/contract/ledger_crash_run.h"

// The same work again and again, each time ended or disturbed one call later: no moment and no
// failing call may lose an acknowledged record, bill too much or leave a sum that drifts. A daily
// test takes a share of the points; `make sweep` takes all of them.
namespace sovmesh::store_sqlite {
namespace {

// Allocations of SQLite that fail on demand. Installed before SQLite is used for the first time.
class BadMemory {
 public:
  static void install() {
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &good());
    sqlite3_mem_methods bad = good();
    bad.xMalloc = [](int bytes) { return fails() ? nullptr : good().xMalloc(bytes); };
    bad.xRealloc = [](void* old, int bytes) {
      return fails() ? nullptr : good().xRealloc(old, bytes);
    };
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &bad) != SQLITE_OK) std::abort();
  }
  // From the nth allocation on, `times` of them fail; 0: none.
  static void fail(std::int64_t nth, std::int64_t times) {
    countdown() = nth;
    left() = times;
  }
  static std::int64_t allocations() { return count(); }

 private:
  static bool fails() {
    ++count();
    if (left() == 0 || --countdown() > 0) return false;
    --left();
    return true;
  }
  static sqlite3_mem_methods& good() {
    static sqlite3_mem_methods methods;
    return methods;
  }
  static std::atomic<std::int64_t>& count() {
    static std::atomic<std::int64_t> value;
    return value;
  }
  static std::atomic<std::int64_t>& countdown() {
    static std::atomic<std::int64_t> value;
    return value;
  }
  static std::atomic<std::int64_t>& left() {
    static std::atomic<std::int64_t> value;
    return value;
  }
};
[[maybe_unused]] const bool kInstalled = [] {
  BadMemory::install();
  return true;
}();

constexpr int kSteps = 70;
constexpr std::uint64_t kForever = SimDisk::kForever;
constexpr std::int64_t kAllOfThem = 1'000'000'000;

// A disk with some days on it, and rows that an earlier process left open.
SimDisk& base() {
  static SimDisk disk(1);
  static const bool made = [] {
    rt::sim::SimWorld world(99);
    UlidSource ids(world.clock(), world.random());
    const TenantId tenant{ids.next()};
    const auto prices = crash_prices();
    for (int day = 0; day < 5; ++day) {
      auto runner = std::make_unique<ManualRunner>();
      auto opened =
          open_ledger(disk, kPath, world.clock(), std::move(runner), {.reserve_bytes = 20'000});
      if (!opened) std::abort();
      std::vector<Known> known(6);
      for (std::size_t i = 0; i < known.size(); ++i) {
        known[i].task = open_into(**opened,
                                  {.request = {ids.next()},
                                   .tenant = tenant,
                                   .key = *KeyId::parse("abcdefghijkl"),
                                   .model = "tiny",
                                   .opened_at = world.clock().wall_now(),
                                   .price = prices[i % prices.size()]},
                                  world.loop(), known[i]);
        known[i].task.start();
      }
      (void)(*opened)->flush();
      world.run_for(milliseconds(0));
      for (std::size_t i = 0; i < known.size(); ++i) {
        OpenRow row = **std::move(known[i].result);
        row.checkpoint({.prompt = 5, .generated = 7, .delivered = 7});
        if (i >= 2) std::move(row).settle({.counts = {.prompt = 5, .generated = 9}});
        if (i < 2) known[i].result.emplace(std::move(row));
      }
      (void)(*opened)->flush();
      disk.kill_now();
      for (std::size_t i = 0; i < 2; ++i)
        std::move(**known[i].result).settle({});
      (*opened).reset();
      world.run_for(milliseconds(1));
      disk.power_on();
      world.jump_wall(std::chrono::days(1));
    }
    return true;
  }();
  (void)made;
  return disk;
}

// What an undisturbed run of a workload does.
struct Extent {
  std::uint64_t calls = 0;
  std::uint64_t writes = 0;
  std::uint64_t syncs = 0;
  std::int64_t allocations = 0;
};

Extent extent_of(std::uint64_t seed) {
  Extent extent;
  CrashRun run(seed);
  const std::int64_t before = BadMemory::allocations();
  // Counted up to the moment at which the clean life would end it.
  run.run_on(base(), kSteps, [](SimDisk&) {});
  extent.allocations = (BadMemory::allocations() - before) / 3;
  extent.calls = run.first_life_calls();
  extent.writes = run.first_life_writes();
  extent.syncs = run.first_life_syncs();
  return extent;
}

// Every `stride`-th point of `count`, so that about `points` of them run.
class Sweep {
 public:
  explicit Sweep(std::uint64_t usual) : points_(sweep_points(usual)) {}

  // `run` gets the number of a point, from 1 on.
  template <class Run>
  void over(std::uint64_t count, std::uint64_t share, Run run) {
    const std::uint64_t wanted = std::max<std::uint64_t>(points_ / share, 1);
    const std::uint64_t stride = std::max<std::uint64_t>(count / wanted, 1);
    for (std::uint64_t point = 1 + offset_ % stride; point <= count; point += stride) {
      if (!part_.has(point / stride)) continue;
      if (testing::Test::HasFailure()) return;
      run(point);
      ++done_;
    }
    ++offset_;
  }
  std::uint64_t done() const { return done_; }
  void say(const char* what) const {
    std::printf("    %llu %s\n", static_cast<unsigned long long>(done_), what);
  }

 private:
  std::uint64_t points_;
  SweepPart part_ = sweep_part();
  std::uint64_t offset_ = 0;
  std::uint64_t done_ = 0;
};

constexpr std::uint64_t kWorkloads = 10;

TEST(LedgerSweep, NoCallIsAMomentAtWhichTheProcessMayNotDie) {  // I1 to I9
  Sweep sweep(300);
  std::size_t acknowledged = 0;
  for (std::uint64_t seed = 1; seed <= kWorkloads && !HasFailure(); ++seed) {
    const Extent extent = extent_of(seed);
    for (const SimDisk::End end : {SimDisk::End::kill, SimDisk::End::power_loss})
      sweep.over(extent.calls, kWorkloads * 2, [&](std::uint64_t point) {
        SCOPED_TRACE(testing::Message() << "workload " << seed << ", call " << point << ", "
                                        << (end == SimDisk::End::kill ? "kill" : "power"));
        CrashRun run(seed);
        run.run_on(base(), kSteps, [&](SimDisk& disk) { disk.end_at_call(point, end); });
        acknowledged += run.acknowledged();
      });
  }
  EXPECT_GT(acknowledged, sweep.done() * 5);
  sweep.say("kill points");
}

TEST(LedgerSweep, AFailingWriteOrSyncLosesNothing) {
  Sweep sweep(150);
  for (std::uint64_t seed = 1; seed <= kWorkloads && !HasFailure(); ++seed) {
    const Extent extent = extent_of(seed);
    const auto over = [&](std::uint64_t count, const char* what, auto arm) {
      sweep.over(count, kWorkloads * 6, [&](std::uint64_t point) {
        SCOPED_TRACE(testing::Message() << "workload " << seed << ", " << what << " " << point);
        CrashRun run(seed);
        run.run_on(base(), kSteps, [&](SimDisk& disk) { arm(disk, point); });
      });
    };
    for (const int error : {EIO, ENOSPC})
      for (const std::uint64_t times : {std::uint64_t{1}, kForever})
        over(extent.writes, "write",
             [&](SimDisk& disk, std::uint64_t point) { disk.fail_write(point, error, times); });
    for (const std::uint64_t times : {std::uint64_t{1}, kForever})
      over(extent.syncs, "sync",
           [&](SimDisk& disk, std::uint64_t point) { disk.fail_sync(point, EIO, times); });
  }
  sweep.say("failing writes and syncs");
}

TEST(LedgerSweep, AFailingAllocationLosesNothing) {
  Sweep sweep(150);
  for (std::uint64_t seed = 1; seed <= 2 && !HasFailure(); ++seed) {
    const Extent extent = extent_of(seed);
    for (const std::int64_t times : {std::int64_t{1}, kAllOfThem})
      sweep.over(static_cast<std::uint64_t>(extent.allocations), 4, [&](std::uint64_t point) {
        SCOPED_TRACE(testing::Message() << "workload " << seed << ", allocation " << point);
        CrashRun run(seed);
        run.before_crash = [] { BadMemory::fail(0, 0); };
        run.run_on(base(), kSteps,
                   [&](SimDisk&) { BadMemory::fail(static_cast<std::int64_t>(point), times); });
        BadMemory::fail(0, 0);
      });
  }
  sweep.say("failing allocations");
}

// The sweep must reach what it is there for.
TEST(LedgerSweep, ItsWorkloadsDoEverythingThatTheLedgerDoes) {
  CrashRun::Seen seen;
  std::uint64_t calls = 0;
  for (std::uint64_t seed = 1; seed <= kWorkloads; ++seed) {
    CrashRun run(seed);
    run.run_on(base(), kSteps, [](SimDisk&) {});
    seen += run.seen();
    calls += run.first_life_calls();
  }
  EXPECT_GT(seen.days_made, 2U);
  EXPECT_GT(seen.days_dropped, 2U);
  EXPECT_GT(seen.keys, 10U);
  EXPECT_GT(seen.recovered, 10U);
  EXPECT_GT(seen.priced, 50U);
  EXPECT_GT(seen.amended, 10U);
  EXPECT_GT(seen.clock_jumps, 1U);
  EXPECT_GE(calls * 2, 10'000U) << "kill points of a whole sweep";
  std::printf(
      "    %llu calls; days made %llu and dropped %llu, keys %llu, recovered %llu\n",
      static_cast<unsigned long long>(calls), static_cast<unsigned long long>(seen.days_made),
      static_cast<unsigned long long>(seen.days_dropped),
      static_cast<unsigned long long>(seen.keys), static_cast<unsigned long long>(seen.recovered));
}

// The defect that it must find: a disk that says it has synced, and has not.
TEST(LedgerSweep, FindsThatAnAcknowledgedRecordIsLost) {
  testing::TestPartResultArray found;
  {
    const testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &found);
    for (std::uint64_t point = 300; point < 900 && found.size() == 0; point += 50) {
      CrashRun run(1);
      run.run_on(base(), kSteps, [&](SimDisk& disk) {
        disk.ignore_syncs();
        disk.end_at_call(point, SimDisk::End::power_loss);
      });
    }
  }
  EXPECT_GT(found.size(), 0);
}

// And sums that drift, rows that cost too much, a row too many.
TEST(LedgerSweep, FindsWhatDoesNotAddUp) {
  for (const char* defect : {"UPDATE balance SET generated = generated + 1 WHERE subject = 1",
                             "UPDATE by_day SET cost = cost + 1 WHERE requests > 0",
                             "DELETE FROM by_quarter WHERE requests > 0"}) {
    testing::TestPartResultArray found;
    {
      const testing::ScopedFakeTestPartResultReporter reporter(
          testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &found);
      // A run may drop what is wrong before it is looked at.
      for (std::uint64_t seed = 1; seed <= 10 && found.size() == 0; ++seed) {
        CrashRun run(seed);
        run.run_on(base(), kSteps,
                   [&](SimDisk& disk) { (void)Database::open(disk, kPath, {})->execute(defect); });
      }
    }
    EXPECT_GT(found.size(), 0) << defect;
  }
}

}  // namespace
}  // namespace sovmesh::store_sqlite
