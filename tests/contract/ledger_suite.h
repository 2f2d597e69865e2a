#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "rt/loop.h"
#include "rt/sim/world.h"
#include "store/ledger.h"
#include "tests/support/result_matchers.h"

// What every Ledger does. An adapter includes this once and instantiates it:
//   INSTANTIATE_TEST_SUITE_P(Sqlite, LedgerSuite, testing::Values(make_my_place));
namespace sovmesh::store {

// Where a ledger keeps its rows, and the world it runs in. Booting it again finds what was durable.
class LedgerPlace {
 public:
  virtual ~LedgerPlace() = default;
  virtual Result<std::unique_ptr<Ledger>> boot() = 0;
  // The process dies: nothing that waits in it is written any more. Then the ledger is destroyed.
  virtual void die() = 0;
  virtual rt::Loop& loop() = 0;
  // The ledger's clock; a test may set its wall time.
  virtual const Clock& clock() = 0;
  virtual void jump_wall(std::chrono::microseconds by) = 0;
  virtual bool run_until(const std::function<bool()>& reached) = 0;
};
using MakeLedgerPlace = std::function<std::unique_ptr<LedgerPlace>()>;

class LedgerSuite : public testing::TestWithParam<MakeLedgerPlace> {
 protected:
  struct Attempt {
    rt::Task<void> task;
    std::optional<Result<OpenRow>> result;
  };

  LedgerSuite() : place_(GetParam()()) { boot(); }
  ~LedgerSuite() override {
    for (auto& attempt : attempts_)
      if (attempt->result && *attempt->result) std::move(**attempt->result).settle({});
    ledger_.reset();
  }

  void boot() {
    ledger_.reset();
    auto booted = place_->boot();
    if (!booted) throw std::runtime_error(booted.error().message());
    ledger_ = *std::move(booted);
  }
  metering::Intent intent() {
    return {.request = {ids_.next()},
            .tenant = tenant_,
            .project = project_,
            .key = *KeyId::parse("abcdefghijkl"),
            .model = "tiny",
            .engine = "local",
            .opened_at = wall_now()};
  }
  // The same by another request.
  metering::Intent wanted_again(metering::Intent wanted) {
    wanted.request = {ids_.next()};
    return wanted;
  }
  WallTime wall_now() { return place_->clock().wall_now(); }
  void set_wall(WallTime time) { place_->jump_wall(time - wall_now()); }
  Attempt& start(metering::Intent intent) {
    attempts_.push_back(std::make_unique<Attempt>());
    Attempt& attempt = *attempts_.back();
    attempt.task = open_into(*ledger_, std::move(intent), place_->loop(), attempt.result);
    attempt.task.start();
    return attempt;
  }
  OpenRow open(metering::Intent intent) {
    Attempt& attempt = start(std::move(intent));
    if (!place_->run_until([&] { return attempt.result.has_value(); }))
      throw std::runtime_error("open() did not end");
    if (!*attempt.result) throw std::runtime_error(attempt.result->error().message());
    OpenRow row = *std::move(*attempt.result);
    attempt.result.reset();
    return row;
  }
  Result<void> amend(OpenRow& row, metering::Intent intent) {
    std::optional<Result<void>> done;
    rt::Task<void> task = amend_into(row, std::move(intent), place_->loop(), done);
    task.start();
    if (!place_->run_until([&] { return done.has_value(); }))
      throw std::runtime_error("amend() did not end");
    return *done;
  }
  // One request from its intent to its end.
  void serve(metering::Intent intent, std::int64_t generated) {
    OpenRow row = open(std::move(intent));
    std::move(row).settle(settlement(generated));
  }
  static constexpr WallTime kMidnight{std::chrono::sys_days(std::chrono::year(2030) / 1 / 1)};
  static metering::Settlement settlement(std::int64_t generated) {
    return {.counts = {.prompt = 10,
                       .cached = 4,
                       .generated = generated,
                       .reasoning = 1,
                       .delivered = generated,
                       .source = metering::Source::engine_final},
            .finish = metering::Finish::stop};
  }
  std::vector<UsageSum> sum(const UsageQuery& query) {
    EXPECT_THAT(ledger_->flush(), Succeeds());
    return *ledger_->sum(query);
  }
  std::vector<UsageRow> rows(const UsageQuery& query, std::size_t limit = 100) {
    EXPECT_THAT(ledger_->flush(), Succeeds());
    return *ledger_->rows(query, limit);
  }
  UsageQuery all() const { return {.tenant = tenant_}; }

