#include "gateway/dispatcher_test.h"

namespace sovmesh::gateway {
namespace {

TEST_F(DispatcherTest, WhatOthersHaveOnAnEngineLeavesLessRoom) {
  use_slots(4);
  loop_.pass(kSoon);
  engine_->say(engine::LoadReading{.at = clock_.now(), .running = 2, .waiting = 1});
  auto& first = ask(tenant(1));
  EXPECT_TRUE(first && *first) << "one is always let in";
  loop_.pass(kSoon);
  auto& second = ask(tenant(1));
  EXPECT_FALSE(second) << "one of ours and three of theirs";
  engine_->say(engine::LoadReading{.at = clock_.now(), .running = 2, .waiting = 1});
  loop_.pass(kSoon);
  ASSERT_TRUE(second && *second) << "one of the three was ours";
  auto& third = ask(tenant(1));
  EXPECT_FALSE(third);
  engine_->say(engine::LoadReading{.at = clock_.now(), .running = 4});
  loop_.pass(kSoon);
  EXPECT_TRUE(third && *third) << "nobody waits there";
  engine_->say(engine::LoadReading{.at = clock_.now(), .running = 4, .waiting = 9});
  loop_.pass(kSoon);
  auto& fourth = ask(tenant(1));
  EXPECT_FALSE(fourth);
  engine_->say(std::nullopt);
  loop_.pass(kSoon);
  EXPECT_TRUE(fourth && *fourth) << "what is old does not count";
}

TEST_F(DispatcherTest, AnEngineWhoseKvMemoryIsFullGetsNothingMore) {
  use_slots(8);
  loop_.pass(kSoon);
  const auto large = [&] {
    SeatRequest request = wanted(tenant(1));
    request.input_tokens = 30'000;
    return request;
  };
  engine_->say(
      engine::LoadReading{.at = clock_.now(), .running = 1, .kv_used = 0.1, .kv_tokens = 100'000});
  auto& first = ask(large());
  EXPECT_TRUE(first && *first);
  loop_.pass(kSoon);
  auto& second = ask(large());
  EXPECT_TRUE(second && *second);
  auto& third = ask(large());
  EXPECT_TRUE(third && *third) << "70 % would be taken";
  auto& fourth = ask(large());
  EXPECT_FALSE(fourth) << "100 %";
  give_back(second);
  EXPECT_TRUE(fourth && *fourth);
}

TEST_F(DispatcherTest, WhatSharesAPrefixFillsNoMoreThanTheEngineSays) {
  use_slots(8);
  loop_.pass(kSoon);
  SeatRequest large = wanted(tenant(1));
  large.input_tokens = 60'000;
  engine_->say(
      engine::LoadReading{.at = clock_.now(), .running = 1, .kv_used = 0, .kv_tokens = 100'000});
  auto& first = ask(large);
  EXPECT_TRUE(first && *first);
  loop_.pass(kSoon);
  auto& second = ask(large);
  EXPECT_TRUE(second && *second);
  auto& third = ask(large);
  EXPECT_FALSE(third) << "twice 60 % as far as anybody knows";
  (*first)->note_tokens(1, clock_.now());
  (*second)->note_tokens(1, clock_.now());
  loop_.pass(1ms);
  engine_->say(
      engine::LoadReading{.at = clock_.now(), .running = 2, .kv_used = 0.6, .kv_tokens = 100'000});
  loop_.pass(2 * kSoon);
  EXPECT_TRUE(third && *third);
}

TEST_F(DispatcherTest, AShareOfAKvMemoryOfUnknownSizeHoldsNobodyBack) {
  use_slots(4);
  loop_.pass(kSoon);
  engine_->say(engine::LoadReading{.at = clock_.now(), .running = 1, .kv_used = 0.99});
  ask(tenant(1));
  loop_.pass(kSoon);
  auto& second = ask(tenant(1));
  EXPECT_TRUE(second && *second);
}

// Who need not begin does not, where others wait already.
TEST_F(DispatcherTest, ASpareSeatIsNotWhereOthersWait) {
  use_slots(4);
  auto& own = ask(tenant(1));
  loop_.pass(kSoon);
  EXPECT_TRUE(dispatcher_.spare_seat(wanted(tenant(1))));
  engine_->say(engine::LoadReading{.at = clock_.now(), .running = 1, .waiting = 2});
  loop_.pass(kSoon);
  EXPECT_FALSE(dispatcher_.spare_seat(wanted(tenant(1))));
  give_back(own);
  loop_.pass(kSoon);
  EXPECT_FALSE(dispatcher_.spare_seat(wanted(tenant(1)))) << "with none of ours there, too";
}

}  // namespace
}  // namespace sovmesh::gateway
