#include "audit_files/audit_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <set>
#include <thread>

#include "audit_files/entry_form.h"
#include "base/bytes.h"
#include "ledgerlog/entry.h"
#include "rt/real.h"
#include "tests/support/result_matchers.h"
#include "tests/support/simulated_audit.h"

namespace sovmesh::audit_files {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

class AuditLogTest : public testing::Test, protected TestLog {
 protected:
  AuditLogTest() { EXPECT_THAT(open(), Succeeds()); }
  ledgerlog::AdminEntry admin_at(std::uint64_t index) {
    const auto record = log->entry(index);
    EXPECT_THAT(record, Succeeds());
    const auto entry = ledgerlog::parse_entry(record->bytes);
    EXPECT_THAT(entry, Succeeds()) << record->bytes;
    const auto* admin = std::get_if<ledgerlog::AdminEntry>(&entry->body);
    return admin != nullptr ? *admin : ledgerlog::AdminEntry{};
  }
  std::vector<std::string> actions() {
    std::vector<std::string> out;
    for (std::uint64_t i = 0; i < log->stats().size; ++i)
      out.push_back(admin_at(i).action);
    return out;
  }
  std::uint64_t append(const std::string& object, const std::string& detail = {}) {
    const auto receipt = log->append(admin(object, detail));
    EXPECT_THAT(receipt, Succeeds());
    return receipt ? receipt->index : 0;
  }
  void expect_good(const std::vector<std::string>& older = {}) {
    ASSERT_THAT(log->flush(seconds(1)), Succeeds());
    const auto report = verify(older);
    EXPECT_TRUE(report.good()) << (report.bad ? report.bad->where + ": " + report.bad->what : "");
    EXPECT_EQ(report.size, log->stats().size);
  }
};

TEST_F(AuditLogTest, ANewLogBeginsWithItsKeyAndItsStart) {
  EXPECT_EQ(log->stats().size, 2U);
  EXPECT_EQ(log->stats().signed_size, 2U);
  EXPECT_EQ(admin_at(1).action, "audit.start");
  EXPECT_EQ(admin_at(1).reason, "");
  expect_good();
}

TEST_F(AuditLogTest, AnEntryIsDurableWhenAppendReturns) {
  const std::uint64_t index = append("key:1");
  files.power_loss();
  ASSERT_THAT(open(), Succeeds());
  EXPECT_EQ(admin_at(index).object_ref, "key:1");
  EXPECT_THAT(admin_at(index + 1).reason, HasSubstr("did not end by itself"));
  expect_good();
}

TEST_F(AuditLogTest, ALogThatWasClosedStartsCleanly) {
  append("key:1");
  ASSERT_THAT(open(), Succeeds());
  EXPECT_THAT(actions(),
              testing::ElementsAre("", "audit.start", "key.create", "audit.stop", "audit.start"));
  EXPECT_EQ(admin_at(4).reason, "");
}

TEST_F(AuditLogTest, RequestsBecomeEntriesWithoutTheirUsersName) {
  store::RequestEntry entry = request("alice@example.com");
  entry.prompt_digest = sha256("prompt");
  entry.place = std::make_shared<store::AuditPlace>(store::AuditPlace{.engine = "e1",
                                                                      .host = "10.0.0.1:80",
                                                                      .site = "cph",
                                                                      .jurisdiction = "DK",
                                                                      .egress = "10.0.0.1"});
  for (const std::string host : {"10.0.0.5", "", "10.0.0.1", "10.0.0.5"})
    entry.earlier.push_back(std::make_shared<store::AuditPlace>(
        store::AuditPlace{.engine = "broken", .host = host, .egress = host}));
  entry.mirror = std::make_shared<store::AuditPlace>(
      store::AuditPlace{.engine = "lab", .host = "10.0.0.9:80", .egress = "10.0.0.9"});
  entry.counts.generated = 7;
  const RequestId id = entry.request;
  log->note(std::move(entry));
  ASSERT_THAT(log->flush(seconds(1)), Succeeds());
  const auto record = log->find(id);
  ASSERT_THAT(record, Succeeds());
  EXPECT_THAT(record->bytes, Not(HasSubstr("alice")));
  const auto parsed = ledgerlog::parse_entry(record->bytes);
  const auto& body = std::get<ledgerlog::RequestEntry>(parsed->body);
  EXPECT_EQ(body.egress, "10.0.0.5,10.0.0.1,10.0.0.9");
  EXPECT_EQ(body.mirror, "lab@10.0.0.9:80");
  EXPECT_EQ(body.jurisdiction, "DK");
  EXPECT_EQ(body.tokens_out, 7U);
  EXPECT_EQ(body.outcome, "ok");
  EXPECT_EQ(body.actor_ref.size(), 64U);
  const auto list = log->list({.subject = store::AuditSubject{tenant, "alice@example.com"}}, 10);
  ASSERT_THAT(list, Succeeds());
  ASSERT_EQ(list->records.size(), 1U);
  EXPECT_EQ(list->records[0].index, record->index);
  expect_good();
}

TEST_F(AuditLogTest, NotesWaitForEachOtherUntilSomebodyReads) {
  auto& writer = static_cast<AuditLog&>(*log);
  const auto note = [this] {
    store::RequestEntry entry = request();
    const RequestId id = entry.request;
    log->note(std::move(entry));
    return id;
  };
  const std::uint64_t before = log->stats().size;
  note();
  EXPECT_EQ(writer.step(), Writer::kGather);
  clock.advance(Writer::kGather - milliseconds(1));
  note();
  EXPECT_EQ(writer.step(), milliseconds(1));
  EXPECT_EQ(log->stats().size, before);
  clock.advance(milliseconds(1));
  writer.step();
  EXPECT_EQ(log->stats().size, before + 2);
  EXPECT_THAT(log->find(note()), Succeeds());
  note();
  EXPECT_EQ(log->list({.action = "request"}, 10)->records.size(), 4U);
  files.power_loss();
  ASSERT_THAT(open(), Succeeds());
  EXPECT_EQ(log->list({.action = "request"}, 10)->records.size(), 4U) << "what was read stays";
}

TEST_F(AuditLogTest, AFullCommitWaitsForNothing) {
  auto& writer = static_cast<AuditLog&>(*log);
  const std::uint64_t before = log->stats().size;
  for (std::size_t i = 0; i < Writer::kBatchMax; ++i)
    log->note(request());
  writer.step();
  EXPECT_EQ(log->stats().size, before + Writer::kBatchMax);
}

// As the next start of the ledger asks it.
TEST_F(AuditLogTest, SaysWhatRequestsCameTo) {
  store::RequestEntry paid = request();
  paid.settled = paid.request;
  paid.counts = {.prompt = 40, .cached = 8, .generated = 90, .delivered = 90};
  store::RequestEntry of_another = request();
  of_another.settled = paid.request;
  of_another.counts = paid.counts;
  store::RequestEntry refused = request();
  refused.status = 503;
  refused.refused = true;
  for (const store::RequestEntry& entry : {paid, of_another, refused})
    log->note(entry);
  const store::RequestEntry none = request();
  ASSERT_THAT(log->flush(seconds(1)), Succeeds());
  append("key:1");
  ASSERT_THAT(open(), Succeeds());
  const auto ended = log->ended({refused.request, paid.request, none.request, of_another.request});
  ASSERT_THAT(ended, Succeeds());
  EXPECT_EQ(*ended, (std::map<RequestId, metering::Counts>{
                        {paid.request, {.prompt = 40, .cached = 8, .generated = 90}},
                        {of_another.request, {}},
                        {refused.request, {}}}));
  EXPECT_TRUE(log->ended({})->empty());
}

TEST_F(AuditLogTest, ARequestThatAskedForASeatHasItsClassAndPool) {
  store::RequestEntry entry = request();
  entry.priority = PriorityClass::agent;
  entry.pool = "gpu";
  const RequestId id = entry.request;
  log->note(std::move(entry));
  ASSERT_THAT(log->flush(seconds(1)), Succeeds());
  EXPECT_THAT(log->find(id)->bytes, HasSubstr(R"("class":"agent","pool":"gpu"})"));
  expect_good();
}

TEST_F(AuditLogTest, ARequestsOutcomeFollowsFromHowItEnded) {
  using metering::Finish;
  const auto outcome = [&](int status, Finish finish, std::string code) {
    store::RequestEntry entry = request();
    entry.status = status;
    entry.finish = finish;
    entry.code = std::move(code);
    const RequestId id = entry.request;
    log->note(std::move(entry));
    EXPECT_THAT(log->flush(seconds(1)), Succeeds());
    const auto parsed = ledgerlog::parse_entry(log->find(id)->bytes);
    const auto& body = std::get<ledgerlog::RequestEntry>(parsed->body);
    return body.outcome + " " + body.finish;
  };
  EXPECT_EQ(outcome(200, Finish::length, ""), "ok length");
  EXPECT_EQ(outcome(200, Finish::upstream_error, "upstream_error"), "failed upstream_error");
  EXPECT_EQ(outcome(200, Finish::client_closed, "client_closed"), "aborted client_closed");
  EXPECT_EQ(outcome(429, Finish::aborted, "queue_full"), "denied queue_full");
  EXPECT_EQ(outcome(499, Finish::aborted, "client_closed"), "aborted client_closed");
  EXPECT_EQ(outcome(503, Finish::aborted, "overloaded"), "failed overloaded");
}

TEST_F(AuditLogTest, ACheckpointComesAfterASecondOrHalfOfOneWithAThousandEntries) {
  append("key:1");
  log->stats();
  EXPECT_EQ(log->stats().signed_size, 2U) << "not yet";
  clock.advance(milliseconds(1'100));
  append("key:2");
  EXPECT_EQ(log->stats().signed_size, 4U);
  for (int i = 0; i < 1'000; ++i)
    log->note(request());
  auto& writer = static_cast<AuditLog&>(*log);
  clock.advance(milliseconds(30));
  append("key:3");
  EXPECT_EQ(log->stats().size, 1'005U);
  EXPECT_EQ(log->stats().signed_size, 4U) << "not so soon after the last one";
  EXPECT_EQ(writer.step(), milliseconds(470));
  clock.advance(milliseconds(470));
  writer.step();
  EXPECT_EQ(log->stats().signed_size, 1'005U) << "a thousand entries";
  expect_good();
}

// Nobody reads them soon, and their memory is better used otherwise. Hashes are read for each
// proof.
TEST_F(AuditLogTest, BundlesOfEntriesDoNotStayInMemory) {
  for (int i = 0; i < 520; ++i)
    log->note(request());
  append("key:1");
  const std::uint64_t before = files.uncached();
  ASSERT_THAT(log->flush(seconds(1)), Succeeds());
  EXPECT_EQ(files.uncached() - before,
            read("tile/entries/000").size() + read("tile/entries/001").size());
  expect_good();
}

TEST_F(AuditLogTest, ProofsOfEveryEntryVerify) {
  for (int i = 0; i < 600; ++i)
    log->note(request());
  append("key:1");
  for (const std::uint64_t index : {0UL, 1UL, 255UL, 256UL, 511UL, 602UL}) {
    const auto proof = log->prove(index);
    ASSERT_THAT(proof, Succeeds()) << index;
    const auto checkpoint = ledgerlog::parse_signed_checkpoint(proof->checkpoint);
    const auto keys = ledgerlog::LogKeys::parse(*log->verifier_keys());
    const auto record = log->entry(index);
    EXPECT_THAT(ledgerlog::verify_entry(record->bytes, index, proof->hashes, *checkpoint, *keys),
                Succeeds());
  }
  EXPECT_THAT(log->prove(603), FailsWith(Code::not_found));
  EXPECT_THAT(log->entry(603), FailsWith(Code::not_found));
}

TEST_F(AuditLogTest, ListsPageByPageNewestFirst) {
  for (int i = 0; i < 25; ++i)
    append("key:" + std::to_string(i));
  store::AuditFilter filter{.action = "key.c*"};
  std::vector<std::string> seen;
  while (true) {
    const auto page = log->list(filter, 10);
    ASSERT_THAT(page, Succeeds());
    for (const auto& record : page->records)
      seen.push_back(admin_at(record.index).object_ref);
    if (!page->next) break;
    filter.before = page->next;
  }
  ASSERT_EQ(seen.size(), 25U);
  EXPECT_EQ(seen.front(), "key:24");
  EXPECT_EQ(seen.back(), "key:0");
  const auto one = log->list({.object = "key:7"}, 10);
  ASSERT_EQ(one->records.size(), 1U);
}

TEST_F(AuditLogTest, ListsByTime) {
  append("key:0");
  clock.advance(hours(1));
  const WallTime from = clock.wall_now();
  append("key:1");
  clock.advance(hours(1));
  const WallTime until = clock.wall_now();
  append("key:2");
  const auto list = log->list({.from = from, .until = until}, 10);
  ASSERT_THAT(list, Succeeds());
  ASSERT_EQ(list->records.size(), 1U);
  EXPECT_EQ(admin_at(list->records[0].index).object_ref, "key:1");
}

TEST_F(AuditLogTest, DetailsAreReadableUntilTheirSubjectIsErased) {
  const std::uint64_t index = append("key:1", R"({"name":"Alice"})");
  EXPECT_THAT(log->entry(index)->bytes, Not(HasSubstr("Alice")));
  EXPECT_THAT(log->detail(index), HasValue(R"({"name":"Alice"})"));
  for (const std::string& path : files.paths())
    EXPECT_THAT(**files.read(path), Not(HasSubstr("Alice"))) << path;
  store::AdminEntry erase;
  erase.action = "audit.erase";
  const auto receipt = log->erase({.tenant = {}, .id = "uid:1000"}, erase);
  ASSERT_THAT(receipt, Succeeds());
  EXPECT_EQ(admin_at(receipt->index).subject_ref, admin_at(index).actor_ref);
  EXPECT_THAT(log->detail(index), FailsWith(Code::not_found));
  ASSERT_THAT(open(), Succeeds());
  EXPECT_THAT(log->detail(index), FailsWith(Code::not_found));
  EXPECT_THAT(log->prove(index), Succeeds());
  EXPECT_THAT(log->erase({.tenant = {}, .id = "uid:1000"}, erase), FailsWith(Code::not_found));
  expect_good();
}

TEST_F(AuditLogTest, AHoldForbidsErasure) {
  const std::uint64_t index = append("key:1", "{}");
  const store::AuditSubject subject{.tenant = {}, .id = "uid:1000"};
  store::AdminEntry entry;
  entry.action = "audit.hold";
  ASSERT_THAT(log->hold(subject, true, entry), Succeeds());
  const std::uint64_t held = log->stats().size;
  EXPECT_THAT(log->hold(subject, true, entry), FailsWith(Code::conflict)) << "one ends both";
  EXPECT_EQ(log->stats().size, held);
  EXPECT_THAT(log->erase(subject, entry), FailsWith(Code::conflict));
  EXPECT_THAT(log->detail(index), HasValue("{}"));
  ASSERT_THAT(open(), Succeeds());
  EXPECT_THAT(log->erase(subject, entry), FailsWith(Code::conflict)) << "after a restart";
  entry.action = "audit.release";
  ASSERT_THAT(log->hold(subject, false, entry), Succeeds());
  const std::uint64_t size = log->stats().size;
  EXPECT_THAT(log->hold(subject, false, entry), FailsWith(Code::not_found));
  EXPECT_EQ(log->stats().size, size) << "of what there was not, nothing is written";
  EXPECT_THAT(log->erase(subject, entry), Succeeds());
  expect_good();
}

TEST_F(AuditLogTest, OldDetailsGoAndTheirEntriesStay) {
  store::AdminEntry entry = admin("tenant:1", "{}");
  entry.actor.clear();
  const auto receipt = log->append(entry);
  ASSERT_THAT(receipt, Succeeds());
  EXPECT_THAT(log->detail(receipt->index), HasValue("{}"));
  clock.advance(hours(24 * 402));
  append("key:2", "{}");
  EXPECT_THAT(log->detail(receipt->index), FailsWith(Code::not_found));
  EXPECT_THAT(
      files.list(kLogFolder + "/detail/installation"),
      HasValue(std::vector<std::string>{std::to_string(
          std::chrono::floor<std::chrono::days>(clock.wall_now()).time_since_epoch().count())}))
      << "only today's";
  expect_good();
}

TEST_F(AuditLogTest, ANewKeyIsAnnouncedUnderTheOldOne) {
  append("key:1");
  const std::string before = *log->checkpoint(true);
  store::AdminEntry entry;
  entry.action = "audit.rotate_key";
  const auto receipt = log->rotate_key(entry);
  ASSERT_THAT(receipt, Succeeds());
  EXPECT_EQ(admin_at(receipt->index).action, "audit.rotate_key");
  const auto keys = ledgerlog::LogKeys::parse(*log->verifier_keys());
  ASSERT_EQ(keys->ranges().size(), 2U);
  EXPECT_EQ(keys->ranges()[0].until, receipt->index - 1);
  append("key:2");
  expect_good({before});
  ASSERT_THAT(open(), Succeeds());
  ASSERT_THAT(log->rotate_key(entry), Succeeds());
  expect_good({before});
}

TEST_F(AuditLogTest, AClockThatIsSetIsInTheLog) {
  append("key:1");
  clock.jump_wall(-hours(24 * 365));
  append("key:2");
  clock.jump_wall(hours(48 * 365));
  append("key:3");
  clock.jump_wall(-seconds(3));
  append("key:4");
  EXPECT_THAT(actions(),
              testing::ElementsAre("", "audit.start", "key.create", "clock.step", "key.create",
                                   "clock.step", "key.create", "key.create"));
  expect_good();
  clock.jump_wall(-hours(24));
  ASSERT_THAT(open(), Succeeds());
  expect_good();
}

TEST_F(AuditLogTest, AFullDiskRefusesActionsAndCountsRequestsUntilThereIsRoom) {
  files.fail_write(1, Code::overloaded, SimFiles::kForever);
  EXPECT_THAT(log->append(admin("key:1")), FailsWith(Code::dependency_unavailable));
  EXPECT_FALSE(log->accepts());
  const store::RequestEntry lost = request();
  Gap expected;
  expected.add(lost.request);
  log->note(lost);
  EXPECT_EQ(log->stats().gaps, 1U);
  files.fail_write(0, Code::overloaded, 0);
  const std::uint64_t index = append("key:2");
  EXPECT_TRUE(log->accepts());
  const auto gap = admin_at(index - 1);
  EXPECT_EQ(gap.action, "audit.gap");
  EXPECT_EQ(gap.count, 1U);
  EXPECT_EQ(gap.after, to_hex(expected.hash));
  expect_good();
}

TEST_F(AuditLogTest, NotesThatWaitForADiskWithRoomAreNotLost) {
  const store::RequestEntry kept = request();
  log->note(kept);
  files.fail_write(1, Code::overloaded, SimFiles::kForever);
  EXPECT_THAT(log->append(admin("key:1")), FailsWith(Code::dependency_unavailable));
  files.fail_write(0, Code::overloaded, 0);
  append("key:2");
  EXPECT_THAT(log->find(kept.request), Succeeds());
  EXPECT_EQ(log->stats().gaps, 0U);
  expect_good();
}

// Gateways and the admin API ask accepts() first: nothing would ever come that finds the room.
TEST_F(AuditLogTest, AFullDiskIsTriedAgainWithoutAnybodyAsking) {
  auto& writer = static_cast<AuditLog&>(*log);
  files.fail_write(1, Code::overloaded, SimFiles::kForever);
  EXPECT_THAT(log->append(admin("key:1")), FailsWith(Code::dependency_unavailable));
  for (int i = 0; i < 3; ++i) {
    clock.advance(milliseconds(1'001));
    const Pause pause = writer.step();
    ASSERT_TRUE(pause.has_value());
    EXPECT_LE(*pause, milliseconds(1'000));
    EXPECT_FALSE(log->accepts());
  }
  files.fail_write(0, Code::overloaded, 0);
  clock.advance(milliseconds(1'001));
  writer.step();
  EXPECT_TRUE(log->accepts());
  EXPECT_EQ(actions().back(), "audit.resume");
  expect_good();
}

// The server stops while the disk is full: the room that was kept is enough to say what is lost.
TEST_F(AuditLogTest, WhatFindsNoRoomAtTheEndIsCountedInTheLog) {
  Gap expected;
  for (int i = 0; i < 3; ++i) {
    const store::RequestEntry lost = request();
    expected.add(lost.request);
    log->note(lost);
  }
  files.fail_write(1, Code::overloaded);  // the entries themselves
  ASSERT_THAT(open(), Succeeds());
  const auto gaps = log->list({.action = "audit.gap"}, 10);
  ASSERT_EQ(gaps->records.size(), 1U);
  const auto gap = admin_at(gaps->records[0].index);
  EXPECT_EQ(gap.count, 3U);
  EXPECT_EQ(gap.after, to_hex(expected.hash));
  EXPECT_THAT(actions(), testing::ElementsAre("", "audit.start", "audit.resume", "audit.gap",
                                              "audit.stop", "audit.start"));
  EXPECT_EQ(admin_at(5).reason, "");
  EXPECT_EQ(read("reserve").size(), Writer::kReserve) << "kept for the next time";
  expect_good();
}

TEST_F(AuditLogTest, ALogThatCannotSayWhatItLostSaysThatItDidNotEnd) {
  log->note(request());
  files.fail_write(1, Code::overloaded, SimFiles::kForever);
  log.reset();
  files.fail_write(0, Code::overloaded, 0);
  ASSERT_THAT(open(), Succeeds());
  const std::uint64_t size = log->stats().size;
  EXPECT_THAT(admin_at(size - 2).reason, HasSubstr("did not end by itself"));
  EXPECT_EQ(admin_at(size - 1).action, "audit.gap");
  EXPECT_EQ(admin_at(size - 1).count, 1U);
  expect_good();
}

// The first refusals of a key and minute are entries of their own; one more says how many others
// there were. Strangers are only counted.
TEST_F(AuditLogTest, RefusalsOfAKeyAreBoundedAndTheRestIsSummedEachMinute) {
  auto& writer = static_cast<AuditLog&>(*log);
  const auto refuse = [&](const char* key, const char* code) {
    store::RequestEntry entry = request();
    entry.key = *KeyId::parse(key);
    entry.status = 429;
    entry.refused = true;
    entry.code = code;
    log->note(std::move(entry));
  };
  for (int i = 0; i < 1'000; ++i)
    refuse("aaaaaaaaaaaa", i % 10 == 0 ? "queue_full" : "insufficient_quota");
  refuse("bbbbbbbbbbbb", "queue_full");
  log->note_stranger("unknown_key");
  log->note_stranger("unknown_key");
  log->note_stranger("no_key");
  log->note(request());
  ASSERT_THAT(log->flush(seconds(1)), Succeeds());
  EXPECT_EQ(log->stats().size, 2U + Refusals::kOwnMax + 2);
  EXPECT_EQ(log->stats().summed, 943U);
  EXPECT_EQ(log->stats().gaps, 0U);
  const Pause pause = writer.step();
  ASSERT_TRUE(pause.has_value());
  EXPECT_LE(*pause, seconds(60));
  clock.advance(seconds(61));
  writer.step();
  ASSERT_EQ(log->stats().size, 2U + Refusals::kOwnMax + 4);
  const auto of_key = admin_at(log->stats().size - 2);
  EXPECT_EQ(of_key.action, "request.refused");
  EXPECT_EQ(of_key.object_ref, "keys/aaaaaaaaaaaa");
  EXPECT_EQ(of_key.tenant, tenant.value.text());
  EXPECT_EQ(of_key.outcome, "denied");
  EXPECT_EQ(of_key.count, 940U);
  EXPECT_EQ(of_key.reason, "insufficient_quota 846, queue_full 94");
  const auto strangers = admin_at(log->stats().size - 1);
  EXPECT_EQ(strangers.action, "auth.refused");
  EXPECT_EQ(strangers.object_ref, "listener/data");
  EXPECT_EQ(strangers.tenant, "");
  EXPECT_EQ(strangers.count, 3U);
  EXPECT_EQ(strangers.reason, "no_key 1, unknown_key 2");
  refuse("aaaaaaaaaaaa", "queue_full");
  expect_good();
  EXPECT_EQ(log->stats().size, 2U + Refusals::kOwnMax + 5) << "a new minute";
}

TEST_F(AuditLogTest, NothingIsWrittenOfRefusalsWhileTheyAreHeld) {
  auto& writer = static_cast<AuditLog&>(*log);
  const auto refuse = [&] {
    store::RequestEntry entry = request();
    entry.key = *KeyId::parse("aaaaaaaaaaaa");
    entry.status = 503;
    entry.refused = true;
    entry.code = "metering_unavailable";
    log->note(std::move(entry));
  };
  log->hold_refusals(true);
  const std::uint64_t before = log->stats().size;
  for (int i = 0; i < 500; ++i)
    refuse();
  log->note_stranger("no_key");
  for (int i = 0; i < 5; ++i) {
    clock.advance(seconds(61));
    writer.step();
  }
  EXPECT_EQ(log->stats().size, before);
  const store::RequestEntry ran = request();
  log->note(ran);
  ASSERT_THAT(log->flush(seconds(1)), Succeeds());
  EXPECT_THAT(log->find(ran.request), Succeeds()) << "what ran is an entry";
  log->hold_refusals(false);
  clock.advance(seconds(1));
  writer.step();
  ASSERT_EQ(log->stats().size, before + 2);
  const auto sum = admin_at(before + 1);
  EXPECT_EQ(sum.action, "request.refused");
  EXPECT_EQ(sum.count, 501U);
  EXPECT_EQ(sum.reason,
            "not written while the disk had no room for it: metering_unavailable 500, no_key 1");
  refuse();
  expect_good();
  EXPECT_EQ(log->stats().size, before + 3) << "as before";
}

TEST_F(AuditLogTest, SumsThatWaitAreWrittenWhenTheLogCloses) {
  log->hold_refusals(true);
  log->note_stranger("no_key");
  ASSERT_THAT(open(), Succeeds());
  log->note_stranger("unknown_key");
  ASSERT_THAT(open(), Succeeds());
  EXPECT_THAT(actions(),
              testing::ElementsAre("", "audit.start", "request.refused", "audit.stop",
                                   "audit.start", "auth.refused", "audit.stop", "audit.start"));
  // The disk is full: what was kept for the last words is enough for one sum.
  log->note_stranger("unknown_key");
  files.fail_write(1, Code::overloaded);
  ASSERT_THAT(open(), Succeeds());
  EXPECT_THAT(actions(), testing::Contains("auth.refused").Times(2));
  expect_good();
}

TEST_F(AuditLogTest, RequestsNameTheirRowAndTheConfigurationInForce) {
  store::AdminEntry apply = admin("config/abc");
  apply.action = "config.apply";
  apply.config = "abc";
  apply.config_digest = sha256("the file");
  ASSERT_THAT(log->append(apply), Succeeds());
  const store::RequestEntry first = request();
  store::RequestEntry second = request();
  second.settled = first.request;
  log->note(second);
  ASSERT_THAT(log->flush(seconds(1)), Succeeds());
  const auto parsed = ledgerlog::parse_entry(log->find(second.request)->bytes);
  const auto& body = std::get<ledgerlog::RequestEntry>(parsed->body);
  EXPECT_EQ(body.ledger_ref, "settle/" + shown_id(first.request));
  EXPECT_EQ(body.policy_ver, "abc");
  EXPECT_EQ(body.config_hash, to_hex(sha256("the file")));
  EXPECT_EQ(admin_at(2).config_hash, body.config_hash);
  expect_good();
}

TEST_F(AuditLogTest, AnAnswerGivenAgainSaysSo) {
  const store::RequestEntry first = request();
  store::RequestEntry again = request();
  again.settled = first.request;
  store::RequestEntry left = request();
  left.settled = first.request;
  left.status = 499;
  left.code = "client_closed_request";
  for (const store::RequestEntry& one : {again, left})
    log->note(one);
  ASSERT_THAT(log->flush(seconds(1)), Succeeds());
  const auto body_of = [&](RequestId id) {
    return std::get<ledgerlog::RequestEntry>(ledgerlog::parse_entry(log->find(id)->bytes)->body);
  };
  EXPECT_EQ(body_of(again.request).finish, "replayed");
  EXPECT_EQ(body_of(again.request).outcome, "ok");
  EXPECT_EQ(body_of(again.request).ledger_ref, "settle/" + shown_id(first.request));
  EXPECT_EQ(body_of(left.request).finish, "client_closed_request");
  EXPECT_EQ(body_of(left.request).outcome, "aborted");
}

TEST_F(AuditLogTest, TheQueueIsBoundedAndWhatDoesNotFitIsCounted) {
  for (std::size_t i = 0; i < Mailbox::kNotesMax; ++i) {
    EXPECT_TRUE(log->accepts());
    log->note(request());
  }
  EXPECT_FALSE(log->accepts());
  log->note(request());
  log->note(request());
  EXPECT_EQ(log->stats().gaps, 2U);
  append("key:1");
  EXPECT_TRUE(log->accepts());
  const auto gaps = log->list({.action = "audit.gap"}, 10);
  ASSERT_EQ(gaps->records.size(), 1U);
  EXPECT_EQ(admin_at(gaps->records[0].index).count, 2U);
  EXPECT_EQ(log->stats().size, 2U + 1 + Mailbox::kNotesMax + 1);
  expect_good();
}

TEST_F(AuditLogTest, AfterAFailedSyncNothingIsTakenUntilARestart) {
  const std::uint64_t index = append("key:1");
  files.fail_sync(1);
  EXPECT_THAT(log->append(admin("key:2")), FailsWith(Code::dependency_unavailable));
  EXPECT_FALSE(log->accepts());
  EXPECT_THAT(log->append(admin("key:3")), FailsWith(Code::dependency_unavailable));
  files.power_loss();
  ASSERT_THAT(open(), Succeeds());
  EXPECT_EQ(admin_at(index).object_ref, "key:1");
  EXPECT_TRUE(log->accepts());
  expect_good();
}

TEST_F(AuditLogTest, ALogThatLostSignedEntriesIsRefused) {
  append("key:1");
  ASSERT_THAT(log->flush(seconds(1)), Succeeds());
  std::map<std::string, std::string> yesterday;
  for (const std::string& path : files.paths()) {
    if (path.starts_with(kLogFolder)) yesterday[path] = **files.read(path);
  }
  append("key:2");
  log.reset();
  // Somebody puts back yesterday's copy of the log beside today's secrets.
  for (const std::string& path : files.paths()) {
    if (path.starts_with(kLogFolder)) (void)files.remove(path);
  }
  for (const auto& [path, bytes] : yesterday)
    files.put(path, bytes);
  EXPECT_THAT(open(), FailsWith(Code::data_dir_invalid));
}

TEST_F(AuditLogTest, ADamagedTileOrCheckpointIsRefusedAtTheStart) {
  append("key:1");
  log.reset();
  const std::uint64_t size = verify().size;
  const std::string path = kLogFolder + "/tile/0/000.p/" + std::to_string(size);
  const std::string tile = **files.read(path);
  ASSERT_FALSE(tile.empty());
  std::string damaged = tile;
  damaged[5] = static_cast<char>(damaged[5] ^ 1);
  files.put(path, damaged);
  EXPECT_THAT(open(), FailsWith(Code::data_dir_invalid));
  files.put(path, tile);
  std::string checkpoint = read("checkpoint");
  checkpoint[checkpoint.size() - 10] = checkpoint[checkpoint.size() - 10] == 'A' ? 'B' : 'A';
  files.put(kLogFolder + "/checkpoint", checkpoint);
  EXPECT_THAT(open(), FailsWith(Code::data_dir_invalid));
}

TEST_F(AuditLogTest, ServesTheLogAndNothingElse) {
  append("key:1");
  ASSERT_THAT(log->flush(seconds(1)), Succeeds());
  EXPECT_THAT(log->served("checkpoint"), HasValue(*log->checkpoint(false)));
  EXPECT_THAT(log->served("keys"), Succeeds());
  EXPECT_THAT(log->served("tile/0/000.p/3"), Succeeds());
  EXPECT_THAT(log->served("tile/entries/000.p/3"), Succeeds());
  for (const std::string path :
       {"", "origin", "pending/00000000000000000000", "../secrets/audit.key", "tile/0/000",
        "tile/0/../../checkpoint", "detail/installation", "tile/0/000.p/3/", "checkpoint/",
        "tile//0/000.p/3", "/checkpoint", "tile/0/000.p/3.new"}) {
    EXPECT_THAT(log->served(path), FailsWith(Code::not_found)) << path;
  }
}

TEST_F(AuditLogTest, ExportedCheckpointsAreNeverOverwritten) {
  ASSERT_THAT(files.make_folder("/worm"), Succeeds());
  options.export_folder = "/worm";
  options.export_every = milliseconds(0);
  ASSERT_THAT(open(), Succeeds());
  append("key:1");
  ASSERT_THAT(log->flush(seconds(1)), Succeeds());
  const auto names = files.list("/worm");
  ASSERT_THAT(names, Succeeds());
  ASSERT_EQ(names->size(), 2U);
  const std::string newest = "/worm/" + names->back();
  EXPECT_THAT(files.read(newest), HasValue(std::optional(*log->checkpoint(false))));
  files.put(newest, "what was there");
  ASSERT_THAT(log->flush(seconds(1)), Succeeds());
  EXPECT_THAT(files.read(newest), HasValue(std::optional<std::string>("what was there")));
}

TEST_F(AuditLogTest, CheckpointsThatCannotBeExportedAreInTheLogOnceAMinute) {
  options.export_folder = "/no/where";
  options.export_every = milliseconds(0);
  ASSERT_THAT(open(), Succeeds());
  auto& writer = static_cast<AuditLog&>(*log);
  const auto told = [&] { return log->list({.action = "checkpoint.publish"}, 10)->records; };
  for (int i = 0; i < 5; ++i) {
    clock.advance(seconds(2));
    append("key:" + std::to_string(i));
    writer.step();
  }
  ASSERT_EQ(told().size(), 1U);
  EXPECT_EQ(admin_at(told()[0].index).outcome, "failed");
  EXPECT_EQ(admin_at(told()[0].index).count, 1U);
  clock.advance(seconds(61));
  writer.step();
  ASSERT_EQ(told().size(), 2U) << "without anybody asking";
  EXPECT_GE(admin_at(told()[0].index).count, 4U);
  expect_good();
}

class WitnessTest : public AuditLogTest {
 protected:
  WitnessTest() {
    options.witness_keys = {ledgerlog::NoteKey::make("witness.example",
                                                     ledgerlog::NoteAlgorithm::cosignature_v1,
                                                     witness_.verify_key())
                                ->text()};
    EXPECT_THAT(open(), Succeeds());
    append("key:1");
  }
  std::string cosigned(const std::string& checkpoint, const SigningKey& key) {
    auto note = *ledgerlog::parse_note(checkpoint);
    note.signatures.push_back(ledgerlog::cosign_note(note.text, "witness.example", key,
                                                     std::chrono::sys_seconds(seconds(9))));
    return ledgerlog::format_note(note);
  }
  SigningKey witness_ = SigningKey::generate(random);
};

TEST_F(WitnessTest, KeepsTheNewestCheckpointThatItsWitnessHasSigned) {
  EXPECT_THAT(log->served("witnessed"), FailsWith(Code::not_found));
  const std::string first = *log->checkpoint(true);
  append("key:2");
  const std::string second = *log->checkpoint(true);
  ASSERT_THAT(log->add_witnessed(cosigned(second, witness_)), Succeeds());
  EXPECT_THAT(log->served("witnessed"), HasValue(cosigned(second, witness_)));
  EXPECT_THAT(log->add_witnessed(cosigned(first, witness_)), FailsWith(Code::invalid_value))
      << "older";
  EXPECT_THAT(log->add_witnessed(cosigned(second, witness_)), Succeeds()) << "once more";
  EXPECT_THAT(log->served("witnessed"), HasValue(cosigned(second, witness_)));
}

TEST_F(WitnessTest, TakesNothingElse) {
  const std::string note = *log->checkpoint(true);
  const SigningKey stranger = SigningKey::generate(random);
  EXPECT_THAT(log->add_witnessed(note), FailsWith(Code::invalid_value)) << "nobody's";
  EXPECT_THAT(log->add_witnessed(cosigned(note, stranger)), FailsWith(Code::invalid_value));
  EXPECT_THAT(log->add_witnessed("x"), FailsWith(Code::invalid_value));
  const std::string forged = ledgerlog::sign_checkpoint(
      {.origin = options.origin, .size = 3, .root = sha256("x"), .extensions = {}}, stranger);
  EXPECT_THAT(log->add_witnessed(cosigned(forged, witness_)), FailsWith(Code::invalid_value));
  EXPECT_THAT(log->served("witnessed"), FailsWith(Code::not_found));
}

}  // namespace
}  // namespace sovmesh::audit_files
