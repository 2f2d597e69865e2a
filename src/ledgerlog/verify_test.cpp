#include "ledgerlog/verify.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "ledgerlog/walk.h"
#include "tests/support/audit_log.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::ledgerlog {
namespace {

// 700 entries: three bundles, a rotation at 400, a checkpoint of 300 that somebody kept.
class VerifyLog : public testing::Test {
 protected:
  VerifyLog() {
    log_.fill_to(300);
    older_ = log_.sign();
    log_.fill_to(400);
    log_.rotate('b');
    log_.fill_to(700);
    checkpoint_ = log_.sign_and_cosign();
  }

  LogReport verify() { return verify(log_.log.tiles, checkpoint_); }
  LogReport verify(MemoryTiles& tiles, std::string_view checkpoint) {
    return verify_log({.tiles = tiles,
                       .checkpoint = checkpoint,
                       .keys = AuditLog::first_key(),
                       .origin = kAuditOrigin,
                       .older = {older_},
                       .witnesses = {.keys = {AuditLog::witness_key()}, .quorum = 1}});
  }
  // A log of its own, signed like ours: what somebody with the keys could make.
  static Finding bad_of(AuditLog& log) {
    const std::string checkpoint = log.sign();
    const LogReport report = verify_log({.tiles = log.log.tiles,
                                         .checkpoint = checkpoint,
                                         .keys = AuditLog::first_key(),
                                         .origin = kAuditOrigin,
                                         .older = {},
                                         .witnesses = {}});
    EXPECT_FALSE(report.good());
    return report.bad.value_or(Finding{});
  }

