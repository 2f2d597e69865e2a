#include "audit_files/key_ring.h"

#include <gmock/gmock.h>

#include "tests/support/result_matchers.h"
#include "tests/support/simulated_audit.h"

namespace sovmesh::audit_files {
namespace {

class KeyRingTest : public testing::Test {
 protected:
  KeyRingTest() {
    (void)files_.make_folder("/data");
    (void)files_.make_folder(kSecretsFolder);
    (void)files_.sync_folder("/data");
    reopen();
  }
  void reopen() {
    ring_.reset();
    auto ring = KeyRing::open(files_, kSecretsFolder, random_);
    ASSERT_THAT(ring, Succeeds());
    ring_.emplace(*std::move(ring));
  }
  store::AuditSubject subject(std::string id) { return {.tenant = tenant_, .id = std::move(id)}; }

  SimFiles files_{1};
  TestRandom random_{1};
  TenantId tenant_{Ulid::from_bytes({1})};
  TenantId other_{Ulid::from_bytes({2})};
  WallTime since_{std::chrono::microseconds(1'000'000'007)};
  Day today_{std::chrono::days(20'000)};
  std::optional<KeyRing> ring_;
};

TEST_F(KeyRingTest, APseudonymIsTheSameAfterARestartAndOfOneTenant) {
  const auto alice = ring_->reference(subject("alice"));
  ASSERT_THAT(alice, Succeeds());
  EXPECT_NE(*alice, *ring_->reference(subject("bob")));
  EXPECT_NE(*alice, *ring_->reference({.tenant = other_, .id = "alice"}));
  ASSERT_THAT(ring_->flush(), Succeeds());
  reopen();
  EXPECT_EQ(ring_->find_reference(subject("alice")), *alice);
  EXPECT_EQ(ring_->find_reference(subject("carol")), std::nullopt);
}

TEST_F(KeyRingTest, TheFileHoldsNoNameAndNoKeyInClear) {
  const auto sealed = ring_->seal(subject("alice@example.com"), today_, "a detail");
  ASSERT_THAT(sealed, Succeeds());
  ASSERT_THAT(ring_->flush(), Succeeds());
  const std::string file = **files_.read(kSecretsFolder + "/audit.keys");
  EXPECT_EQ(file.find("alice"), std::string::npos);
  EXPECT_EQ(sealed->find("a detail"), std::string::npos);
}

TEST_F(KeyRingTest, ErasureMakesDetailsUnreadableForEver) {
  const auto alices = ring_->seal(subject("alice"), today_, "of alice");
  const auto bobs = ring_->seal(subject("bob"), today_, "of bob");
  const auto before = ring_->reference(subject("alice"));
  ASSERT_THAT(ring_->flush(), Succeeds());
  ASSERT_THAT(ring_->intend_erasure(subject("alice")), Succeeds());
  EXPECT_EQ(ring_->intended(), std::vector<Digest>{*before});
  ASSERT_THAT(ring_->erase_intended(), Succeeds());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(ring_->open_sealed(*alices), std::nullopt);
    EXPECT_EQ(ring_->open_sealed(*bobs), "of bob");
    EXPECT_EQ(ring_->find_reference(subject("alice")), std::nullopt);
    EXPECT_TRUE(ring_->intended().empty());
    reopen();
  }
  EXPECT_NE(*ring_->reference(subject("alice")), *before) << "somebody new";
}

// The seeded defect: an erasure that keeps the old file's bytes would be found here.
TEST_F(KeyRingTest, ErasureOverwritesTheOldFile) {
  ASSERT_THAT(ring_->reference(subject("alice")), Succeeds());
  ASSERT_THAT(ring_->flush(), Succeeds());
  files_.link(kSecretsFolder + "/audit.keys", "/data/kept");
  ASSERT_THAT(ring_->intend_erasure(subject("alice")), Succeeds());
  ASSERT_THAT(ring_->erase_intended(), Succeeds());
  const std::string left = **files_.read("/data/kept");
  EXPECT_FALSE(left.empty());
  EXPECT_EQ(left, std::string(left.size(), '\0'));
}

TEST_F(KeyRingTest, AnErasureThatHasBegunSurvivesARestart) {
  const auto alices = ring_->seal(subject("alice"), today_, "of alice");
  ASSERT_THAT(ring_->intend_erasure(subject("alice")), Succeeds());
  reopen();
  EXPECT_EQ(ring_->intended().size(), 1U);
  ASSERT_THAT(ring_->erase_intended(), Succeeds());
  EXPECT_EQ(ring_->open_sealed(*alices), std::nullopt);
}

TEST_F(KeyRingTest, NobodyUnknownIsErased) {
  EXPECT_THAT(ring_->intend_erasure(subject("nobody")), FailsWith(Code::not_found));
}

TEST_F(KeyRingTest, HoldsAreOfASubjectOrOfAWholeTenant) {
  ASSERT_THAT(ring_->hold(subject("alice"), since_, "case 7, bench 2"), Succeeds());
  ASSERT_THAT(ring_->hold({.tenant = other_, .id = ""}, since_, ""), Succeeds());
  reopen();
  EXPECT_TRUE(ring_->is_held(subject("alice")));
  EXPECT_FALSE(ring_->is_held(subject("bob")));
  EXPECT_TRUE(ring_->is_held({.tenant = other_, .id = "bob"}));
  EXPECT_TRUE(ring_->holds_any_of(tenant_));
  EXPECT_FALSE(ring_->holds_any_of(std::nullopt));
  ASSERT_THAT(ring_->release(subject("alice")), Succeeds());
  reopen();
  EXPECT_FALSE(ring_->is_held(subject("alice")));
  EXPECT_FALSE(ring_->holds_any_of(tenant_));
}

TEST_F(KeyRingTest, ListsTheHoldsThatAreOn) {
  ASSERT_THAT(ring_->hold(subject("alice"), since_, "case 7, bench 2"), Succeeds());
  ASSERT_THAT(ring_->hold({.tenant = other_, .id = ""}, since_, ""), Succeeds());
  ASSERT_THAT(ring_->hold(subject("bob"), since_, "x"), Succeeds());
  ASSERT_THAT(ring_->release(subject("bob")), Succeeds());
  for (const bool again : {false, true}) {
    if (again) reopen();
    const std::vector<store::AuditHold> holds = ring_->holds();
    ASSERT_EQ(holds.size(), 2);
    const bool alice_first = holds.front().subject.tenant == tenant_;
    const store::AuditHold& alice = holds.at(alice_first ? 0 : 1);
    const store::AuditHold& whole = holds.at(alice_first ? 1 : 0);
    EXPECT_EQ(alice.subject.id, "alice");
    EXPECT_FALSE(alice.whole_tenant);
    EXPECT_EQ(alice.since, since_);
    EXPECT_EQ(alice.reason, "case 7, bench 2");
    EXPECT_TRUE(whole.whole_tenant);
    EXPECT_EQ(whole.subject.tenant, other_);
    EXPECT_EQ(whole.subject.id, "");
  }
  const auto file = files_.read(kSecretsFolder + "/audit.keys");
  EXPECT_THAT(**file, testing::Not(testing::HasSubstr("alice")));
}

TEST_F(KeyRingTest, OldDaysGoButNotThoseOfAHeldTenant) {
  const store::AuditSubject ours{.tenant = tenant_, .id = ""};
  const store::AuditSubject theirs{.tenant = other_, .id = ""};
  const auto old = ring_->seal(ours, today_ - std::chrono::days(2), "old");
  const auto fresh = ring_->seal(ours, today_, "fresh");
  const auto held = ring_->seal(theirs, today_ - std::chrono::days(2), "held");
  ASSERT_THAT(ring_->hold(theirs, since_, ""), Succeeds());
  ASSERT_THAT(ring_->drop_days_before(today_), Succeeds());
  reopen();
  EXPECT_EQ(ring_->open_sealed(*old), std::nullopt);
  EXPECT_EQ(ring_->open_sealed(*fresh), "fresh");
  EXPECT_EQ(ring_->open_sealed(*held), "held");
}

TEST_F(KeyRingTest, WithoutItsMasterItDoesNotOpen) {
  ASSERT_THAT(files_.remove(kSecretsFolder + "/audit.master"), Succeeds());
  EXPECT_THAT(KeyRing::open(files_, kSecretsFolder, random_), FailsWith(Code::data_dir_invalid));
  files_.put(kSecretsFolder + "/audit.master", std::string(64, 'a') + "\n");
  EXPECT_THAT(KeyRing::open(files_, kSecretsFolder, random_), FailsWith(Code::data_dir_invalid))
      << "somebody else's";
}

}  // namespace
}  // namespace sovmesh::audit_files
