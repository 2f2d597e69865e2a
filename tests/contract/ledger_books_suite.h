#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/contract/ledger_suite.h"

// What every Ledger's books do: money, reports, checks. The numbers of invariants are those of
// docs/ledger.md.
namespace sovmesh::store {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

inline std::shared_ptr<const metering::Price> test_price(std::int64_t output = 2'000'000,
                                                         std::string currency = "EUR") {
  return *metering::Price::make({.model = "tiny",
                                 .currency = std::move(currency),
                                 .call = 7,
                                 .input = 1'000'000,
                                 .cached_input = 100'000,
                                 .output = output,
                                 .prompt_ns = 10'000,
                                 .output_ns = 1'000'000,
                                 .milliwatts = 300'000,
                                 .co2_g_per_kwh = 100});
}
// What settlement(generated) costs by it: 6 + 0.4 + 2 x generated + 7.
constexpr std::int64_t test_cost(std::int64_t generated) { return 13 + 2 * generated; }

TEST_P(LedgerSuite, ARowIsChargedByTheIntentsPrice) {  // I4
  metering::Intent wanted = intent();
  wanted.price = test_price();
  wanted.currency = "SEK";  // the price's own counts
  wanted.model_revision = "r7";
  wanted.user = "ida";
  wanted.cost_centre = "4711";
  wanted.reserved_tokens = 99;
  wanted.input_characters = 40;
  serve(wanted, 30);
  const auto seen = rows(all());
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_TRUE(seen[0].is_priced());
  EXPECT_EQ(seen[0].price_version, wanted.price->id());
  const auto stored = ledger_->price(seen[0].price_version);
  ASSERT_TRUE(stored && *stored);
  EXPECT_EQ((*stored)->text(), wanted.price->text());
  EXPECT_EQ(*ledger_->price("p-000000000000"), nullptr);
  EXPECT_EQ(seen[0].currency, "EUR");
  EXPECT_EQ(seen[0].charge.cost_micro, test_cost(30));
  EXPECT_EQ(seen[0].charge.gse_us, 60 + 30'000);
  EXPECT_EQ(seen[0].charge.energy.millijoules, 9'018);
  EXPECT_EQ(seen[0].charge.energy.method, metering::EnergyMethod::estimated);
  EXPECT_EQ(seen[0].model_revision, "r7");
  EXPECT_EQ(seen[0].user, "ida");
  EXPECT_EQ(seen[0].cost_centre, "4711");
  EXPECT_EQ(seen[0].engine, "local");
  EXPECT_EQ(seen[0].reserved_tokens, 99);
  EXPECT_EQ(seen[0].characters, 40);
  EXPECT_GT(seen[0].seq, 0);
  const auto sums = sum(all());
  ASSERT_EQ(sums.size(), 1U);
  EXPECT_EQ(sums[0].cost_micro, test_cost(30));
  EXPECT_EQ(sums[0].currency, "EUR");
  EXPECT_EQ(sums[0].gse_us, 30'060);
  EXPECT_EQ(sums[0].energy_mj, 9'018);
  EXPECT_EQ(sums[0].unpriced, 0);
  EXPECT_EQ(sums[0].first_seq, seen[0].seq);
  EXPECT_EQ(sums[0].last_seq, seen[0].seq);
}

// The same request, answered by a dearer model on another engine.
inline metering::Intent amended(metering::Intent wanted) {
  wanted.engine = "other";
  wanted.model_revision = "spare@2";
  wanted.price = test_price(5'000'000);
  wanted.reserved_tokens = 55;
  return wanted;
}
constexpr std::int64_t amended_cost(std::int64_t generated) { return 13 + 5 * generated; }

TEST_P(LedgerSuite, AnAmendedRowIsChargedByItsLastPrice) {  // I4, I10
  metering::Intent wanted = intent();
  wanted.price = test_price();
  wanted.user = "ida";
  OpenRow row = open(wanted);
  row.checkpoint({.prompt = 3, .generated = 1});
  metering::Intent next = amended(wanted);
  next.opened_at += std::chrono::hours(1);  // is what it was
  ASSERT_THAT(amend(row, next), Succeeds());
  const auto open = rows(all());
  ASSERT_EQ(open.size(), 1U);
  EXPECT_TRUE(open[0].open);
  EXPECT_EQ(open[0].engine, "other");
  EXPECT_EQ(open[0].model_revision, "spare@2");
  EXPECT_EQ(open[0].price_version, next.price->id());
  EXPECT_EQ(open[0].checkpoint.generated, 0) << "that was the other engine's";
  std::move(row).settle(settlement(30));
  const auto seen = rows(all());
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].engine, "other");
  EXPECT_EQ(seen[0].model_revision, "spare@2");
  EXPECT_EQ(seen[0].user, "ida");
  EXPECT_EQ(seen[0].reserved_tokens, 55);
  EXPECT_EQ(seen[0].opened_at, wanted.opened_at);
  EXPECT_EQ(seen[0].price_version, next.price->id());
  EXPECT_EQ(seen[0].charge.cost_micro, amended_cost(30));
  const auto sums = sum(all());
  ASSERT_EQ(sums.size(), 1U);
  EXPECT_EQ(sums[0].requests, 1);
  EXPECT_EQ(sums[0].cost_micro, amended_cost(30));
  EXPECT_THAT(ledger_->verify(), Succeeds());
  EXPECT_TRUE(ledger_->verify()->clean());
}

TEST_P(LedgerSuite, AnAmendedRowIsRecoveredByItsLastPrice) {  // I3, I4, I10
  metering::Intent wanted = intent();
  wanted.price = test_price();
  OpenRow twice = open(wanted);
  OpenRow silent = open(wanted_again(wanted));
  twice.checkpoint({.prompt = 7, .generated = 1'000});
  silent.checkpoint({.prompt = 7, .generated = 1'000});
  for (OpenRow* row : {&twice, &silent}) {
    metering::Intent next = amended(wanted);
    next.request = row->request();
    next.price = test_price(9'000'000);
    ASSERT_THAT(amend(*row, next), Succeeds());
    next.price = test_price(5'000'000);
    ASSERT_THAT(amend(*row, next), Succeeds());
  }
  twice.checkpoint({.prompt = 10, .cached = 4, .generated = 6, .delivered = 6});
  ASSERT_THAT(ledger_->flush(), Succeeds());
  place_->die();
  std::move(twice).settle(settlement(100));
  std::move(silent).settle(settlement(100));
  boot();
  EXPECT_EQ(ledger_->stats().recovered, 2U);
  for (const UsageRow& seen : rows(all())) {
    EXPECT_EQ(seen.price_version, test_price(5'000'000)->id());
    EXPECT_EQ(seen.model_revision, "spare@2");
    const bool is_silent = seen.settlement.counts.generated == 0;
    EXPECT_EQ(seen.settlement.counts.generated, is_silent ? 0 : 6);
    EXPECT_EQ(seen.settlement.counts.prompt, is_silent ? 0 : 10);
    if (!is_silent) EXPECT_EQ(seen.charge.cost_micro, amended_cost(6));
  }
}

TEST_P(LedgerSuite, AnAmendedRowKeepsItsIdempotencyKey) {  // I8, I10
  metering::Intent wanted = intent();
  metering::Idempotency key;
  key.key[0] = 9;
  ASSERT_THAT(ledger_->claim(tenant_, key, wanted.request), Succeeds());
  wanted.idempotency = key;
  OpenRow row = open(wanted);
  ASSERT_THAT(amend(row, amended(wanted)), Succeeds());
  std::move(row).settle(settlement(5));
  ASSERT_THAT(ledger_->flush(), Succeeds());
  const auto again = ledger_->claim(tenant_, key, {ids_.next()});
  ASSERT_THAT(again, Succeeds());
  EXPECT_EQ(again->state, ClaimResult::State::finished);
  EXPECT_EQ(again->request, wanted.request);
}

TEST_P(LedgerSuite, WhatHasNoPriceIsVisible) {
  metering::Intent priced = intent();
  priced.price = test_price();
  serve(priced, 1);
  metering::Intent unpriced = intent();
  unpriced.currency = "EUR";
  serve(unpriced, 2);
  const auto sums = sum(all());
  ASSERT_EQ(sums.size(), 1U);
  EXPECT_EQ(sums[0].requests, 2);
  EXPECT_EQ(sums[0].unpriced, 1);
  EXPECT_EQ(sums[0].cost_micro, test_cost(1));
  EXPECT_FALSE(rows(all())[0].is_priced());
  EXPECT_EQ(ledger_->stats().unpriced, 1U);
}

TEST_P(LedgerSuite, CurrenciesAreNeverAddedUp) {
  for (const char* currency : {"EUR", "DKK"}) {
    metering::Intent one = intent();
    one.price = test_price(2'000'000, currency);
    serve(one, 1);
  }
  const auto sums = sum(all());
  ASSERT_EQ(sums.size(), 2U);
  EXPECT_EQ(sums[0].currency, "DKK");
  EXPECT_EQ(sums[1].currency, "EUR");
  EXPECT_EQ(sums[1].cost_micro, test_cost(1));
}

TEST_P(LedgerSuite, ARecoveredRowIsChargedByThePriceItBeganWith) {  // I3, I4
  metering::Intent wanted = intent();
  wanted.price = test_price();
  OpenRow row = open(wanted);
  row.checkpoint({.prompt = 10, .cached = 4, .generated = 5, .delivered = 5});
  OpenRow silent = open(wanted_again(wanted));
  ASSERT_THAT(ledger_->flush(), Succeeds());
  place_->die();
  std::move(row).settle(settlement(100));
  std::move(silent).settle(settlement(100));
  boot();
  const auto seen = rows(all());
  ASSERT_EQ(seen.size(), 2U);
  std::int64_t cost = 0;
  for (const UsageRow& one : seen) {
    EXPECT_TRUE(one.is_recovered());
    EXPECT_EQ(one.price_version, wanted.price->id());
    EXPECT_EQ(one.charge.cost_micro, one.settlement.counts.generated == 5 ? test_cost(5) : 0);
    cost += one.charge.cost_micro;
  }
  EXPECT_EQ(cost, test_cost(5)) << "never more than was delivered";
  EXPECT_EQ(sum(all())[0].recovered, 2);
  EXPECT_THAT(ledger_->verify(), Succeeds());
  EXPECT_TRUE(ledger_->verify()->clean());
}

TEST_P(LedgerSuite, TimeInTheBooksNeverGoesBack) {  // I6
  set_wall(kMidnight);
  serve(intent(), 1);
  ASSERT_THAT(ledger_->flush(), Succeeds());
  set_wall(kMidnight - days(400));
  serve(intent(), 2);
  ASSERT_THAT(ledger_->flush(), Succeeds());
  boot();
  serve(intent(), 4);
  const auto seen = rows(all());
  ASSERT_EQ(seen.size(), 3U);
  for (const UsageRow& one : seen)
    EXPECT_GE(one.booked_at, kMidnight);
  EXPECT_EQ(sum({.tenant = tenant_, .from = kMidnight})[0].generated, 7);
  EXPECT_EQ(ledger_->stats().clock_jumps, 1U) << "since the boot";
  set_wall(kMidnight + hours(1));
  serve(intent(), 8);
  EXPECT_GE(rows(all())[0].booked_at, kMidnight + hours(1));
  EXPECT_EQ(ledger_->stats().clock_jumps, 1U);
  EXPECT_TRUE(ledger_->verify()->clean());
}

TEST_P(LedgerSuite, RowsAreNumberedWithoutGaps) {  // I5
  set_wall(kMidnight - minutes(1));
  for (int i = 0; i < 20; ++i) {
    if (i == 10) {
      ASSERT_THAT(ledger_->flush(), Succeeds());
      boot();
      set_wall(kMidnight + minutes(1));
    }
    serve(intent(), 1);
  }
  const auto seen = rows(all());
  ASSERT_EQ(seen.size(), 20U);
  for (std::size_t i = 0; i < seen.size(); ++i)
    EXPECT_EQ(seen[i].seq, static_cast<std::int64_t>(20 - i));
}

TEST_P(LedgerSuite, SumsOfAnyPeriodAreExact) {
  // One row at each of these times; then every period between two of them.
  const std::vector<seconds> offsets{
      seconds(0), seconds(1), minutes(1), minutes(14),           minutes(15), minutes(44),
      hours(1),   hours(23),  days(1),    days(1) + seconds(59), days(2),     days(31)};
  std::vector<WallTime> edges;
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    set_wall(kMidnight + offsets[i]);
    edges.push_back(wall_now());
    serve(intent(), std::int64_t{1} << i);
    ASSERT_THAT(ledger_->flush(), Succeeds());
  }
  for (std::size_t from = 0; from < edges.size(); ++from)
    for (std::size_t until = from; until < edges.size(); ++until) {
      const auto sums = sum({.tenant = tenant_, .from = edges[from], .until = edges[until]});
      const std::int64_t generated = sums.empty() ? 0 : sums[0].generated;
      EXPECT_EQ(generated, (std::int64_t{1} << until) - (std::int64_t{1} << from))
          << from << " to " << until;
    }
  UsageQuery tiles{.tenant = tenant_};
  tiles.edges = edges;
  const auto sums = sum(tiles);
  ASSERT_EQ(sums.size(), edges.size() - 1);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    EXPECT_EQ(sums[i].interval, i);
    EXPECT_EQ(sums[i].generated, std::int64_t{1} << i);
  }
  tiles.edges = {edges[1], edges[0]};
  EXPECT_THAT(ledger_->sum(tiles), FailsWith(Code::invalid_value));
  const auto months = sum({.tenant = tenant_, .group_by = UsageQuery::GroupBy::month});
  ASSERT_EQ(months.size(), 2U);
  EXPECT_EQ(months[0].group, "2030-01");
  EXPECT_EQ(months[1].group, "2030-02");
  EXPECT_EQ(months[1].generated, 1 << 11);
}

TEST_P(LedgerSuite, SumsAreGroupedByWhoAndWhere) {
  using By = UsageQuery::GroupBy;
  for (int i = 0; i < 4; ++i) {
    metering::Intent one = intent();
    one.user = i < 2 ? "ida" : "bo";
    one.cost_centre = i % 2 == 0 ? "10" : "20";
    one.engine = i == 0 ? "gpu-1" : "gpu-2";
    one.model_revision = i == 3 ? "r2" : "r1";
    serve(one, 1 << i);
  }
  const auto grouped = [&](By by) {
    std::vector<std::pair<std::string, std::int64_t>> out;
    for (const UsageSum& one : sum({.tenant = tenant_, .group_by = by}))
      out.emplace_back(one.group, one.generated);
    return out;
  };
  using testing::ElementsAre;
  using testing::Pair;
  EXPECT_THAT(grouped(By::user), ElementsAre(Pair("bo", 12), Pair("ida", 3)));
  EXPECT_THAT(grouped(By::cost_centre), ElementsAre(Pair("10", 5), Pair("20", 10)));
  EXPECT_THAT(grouped(By::engine), ElementsAre(Pair("gpu-1", 1), Pair("gpu-2", 14)));
  EXPECT_THAT(grouped(By::revision), ElementsAre(Pair("r1", 7), Pair("r2", 8)));
  EXPECT_THAT(grouped(By::price), ElementsAre(Pair("", 15)));
  EXPECT_EQ(sum({.tenant = tenant_, .user = "ida"})[0].generated, 3);
  EXPECT_EQ(sum({.tenant = tenant_, .cost_centre = "20"})[0].generated, 10);
  EXPECT_EQ(sum({.tenant = tenant_, .engine = "gpu-1"})[0].generated, 1);
  metering::Intent foreign = intent();
  foreign.tenant = {ids_.next()};
  serve(foreign, 50);
  const auto tenants = sum({.group_by = By::tenant, .all_tenants = true});
  ASSERT_EQ(tenants.size(), 2U);
  EXPECT_EQ(tenants[0].tenant, tenant_);
  EXPECT_EQ(tenants[0].generated, 15);
  EXPECT_EQ(tenants[1].tenant, foreign.tenant);
  EXPECT_EQ(tenants[1].group, foreign.tenant.value.text());
}

TEST_P(LedgerSuite, ARequestIsFoundByItsId) {
  metering::Intent closed = intent();
  serve(closed, 3);
  metering::Intent unused = intent();
  OpenRow not_used = open(unused);
  std::move(not_used).void_unused();
  OpenRow running = open(intent());
  ASSERT_THAT(ledger_->flush(), Succeeds());
  const auto found = [&](RequestId request) { return *ledger_->find(request); };
  ASSERT_TRUE(found(closed.request));
  EXPECT_EQ(found(closed.request)->settlement.counts.generated, 3);
  ASSERT_TRUE(found(unused.request));
  EXPECT_TRUE(found(unused.request)->voided);
  EXPECT_EQ(found(unused.request)->charge, metering::Charge());
  ASSERT_TRUE(found(running.request()));
  EXPECT_TRUE(found(running.request())->open);
  EXPECT_FALSE(found({ids_.next()}));
  const auto one = rows({.tenant = tenant_, .request = closed.request});
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].request, closed.request);
  std::move(running).settle({});
}

TEST_P(LedgerSuite, CountersAreSeededByWhatWasUsedSince) {
  using By = SinceQuery::By;
  set_wall(kMidnight + hours(10));
  metering::Intent one = intent();
  one.user = "ida";
  one.price = test_price();
  serve(one, 1);
  ASSERT_THAT(ledger_->flush(), Succeeds());
  place_->jump_wall(seconds(30));
  const WallTime since = wall_now();
  serve(wanted_again(one), 2);
  metering::Intent other = wanted_again(one);
  other.user = "bo";
  other.project = {ids_.next()};
  other.engine = "gpu-9";
  serve(other, 4);
  metering::Intent running = wanted_again(one);
  running.opened_at = wall_now();
  OpenRow row = open(running);
  ASSERT_THAT(ledger_->flush(), Succeeds());
  const auto used = [&](SinceQuery query) { return *ledger_->usage_since(query); };
  const auto tenants = used({.by = By::tenant, .from = since});
  ASSERT_EQ(tenants.size(), 1U);
  EXPECT_EQ(tenants[0].tenant, tenant_);
  EXPECT_EQ(tenants[0].sums.requests, 3) << "what is open counts as a request";
  EXPECT_EQ(tenants[0].open, 1);
  EXPECT_EQ(tenants[0].sums.generated, 6);
  EXPECT_EQ(tenants[0].sums.cost_micro, test_cost(2) + test_cost(4));
  EXPECT_EQ(used({.by = By::tenant})[0].sums.generated, 7);
  EXPECT_EQ(used({.by = By::user, .from = since}).size(), 2U);
  EXPECT_EQ(used({.by = By::user, .from = since, .subject = "bo"})[0].sums.generated, 4);
  EXPECT_EQ(used({.by = By::engine, .from = since, .subject = "gpu-9"})[0].sums.generated, 4);
  EXPECT_EQ(
      used({.by = By::project, .from = since, .subject = project_.value.text()})[0].sums.generated,
      2);
  EXPECT_EQ(used({.by = By::key, .from = since, .subject = "abcdefghijkl"})[0].sums.requests, 3);
  EXPECT_TRUE(used({.by = By::key, .subject = "nobody"}).empty());
  EXPECT_TRUE(used({.by = By::tenant, .tenant = TenantId{ids_.next()}}).empty());
  std::move(row).settle({});
}

// However it is cut, it is the same in all; and each row is in the part in which it was booked.
TEST_P(LedgerSuite, UsageSinceInPartsAddsUp) {
  set_wall(kMidnight + hours(10) + seconds(7));
  const WallTime from = wall_now() - seconds(1);
  for (int i = 1; i <= 9; ++i) {
    serve(intent(), i);
    ASSERT_THAT(ledger_->flush(), Succeeds());
    place_->jump_wall(std::chrono::minutes(16) + seconds(13));
  }
  OpenRow row = open(intent());
  ASSERT_THAT(ledger_->flush(), Succeeds());
  const WallTime until = wall_now() + seconds(1);
  for (const seconds length : {seconds(1), seconds(60), seconds(900)}) {
    metering::Totals sum;
    WallTime last = from;
    for (const UsageSince& part : *ledger_->usage_since(
             {.by = SinceQuery::By::tenant, .from = from, .until = until, .parts_of = length})) {
      EXPECT_GT(part.until, last);
      last = part.until;
      EXPECT_TRUE(part.until == until || part.until.time_since_epoch() % length == seconds(0));
      sum += part.sums;
      const bool is_open = part.open > 0;
      const WallTime booked =
          kMidnight + hours(10) + seconds(7) +
          (std::chrono::minutes(16) + seconds(13)) * (is_open ? 9 : part.sums.generated - 1);
      EXPECT_GE(part.until, booked);
      EXPECT_LE(part.until - length, booked + seconds(1));
    }
    EXPECT_EQ(sum.requests, 10);
    EXPECT_EQ(sum.generated, 45);
  }
  std::move(row).settle({});
}

class LedgerClaims : public LedgerSuite {
 protected:
  using State = ClaimResult::State;
  static metering::Idempotency key(unsigned char which, unsigned char body = 1) {
    metering::Idempotency out;
    out.key.fill(which);
    out.body.fill(body);
    return out;
  }
  ClaimResult claim(const metering::Idempotency& wanted, RequestId request) {
    return *ledger_->claim(tenant_, wanted, request);
  }
  OpenRow open_claimed(const metering::Idempotency& wanted) {
    metering::Intent one = intent();
    EXPECT_EQ(claim(wanted, one.request).state, State::claimed);
    one.idempotency = wanted;
    last_ = one.request;
    return open(one);
  }
  RequestId last_;
};

TEST_P(LedgerClaims, AKeyIsOneRequestsUntilItsEndAndAfter) {  // I8
  OpenRow row = open_claimed(key(1));
  EXPECT_EQ(claim(key(1), {ids_.next()}).state, State::in_progress);
  EXPECT_EQ(claim(key(1), {ids_.next()}).request, last_);
  EXPECT_EQ(claim(key(1, 2), {ids_.next()}).state, State::reused);
  EXPECT_EQ(claim(key(2), {ids_.next()}).state, State::claimed) << "another key";
  EXPECT_EQ(ledger_->claim({ids_.next()}, key(1), {ids_.next()})->state, State::claimed)
      << "another tenant";
  std::move(row).settle(settlement(5));
  ASSERT_THAT(ledger_->flush(), Succeeds());
  for (int boots = 0; boots < 2; ++boots) {
    const ClaimResult after = claim(key(1), {ids_.next()});
    EXPECT_EQ(after.state, State::finished);
    EXPECT_EQ(after.request, last_);
    EXPECT_EQ(after.settlement.counts.generated, 5);
    EXPECT_EQ(after.settlement.counts.prompt, 10);
    EXPECT_EQ(after.settlement.counts.source, metering::Source::engine_final);
    EXPECT_EQ(claim(key(1, 2), {ids_.next()}).state, State::reused);
    ledger_->unclaim(tenant_, key(1), last_);
    EXPECT_EQ(claim(key(1), {ids_.next()}).state, State::finished) << "too late to give it back";
    place_->die();
    boot();
  }
}

TEST_P(LedgerClaims, AKeyWhoseRequestReachedNoEngineIsFreeAgain) {
  const RequestId failed{ids_.next()};
  EXPECT_EQ(claim(key(1), failed).state, State::claimed);
  ledger_->unclaim(tenant_, key(1), {ids_.next()});
  EXPECT_EQ(claim(key(1), {ids_.next()}).state, State::in_progress) << "it is not theirs to give";
  ledger_->unclaim(tenant_, key(1), failed);
  OpenRow unused = open_claimed(key(1));
  std::move(unused).void_unused();
  ASSERT_THAT(ledger_->flush(), Succeeds());
  EXPECT_EQ(claim(key(1), {ids_.next()}).state, State::claimed);
}

TEST_P(LedgerClaims, AKeyWhoseRequestReachedAnEngineIsKeptWhateverCameOfIt) {  // I8
  using metering::Finish;
  const std::vector<metering::Settlement> ends{
      {.finish = Finish::client_closed},
      {.finish = Finish::upstream_error},
      {.finish = Finish::upstream_timeout},
      {.counts = {.prompt = 5}, .finish = Finish::client_closed},
      {.finish = Finish::aborted},
  };
  for (unsigned char i = 0; i < ends.size(); ++i) {
    OpenRow row = open_claimed(key(i));
    std::move(row).settle(ends[i]);
  }
  ASSERT_THAT(ledger_->flush(), Succeeds());
  for (int boots = 0; boots < 2; ++boots) {
    for (unsigned char i = 0; i < ends.size(); ++i) {
      const ClaimResult after = claim(key(i), {ids_.next()});
      EXPECT_EQ(after.state, State::finished);
      EXPECT_EQ(after.settlement.finish, ends[i].finish);
      EXPECT_EQ(after.settlement.counts.prompt, ends[i].counts.prompt);
    }
    place_->die();
    boot();
  }
}

TEST_P(LedgerClaims, AKeyOutlivesACrash) {  // I8
  OpenRow served = open_claimed(key(1));
  const RequestId served_id = last_;
  served.checkpoint({.prompt = 3, .generated = 9, .delivered = 9});
  OpenRow silent = open_claimed(key(2));
  ASSERT_THAT(ledger_->flush(), Succeeds());
  place_->die();
  std::move(served).settle({});
  std::move(silent).settle({});
  boot();
  const ClaimResult after = claim(key(1), {ids_.next()});
  EXPECT_EQ(after.state, State::finished);
  EXPECT_EQ(after.request, served_id);
  EXPECT_EQ(after.settlement.counts.generated, 9);
  EXPECT_EQ(after.settlement.finish, metering::Finish::recovered);
  EXPECT_EQ(claim(key(2), {ids_.next()}).state, State::finished) << "its engine was at work";
}

TEST_P(LedgerClaims, AKeyIsForgottenAfterADay) {
  OpenRow first = open_claimed(key(1));
  std::move(first).settle(settlement(1));
  ASSERT_THAT(ledger_->flush(), Succeeds());
  place_->jump_wall(hours(24) - minutes(1));
  EXPECT_EQ(claim(key(1), {ids_.next()}).state, State::finished);
  place_->jump_wall(minutes(2));
  OpenRow second = open_claimed(key(1));
  std::move(second).settle(settlement(2));
  ASSERT_THAT(ledger_->flush(), Succeeds());
  EXPECT_EQ(claim(key(1), {ids_.next()}).settlement.counts.generated, 2);
  place_->jump_wall(hours(25));
  boot();
  EXPECT_EQ(claim(key(1), {ids_.next()}).state, State::claimed);
}

TEST_P(LedgerClaims, OfManyAtOnceOneGetsTheKey) {  // I8
  constexpr int kThreads = 4;
  constexpr int kKeys = 200;
  std::vector<RequestId> requests;
  for (int i = 0; i < kThreads; ++i)
    requests.push_back({ids_.next()});
  std::vector<int> won(kThreads);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      for (int k = 0; k < kKeys; ++k) {
        metering::Idempotency wanted;
        wanted.key[0] = static_cast<unsigned char>(k);
        wanted.key[31] = 1;
        const auto claimed = ledger_->claim(tenant_, wanted, requests[i]);
        if (claimed && claimed->state == State::claimed) ++won[i];
      }
    });
  for (std::thread& thread : threads)
    thread.join();
  int sum_of_won = 0;
  for (const int count : won)
    sum_of_won += count;
  EXPECT_EQ(sum_of_won, kKeys);
  EXPECT_EQ(ledger_->stats().claims, static_cast<std::uint64_t>(kKeys));
}

TEST_P(LedgerClaims, AnIntentCannotTakeAKeyThatIsNotItsOwn) {
  OpenRow row = open_claimed(key(1));
  metering::Intent thief = intent();
  thief.idempotency = key(1);
  Attempt& attempt = start(thief);
  ASSERT_TRUE(place_->run_until([&] { return attempt.result.has_value(); }));
  EXPECT_THAT(*attempt.result, FailsWith(Code::conflict));
  std::move(row).settle(settlement(1));
}

}  // namespace sovmesh::store
