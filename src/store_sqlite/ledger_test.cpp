#include "store_sqlite/ledger_test.h"

#include <algorithm>
#include <cerrno>

#include "store_sqlite/ledger_untold.h"

namespace sovmesh::store_sqlite {
namespace {

TEST_F(LedgerTest, AClientThatLeavesWhileItsIntentIsWrittenIsInTheBooksWithoutTokens) {
  boot();
  rt::Event gone(world_.loop());
  for (const bool late : {false, true}) {
    gone.clear();
    Attempt& attempt = open({rt::Deadline::never(), &gone});
    if (late) ASSERT_THAT(ledger_->flush(), Succeeds());  // durable; the loop does not know yet
    gone.set();
    deliver();
    ASSERT_TRUE(attempt.result);
    EXPECT_THAT(*attempt.result, FailsWith(Code::cancelled));
    ASSERT_THAT(ledger_->flush(), Succeeds());
    deliver();
  }
  ASSERT_THAT(ledger_->flush(), Succeeds());
  ASSERT_EQ(rows().size(), 2U);
  for (const store::UsageRow& row : rows()) {
    EXPECT_FALSE(row.open);
    EXPECT_EQ(row.settlement.finish, Finish::client_closed);
    EXPECT_EQ(row.settlement.counts.generated, 0);
  }
}

TEST_F(LedgerTest, ACheckpointInHasteStartsACommit) {
  boot();
  OpenRow row = opened();
  runner_->step();
  const auto commits = [this] { return ledger_->stats().commits; };
  const std::uint64_t before = commits();
  row.checkpoint({.generated = 63});
  EXPECT_FALSE(runner_->woken()) << "others wait for a commit that comes anyway";
  world_.run_for(milliseconds(21));
  runner_->step();
  EXPECT_EQ(commits(), before);
  row.checkpoint({.generated = 64}, store::Haste::now);
  EXPECT_TRUE(runner_->woken());
  runner_->step();
  EXPECT_EQ(commits(), before + 1);
  row.checkpoint({.generated = 128}, store::Haste::now);
  EXPECT_FALSE(runner_->step() == microseconds(0)) << "commits stay apart";
  EXPECT_EQ(commits(), before + 1);
  world_.run_for(milliseconds(20));
  runner_->step();
  EXPECT_EQ(commits(), before + 2);
  runner_->step();
  std::move(row).settle({.counts = {.generated = 192}});
  EXPECT_TRUE(runner_->woken());
  world_.run_for(milliseconds(20));
  runner_->step();
  EXPECT_EQ(rows().front().settlement.counts.generated, 192);
}

// What is in haste may take its time; who waits for a commit must not have to wait for it.
TEST_F(LedgerTest, WhoWaitsIsNotHeldUpByWhatIsInHaste) {
  boot();
  OpenRow row = opened();
  row.checkpoint({.generated = 64}, store::Haste::now);
  const auto pause = runner_->step();
  ASSERT_TRUE(pause);
  EXPECT_GT(*pause, milliseconds(5));
  EXPECT_FALSE(runner_->woken());
  row.checkpoint({.generated = 128}, store::Haste::now);
  EXPECT_FALSE(runner_->woken()) << "the commit is under way already";
  open();
  EXPECT_TRUE(runner_->woken());
  EXPECT_LE(*runner_->step(), milliseconds(5));
  world_.run_for(milliseconds(20));
  runner_->step();
  deliver();
  std::move(row).settle({});
}

TEST_F(LedgerTest, WhoSavesWaitsUntilTheCountsAreDurable) {
  boot();
  OpenRow row = opened();
  runner_->step();
  world_.run_for(milliseconds(10));
  std::optional<Result<void>> saved;
  auto saving = save_into(row, {.prompt = 7, .generated = 2'000}, world_.loop(),
                          {rt::Deadline::never(), nullptr}, saved);
  saving.start();
  deliver();
  EXPECT_FALSE(saved);
  EXPECT_TRUE(runner_->woken());
  runner_->step();
  deliver();
  ASSERT_TRUE(saved);
  EXPECT_THAT(*saved, Succeeds());
  disk_.power_loss();
  std::move(row).settle({});
  ledger_.reset();
  boot();
  ASSERT_EQ(rows().size(), 1U);
  EXPECT_EQ(rows().front().settlement.finish, Finish::recovered);
  EXPECT_EQ(rows().front().settlement.counts.generated, 2'000);
  EXPECT_EQ(rows().front().settlement.counts.prompt, 7);
}

TEST_F(LedgerTest, ARowKnowsWhatOfItIsDurable) {
  boot();
  OpenRow row = opened();
  EXPECT_EQ(row.durable(), 0);
  row.checkpoint({.generated = 70}, store::Haste::now);
  EXPECT_EQ(row.durable(), 0) << "handed over";
  world_.run_for(milliseconds(20));
  runner_->step();
  EXPECT_EQ(row.durable(), 70);
  runner_->step();
  row.start_over();
  EXPECT_TRUE(runner_->woken()) << "what was counted is not to be charged";
  world_.run_for(milliseconds(20));
  runner_->step();
  EXPECT_EQ(row.durable(), 0);
  runner_->step();
  row.start_over();
  EXPECT_FALSE(runner_->woken()) << "there is nothing in it";
  OpenRow other = std::move(row);
  other.checkpoint({.generated = 7});
  ASSERT_THAT(ledger_->flush(), Succeeds());
  EXPECT_EQ(other.durable(), 7);
  std::move(other).settle({});
}

// Checkpoints that come early cost nothing at usual rates: a stream makes the ledger commit no more
// often than one that asks for it with every 64 tokens.
TEST_F(LedgerTest, AStreamOfAUsualRateStartsNoMoreCommitsThanOneForEvery64Tokens) {
  boot();
  const auto commits_in_ten_seconds = [this](int per_second, bool by_rate) {
    OpenRow row = opened();
    const std::uint64_t before = ledger_->stats().commits;
    Instant last = world_.now();
    std::int64_t hurried = 0;
    for (std::int64_t ms = 1; ms <= 10'000; ++ms) {
      world_.run_for(milliseconds(1));
      const std::int64_t made = ms * per_second / 1'000;
      const auto since_last = world_.now() - last;
      const bool in_haste =
          by_rate ? row.wants_checkpoint(made, since_last) : made - hurried >= OpenRow::kUnsavedMax;
      if (in_haste || since_last >= milliseconds(250)) {
        row.checkpoint({.generated = made}, in_haste ? store::Haste::now : store::Haste::none);
        last = world_.now();
      }
      if (in_haste) hurried = made;
      if (ms % 5 == 0) runner_->step();
    }
    std::move(row).settle({});
    EXPECT_THAT(ledger_->flush(), Succeeds());
    return ledger_->stats().commits - before;
  };
  for (const int per_second : {5, 50, 100, 150, 200, 249}) {
    EXPECT_LE(commits_in_ten_seconds(per_second, true), commits_in_ten_seconds(per_second, false))
        << per_second;
  }
  EXPECT_LE(commits_in_ten_seconds(100'000, true), 10 * 50U + 2) << "20 ms apart";
}

TEST_F(LedgerTest, WhoSavesOnABadDiskIsToldAndKeepsTheRow) {
  boot();
  OpenRow row = opened();
  runner_->step();
  world_.run_for(milliseconds(10));
  const auto save = [&](std::optional<Result<void>>& out, rt::Until until) {
    return save_into(row, {.generated = 100}, world_.loop(), until, out);
  };
  std::optional<Result<void>> late;
  auto first = save(late, {world_.loop().in(milliseconds(20)), nullptr});
  first.start();
  world_.run_for(milliseconds(30));
  ASSERT_TRUE(late);
  EXPECT_THAT(*late, FailsWith(Code::metering_unavailable));
  disk_.fail_sync(1, EIO, SimDisk::kForever);
  std::optional<Result<void>> refused;
  auto second = save(refused, {rt::Deadline::never(), nullptr});
  second.start();
  runner_->step();
  deliver();
  ASSERT_TRUE(refused);
  EXPECT_THAT(*refused, FailsWith(Code::metering_unavailable));
  EXPECT_TRUE(row.is_open());
  std::move(row).settle({});
}

TEST_F(LedgerTest, TheCallersDeadlineHoldsBeforeTheLedgersOwn) {
  boot();
  Attempt& attempt = open({world_.loop().in(milliseconds(300)), nullptr});
  world_.run_for(milliseconds(310));
  ASSERT_TRUE(attempt.result);
  EXPECT_THAT(*attempt.result, FailsWith(Code::metering_unavailable));
  ASSERT_THAT(ledger_->flush(), Succeeds());
  deliver();
  ASSERT_THAT(ledger_->flush(), Succeeds());
  ASSERT_EQ(rows().size(), 1U);
  EXPECT_EQ(rows().front().settlement.finish, Finish::aborted);
}

TEST_F(LedgerTest, OpenResolvesOnlyWhenTheIntentIsOnDisk) {
  boot();
  const auto before = disk_.syncs();
  Attempt& attempt = open();
  deliver();
  EXPECT_TRUE(runner_->woken());
  EXPECT_FALSE(attempt.result);
  EXPECT_EQ(runner_->step(), microseconds(0));
  EXPECT_EQ(disk_.syncs(), before + 1);
  deliver();
  ASSERT_TRUE(attempt.result);
  EXPECT_THAT(*attempt.result, Succeeds());
}

TEST_F(LedgerTest, OneCommitTakesAllThatWaitsAndCommitsKeepTheirDistance) {
  boot();
  open();
  runner_->step();
  const auto commits = ledger_->stats().commits;
  for (int i = 0; i < 50; ++i)
    open();
  EXPECT_EQ(runner_->step(), microseconds(5'000));
  EXPECT_EQ(ledger_->stats().commits, commits);
  world_.run_for(milliseconds(5));
  EXPECT_EQ(runner_->step(), microseconds(0));
  EXPECT_EQ(ledger_->stats().commits, commits + 1);
  deliver();
  for (const auto& attempt : attempts_)
    EXPECT_TRUE(attempt->result);
}

TEST_F(LedgerTest, ALargeCommitIsFollowedByOneThatTakesMoreAlong) {
  boot();
  for (int i = 0; i < 64; ++i)
    open();
  ASSERT_THAT(ledger_->flush(), Succeeds());
  open();
  EXPECT_EQ(runner_->step(), microseconds(7'500));
  world_.run_for(microseconds(7'500));
  EXPECT_EQ(runner_->step(), microseconds(0));
  open();
  EXPECT_EQ(runner_->step(), microseconds(5'000)) << "that one was small";
}

// Rows go to disk in groups, and in another order than they were settled.
TEST_F(LedgerTest, ManyRowsOfOneCommitAreEachSettledWithTheirOwnCounts) {
  constexpr int kRows = 29;
  boot();
  std::vector<RequestId> requests;
  for (int i = 0; i < kRows; ++i)
    open(requests.emplace_back(ids_.next()));
  ASSERT_THAT(ledger_->flush(), Succeeds());
  deliver();
  constexpr int kStaysOpen = 13;
  for (int i = 0; i < kRows; ++i) {
    const int n = i * 12 % kRows;
    if (n == kStaysOpen) continue;
    auto& result = attempts_[static_cast<std::size_t>(n)]->result;
    std::move(**result).settle({.counts = {.generated = 100 + n}, .finish = Finish::stop});
    result.reset();
  }
  ASSERT_THAT(ledger_->flush(), Succeeds());
  const auto found = rows();
  ASSERT_EQ(found.size(), static_cast<std::size_t>(kRows));
  for (int n = 0; n < kRows; ++n) {
    const auto row = std::ranges::find(found, requests[static_cast<std::size_t>(n)],
                                       [](const auto& one) { return one.request; });
    ASSERT_NE(row, found.end());
    EXPECT_EQ(row->open, n == kStaysOpen);
    if (!row->open) EXPECT_EQ(row->settlement.counts.generated, 100 + n);
  }
  EXPECT_EQ(ledger_->stats().failures, 0U);
}

TEST_F(LedgerTest, OfTwoTerminalRecordsTheFirstStandsAndTheSecondIsCounted) {
  boot();
  std::vector<RequestId> requests;
  for (const int generated : {5, 6}) {
    attempts_.clear();
    for (std::size_t i = 0; i < 10; ++i) {
      if (generated == 5) requests.push_back({ids_.next()});
      if (generated == 5 || i % 2 == 0) open(requests[i]);
    }
    ASSERT_THAT(ledger_->flush(), Succeeds());
    deliver();
    for (auto& attempt : attempts_) {
      std::move(**attempt->result).settle({.counts = {.generated = generated}});
      attempt->result.reset();
    }
    ASSERT_THAT(ledger_->flush(), Succeeds());
  }
  const auto found = rows();
  ASSERT_EQ(found.size(), 10U);
  for (const auto& row : found)
    EXPECT_EQ(row.settlement.counts.generated, 5);
  EXPECT_EQ(ledger_->stats().failures, 5U);
}

TEST_F(LedgerTest, ASettlementWakesNobodyAndIsWrittenWithinItsDelay) {
  boot();
  OpenRow row = opened();
  EXPECT_EQ(runner_->step(), milliseconds(50));
  std::move(row).settle({.counts = {.prompt = 3, .generated = 5}, .finish = Finish::stop});
  EXPECT_FALSE(runner_->woken());
  EXPECT_EQ(ledger_->stats().waiting, 1U);
  world_.run_for(milliseconds(50));
  runner_->step();
  EXPECT_EQ(ledger_->stats().waiting, 0U);
  ASSERT_EQ(rows().size(), 1U);
  EXPECT_FALSE(rows()[0].open);
  EXPECT_EQ(rows()[0].settlement.counts.generated, 5);
  EXPECT_EQ(runner_->step(), std::nullopt) << "nothing is open: the writer sleeps until woken";
}

TEST_F(LedgerTest, CheckpointsOfOneRequestAreWrittenOnce) {
  boot();
  OpenRow row = opened();
  for (int n = 1; n <= 20; ++n)
    row.checkpoint({.prompt = 7, .generated = n, .delivered = n, .source = Source::engine_live});
  runner_->step();
  EXPECT_EQ(ledger_->stats().waiting, 20U);
  world_.run_for(milliseconds(250));
  runner_->step();
  EXPECT_EQ(ledger_->stats().waiting, 0U);
  std::move(row).settle({});
}

// What was made in vain is billed to nobody, also when the process ends before it is made again.
TEST_F(LedgerTest, ARowThatStartedOverIsRecoveredWithNothing) {
  boot();
  OpenRow row = opened();
  row.checkpoint({.prompt = 7, .generated = 200});
  ASSERT_THAT(ledger_->flush(), Succeeds());
  row.start_over();
  ASSERT_THAT(ledger_->flush(), Succeeds());
  EXPECT_EQ(row.durable(), 0);
  EXPECT_FALSE(row.wants_checkpoint(31, milliseconds(250)));
  EXPECT_TRUE(row.wants_checkpoint(64, milliseconds(250)));
  disk_.power_loss();
  std::move(row).settle({});
  ledger_.reset();
  boot();
  ASSERT_EQ(rows().size(), 1U);
  EXPECT_EQ(rows()[0].settlement.finish, Finish::recovered);
  EXPECT_EQ(rows()[0].settlement.counts, (metering::Counts{.source = Source::recovered}));
}

TEST_F(LedgerTest, RowsLeftOpenAreRecoveredWithTheirLastCheckpoint) {
  boot();
  OpenRow row = opened();
  row.checkpoint({.prompt = 7, .cached = 1, .generated = 9, .reasoning = 2, .delivered = 8});
  ASSERT_THAT(ledger_->flush(), Succeeds());
  disk_.power_loss();
  std::move(row).settle({});
  ledger_.reset();
  boot();
  EXPECT_EQ(ledger_->stats().recovered, 1U);
  ASSERT_EQ(rows().size(), 1U);
  const metering::Settlement end = rows()[0].settlement;
  EXPECT_FALSE(rows()[0].open);
  EXPECT_EQ(end.finish, Finish::recovered);
  EXPECT_EQ(end.counts, (metering::Counts{.prompt = 7,
                                          .cached = 1,
                                          .generated = 9,
                                          .reasoning = 2,
                                          .delivered = 8,
                                          .source = Source::recovered}));
}

TEST_F(LedgerTest, RowsOfARunThatWasCutShortAreUntoldUntilSomebodyIsTold) {
  const auto crash = [this](int rows) {
    std::vector<OpenRow> left;
    for (int i = 0; i < rows; ++i)
      left.push_back(opened());
    disk_.power_loss();
    for (OpenRow& row : left)
      std::move(row).settle({});
    ledger_.reset();
    boot();
  };
  boot();
  std::move(opened()).settle({});
  ASSERT_THAT(ledger_->flush(), Succeeds());
  EXPECT_TRUE(ledger_->untold(10)->empty());
  crash(3);
  ASSERT_EQ(ledger_->untold(10)->size(), 4U) << "who was told of the first may have forgotten it";
  EXPECT_EQ(ledger_->untold(2)->size(), 2U);
  EXPECT_EQ(ledger_->untold(10)->front().settlement.finish, Finish::stop);
  EXPECT_EQ(ledger_->untold(10)->back().settlement.finish, Finish::recovered);

  ASSERT_THAT(ledger_->told(ledger_->untold(2)->back().seq), Succeeds());
  EXPECT_EQ(ledger_->untold(10)->size(), 2U);
  std::move(opened()).settle({});
  std::move(opened()).void_unused();
  ASSERT_THAT(ledger_->flush(), Succeeds());
  EXPECT_EQ(ledger_->untold(10)->size(), 2U) << "whoever runs is told by others";
  crash(1);
  const auto left = *ledger_->untold(10);
  ASSERT_EQ(left.size(), 5U) << "of two boots, and what came between";
  EXPECT_TRUE(std::ranges::is_sorted(left, {}, &store::UsageRow::seq));
  EXPECT_EQ(std::ranges::count(left, true, &store::UsageRow::voided), 1);
  ASSERT_THAT(ledger_->told(left.back().seq), Succeeds());
  EXPECT_TRUE(ledger_->untold(10)->empty());
  crash(0);
  EXPECT_TRUE(ledger_->untold(10)->empty());
  crash(1);
  EXPECT_EQ(ledger_->untold(10)->size(), 1U);
}

TEST_F(LedgerTest, ARunThatEndsByItselfLeavesNoRowUntold) {
  boot();
  std::move(opened()).settle({});
  ledger_.reset();
  boot();
  EXPECT_TRUE(ledger_->untold(10)->empty());
  std::move(opened()).settle({});
  ASSERT_THAT(ledger_->flush(), Succeeds());
  disk_.power_loss();
  ledger_.reset();
  boot();
  EXPECT_EQ(ledger_->untold(10)->size(), 1U) << "of the last run alone";
  ledger_.reset();
  boot();
  EXPECT_EQ(ledger_->untold(10)->size(), 1U) << "nobody was told";
}

// A log that was off for years does not get years of rows.
TEST_F(LedgerTest, ManyRowsAreNotUntold) {
  boot();
  constexpr std::int64_t more = kUntoldMax + 2;
  constexpr int at_once = 2'000;
  for (std::int64_t made = 0; made < more; made += at_once) {
    for (int i = 0; i < at_once && made + i < more; ++i)
      open();
    world_.run_for(milliseconds(10));
    runner_->step();
    deliver();
    for (auto& attempt : attempts_)
      if (attempt->result) std::move(**attempt->result).settle({});
    attempts_.clear();
  }
  ASSERT_THAT(ledger_->flush(), Succeeds());
  disk_.power_loss();
  ledger_.reset();
  boot();
  const auto untold = ledger_->untold(more);
  ASSERT_EQ(untold->size(), std::size_t{kUntoldMax});
  EXPECT_EQ(untold->front().seq, 3);
}

TEST_F(LedgerTest, RefusesWhenTheQueueIsFull) {
  boot();
  for (std::size_t i = 0; i < Mailbox::kOpeningsMax; ++i) {
    EXPECT_TRUE(ledger_->accepts());
    open();
  }
  EXPECT_FALSE(ledger_->accepts());
  EXPECT_THAT(*open().result, FailsWith(Code::metering_unavailable));
  runner_->step();
  EXPECT_TRUE(ledger_->accepts());
  deliver();
}

TEST_F(LedgerTest, AFailedSyncIsTheEndAndIsNeverRetried) {
  boot();
  OpenRow running = opened();
  disk_.fail_sync(1, EIO);
  Attempt& attempt = open();
  world_.run_for(milliseconds(10));
  runner_->step();
  deliver();
  EXPECT_THAT(*attempt.result, FailsWith(Code::metering_unavailable));
  EXPECT_FALSE(ledger_->accepts());
  const auto syncs = disk_.syncs();
  std::move(running).settle({});
  EXPECT_THAT(ledger_->flush(), FailsWith(Code::metering_unavailable));
  EXPECT_THAT(*open().result, FailsWith(Code::metering_unavailable));
  world_.run_for(std::chrono::minutes(1));
  runner_->step();
  EXPECT_EQ(disk_.syncs(), syncs);
  EXPECT_FALSE(ledger_->accepts());
}

// One of them was told that it owes nothing, though its prompt was on the disk; of another one more
// was delivered than that; of the third nobody knows.
TEST_F(LedgerTest, WhatEndedWhileTheSyncFailedIsChargedWhatItWasTold) {
  boot();
  std::vector<OpenRow> rows;
  for (int i = 0; i < 3; ++i) {
    rows.push_back(opened());
    rows.back().checkpoint({.prompt = 40, .generated = 5, .delivered = 5});
  }
  ASSERT_THAT(ledger_->flush(), Succeeds());
  disk_.fail_sync(1, EIO);
  std::vector<RequestId> ids;
  for (OpenRow& row : rows) {
    ids.push_back(row.request());
    std::move(row).settle({});
  }
  EXPECT_THAT(ledger_->flush(), FailsWith(Code::metering_unavailable));
  std::vector<RequestId> asked;
  options_.ended = [&](const std::vector<RequestId>& requests) {
    asked = requests;
    return std::map<RequestId, metering::Counts>{
        {ids[0], {}}, {ids[1], {.prompt = 40, .cached = 8, .generated = 90}}};
  };
  boot();
  EXPECT_EQ(asked, ids);
  const auto counts = [&](std::size_t i) {
    const auto row = ledger_->find(ids[i]);
    EXPECT_TRUE(row && *row);
    EXPECT_EQ((*row)->settlement.finish, metering::Finish::recovered);
    return (*row)->settlement.counts;
  };
  using metering::Source;
  EXPECT_EQ(counts(0), (metering::Counts{.source = Source::recovered}));
  EXPECT_EQ(counts(1), (metering::Counts{.prompt = 40,
                                         .cached = 8,
                                         .generated = 90,
                                         .delivered = 5,
                                         .source = Source::recovered}));
  EXPECT_EQ(counts(2),
            (metering::Counts{
                .prompt = 40, .generated = 5, .delivered = 5, .source = Source::recovered}));
  EXPECT_TRUE(ledger_->verify()->clean());
}

// Who delivers holds back what a crash would lose: on a full disk the reserve has room for counts,
// and when that is used up nobody waits.
// What a kill would lose is bounded on a full disk, too.
// Somebody else who writes takes every byte that is free, and still every row in flight is closed.
TEST_F(LedgerTest, AnOpeningWhoseCallerWentAwayIsClosed) {
  boot();
  open().task = {};
  runner_->step();
  deliver();
  ASSERT_THAT(ledger_->flush(), Succeeds());
  ASSERT_EQ(rows().size(), 1U);
  EXPECT_EQ(rows()[0].settlement.finish, Finish::aborted);
}

// With an Idempotency-Key an engine is asked only once the row is open: none was.
TEST_F(LedgerTest, AnOpeningWithAKeyWhoseCallerWentAwayIsVoid) {
  boot();
  metering::Intent intent{.request = {ids_.next()},
                          .tenant = tenant_,
                          .key = *KeyId::parse("abcdefghijkl"),
                          .opened_at = world_.clock().wall_now(),
                          .idempotency = metering::Idempotency{}};
  const auto claim = [&] {
    return ledger_->claim(tenant_, *intent.idempotency, intent.request)->state;
  };
  ASSERT_EQ(claim(), store::ClaimResult::State::claimed);
  std::optional<Result<OpenRow>> result;
  const rt::Until until{rt::Deadline::never(), nullptr};
  auto task = keep(*ledger_, intent, world_.loop(), until, result);
  task.start();
  world_.run_for(milliseconds(10));
  task = {};
  runner_->step();
  deliver();
  ASSERT_THAT(ledger_->flush(), Succeeds());
  const auto row = ledger_->find(intent.request);
  ASSERT_TRUE(row && *row);
  EXPECT_TRUE((*row)->voided);
  EXPECT_EQ(claim(), store::ClaimResult::State::claimed) << "free for another attempt";
}

// A worker that has ended while the disk hung: nobody is told on its loop any more.
TEST_F(LedgerTest, ACallerThatHasGoneIsNeverPostedTo) {
  struct CountingLoop : rt::Loop {
    explicit CountingLoop(const Clock& clock) : Loop(clock) {}
    ~CountingLoop() override { mark_ended(true); }
    void post(std::move_only_function<void()> work) override {
      ++posts;
      work();
    }
    void stop() override {}
    int posts = 0;
  };
  for (const bool stops : {false, true}) {
    SCOPED_TRACE(stops);
    boot();
    CountingLoop loop(world_.clock());
    const rt::Until until{rt::Deadline::never(), nullptr};
    metering::Intent intent{.request = {ids_.next()},
                            .tenant = tenant_,
                            .key = *KeyId::parse("abcdefghijkl"),
                            .opened_at = world_.clock().wall_now()};
    std::optional<Result<OpenRow>> result;
    auto task = keep(*ledger_, intent, loop, until, result);
    task.start();
    task = {};
    if (!stops) {
      world_.run_for(milliseconds(10));
      runner_->step();
      ASSERT_THAT(ledger_->flush(), Succeeds());
      EXPECT_EQ((*ledger_->find(intent.request))->settlement.finish, Finish::aborted);
    }
    ledger_.reset();
    EXPECT_EQ(loop.posts, 0);
  }
}

TEST_F(LedgerTest, TheSameRequestIsNeverOpenTwice) {
  boot();
  OpenRow row = opened();
  metering::Intent again{.request = row.request(),
                         .tenant = tenant_,
                         .key = *KeyId::parse("abcdefghijkl"),
                         .opened_at = world_.clock().wall_now()};
  std::optional<Result<OpenRow>> result;
  const rt::Until until{rt::Deadline::never(), nullptr};
  auto task = keep(*ledger_, again, world_.loop(), until, result);
  task.start();
  world_.run_for(milliseconds(10));
  runner_->step();
  deliver();
  EXPECT_THAT(*result, FailsWith(Code::metering_unavailable));
  std::move(row).settle({});
}

TEST_F(LedgerTest, TheLogIsCopiedBackInQuietMoments) {
  options_.log_pages_soft = 10;
  boot();
  for (int i = 0; i < 30; ++i) {
    std::move(opened()).settle({});
    runner_->step();
  }
  EXPECT_LT(*disk_.size(std::string(kPath) + "-wal"), 40 * 4200);
  EXPECT_GT(*disk_.size(kPath), 4096 * 4);
}

TEST_F(LedgerTest, ALockedDatabaseRefusesIntentsAndKeepsSettlements) {
  boot();
  OpenRow row = opened();
  auto other = Database::open(disk_, kPath, {});
  {
    auto lock = Transaction::begin(*other);
    ASSERT_THAT(lock, Succeeds());
    std::move(row).settle({.counts = {.generated = 6}});
    Attempt& refused = open();
    world_.run_for(milliseconds(10));
    runner_->step();
    deliver();
    EXPECT_THAT(*refused.result, FailsWith(Code::metering_unavailable));
    EXPECT_TRUE(ledger_->accepts()) << "a lock is no reason to turn the next one away";
  }
  world_.run_for(milliseconds(250));
  runner_->step();
  EXPECT_EQ(ledger_->sum({.tenant = tenant_})->at(0).generated, 6);
}

TEST_F(LedgerTest, AWholeVacuumLosesNothing) {
  boot();
  for (int i = 0; i < 50; ++i)
    std::move(opened()).settle({.counts = {.generated = 2}});
  ledger_.reset();
  {
    auto database = Database::open(disk_, kPath, {});
    ASSERT_THAT(database->execute("PRAGMA integrity_check; VACUUM"), Succeeds());
    EXPECT_THAT(database->quick_check(), Succeeds());
  }
  boot();
  EXPECT_EQ(ledger_->sum({.tenant = tenant_})->at(0).requests, 50);
  EXPECT_EQ(ledger_->sum({.tenant = tenant_})->at(0).generated, 100);
}

TEST_F(LedgerTest, ARowStaysSmall) {
  boot();
  for (int i = 0; i < 2'000; ++i)
    std::move(opened()).settle({.counts = {.prompt = 1'000, .generated = 300, .delivered = 300},
                                .settled_at = world_.clock().wall_now()});
  ledger_.reset();
  EXPECT_LT(*disk_.size(kPath), 2'000 * 200);
}

TEST_F(LedgerTest, StoppingWritesWhatWasHandedOver) {
  boot();
  OpenRow row = opened();
  std::move(row).settle({.counts = {.generated = 4}});
  ledger_.reset();
  boot();
  EXPECT_EQ(ledger_->stats().recovered, 0U);
  EXPECT_EQ(ledger_->sum({.tenant = tenant_})->at(0).generated, 4);
}

}  // namespace
}  // namespace sovmesh::store_sqlite
