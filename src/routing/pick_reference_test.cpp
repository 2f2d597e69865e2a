#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "routing/picker.h"
#include "tests/support/seeded_random.h"

namespace sovmesh::routing {
namespace {

using namespace std::chrono_literals;

constexpr auto kNever = std::numeric_limits<float>::infinity();

// The choice as docs/routing.md describes it, one endpoint and one block after the other: no
// columns, no bit sets, no short cuts. Floats in the order of the formula, so that results are
// equal to the last bit.
class PlainPicker {
 public:
  explicit PlainPicker(const CostSettings& settings) : s_(settings) {}

  struct Decision {
    EndpointIndex endpoint = 0;
    std::size_t depth = 0;
    float cost = 0;
  };
  // Nothing: nobody, or the cheapest are busy.
  std::optional<Decision> choose(const PickRequest& request, const EndpointTable& table,
                                 std::uint64_t random) const {
    std::vector<float> costs(table.end(), kNever);
    for (std::size_t e = 0; e < table.end(); ++e)
      if (allowed(request, table, static_cast<EndpointIndex>(e)))
        costs[e] = cost(request, table, static_cast<EndpointIndex>(e));
    leave_out(costs, table, random);
    const float best = *std::ranges::min_element(costs);
    if (best == kNever) return std::nullopt;
    std::vector<EndpointIndex> near;
    for (std::size_t e = 0; e < costs.size(); ++e)
      if (costs[e] <= best * (1 + s_.near) && !busy(request, table, static_cast<EndpointIndex>(e)))
        near.push_back(static_cast<EndpointIndex>(e));
    if (near.empty()) return std::nullopt;
    const EndpointIndex chosen = draw(near, table, random);
    return Decision{chosen, depth(request.chain, chosen), costs[chosen]};
  }

  void sent(const PickRequest& request, EndpointIndex endpoint) {
    if (const std::size_t longest = longest_of(request.chain); longest > 0)
      ++uses_[request.chain[longest - 1]];
    for (const BlockKey key : request.chain)
      holders_[key].insert(endpoint);
  }
  // What sent() counted for it; taken before sent().
  BlockKey shared_by(const PickRequest& request) const {
    const std::size_t longest = longest_of(request.chain);
    return longest == 0 ? 0 : request.chain[longest - 1];
  }
  void done(BlockKey shared) {
    if (shared != 0) --uses_[shared];
  }
  void forget(EndpointIndex endpoint) {
    for (auto& [key, who] : holders_)
      who.erase(endpoint);
  }

