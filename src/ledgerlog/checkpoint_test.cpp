#include "ledgerlog/checkpoint.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/result_matchers.h"

namespace sovmesh::ledgerlog {
namespace {

constexpr std::string_view kOrigin = "sovmesh.example/audit";
constexpr std::string_view kRoot = "yjk9Apa+xeC43KuYO9H7fRRh9RLnJny4ljGtJv1m2Eg=";

SigningKey signer(char seed) { return *SigningKey::from_seed(std::string(32, seed)); }
NoteKey note_key(char seed) {
  return *NoteKey::make(kOrigin, NoteAlgorithm::ed25519, signer(seed).verify_key());
}
SignedCheckpoint signed_at(std::uint64_t size, char seed) {
  return *parse_signed_checkpoint(sign_checkpoint(
      {.origin = std::string(kOrigin), .size = size, .root = {}, .extensions = {}}, signer(seed)));
}

TEST(Checkpoint, ComesBackFromItsText) {
  const std::string text =
      std::string(kOrigin) + "\n300\n" + std::string(kRoot) + "\nfirst\nsecond\n";
  const auto checkpoint = parse_checkpoint(text);
  ASSERT_THAT(checkpoint, Succeeds());
  EXPECT_EQ(checkpoint->origin, kOrigin);
  EXPECT_EQ(checkpoint->size, 300U);
  EXPECT_EQ(checkpoint->extensions.size(), 2U);
  EXPECT_EQ(format_checkpoint(*checkpoint), text);
}

TEST(Checkpoint, AnythingElseIsRefused) {
  const std::string root = std::string(kRoot) + "\n";
  for (const std::string& bad :
       {std::string(), std::string("o\n"), std::string("o\n3\n"), "\n3\n" + root, "o\n\n" + root,
        "o\n03\n" + root, "o\n+3\n" + root, "o\n-3\n" + root, "o\n 3\n" + root, "o\n3 \n" + root,
        "o\n0x3\n" + root, "o\n18446744073709551616\n" + root, "o\n281474976710656\n" + root,
        "o\n3\n" + std::string(kRoot), std::string("o\n3\nAAAA\n"), "o\n3\n" + root + "\n",
        "o\n3\n" + root + "x", "o\n3\n=" + root}) {
    EXPECT_THAT(parse_checkpoint(bad), FailsWith(Code::invalid_value)) << bad;
  }
  EXPECT_THAT(parse_checkpoint("o\n281474976710655\n" + root), Succeeds());
}

TEST(LogKeys, ComeBackFromTheirText) {
  const std::string text = note_key('a').text() + " 0 99\n" + note_key('b').text() + " 100 -\n";
  const auto keys = LogKeys::parse("# keys\n\n  " + text);
  ASSERT_THAT(keys, Succeeds());
  EXPECT_EQ(keys->text(), text);
  EXPECT_TRUE(keys->may_sign(note_key('a'), 99));
  EXPECT_FALSE(keys->may_sign(note_key('a'), 100));
  EXPECT_FALSE(keys->may_sign(note_key('b'), 99));
  EXPECT_TRUE(keys->may_sign(note_key('b'), 100));
  EXPECT_FALSE(keys->may_sign(note_key('c'), 100));
}

TEST(LogKeys, AnythingElseIsRefused) {
  const std::string key = note_key('a').text();
  const std::string witness =
      NoteKey::make("w", NoteAlgorithm::cosignature_v1, signer('w').verify_key())->text();
  for (const std::string& bad :
       {key, key + " 0", key + " 0 ", key + " - -", key + " 5 4", key + " 0 1 2", key + "  0 -",
        key + " 00 -", std::string("key 0 -"), std::string("# \xff\n"), witness + " 0 -",
        key + " 0 -\n" + key + " 0 -"}) {
    EXPECT_THAT(LogKeys::parse(bad), FailsWith(Code::invalid_value)) << bad;
  }
}

TEST(LogKeys, EachSignsItsOwnSizesOnly) {
  LogKeys keys({{.key = note_key('a'), .from = 0, .until = 9},
                {.key = note_key('b'), .from = 10, .until = std::nullopt}});
  const NoteKey* const signer_of_9 = keys.signer_of(signed_at(9, 'a'));
  ASSERT_NE(signer_of_9, nullptr);
  EXPECT_EQ(*signer_of_9, note_key('a'));
  EXPECT_EQ(keys.signer_of(signed_at(10, 'a')), nullptr);
  EXPECT_EQ(keys.signer_of(signed_at(9, 'b')), nullptr);
  EXPECT_NE(keys.signer_of(signed_at(10, 'b')), nullptr);
  EXPECT_EQ(keys.signer_of(signed_at(10, 'c')), nullptr);
}

TEST(LogKeys, AKeyPassesOnToTheNext) {
  LogKeys keys({{.key = note_key('a'), .from = 0, .until = std::nullopt}});
  ASSERT_THAT(keys.rotate(note_key('a'), note_key('b'), 9), Succeeds());
  EXPECT_FALSE(keys.may_sign(note_key('a'), 10));
  EXPECT_TRUE(keys.may_sign(note_key('a'), 9));
  EXPECT_TRUE(keys.may_sign(note_key('b'), 10));
  EXPECT_THAT(keys.rotate(note_key('a'), note_key('c'), 20), FailsWith(Code::invalid_value));
  EXPECT_THAT(keys.rotate(note_key('c'), note_key('d'), 20), FailsWith(Code::invalid_value));
  EXPECT_THAT(keys.rotate(note_key('b'), note_key('a'), 20), FailsWith(Code::invalid_value))
      << "a key never comes back";
}

TEST(LogKeys, ARotationMustFitWhatTheAuditorWasTold) {
  const std::vector<KeyRange> told = {{.key = note_key('a'), .from = 0, .until = 9},
                                      {.key = note_key('b'), .from = 10, .until = std::nullopt}};
  EXPECT_THAT(LogKeys(told).rotate(note_key('a'), note_key('b'), 9), Succeeds());
  EXPECT_THAT(LogKeys(told).rotate(note_key('a'), note_key('b'), 8),
              FailsWith(Code::invalid_value));
}

}  // namespace
}  // namespace sovmesh::ledgerlog
