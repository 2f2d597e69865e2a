#include "store_sqlite/ledger_requests.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rt/sim/world.h"
#include "store_sqlite/open.h"
#include "tests/support/result_matchers.h"

// What a page of a list of requests may cost. tests/contract has what is in it.
namespace sovmesh::store_sqlite {
namespace {

using store::OpenRow;
using store::RequestPage;
using store::RequestQuery;

constexpr WallTime kMidnight{std::chrono::sys_days(std::chrono::year(2030) / 1 / 1)};

class LedgerRequestsTest : public testing::Test {
 protected:
  LedgerRequestsTest() {
    options_.reserve_bytes = 20'000;
    boot();
    world_.jump_wall(kMidnight - world_.clock().wall_now());
  }
  void boot() {
    ledger_.reset();
    auto runner = std::make_unique<ManualRunner>();
    runner_ = runner.get();
    auto opened =
        open_ledger(disk_, "/data/ledger.db", world_.clock(), std::move(runner), options_);
    if (!opened) throw std::runtime_error(opened.error().message());
    ledger_ = *std::move(opened);
  }
  static rt::Task<void> open_into(store::Ledger& ledger, metering::Intent intent, rt::Loop& loop,
                                  std::vector<OpenRow>& out) {
    Result<OpenRow> row = co_await ledger.open(std::move(intent), loop);
    if (row) out.push_back(*std::move(row));
  }
  static KeyId key_of(int number) {
    std::string text = std::to_string(number);
    return *KeyId::parse(std::string(12 - text.size(), 'k') + text);
  }
  // So many requests of a tenant's keys, in one commit or a few.
  void serve(TenantId tenant, int count, int keys) {
    std::vector<OpenRow> rows;
    std::vector<rt::Task<void>> tasks;
    for (int i = 0; i < count; ++i) {
      metering::Intent intent{.request = {ids_.next()},
                              .tenant = tenant,
                              .key = key_of(i % keys),
                              .model = "tiny",
                              .engine = "local",
                              .opened_at = world_.clock().wall_now()};
      tasks.push_back(open_into(*ledger_, std::move(intent), world_.loop(), rows));
      tasks.back().start();
    }
    ASSERT_THAT(ledger_->flush(), Succeeds());
    world_.run_for(std::chrono::milliseconds(0));
    ASSERT_EQ(std::ssize(rows), count);
    for (OpenRow& row : rows)
      std::move(row).settle({.counts = {.generated = 1}});
    ASSERT_THAT(ledger_->flush(), Succeeds());
  }
  // Days of a busy tenant, with one request of a quiet one in the middle of each.
  void fill(int days, int keys_of_quiet) {
    for (int day = 0; day < days; ++day) {
      for (int hour = 0; hour < 24; hour += 2) {
        serve(busy_, 1'000, 5);
        if (hour == 12) serve(quiet_, keys_of_quiet, keys_of_quiet);
        world_.jump_wall(std::chrono::hours(2));
      }
    }
  }
  RequestPage page(const RequestQuery& query) {
    auto found = ledger_->requests(query);
    EXPECT_THAT(found, Succeeds());
    return found ? *std::move(found) : RequestPage();
  }

  rt::sim::SimWorld world_{1};
  SimDisk disk_{1};
  LedgerOptions options_;
  UlidSource ids_{world_.clock(), world_.random()};
  TenantId busy_{ids_.next()};
  TenantId quiet_{ids_.next()};
  std::unique_ptr<store::Ledger> ledger_;
  ManualRunner* runner_ = nullptr;
};

TEST_F(LedgerRequestsTest, AQuietKeyIsFoundByItsSumsAmongManyRowsOfOthers) {
  fill(3, 1);
  const RequestPage found = page({.tenant = quiet_});
  EXPECT_EQ(found.rows.size(), 3U);
  EXPECT_FALSE(found.next) << "36,000 rows of others cost nothing";
}

TEST_F(LedgerRequestsTest, APageLooksAtSoManyRowsAndSaysHowFarItCame) {
  constexpr int kKeys = 30;  // more than are looked up one by one
  fill(2, kKeys);
  std::size_t found = 0;
  std::size_t pages = 0;
  RequestQuery query{.tenant = quiet_};
  std::optional<WallTime> until;
  for (;;) {
    const RequestPage one = page(query);
    found += one.rows.size();
    ++pages;
    ASSERT_LE(pages, 10U);
    if (!one.next) break;
    ASSERT_TRUE(one.searched_until);
    if (until) EXPECT_LE(*one.searched_until, *until);
    until = one.searched_until;
    query.after = one.next;
  }
  EXPECT_EQ(found, 2U * kKeys);
  EXPECT_GE(pages, 24'000U / static_cast<std::size_t>(kRequestLooksMax));
}

TEST_F(LedgerRequestsTest, AllIsFoundWhereSumsOfMinutesAreKeptNoMore) {
  options_.retention.minutes = std::chrono::days(0);
  boot();
  fill(2, 3);
  for (int i = 0; i < 1'000; ++i) {
    world_.run_for(std::chrono::minutes(2));
    const auto before = disk_.changes();
    runner_->step();
    if (disk_.changes() == before) break;
  }
  const RequestPage found = page({.tenant = quiet_});
  EXPECT_EQ(found.rows.size(), 6U);
}

TEST_F(LedgerRequestsTest, NobodysFilterEndsAtOnce) {
  fill(1, 1);
  const RequestPage found = page({.tenant = TenantId{ids_.next()}});
  EXPECT_TRUE(found.rows.empty());
  EXPECT_FALSE(found.next);
}

}  // namespace
}  // namespace sovmesh::store_sqlite
