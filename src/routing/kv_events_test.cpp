#include "routing/kv_events.h"

#include <gtest/gtest.h>

#include <array>
#include <numeric>

namespace sovmesh::routing {
namespace {

using namespace std::chrono_literals;

class KvEventsTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kBlock = 16;
  KvEventsTest() : tokens_(kBlock * 6) {
    std::iota(tokens_.begin(), tokens_.end(), 1'000U);
    index_.add_endpoint(2, 100);
  }
  // What a request with these tokens and this salt finds.
  int depth(std::string_view salt = "s", std::string_view lora = "") {
    BlockChain chain =
        BlockChain::of_tokens(chain_seed({.model = "m", .lora = lora, .salt = salt}), kBlock);
    chain.feed(tokens_);
    index_.match(chain.keys(), now_, matches_);
    return matches_.depth(2);
  }
  BlocksStored blocks(std::size_t from, std::size_t count, std::optional<std::uint64_t> parent) {
    return {.engine_hashes = std::span(hashes_).subspan(from, count),
            .parent = parent,
            .tokens = std::span(tokens_).subspan(from * kBlock, count * kBlock),
            .block_tokens = kBlock};
  }

  Instant now_ = Instant{} + 1h;
  PrefixIndex index_{{.endpoints_max = 4, .blocks_max = 100}};
  Matches matches_{4};
  KvEvents events_{index_, 2, "m", "s"};
  std::vector<std::uint32_t> tokens_;
  std::array<std::uint64_t, 6> hashes_{11, 12, 13, 14, 15, 16};
};

TEST_F(KvEventsTest, BlocksStoredInPiecesAreOneChain) {
  EXPECT_TRUE(events_.stored(blocks(0, 2, std::nullopt)));
  EXPECT_TRUE(events_.stored(blocks(2, 3, 12)));
  EXPECT_EQ(depth(), 5);
  EXPECT_EQ(depth("another salt"), 0);
  EXPECT_EQ(depth("s", "lora"), 0);
}

TEST_F(KvEventsTest, ARemovedBlockEndsThePrefix) {
  EXPECT_TRUE(events_.stored(blocks(0, 6, std::nullopt)));
  events_.removed(std::array<std::uint64_t, 2>{13, 99});
  EXPECT_EQ(depth(), 2);
  events_.cleared();
  EXPECT_EQ(depth(), 0);
  EXPECT_EQ(index_.blocks(2), 0U);
}

TEST_F(KvEventsTest, WhatCannotBePlacedIsLeftOut) {
  EXPECT_FALSE(events_.stored(blocks(2, 1, 12)));  // its parent was never seen
  BlocksStored short_of_tokens = blocks(0, 2, std::nullopt);
  short_of_tokens.tokens = short_of_tokens.tokens.first(kBlock);
  EXPECT_FALSE(events_.stored(short_of_tokens));
  BlocksStored no_size = blocks(0, 2, std::nullopt);
  no_size.block_tokens = 0;
  EXPECT_FALSE(events_.stored(no_size));
  EXPECT_EQ(index_.blocks(2), 0U);
}

TEST_F(KvEventsTest, AfterAGapBlocksAgeOutUnlessTheyAreStoredAgain) {
  EXPECT_TRUE(events_.stored(blocks(0, 6, std::nullopt)));
  events_.gap(now_);
  EXPECT_EQ(depth(), 6);
  EXPECT_TRUE(events_.stored(blocks(0, 1, std::nullopt)));
  now_ += KvEvents::kSuspectTime + 100ms;
  EXPECT_EQ(depth(), 1);
}

}  // namespace
}  // namespace sovmesh::routing
