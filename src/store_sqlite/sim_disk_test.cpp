#include <gtest/gtest.h>

#include <cerrno>
#include <optional>
#include <set>

#include "store_sqlite/database.h"
#include "store_sqlite/vfs.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::store_sqlite {
namespace {

constexpr const char* kPath = "/data/test.db";

Result<Database> open(Disk& disk) {
  TRY(Database database, Database::open(disk, kPath, {}));
  TRY_VOID(database.use_write_ahead_log(true));
  TRY_VOID(database.execute("CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, x BLOB)"));
  return database;
}

Result<void> insert(Database& database, std::int64_t n) {
  return database.run("INSERT INTO t VALUES (?, randomblob(300))", n);
}

TEST(SimDisk, KeepsWhatWasCommittedWhenPowerGoes) {
  SimDisk disk(1);
  {
    auto database = open(disk);
    ASSERT_THAT(database, Succeeds());
    ASSERT_THAT(insert(*database, 7), Succeeds());
    disk.power_loss();
    EXPECT_THAT(insert(*database, 8), FailsWith(Code::io_error));
  }
  auto again = open(disk);
  ASSERT_THAT(again, Succeeds());
  EXPECT_THAT(again->number("SELECT n FROM t"), HasValue(7));
  EXPECT_THAT(again->quick_check(), Succeeds());
}

TEST(SimDisk, LosesUnsyncedWritesAsTheSeedSays) {
  std::set<std::int64_t> outcomes;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SimDisk disk(seed);
    ASSERT_THAT(disk.write_file("/data/note", "synced"), Succeeds());
    auto database = Database::open(disk, kPath, {});
    ASSERT_THAT(database, Succeeds());
    ASSERT_THAT(database->execute("PRAGMA synchronous=OFF; PRAGMA journal_mode=DELETE;"
                                  "CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(9000))"),
                Succeeds());
    disk.power_loss();
    outcomes.insert(*disk.size(kPath));
    EXPECT_THAT(disk.size("/data/note"), HasValue(6));
  }
  EXPECT_TRUE(outcomes.contains(0)) << "everything lost at least once";
  EXPECT_GT(outcomes.size(), 2U) << "and parts of it kept at other times";
}

// The property that the ledger stands on: whatever the moment, what was acknowledged is there
// afterwards and the file is sound.
TEST(SimDisk, NoMomentOfPowerLossLosesACommit) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SimDisk disk(seed);
    std::int64_t acknowledged = 0;
    for (int life = 0; life < 3; ++life) {
      disk.power_on();
      disk.lose_power_after(3 + (seed * 7 + static_cast<std::uint64_t>(life) * 13) % 60);
      auto database = open(disk);
      while (database && insert(*database, acknowledged + 1))
        ++acknowledged;
      // The commit in flight may have reached the disk without being acknowledged.
      disk.power_on();
      auto after = open(disk);
      ASSERT_THAT(after, Succeeds()) << seed;
      ASSERT_THAT(after->quick_check(), Succeeds()) << seed;
      const auto rows = after->number("SELECT count(*) FROM t");
      ASSERT_THAT(rows, Succeeds());
      ASSERT_GE(*rows, acknowledged) << seed;
      ASSERT_LE(*rows, acknowledged + 1) << seed;
      acknowledged = *rows;
    }
  }
}

TEST(SimDisk, FailsTheNthWriteAndSync) {
  SimDisk disk(1);
  auto database = open(disk);
  ASSERT_THAT(database, Succeeds());
  disk.fail_sync(1, EIO);
  EXPECT_THAT(insert(*database, 1), FailsWith(Code::io_error));
  EXPECT_EQ(database->trouble(), Trouble::io);
  disk.fail_write(2, ENOSPC);
  EXPECT_THAT(insert(*database, 2), FailsWith(Code::dependency_unavailable));
  EXPECT_EQ(database->trouble(), Trouble::full);
  EXPECT_THAT(insert(*database, 3), Succeeds());
  EXPECT_THAT(database->number("SELECT count(*) FROM t"), HasValue(1));
}

TEST(SimDisk, IsFullAtItsCapacity) {
  SimDisk disk(1);
  auto database = open(disk);
  ASSERT_THAT(database, Succeeds());
  disk.set_capacity(disk.used() + 20'000);
  std::int64_t n = 0;
  while (insert(*database, n + 1))
    ASSERT_LT(++n, 1000);
  EXPECT_EQ(database->trouble(), Trouble::full);
  disk.set_capacity(INT64_MAX);
  EXPECT_THAT(insert(*database, n + 1), Succeeds());
}

TEST(SimDisk, ServesAReaderBesideAWriter) {
  SimDisk disk(1);
  auto writer = open(disk);
  auto reader = Database::open(disk, kPath, {.create = false, .read_only = true});
  ASSERT_THAT(writer, Succeeds());
  ASSERT_THAT(reader, Succeeds());
  auto transaction = Transaction::begin(*writer);
  ASSERT_THAT(transaction, Succeeds());
  ASSERT_THAT(insert(*writer, 1), Succeeds());
  EXPECT_THAT(reader->number("SELECT count(*) FROM t"), HasValue(0));
  ASSERT_THAT(transaction->commit(), Succeeds());
  EXPECT_THAT(reader->number("SELECT count(*) FROM t"), HasValue(1));
  EXPECT_THAT(insert(*reader, 2), FailsWith(Code::io_error));
}

TEST(SimDisk, LetsOnlyOneWriterIn) {
  SimDisk disk(1);
  auto first = open(disk);
  auto second = open(disk);
  auto transaction = Transaction::begin(*first);
  ASSERT_THAT(transaction, Succeeds());
  EXPECT_THAT(Transaction::begin(*second), FailsWith(Code::dependency_unavailable));
  EXPECT_EQ(second->trouble(), Trouble::busy);
}

TEST(RealDisk, OccupiesWhatItAllocates) {
  const std::string path = testing::TempDir() + "/sovmesh-allocate";
  Disk& disk = real_disk();
  ASSERT_THAT(disk.allocate(path, 100'000), Succeeds());
  EXPECT_THAT(disk.size(path), HasValue(100'000));
  EXPECT_THAT(disk.remove(path), Succeeds());
  EXPECT_THAT(disk.remove(path), Succeeds());
  EXPECT_THAT(disk.exists(path), HasValue(false));
}

}  // namespace
}  // namespace sovmesh::store_sqlite
