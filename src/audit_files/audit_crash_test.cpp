#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "ledgerlog/entry.h"
#include "tests/support/result_matchers.h"
#include "tests/support/simulated_audit.h"

// The log on a disk that fails at every single change, and everything that callers and outsiders
// were told before it did.
namespace sovmesh::audit_files {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const store::AuditSubject kAdmin{.tenant = {}, .id = "uid:1000"};

// Every `usual`-th point; all of them when SM_SWEEP is set.
std::uint64_t stride(std::uint64_t usual) { return std::getenv("SM_SWEEP") != nullptr ? 1 : usual; }

struct Told {
  std::map<std::uint64_t, std::string> entries;  // index, object
  std::vector<std::string> checkpoints;          // that an outsider may have
  std::set<std::uint64_t> readable;              // details
  std::set<std::uint64_t> erased;
  bool erase_failed = false;  // it may have happened
};

void look_at_checkpoint(TestLog& log, Told& told) {
  if (!log.files.powered()) return;
  const std::string now = log.read("checkpoint");
  if (!now.empty() && (told.checkpoints.empty() || told.checkpoints.back() != now))
    told.checkpoints.push_back(now);
}

void append(TestLog& log, Told& told, const std::string& object, const std::string& detail = {}) {
  const auto receipt = log.log->append(TestLog::admin(object, detail));
  if (!receipt) return;
  told.entries.emplace(receipt->index, object);
  if (!detail.empty()) told.readable.insert(receipt->index);
  look_at_checkpoint(log, told);
}

void erase(TestLog& log, Told& told) {
  store::AdminEntry entry;
  entry.action = "audit.erase";
  entry.object = "subject";
  const auto receipt = log.log->erase(kAdmin, entry);
  if (receipt) {
    told.entries.emplace(receipt->index, "subject");
    told.erased.insert(told.readable.begin(), told.readable.end());
    told.readable.clear();
  } else {
    told.erase_failed = true;
    told.readable.clear();
  }
}

// Everything that writes, once or more. A run on a dead disk fails everywhere and says so.
void work(TestLog& log, Told& told) {
  if (!log.open()) return;
  look_at_checkpoint(log, told);
  for (int round = 0; round < 7; ++round) {
    for (int i = 0; i < 45; ++i)
      log.log->note(log.request("user" + std::to_string(round)));
    append(log, told, "key:" + std::to_string(round), round % 2 == 0 ? "{}" : "");
    log.clock.advance(milliseconds(600));
    if (round == 3) {
      store::AdminEntry entry;
      entry.action = "audit.rotate_key";
      entry.object = "rotation";
      const auto receipt = log.log->rotate_key(entry);
      if (receipt) told.entries.emplace(receipt->index, "rotation");
      look_at_checkpoint(log, told);
    }
    if (round == 4) erase(log, told);
    if (round == 5)
      (void)log.log->hold({.tenant = log.tenant, .id = "user1"}, true, TestLog::admin("hold"));
  }
  (void)log.log->flush(seconds(1));
  look_at_checkpoint(log, told);
  log.log.reset();
  look_at_checkpoint(log, told);
}

std::string object_of(const std::string& bytes) {
  const auto entry = ledgerlog::parse_entry(bytes);
  const auto* admin = entry ? std::get_if<ledgerlog::AdminEntry>(&entry->body) : nullptr;
  return admin != nullptr ? admin->object_ref : "none";
}

void check(TestLog& log, const Told& told, const std::string& where) {
  ASSERT_THAT(log.open(), Succeeds()) << where;
  for (const auto& [index, object] : told.entries) {
    const auto record = log.log->entry(index);
    ASSERT_THAT(record, Succeeds()) << where << ": acknowledged entry " << index;
    ASSERT_EQ(object_of(record->bytes), object) << where;
  }
  for (const std::uint64_t index : told.readable)
    EXPECT_THAT(log.log->detail(index), Succeeds()) << where << ": detail of " << index;
  for (const std::uint64_t index : told.erased)
    EXPECT_THAT(log.log->detail(index), FailsWith(Code::not_found)) << where;
  ASSERT_THAT(log.log->append(TestLog::admin("after")), Succeeds()) << where;
  ASSERT_THAT(log.log->flush(seconds(1)), Succeeds()) << where;
  const auto report = log.verify(told.checkpoints);
  ASSERT_TRUE(report.good()) << where << ": " << report.bad->where << ": " << report.bad->what;
  for (const std::string& path : log.files.paths())
    EXPECT_FALSE(path.ends_with(".new")) << where << ": " << path;
}

std::uint64_t changes_of_a_run() {
  TestLog log(1);
  Told told;
  const std::uint64_t before = log.files.changes();
  work(log, told);
  EXPECT_EQ(told.entries.size(), 9U);
  EXPECT_GE(told.checkpoints.size(), 4U);
  return log.files.changes() - before;
}

TEST(AuditCrashTest, APowerLossAtAnyChangeLosesNothingThatWasSaid) {
  const std::uint64_t changes = changes_of_a_run();
  ASSERT_GT(changes, 200U);
  for (std::uint64_t at = 1; at <= changes + 1; at += stride(2)) {
    TestLog log(at);
    Told told;
    log.files.lose_power_after(at);
    work(log, told);
    log.log.reset();
    log.files.power_loss();
    log.files.power_on();
    check(log, told, "power lost at change " + std::to_string(at));
    if (HasFatalFailure()) return;
  }
}

TEST(AuditCrashTest, APowerLossDuringTheRecoveryLosesNothingEither) {
  const std::uint64_t changes = changes_of_a_run();
  for (std::uint64_t at = 3; at <= changes; at += stride(11)) {
    TestLog log(at);
    Told told;
    log.files.lose_power_after(at);
    work(log, told);
    for (std::uint64_t again = 1 + at % 5; again < 60; again += 7) {
      log.log.reset();
      log.files.power_loss();
      log.files.power_on();
      log.files.lose_power_after(again);
      if (log.open()) look_at_checkpoint(log, told);
    }
    log.log.reset();
    log.files.power_loss();
    log.files.power_on();
    log.files.lose_power_after(SimFiles::kForever);
    check(log, told, "power lost at change " + std::to_string(at) + " and after it");
    if (HasFatalFailure()) return;
  }
}

// The disk is full at the n-th write, for so many writes; then there is room again.
TEST(AuditCrashTest, AFullDiskAtAnyWriteLosesNothingThatWasSaid) {
  for (const std::uint64_t times : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{6}}) {
    for (std::uint64_t nth = 1 + times % stride(6); nth <= 150; nth += stride(6)) {
      TestLog log(nth);
      Told told;
      log.files.fail_write(nth, Code::overloaded, times);
      work(log, told);
      log.log.reset();
      log.files.fail_write(0, Code::overloaded, 0);
      check(log, told, "full at write " + std::to_string(nth));
      if (HasFatalFailure()) return;
    }
  }
}

