#include "ledgerlog/tree.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/bytes.h"
#include "tests/support/hex.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::ledgerlog {
namespace {

// The leaves and roots that Certificate Transparency implementations share as reference.
TEST(Frontier, FitsTheSharedVectorsOfRfc6962) {
  const std::vector<std::string> leaves = {"",
                                           "00",
                                           "10",
                                           "2021",
                                           "3031",
                                           "40414243",
                                           "5051525354555657",
                                           "606162636465666768696a6b6c6d6e6f"};
  const std::vector<std::string> roots = {
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  Frontier tree;
  EXPECT_EQ(to_hex(tree.root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    tree.append(leaf_hash(from_hex(leaves[i])));
    EXPECT_EQ(tree.size(), i + 1);
    EXPECT_EQ(to_hex(tree.root()), roots[i]);
  }
}

TEST(Frontier, HasOneHashPerOneBitOfItsSize) {
  Frontier tree;
  for (int i = 0; i < 11; ++i)  // 0b1011
    tree.append(leaf_hash("x"));
  EXPECT_EQ(tree.roots().size(), 3U);
  const auto again = Frontier::from(11, {tree.roots().begin(), tree.roots().end()});
  ASSERT_THAT(again, Succeeds());
  EXPECT_EQ(again->root(), tree.root());
  EXPECT_THAT(Frontier::from(12, {tree.roots().begin(), tree.roots().end()}),
              FailsWith(Code::invalid_value));
  EXPECT_THAT(Frontier::from(kTreeSizeMax + 1, std::vector<Digest>(1)),
              FailsWith(Code::invalid_value));
}

TEST(LeafHash, IsTheSameForShortAndLongEntries) {
  for (const std::size_t size : {0U, 1U, 2046U, 2047U, 2048U, 5000U}) {
    const std::string entry(size, 'e');
    EXPECT_EQ(leaf_hash(entry), sha256(std::string(1, '\0') + entry)) << size;
  }
}

TEST(NodeHash, IsNoLeafHashOfTheSameBytes) {
  const Digest left = leaf_hash("l");
  const Digest right = leaf_hash("r");
  std::string both(left.begin(), left.end());
  both.append(right.begin(), right.end());
  EXPECT_NE(node_hash(left, right), leaf_hash(both));
  EXPECT_NE(node_hash(left, right), node_hash(right, left));
}

}  // namespace
}  // namespace sovmesh::ledgerlog
