#include "audit_files/signer.h"

#include <gtest/gtest.h>

#include <map>

#include "ledgerlog/checkpoint.h"
#include "tests/support/result_matchers.h"
#include "tests/support/simulated_audit.h"

namespace sovmesh::audit_files {
namespace {

// A tree in memory.
class Leaves : public ledgerlog::HashReader {
 public:
  explicit Leaves(std::size_t count, std::string_view salt = "") {
    for (std::size_t i = 0; i < count; ++i)
      leaves_.push_back(ledgerlog::leaf_hash(std::to_string(i) + std::string(salt)));
  }
  Result<Digest> hash(ledgerlog::Subtree at) override {
    if (at.level == 0) return leaves_.at(at.index);
    TRY(const Digest left, hash({.level = at.level - 1, .index = 2 * at.index}));
    TRY(const Digest right, hash({.level = at.level - 1, .index = 2 * at.index + 1}));
    return ledgerlog::node_hash(left, right);
  }
  Digest root(std::uint64_t size) { return *ledgerlog::root_at(*this, size); }
  ledgerlog::Proof proof(std::uint64_t from, std::uint64_t to) {
    return from == 0 ? ledgerlog::Proof{} : *ledgerlog::consistency_proof(*this, from, to);
  }

 private:
  std::vector<Digest> leaves_;
};

class SignerTest : public testing::Test {
 protected:
  SignerTest() {
    (void)files_.make_folder("/data");
    (void)files_.sync_folder("/");
  }
  Result<FileSigner> open(bool new_log) {
    return FileSigner::open(files_, random_,
                            {.key_file = "/data/key",
                             .state_file = "/data/state",
                             .origin = "test.example/log",
                             .new_log = new_log});
  }
  Result<std::string> sign(Signer& signer, Leaves& leaves, std::uint64_t from, std::uint64_t to) {
    return signer.sign(to, leaves.root(to), leaves.proof(from, to));
  }
  SimFiles files_{1};
  TestRandom random_{1};
  Leaves leaves_{20};
};

TEST_F(SignerTest, SignsATreeThatGrows) {
  auto signer = open(true);
  ASSERT_THAT(signer, Succeeds());
  EXPECT_THAT(sign(*signer, leaves_, 0, 3), Succeeds());
  const auto note = sign(*signer, leaves_, 3, 11);
  ASSERT_THAT(note, Succeeds());
  const auto parsed = ledgerlog::parse_signed_checkpoint(*note);
  ASSERT_THAT(parsed, Succeeds());
  EXPECT_EQ(parsed->checkpoint.size, 11U);
  EXPECT_EQ(parsed->checkpoint.root, leaves_.root(11));
  const auto key = ledgerlog::NoteKey::parse(signer->state()->key);
  ASSERT_THAT(key, Succeeds());
  EXPECT_TRUE(ledgerlog::signed_by(parsed->note, *key));
}

TEST_F(SignerTest, RefusesAForgedTreeAlsoAfterItsRestart) {
  {
    auto signer = open(true);
    ASSERT_THAT(signer, Succeeds());
    ASSERT_THAT(sign(*signer, leaves_, 0, 7), Succeeds());
  }
  Leaves forged(20, "forged");
  auto signer = open(false);
  ASSERT_THAT(signer, Succeeds());
  EXPECT_THAT(sign(*signer, forged, 7, 11), FailsWith(Code::conflict)) << "another history";
  EXPECT_THAT(sign(*signer, forged, 7, 7), FailsWith(Code::conflict)) << "the same size";
  EXPECT_THAT(sign(*signer, leaves_, 0, 5), FailsWith(Code::conflict)) << "a smaller one";
  EXPECT_THAT(signer->sign(11, leaves_.root(11), {}), FailsWith(Code::conflict)) << "no proof";
  EXPECT_THAT(sign(*signer, leaves_, 7, 11), Succeeds()) << "refusals change nothing";
}

TEST_F(SignerTest, NeedsItsKeyAndItsMemoryWhenThereIsALog) {
  {
    auto signer = open(true);
    ASSERT_THAT(sign(*signer, leaves_, 0, 7), Succeeds());
  }
  const auto key = *files_.read("/data/key");
  ASSERT_THAT(files_.remove("/data/key"), Succeeds());
  EXPECT_THAT(open(false), FailsWith(Code::data_dir_invalid));
  EXPECT_THAT(open(true), FailsWith(Code::data_dir_invalid)) << "it has signed before";
  files_.put("/data/key", *key);
  EXPECT_THAT(open(false), Succeeds());
  ASSERT_THAT(files_.remove("/data/state"), Succeeds());
  EXPECT_THAT(open(false), FailsWith(Code::data_dir_invalid));
}

TEST_F(SignerTest, TheNextKeySignsWhatIsLargerThanItsAnnouncement) {
  auto signer = open(true);
  ASSERT_THAT(sign(*signer, leaves_, 0, 7), Succeeds());
  const auto old_key = *ledgerlog::NoteKey::parse(signer->state()->key);
  EXPECT_THAT(signer->begin_rotation(6), FailsWith(Code::conflict)) << "entry 6 is signed for";
  const auto entry = signer->begin_rotation(7);
  ASSERT_THAT(entry, Succeeds());
  const auto next_key = *ledgerlog::NoteKey::parse(entry->next);
  EXPECT_FALSE(next_key == old_key);
  const auto signed_by = [&](const Result<std::string>& note, const ledgerlog::NoteKey& key) {
    return note && ledgerlog::signed_by(ledgerlog::parse_signed_checkpoint(*note)->note, key);
  };
  EXPECT_TRUE(signed_by(sign(*signer, leaves_, 7, 7), old_key));
  signer = open(false);
  EXPECT_TRUE(signed_by(sign(*signer, leaves_, 7, 8), next_key));
  EXPECT_THAT(signer->cancel_rotation(), Succeeds()) << "nothing to cancel any more";
  signer = open(false);
  EXPECT_EQ(signer->state()->key, next_key.text());
  EXPECT_TRUE(signed_by(sign(*signer, leaves_, 8, 12), next_key));
}

TEST_F(SignerTest, ARotationThatIsCancelledLeavesTheOldKey) {
  auto signer = open(true);
  ASSERT_THAT(sign(*signer, leaves_, 0, 7), Succeeds());
  const std::string key = signer->state()->key;
  ASSERT_THAT(signer->begin_rotation(7), Succeeds());
  signer = open(false);
  ASSERT_TRUE(signer->state()->rotation.has_value());
  ASSERT_THAT(signer->cancel_rotation(), Succeeds());
  ASSERT_THAT(sign(*signer, leaves_, 7, 9), Succeeds());
  EXPECT_EQ(signer->state()->key, key);
  EXPECT_THAT(files_.read("/data/key.next"), HasValue(std::optional<std::string>()));
}

// At every point where the power can fail, what was signed stays the beginning of what is signed.
TEST_F(SignerTest, APowerLossNeverLetsItForgetWhatItSigned) {
  for (std::uint64_t at = 1; at < 80; ++at) {
    files_ = SimFiles(at);
    (void)files_.make_folder("/data");
    (void)files_.sync_folder("/");
    files_.lose_power_after(at);
    std::uint64_t last = 0;
    {
      auto signer = open(true);
      for (std::uint64_t size = 2; signer && size <= 14 && files_.powered(); size += 2) {
        if (sign(*signer, leaves_, last, size)) last = size;
        if (size == 8) (void)signer->begin_rotation(size);
      }
    }
    files_.power_loss();
    files_.power_on();
    auto signer = open(last == 0);
    ASSERT_THAT(signer, Succeeds()) << at;
    EXPECT_GE(signer->state()->size, last) << at;
    Leaves forged(20, "forged");
    if (signer->state()->size > 0) {
      EXPECT_THAT(sign(*signer, forged, signer->state()->size, 16), FailsWith(Code::conflict))
          << at;
    }
    EXPECT_THAT(sign(*signer, leaves_, signer->state()->size, 16), Succeeds()) << at;
  }
}

}  // namespace
}  // namespace sovmesh::audit_files
