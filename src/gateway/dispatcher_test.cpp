#include "gateway/dispatcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <set>

#include "rt/task_group.h"
#include "rt/test_loop.h"
#include "tests/support/fake_engine.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::gateway {
namespace {

using namespace std::chrono_literals;

TenantId tenant(unsigned char n) {
  std::array<unsigned char, 16> bytes{};
  bytes[15] = n;
  return {Ulid::from_bytes(bytes)};
}

class FifoDispatcherTest : public testing::Test {
 protected:
  void SetUp() override { use_slots(2); }
  void TearDown() override { loop_.end(); }

  void use_slots(int count) {
    engine_ = std::make_shared<FakeEngine>("e", count);
    engine_->capabilities_.tenant_slots = true;
  }
  static rt::Task<void> run(FifoDispatcher& dispatcher, SeatRequest wanted, rt::Loop& loop,
                            rt::Until until, std::optional<Result<Seat>>& result) {
    result.emplace(co_await dispatcher.seat(std::move(wanted), loop, until));
  }

  std::optional<Result<Seat>>& ask(TenantId who, int slots = 1, rt::Event* cancelled = nullptr) {
    return ask(SeatRequest{engine_, who, slots}, cancelled);
  }
  std::optional<Result<Seat>>& ask(SeatRequest wanted, rt::Event* cancelled = nullptr) {
    auto& result = results_.emplace_back();
    group_.spawn(
        run(dispatcher_, std::move(wanted), loop_, {rt::Deadline::never(), cancelled}, result));
    loop_.settle();
    return result;
  }
  std::optional<Result<Seat>>& embed(TenantId who) {
    return ask(SeatRequest{.engine = engine_, .tenant = who, .in_any_slot = true});
  }
  void answer(std::optional<Result<Seat>>& seat) {
    (*seat)->note_own_cache();
    give_back(seat);
  }
  void give_back(std::optional<Result<Seat>>& seat) {
    seat.reset();
    loop_.settle();
  }

