#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rt/sim/world.h"
#include "store_sqlite/ledger_pieces.h"
#include "store_sqlite/ledger_verify.h"
#include "store_sqlite/open.h"
#include "tests/support/result_matchers.h"

// The books of ledger.db: kept sums, retention, and a check that finds what is wrong. The numbers
// of invariants are those of docs/ledger.md.
namespace sovmesh::store_sqlite {
namespace {

using metering::Finish;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using store::OpenRow;
using store::VerifyReport;

constexpr const char* kPath = "/data/ledger.db";
constexpr WallTime kMidnight{std::chrono::sys_days(std::chrono::year(2030) / 1 / 1)};

rt::Task<void> open_into(store::Ledger& ledger, metering::Intent intent, rt::Loop& loop,
                         std::optional<Result<OpenRow>>& out) {
  out.emplace(co_await ledger.open(std::move(intent), loop));
}

class LedgerBooksTest : public testing::Test {
 protected:
  LedgerBooksTest() {
    options_.reserve_bytes = 20'000;
    boot();
  }

  void boot() {
    ledger_.reset();
    auto runner = std::make_unique<ManualRunner>();
    runner_ = runner.get();
    auto opened = open_ledger(disk_, kPath, world_.clock(), std::move(runner), options_);
    if (!opened) throw std::runtime_error(opened.error().message());
    ledger_ = *std::move(opened);
  }
  void set_wall(WallTime time) { world_.jump_wall(time - world_.clock().wall_now()); }
  OpenRow open(metering::Intent wanted) {
    std::optional<Result<OpenRow>> result;
    auto task = open_into(*ledger_, std::move(wanted), world_.loop(), result);
    task.start();
    if (!ledger_->flush()) throw std::runtime_error("flush");
    world_.run_for(milliseconds(0));
    if (!result || !*result) throw std::runtime_error("open");
    return **std::move(result);
  }
  metering::Intent intent(const std::string& model = "tiny") {
    return {.request = {ids_.next()},
            .tenant = tenant_,
            .key = *KeyId::parse("abcdefghijkl"),
            .model = model,
            .engine = "local",
            .opened_at = world_.clock().wall_now(),
            .price = price_};
  }
  static metering::Settlement end(std::int64_t generated) {
    return {.counts = {.prompt = 10, .generated = generated, .delivered = generated},
            .finish = Finish::stop};
  }
  void serve(metering::Intent wanted, std::int64_t generated) {
    OpenRow row = open(std::move(wanted));
    std::move(row).settle(end(generated));
    ASSERT_THAT(ledger_->flush(), Succeeds());
  }
  // Lets the writer find that nothing is due, until it has nothing to tidy either.
  void be_quiet() {
    for (int i = 0; i < 2'000; ++i) {
      world_.run_for(minutes(2));
      const auto before = disk_.changes();
      runner_->step();
      if (disk_.changes() == before) return;
    }
    FAIL() << "it never ends";
  }
  // Changes the file behind the ledger's back.
  void tamper(const std::string& sql) {
    auto other = Database::open(disk_, kPath, {});
    ASSERT_THAT(other, Succeeds());
    ASSERT_THAT(other->execute(sql.c_str()), Succeeds());
    ASSERT_EQ(other->changed_rows(), 1) << sql;
  }
  std::string today() { return partition_name(day_of(world_.clock().wall_now())); }
  VerifyReport verified() {
    auto report = ledger_->verify();
    if (!report) throw std::runtime_error(report.error().message());
    return *std::move(report);
  }
  std::int64_t count(const std::string& sql) {
    return *Database::open(disk_, kPath, {})->number(sql);
  }

