#include "sim/des/engine_model.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "sim/des/random.h"

namespace sovmesh::des {
namespace {

using std::chrono::microseconds;
using testing::ElementsAre;

Instant at(std::int64_t us) { return Instant(microseconds(us)); }

std::int64_t us(Instant instant) {
  return std::chrono::duration_cast<microseconds>(instant.time_since_epoch()).count();
}

// Numbers that can be added up by hand: prefill 100 us a token without growth by context, base
// 10 ms, 100 us a stream, nothing for context; blocks of 10 tokens.
EngineSpec spec_by_hand() {
  return {.base_us = 10'000,
          .prefill_us = 100,
          .decode_us = 100,
          .context_us = 0,
          .context_scale = 1e18,
          .kv_tokens = 1'000,
          .block_tokens = 10,
          .chunk_tokens = 200,
          .requests_max = 4,
          .watermark = 0};
}

std::vector<BlockKey> keys(BlockKey first, std::size_t size) {
  std::vector<BlockKey> out;
  for (std::size_t i = 0; i < size; ++i)
    out.push_back(first + i);
  return out;
}

class EngineModelTest : public testing::Test {
 protected:
  // Runs to the end of the step; its tokens.
  std::vector<Token> step() {
    std::vector<Token> tokens;
    now_ = *engine_.step_end();
    engine_.finish_step(now_, tokens);
    return tokens;
  }
  void run_dry() {
    while (engine_.step_end())
      step();
  }
  void submit(const Work& work) { EXPECT_TRUE(engine_.submit(work, now_)); }
  void use(const EngineSpec& spec) { engine_ = EngineModel(spec); }

