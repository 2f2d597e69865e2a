#include "compose/recovered.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>

#include "ledgerlog/entry.h"
#include "tests/support/result_matchers.h"
#include "tests/support/row_ledger.h"
#include "tests/support/simulated_audit.h"

namespace sovmesh::compose {
namespace {

using std::chrono::seconds;

// Keeps what it was told, unless the process "dies" first.
class CrashedLedger : public RowLedger {
 public:
  std::int64_t told_until = 0;
  std::function<bool()> is_gone = [] { return false; };  // the process, before it is told

  Result<std::vector<store::UsageRow>> untold(std::size_t limit) override {
    std::vector<store::UsageRow> out;
    for (const store::UsageRow& row : all)
      if (row.seq > told_until && out.size() < limit) out.push_back(row);
    return out;
  }
  Result<void> told(std::int64_t seq) override {
    if (is_gone()) return our_error(Code::io_error, "the process is gone");
    told_until = seq;
    return {};
  }
};

class RecoveredTest : public testing::Test {
 protected:
  RecoveredTest() { EXPECT_THAT(audit_.open(), Succeeds()); }
  store::UsageRow& recover() {
    const auto seq = static_cast<std::int64_t>(ledger_.all.size()) + 1;
    store::UsageRow& row = ledger_.all.emplace_back(
        store::UsageRow{.request = {Ulid::make(audit_.clock.wall_now(), audit_.random)},
                        .tenant = audit_.tenant,
                        .project = {},
                        .key = *KeyId::parse("abcdefghijkl"),
                        .model = "tiny",
                        .opened_at = audit_.clock.wall_now()});
    row.seq = seq;
    row.engine = "e1";
    row.user = "alice";
    row.settlement.finish = metering::Finish::recovered;
    row.settlement.counts = {.prompt = 5, .generated = 7};
    return row;
  }
  // How many entries each request has.
  std::map<std::string, int> entries() { return entries(*audit_.log); }
  static std::map<std::string, int> entries(store::Audit& log) {
    std::map<std::string, int> all;
    for (std::uint64_t i = 0; i < log.stats().size; ++i) {
      const auto entry = ledgerlog::parse_entry(log.entry(i)->bytes);
      if (const auto* one = std::get_if<ledgerlog::RequestEntry>(&entry->body)) ++all[one->rid];
    }
    return all;
  }