  AuditLog log_;
  std::string older_;
  std::string checkpoint_;
};

TEST_F(VerifyLog, AGoodLogIsGood) {
  const LogReport report = verify();
  ASSERT_TRUE(report.good()) << report.bad->where << ": " << report.bad->what;
  EXPECT_EQ(report.origin, kAuditOrigin);
  EXPECT_EQ(report.size, 700U);
  EXPECT_EQ(report.root, log_.log.edge.root());
  EXPECT_EQ(report.requests + report.admin, 698U);
  EXPECT_EQ(report.rotations, 1U);
  EXPECT_EQ(report.witnesses, 1U);
  EXPECT_EQ(report.keys.text(), AuditLog::note_key('a').text() + " 0 400\n" +
                                    AuditLog::note_key('b').text() + " 401 -\n");
}

TEST_F(VerifyLog, EachRuleHasAnEntryThatBreaksIt) {
  const auto finding = [](auto break_it) {
    AuditLog log;
    log.fill_to(5);
    break_it(log);
    log.fill_to(300);
    return bad_of(log);
  };
  const auto expect_at = [](const Finding& bad, std::uint64_t index, std::string_view what) {
    EXPECT_EQ(bad.index, index);
    EXPECT_NE(bad.what.find(what), std::string::npos) << bad.what;
  };
  expect_at(finding([](AuditLog& log) { log.add_bytes("{}"); }), 5, "member v");
  expect_at(finding([](AuditLog& log) {
              log.add_bytes(*write_entry({.seq = 4, .time = audit_time(5)}, sample_admin(5)));
            }),
            5, "number 4");
  expect_at(finding([](AuditLog& log) { log.add(sample_admin(5), audit_time(3)); }), 5,
            "time goes back");
  expect_at(finding([](AuditLog& log) { log.add(*make_key_start(kAuditOrigin, log.signer('a'))); }),
            5, "starts once");
  expect_at(finding([](AuditLog& log) {
              log.add(*make_key_rotation("other.example/audit", 5, log.signer('a'),
                                         log.signer('b').verify_key()));
            }),
            5, "another log");
  expect_at(
      finding([](AuditLog& log) {
        log.add(*make_key_rotation(kAuditOrigin, 6, log.signer('a'), log.signer('b').verify_key()));
      }),
      5, "not signed by the previous key");
  expect_at(
      finding([](AuditLog& log) {
        log.add(*make_key_rotation(kAuditOrigin, 5, log.signer('x'), log.signer('b').verify_key()));
      }),
      5, "not in use");
}

TEST_F(VerifyLog, AStepOfTheClockIsAllowedWhereItIsSaid) {
  AuditLog log;
  log.fill_to(5);
  AdminEntry step = sample_admin(5);
  step.action = kActionClockStep;
  log.add(step, audit_time(0) - std::chrono::hours(24 * 365));
  log.add(sample_admin(6), audit_time(1));
  const std::string checkpoint = log.sign();
  EXPECT_TRUE(verify_log({.tiles = log.log.tiles,
                          .checkpoint = checkpoint,
                          .keys = AuditLog::first_key(),
                          .origin = {},
                          .older = {},
                          .witnesses = {}})
                  .good());
}

TEST_F(VerifyLog, ALogMustStartWithItsKey) {
  AuditLog log;
  log.log = {};
  log.fill_to(5);
  EXPECT_EQ(bad_of(log).index, 0U);
}

TEST_F(VerifyLog, AnEmptyLogIsGoodWhenItIsSigned) {
  MemoryTiles none;
  const auto verify_empty = [&none](const Digest& root) {
    const std::string checkpoint = sign_checkpoint(
        {.origin = std::string(kAuditOrigin), .size = 0, .root = root, .extensions = {}},
        AuditLog::signer('a'));
    return verify_log({.tiles = none,
                       .checkpoint = checkpoint,
                       .keys = AuditLog::first_key(),
                       .origin = {},
                       .older = {},
                       .witnesses = {}})
        .good();
  };
  EXPECT_TRUE(verify_empty(empty_root()));
  EXPECT_FALSE(verify_empty(leaf_hash("")));
}

TEST_F(VerifyLog, TwoEntriesThatChangedPlacesAreNoticed) {
  std::string& bundle = log_.log.tiles.files["tile/entries/001"];
  auto entries = *parse_bundle(bundle, 256);
  std::swap(entries[10], entries[11]);
  std::string swapped;
  for (const std::string_view entry : entries)
    append_to_bundle(swapped, entry);
  bundle = swapped;
  EXPECT_EQ(verify().bad->index, 266U);
}

TEST_F(VerifyLog, AnEntryThatComesTwiceIsNoticed) {
  AuditLog log;
  log.fill_to(19);
  log.add_bytes(log.add(sample_admin(19)));
  EXPECT_EQ(bad_of(log).index, 20U);
}

TEST_F(VerifyLog, AMissingFileIsNamedWithItsFirstEntry) {
  const auto files = log_.log.tiles.files;
  for (const auto& [path, index] : std::vector<std::pair<std::string, std::uint64_t>>{
           {"tile/entries/001", 256}, {"tile/0/002.p/188", 512}, {"tile/1/000.p/2", 0}}) {
    log_.log.tiles.files.erase(path);
    const LogReport report = verify();
    ASSERT_FALSE(report.good()) << path;
    EXPECT_EQ(report.bad->where, path);
    EXPECT_EQ(report.bad->index, index);
    log_.log.tiles.files = files;
  }
}

TEST_F(VerifyLog, AnOldStateThatIsPlayedAgainIsNoticed) {
  const LogReport report = verify_log({.tiles = log_.log.tiles,
                                       .checkpoint = older_,
                                       .keys = AuditLog::first_key(),
                                       .origin = kAuditOrigin,
                                       .older = {checkpoint_},
                                       .witnesses = {}});
  ASSERT_FALSE(report.good());
  EXPECT_NE(report.bad->what.find("larger before"), std::string::npos);
}

// Signed by the right key, every hash right: only what somebody kept elsewhere tells.
TEST_F(VerifyLog, AForkIsNoticedByAnOlderCheckpoint) {
  AuditLog fork;
  fork.fill_to(299);
  AdminEntry other = sample_admin(299);
  other.outcome = "denied";
  fork.add(other);
  fork.fill_to(400);
  fork.rotate('b');
  fork.fill_to(700);
  const std::string checkpoint = fork.sign_and_cosign();
  const LogReport report = verify(fork.log.tiles, checkpoint);
  ASSERT_FALSE(report.good());
  EXPECT_EQ(report.bad->where, "older checkpoint 1");
  EXPECT_NE(report.bad->what.find("fork"), std::string::npos);
}

TEST_F(VerifyLog, AnOlderCheckpointMustBeSignedByTheKeyOfItsTime) {
  const auto report_with = [this](const std::string& older) {
    return verify_log({.tiles = log_.log.tiles,
                       .checkpoint = checkpoint_,
                       .keys = AuditLog::first_key(),
                       .origin = kAuditOrigin,
                       .older = {older},
                       .witnesses = {}});
  };
  const auto older = parse_signed_checkpoint(older_)->checkpoint;
  EXPECT_TRUE(report_with(sign_checkpoint(older, AuditLog::signer('a'))).good());
  EXPECT_FALSE(report_with(sign_checkpoint(older, AuditLog::signer('b'))).good());
  EXPECT_FALSE(report_with("junk").good());
  Checkpoint foreign = older;
  foreign.origin = "other.example/audit";
  EXPECT_FALSE(report_with(sign_checkpoint(foreign, AuditLog::signer('a'))).good());
}

TEST_F(VerifyLog, AKeySignsNothingAfterItsRotation) {
  const std::string by_old_key = sign_checkpoint(log_.checkpoint(), AuditLog::signer('a'));
  EXPECT_NE(verify(log_.log.tiles, by_old_key).bad->what.find("not signed"), std::string::npos);
  const std::string by_stranger = sign_checkpoint(log_.checkpoint(), AuditLog::signer('x'));
  EXPECT_NE(verify(log_.log.tiles, by_stranger).bad->what.find("not signed"), std::string::npos);
}

TEST_F(VerifyLog, AWitnessCountsOnceAndOnlyWithItsOwnSignature) {
  const auto good_with = [this](std::vector<NoteKey> keys, std::size_t quorum,
                                const std::string& checkpoint) {
    return verify_log({.tiles = log_.log.tiles,
                       .checkpoint = checkpoint,
                       .keys = AuditLog::first_key(),
                       .origin = kAuditOrigin,
                       .older = {},
                       .witnesses = {.keys = std::move(keys), .quorum = quorum}})
        .good();
  };
  const NoteKey witness = AuditLog::witness_key();
  EXPECT_TRUE(good_with({witness}, 1, checkpoint_));
  EXPECT_FALSE(good_with({witness, witness}, 2, checkpoint_));
  EXPECT_FALSE(good_with({AuditLog::note_key('b')}, 1, checkpoint_));
  const std::string uncosigned = log_.sign();
  EXPECT_FALSE(good_with({witness}, 1, uncosigned));
  EXPECT_TRUE(good_with({witness}, 0, uncosigned));
}

TEST_F(VerifyLog, ASizeThatNoLogHasCostsNothing) {
  const std::string huge = sign_checkpoint(
      {.origin = std::string(kAuditOrigin), .size = kTreeSizeMax, .root = {}, .extensions = {}},
      AuditLog::signer('a'));
  log_.log.tiles.reads = 0;
  EXPECT_FALSE(verify(log_.log.tiles, huge).good());
  EXPECT_LE(log_.log.tiles.reads, 10);
}

TEST_F(VerifyLog, OneEntryIsProvenWithoutTheLog) {
  TileHashes hashes(log_.log.tiles, 700);
  const Proof proof = *inclusion_proof(hashes, 123, 700);
  const std::string entry = *read_entry(log_.log.tiles, 123, 700);
  const SignedCheckpoint checkpoint = *parse_signed_checkpoint(checkpoint_);
  const LogKeys keys = verify().keys;
  EXPECT_THAT(verify_entry(entry, 123, proof, checkpoint, keys), Succeeds());
  EXPECT_THAT(verify_entry(entry, 124, proof, checkpoint, keys), FailsWith(Code::invalid_value));
  EXPECT_THAT(verify_entry(entry, 123, proof, checkpoint, AuditLog::first_key()),
              FailsWith(Code::invalid_value))
      << "the first key may not sign this size unless one knows no better";
  std::string changed = entry;
  changed.replace(changed.find("\"ok\""), 4, "\"no\"");
  EXPECT_THAT(verify_entry(changed, 123, proof, checkpoint, keys), FailsWith(Code::invalid_value));
}

}  // namespace
}  // namespace sovmesh::ledgerlog
