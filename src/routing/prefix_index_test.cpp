#include "routing/prefix_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "tests/support/seeded_random.h"

namespace sovmesh::routing {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kAll = 1'000'000'000;  // steps
const Instant kStart = Instant{} + 1h;

std::vector<BlockKey> chain_of(std::uint64_t seed, std::size_t blocks) {
  SeededRandom random(seed);
  std::vector<BlockKey> keys(blocks);
  for (BlockKey& key : keys)
    key = random.next_u64() | 1;
  return keys;
}

// What the index should know, without any bound, in the plainest form.
class Model {
 public:
  struct Block {
    bool confirmed = false;
    std::optional<Instant> until;
    Tier tier = Tier::gpu;
  };
  std::map<EndpointIndex, std::map<BlockKey, Block>> endpoints;

  void expect(EndpointIndex e, std::span<const BlockKey> keys, std::optional<Instant> until) {
    for (const BlockKey key : keys) {
      const auto [block, is_new] = endpoints.at(e).try_emplace(key, Block{.until = until});
      if (is_new || !block->second.until) continue;  // confirmed, or without an end
      if (!until)
        block->second.until.reset();
      else
        block->second.until = std::max(*block->second.until, *until);
    }
  }
  void confirm(EndpointIndex e, std::span<const BlockKey> keys, Tier tier) {
    for (const BlockKey key : keys)
      endpoints.at(e)[key] = {.confirmed = true, .until = {}, .tier = tier};
  }
  void suspect(EndpointIndex e, Instant until) {
    for (auto& [key, block] : endpoints.at(e))
      if (block.confirmed) block = {.confirmed = false, .until = until, .tier = block.tier};
  }
  void expire(Instant now) {
    for (auto& [e, blocks] : endpoints)
      std::erase_if(blocks,
                    [&](const auto& b) { return b.second.until && *b.second.until <= now; });
  }
  struct Found {
    int depth = 0, cpu = 0, disk = 0;
    friend bool operator==(const Found&, const Found&) = default;
  };
  Found match(EndpointIndex e, std::span<const BlockKey> keys) const {
    Found found;
    const auto endpoint = endpoints.find(e);
    if (endpoint == endpoints.end()) return found;
    for (const BlockKey key : keys) {
      const auto block = endpoint->second.find(key);
      if (block == endpoint->second.end()) break;
      ++found.depth;
      found.cpu += block->second.tier == Tier::cpu;
      found.disk += block->second.tier == Tier::disk;
    }
    return found;
  }
};

using Finder = std::function<Model::Found(PrefixIndex&, EndpointIndex, std::span<const BlockKey>,
                                          const Matches&)>;

Model::Found from_matches(PrefixIndex&, EndpointIndex e, std::span<const BlockKey>,
                          const Matches& matches) {
  return {matches.depth(e), matches.cpu(e), matches.disk(e)};
}

bool few_go_furthest(const Matches& matches, std::size_t endpoints) {
  for (EndpointIndex e = 0; e < endpoints; ++e)
    if ((std::ranges::count(matches.few(), e) > 0) != (matches.depth(e) > matches.rest()))
      return false;
  return true;
}

// A random history on a few families of chains, so that blocks have none, few and many holders.
// Returns after how many look-ups the index and the model differed first; nothing: never.
std::optional<int> first_difference(std::uint64_t seed, const Finder& find) {
  constexpr std::size_t kEndpoints = 80;
  SeededRandom random(seed);
  PrefixIndex index({.endpoints_max = kEndpoints, .blocks_max = 1'000, .bitmaps_max = 500});
  Matches matches(kEndpoints);
  Model model;
  std::vector<std::vector<BlockKey>> chains;
  for (std::uint64_t i = 0; i < 6; ++i)
    chains.push_back(chain_of(seed * 100 + i, 40));
  for (std::size_t i = 2; i < 6; ++i)  // a beginning that they share
    std::copy_n(chains[1].begin(), 4 * i, chains[i].begin());

  Instant now = kStart;
  int look_ups = 0;
  for (int step = 0; step < 1'500; ++step) {
    const auto e = static_cast<EndpointIndex>(random.below(kEndpoints));
    const std::span<const BlockKey> chain = chains[random.below(6)];
    const std::size_t from = random.below(4) == 0 ? random.below(40) : 0;
    const std::span<const BlockKey> part =
        chain.subspan(from, random.below(static_cast<std::uint32_t>(41 - from)));
    const Instant later = now + 100ms * (1 + random.below(50));
    if (!model.endpoints.contains(e)) {
      if (!index.is_clear(e)) continue;
      index.add_endpoint(e, 300);
      model.endpoints[e];
    }
    switch (random.below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
        index.expect(e, part, std::nullopt, now);
        model.expect(e, part, std::nullopt);
        break;
      case 4:
      case 5:
      case 6:
        index.expect(e, part, later, now);
        model.expect(e, part, later);
        break;
      case 7:
      case 8:
      case 9: {
        const auto tier = static_cast<Tier>(random.below(3));
        index.confirm(e, part, tier);
        model.confirm(e, part, tier);
        break;
      }
      case 10:
      case 11:
      case 12:
        index.remove(e, part);
        for (const BlockKey key : part)
          model.endpoints[e].erase(key);
        break;
      case 13:
        now += 100ms * random.below(20);
        break;
      case 14:
        index.suspect(e, later, now);
        model.suspect(e, later);
        break;
      default:
        if (random.below(2) == 0) {
          index.clear(e);
          model.endpoints[e].clear();
        } else {
          index.remove_endpoint(e);
          model.endpoints.erase(e);
          if (random.below(2) == 0) index.clean(random.below(100), now);
        }
    }
    model.expire(now);
    // The model knows no "soon": sweep all that has ended. Look-ups do that and leave removals of
    // endpoints under way; clean() ends those, too.
    if (random.below(2) == 0) index.clean(kAll, now);
    for (int i = 0; i < 60; ++i)
      index.match({}, now, matches);
    const std::span<const BlockKey> asked = chains[random.below(6)];
    index.match(asked, now, matches);
    for (EndpointIndex other = 0; other < kEndpoints; ++other)
      if (find(index, other, asked, matches) != model.match(other, asked)) return look_ups;
    if (!few_go_furthest(matches, kEndpoints)) return look_ups;
    ++look_ups;
    if (step % 50 == 0) EXPECT_TRUE(index.consistent());
  }
  EXPECT_TRUE(index.consistent());
  EXPECT_EQ(index.counts().not_recorded, 0U);
  EXPECT_EQ(index.counts().evicted, 0U);
  return std::nullopt;
}

TEST(PrefixIndex, FindsWhatAPlainModelFinds) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed)
    EXPECT_EQ(first_difference(seed, from_matches), std::nullopt) << seed;
}

TEST(PrefixIndex, TheModelCatchesAnIndexThatCountsPastGaps) {
  const auto past_gaps = [](PrefixIndex& index, EndpointIndex e, std::span<const BlockKey> keys,
                            const Matches& matches) {
    Model::Found found = from_matches(index, e, keys, matches);
    found.depth = 0;
    for (const BlockKey key : keys)
      found.depth += index.holds(e, key);
    return found;
  };
  EXPECT_TRUE(first_difference(1, past_gaps).has_value());
}

class PrefixIndexTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kEndpoints = 128;
  PrefixIndex index_{{.endpoints_max = kEndpoints,
                      .blocks_max = 4'096,
                      .bitmaps_max = 4,
                      .expectations_max = 100}};
  Matches matches_{kEndpoints};
  Instant now_ = kStart;