  audit_files::TestLog audit_;
  CrashedLedger ledger_;
};

TEST_F(RecoveredTest, AnEntrySaysWhatTheRowStillKnows) {
  store::UsageRow& row = recover();
  row.price_version = "p1";
  row.currency = "EUR";
  row.charge.cost_micro = 12;
  EXPECT_THAT(enter_recovered(ledger_, audit_.log.get()), HasValue(1U));
  const auto record = audit_.log->find(row.request);
  ASSERT_THAT(record, Succeeds());
  const auto parsed = ledgerlog::parse_entry(record->bytes);
  const auto& entry = std::get<ledgerlog::RequestEntry>(parsed->body);
  EXPECT_EQ(entry.finish, "recovered");
  EXPECT_EQ(entry.outcome, "aborted");
  EXPECT_EQ(entry.status, 0U) << "what the client was told is lost";
  EXPECT_EQ(entry.egress, "unknown");
  EXPECT_EQ(entry.engine, "e1");
  EXPECT_EQ(entry.key, "abcdefghijkl");
  EXPECT_EQ(entry.tokens_in, 5U);
  EXPECT_EQ(entry.tokens_out, 7U);
  EXPECT_EQ(entry.ledger_ref, "settle/" + entry.rid);
  EXPECT_EQ(entry.price_ver, "p1");
  EXPECT_EQ(entry.cost_micro, 12U);
  EXPECT_EQ(entry.actor_ref.size(), 64U);
  EXPECT_EQ(entry.start, row.opened_at);
}

// Its end was noted, and the power went before that was on the disk.
TEST_F(RecoveredTest, ASettledRequestThatLostItsEntryGetsOne) {
  recover().settlement.finish = metering::Finish::stop;
  const RequestId lost = ledger_.all.back().request;
  const store::RequestEntry kept = audit_.request("alice");
  recover().request = kept.request;
  audit_.log->note(kept);
  ASSERT_THAT(audit_.log->flush(seconds(1)), Succeeds());
  recover().voided = true;
  EXPECT_THAT(enter_recovered(ledger_, audit_.log.get()), HasValue(3U));
  EXPECT_EQ(entries().size(), 2U) << "what never reached an engine has none";
  const auto parsed = ledgerlog::parse_entry(audit_.log->find(lost)->bytes);
  const auto& entry = std::get<ledgerlog::RequestEntry>(parsed->body);
  EXPECT_EQ(entry.finish, "stop");
  EXPECT_EQ(entry.outcome, "ok");
  EXPECT_EQ(entry.status, 0U) << "what the client was told is lost";
  EXPECT_EQ(entry.ledger_ref, "settle/" + entry.rid);
}

TEST_F(RecoveredTest, WithoutALogNobodyIsTold) {
  recover();
  EXPECT_THAT(enter_recovered(ledger_, nullptr), HasValue(1U));
  EXPECT_EQ(ledger_.told_until, 1);
}

TEST_F(RecoveredTest, ManyAreEnteredInBatchesAndOnce) {
  for (std::size_t i = 0; i < 2 * kRecoveredAtOnce + 1; ++i)
    recover();
  EXPECT_THAT(enter_recovered(ledger_, audit_.log.get()), HasValue(2 * kRecoveredAtOnce + 1));
  EXPECT_THAT(enter_recovered(ledger_, audit_.log.get()), HasValue(0U));
  EXPECT_EQ(entries().size(), 2 * kRecoveredAtOnce + 1);
  ASSERT_THAT(audit_.log->flush(seconds(1)), Succeeds());
  EXPECT_TRUE(audit_.verify().good());
}

// The process dies again between the log and the ledger, and the power goes: once all the same.
TEST_F(RecoveredTest, AStartThatDiesBetweenTheLogAndTheLedgerIsDoneAgain) {
  // The end of the first one was noted before the crash: it has its entry already.
  store::RequestEntry ended = audit_.request("alice");
  recover().request = ended.request;
  audit_.log->note(ended);
  ASSERT_THAT(audit_.log->flush(seconds(1)), Succeeds());
  recover();
  ledger_.is_gone = [] { return true; };
  EXPECT_FALSE(enter_recovered(ledger_, audit_.log.get()));
  audit_.files.power_loss();
  ASSERT_THAT(audit_.open(), Succeeds());
  recover();
  ledger_.is_gone = [] { return false; };
  EXPECT_THAT(enter_recovered(ledger_, audit_.log.get()), Succeeds());
  const auto all = entries();
  EXPECT_EQ(all.size(), 3U);
  EXPECT_TRUE(std::ranges::all_of(all, [](const auto& one) { return one.second == 1; }));
}

// The same at every change of the log's disk, and at the end of each batch.
TEST_F(RecoveredTest, WhereverTheStartDiesEachHasOneEntry) {
  for (int i = 0; i < 5; ++i)
    recover();
  bool ended = false;
  for (std::uint64_t at = 1; !ended; ++at) {
    audit_files::TestLog log(at);
    ASSERT_THAT(log.open(), Succeeds());
    ledger_.told_until = 0;
    log.files.lose_power_after(at);
    ledger_.is_gone = [&log] { return !log.files.powered(); };
    ended = enter_recovered(ledger_, log.log.get()).has_value() && log.files.powered();
    log.log.reset();
    log.files.power_loss();
    log.files.power_on();
    ASSERT_THAT(log.open(), Succeeds()) << at;
    ASSERT_THAT(enter_recovered(ledger_, log.log.get()), Succeeds()) << at;
    const auto all = entries(*log.log);
    EXPECT_EQ(all.size(), 5U) << at;
    EXPECT_TRUE(std::ranges::all_of(all, [](const auto& one) { return one.second == 1; })) << at;
  }
}

TEST_F(RecoveredTest, AFullDiskLeavesThemForLater) {
  recover();
  audit_.files.fail_write(1, Code::overloaded, 2);
  EXPECT_FALSE(enter_recovered(ledger_, audit_.log.get()));
  EXPECT_EQ(ledger_.told_until, 0);
  audit_.clock.advance(seconds(2));
  for (int i = 0; i < 3 && !enter_recovered(ledger_, audit_.log.get()); ++i)
    audit_.clock.advance(seconds(2));
  EXPECT_EQ(entries().size(), 1U);
  EXPECT_EQ(ledger_.told_until, 1);
}

}  // namespace
}  // namespace sovmesh::compose
