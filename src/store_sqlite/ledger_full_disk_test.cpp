#include <algorithm>
#include <cerrno>

#include "store_sqlite/ledger_test.h"

namespace sovmesh::store_sqlite {
namespace {

TEST_F(LedgerTest, OnAFullDiskRunningRequestsSettleAndNewOnesWait) {
  boot();
  std::vector<OpenRow> running;
  for (int i = 0; i < 60; ++i)  // more than fits into the log as making the tables left it
    running.push_back(opened());
  disk_.set_capacity(disk_.used());
  Attempt& refused = open();
  world_.run_for(milliseconds(10));
  runner_->step();
  deliver();
  EXPECT_THAT(*refused.result, FailsWith(Code::metering_unavailable));
  EXPECT_FALSE(ledger_->accepts());
  for (OpenRow& row : running)
    std::move(row).settle({.counts = {.generated = 2}});
  world_.run_for(milliseconds(250));
  runner_->step();
  EXPECT_EQ(ledger_->stats().waiting, 0U) << "the reserve held them";
  EXPECT_FALSE(ledger_->accepts());
  EXPECT_EQ(ledger_->sum({.tenant = tenant_})->at(0).generated, 120);
  disk_.set_capacity(INT64_MAX);
  world_.run_for(milliseconds(250));
  runner_->step();
  EXPECT_TRUE(ledger_->accepts()) << "by itself";
  std::move(opened()).settle({});
}

TEST_F(LedgerTest, OnAFullDiskWhoSavesIsServedFromTheReserve) {
  options_.reserve_bytes = 4 * LedgerWriter::kReserveSlice;
  boot();
  std::vector<OpenRow> running;
  for (int i = 0; i < 60; ++i)
    running.push_back(opened());
  disk_.set_capacity(disk_.used());
  std::optional<Result<void>> saved;
  rt::Task<void> saving;
  const auto save = [&](std::int64_t generated) {
    saved.reset();
    saving = save_into(running.back(), {.generated = generated}, world_.loop(),
                       {rt::Deadline::never(), nullptr}, saved);
    saving.start();
  };
  bool was_full = false;
  for (int round = 1; round <= 20; ++round) {
    for (OpenRow& row : running)
      row.checkpoint({.generated = 100 * round});
    save(100 * round + 1);
    for (int i = 0; i < 4 && !saved; ++i) {
      world_.run_for(milliseconds(10));
      runner_->step();
      deliver();
    }
    ASSERT_TRUE(saved);
    EXPECT_THAT(*saved, Succeeds()) << round;
    EXPECT_EQ(running.back().durable(), 100 * round + 1);
    EXPECT_EQ(running.front().durable(), 100 * round) << "in the same commit";
    was_full = was_full || ledger_->stats().disk_full;
  }
  EXPECT_TRUE(was_full);
  disk_.fail_write(1, ENOSPC, SimDisk::kForever);
  save(10'000);
  for (int i = 0; i < 60 && !saved; ++i) {
    world_.run_for(milliseconds(10));
    runner_->step();
    deliver();
  }
  ASSERT_TRUE(saved);
  EXPECT_THAT(*saved, FailsWith(Code::metering_unavailable));
  EXPECT_EQ(running.back().durable(), 2'001);
  disk_.fail_write(0, 0);
  for (OpenRow& row : running)
    std::move(row).settle({});
}

rt::Task<void> amend_into(OpenRow& row, metering::Intent intent, rt::Loop& loop,
                          std::optional<Result<void>>& out) {
  const rt::Until until{rt::Deadline::never(), nullptr};
  out.emplace(co_await row.amend(std::move(intent), loop, until));
}

TEST_F(LedgerTest, AnAmendmentThatWaitsForTheReserveIsAmongWhatWaits) {
  boot();
  std::vector<OpenRow> running;
  for (int i = 0; i < 60; ++i)
    running.push_back(opened());
  disk_.set_capacity(disk_.used());
  std::optional<Result<void>> amended;
  rt::Task<void> amending =
      amend_into(running.back(), intent_of(running.back().request()), world_.loop(), amended);
  amending.start();
  Attempt& refused = open();
  world_.run_for(milliseconds(10));
  EXPECT_EQ(ledger_->stats().waiting, 2U);
  runner_->step();
  deliver();
  EXPECT_TRUE(ledger_->stats().disk_full);
  ASSERT_TRUE(refused.result);
  EXPECT_THAT(*refused.result, FailsWith(Code::metering_unavailable));
  EXPECT_FALSE(amended);
  EXPECT_EQ(ledger_->stats().waiting, 1U);
  for (int i = 0; i < 4 && !amended; ++i) {
    runner_->step();
    deliver();
    world_.run_for(milliseconds(10));
  }
  EXPECT_TRUE(amended && *amended);
  EXPECT_EQ(ledger_->stats().waiting, 0U);
  for (OpenRow& row : running)
    std::move(row).settle({});
}

TEST_F(LedgerTest, OnAFullDiskCheckpointsAreAsSoonDurableAsEver) {
  boot();
  std::vector<OpenRow> running;
  for (int i = 0; i < 60; ++i)
    running.push_back(opened());
  disk_.set_capacity(disk_.used());
  Attempt& refused = open();
  world_.run_for(milliseconds(10));
  runner_->step();
  EXPECT_TRUE(ledger_->stats().disk_full);
  runner_->step();
  for (int round = 1; round <= 3; ++round) {
    const std::uint64_t before = ledger_->stats().records;
    for (OpenRow& row : running)
      row.checkpoint({.generated = 64 * round}, store::Haste::now);
    world_.run_for(milliseconds(20));
    runner_->step();
    EXPECT_EQ(ledger_->stats().records, before + running.size()) << "within 20 ms";
  }
  for (OpenRow& row : running)
    std::move(row).settle({});
  deliver();
  EXPECT_THAT(*refused.result, FailsWith(Code::metering_unavailable));
}

TEST_F(LedgerTest, WhatElseWritesToAFullDiskDoesNotGetTheReserve) {
  options_.reserve_bytes = 16 * LedgerWriter::kReserveSlice;
  boot();
  std::vector<OpenRow> running;
  for (int i = 0; i < 300; ++i)
    running.push_back(opened());
  EXPECT_EQ(ledger_->stats().reserve_left, options_.reserve_bytes);
  disk_.set_capacity(disk_.used());
  Attempt& refused = open();
  for (int i = 0; i < 20 && !running.empty(); ++i) {
    for (int j = 0; j < 30 && !running.empty(); ++j) {
      std::move(running.back()).settle({.counts = {.generated = 2}});
      running.pop_back();
    }
    for (int k = 0; k < 4; ++k) {
      world_.run_for(milliseconds(50));
      runner_->step();
    }
    disk_.set_capacity(disk_.used());
  }
  deliver();
  EXPECT_THAT(*refused.result, FailsWith(Code::metering_unavailable));
  EXPECT_EQ(ledger_->stats().waiting, 0U);
  EXPECT_TRUE(ledger_->stats().disk_full);
  EXPECT_EQ(ledger_->sum({.tenant = tenant_})->at(0).generated, 600);
  disk_.set_capacity(disk_.used() + options_.reserve_bytes / 4);
  world_.run_for(milliseconds(250));
  runner_->step();
  EXPECT_FALSE(ledger_->accepts()) << "the reserve would fit, and nothing else";
  disk_.set_capacity(INT64_MAX);
  world_.run_for(milliseconds(250));
  runner_->step();
  EXPECT_TRUE(ledger_->accepts());
  EXPECT_FALSE(ledger_->stats().disk_full);
  EXPECT_EQ(ledger_->stats().reserve_left, options_.reserve_bytes);
}

TEST_F(LedgerTest, AStartOnAFullDiskBorrowsFromTheReserve) {
  options_.reserve_bytes = 1'000'000;
  boot();
  OpenRow row = opened();
  disk_.kill_now();
  std::move(row).settle({});
  ledger_.reset();
  disk_.power_on();
  disk_.set_capacity(disk_.used());
  EXPECT_FALSE(open_control_store(disk_, "/data/control.db", world_.clock())) << "there is no room";

  EXPECT_THAT(lend_reserve(disk_, kPath, 500'000), HasValue(500'000));
  EXPECT_EQ(*disk_.size(reserve_path(kPath)), 500'000);
  EXPECT_THAT(lend_reserve(disk_, kPath, 500'000), HasValue(0)) << "there is as much free";
  EXPECT_THAT(open_control_store(disk_, "/data/control.db", world_.clock()), Succeeds());
  disk_.set_capacity(disk_.used() + 450'000);
  boot();
  EXPECT_EQ(*disk_.size(reserve_path(kPath)), 500'000) << "what it lent is needed by others yet";
  EXPECT_EQ(ledger_->stats().recovered, 1U);
  EXPECT_TRUE(ledger_->stats().disk_full);
  EXPECT_FALSE(ledger_->accepts());
  disk_.set_capacity(INT64_MAX);
  world_.run_for(std::chrono::seconds(1));
  for (int i = 0; i < 5 && !ledger_->accepts(); ++i)
    runner_->step();
  EXPECT_TRUE(ledger_->accepts());
  EXPECT_EQ(ledger_->stats().reserve_left, 1'000'000);
}

TEST_F(LedgerTest, AReserveThatIsSmallerThanWhatIsWantedIsLentWhole) {
  boot();
  ledger_.reset();
  disk_.set_capacity(disk_.used());
  EXPECT_THAT(lend_reserve(disk_, kPath, 10'000'000), HasValue(100'000));
  EXPECT_THAT(lend_reserve(disk_, kPath, 10'000'000), HasValue(0)) << "nothing is left";
}

// A server that dies again and again on a full disk, beside something that takes what is free.
TEST_F(LedgerTest, WhatAStartDoesNotUseOfItsLoanGoesBackIntoTheReserve) {
  options_.reserve_bytes = 10'000'000;
  boot();
  for (int i = 0; i < 5; ++i) {
    disk_.kill_now();
    ledger_.reset();
    disk_.power_on();
    disk_.set_capacity(disk_.used());
    const auto lent = lend_reserve(disk_, kPath, 4'000'000);
    ASSERT_THAT(lent, HasValue(4'000'000));
    options_.loan = std::make_shared<Loan>();
    options_.loan->bytes = *lent;
    boot();
    EXPECT_TRUE(ledger_->stats().disk_full);
    world_.run_for(std::chrono::seconds(1));
    runner_->step();
    EXPECT_LT(ledger_->stats().reserve_left, 6'500'000) << "the start goes on";
    options_.loan->is_over = true;
    world_.run_for(std::chrono::seconds(1));
    runner_->step();
    EXPECT_EQ(*disk_.free_bytes(kPath), kLeftFree);
    EXPECT_EQ(ledger_->stats().reserve_left, *disk_.size(reserve_path(kPath)));
  }
  EXPECT_GT(ledger_->stats().reserve_left, 10'000'000 - 5 * (kLeftFree + 100'000));
  EXPECT_FALSE(ledger_->accepts());
}

TEST_F(LedgerTest, AStartThatFindsNoRoomGivesUpWhatItNeedsInSlices) {
  options_.reserve_bytes = 8 * LedgerWriter::kReserveSlice;
  boot();
  std::vector<OpenRow> rows;
  for (int k = 0; k < 1'000; ++k)
    rows.push_back(opened());
  disk_.kill_now();
  for (OpenRow& row : rows)
    std::move(row).settle({});
  ledger_.reset();
  disk_.power_on();
  disk_.set_capacity(disk_.used());
  boot();
  EXPECT_EQ(ledger_->stats().recovered, 1'000U);
  EXPECT_GE(ledger_->stats().reserve_left,
            options_.reserve_bytes - 4 * LedgerWriter::kReserveSlice);
  EXPECT_LT(ledger_->stats().reserve_left, options_.reserve_bytes) << "it did need one";
}

}  // namespace
}  // namespace sovmesh::store_sqlite