  int depth(EndpointIndex e, std::span<const BlockKey> keys) {
    index_.match(keys, now_, matches_);
    return matches_.depth(e);
  }
};

TEST_F(PrefixIndexTest, EveryHolderOfASharedBeginningIsKnown) {
  const std::vector<BlockKey> shared = chain_of(1, 3);
  for (EndpointIndex e = 0; e < kEndpoints; ++e) {
    index_.add_endpoint(e, 10);
    index_.expect(e, shared, std::nullopt, now_);
  }
  index_.match(shared, now_, matches_);
  for (EndpointIndex e = 0; e < kEndpoints; ++e)
    EXPECT_EQ(matches_.depth(e), 3);
  EXPECT_EQ(index_.counts().keys, 3U);
  EXPECT_EQ(index_.counts().bitmaps, 3U);
  // And back into the slot when few are left.
  for (EndpointIndex e = 2; e < kEndpoints; ++e)
    index_.remove(e, shared);
  EXPECT_EQ(index_.counts().bitmaps, 0U);
  EXPECT_EQ(depth(0, shared), 3);
  EXPECT_EQ(depth(1, shared), 3);
  EXPECT_TRUE(index_.consistent());
}

TEST_F(PrefixIndexTest, AFullPoolOfBitmapsLosesHintsAndCountsThem) {
  for (EndpointIndex e = 0; e < 9; ++e)
    index_.add_endpoint(e, 100);
  const std::vector<BlockKey> shared = chain_of(2, 6);
  for (EndpointIndex e = 0; e < 9; ++e)
    index_.expect(e, shared, std::nullopt, now_);
  EXPECT_EQ(index_.counts().bitmaps, 4U);
  EXPECT_EQ(index_.counts().not_recorded, 2U);  // the ninth holder of two blocks
  EXPECT_EQ(depth(8, shared), 4);
  EXPECT_EQ(depth(7, shared), 6);
  EXPECT_TRUE(index_.consistent());
}