// A sync fails, and the power after it: what was not durable is gone.
TEST(AuditCrashTest, AFailedSyncAnywhereLosesNothingThatWasSaid) {
  for (std::uint64_t nth = 1; nth <= 200; nth += stride(3)) {
    TestLog log(nth);
    Told told;
    log.files.fail_sync(nth);
    work(log, told);
    log.log.reset();
    log.files.fail_sync(0, 0);
    log.files.power_loss();
    check(log, told, "failed sync " + std::to_string(nth));
    if (HasFatalFailure()) return;
  }
}

// The seeded defect: a disk that lies about one sync must be found out by the same checks.
TEST(AuditCrashTest, TheChecksSeeADiskThatForgets) {
  TestLog log(1);
  Told told;
  work(log, told);
  ASSERT_FALSE(told.entries.empty());
  for (const std::string& path : log.files.paths()) {
    if (path.find("/pending/") != std::string::npos || path.find("/tile/") != std::string::npos ||
        path.ends_with("/checkpoint") || path.ends_with("/audit.signer") ||
        path.ends_with("/audit.key"))
      ASSERT_THAT(log.files.remove(path), Succeeds());
  }
  ASSERT_THAT(log.open(), Succeeds()) << "an empty log again";
  bool all_there = true;
  for (const auto& [index, object] : told.entries) {
    const auto record = log.log->entry(index);
    all_there = all_there && record && object_of(record->bytes) == object;
  }
  EXPECT_FALSE(all_there);
  EXPECT_FALSE(log.verify(told.checkpoints).good());
}

}  // namespace
}  // namespace sovmesh::audit_files
