#include "gateway/dispatcher_test.h"

#include <algorithm>
#include <random>
#include <set>

#include "gateway/engine_health.h"

namespace sovmesh::gateway {
namespace {

TEST_F(DispatcherTest, NeverSeatsMoreThanTheEngineHasSlots) {
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

TEST_F(DispatcherTest, SeatsInOrderOfArrival) {
  auto& a = ask(tenant(1));
  ask(tenant(1));
  auto& first = ask(tenant(2));
  auto& second = ask(tenant(3));
  give_back(a);
  EXPECT_TRUE(first);
  EXPECT_FALSE(second);
}

// Nothing else happens that would let it in.
TEST_F(DispatcherTest, AChangeOfSharesLetsInWhoWaitsForIt) {
  const std::string who = tenant(1).value.text();
  dispatcher_.configure({{.members = {{.name = who, .concurrency_max = 1}}}});
  EXPECT_TRUE(ask(tenant(1)));
  auto& second = ask(tenant(1));
  EXPECT_FALSE(second);
  dispatcher_.configure({{.members = {{.name = who, .concurrency_max = 2}}}});
  loop_.settle();
  EXPECT_TRUE(second && *second);
  dispatcher_.configure({{.members = {}}});
  const auto parts = dispatcher_.pools().front().report.nodes;
  EXPECT_TRUE(std::ranges::any_of(parts, [&](const auto& part) { return part.path == who; }))
      << "no member any more, and known all the same";
}

TEST_F(DispatcherTest, ATenantMayBeCalledAsACohortIs) {
  const std::string who = tenant(1).value.text();
  dispatcher_.configure({{.members = {
                              {.level = fairness::Level::cohort, .name = who, .nominal = 1},
                              {.name = tenant(2).value.text(), .parent = who},
                          }}});
  auto& first = ask(tenant(1));
  EXPECT_TRUE(first && *first);
  auto& other = ask(tenant(3));
  EXPECT_TRUE(other && *other);
}

TEST_F(DispatcherTest, OneRequestMayAskForMoreTokensThanAnyQueueHolds) {
  SeatRequest large = wanted(tenant(1));
  large.output_max = std::int64_t{128} * 131'072;
  EXPECT_THAT(*ask(std::move(large)), Succeeds());
}

TEST_F(DispatcherTest, RefusesBeyondTheTenantsQueue) {
  for (int i = 0; i < 2 + 3; ++i)
    ask(tenant(1));
  auto& over = ask(tenant(1));
  ASSERT_TRUE(over);
  EXPECT_THAT(*over, FailsWith(Code::queue_full));
  EXPECT_FALSE(ask(tenant(2)));  // another tenant still may wait
}

TEST_F(DispatcherTest, WaitingEndsAfterItsTime) {
  ask(tenant(1));
  ask(tenant(1));
  auto& late = ask(tenant(2));
  loop_.pass(30s);
  ASSERT_TRUE(late);
  EXPECT_THAT(*late, FailsWith(Code::queue_full));
  EXPECT_EQ(dispatcher_.load().waiting, 0U);
}

TEST_F(DispatcherTest, ACancelledWaiterLeavesTheQueue) {
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

TEST_F(DispatcherTest, ATenantGetsItsOwnSlotAgain) {
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

TEST_F(DispatcherTest, ASlotThatChangesHandsStartsFresh) {
  give_back(ask(tenant(1)));
  give_back(ask(tenant(2)));
  auto& c = ask(tenant(3));
  EXPECT_TRUE((*c)->fresh_cache());
}

TEST_F(DispatcherTest, ARestartForgetsTheOwners) {
  give_back(ask(tenant(1)));
  give_back(ask(tenant(2)));
  engine_->restart();
  EXPECT_FALSE((*ask(tenant(3)))->fresh_cache());
}

TEST_F(DispatcherTest, ManyChoicesWaitForManySlotsWithoutHoldingUpOthers) {
  auto& a = ask(tenant(1));
  auto& both = ask(tenant(2), 2);
  EXPECT_FALSE(both);
  auto& single = ask(tenant(3));
  ASSERT_TRUE(single && *single);
  give_back(a);
  loop_.pass(kSoon);
  EXPECT_FALSE(both);
  give_back(single);
  loop_.pass(kSoon);
  ASSERT_TRUE(both && *both);
  EXPECT_THAT(*ask(tenant(1), 3), FailsWith(Code::unsupported_value));
}

TEST_F(DispatcherTest, ManyChoicesGetTheirSlotsAfterSomeHaveGonePast) {
  auto* running = &ask(tenant(1));
  auto& both = ask(tenant(2), 2);
  int went_past = 0;
  for (; went_past < 100; ++went_past) {
    auto& next = ask(tenant(1));
    loop_.pass(kSoon);
    if (!next) break;  // a place is held for the other one
    give_back(*running);
    running = &next;
  }
  EXPECT_GT(went_past, 4);
  EXPECT_LT(went_past, 40);
  give_back(*running);
  loop_.pass(kSoon);
  EXPECT_TRUE(both && *both);
}

TEST_F(DispatcherTest, SlotsWithoutOwnersAreJustCounted) {
  engine_->capabilities_.tenant_slots = false;
  auto& a = ask(tenant(1));
  EXPECT_THAT(*ask(tenant(2), 3), FailsWith(Code::unsupported_value));
  auto& both = ask(tenant(2), 2);
  EXPECT_FALSE(both);
  give_back(a);
  loop_.pass(kSoon);
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

TEST_F(DispatcherTest, ASlotStaysForeignUntilItsNewTenantGetsAnAnswer) {
  use_slots(1);
  answer(ask(tenant(1)));
  give_back(ask(tenant(2)));  // refused by the engine, or gone before it got there
  auto& again = ask(tenant(2));
  EXPECT_TRUE((*again)->fresh_cache());
  answer(again);
  EXPECT_FALSE((*ask(tenant(2)))->fresh_cache());
}

TEST_F(DispatcherTest, AWaiterThatLeftDoesNotMakeASlotItsTenants) {
  use_slots(1);
  auto& a = ask(tenant(1));
  rt::Event gone(loop_);
  ask(tenant(2), 1, &gone);
  gone.set();
  answer(a);
  loop_.settle();
  EXPECT_TRUE((*ask(tenant(2)))->fresh_cache());
}

TEST_F(DispatcherTest, WhatRunsInAnySlotMakesAllOfThemForeignToOthers) {
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

TEST_F(DispatcherTest, WhatRunsInAnySlotIsNotForeignToItsOwnTenant) {
  give_back(embed(tenant(1)));
  EXPECT_FALSE((*ask(tenant(1)))->fresh_cache());
}

TEST_F(DispatcherTest, ASeatFromBeforeARestartStillOwnsItsSlot) {
  use_slots(1);
  auto& a = ask(tenant(1));  // runs as soon as the engine is back
  engine_->restart();
  answer(a);
  EXPECT_TRUE((*ask(tenant(2)))->fresh_cache());
}

// --- one queue for several engines
// ----------------------------------------------------------------

TEST_F(DispatcherTest, WhoWaitsForOneEngineHoldsUpNobodyOnAnother) {
  use_slots(1);
  const auto other = std::make_shared<FakeEngine>("other", 1);
  SeatRequest elsewhere = wanted(tenant(1));
  elsewhere.engines = {other};
  ask(tenant(1));
  auto& there = ask(elsewhere);
  auto& waiting = ask(tenant(1));
  auto& next = ask(elsewhere);
  EXPECT_FALSE(next);
  give_back(there);
  loop_.pass(kSoon);
  EXPECT_TRUE(next && *next);
  EXPECT_FALSE(waiting);
}

TEST_F(DispatcherTest, ReplicasAreUsedUntilAllAreFull) {
  use_slots(1);
  const auto twin = std::make_shared<FakeEngine>("twin", 1);
  SeatRequest either = wanted(tenant(1));
  either.engines.push_back(twin);
  auto& a = ask(either);
  auto& b = ask(either);
  EXPECT_NE(&(*a)->engine(), &(*b)->engine());
  auto& c = ask(either);
  EXPECT_FALSE(c);
  const engine::Engine* const freed = &(*b)->engine();
  give_back(b);
  loop_.pass(kSoon);
  ASSERT_TRUE(c && *c);
  EXPECT_EQ(&(*c)->engine(), freed);
}

// Nobody gives a seat back, so only the clock can tell; and who looks at it may leave.
TEST_F(DispatcherTest, AReplicaThatComesBackIsNoticedByWhoeverWaits) {
  use_slots(1);
  const auto twin = std::make_shared<FakeEngine>("twin", 1);
  twin->ready_ = our_error(Code::no_healthy_backend, "down");
  twin->status_.state = engine::State::unhealthy;
  SeatRequest either = wanted(tenant(1));
  either.engines.push_back(twin);
  ask(either);
  rt::Event gone(loop_);
  auto& first = ask(either, &gone);
  auto& second = ask(either);
  loop_.pass(1s);
  EXPECT_FALSE(first);
  gone.set();
  loop_.pass(1s);
  EXPECT_FALSE(second);
  twin->ready_ = {};
  loop_.pass(kSoon);
  ASSERT_TRUE(second && *second);
  EXPECT_EQ(&(*second)->engine(), twin.get());
}

// Another gateway's requests take slots, too.
TEST_F(DispatcherTest, AnEngineThatSleepsIsWokenWhenTheOthersAreFull) {
  use_slots(1);
  const auto sleeper = std::make_shared<FakeEngine>("sleeper", 1);
  sleeper->ready_ = our_error(Code::no_healthy_backend, "asleep");
  SeatRequest either = wanted(tenant(1));
  either.engines.insert(either.engines.begin(), sleeper);
  EXPECT_EQ(&(*ask(either))->engine(), engine_.get());
  EXPECT_EQ(&(*ask(either))->engine(), sleeper.get());
}

TEST_F(DispatcherTest, HoweverManyWaitForAFullEngineOthersAreServedAtOnce) {
  use_slots(1);
  const auto other = std::make_shared<FakeEngine>("other", 1);
  const auto elsewhere = [&](TenantId who) {
    SeatRequest request = wanted(who);
    request.engines = {other};
    request.input_tokens = 1'000;
    return request;
  };
  give_back(ask(elsewhere(tenant(99))));  // it has had most of all
  ask(tenant(1));
  for (unsigned char n = 1; n < 90; ++n)
    for (int i = 0; i < 3; ++i)
      ask(tenant(n));
  auto& last = ask(elsewhere(tenant(99)));
  EXPECT_TRUE(last && *last);
}

TEST_F(DispatcherTest, OneThatWaitsIsNotPassedByWhoComesWhenASlotComesFree) {
  use_slots(1);
  const auto idle = std::make_shared<FakeEngine>("idle", 1);
  SeatRequest there = wanted(tenant(8));
  there.engines = {idle};
  give_back(ask(there));  // so that there is room somewhere
  auto* running = &ask(tenant(1));
  auto& waiting = ask(tenant(2));
  for (int i = 0; i < 5 && !waiting; ++i) {
    auto& newcomer = ask(tenant(static_cast<unsigned char>(10 + i)));
    give_back(*running);
    running = &newcomer;
    if (waiting) break;
  }
  ASSERT_TRUE(waiting && *waiting);
  EXPECT_FALSE(results_.back()) << "the one that came last";
}

TEST_F(DispatcherTest, TenantsThatAreGoneLeaveThePool) {
  std::vector<std::string> there{"one"};
  Dispatcher dispatcher(clock_, random_, {.tenants = [&] { return there; }});
  const auto ask_as = [&](std::string name) {
    SeatRequest request = wanted(tenant(1));
    request.tenant = std::move(name);
    auto& result = results_.emplace_back();
    group_.spawn(run(dispatcher, std::move(request), loop_, {rt::Deadline::never()}, result));
    loop_.settle();
    EXPECT_TRUE(result && *result);
    give_back(result);
  };
  ask_as("one");
  for (int i = 0; i < 100; ++i) {
    there = {"tenant-" + std::to_string(i)};
    ask_as(there.front());
  }
  EXPECT_LE(dispatcher.pools().front().report.nodes.size(), 2U);
}

TEST_F(DispatcherTest, TenantsTakeTurnsHoweverManyWait) {
  use_slots(1);
  auto& running = ask(tenant(9));
  const auto ask_long = [this](TenantId who) -> auto& {
    SeatRequest request = wanted(who);
    request.input_tokens = 100;
    return ask(request);
  };
  std::vector<std::optional<Result<Seat>>*> many;
  for (int i = 0; i < 3; ++i)
    many.push_back(&ask_long(tenant(1)));
  auto& one = ask_long(tenant(2));
  give_back(running);
  ASSERT_TRUE(*many[0]);
  (**many[0])->note_usage({.input_tokens = 100});
  give_back(*many[0]);
  EXPECT_TRUE(one);
  EXPECT_FALSE(*many[1]);
}

TEST_F(DispatcherTest, WhatIsGeneratedCountsWhenTheEngineNeverSaysSo) {
  use_slots(1);
  SeatRequest costly = wanted(tenant(1));
  costly.rates = {.uncached_input = 1, .cached_input = 1, .output = 1'000'000};
  auto& seat = ask(costly);
  (*seat)->note_tokens(1, loop_.now());
  (*seat)->note_tokens(2, loop_.now());  // not yet
  (*seat)->note_tokens(65, loop_.now());
  give_back(seat);
  const auto report = dispatcher_.pools().front().report;
  EXPECT_EQ(report.nodes[0].used_total, 65'000'000);
}

// --- what the engines' health allows
// ----------------------------------------------------------------

class DispatcherHealthTest : public DispatcherTest {
 protected:
  class NoSink : public observe::LogSink {
   public:
    void write(std::string&&) override {}
    std::uint64_t dropped() const override { return 0; }
  };
  using Engines = std::vector<std::shared_ptr<engine::Engine>>;

  std::optional<Result<Seat>>& ask_either() {
    SeatRequest request = wanted(tenant(1));
    request.engines = both_;
    auto& result = results_.emplace_back();
    group_.spawn(run(with_health_, std::move(request), loop_, {rt::Deadline::never()}, result));
    loop_.settle();
    return result;
  }
  void fail(const std::shared_ptr<engine::Engine>& engine, int times = 5) {
    for (int i = 0; i < times; ++i) {
      Digest body{};
      body[0] = ++failed_;
      Attempts attempts(health_, tenant(1), body);
      attempts.begin(both_, *engine);
      attempts.failed(routing::Seen::error, true);
    }
    loop_.pass(kSoon);
  }

  NoSink sink_;
  observe::Log log_{sink_, clock_, observe::Level::error};
  EngineHealth health_{clock_, random_, log_};
  Dispatcher with_health_{clock_, random_, {.wait_max = 30s, .health = &health_}};
  std::shared_ptr<FakeEngine> a_ = std::make_shared<FakeEngine>("a", 2);
  std::shared_ptr<FakeEngine> b_ = std::make_shared<FakeEngine>("b", 2);
  Engines both_{a_, b_};
  unsigned char failed_ = 0;
};

TEST_F(DispatcherHealthTest, WhoIsOutGetsNothingHoweverFullTheOtherIs) {
  fail(a_);
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(&(*ask_either())->engine(), b_.get());
  auto& third = ask_either();
  loop_.pass(1s);
  EXPECT_FALSE(third);
  loop_.pass(28s);  // it may be on trial by then, and no longer
  EXPECT_FALSE(third && !*third);
}

TEST_F(DispatcherHealthTest, WhoeverWaitsGetsWhatComesBackOneRequestFirst) {
  fail(a_);
  ask_either();
  ask_either();
  for (int i = 0; i < 2; ++i)
    ask_either();
  health_.probed(*a_, true);
  loop_.pass(2 * kSoon);
  const auto at = [&](const engine::Engine& engine) {
    return std::ranges::count_if(results_, [&](const auto& result) {
      return result && *result && &(*result)->engine() == &engine;
    });
  };
  EXPECT_EQ(at(*a_), 1);
  EXPECT_EQ(at(*b_), 2);
}

TEST_F(DispatcherHealthTest, WhereAllAreOutSomebodyIsAsked) {
  b_->ready_ = our_error(Code::no_healthy_backend, "down");
  b_->status_.state = engine::State::unhealthy;
  fail(a_);
  auto& seat = ask_either();
  ASSERT_TRUE(seat && *seat);
  EXPECT_EQ(&(*seat)->engine(), a_.get());
}

TEST_F(DispatcherHealthTest, AnEngineThatIsTooSlowGetsLessThanItsSlots) {
  a_ = std::make_shared<FakeEngine>("a", 16);
  both_ = {a_};
  const auto answer_in = [&](std::chrono::milliseconds first_token) {
    clock_.set(clock_.now() + 25ms);
    Attempts attempts(health_, tenant(1), Digest());
    attempts.begin(both_, *a_);
    attempts.first_token(first_token, 10);
    attempts.succeeded(10);
  };
  for (int i = 0; i < 100; ++i)
    answer_in(10ms);
  for (int i = 0; i < 100; ++i)
    answer_in(60ms);
  const auto allowed = static_cast<std::size_t>(health_.allowed(*a_));
  ASSERT_LT(allowed, 16U);
  for (int i = 0; i < 20; ++i)
    ask_either();
  EXPECT_EQ(with_health_.load().running, allowed);
}

// More tenants than slots, in 200 random orders of coming and going, with requests that fail and
// such that run in any slot: nobody may use the cache of a slot that can hold foreign text.
TEST_F(DispatcherTest, NoInterleavingLetsATenantMeetAForeignCache) {
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

// Two slots that are guaranteed to tenant 1 are lent to tenant 2.
class ReclaimDispatcherTest : public DispatcherTest {
 protected:
  void SetUp() override {
    DispatcherTest::SetUp();
    dispatcher_.configure({{.members = {{.name = tenant(1).value.text(), .nominal = 2}}}});
    for (int i = 0; i < 2; ++i) {
      SeatRequest borrower = batch();
      lent_.push_back(&ask(std::move(borrower)));
      EXPECT_TRUE(*lent_.back() && **lent_.back());
      seat(i).set_leeway(fairness::Leeway::again);
    }
    loop_.pass(2s);
  }
  SeatRequest batch() const {
    SeatRequest borrower = wanted(tenant(2));
    borrower.priority = fairness::PriorityClass::batch;
    return borrower;
  }
  Seat& seat(int i) { return ***lent_[static_cast<std::size_t>(i)]; }
  static rt::Task<void> run_again(Dispatcher& dispatcher, Seat left, SeatRequest wanted,
                                  rt::Loop& loop, rt::Until until,
                                  std::optional<Result<Seat>>& result) {
    result.emplace(co_await dispatcher.seat_again(std::move(left), std::move(wanted), loop, until));
  }
  std::optional<Result<Seat>>& again(int i, std::chrono::milliseconds time = 1h,
                                     rt::Event* cancelled = nullptr) {
    auto& result = results_.emplace_back();
    group_.spawn(run_again(dispatcher_, std::move(seat(i)), batch(), loop_,
                           {loop_.in(time), cancelled}, result));
    loop_.settle();
    return result;
  }

  std::vector<std::optional<Result<Seat>>*> lent_;
};

TEST_F(ReclaimDispatcherTest, ASeatGivesWayAndItsRequestIsNextInItsOldPlace) {
  auto& owner = ask(tenant(1));
  loop_.pass(900ms);
  EXPECT_FALSE(seat(1).is_wanted(0));
  loop_.pass(110ms);
  EXPECT_FALSE(seat(0).is_wanted(0)) << "one place is wanted";
  ASSERT_TRUE(seat(1).is_wanted(0));
  ASSERT_TRUE(seat(1).give_way());
  auto& waits = again(1);
  EXPECT_TRUE(owner && *owner);
  EXPECT_FALSE(waits);
  auto& later = ask(batch());
  give_back(owner);
  EXPECT_TRUE(waits && *waits);
  EXPECT_FALSE(later);
  (*waits)->set_leeway(fairness::Leeway::again);
  ask(tenant(1));
  loop_.pass(5s);
  EXPECT_FALSE((*waits)->is_wanted(0)) << "once is enough";
  EXPECT_TRUE(seat(0).is_wanted(0));
}

TEST_F(ReclaimDispatcherTest, ItIsTakenBackWhenNobodyWaitsAnyMore) {
  rt::Event gone(loop_);
  auto& owner = ask(tenant(1), 1, &gone);
  loop_.pass(1'010ms);
  ASSERT_TRUE(seat(1).is_wanted(0));
  gone.set();
  loop_.settle();
  EXPECT_THAT(*owner, FailsWith(Code::cancelled));
  EXPECT_FALSE(seat(1).give_way());
  EXPECT_FALSE(seat(1).is_wanted(0));
}

TEST_F(ReclaimDispatcherTest, WhatWaitsAgainMayOutlastTheQueuesTimeAndLeave) {
  auto& owner = ask(tenant(1));
  loop_.pass(1'010ms);
  ASSERT_TRUE(seat(1).give_way());
  rt::Event gone(loop_);
  auto& waits = again(1, 100s, &gone);
  loop_.pass(60s);
  EXPECT_FALSE(waits);
  gone.set();
  loop_.settle();
  EXPECT_THAT(*waits, FailsWith(Code::cancelled));
  EXPECT_EQ(dispatcher_.load().waiting, 0U);
  EXPECT_EQ(dispatcher_.load().running, 2U);
  give_back(owner);
  EXPECT_EQ(dispatcher_.load().running, 1U);
}

TEST_F(ReclaimDispatcherTest, ItsOwnTimeEndsItsWait) {
  ask(tenant(1));
  loop_.pass(1'010ms);
  ASSERT_TRUE(seat(1).give_way());
  auto& waits = again(1, 5s);
  loop_.pass(5'100ms);
  EXPECT_THAT(*waits, FailsWith(Code::upstream_timeout));
}

TEST_F(ReclaimDispatcherTest, AFullQueueTakesItBack) {
  ask(tenant(1));
  for (int i = 0; i < 3; ++i)
    EXPECT_FALSE(ask(batch()));
  loop_.pass(1'010ms);
  ASSERT_TRUE(seat(1).give_way());
  EXPECT_FALSE(again(1)) << "it waits";
  EXPECT_THAT(*ask(batch()), FailsWith(Code::queue_full));
}

TEST_F(ReclaimDispatcherTest, ASeatThatGaveWayMayEndInstead) {
  auto& owner = ask(tenant(1));
  loop_.pass(1'010ms);
  ASSERT_TRUE(seat(1).give_way());
  give_back(*lent_[1]);
  EXPECT_TRUE(owner && *owner);
  EXPECT_EQ(dispatcher_.pools().front().report.named, 0U);
}

TEST_F(DispatcherTest, WhoWaitsForStoppedEnginesAloneIsRefusedAtOnce) {
  use_slots(1);
  const auto other = std::make_shared<FakeEngine>("other", 1);
  auto& running = ask(tenant(1));
  auto& alone = ask(tenant(2));
  SeatRequest either = wanted(tenant(3));
  either.engines.push_back(other);
  auto& elsewhere = ask(either);
  ASSERT_TRUE(elsewhere && elsewhere->has_value());
  auto& waits = ask(either);
  ASSERT_TRUE(!alone && !waits);

  engine_->take_out_of_service();
  dispatcher_.engines_changed();
  loop_.settle();
  ASSERT_TRUE(alone.has_value());
  EXPECT_EQ(alone->error().code(), Code::no_healthy_backend);
  EXPECT_FALSE(waits) << "another one is in service";
  auto& late = ask(tenant(2));
  ASSERT_TRUE(late.has_value());
  EXPECT_EQ(late->error().code(), Code::no_healthy_backend);

  give_back(elsewhere);
  ASSERT_TRUE(waits && waits->has_value());
  EXPECT_EQ((*waits)->engine().name(), "other");
  give_back(running);
  EXPECT_EQ(dispatcher_.load().waiting, 0U);
}

}  // namespace
}  // namespace sovmesh::gateway
