#include "routing/block_hash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/support/seeded_random.h"

namespace sovmesh::routing {
namespace {

using ::testing::ElementsAreArray;

constexpr BlockKey kSeed = 42;

std::string text_of(std::size_t size, std::uint64_t seed) {
  SeededRandom random(seed);
  std::string text(size, ' ');
  random.fill({reinterpret_cast<unsigned char*>(text.data()), text.size()});
  return text;
}

std::vector<BlockKey> keys_of(std::string_view text, BlockKey seed = kSeed) {
  BlockChain chain = BlockChain::of_text(seed);
  chain.feed(text);
  return {chain.keys().begin(), chain.keys().end()};
}

TEST(BlockChain, KeysDoNotDependOnHowTheTextArrives) {
  SeededRandom random(1);
  for (int round = 0; round < 300; ++round) {
    const std::string text = text_of(random.below(3'000), random.next_u64());
    BlockChain chain = BlockChain::of_text(kSeed);
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t piece = random.below(700) % (rest.size() + 1);
      chain.feed(rest.substr(0, piece));
      rest.remove_prefix(piece);
    }
    EXPECT_THAT(chain.keys(), ElementsAreArray(keys_of(text)));
    EXPECT_EQ(chain.keys().size(), text.size() / BlockChain::kTextBlockBytes);
  }
}

TEST(BlockChain, KeysAreEqualExactlyUpToTheFirstDifference) {
  const std::string text = text_of(16 * 256, 2);
  const std::vector<BlockKey> keys = keys_of(text);
  for (std::size_t at = 0; at < text.size(); at += 37) {
    std::string other = text;
    other[at] ^= 1;
    const std::vector<BlockKey> changed = keys_of(other);
    for (std::size_t block = 0; block < keys.size(); ++block)
      EXPECT_EQ(keys[block] == changed[block], block < at / 256) << at << ' ' << block;
  }
}

TEST(BlockChain, TheSameBlockHasAnotherKeyAtAnotherPlace) {
  const std::vector<BlockKey> keys = keys_of(std::string(4'096, 'x'));
  EXPECT_EQ(std::set<BlockKey>(keys.begin(), keys.end()).size(), keys.size());
}

TEST(BlockChain, OwnersShareNothing) {
  const std::string text = text_of(256, 3);
  std::set<BlockKey> first;
  for (const ChainOwner& owner : {ChainOwner{"llama", "", "salt-a"},
                                  {"llama", "", "salt-b"},
                                  {"llama", "lora", "salt-a"},
                                  {"qwen", "", "salt-a"},
                                  {"llamalora", "", "salt-a"},
                                  {"llama", "sal", "t-a"}})
    first.insert(keys_of(text, chain_seed(owner)).front());
  EXPECT_EQ(first.size(), 6U);
}

TEST(BlockChain, TokensAreWholeBlocksOfTheEnginesSize) {
  std::vector<std::uint32_t> tokens(100);
  for (std::uint32_t i = 0; i < tokens.size(); ++i)
    tokens[i] = i * 7;
  BlockChain whole = BlockChain::of_tokens(kSeed, 16);
  whole.feed(tokens);
  ASSERT_EQ(whole.keys().size(), 6U);
  BlockChain later = BlockChain::behind(whole.keys()[1], 16);
  later.feed(std::span(tokens).subspan(32));
  EXPECT_THAT(later.keys(), ElementsAreArray(whole.keys().subspan(2)));

  BlockChain other_size = BlockChain::of_tokens(kSeed, 32);
  other_size.feed(tokens);
  EXPECT_NE(other_size.keys().front(), whole.keys()[1]);
}

TEST(BlockChain, WhatIsBehindTheBoundHasNoKeys) {
  const std::string text(BlockChain::kTextBlockBytes * (BlockChain::kBlocksMax + 3) + 5, 'y');
  BlockChain chain = BlockChain::of_text(kSeed);
  chain.feed(std::string_view(text).substr(0, 100));
  chain.feed(std::string_view(text).substr(100));
  EXPECT_EQ(chain.keys().size(), BlockChain::kBlocksMax);
  const BlockKey last = chain.keys().back();
  chain.feed("more");
  EXPECT_EQ(chain.keys().size(), BlockChain::kBlocksMax);
  EXPECT_EQ(chain.keys().back(), last);
}

}  // namespace
}  // namespace sovmesh::routing
