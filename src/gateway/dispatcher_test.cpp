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
  void SetUp() override { engine_->capabilities_.tenant_slots = true; }
  void TearDown() override { loop_.end(); }

  static rt::Task<void> run(FifoDispatcher& dispatcher, SeatRequest wanted, rt::Loop& loop,
                            rt::Until until, std::optional<Result<Seat>>& result) {
    result.emplace(co_await dispatcher.seat(std::move(wanted), loop, until));
  }

  std::optional<Result<Seat>>& ask(TenantId who, int slots = 1, rt::Event* cancelled = nullptr) {
    auto& result = results_.emplace_back();
    group_.spawn(
        run(dispatcher_, {engine_, who, slots}, loop_, {rt::Deadline::never(), cancelled}, result));
    loop_.settle();
    return result;
  }
  void give_back(std::optional<Result<Seat>>& seat) {
    seat.reset();
    loop_.settle();
  }

  rt::ManualClock clock_;
  rt::TestLoop loop_{clock_};
  std::shared_ptr<FakeEngine> engine_ = std::make_shared<FakeEngine>("e", 2);
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

// More tenants than slots, in 200 random orders of coming and going: a request that reuses a slot
// without the fresh mark always follows a request of the same tenant on that slot.
TEST_F(FifoDispatcherTest, NoInterleavingLetsATenantMeetAForeignCache) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    engine_->restart();
    std::vector<std::optional<TenantId>> last_on(2);
    std::vector<std::pair<std::optional<Result<Seat>>*, TenantId>> open;
    std::set<const void*> checked;
    const auto check = [&] {
      for (auto& [seat, who] : open) {
        if (!*seat || !**seat || !checked.insert(seat).second) continue;
        auto& last = last_on[static_cast<std::size_t>((**seat)->slot())];
        if (last && *last != who) EXPECT_TRUE((**seat)->fresh_cache());
        if (last && *last == who) EXPECT_FALSE((**seat)->fresh_cache());
        last = who;
      }
    };
    for (int step = 0; step < 30; ++step) {
      if (open.size() < 6 && random() % 2 == 0) {
        const TenantId who = tenant(static_cast<unsigned char>(1 + random() % 4));
        open.emplace_back(&ask(who), who);
        check();
        continue;
      }
      if (open.empty()) continue;
      const auto at = open.begin() + static_cast<std::ptrdiff_t>(random() % open.size());
      if (!*at->first) continue;  // still waiting
      auto* seat = at->first;
      open.erase(at);
      give_back(*seat);
      check();
    }
    while (!open.empty()) {
      const auto at =
          std::ranges::find_if(open, [](const auto& o) { return o.first->has_value(); });
      auto* seat = at->first;
      open.erase(at);
      give_back(*seat);
      check();
    }
  }
}

}  // namespace
}  // namespace sovmesh::gateway