 private:
  bool holds(BlockKey key, EndpointIndex e) const {
    const auto found = holders_.find(key);
    return found != holders_.end() && found->second.contains(e);
  }
  std::size_t depth(std::span<const BlockKey> chain, EndpointIndex e) const {
    std::size_t depth = 0;
    while (depth < chain.size() && holds(chain[depth], e))
      ++depth;
    return depth;
  }
  std::size_t longest_of(std::span<const BlockKey> chain) const {
    std::size_t longest = 0;
    if (chain.empty() || !holders_.contains(chain[0])) return 0;
    for (const EndpointIndex e : holders_.at(chain[0]))
      longest = std::max(longest, depth(chain, e));
    return longest;
  }
  static bool allowed(const PickRequest& request, const EndpointTable& table, EndpointIndex e) {
    return table.living().contains(e) && !table.standing(e).ejected &&
           !table.standing(e).draining &&
           (takes_of(table.spec(e).role) & takes_of(request.role)) == takes_of(request.role) &&
           (table.spec(e).access & request.access) != 0 &&
           (request.jurisdictions >> table.spec(e).jurisdiction & 1) != 0 &&
           (request.subset == nullptr || request.subset->contains(e)) &&
           (request.avoid == nullptr || !request.avoid->contains(e));
  }
  float projected(const PickRequest& request, const EndpointTable& table, EndpointIndex e) const {
    return (static_cast<float>(table.load(e).context_tokens) +
            static_cast<float>(request.input_tokens) + static_cast<float>(request.output_tokens)) /
           static_cast<float>(table.spec(e).kv_capacity_tokens);
  }
  float queue(const EndpointTable& table, EndpointIndex e) const {
    return static_cast<float>(table.load(e).prefill_tokens) * table.columns().a[e];
  }
  bool busy(const PickRequest& request, const EndpointTable& table, EndpointIndex e) const {
    const auto requests = table.load(e).running + table.load(e).waiting;
    const std::int64_t most = table.standing(e).requests_max > 0 ? table.standing(e).requests_max
                                                                 : table.spec(e).requests_max;
    if (requests + 1 > most) return true;
    return requests > 0 && (projected(request, table, e) - s_.kv_credit > 0 ||
                            queue(table, e) - s_.prefill_credit_us > 0);
  }
  float cost(const PickRequest& request, const EndpointTable& table, EndpointIndex e) const {
    const EndpointTable::Columns& c = table.columns();
    const PoolState pool = pool_state(table, s_);
    const auto input = static_cast<float>(request.input_tokens);
    const auto output = static_cast<float>(request.output_tokens);
    const BlockKey shared = shared_by(request);
    const auto others = uses_.find(shared);
    const float uses = others == uses_.end() ? 0 : static_cast<float>(others->second);
    const float lambda = pool.lambda / (1 + s_.common * uses);
    const float matched = request.block_tokens * static_cast<float>(depth(request.chain, e));
    const float prefill =
        std::max(input - matched, 1.0F) * c.a[e] * (1 + input / static_cast<float>(kContextScale));
    const float over = std::max(projected(request, table, e) - s_.barrier_from, 0.0F) *
                       (1 / (1 - s_.barrier_from));
    const float behind = (pool.scraped_s - c.scraped_s[e]) * (1 / s_.stale_after_s) - 1;
    float sum = s_.urgency * queue(table, e) + prefill;
    sum += lambda * prefill;
    const bool is_fresh = shared == 0;
    const float brief = std::min(s_.short_output / std::max(output, 1.0F), 1.0F);
    const float in_front = is_fresh ? queue(table, e) * (s_.slowdown_queue * (1 - brief)) : 0.0F;
    sum +=
        (prefill * s_.slowdown_per_running + in_front) * static_cast<float>(table.load(e).running);
    sum += output * (c.base[e] - pool.base_min);
    sum += s_.barrier_us * over * over;
    sum += s_.urgency * table.standing(e).wake_us;
    sum += table.spec(e).zone == request.zone ? 0.0F : s_.zone_us;
    sum += s_.stale_us * std::min(std::max(behind, 0.0F), 10.0F);
    sum += busy(request, table, e) ? static_cast<float>(request.waited_us) * s_.impatience : 0.0F;
    return sum;
  }
  // SplitMix64, as the picker draws who takes part.
  static float share_of(std::uint64_t random, std::size_t e) {
    std::uint64_t x = random + (e + 1) * 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return static_cast<float>(static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1p-53);
  }
  static void leave_out(std::vector<float>& costs, const EndpointTable& table,
                        std::uint64_t random) {
    std::vector<float> rest = costs;
    for (std::size_t e = 0; e < rest.size(); ++e) {
      const float weight = table.standing(static_cast<EndpointIndex>(e)).weight;
      if (weight < 1 && share_of(random, e) >= weight) rest[e] = kNever;
    }
    if (*std::ranges::min_element(rest) < kNever) costs = rest;
  }
  EndpointIndex draw(std::vector<EndpointIndex> near, const EndpointTable& table,
                     std::uint64_t random) const {
    EndpointIndex chosen = near.front();
    auto fewest = std::numeric_limits<std::int64_t>::max();
    for (std::size_t i = 0; i < std::min(s_.choices, near.size()); ++i) {
      const std::uint64_t left = near.size() - i;
      std::swap(near[i], near[i + random % left]);
      random /= left;
      const Load load = table.load(near[i]);
      if (load.running + load.waiting >= fewest) continue;
      fewest = load.running + load.waiting;
      chosen = near[i];
    }
    return chosen;
  }

