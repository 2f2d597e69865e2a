#include "store_sqlite/migrations.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "tests/support/result_matchers.h"

namespace sovmesh::store_sqlite {
namespace {

using testing::HasSubstr;

constexpr const char* kPath = "/data/test.db";
constexpr std::array kOne = {"CREATE TABLE t (n INTEGER)"};
constexpr std::array kTwo = {"CREATE TABLE t (n INTEGER)",
                             "ALTER TABLE t ADD COLUMN m INTEGER; UPDATE t SET m = n * 2"};
constexpr std::array kBroken = {"CREATE TABLE t (n INTEGER)",
                                "UPDATE t SET n = 0; INSERT INTO absent VALUES (1)"};
constexpr WallTime kNow{std::chrono::sys_days(std::chrono::year(2026) / 11 / 25) +
                        std::chrono::hours(14)};
constexpr Schema kFirst{"test", 77, kOne};
constexpr Schema kSecond{"test", 77, kTwo};
constexpr Schema kFaulty{"test", 77, kBroken};
constexpr Schema kForeign{"other", 78, kOne};

class MigrationsTest : public testing::Test {
 protected:
  Result<Database> open(const Schema& schema) {
    return open_migrated(disk_, kPath, schema, true, now_);
  }
  void make_first_with(std::int64_t n) {
    auto database = open(kFirst);
    ASSERT_THAT(database, Succeeds());
    ASSERT_THAT(database->run("INSERT INTO t VALUES (?)", n), Succeeds());
  }
  std::vector<std::string> backups() {
    auto names = *disk_.list_folder("/data/backups");
    std::ranges::sort(names);
    return names;
  }
  SimDisk disk_{1};
  WallTime now_ = kNow;
};

TEST_F(MigrationsTest, MovesDataForwardAndKeepsACheckedCopy) {
  make_first_with(21);
  auto database = open(kSecond);
  ASSERT_THAT(database, Succeeds());
  EXPECT_THAT(database->number("SELECT m FROM t"), HasValue(42));
  EXPECT_THAT(database->number("PRAGMA user_version"), HasValue(2));
  EXPECT_EQ(backups(), std::vector<std::string>{"2026-11-25T140000Z-before-test-2"});
  auto copy = Database::open(disk_, "/data/backups/2026-11-25T140000Z-before-test-2/test.db",
                             {.create = false});
  ASSERT_THAT(copy, Succeeds());
  EXPECT_THAT(copy->number("SELECT n FROM t"), HasValue(21));
  EXPECT_THAT(copy->number("PRAGMA user_version"), HasValue(1));
}

TEST_F(MigrationsTest, WritesNoCopyOfANewDatabase) {
  ASSERT_THAT(open(kSecond), Succeeds());
  EXPECT_TRUE(backups().empty());
}

TEST_F(MigrationsTest, KeepsTheNewestBackupsAndNoHalfOne) {
  make_first_with(21);
  const std::string half = "/data/backups/2026-11-25T150000Z-before-test-2";
  const std::string others = "/data/backups/2020-11-25T150000Z-before-other-2";
  for (int i = 0; i < 5; ++i) {
    for (const char* file : {"", "-wal", ".created"})
      ASSERT_THAT(disk_.remove(kPath + std::string(file)), Succeeds());
    make_first_with(i);
    if (i == 3) ASSERT_THAT(disk_.write_file(half + "/test.db", "half"), Succeeds());
    if (i == 3) ASSERT_THAT(disk_.write_file(others + "/other.db", "not ours"), Succeeds());
    now_ = kNow + std::chrono::hours(24 * i);
    ASSERT_THAT(open(kSecond), Succeeds());
  }
  EXPECT_EQ(backups(),
            (std::vector<std::string>{
                "2020-11-25T150000Z-before-other-2", "2026-11-27T140000Z-before-test-2",
                "2026-11-28T140000Z-before-test-2", "2026-11-29T140000Z-before-test-2"}));
}

// A full disk during the copy: a clear error, and the database as it was.
TEST_F(MigrationsTest, WithoutRoomForTheCopyNothingIsChanged) {
  make_first_with(21);
  disk_.set_capacity(disk_.used() + 4'000);
  const auto refused = open(kSecond);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message(), HasSubstr("was not begun, because the copy before it"));
  EXPECT_THAT(refused.error().message(), HasSubstr("Nothing was changed"));
  EXPECT_TRUE(backups().empty());
  disk_.set_capacity(INT64_MAX);
  {
    auto database = open(kFirst);
    ASSERT_THAT(database, Succeeds());
    EXPECT_THAT(database->number("PRAGMA user_version"), HasValue(1));
  }
  EXPECT_THAT(open(kSecond), Succeeds());
}

TEST_F(MigrationsTest, LeavesTheOldVersionWhenAStepFails) {
  make_first_with(21);
  EXPECT_THAT(open(kFaulty), FailsWith(Code::internal_error));
  auto database = open(kFirst);
  ASSERT_THAT(database, Succeeds());
  EXPECT_THAT(database->number("SELECT n FROM t"), HasValue(21));
}

TEST_F(MigrationsTest, RefusesANewerSchemaAndSaysWhatToDo) {
  ASSERT_THAT(open(kSecond), Succeeds());
  const auto refused = open(kFirst);
  ASSERT_THAT(refused, FailsWith(Code::data_dir_invalid));
  EXPECT_THAT(refused.error().message(), HasSubstr("Install the newer release"));
  EXPECT_THAT(open(kSecond), Succeeds());
}

TEST_F(MigrationsTest, RefusesSomebodyElsesDatabaseAndLeavesItAlone) {
  make_first_with(1);
  EXPECT_THAT(open(kForeign), FailsWith(Code::data_dir_invalid));
  EXPECT_THAT(open(kFirst), Succeeds());
}

TEST_F(MigrationsTest, RefusesAFileThatIsNoDatabase) {
  ASSERT_THAT(disk_.write_file(kPath, std::string(5000, 'x')), Succeeds());
  const auto refused = open(kFirst);
  ASSERT_THAT(refused, FailsWith(Code::data_dir_invalid));
  EXPECT_THAT(refused.error().message(), HasSubstr(std::string(kPath) + " is damaged: "));
  EXPECT_THAT(disk_.size(kPath), HasValue(5000));
}

TEST_F(MigrationsTest, RefusesADamagedFileAndNeverReplacesIt) {
  make_first_with(1);
  const auto bytes = disk_.size(kPath);
  disk_.flip_byte(kPath, 4096 + 3);  // the header of the table's page
  const auto refused = open(kFirst);
  ASSERT_THAT(refused, FailsWith(Code::data_dir_invalid));
  EXPECT_THAT(refused.error().message(), HasSubstr("backup"));
  EXPECT_THAT(disk_.size(kPath), HasValue(*bytes));
}

// Whatever the damage, SQLite finds it in another place: opening, the schema, the check.
TEST_F(MigrationsTest, SaysOfEveryDamagedFileWhatToDo) {
  make_first_with(1);
  const auto bytes = disk_.size(kPath);
  const auto expect_advice = [&] {
    const auto refused = open(kFirst);
    ASSERT_THAT(refused, FailsWith(Code::data_dir_invalid));
    EXPECT_THAT(refused.error().message(),
                testing::StartsWith(std::string(kPath) + " is damaged: "));
    EXPECT_THAT(refused.error().message(), HasSubstr("Nothing was changed."));
    EXPECT_THAT(refused.error().message(), HasSubstr("backup"));
  };
  for (const std::int64_t at : {0, 100, 4096 + 3}) {
    SCOPED_TRACE(at);
    disk_.flip_byte(kPath, at);
    expect_advice();
    disk_.flip_byte(kPath, at);
    EXPECT_THAT(open(kFirst), Succeeds());
  }
  for (const std::int64_t length : {*bytes / 2, std::int64_t{700}}) {
    SCOPED_TRACE(length);
    disk_.truncate(kPath, length);
    expect_advice();
  }
}

TEST_F(MigrationsTest, RefusesToStartEmptyWhereDataWas) {
  make_first_with(1);
  ASSERT_THAT(disk_.remove(kPath), Succeeds());
  const auto missing = open(kFirst);
  ASSERT_THAT(missing, FailsWith(Code::data_dir_invalid));
  EXPECT_THAT(missing.error().message(), HasSubstr("missing or empty"));
  EXPECT_THAT(disk_.exists(kPath), HasValue(false));
}

TEST_F(MigrationsTest, RefusesAnEmptiedFile) {
  make_first_with(1);
  disk_.truncate(kPath, 0);
  EXPECT_THAT(open(kFirst), FailsWith(Code::data_dir_invalid));
}

TEST_F(MigrationsTest, RefusesADatabaseWhoseLogWasLeftBehind) {
  make_first_with(1);
  ASSERT_THAT(disk_.remove(kPath), Succeeds());
  ASSERT_THAT(Database::open(disk_, kPath, {})->execute("PRAGMA journal_mode=WAL"), Succeeds());
  EXPECT_THAT(disk_.size(kPath), HasValue(4096));
  EXPECT_THAT(open(kFirst), FailsWith(Code::data_dir_invalid));
}

// Power goes at every possible point of an upgrade: afterwards the data is there, in the old form
// or the new one.
TEST_F(MigrationsTest, SurvivesPowerLossAtEveryStepOfAnUpgrade) {
  bool finished = false;
  for (std::uint64_t at = 1; !finished; ++at) {
    ASSERT_LT(at, 500U);
    SimDisk disk(at);
    {
      auto first = open_migrated(disk, kPath, kFirst, true, kNow);
      ASSERT_THAT(first, Succeeds());
      ASSERT_THAT(first->run("INSERT INTO t VALUES (21)"), Succeeds());
    }
    disk.lose_power_after(at);
    finished = open_migrated(disk, kPath, kSecond, true, kNow).has_value();
    disk.power_on();
    auto after = open_migrated(disk, kPath, kSecond, true, kNow);
    ASSERT_THAT(after, Succeeds()) << at;
    ASSERT_THAT(after->number("SELECT m FROM t"), HasValue(42)) << at;
  }
}

}  // namespace
}  // namespace sovmesh::store_sqlite
