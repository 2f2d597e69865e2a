#include "sim/des/workload.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

namespace sovmesh::des {
namespace {

using std::chrono::seconds;

// Two requests of one conversation, one of another; the first block is everybody's.
Workload small_trace() {
  return {.name = "small",
          .block_tokens = 10,
          .arrivals = {{.at = seconds(0), .input_tokens = 20, .chain_begin = 0, .chain_size = 2},
                       {.at = seconds(5), .input_tokens = 25, .chain_begin = 2, .chain_size = 3},
                       {.at = seconds(9), .input_tokens = 20, .chain_begin = 5, .chain_size = 2}},
          .keys = {1, 2, 1, 2, 3, 1, 7}};
}

TEST(Scale, CopiesHaveBlocksOfTheirOwnButForTheFirst) {
  const auto scaled = scale(small_trace(), {.copies = 3}, 1);
  ASSERT_TRUE(scaled);
  EXPECT_EQ(scaled->arrivals.size(), 9U);
  std::map<BlockKey, int> uses;
  for (const BlockKey key : scaled->keys)
    ++uses[key];
  EXPECT_EQ(uses[1], 9);
  EXPECT_EQ(uses.size(), 1 + 3 * 3U);
  EXPECT_EQ(uses[2], 2);
  EXPECT_TRUE(std::ranges::is_sorted(scaled->arrivals, {}, &Arrival::at));
}

TEST(Scale, AConversationStaysOneTenantsAndSeedsDiffer) {
  const auto scaled = scale(small_trace(), {.copies = 50, .tenants = 10}, 1);
  ASSERT_TRUE(scaled);
  std::map<BlockKey, std::set<std::uint32_t>> tenants;
  std::set<std::uint32_t> all;
  for (const Arrival& arrival : scaled->arrivals) {
    tenants[scaled->chain(arrival)[1]].insert(arrival.tenant);
    all.insert(arrival.tenant);
  }
  for (const auto& [talk, of] : tenants)
    EXPECT_EQ(of.size(), 1U);
  EXPECT_GT(all.size(), 5U);
  const auto other = scale(small_trace(), {.copies = 50, .tenants = 10}, 2);
  EXPECT_NE(scaled->arrivals[7].at, other->arrivals[7].at);
}

TEST(Scale, SpeedAndLengthChangeTheTimeOnly) {
  const auto fast =
      scale(small_trace(), {.speed = 2, .length_max = seconds(6), .shift_max = seconds(0)}, 1);
  ASSERT_TRUE(fast);
  ASSERT_EQ(fast->arrivals.size(), 2U);
  EXPECT_NEAR(static_cast<double>(fast->arrivals[1].at.count()), 2.55e6, 0.06e6);
  EXPECT_FALSE(scale(small_trace(), {.copies = 0}, 1));
  EXPECT_FALSE(scale(small_trace(), {.speed = -1}, 1));
  EXPECT_FALSE(scale(small_trace(), {.copies = kArrivalsMax}, 1));
}

TEST(Merge, TenantsOfOneNameAreOne) {
  Workload a = small_trace();
  Workload b = small_trace();
  a.tenants = {"x"};
  b.tenants = {"y", "x"};
  b.arrivals[0].tenant = 1;
  const Workload both = merge(a, b);
  EXPECT_THAT(both.tenants, testing::ElementsAre("x", "y"));
  EXPECT_EQ(both.arrivals[1].tenant, 0U);  // the second of the two at 0 s
  EXPECT_EQ(both.chain(both.arrivals[3])[0], 1U);
  EXPECT_TRUE(std::ranges::is_sorted(both.arrivals, {}, &Arrival::at));
}

TEST(MultiTurn, EachTurnsPromptBeginsWithAllThatWasSaid) {
  const Workload load = multi_turn({.rate = 0.2, .length = seconds(100), .turns = 3}, 1);
  std::map<std::uint32_t, const Arrival*> last;
  int continued = 0;
  for (const Arrival& arrival : load.arrivals) {
    const auto found = last.find(arrival.user);
    if (found != last.end()) {
      const auto before = load.chain(*found->second);
      ASSERT_GE(load.chain(arrival).size(), before.size());
      EXPECT_TRUE(std::ranges::equal(before, load.chain(arrival).first(before.size())));
      EXPECT_GT(arrival.input_tokens, found->second->input_tokens);
      ++continued;
    }
    EXPECT_LE(load.prompt_chain(arrival).size(), arrival.input_tokens / 64);
    last[arrival.user] = &arrival;
  }
  EXPECT_GT(continued, 10);
}

TEST(SharedPrefix, RequestsOfAGroupBeginAlike) {
  const Workload load = shared_prefix({.rate = 10, .length = seconds(60), .groups = 3}, 1);
  std::set<BlockKey> ends;
  for (const Arrival& arrival : load.arrivals)
    ends.insert(load.chain(arrival)[4'096 / 64 - 1]);
  EXPECT_EQ(ends.size(), 3U);
}

TEST(Bursts, AreInTheFirstTenthOfAPeriod) {
  const Workload load = bursts({.rate = 5, .factor = 10, .length = seconds(600)}, 1);
  int inside = 0;
  for (const Arrival& arrival : load.arrivals)
    inside += arrival.at % seconds(60) < seconds(6) ? 1 : 0;
  // 50/s in 60 s, 5/s in 540 s: 3,000 of 5,700.
  EXPECT_NEAR(inside, 3'000, 200);
  EXPECT_NEAR(static_cast<double>(load.arrivals.size()), 5'700, 300);
}

TEST(AttackLoads, AreWhatTheirNamesSay) {
  const auto made = [](std::string_view name) {
    return attack({.attack = *parse_attack(name), .requests = 500}, 1);
  };
  const auto hostile = [](const Workload& load) {
    return std::ranges::count(load.arrivals, 4U, &Arrival::tenant);
  };
  EXPECT_EQ(hostile(made("none")), 0);
  EXPECT_EQ(hostile(made("flood")), 500);
  EXPECT_EQ(hostile(made("huge")), 5);
  std::set<std::uint32_t> users;
  for (const Arrival& arrival : made("identities").arrivals)
    if (arrival.tenant == 4) users.insert(arrival.user);
  EXPECT_GT(users.size(), 300U);
  for (const Arrival& arrival : made("aborts").arrivals)
    EXPECT_EQ(arrival.leaves_after > 0, arrival.tenant == 4);
  const Workload on_off = made("on-off");
  EXPECT_GT(on_off.arrivals.back().at, seconds(270));
  EXPECT_FALSE(parse_attack("nuke"));
}

}  // namespace
}  // namespace sovmesh::des
