#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "ledgerlog/tree.h"
#include "tests/support/memory_log.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::ledgerlog {
namespace {

std::string entry(std::uint64_t i) { return "entry " + std::to_string(i); }

std::string digest_of(const Proof& proof) {
  std::string bytes;
  for (const Digest& hash : proof)
    bytes.append(hash.begin(), hash.end());
  return to_hex(sha256(bytes));
}

// vectors.txt is written by testdata/make_vectors.py, which knows the RFC and nothing of us.
class ProofVectors : public testing::Test {
 protected:
  static constexpr std::uint64_t kSize = 65'537;

  static void SetUpTestSuite() { log_ = new MemoryLog(log_of(kSize)); }
  static void TearDownTestSuite() { delete log_; }

  Digest root(std::uint64_t size) {
    const auto root = root_at(hashes_, size);
    EXPECT_THAT(root, Succeeds());
    return root.value_or(Digest{});
  }

  static MemoryLog* log_;
  TileHashes hashes_{log_->tiles, kSize};
};
MemoryLog* ProofVectors::log_ = nullptr;

TEST_F(ProofVectors, EveryRootAndProofIsWhatTheReferenceSays) {
  std::ifstream file(SM_SOURCE_DIR "/src/ledgerlog/testdata/vectors.txt");
  int vectors = 0;
  for (std::string line; std::getline(file, line); ++vectors) {
    std::istringstream words(line);
    std::string kind;
    std::uint64_t a = 0;
    words >> kind >> a;
    if (kind == "root") {
      std::string want;
      words >> want;
      EXPECT_EQ(to_hex(root(a)), want) << line;
      continue;
    }
    std::uint64_t size = 0;
    std::size_t count = 0;
    std::string want;
    words >> size >> count >> want;
    const auto proof = kind == "inclusion" ? inclusion_proof(hashes_, a, size)
                                           : consistency_proof(hashes_, a, size);
    ASSERT_THAT(proof, Succeeds()) << line;
    EXPECT_EQ(proof->size(), count) << line;
    EXPECT_EQ(digest_of(*proof), want) << line;
    EXPECT_TRUE(kind == "inclusion"
                    ? proves_inclusion(a, leaf_hash(entry(a)), size, root(size), *proof)
                    : proves_consistency(a, root(a), size, root(size), *proof))
        << line;
  }
  EXPECT_EQ(vectors, 930);
}

// Everything that can be said wrongly about a small tree.
TEST_F(ProofVectors, NoWrongInclusionIsProven) {
  for (std::uint64_t size = 1; size <= 17; ++size) {
    for (std::uint64_t index = 0; index < size; ++index) {
      const Digest leaf = leaf_hash(entry(index));
      const Digest tree = root(size);
      const auto proof = inclusion_proof(hashes_, index, size);
      ASSERT_THAT(proof, Succeeds());
      ASSERT_TRUE(proves_inclusion(index, leaf, size, tree, *proof));
      for (std::uint64_t other = 0; other <= size; ++other) {
        if (other == index) continue;
        EXPECT_FALSE(proves_inclusion(other, leaf, size, tree, *proof));
      }
      EXPECT_FALSE(proves_inclusion(index, leaf_hash("other"), size, tree, *proof));
      EXPECT_FALSE(proves_inclusion(index, leaf, size, leaf, *proof) && size > 1);
      for (std::size_t i = 0; i < proof->size(); ++i) {
        Proof bad = *proof;
        bad[i][i] ^= 1;
        EXPECT_FALSE(proves_inclusion(index, leaf, size, tree, bad));
        bad = *proof;
        bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(i));
        EXPECT_FALSE(proves_inclusion(index, leaf, size, tree, bad));
      }
      Proof longer = *proof;
      longer.push_back(leaf);
      EXPECT_FALSE(proves_inclusion(index, leaf, size, tree, longer));
    }
  }
}

TEST_F(ProofVectors, NoWrongConsistencyIsProven) {
  for (std::uint64_t size = 1; size <= 17; ++size) {
    for (std::uint64_t old = 1; old <= size; ++old) {
      const auto proof = consistency_proof(hashes_, old, size);
      ASSERT_THAT(proof, Succeeds());
      ASSERT_TRUE(proves_consistency(old, root(old), size, root(size), *proof));
      const Digest fork = leaf_hash("a fork");
      EXPECT_FALSE(proves_consistency(old, fork, size, root(size), *proof));
      EXPECT_FALSE(proves_consistency(old, root(old), size, fork, *proof));
      if (old < size) {
        EXPECT_FALSE(proves_consistency(size, root(size), old, root(old), *proof));
      }
      for (std::size_t i = 0; i < proof->size(); ++i) {
        Proof bad = *proof;
        bad[i][i] ^= 1;
        EXPECT_FALSE(proves_consistency(old, root(old), size, root(size), bad));
        bad = *proof;
        bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(i));
        EXPECT_FALSE(proves_consistency(old, root(old), size, root(size), bad));
      }
      Proof longer = *proof;
      longer.push_back(fork);
      EXPECT_FALSE(proves_consistency(old, root(old), size, root(size), longer));
    }
  }
}

TEST_F(ProofVectors, TheEmptyTreeIsTheBeginningOfEveryTree) {
  EXPECT_TRUE(proves_consistency(0, empty_root(), 7, root(7), {}));
  EXPECT_FALSE(proves_consistency(0, root(1), 7, root(7), {}));
  EXPECT_TRUE(proves_consistency(0, empty_root(), 0, empty_root(), {}));
  EXPECT_THAT(consistency_proof(hashes_, 0, 7), HasValue(Proof{}));
}

TEST_F(ProofVectors, WhatIsNotInTheTreeHasNoProof) {
  EXPECT_THAT(inclusion_proof(hashes_, 5, 5), FailsWith(Code::invalid_value));
  EXPECT_THAT(inclusion_proof(hashes_, 0, 0), FailsWith(Code::invalid_value));
  EXPECT_THAT(inclusion_proof(hashes_, 0, kSize + 1), FailsWith(Code::invalid_value));
  EXPECT_THAT(consistency_proof(hashes_, 6, 5), FailsWith(Code::invalid_value));
  EXPECT_THAT(root_at(hashes_, kSize + 1), FailsWith(Code::invalid_value));
  EXPECT_THAT(root_at(hashes_, kTreeSizeMax + 1), FailsWith(Code::invalid_value));
}

TEST_F(ProofVectors, AProofReadsFewTiles) {
  TileHashes fresh(log_->tiles, kSize);
  log_->tiles.reads = 0;
  ASSERT_THAT(inclusion_proof(fresh, 40'000, kSize), Succeeds());
  EXPECT_LE(log_->tiles.reads, 12);
}

TEST_F(ProofVectors, AnEdgeComesOutOfTheTilesAsItWentIn) {
  for (const std::uint64_t size : {0U, 1U, 255U, 256U, 300U, 65'536U, 65'537U}) {
    const auto edge = frontier_at(hashes_, size);
    ASSERT_THAT(edge, Succeeds());
    EXPECT_EQ(edge->size(), size);
    EXPECT_EQ(edge->root(), root(size));
  }
}

}  // namespace
}  // namespace sovmesh::ledgerlog
