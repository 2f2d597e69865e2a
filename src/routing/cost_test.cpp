#include "routing/cost.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "tests/support/seeded_random.h"

namespace sovmesh::routing {
namespace {

using namespace std::chrono_literals;

class CostTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kEndpoints = 64;
  Instant now_ = Instant{} + 1h;
  CostSettings settings_;
  EndpointTable table_{kEndpoints};
  RateTable rates_;
  PrefixIndex index_{{.endpoints_max = kEndpoints, .blocks_max = 10'000}};
  Matches matches_{kEndpoints};
  std::vector<BlockKey> chain_;
  PickRequest request_{.input_tokens = 6'000, .output_tokens = 200};

  CostTest() {
    rates_.add_class({.a = 100, .b = 50, .c = 0.02, .base = 10'000});
    rates_.add_class({.a = 200, .b = 90, .c = 0.05, .base = 15'000});
    SeededRandom random(5);
    for (int i = 0; i < 90; ++i)
      chain_.push_back(random.next_u64() | 1);
    request_.chain = chain_;
  }
  EndpointId add(EndpointSpec spec = {}) {
    spec.name = "e" + std::to_string(table_.size());
    if (spec.kv_capacity_tokens == 0) spec.kv_capacity_tokens = 400'000;
    if (spec.requests_max == 0) spec.requests_max = 64;
    const EndpointId id = table_.add(spec, now_).value();
    index_.add_endpoint(id.index, 1'000);
    table_.refresh_rates(rates_);
    return id;
  }
  Cost cost(EndpointId id) {
    index_.match(chain_, now_, matches_);
    return cost_of(request_, id.index, table_, matches_, settings_, pool_state(table_, settings_));
  }
  Filter filter(EndpointId id) { return filter_of(request_, id.index, table_, settings_); }
};

TEST_F(CostTest, TermsFollowTheFormula) {
  const EndpointId id = add();
  table_.add_load(
      id, {.prefill_tokens = 2'000, .context_tokens = 50'000, .waiting = 1, .running = 10}, now_);
  index_.expect(id.index, std::span(chain_).first(50), std::nullopt, now_);
  const Cost c = cost(id);
  const float prefill = (6'000 - 50 * 64) * 100.0F * (1 + 6'000.0F / 60'000);
  const float lambda = pool_state(table_, settings_).lambda;
  EXPECT_FLOAT_EQ(c.terms[Cost::queue], settings_.urgency * 2'000 * 100);
  EXPECT_FLOAT_EQ(c.terms[Cost::prefill], prefill);
  EXPECT_FLOAT_EQ(c.terms[Cost::displaced], lambda * prefill);
  EXPECT_FLOAT_EQ(c.terms[Cost::slowdown], prefill * 10 * settings_.slowdown_per_running);
  EXPECT_EQ(c.terms[Cost::decode], 0);
  EXPECT_FLOAT_EQ(cost(add({.rate_class = 1})).terms[Cost::decode], 200 * 5'000.0F);
  for (const Cost::Term none :
       {Cost::load_tier, Cost::barrier, Cost::lora, Cost::wake, Cost::zone, Cost::stale})
    EXPECT_EQ(c.terms[none], 0) << name(none);
}

TEST_F(CostTest, WhereNothingIsCachedWhatIsInFrontSlowsStreamsDownToo) {
  const EndpointId id = add();
  table_.add_load(
      id, {.prefill_tokens = 2'000, .context_tokens = 50'000, .waiting = 1, .running = 10}, now_);
  const float prefill = 6'000 * 100.0F * (1 + 6'000.0F / 60'000);
  const float in_front = 2'000 * 100.0F;
  const float part = 1 - settings_.short_output / 200;
  EXPECT_FLOAT_EQ(
      cost(id).terms[Cost::slowdown],
      10 * (prefill * settings_.slowdown_per_running + in_front * settings_.slowdown_queue * part));
  request_.output_tokens = 20;  // a short answer
  EXPECT_FLOAT_EQ(cost(id).terms[Cost::slowdown], 10 * prefill * settings_.slowdown_per_running);
}

TEST_F(CostTest, TheBarrierRisesWithTheSquareFromItsShareOn) {
  const EndpointId id = add();
  table_.add_load(id, {.context_tokens = 400'000 * 85 / 100 - 6'200}, now_);
  EXPECT_NEAR(cost(id).terms[Cost::barrier], 0, 1);
  table_.add_load(id, {.context_tokens = 30'000}, now_);  // half way to a full cache
  EXPECT_NEAR(cost(id).terms[Cost::barrier], settings_.barrier_us / 4, settings_.barrier_us / 500);
}

TEST_F(CostTest, BlocksBelowTheGpuCostTheirLoadingButNotMoreThanComputing) {
  const EndpointId id = add();
  index_.confirm(id.index, std::span(chain_).first(30), Tier::gpu);
  index_.confirm(id.index, std::span(chain_).subspan(30, 20), Tier::cpu);
  index_.confirm(id.index, std::span(chain_).subspan(50, 10), Tier::disk);
  const Cost c = cost(id);
  EXPECT_FLOAT_EQ(c.terms[Cost::load_tier], settings_.urgency * 64 * (20 * 4 + 10 * 40));
  settings_.disk_us_per_token = 1e6;
  EXPECT_FLOAT_EQ(cost(id).terms[Cost::load_tier], settings_.urgency * 64 * (20 * 4 + 10 * 100));
}

TEST_F(CostTest, AFullMatchStillComputesOneToken) {
  const EndpointId id = add();
  request_.input_tokens = 64 * 90;
  index_.expect(id.index, chain_, std::nullopt, now_);
  EXPECT_GT(cost(id).terms[Cost::prefill], 0);
}

TEST_F(CostTest, LoraZoneWakeAndStaleAreAdded) {
  const EndpointId near = add({.zone = 1, .lora_slots = 1});
  const EndpointId far = add({.zone = 2, .lora_slots = 1});
  request_.zone = 1;
  request_.lora = 5;
  table_.note_lora(near.index, 5);
  EXPECT_EQ(cost(near).terms[Cost::lora], 0);
  EXPECT_EQ(cost(far).terms[Cost::lora], settings_.urgency * settings_.lora_us);
  table_.note_lora(far.index, 6);  // its only slot
  EXPECT_EQ(cost(far).terms[Cost::lora], settings_.urgency * 2 * settings_.lora_us);
  EXPECT_EQ(cost(near).terms[Cost::zone], 0);
  EXPECT_EQ(cost(far).terms[Cost::zone], settings_.zone_us);
  table_.set_standing(far, {.wake_us = 3e6F});
  EXPECT_EQ(cost(far).terms[Cost::wake], settings_.urgency * 3e6F);
  ASSERT_TRUE(table_.apply(near, {.at = now_ + 6s}, now_ + 6s));
  EXPECT_EQ(cost(near).terms[Cost::stale], 0);
  EXPECT_FLOAT_EQ(cost(far).terms[Cost::stale], 2 * settings_.stale_us);
}

TEST_F(CostTest, AWeightIsNamedAndLeavesTheSumAlone) {
  const EndpointId id = add();
  const float full = cost(id).total();
  table_.set_standing(id, {.weight = 0.1F});
  EXPECT_FLOAT_EQ(cost(id).weight, 0.1F);
  EXPECT_FLOAT_EQ(cost(id).total(), full);
}

TEST_F(CostTest, LambdaGrowsWithTheQueuesAndWithTheCaches) {
  const EndpointId a = add();
  const EndpointId b = add();
  EXPECT_FLOAT_EQ(pool_state(table_, settings_).lambda, settings_.lambda_min);
  table_.add_load(a, {.prefill_tokens = 20'000, .context_tokens = 20'000, .waiting = 1}, now_);
  const float busy = pool_state(table_, settings_).lambda;
  EXPECT_FLOAT_EQ(busy, 16);  // a mean of 1 s of 2
  table_.add_load(b, {.prefill_tokens = 90'000, .context_tokens = 90'000, .waiting = 1}, now_);
  EXPECT_FLOAT_EQ(pool_state(table_, settings_).lambda, settings_.lambda_max);
  table_.take_load(a, {.prefill_tokens = 20'000}, now_);
  table_.take_load(b, {.prefill_tokens = 90'000}, now_);
  EXPECT_FLOAT_EQ(pool_state(table_, settings_).lambda, settings_.lambda_min);
  table_.add_load(a, {.context_tokens = 500'000}, now_);  // 610,000 of 800,000
  EXPECT_NEAR(pool_state(table_, settings_).pressure, (0.7625 - 0.5) / 0.4, 1e-4);
}

TEST_F(CostTest, LambdaIsSharedByThoseWhoUseThePrefix) {
  const EndpointId id = add();
  index_.expect(id.index, std::span(chain_).first(50), std::nullopt, now_);
  const float alone = cost(id).terms[Cost::displaced];
  index_.begin_use(chain_[49]);
  index_.begin_use(chain_[49]);
  EXPECT_FLOAT_EQ(cost(id).terms[Cost::displaced], alone / (1 + 2 * settings_.common));
}

TEST_F(CostTest, EachHardFilterIsNamed) {
  EXPECT_EQ(filter(add()), Filter::none);
  const EndpointId decode = add({.role = Role::decode});
  EXPECT_EQ(filter(decode), Filter::role);
  request_.role = Role::decode;
  EXPECT_EQ(filter(decode), Filter::none);
  EXPECT_EQ(filter(add({.role = Role::prefill})), Filter::role);
  request_.role = Role::both;

  const EndpointId closed = add({.access = 0b10});
  request_.access = 0b01;
  EXPECT_EQ(filter(closed), Filter::access);
  request_.access = 0b11;
  EXPECT_EQ(filter(closed), Filter::none);

  const EndpointId abroad = add({.jurisdiction = 3});
  request_.jurisdictions = 0b111;
  EXPECT_EQ(filter(abroad), Filter::residency);
  request_.jurisdictions = 0b1000;
  EXPECT_EQ(filter(abroad), Filter::none);
  request_.jurisdictions = ~0ULL;

  const EndpointId id = add();
  EndpointSet some(kEndpoints);
  request_.subset = &some;
  EXPECT_EQ(filter(id), Filter::subset);
  some.insert(id.index);
  EXPECT_EQ(filter(id), Filter::none);
  request_.avoid = &some;
  EXPECT_EQ(filter(id), Filter::avoided);
  request_.subset = request_.avoid = nullptr;

  table_.set_standing(id, {.ejected = true});
  EXPECT_EQ(filter(id), Filter::ejected);
  table_.set_standing(id, {.draining = true});
  EXPECT_EQ(filter(id), Filter::draining);
  table_.set_standing(id, {.requests_max = 1});
  EXPECT_EQ(filter(id), Filter::none);
  table_.add_load(id, {.running = 1}, now_);
  EXPECT_EQ(filter(id), Filter::busy);
}

TEST_F(CostTest, CreditsEndButAnIdleEndpointTakesAnything) {
  settings_.kv_credit = 0.9F;
  const EndpointId id = add();
  request_.input_tokens = 390'000;
  EXPECT_EQ(filter(id), Filter::none);
  table_.add_load(id, {.context_tokens = 10, .running = 1}, now_);
  EXPECT_EQ(filter(id), Filter::busy);  // 0.9 of the KV cache
  request_.input_tokens = 1'000;
  EXPECT_EQ(filter(id), Filter::none);
  table_.add_load(id, {.prefill_tokens = 14'100, .waiting = 1}, now_);
  EXPECT_EQ(filter(id), Filter::busy);  // 1.4 s of prefill in front
}

TEST_F(CostTest, OnePassOverThePoolAgreesWithEndpointByEndpoint) {
  SeededRandom random(11);
  for (std::size_t i = 0; i < kEndpoints; ++i) {
    const EndpointId id = add({.rate_class = static_cast<std::uint16_t>(i % 2),
                               .role = random.below(8) == 0 ? Role::decode : Role::both,
                               .zone = static_cast<std::uint8_t>(random.below(2)),
                               .jurisdiction = static_cast<std::uint8_t>(random.below(3)),
                               .access = 1ULL << random.below(2),
                               .lora_slots = 2});
    index_.expect(id.index, std::span(chain_).first(random.below(91)), std::nullopt, now_);
    if (i % 5 == 0) index_.confirm(id.index, std::span(chain_).first(10), static_cast<Tier>(i % 3));
  }
  EndpointSet some(kEndpoints);
  std::vector<float> out(kEndpoints);
  std::set<Filter> seen;
  for (int round = 0; round < 300; ++round) {
    const EndpointId id = table_.id_of(static_cast<EndpointIndex>(random.below(kEndpoints)));
    table_.add_load(id,
                    {.prefill_tokens = random.below(9'000),
                     .context_tokens = random.below(40'000),
                     .waiting = 1,
                     .running = random.below(4)},
                    now_);
    table_.set_standing(id, {.ejected = random.below(10) == 0,
                             .draining = random.below(10) == 0,
                             .weight = random.below(2) == 0 ? 1 : 0.5F,
                             .wake_us = random.below(4) == 0 ? 1e6F : 0});
    table_.note_lora(id.index, static_cast<LoraNumber>(1 + random.below(3)));
    now_ += 50ms;
    table_.apply(id, {.at = now_, .kv_used = random.unit()}, now_);
    some.clear();
    for (std::size_t e = 0; e < kEndpoints; ++e)
      if (random.below(3) != 0) some.insert(static_cast<EndpointIndex>(e));
    request_.subset = random.below(3) == 0 ? &some : nullptr;
    request_.avoid = random.below(3) == 1 ? &some : nullptr;
    request_.lora = static_cast<LoraNumber>(random.below(4));
    request_.access = 1 + random.below(3);
    request_.jurisdictions = 1 + random.below(7);
    request_.zone = static_cast<std::uint8_t>(random.below(2));
    request_.input_tokens = 1 + random.below(12'000);
    request_.waited_us = random.below(2) * 300'000;

    index_.match(chain_, now_, matches_);
    const PoolState pool = pool_state(table_, settings_);
    score(request_, table_, matches_, settings_, pool, out);
    for (std::size_t i = 0; i < kEndpoints; ++i) {
      const auto e = static_cast<EndpointIndex>(i);
      const Filter filter = filter_of(request_, e, table_, settings_);
      seen.insert(filter);
      const bool there = filter == Filter::none || filter == Filter::busy;
      ASSERT_EQ(std::isinf(out[e]), !there) << i << ' ' << name(filter);
      if (there) {
        const float exact = cost_of(request_, e, table_, matches_, settings_, pool).total();
        ASSERT_NEAR(out[e] / exact, 1, 1e-5);
      }
    }
  }
  EXPECT_EQ(seen.size(), kFilters);
}

// Whenever the few decide, a pass over all finds the same costs, and nobody else near the best.
TEST_F(CostTest, WhereTheFewDecideNobodyElseIsNearTheBest) {
  SeededRandom random(11);
  for (std::size_t e = 0; e < kEndpoints; ++e)
    add({.rate_class = static_cast<std::uint16_t>(random.below(2)),
         .zone = static_cast<std::uint8_t>(random.below(2)),
         .jurisdiction = static_cast<std::uint8_t>(random.below(3)),
         .access = 1 + random.below(3),
         .lora_slots = 1});
  std::vector<float> all(kEndpoints), few(kEndpoints);
  int decided = 0, undecided = 0;
  for (int round = 0; round < 2'000; ++round) {
    const EndpointId id = table_.id_of(static_cast<EndpointIndex>(random.below(kEndpoints)));
    index_.clear(id.index);
    index_.expect(id.index, std::span(chain_).first(random.below(4) == 0 ? random.below(91) : 2),
                  std::nullopt, now_);
    if (random.below(4) == 0)
      index_.confirm(id.index, std::span(chain_).first(random.below(9)), Tier::cpu);
    now_ += 1ms;
    table_.add_load(id, {.prefill_tokens = random.below(400), .running = random.below(2)}, now_);
    table_.set_standing(id, {.draining = random.below(10) == 0});
    table_.note_lora(id.index, static_cast<LoraNumber>(1 + random.below(3)));
    request_.chain = std::span(chain_).first(random.below(91));
    request_.input_tokens = 64 * std::ssize(request_.chain) + random.below(2'000);
    request_.lora = static_cast<LoraNumber>(random.below(2));
    request_.access = 1 + random.below(3);
    request_.jurisdictions = 1 + random.below(7);

    index_.match(request_.chain, now_, matches_);
    const PoolState pool = pool_state(table_, settings_);
    score(request_, table_, matches_, settings_, pool, all);
    const bool few_decide = score_few(request_, table_, matches_, settings_, pool, few);
    ++(few_decide ? decided : undecided);
    if (!few_decide) continue;
    const float most = std::ranges::min(all) * (1 + settings_.near);
    for (std::size_t i = 0; i < kEndpoints; ++i) {
      const bool is_few = std::ranges::count(matches_.few(), i) > 0;
      ASSERT_TRUE(is_few ? few[i] == all[i] : all[i] > most) << round << ' ' << i;
    }
  }
  EXPECT_GT(decided, 100);
  EXPECT_GT(undecided, 100);
}

}  // namespace
}  // namespace sovmesh::routing