  std::unique_ptr<LedgerPlace> place_;
  rt::sim::SeededRandom random_{1};
  UlidSource ids_{place_->clock(), random_};
  TenantId tenant_{ids_.next()};
  ProjectId project_{ids_.next()};
  std::vector<std::unique_ptr<Attempt>> attempts_;
  std::unique_ptr<Ledger> ledger_;

 private:
  static rt::Task<void> open_into(Ledger& ledger, metering::Intent intent, rt::Loop& loop,
                                  std::optional<Result<OpenRow>>& out) {
    out.emplace(co_await ledger.open(std::move(intent), loop));
  }
  static rt::Task<void> amend_into(OpenRow& row, metering::Intent intent, rt::Loop& loop,
                                   std::optional<Result<void>>& out) {
    out.emplace(
        co_await row.amend(std::move(intent), loop, rt::Until{rt::Deadline::never(), nullptr}));
  }
};

TEST_P(LedgerSuite, AnOpenRowIsVisibleAndCountsNoTokens) {
  metering::Intent wanted = intent();
  wanted.streamed = true;
  wanted.operation = metering::Operation::completion;
  OpenRow row = open(wanted);
  row.checkpoint({.prompt = 5, .generated = 6});
  const auto seen = rows(all());
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_TRUE(seen[0].open);
  EXPECT_EQ(seen[0].request, wanted.request);
  EXPECT_EQ(seen[0].tenant, wanted.tenant);
  EXPECT_EQ(seen[0].project, wanted.project);
  EXPECT_EQ(seen[0].key, wanted.key);
  EXPECT_EQ(seen[0].model, wanted.model);
  EXPECT_EQ(seen[0].operation, wanted.operation);
  EXPECT_TRUE(seen[0].streamed);
  EXPECT_EQ(seen[0].opened_at, wanted.opened_at);
  const auto sums = sum(all());
  ASSERT_EQ(sums.size(), 1U);
  EXPECT_EQ(sums[0].requests, 1);
  EXPECT_EQ(sums[0].open, 1);
  EXPECT_EQ(sums[0].generated, 0);
  std::move(row).settle({});
}

TEST_P(LedgerSuite, ASettlementIsKeptInFull) {
  metering::Settlement wanted = settlement(7);
  wanted.finish = metering::Finish::client_closed;
  wanted.drift = true;
  wanted.settled_at = wall_now() + std::chrono::seconds(3);
  OpenRow row = open(intent());
  std::move(row).settle(wanted);
  const auto seen = rows(all());
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_FALSE(seen[0].open);
  EXPECT_EQ(seen[0].settlement.counts, wanted.counts);
  EXPECT_EQ(seen[0].settlement.finish, wanted.finish);
  EXPECT_EQ(seen[0].settlement.drift, wanted.drift);
  EXPECT_EQ(seen[0].settlement.settled_at, wanted.settled_at);
}

TEST_P(LedgerSuite, AVoidedRowCountsNowhere) {
  OpenRow row = open(intent());
  std::move(row).void_unused();
  EXPECT_TRUE(rows(all()).empty());
  EXPECT_TRUE(sum(all()).empty() || sum(all())[0].requests == 0);
  place_->die();
  boot();
  EXPECT_TRUE(rows(all()).empty()) << "and is not recovered either";
}

TEST_P(LedgerSuite, WhatWasFlushedOutlivesTheProcess) {
  for (int i = 1; i <= 10; ++i)
    serve(intent(), i);
  ASSERT_THAT(ledger_->flush(), Succeeds());
  place_->die();
  boot();
  EXPECT_EQ(sum(all())[0].requests, 10);
  EXPECT_EQ(sum(all())[0].generated, 55);
  EXPECT_EQ(sum(all())[0].prompt, 100);
  EXPECT_EQ(sum(all())[0].cached, 40);
  EXPECT_EQ(sum(all())[0].delivered, 55);
  EXPECT_EQ(ledger_->stats().recovered, 0U);
}

TEST_P(LedgerSuite, RowsLeftOpenAreRecoveredOnceWithTheirLastCheckpoint) {
  OpenRow row = open(intent());
  OpenRow silent = open(intent());
  row.checkpoint({.prompt = 3, .generated = 1});
  row.checkpoint({.prompt = 3, .cached = 2, .generated = 9, .reasoning = 4, .delivered = 8});
  ASSERT_THAT(ledger_->flush(), Succeeds());
  place_->die();
  std::move(row).settle(settlement(100));
  std::move(silent).settle(settlement(100));
  boot();
  EXPECT_EQ(ledger_->stats().recovered, 2U);
  for (int again = 0; again < 2; ++again) {
    const auto sums = sum(all());
    ASSERT_EQ(sums.size(), 1U);
    EXPECT_EQ(sums[0].requests, 2);
    EXPECT_EQ(sums[0].open, 0);
    EXPECT_EQ(sums[0].prompt, 3);
    EXPECT_EQ(sums[0].generated, 9);
    EXPECT_EQ(sums[0].delivered, 8);
    for (const UsageRow& seen : rows(all())) {
      EXPECT_EQ(seen.settlement.finish, metering::Finish::recovered);
      EXPECT_EQ(seen.settlement.counts.source, metering::Source::recovered);
    }
    boot();
    EXPECT_EQ(ledger_->stats().recovered, 0U);
  }
}

TEST_P(LedgerSuite, TheSameRequestCannotBeOpenTwice) {
  const metering::Intent wanted = intent();
  OpenRow row = open(wanted);
  Attempt& again = start(wanted);
  ASSERT_TRUE(place_->run_until([&] { return again.result.has_value(); }));
  EXPECT_THAT(*again.result, FailsWith(Code::metering_unavailable));
  std::move(row).settle(settlement(5));
  EXPECT_EQ(sum(all())[0].requests, 1);
}

TEST_P(LedgerSuite, ASecondTerminalRecordOfARequestChangesNothing) {
  const metering::Intent wanted = intent();
  serve(wanted, 5);
  ASSERT_THAT(ledger_->flush(), Succeeds());
  metering::Intent later = wanted;
  later.opened_at += std::chrono::seconds(1);
  Attempt& again = start(later);
  ASSERT_TRUE(place_->run_until([&] { return again.result.has_value(); }));
  if (*again.result) std::move(**again.result).settle(settlement(1000));
  again.result.reset();
  EXPECT_EQ(sum(all())[0].generated, 5);
  EXPECT_EQ(sum(all())[0].open, 0);
  EXPECT_EQ(rows(all()).size(), 1U);
}

TEST_P(LedgerSuite, ManyAtOnceAllBecomeDurable) {
  std::vector<Attempt*> started;
  for (int i = 0; i < 500; ++i)
    started.push_back(&start(intent()));
  for (Attempt* attempt : started) {
    ASSERT_TRUE(place_->run_until([&] { return attempt->result.has_value(); }));
    ASSERT_THAT(*attempt->result, Succeeds());
    OpenRow row = *std::move(*attempt->result);
    std::move(row).settle(settlement(2));
    attempt->result.reset();
  }
  EXPECT_EQ(sum(all())[0].requests, 500);
  EXPECT_EQ(sum(all())[0].generated, 1000);
  EXPECT_EQ(ledger_->stats().waiting, 0U);
  EXPECT_LT(ledger_->stats().commits, 500U) << "they share commits";
}

TEST_P(LedgerSuite, ACallerThatGoesAwayLeavesNoOpenRow) {
  start(intent()).task = {};
  ASSERT_THAT(ledger_->flush(), Succeeds());  // open, and closed by who opened it
  ASSERT_THAT(ledger_->flush(), Succeeds());
  ASSERT_EQ(rows(all()).size(), 1U);
  EXPECT_FALSE(rows(all())[0].open);
  EXPECT_EQ(rows(all())[0].settlement.finish, metering::Finish::aborted);
}

TEST_P(LedgerSuite, ReportsSeeOneTenantOnly) {
  serve(intent(), 1);
  metering::Intent foreign = intent();
  foreign.tenant = {ids_.next()};
  serve(foreign, 50);
  EXPECT_EQ(sum(all())[0].generated, 1);
  EXPECT_EQ(rows(all()).size(), 1U);
  EXPECT_EQ(sum({.tenant = foreign.tenant})[0].generated, 50);
  EXPECT_TRUE(rows({.tenant = {ids_.next()}}).empty());
}

TEST_P(LedgerSuite, ReportsFilterByProjectKeyModelAndTime) {
  metering::Intent other = intent();
  other.project = {ids_.next()};
  serve(other, 1);
  other = intent();
  other.key = *KeyId::parse("ABCDEFGHIJKL");
  serve(other, 2);
  other = intent();
  other.model = "big'; --";
  serve(other, 4);
  ASSERT_THAT(ledger_->flush(), Succeeds());
  place_->jump_wall(std::chrono::hours(1));
  const WallTime later = wall_now();
  serve(intent(), 8);
  const auto generated = [&](UsageQuery query) {
    query.tenant = tenant_;
    const auto sums = sum(query);
    return sums.empty() ? 0 : sums[0].generated;
  };
  EXPECT_EQ(generated({.tenant = {}}), 15);
  EXPECT_EQ(generated({.tenant = {}, .project = project_}), 14);
  EXPECT_EQ(generated({.tenant = {}, .key = KeyId::parse("ABCDEFGHIJKL").value()}), 2);
  EXPECT_EQ(generated({.tenant = {}, .model = "big'; --"}), 4);
  EXPECT_EQ(generated({.tenant = {}, .from = later}), 8) << "the time of settlement counts";
  EXPECT_EQ(generated({.tenant = {}, .until = later}), 7) << "and falls on one side";
}

TEST_P(LedgerSuite, SumsAreGrouped) {
  using By = UsageQuery::GroupBy;
  for (int i = 0; i < 4; ++i) {
    if (i % 2 == 0) set_wall(kMidnight + std::chrono::minutes(i / 2 * 2 - 1));
    metering::Intent one = intent();
    one.model = i % 2 == 0 ? "even" : "odd";
    serve(one, 1 << i);
    ASSERT_THAT(ledger_->flush(), Succeeds());
  }
  const auto grouped = [&](By by) {
    std::vector<std::pair<std::string, std::int64_t>> out;
    for (const UsageSum& one : sum({.tenant = tenant_, .group_by = by}))
      out.emplace_back(one.group, one.generated);
    return out;
  };
  using testing::ElementsAre;
  using testing::Pair;
  EXPECT_THAT(grouped(By::none), ElementsAre(Pair("", 15)));
  EXPECT_THAT(grouped(By::model), ElementsAre(Pair("even", 5), Pair("odd", 10)));
  EXPECT_THAT(grouped(By::key), ElementsAre(Pair("abcdefghijkl", 15)));
  EXPECT_THAT(grouped(By::project), ElementsAre(Pair(project_.value.text(), 15)));
  EXPECT_THAT(grouped(By::day), ElementsAre(Pair("2029-12-31", 3), Pair("2030-01-01", 12)));
}

TEST_P(LedgerSuite, RowsComeNewestFirstUpToTheLimit) {
  std::vector<RequestId> order;
  for (int i = 0; i < 5; ++i) {
    metering::Intent one = intent();
    order.insert(order.begin(), one.request);
    serve(one, i);
    ASSERT_THAT(ledger_->flush(), Succeeds());
  }
  const auto seen = rows(all(), 3);
  ASSERT_EQ(seen.size(), 3U);
  for (std::size_t i = 0; i < seen.size(); ++i)
    EXPECT_EQ(seen[i].request, order[i]);
  const auto next = rows({.tenant = tenant_, .before_seq = seen[2].seq}, 3);
  ASSERT_EQ(next.size(), 2U);
  EXPECT_EQ(next[0].request, order[3]);
}

}  // namespace sovmesh::store