TEST_F(PrefixIndexTest, AnEndpointKeepsItsCapacityAndWhatIsUsed) {
  index_.add_endpoint(3, 200);
  const std::vector<BlockKey> hot = chain_of(3, 50);
  for (std::uint64_t i = 0; i < 200; ++i) {
    index_.expect(3, hot, std::nullopt, now_);
    index_.expect(3, chain_of(100 + i, 10), std::nullopt, now_);
    ASSERT_LE(index_.blocks(3), 200U);
  }
  EXPECT_GT(index_.counts().evicted, 1'000U);
  EXPECT_EQ(depth(3, hot), 50);
  EXPECT_EQ(depth(3, chain_of(100, 10)), 0);
  EXPECT_TRUE(index_.consistent());
}

TEST_F(PrefixIndexTest, HowManyUseTheEndOfTheLongestMatchIsKnown) {
  index_.add_endpoint(0, 100);
  index_.add_endpoint(1, 100);
  const std::vector<BlockKey> chain = chain_of(1, 20);
  index_.expect(0, std::span(chain).first(10), std::nullopt, now_);
  index_.expect(1, std::span(chain).first(4), std::nullopt, now_);
  EXPECT_EQ(depth(0, chain), 10);
  EXPECT_EQ(matches_.uses(), 0);
  index_.begin_use(chain[9]);
  index_.begin_use(chain[9]);
  index_.begin_use(chain[3]);  // somebody whose match is shorter
  EXPECT_EQ(depth(0, chain), 10);
  EXPECT_EQ(matches_.uses(), 2);
  index_.end_use(chain[9]);
  EXPECT_EQ(depth(0, chain), 10);
  EXPECT_EQ(matches_.uses(), 1);
  // The count goes with the last holder, and what ends later takes nothing from others.
  index_.remove(0, std::span(chain).first(10));
  index_.end_use(chain[9]);
  index_.expect(0, std::span(chain).first(10), std::nullopt, now_);
  index_.end_use(chain[9]);
  EXPECT_EQ(depth(0, chain), 10);
  EXPECT_EQ(matches_.uses(), 0);
  EXPECT_EQ(depth(0, chain_of(2, 5)), 0);
  EXPECT_EQ(matches_.uses(), 0);
}

TEST_F(PrefixIndexTest, AFullTableTakesRoomFromTheEndpointThatWantsMore) {
  index_.add_endpoint(0, 4'000);
  index_.add_endpoint(1, 4'000);
  const std::vector<BlockKey> others = chain_of(4, 2'000);
  index_.expect(0, others, std::nullopt, now_);
  index_.expect(1, chain_of(5, 4'000), std::nullopt, now_);
  EXPECT_EQ(index_.counts().keys, 4'096U);
  EXPECT_EQ(depth(0, others), 2'000);
  EXPECT_EQ(index_.blocks(1), 2'096U);
  EXPECT_TRUE(index_.consistent());
}

TEST_F(PrefixIndexTest, OfAPromptLargerThanTheCacheTheBeginningIsKept) {
  index_.add_endpoint(0, 5);
  const std::vector<BlockKey> chain = chain_of(6, 20);
  index_.expect(0, chain, std::nullopt, now_);
  EXPECT_EQ(depth(0, chain), 5);
}

TEST_F(PrefixIndexTest, AnExpectationEndsUnlessItIsConfirmed) {
  index_.add_endpoint(0, 50);
  const std::vector<BlockKey> chain = chain_of(7, 10);
  index_.expect(0, chain, now_ + 2s, now_);
  index_.confirm(0, std::span(chain).first(4), Tier::gpu);
  now_ += 1'900ms;
  EXPECT_EQ(depth(0, chain), 10);
  now_ += 100ms;
  EXPECT_EQ(depth(0, chain), 4);
  EXPECT_EQ(index_.counts().expired, 6U);
}

TEST_F(PrefixIndexTest, AnExpectationThatIsRenewedLivesOn) {
  index_.add_endpoint(0, 50);
  const std::vector<BlockKey> chain = chain_of(8, 10);
  index_.expect(0, chain, now_ + 2s, now_);
  now_ += 1s;
  index_.expect(0, chain, now_ + 2s, now_);
  now_ += 1'900ms;
  EXPECT_EQ(depth(0, chain), 10);
  now_ += 100ms;
  EXPECT_EQ(depth(0, chain), 0);
}

TEST_F(PrefixIndexTest, ExpectationsBeyondTheBoundAreNotRecorded) {
  index_.add_endpoint(0, 500);
  index_.expect(0, chain_of(9, 150), now_ + 2s, now_);
  EXPECT_EQ(index_.blocks(0), 100U);
  EXPECT_EQ(index_.counts().not_recorded, 50U);
  now_ += 3s;
  index_.clean(kAll, now_);
  EXPECT_EQ(index_.blocks(0), 0U);
  index_.expect(0, chain_of(9, 50), now_ + 2s, now_);
  EXPECT_EQ(index_.blocks(0), 50U);
}

TEST_F(PrefixIndexTest, ALongSilenceIsNoTrouble) {
  index_.add_endpoint(0, 50);
  const std::vector<BlockKey> chain = chain_of(10, 10);
  index_.expect(0, chain, now_ + 2s, now_);
  now_ += 10h;
  EXPECT_EQ(depth(0, chain), 0);
  index_.expect(0, chain, now_ + 1h, now_);  // at most the horizon
  now_ += PrefixIndex::kHorizon - 100ms;
  EXPECT_EQ(depth(0, chain), 10);
  now_ += 200ms;
  EXPECT_EQ(depth(0, chain), 0);
}

TEST_F(PrefixIndexTest, MoreThanOneCallSweepsMayHaveEndedInALongSilence) {
  index_.add_endpoint(0, 500);
  index_.expect(0, chain_of(10, 98), now_ + 2s, now_);
  now_ += 10h;
  index_.expect(0, chain_of(11, 2), now_ + 2s, now_);
  index_.clean(kAll, now_);
  EXPECT_EQ(index_.blocks(0), 0U);
  index_.expect(0, chain_of(11, 2), now_ + 2s, now_);
  EXPECT_EQ(depth(0, chain_of(11, 2)), 2);
  EXPECT_TRUE(index_.consistent());
}

TEST_F(PrefixIndexTest, ARemovedEndpointIsGoneAtOnceAndItsMemoryInSteps) {
  index_.add_endpoint(0, 500);
  index_.add_endpoint(1, 500);
  const std::vector<BlockKey> chain = chain_of(11, 300);
  index_.expect(0, chain, std::nullopt, now_);
  index_.expect(1, chain, std::nullopt, now_);
  index_.remove_endpoint(0);
  EXPECT_EQ(depth(0, chain), 0);
  EXPECT_EQ(depth(1, chain), 300);
  EXPECT_FALSE(index_.is_clear(0));
  EXPECT_TRUE(index_.clean(10, now_));
  int calls = 1;
  while (index_.clean(100, now_))
    ++calls;
  EXPECT_GT(calls, 3);
  EXPECT_TRUE(index_.is_clear(0));
  EXPECT_EQ(index_.counts().holdings, 300U);
  index_.add_endpoint(0, 100);
  EXPECT_EQ(depth(0, chain), 0);
  EXPECT_TRUE(index_.consistent());
}

TEST_F(PrefixIndexTest, AfterAGapOnlyWhatIsConfirmedAgainStays) {
  index_.add_endpoint(0, 50);
  const std::vector<BlockKey> chain = chain_of(12, 10);
  index_.confirm(0, chain, Tier::gpu);
  index_.suspect(0, now_ + 5s, now_);
  EXPECT_EQ(depth(0, chain), 10);
  index_.confirm(0, std::span(chain).first(3), Tier::gpu);
  now_ += 5s;
  EXPECT_EQ(depth(0, chain), 3);
}

TEST_F(PrefixIndexTest, MemoryIsBoundedBySizesAndCapacities) {
  for (EndpointIndex e = 0; e < 64; ++e)
    index_.add_endpoint(e, 64);
  const std::size_t before = index_.memory_bytes();
  for (std::uint64_t i = 0; i < 2'000; ++i)
    index_.expect(static_cast<EndpointIndex>(i % 64), chain_of(i, 30), std::nullopt, now_);
  EXPECT_EQ(index_.memory_bytes(), before);
  EXPECT_LE(index_.counts().keys, 4'096U);
}

}  // namespace
}  // namespace sovmesh::routing
