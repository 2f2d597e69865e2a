#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit_files/audit_log.h"
#include "base/bytes.h"
#include "ledgerlog/entry.h"
#include "tests/support/result_matchers.h"
#include "tests/support/simulated_audit.h"

// The log on a disk that has no room, and what a kill leaves there.
namespace sovmesh::audit_files {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

class AuditFullDiskTest : public testing::Test, protected TestLog {
 protected:
  AuditFullDiskTest() { EXPECT_THAT(open(), Succeeds()); }
  ledgerlog::AdminEntry admin_at(std::uint64_t index) {
    const auto entry = ledgerlog::parse_entry(log->entry(index)->bytes);
    const auto* admin = std::get_if<ledgerlog::AdminEntry>(&entry->body);
    return admin != nullptr ? *admin : ledgerlog::AdminEntry{};
  }
  ledgerlog::AdminEntry last() { return admin_at(log->stats().size - 1); }
  std::vector<std::string> actions() {
    std::vector<std::string> out;
    for (std::uint64_t i = 0; i < log->stats().size; ++i)
      out.push_back(admin_at(i).action);
    return out;
  }
  void append(const std::string& object, const std::string& detail = {}) {
    EXPECT_THAT(log->append(admin(object, detail)), Succeeds());
  }
  Pause step() { return static_cast<AuditLog&>(*log).step(); }
  // The process dies: nothing more is written.
  void kill() {
    files.lose_power_after(1);
    log.reset();
    files.power_on();
  }
  void expect_good() {
    ASSERT_THAT(log->flush(seconds(1)), Succeeds());
    EXPECT_TRUE(verify().good());
  }
};

// kill -9 on a full disk: what was counted is in a file that was there before.
TEST_F(AuditFullDiskTest, CountsOfAFullDiskOutliveAKillAndAreToldOnce) {
  log->hold_refusals(true);
  files.fail_write(1, Code::overloaded, SimFiles::kForever);
  for (int i = 0; i < 3; ++i)
    log->note_stranger("no_key");
  step();
  for (int i = 0; i < 4; ++i)
    log->note_stranger("unknown_key");
  step();  // a second is not over
  EXPECT_LE(*step(), seconds(1));
  clock.advance(seconds(1));
  step();
  log->note_stranger("no_key");  // the last moment
  kill();
  files.fail_write(0, Code::overloaded, 0);
  ASSERT_THAT(open(), Succeeds());
  const auto sum = last();
  EXPECT_EQ(sum.action, "request.refused");
  EXPECT_EQ(sum.outcome, "denied");
  EXPECT_EQ(sum.count, 7U);
  EXPECT_THAT(sum.reason, HasSubstr("no_key 3, unknown_key 4"));
  EXPECT_THAT(sum.reason, HasSubstr("last moments are missing"));
  const std::uint64_t size = log->stats().size;
  kill();
  ASSERT_THAT(open(), Succeeds());
  EXPECT_EQ(log->stats().size, size + 1) << "only that it has started";
  expect_good();
}

TEST_F(AuditFullDiskTest, CountsThatWereToldAreNotToldAgainAfterAKill) {
  log->hold_refusals(true);
  log->note_stranger("no_key");
  step();
  const std::string held = files.read(kLogFolder + "/held")->value();
  log->hold_refusals(false);
  clock.advance(seconds(1));
  step();
  EXPECT_EQ(last().count, 1U);
  files.put(kLogFolder + "/held", held);  // as if the process had died in front of this
  kill();
  ASSERT_THAT(open(), Succeeds());
  EXPECT_EQ(last().action, "audit.start");
  files.put(kLogFolder + "/held", std::string(2 * HeldCounts::kSlot, 'x'));
  ASSERT_THAT(open(), Succeeds());
  EXPECT_THAT(last().reason, HasSubstr("how many is lost"));
}

// kill -9 on a full disk: which requests ended meanwhile is in the same file.
TEST_F(AuditFullDiskTest, RequestsThatEndOnAFullDiskAreAGapAfterAKillAndAreToldOnce) {
  Gap expected;
  files.fail_write(1, Code::overloaded, SimFiles::kForever);
  const store::RequestEntry waiting = request();  // for room
  log->note(waiting);
  step();
  clock.advance(Writer::kGather);
  step();
  EXPECT_FALSE(log->accepts());
  for (int i = 0; i < 3; ++i) {
    const store::RequestEntry lost = request();
    expected.add(lost.request);
    log->note(lost);
  }
  expected.add(waiting.request);  // given up last
  clock.advance(seconds(1));
  step();
  log->note(request());  // the last moment
  kill();
  files.fail_write(0, Code::overloaded, 0);
  ASSERT_THAT(open(), Succeeds());
  EXPECT_EQ(actions(), (std::vector<std::string>{"", "audit.start", "audit.start", "audit.gap"}));
  EXPECT_EQ(last().count, 4U);
  EXPECT_EQ(last().before, to_hex(Digest{}));
  EXPECT_EQ(last().after, to_hex(expected.hash));
  EXPECT_THAT(last().reason, HasSubstr("last moments are missing"));
  kill();
  ASSERT_THAT(open(), Succeeds());
  EXPECT_EQ(last().action, "audit.start") << "told once";
  expect_good();
}

TEST_F(AuditFullDiskTest, RequestsThatGotTheirEntriesAfterAllAreNoGapAfterAKill) {
  files.fail_write(1, Code::overloaded, SimFiles::kForever);
  const store::RequestEntry kept = request();
  log->note(kept);
  step();
  clock.advance(Writer::kGather);
  step();
  const std::string held = files.read(kLogFolder + "/held")->value();
  files.fail_write(0, Code::overloaded, 0);
  clock.advance(seconds(1));
  step();
  EXPECT_THAT(log->find(kept.request), Succeeds());
  const std::string cleared = files.read(kLogFolder + "/held")->value();
  for (const std::string& left : {cleared, held}) {  // the second: it died in front of this
    kill();
    files.put(kLogFolder + "/held", left);
    ASSERT_THAT(open(), Succeeds());
    EXPECT_EQ(last().action, "audit.start");
  }
  expect_good();
}

TEST_F(AuditFullDiskTest, OnAFullDiskAdministratorsReadFromWhatIsKept) {
  const auto kept = [&] { return files.read(kLogFolder + "/reserve")->value().size(); };
  EXPECT_EQ(kept(), Writer::kReserve);
  append("key:1");
  EXPECT_EQ(kept(), Writer::kReserve) << "there is room";
  files.set_free_bytes(0);
  append("key:2", "{}");
  EXPECT_EQ(kept(), Writer::kReserve - Writer::kReserveSlice);
  files.set_free_bytes(Writer::kReserveSlice);
  append("key:3");
  EXPECT_EQ(kept(), Writer::kReserve - Writer::kReserveSlice) << "the slice has room";
  files.set_free_bytes(0);
  for (std::size_t i = 0; i < 2 * Writer::kReserve / Writer::kReserveSlice; ++i)
    append("key:4");
  EXPECT_GE(kept(), Writer::kLastReserve) << "the last words have theirs";
  files.set_free_bytes(Writer::kRefillRoom);
  clock.advance(seconds(10));
  step();
  EXPECT_EQ(kept(), Writer::kReserve);
  expect_good();
}

// The log has found the disk full: an entry out of what is kept does not say that this is over.
TEST_F(AuditFullDiskTest, AnEntryOutOfWhatIsKeptIsNoSignOfRoom) {
  files.set_free_bytes(0);
  files.fail_write(1, Code::overloaded);
  EXPECT_THAT(log->append(admin("key:1")), FailsWith(Code::dependency_unavailable));
  EXPECT_FALSE(log->accepts());
  append("key:2");
  EXPECT_FALSE(log->accepts()) << "of requests it takes nothing";
  files.set_free_bytes(Writer::kReserveSlice);  // as it has made itself
  append("key:3");
  EXPECT_FALSE(log->accepts());
  log->note(request());
  clock.advance(seconds(5));
  const Pause pause = step();
  ASSERT_TRUE(pause);
  EXPECT_GT(*pause, milliseconds(0)) << "it waits for room, and does not spin";
  EXPECT_THAT(actions(), Not(testing::Contains("audit.resume")));
  files.set_free_bytes(Writer::kRefillRoom);
  clock.advance(seconds(5));
  step();
  EXPECT_TRUE(log->accepts());
  EXPECT_THAT(actions(), testing::IsSupersetOf({"audit.resume", "audit.gap"}));
  expect_good();
}

TEST_F(AuditFullDiskTest, WhatAKillLeftHalfWrittenIsClearedAway) {
  append("key:1");
  for (const char* name : {"/tile/0/000.p/3.new", "/tile/entries/000.p/3.new", "/checkpoint.new"})
    files.put(kLogFolder + name, "half");
  files.put(kSecretsFolder + "/audit.keys.new", "half");
  files.put(kSecretsFolder + "/mine.new", "not ours");
  kill();
  ASSERT_THAT(open(), Succeeds());
  for (const std::string& path : files.paths())
    EXPECT_EQ(path.ends_with(".new"), path.ends_with("/mine.new")) << path;
  expect_good();
}

}  // namespace
}  // namespace sovmesh::audit_files