  CostSettings s_;
  std::map<BlockKey, std::set<EndpointIndex>> holders_;
  std::map<BlockKey, int> uses_;
};

// A pool of endpoints that differ, whose state is changed at random between picks.
class RandomPool {
 public:
  RandomPool(std::uint64_t seed, std::size_t endpoints)
      : random_(seed),
        picker_({.cost = {},
                 .index = {.endpoints_max = endpoints, .blocks_max = 1 << 18},
                 .tickets_max = 4'096}),
        plain_(CostSettings{}) {
    picker_.rates().add_class({});
    picker_.rates().add_class({.a = 120, .b = 40, .c = 0.03, .base = 20'000});
    for (std::size_t i = 0; i < endpoints; ++i)
      ids_.push_back(picker_
                         .add({.name = "e" + std::to_string(i),
                               .rate_class = static_cast<std::uint16_t>(below(2)),
                               .role = below(8) == 0 ? Role::decode : Role::both,
                               .zone = static_cast<std::uint8_t>(below(2)),
                               .jurisdiction = static_cast<std::uint8_t>(below(3)),
                               .access = below(6) == 0 ? 2ULL : ~0ULL,
                               .kv_capacity_tokens = 200'000 + 1'000 * std::int64_t{below(300)},
                               .requests_max = 4 + below(60)},
                              now_)
                         .value());
  }

  void step() {
    now_ += std::chrono::milliseconds(1 + below(40));
    switch (below(12)) {
      case 0:
        return report();
      case 1:
        return change_standing();
      case 2:
      case 3:
      case 4:
        return finish();
      default:
        return pick();
    }
  }
  int picks = 0, waits = 0, matched = 0;

 private:
  std::uint32_t below(std::uint32_t bound) { return random_.below(bound); }
  EndpointIndex any() {
    return static_cast<EndpointIndex>(below(static_cast<std::uint32_t>(ids_.size())));
  }

  void report() {
    const EndpointIndex e = any();
    picker_.endpoints().apply(
        ids_[e],
        {.at = now_, .waiting = below(4), .running = below(40), .kv_used = 0.01 * below(100)},
        now_);
  }
  void change_standing() {
    picker_.endpoints().set_standing(ids_[any()], {.ejected = below(10) == 0,
                                                   .draining = below(10) == 0,
                                                   .weight = below(2) == 0 ? 0.5F : 1.0F,
                                                   .wake_us = below(5) == 0 ? 3e5F : 0.0F});
  }
  void finish() {
    if (running_.empty()) return;
    std::swap(running_[below(static_cast<std::uint32_t>(running_.size()))], running_.back());
    const auto [ticket, shared, streams] = running_.back();
    picker_.on_first_token(ticket, now_);
    picker_.on_token(ticket, 20, now_);
    if (streams) return;  // goes on
    picker_.on_done(ticket, {}, now_);
    plain_.done(shared);
    running_.pop_back();
  }
  // One of few beginnings, some of it, and a rest of its own.
  std::vector<BlockKey> chain() {
    std::vector<BlockKey> keys;
    SeededRandom beginning(100 + below(6));
    for (std::uint32_t i = below(90); i > 0; --i)
      keys.push_back(beginning.next_u64() | 1);
    for (std::uint32_t i = below(20); i > 0; --i)
      keys.push_back(random_.next_u64() | 1);
    return keys;
  }
  void pick() {
    const std::vector<BlockKey> keys = chain();
    EndpointSet subset(ids_.size());
    for (int i = 0; i < 20; ++i)
      subset.insert(any());
    const PickRequest request{.chain = keys,
                              .input_tokens = std::int64_t{64} * std::ssize(keys) + below(64),
                              .output_tokens = 50 + below(500),
                              .waited_us = below(3) == 0 ? below(2'000'000) : 0,
                              .role = below(4) == 0 ? Role::decode : Role::both,
                              .zone = static_cast<std::uint8_t>(below(2)),
                              .jurisdictions = below(3) == 0 ? 3ULL : ~0ULL,
                              .access = below(3) == 0 ? 1ULL : ~0ULL,
                              .subset = below(4) == 0 ? &subset : nullptr,
                              .avoid = below(6) == 0 ? &subset : nullptr};
    const std::uint64_t random = random_.next_u64();
    const auto wanted = plain_.choose(request, picker_.endpoints(), random);
    const auto picked = picker_.pick(request, random, now_);
    ASSERT_EQ(picked.has_value(), wanted.has_value());
    ++(picked ? picks : waits);
    if (!picked) return;
    ASSERT_EQ(picked->endpoint.index, wanted->endpoint);
    ASSERT_EQ(picked->matched_blocks, wanted->depth);
    ASSERT_EQ(picked->cost_us, wanted->cost);
    matched += picked->matched_blocks > 0;
    running_.push_back({picked->ticket, plain_.shared_by(request), below(3) == 0});
    plain_.sent(request, wanted->endpoint);
  }

  struct Running {
    Ticket ticket;
    BlockKey shared = 0;
    bool streams = false;
  };
  SeededRandom random_;
  Instant now_ = Instant{} + 1h;
  Picker picker_;
  PlainPicker plain_;
  std::vector<EndpointId> ids_;
  std::vector<Running> running_;
};

TEST(PickReference, DecidesAsThePlainRuleDoes) {
  int picks = 0, waits = 0, matched = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    RandomPool pool(seed, seed % 3 == 0 ? 200 : 30 + seed);
    for (int i = 0; i < 400; ++i) {
      pool.step();
      if (testing::Test::HasFatalFailure()) FAIL() << "seed " << seed << ", step " << i;
    }
    picks += pool.picks;
    waits += pool.waits;
    matched += pool.matched;
  }
  // The random states reach what is to be compared.
  EXPECT_GT(picks, 1'500);
  EXPECT_GT(waits, 50);
  EXPECT_GT(matched, 500);
}

}  // namespace
}  // namespace sovmesh::routing