  Instant now_ = at(0);
  EngineModel engine_{spec_by_hand()};
};

TEST_F(EngineModelTest, AStepTakesTheLongerOfBaseAndPrefillAndThenWhatStreamsCost) {
  const EngineSpec spec;
  EXPECT_DOUBLE_EQ(spec.step_us(0, 0, 0), 14'000);
  EXPECT_DOUBLE_EQ(spec.step_us(20'000, 0, 0), 20'000);
  EXPECT_DOUBLE_EQ(spec.step_us(20'000, 10, 1'000), 20'000 + 10 * 60 + 1'000 * 0.02);
}

TEST_F(EngineModelTest, APromptIsChunkedAndItsLastChunkBringsTheFirstToken) {
  submit({.request = 1, .input_tokens = 300, .output_tokens = 3});
  EXPECT_EQ(us(*engine_.step_end()), 20'000);  // 200 tokens
  EXPECT_TRUE(step().empty());
  EXPECT_EQ(us(*engine_.step_end()), 30'000);  // 100 more
  auto tokens = step();
  ASSERT_EQ(tokens.size(), 1U);
  EXPECT_TRUE(tokens[0].first && !tokens[0].last);
  EXPECT_EQ(us(*engine_.step_end()), 40'100);  // base and one stream
  EXPECT_FALSE(step()[0].last);
  EXPECT_TRUE(step()[0].last);
  EXPECT_EQ(us(now_), 50'200);
  EXPECT_FALSE(engine_.step_end());
  EXPECT_DOUBLE_EQ(engine_.totals().busy_us, 50'200);
}

TEST_F(EngineModelTest, ContextMakesPrefillSlower) {
  EngineSpec spec = spec_by_hand();
  spec.context_scale = 100;
  use(spec);
  submit({.request = 1, .input_tokens = 200});
  EXPECT_EQ(us(*engine_.step_end()), 200 * 100 * 2);  // 100 tokens before the middle one
}

TEST_F(EngineModelTest, StreamsAndPromptsShareTheBudgetOfAStep) {
  submit({.request = 1, .input_tokens = 100, .output_tokens = 50});
  step();
  submit({.request = 2, .input_tokens = 300, .output_tokens = 1});
  step();  // began before it came
  // 199 tokens beside the stream: 19.9 ms, and one stream.
  EXPECT_EQ(us(*engine_.step_end()) - us(now_), 20'000);
}

TEST_F(EngineModelTest, ACachedPrefixIsNotComputedAgain) {
  const auto chain = keys(100, 20);
  submit({.request = 1, .input_tokens = 200, .chain = chain});
  run_dry();
  EXPECT_EQ(engine_.cache().cached(), 20);
  EXPECT_EQ(engine_.cache().used(), 0);
  const Instant before = now_;
  submit({.request = 2, .input_tokens = 200, .chain = chain});
  run_dry();
  // All but the last block: the last token must be computed.
  EXPECT_EQ(engine_.totals().cached_tokens, 190);
  EXPECT_EQ(us(now_) - us(before), 10'000);
}

TEST_F(EngineModelTest, RunningRequestsShareBlocksAndEvictedOnesAreComputedAgain) {
  const auto chain = keys(100, 10);
  submit({.request = 1, .input_tokens = 100, .output_tokens = 20, .chain = chain});
  step();
  submit({.request = 2, .input_tokens = 105, .output_tokens = 20, .chain = chain});
  step();
  step();
  EXPECT_EQ(engine_.cache().referenced(), 10);  // not 20
  run_dry();
  submit({.request = 3, .input_tokens = 950});
  run_dry();
  EXPECT_LT(engine_.cache().cached(), 10);
  EXPECT_TRUE(engine_.cache().holds(chain.front()));  // the end of the prompt went first
  EXPECT_FALSE(engine_.cache().holds(chain.back()));
}

TEST_F(EngineModelTest, TheYoungestIsPreemptedAndComputedAgain) {
  EngineSpec spec = spec_by_hand();
  spec.kv_tokens = 210;
  use(spec);
  submit({.request = 1, .input_tokens = 100, .output_tokens = 40});
  submit({.request = 2, .input_tokens = 100, .output_tokens = 40});
  std::vector<RequestNumber> over;
  while (engine_.step_end())
    for (const Token& token : step())
      if (token.last) over.push_back(token.request);
  EXPECT_THAT(over, ElementsAre(1, 2));
  EXPECT_EQ(engine_.totals().preemptions, 1U);
  EXPECT_GT(engine_.totals().recomputed_tokens, 100);
  EXPECT_EQ(engine_.totals().output_tokens, 80);
  EXPECT_EQ(engine_.cache().used(), 0);
}

TEST_F(EngineModelTest, AdmissionLeavesTheWatermarkFree) {
  EngineSpec spec = spec_by_hand();
  spec.watermark = 0.1;
  use(spec);
  submit({.request = 1, .input_tokens = 100, .output_tokens = 100});
  step();
  submit({.request = 2, .input_tokens = 850, .output_tokens = 1});
  step();
  EXPECT_EQ(engine_.report().waiting, 1);  // 1,000 - 101 - 100 < 850
  run_dry();
  EXPECT_EQ(engine_.totals().output_tokens, 101);
}

TEST_F(EngineModelTest, NoMoreRequestsRunThanTheEngineTakes) {
  for (RequestNumber i = 0; i < 6; ++i)
    submit({.request = i, .input_tokens = 10, .output_tokens = 5});
  step();
  EXPECT_EQ(engine_.report().running, 4);
  EXPECT_EQ(engine_.report().waiting, 2);
  EXPECT_EQ(engine_.report().queued_tokens, 50);  // of all but the first
}

TEST_F(EngineModelTest, WhatCanNeverFitIsRefused) {
  EXPECT_FALSE(engine_.submit({.request = 1, .input_tokens = 999, .output_tokens = 2}, now_));
}

TEST_F(EngineModelTest, ARequestWithoutALoraSlotLetsOthersPast) {
  EngineSpec spec = spec_by_hand();
  spec.lora_slots = 1;
  spec.lora_load_us = 50'000;
  use(spec);
  submit({.request = 1, .input_tokens = 10, .output_tokens = 3, .lora = 1});
  EXPECT_EQ(us(*engine_.step_end()), 51'000);  // loading, then ten tokens
  submit({.request = 2, .input_tokens = 10, .output_tokens = 3, .lora = 2});
  submit({.request = 3, .input_tokens = 10, .output_tokens = 1, .lora = 1});
  step();
  EXPECT_EQ(engine_.report().waiting, 1);
  EXPECT_THAT(engine_.report().loras, ElementsAre(1));
  run_dry();
  EXPECT_THAT(engine_.report().loras, ElementsAre(2));
  EXPECT_EQ(engine_.totals().output_tokens, 7);
}

TEST_F(EngineModelTest, AnIdleEngineFallsAsleepAndTakesTimeToWake) {
  EngineSpec spec = spec_by_hand();
  spec.sleep_after_us = 1'000'000;
  spec.wake_us = 300'000;
  use(spec);
  submit({.request = 1, .input_tokens = 10});
  EXPECT_EQ(us(*engine_.step_end()), 10'000);
  run_dry();
  now_ = at(2'000'000);
  EXPECT_TRUE(engine_.asleep(now_));
  submit({.request = 2, .input_tokens = 10});
  EXPECT_EQ(us(*engine_.step_end()), 2'310'000);
  EXPECT_EQ(engine_.totals().wakes, 1U);
}

TEST_F(EngineModelTest, PutToSleepItKeepsItsRequestsAndNothingElse) {
  EngineSpec spec = spec_by_hand();
  spec.wake_us = 300'000;
  use(spec);
  const auto chain = keys(1, 10);
  submit({.request = 1, .input_tokens = 100, .output_tokens = 3, .chain = chain});
  EXPECT_EQ(step().size(), 1U);
  engine_.put_to_sleep(now_);
  EXPECT_TRUE(engine_.asleep(now_));
  EXPECT_FALSE(engine_.step_end());
  EXPECT_EQ(engine_.cache().used() + engine_.cache().cached(), 0);
  submit({.request = 2, .input_tokens = 50});
  EXPECT_FALSE(engine_.step_end()) << "nothing runs";
  now_ = at(1'000'000);
  engine_.wake(now_);
  EXPECT_FALSE(engine_.asleep(now_));
  EXPECT_EQ(us(*engine_.step_end()), 1'000'000 + 300'000 + 101 * 100 + 50 * 100);
  std::vector<Token> tokens = step();
  ASSERT_EQ(tokens.size(), 2U);
  EXPECT_EQ(tokens[0].request, 1U) << "it was there first";
  EXPECT_FALSE(tokens[0].first);
  run_dry();
  EXPECT_EQ(engine_.totals().output_tokens, 4);
}

TEST_F(EngineModelTest, ASlowNodeTakesLongerForTheSameStep) {
  engine_.set_speed(0.5);
  submit({.request = 1, .input_tokens = 200});
  EXPECT_EQ(us(*engine_.step_end()), 40'000);
}

TEST_F(EngineModelTest, ACrashLosesEverythingAndTheNextRequestWaitsForTheRestart) {
  const auto chain = keys(1, 20);
  submit({.request = 1, .input_tokens = 200, .output_tokens = 9, .chain = chain});
  submit({.request = 2, .input_tokens = 200});
  step();
  EXPECT_THAT(engine_.crash(now_, at(500'000)), ElementsAre(1, 2));
  EXPECT_FALSE(engine_.step_end());
  EXPECT_EQ(engine_.cache().cached(), 0);
  EXPECT_EQ(engine_.cache().free(), 1'000);
  submit({.request = 3, .input_tokens = 10});
  EXPECT_EQ(us(*engine_.step_end()), 510'000);
}

TEST_F(EngineModelTest, ACancelledRequestGivesItsMemoryBack) {
  submit({.request = 1, .input_tokens = 100, .output_tokens = 50});
  submit({.request = 2, .input_tokens = 150, .output_tokens = 50});
  step();
  EXPECT_TRUE(engine_.cancel(1));
  EXPECT_TRUE(engine_.cancel(2));
  EXPECT_FALSE(engine_.cancel(2));
  step();
  EXPECT_FALSE(engine_.step_end());
  EXPECT_EQ(engine_.cache().used(), 0);
}

// Whatever comes, memory is neither made nor lost: what is used, cached and free is the capacity,
// and nothing is used once everything is over.
TEST_F(EngineModelTest, KvMemoryIsConservedUnderRandomWork) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SeededRandom random(seed);
    EngineSpec spec = spec_by_hand();
    spec.kv_tokens = 600;
    spec.watermark = 0.02;
    use(spec);
    now_ = at(0);
    std::vector<std::vector<BlockKey>> chains(200);
    std::int64_t wanted = 0;
    for (RequestNumber i = 0; i < 200; ++i) {
      const auto input = static_cast<std::int64_t>(1 + random.below(300));
      chains[i] = keys(1'000 * (1 + random.below(4)), static_cast<std::size_t>(input / 10));
      const auto output = static_cast<std::int64_t>(1 + random.below(60));
      submit({.request = i, .input_tokens = input, .output_tokens = output, .chain = chains[i]});
      wanted += output;
      for (std::uint64_t steps = random.below(8); steps > 0 && engine_.step_end(); --steps)
        step();
      const BlockCache& cache = engine_.cache();
      ASSERT_GE(cache.owned(), 0);
      ASSERT_GE(cache.free(), 0);
      ASSERT_EQ(cache.used() + cache.cached() * 10 + cache.free(), 600);
    }
    run_dry();
    EXPECT_EQ(engine_.cache().used(), 0) << "seed " << seed;
    EXPECT_EQ(engine_.requests(), 0U);
    EXPECT_EQ(engine_.totals().output_tokens, wanted);
  }
}

}  // namespace
}  // namespace sovmesh::des