  rt::sim::SimWorld world_{1};
  SimDisk disk_{1};
  LedgerOptions options_;
  UlidSource ids_{world_.clock(), world_.random()};
  TenantId tenant_{ids_.next()};
  std::shared_ptr<const metering::Price> price_ = *metering::Price::make({.model = "tiny",
                                                                          .currency = "EUR",
                                                                          .call = 1,
                                                                          .input = 100'000,
                                                                          .output = 2'000'000,
                                                                          .output_ns = 1'000'000,
                                                                          .milliwatts = 100'000});
  std::unique_ptr<store::Ledger> ledger_;
  ManualRunner* runner_ = nullptr;
};

TEST_F(LedgerBooksTest, AreCleanWhenNobodyHasTouchedThem) {  // I7
  for (int i = 0; i < 20; ++i)
    serve(intent(i % 2 == 0 ? "tiny" : "big"), i);
  OpenRow running = open(intent());
  const VerifyReport report = verified();
  EXPECT_TRUE(report.clean());
  EXPECT_EQ(report.rows, 20);
  EXPECT_EQ(report.first_seq, 1);
  EXPECT_EQ(report.last_seq, 20);
  EXPECT_EQ(report.subjects, 2);
  EXPECT_EQ(report.sums, 2 * 4);
  EXPECT_EQ(report.totals.generated, 190);
  EXPECT_EQ(report.totals.cost_micro, 20 * (1 + 1) + 2 * 190);
  EXPECT_EQ(ledger_->stats().verified, 1U);
  EXPECT_EQ(ledger_->stats().drift_tokens, 0);
  std::move(running).settle({});
}

// The defect that the check is there for, in each place where it can hide.
TEST_F(LedgerBooksTest, OneChangedRowIsFoundWithItsExactDrift) {  // I7
  for (int i = 0; i < 5; ++i)
    serve(intent(), 100);
  tamper("UPDATE " + today() + " SET generated = generated - 7 WHERE seq = 3");
  const VerifyReport report = verified();
  EXPECT_FALSE(report.clean());
  EXPECT_EQ(report.drift_tokens, 7);
  EXPECT_EQ(report.drift_micro, 0) << "the cost still stands there";
  EXPECT_EQ(report.mispriced, 1) << "and does not follow from the counts";
  EXPECT_EQ(report.mispriced_micro, 14);
  EXPECT_EQ(report.rollup_drifts, 3);
  ASSERT_EQ(report.drifts.size(), 4U);
  EXPECT_EQ(report.drifts.back().where, "balance");
  EXPECT_EQ(report.drifts.back().tokens, 7);
  EXPECT_EQ(report.drifts.back().tenant, tenant_);
  EXPECT_EQ(report.drifts.back().model, "tiny");
  EXPECT_EQ(ledger_->stats().drift_tokens, 7);
}

TEST_F(LedgerBooksTest, EveryDefectIsFound) {  // I7
  const std::vector<std::string> defects{
      "UPDATE %s SET cost = cost + 1 WHERE seq = 2",
      "UPDATE %s SET prompt = 11 WHERE seq = 2",
      "UPDATE %s SET delivered = 0 WHERE seq = 2",
      "UPDATE %s SET gse = gse + 1 WHERE seq = 2",
      "UPDATE %s SET energy = energy + 1 WHERE seq = 2",
      "UPDATE %s SET drift = 1 WHERE seq = 2",
      "UPDATE %s SET finish = 9 WHERE seq = 2",
      "UPDATE %s SET terminal = 2 WHERE seq = 2",
      "UPDATE %s SET subject = 2 WHERE seq = 1",
      "UPDATE %s SET subject = 77 WHERE seq = 1",
      "UPDATE %s SET price = 0 WHERE seq = 2",
      "UPDATE %s SET booked_at = booked_at + 60000000 WHERE seq = 3",
      "DELETE FROM %s WHERE seq = 1",
      "DELETE FROM %s WHERE seq = 2",
      "DELETE FROM %s WHERE seq = 3",
      "UPDATE balance SET generated = generated + 1 WHERE subject = 1",
      "UPDATE balance SET cost = cost - 1 WHERE subject = 1",
      "UPDATE balance SET unpriced = unpriced + 1 WHERE subject = 1",
      "DELETE FROM balance WHERE subject = 1",
      "UPDATE by_minute SET requests = requests + 1 WHERE subject = 1",
      "UPDATE by_quarter SET last_seq = last_seq + 1 WHERE subject = 1",
      "UPDATE by_day SET generated = generated + 1 WHERE subject = 1",
      "DELETE FROM by_minute WHERE subject = 1",
      "DELETE FROM by_quarter WHERE subject = 2",
      "DELETE FROM by_day WHERE subject = 1",
      "UPDATE by_day SET price = 9 WHERE subject = 1",
      "INSERT INTO carried SELECT * FROM balance WHERE subject = 1",
      "UPDATE price SET text = replace(text, 'call=1', 'call=2')",
  };
  serve(intent(), 10);
  serve(intent("big"), 20);
  serve(intent(), 30);
  ASSERT_TRUE(verified().clean());
  const std::string table = today();
  for (std::string sql : defects) {
    SCOPED_TRACE(sql);
    if (const auto at = sql.find("%s"); at != sql.npos) sql.replace(at, 2, table);
    // In a transaction that is not committed: only this connection sees it.
    auto other = Database::open(disk_, kPath, {});
    ASSERT_THAT(other->execute("BEGIN IMMEDIATE"), Succeeds());
    ASSERT_THAT(other->execute(sql.c_str()), Succeeds());
    ASSERT_EQ(other->changed_rows(), 1);
    const auto report = verify_in(*other, metering::power_model());
    ASSERT_THAT(report, Succeeds());
    EXPECT_FALSE(report->clean());
    ASSERT_THAT(other->execute("ROLLBACK"), Succeeds());
  }
  EXPECT_TRUE(verified().clean());
}

TEST_F(LedgerBooksTest, AreCheckedWhileTheLedgerIsAtWorkAndWhenItIsNot) {
  serve(intent(), 10);
  OpenRow row = open(intent());
  std::move(row).settle(end(5));
  EXPECT_EQ(verified().rows, 1) << "what is not durable yet is in none of both";
  ledger_.reset();
  const auto offline = verify_ledger(disk_, kPath);
  ASSERT_THAT(offline, Succeeds());
  EXPECT_TRUE(offline->clean());
  EXPECT_EQ(offline->rows, 2);
  EXPECT_THAT(verify_ledger(disk_, "/data/none.db"), FailsWith(Code::data_dir_invalid));
}

TEST_F(LedgerBooksTest, ARequestOverMidnightIsBookedOnTheDayOfItsEnd) {  // I2, I5
  set_wall(kMidnight - seconds(10));
  OpenRow row = open(intent());
  const RequestId request = row.request();
  set_wall(kMidnight + seconds(10));
  std::move(row).settle(end(3));
  ASSERT_THAT(ledger_->flush(), Succeeds());
  EXPECT_EQ(ledger_->sum({.tenant = tenant_, .from = kMidnight})->at(0).generated, 3);
  EXPECT_TRUE(verified().clean());
  // The same request again, a day later: its terminal record stands in another table.
  set_wall(kMidnight + days(1) + hours(1));
  serve(intent(), 1);
  metering::Intent again = intent();
  again.request = request;
  serve(again, 1'000);
  EXPECT_EQ(ledger_->sum({.tenant = tenant_})->at(0).generated, 4);
  EXPECT_EQ(ledger_->stats().failures, 1U);
  EXPECT_EQ((*ledger_->find(request))->settlement.counts.generated, 3);
  EXPECT_TRUE(verified().clean());
}

TEST_F(LedgerBooksTest, OldRowsGoAwayADayAtATimeAndTheirSumsStay) {  // I9
  options_.retention = {.rows = days(3), .quarters = days(6), .minutes = days(2)};
  boot();
  for (int day = 0; day < 10; ++day) {
    set_wall(kMidnight + days(day) + hours(7));
    serve(intent(), 1 << day);
    serve(intent("big"), 1 << day);
    be_quiet();
    const VerifyReport report = verified();
    ASSERT_TRUE(report.clean()) << day;
    EXPECT_LE(report.partitions, 5);
  }
  EXPECT_EQ(ledger_->stats().partitions_dropped, 6U);
  EXPECT_EQ(count("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'usage_%' AND type ="
                  " 'table'"),
            4);
  EXPECT_EQ(count("SELECT count(*) FROM by_minute"), 2 * 3);
  EXPECT_EQ(count("SELECT count(*) FROM by_quarter"), 2 * 7);
  EXPECT_EQ(count("SELECT count(*) FROM by_day"), 2 * 10);
  EXPECT_EQ(ledger_->rows({.tenant = tenant_}, 100)->size(), 8U);
  EXPECT_EQ(ledger_->sum({.tenant = tenant_})->at(0).generated, 2 * 1023);
  const auto from_day = [&](int day, hours hour) {
    return ledger_->sum({.tenant = tenant_, .from = kMidnight + days(day) + hour});
  };
  EXPECT_EQ(from_day(1, hours(0))->at(0).generated, 2 * 1022) << "whole days are kept for ever";
  EXPECT_EQ(from_day(5, hours(9))->at(0).generated, 2 * (1023 - 63));
  EXPECT_THAT(from_day(1, hours(9)), FailsWith(Code::invalid_value)) << "neither rows nor quarters";
  // What is carried is a part of the check.
  tamper("UPDATE carried SET generated = generated + 5 WHERE subject = 1");
  EXPECT_EQ(verified().drift_tokens, 5);
  tamper("UPDATE carried SET generated = generated - 5 WHERE subject = 1");
  boot();
  EXPECT_TRUE(verified().clean());
}

TEST_F(LedgerBooksTest, ADroppedDayTakesNoPlaceFromTheNextOne) {
  options_.retention = {.rows = days(1)};
  boot();
  std::int64_t most = 0;
  for (int day = 0; day < 30; ++day) {
    set_wall(kMidnight + days(day));
    for (int i = 0; i < 50; ++i)
      serve(intent(), 1);
    be_quiet();
    if (day == 10) most = *disk_.size(kPath);
  }
  EXPECT_LT(*disk_.size(kPath), most * 3 / 2) << "pages are used again";
}

TEST_F(LedgerBooksTest, NothingIsTidiedWhileSomebodyWaits) {
  options_.retention = {.rows = days(0), .minutes = days(0)};
  boot();
  serve(intent(), 1);
  set_wall(kMidnight + days(3));
  serve(intent(), 1);
  world_.run_for(minutes(5));
  std::optional<Result<OpenRow>> result;
  auto task = open_into(*ledger_, intent(), world_.loop(), result);
  task.start();
  runner_->step();  // a commit is due: that one, and nothing else
  EXPECT_EQ(count("SELECT count(*) FROM partition"), 2);
  world_.run_for(milliseconds(0));
  ASSERT_TRUE(result && *result);
  be_quiet();
  EXPECT_EQ(count("SELECT count(*) FROM partition"), 1);
  std::move(**result).settle(end(1));
}

TEST_F(LedgerBooksTest, AHugeCountOfAnEngineIsCutAndBreaksNothing) {
  OpenRow row = open(intent());
  std::move(row).settle({.counts = {.prompt = INT64_MAX, .cached = -5, .generated = INT64_MAX},
                         .finish = Finish::stop});
  ASSERT_THAT(ledger_->flush(), Succeeds());
  const auto sums = ledger_->sum({.tenant = tenant_});
  EXPECT_EQ(sums->at(0).generated, metering::kTokensMax);
  EXPECT_EQ(sums->at(0).cached, 0);
  EXPECT_TRUE(ledger_->accepts());
  EXPECT_TRUE(verified().clean());
}

// Prices by time are charged for the shorter time of two clocks.
TEST_F(LedgerBooksTest, AClockThatIsSetDoesNotBillTime) {  // I4
  price_ = *metering::Price::make(
      {.model = "own", .currency = "EUR", .concurrency_hour = 3'600'000'000});
  const auto charged = [&](seconds real, seconds by_wall) {
    metering::Intent wanted = intent();
    const RequestId request = wanted.request;
    OpenRow row = open(std::move(wanted));
    world_.run_for(real);
    metering::Settlement closing = end(1);
    closing.settled_at = (*ledger_->find(request))->opened_at + by_wall;
    std::move(row).settle(closing);
    EXPECT_THAT(ledger_->flush(), Succeeds());
    return (*ledger_->find(request))->charge.cost_micro;
  };
  EXPECT_EQ(charged(seconds(9), seconds(9)), 9'000'000);
  EXPECT_EQ(charged(seconds(9), hours(9'000)), 9'000'000);
  EXPECT_EQ(charged(seconds(9), seconds(2)), 2'000'000);
  EXPECT_EQ(charged(seconds(9), seconds(-5)), 0);
  EXPECT_TRUE(verified().clean());
}

TEST(LedgerClaimsBounds, RefuseWithAClearError) {
  const WallTime now = kMidnight;
  Claims claims({.total = 3, .per_tenant = 2});
  const auto key = [](unsigned char n) {
    metering::Idempotency out;
    out.key[0] = n;
    return out;
  };
  const TenantId one{Ulid::from_bytes({1})};
  const TenantId two{Ulid::from_bytes({2})};
  const RequestId request{Ulid::from_bytes({9})};
  EXPECT_THAT(claims.claim(one, key(1), request, now), Succeeds());
  EXPECT_THAT(claims.claim(one, key(2), request, now), Succeeds());
  const auto of_tenant = claims.claim(one, key(3), request, now);
  ASSERT_THAT(of_tenant, FailsWith(Code::queue_full));
  EXPECT_EQ(of_tenant.error().blame(), Blame::client);
  EXPECT_THAT(claims.claim(two, key(1), request, now), Succeeds());
  const auto in_total = claims.claim(two, key(2), request, now);
  ASSERT_THAT(in_total, FailsWith(Code::queue_full));
  EXPECT_EQ(in_total.error().blame(), Blame::us);
  claims.unclaim(one, key(1).key, request);
  EXPECT_THAT(claims.claim(two, key(2), request, now), Succeeds());
  EXPECT_THAT(claims.claim(one, key(3), request, now + Claims::kKeep), Succeeds());
  EXPECT_EQ(claims.size(), 1U) << "the others are a day old";
}

}  // namespace
}  // namespace sovmesh::store_sqlite