  rt::ManualClock clock_;
  rt::TestLoop loop_{clock_};
  std::shared_ptr<FakeEngine> engine_;
  FifoDispatcher dispatcher_{{.waiting_per_tenant_max = 3, .wait_max = 30s}};
  std::deque<std::optional<Result<Seat>>> results_;
  rt::TaskGroup group_{loop_, 1'000};
};

TEST_F(FifoDispatcherTest, NeverSeatsMoreThanTheEngineHasSlots) {
  auto& a = ask(tenant(1));
  auto& b = ask(tenant(1));
  auto& c = ask(tenant(1));
  EXPECT_TRUE(a && *a && b && *b);
  EXPECT_FALSE(c);
  EXPECT_NE((*a)->slot(), (*b)->slot());
  give_back(a);
  ASSERT_TRUE(c && *c);
  EXPECT_EQ(dispatcher_.load().running, 2U);
}

TEST_F(FifoDispatcherTest, SeatsInOrderOfArrival) {
  auto& a = ask(tenant(1));
  ask(tenant(1));
  auto& first = ask(tenant(2));
  auto& second = ask(tenant(3));
  give_back(a);
  EXPECT_TRUE(first);
  EXPECT_FALSE(second);
}

TEST_F(FifoDispatcherTest, RefusesBeyondTheTenantsQueue) {
  for (int i = 0; i < 2 + 3; ++i)
    ask(tenant(1));
  auto& over = ask(tenant(1));
  ASSERT_TRUE(over);
  EXPECT_THAT(*over, FailsWith(Code::queue_full));
  EXPECT_FALSE(ask(tenant(2)));  // another tenant still may wait
}

TEST_F(FifoDispatcherTest, WaitingEndsAfterItsTime) {
  ask(tenant(1));
  ask(tenant(1));
  auto& late = ask(tenant(2));
  loop_.pass(30s);
  ASSERT_TRUE(late);
  EXPECT_THAT(*late, FailsWith(Code::queue_full));
  EXPECT_EQ(dispatcher_.load().waiting, 0U);
}

TEST_F(FifoDispatcherTest, ACancelledWaiterLeavesTheQueue) {
  auto& a = ask(tenant(1));
  ask(tenant(1));
  rt::Event gone(loop_);
  auto& waiting = ask(tenant(2), 1, &gone);
  auto& next = ask(tenant(3));
  gone.set();
  loop_.settle();
  EXPECT_THAT(*waiting, FailsWith(Code::cancelled));
  give_back(a);
  EXPECT_TRUE(next);
}

TEST_F(FifoDispatcherTest, ATenantGetsItsOwnSlotAgain) {
  auto& a = ask(tenant(1));
  auto& b = ask(tenant(2));
  const int slot_a = (*a)->slot();
  const int slot_b = (*b)->slot();
  give_back(a);
  give_back(b);
  auto& b2 = ask(tenant(2));
  auto& a2 = ask(tenant(1));
  EXPECT_EQ((*b2)->slot(), slot_b);
  EXPECT_EQ((*a2)->slot(), slot_a);
  EXPECT_FALSE((*a2)->fresh_cache());
}

TEST_F(FifoDispatcherTest, ASlotThatChangesHandsStartsFresh) {
  give_back(ask(tenant(1)));
  give_back(ask(tenant(2)));
  auto& c = ask(tenant(3));
  EXPECT_TRUE((*c)->fresh_cache());
}

TEST_F(FifoDispatcherTest, ARestartForgetsTheOwners) {
  give_back(ask(tenant(1)));
  give_back(ask(tenant(2)));
  engine_->restart();
  EXPECT_FALSE((*ask(tenant(3)))->fresh_cache());
}

TEST_F(FifoDispatcherTest, ManyChoicesTakeManySlotsAndDoNotOvertake) {
  auto& a = ask(tenant(1));
  auto& both = ask(tenant(2), 2);
  auto& single = ask(tenant(3));
  EXPECT_FALSE(both);
  EXPECT_FALSE(single);  // first come, first served
  give_back(a);
  ASSERT_TRUE(both && *both);
  EXPECT_FALSE(single);
  EXPECT_THAT(*ask(tenant(1), 3), FailsWith(Code::unsupported_value));
}

TEST_F(FifoDispatcherTest, SlotsWithoutOwnersAreJustCounted) {
  engine_->capabilities_.tenant_slots = false;
  auto& a = ask(tenant(1));
  EXPECT_THAT(*ask(tenant(2), 3), FailsWith(Code::unsupported_value));
  auto& both = ask(tenant(2), 2);
  EXPECT_FALSE(both);
  give_back(a);
  ASSERT_TRUE(both && *both);
  EXPECT_FALSE((*both)->fresh_cache());
  EXPECT_EQ(dispatcher_.load().running, 2U);
  auto& next = ask(tenant(3));
  EXPECT_FALSE(next);
  give_back(both);
  ASSERT_TRUE(next && *next);
  EXPECT_FALSE((*next)->fresh_cache());
  EXPECT_EQ(dispatcher_.load().running, 1U);
}

TEST_F(FifoDispatcherTest, ASlotStaysForeignUntilItsNewTenantGetsAnAnswer) {
  use_slots(1);
  answer(ask(tenant(1)));
  give_back(ask(tenant(2)));  // refused by the engine, or gone before it got there
  auto& again = ask(tenant(2));
  EXPECT_TRUE((*again)->fresh_cache());
  answer(again);
  EXPECT_FALSE((*ask(tenant(2)))->fresh_cache());
}

TEST_F(FifoDispatcherTest, AWaiterThatLeftDoesNotMakeASlotItsTenants) {
  use_slots(1);
  auto& a = ask(tenant(1));
  rt::Event gone(loop_);
  ask(tenant(2), 1, &gone);
  gone.set();
  answer(a);
  loop_.settle();
  EXPECT_TRUE((*ask(tenant(2)))->fresh_cache());
}

TEST_F(FifoDispatcherTest, WhatRunsInAnySlotMakesAllOfThemForeignToOthers) {
  auto& a = ask(tenant(1));
  auto& b = embed(tenant(2));
  answer(a);
  auto& meanwhile = ask(tenant(1));
  EXPECT_TRUE((*meanwhile)->fresh_cache());
  answer(meanwhile);  // its slot may be taken by the other tenant's at any time yet
  give_back(b);
  auto& after = ask(tenant(1));
  EXPECT_TRUE((*after)->fresh_cache());
  answer(after);
  EXPECT_FALSE((*ask(tenant(1)))->fresh_cache());
  EXPECT_TRUE((*ask(tenant(3)))->fresh_cache());  // the other slot was not used since
}

TEST_F(FifoDispatcherTest, WhatRunsInAnySlotIsNotForeignToItsOwnTenant) {
  give_back(embed(tenant(1)));
  EXPECT_FALSE((*ask(tenant(1)))->fresh_cache());
}

TEST_F(FifoDispatcherTest, ASeatFromBeforeARestartStillOwnsItsSlot) {
  use_slots(1);
  auto& a = ask(tenant(1));  // runs as soon as the engine is back
  engine_->restart();
  answer(a);
  EXPECT_TRUE((*ask(tenant(2)))->fresh_cache());
}

// More tenants than slots, in 200 random orders of coming and going, with requests that fail and
// such that run in any slot: nobody may use the cache of a slot that can hold foreign text.
TEST_F(FifoDispatcherTest, NoInterleavingLetsATenantMeetAForeignCache) {
  struct Open {
    std::optional<Result<Seat>>* seat;
    TenantId who;
    bool in_any_slot;
    bool checked = false;
  };
  std::mt19937 random(7);
  int reused = 0;
  for (int round = 0; round < 200; ++round) {
    engine_->restart();
    std::vector<std::set<TenantId>> may_hold(2);  // by slot
    std::vector<Open> open;
    const auto check = [&] {
      for (Open& each : open) {
        if (each.checked || !*each.seat || !**each.seat) continue;
        each.checked = true;
        if (each.in_any_slot) {
          for (auto& texts : may_hold)
            texts.insert(each.who);
          continue;
        }
        auto& texts = may_hold[static_cast<std::size_t>((**each.seat)->slot())];
        texts.insert(each.who);
        EXPECT_EQ((**each.seat)->fresh_cache(), texts.size() > 1);
        if (texts.size() == 1) ++reused;
      }
    };
    const auto end = [&](std::size_t at) {
      const Open ended = open[at];
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
      if (!**ended.seat) return;  // the queue was full
      const bool answered = random() % 4 != 0;
      if (answered && !ended.in_any_slot) {
        auto& texts = may_hold[static_cast<std::size_t>((**ended.seat)->slot())];
        texts = {ended.who};
        for (const Open& other : open)
          if (other.in_any_slot && other.checked) texts.insert(other.who);
      }
      answered ? answer(*ended.seat) : give_back(*ended.seat);
      check();
    };
    for (int step = 0; step < 30; ++step) {
      if (open.size() < 6 && random() % 2 == 0) {
        const TenantId who = tenant(static_cast<unsigned char>(1 + random() % 4));
        const bool in_any_slot = random() % 8 == 0;
        open.push_back({in_any_slot ? &embed(who) : &ask(who), who, in_any_slot});
        check();
      } else if (!open.empty()) {
        const std::size_t at = random() % open.size();
        if (*open[at].seat) end(at);
      }
    }
    while (!open.empty()) {
      const auto at = std::ranges::find_if(open, [](const Open& o) { return o.seat->has_value(); });
      end(static_cast<std::size_t>(at - open.begin()));
    }
  }
  EXPECT_GT(reused, 200);  // own caches are used, or this would show nothing
}

}  // namespace
}  // namespace sovmesh::gateway
