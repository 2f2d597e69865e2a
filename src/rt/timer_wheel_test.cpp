#include "rt/timer_wheel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <vector>

#include "rt/sim/world.h"

namespace sovmesh::rt {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

const Instant kStart = Instant{} + 12'345'678ns;

struct Probe : Timer {
  Probe(int n, std::vector<int>& l) : Timer(&on_fire), name(n), log(l) {}
  static void on_fire(Timer& timer) {
    auto& self = static_cast<Probe&>(timer);
    EXPECT_FALSE(self.armed());
    self.log.push_back(self.name);
  }
  int name;
  std::vector<int>& log;
};

class TimerWheelTest : public testing::Test {
 protected:
  Probe& arm(int name, Instant expiry) {
    Probe& probe = probes_.emplace_back(name, log_);
    wheel_.arm(probe, expiry);
    return probe;
  }
  // Goes to where the wheel says it wants to be woken, up to `end`; the number of wakes.
  int run_to(Instant end) {
    int wakes = 0;
    for (auto next = wheel_.next(); next && *next <= end; next = wheel_.next(), ++wakes)
      wheel_.advance(*next);
    wheel_.advance(end);
    return wakes;
  }

  std::vector<int> log_;
  TimerWheel wheel_{kStart};
  std::deque<Probe> probes_;
};

TEST_F(TimerWheelTest, FiresWhenDueAndNotBefore) {
  arm(1, kStart + 5ms);
  wheel_.advance(kStart + 5ms - 1ns);
  EXPECT_THAT(log_, ElementsAre());
  wheel_.advance(kStart + 5ms);
  EXPECT_THAT(log_, ElementsAre(1));
  EXPECT_EQ(wheel_.size(), 0U);
  EXPECT_EQ(wheel_.next(), std::nullopt);
}

TEST_F(TimerWheelTest, APastExpiryFiresAtTheNextAdvance) {
  wheel_.advance(kStart + 1s);
  arm(1, kStart);
  arm(2, kStart - 1s);
  wheel_.advance(kStart + 1s);
  EXPECT_THAT(log_, ElementsAre(2, 1));
}

TEST_F(TimerWheelTest, FiresByExpiryThenByOrderOfArming) {
  arm(1, kStart + 103ms);
  arm(2, kStart + 101ms);
  arm(3, kStart + 103ms);
  arm(4, kStart + 102ms);
  arm(5, kStart + 101ms);
  wheel_.advance(kStart + 1s);
  EXPECT_THAT(log_, ElementsAre(2, 5, 4, 1, 3));
}

TEST_F(TimerWheelTest, TheOrderHoldsWhateverLevelATimerBeganOn) {
  const Instant expiry = kStart + 40h;  // beyond the range: waits in the last slot first
  arm(1, expiry);
  wheel_.advance(kStart + 39h);
  arm(2, expiry);
  wheel_.advance(kStart + 40h - 100ms);
  arm(3, expiry);
  wheel_.advance(kStart + 40h - 1ms);
  arm(4, expiry);
  EXPECT_THAT(log_, ElementsAre());
  wheel_.advance(expiry);
  EXPECT_THAT(log_, ElementsAre(1, 2, 3, 4));
}

TEST_F(TimerWheelTest, ArmingAgainMovesATimer) {
  Probe& probe = arm(1, kStart + 10ms);
  wheel_.arm(probe, kStart + 1h);
  EXPECT_EQ(wheel_.size(), 1U);
  wheel_.advance(kStart + 1min);
  EXPECT_THAT(log_, ElementsAre());
  wheel_.arm(probe, kStart + 2min);
  wheel_.advance(kStart + 2min);
  EXPECT_THAT(log_, ElementsAre(1));
}

TEST_F(TimerWheelTest, DisarmedTimersNeverFire) {
  Probe& first = arm(1, kStart + 10ms);
  arm(2, kStart + 10ms);
  Probe& third = arm(3, kStart + 10ms);
  first.disarm();
  third.disarm();
  third.disarm();
  EXPECT_EQ(wheel_.size(), 1U);
  wheel_.advance(kStart + 1s);
  EXPECT_THAT(log_, ElementsAre(2));
}

TEST_F(TimerWheelTest, CrossesTheEndOfItsRangeOnTime) {
  constexpr auto kRange = TimerWheel::kTick * (1 << 24);
  for (const auto before : {3'000ms, 8ms, 1ms}) {
    const Instant here = kStart + kRange - before;
    wheel_.advance(here);
    arm(1, here + 5ms);
    wheel_.advance(here + 5ms - 1ns);
    EXPECT_THAT(log_, ElementsAre());
    run_to(here + 5ms);
    EXPECT_THAT(log_, ElementsAre(1));
    log_.clear();
    arm(2, kStart + kRange + 4s);
  }
  run_to(kStart + kRange + 4s - 1ns);
  EXPECT_THAT(log_, ElementsAre());
  run_to(kStart + kRange + 4s);
  EXPECT_THAT(log_, ElementsAre(2, 2, 2));
}

TEST_F(TimerWheelTest, AFarTimerCostsFewWakes) {
  arm(1, kStart + 24h * 365);
  const int wakes = run_to(kStart + 24h * 365);
  EXPECT_THAT(log_, ElementsAre(1));
  EXPECT_LT(wakes, 600) << "one per trip around the wheel, plus one per level";
}

TEST_F(TimerWheelTest, ATimerMayArmAndDisarmOthersWhileFiring) {
  struct Actor : Timer {
    Actor(TimerWheel& w, Timer& s, Timer& v) : Timer(&act), wheel(w), start(s), victim(v) {}
    static void act(Timer& timer) {
      auto& self = static_cast<Actor&>(timer);
      self.victim.disarm();
      self.wheel.arm(self.start, self.expiry());
      if (++self.runs < 3) self.wheel.arm(self, self.expiry() + 1ms);
    }
    TimerWheel& wheel;
    Timer& start;
    Timer& victim;
    int runs = 0;
  };
  Probe& victim = arm(1, kStart + 12ms);
  Probe& start = arm(2, kStart + 1h);
  Actor actor(wheel_, start, victim);
  wheel_.arm(actor, kStart + 11ms);
  wheel_.advance(kStart + 12ms);
  EXPECT_EQ(actor.runs, 2) << "what is due at once fires in the same advance";
  wheel_.advance(kStart + 1s);
  EXPECT_EQ(actor.runs, 3);
  EXPECT_THAT(log_, ElementsAre(2, 2, 2));
}

TEST_F(TimerWheelTest, ADestroyedTimerOrWheelLeavesNothingBehind) {
  auto wheel = std::make_optional<TimerWheel>(kStart);
  Probe outlives(1, log_);
  {
    Probe gone(2, log_);
    wheel->arm(gone, kStart + 1ms);
    wheel->arm(outlives, kStart + 1ms);
  }
  EXPECT_EQ(wheel->size(), 1U);
  wheel.reset();
  EXPECT_FALSE(outlives.armed());
}

// The whole contract against a sorted list, with random arming, disarming and jumps.
TEST(TimerWheelModel, BehavesAsASortedListDoes) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    sim::SeededRandom random(seed);
    const auto below = [&random](std::uint64_t n) { return random.next_u64() % n; };
    std::vector<int> log;
    TimerWheel wheel(kStart);
    std::deque<Probe> timers;
    struct Entry {
      Instant expiry;
      int order;
      int name;
      auto operator<=>(const Entry&) const = default;
    };
    std::vector<Entry> model;
    for (int i = 0; i < 50; ++i)
      timers.emplace_back(i, log);
    Instant now = kStart;
    int order = 0;
    const std::array<std::chrono::nanoseconds, 6> spans{3ms, 300ms, 20s, 20min, 20h, 2'000h};
    for (int step = 0; step < 400; ++step) {
      Probe& timer = timers[below(timers.size())];
      std::erase_if(model, [&](const Entry& e) { return e.name == timer.name; });
      if (below(4) == 0) {
        timer.disarm();
      } else {
        const auto span = static_cast<std::uint64_t>(spans[below(spans.size())].count());
        const Instant expiry = now + std::chrono::nanoseconds(below(span)) - 1ms;
        wheel.arm(timer, expiry);
        model.push_back({expiry, order++, timer.name});
      }
      ASSERT_EQ(wheel.size(), model.size());
      std::ranges::sort(model);
      if (!model.empty()) {
        ASSERT_TRUE(wheel.next());
        ASSERT_LE(*wheel.next(), std::max(model.front().expiry, now));
      } else {
        ASSERT_FALSE(wheel.next());
      }
      if (below(3) != 0) continue;
      now += std::chrono::nanoseconds(
          below(static_cast<std::uint64_t>(spans[below(spans.size())].count())));
      std::vector<int> want;
      for (const Entry& e : model) {
        if (e.expiry <= now) want.push_back(e.name);
      }
      std::erase_if(model, [&](const Entry& e) { return e.expiry <= now; });
      log.clear();
      wheel.advance(now);
      ASSERT_EQ(log, want) << "seed " << seed << " step " << step;
    }
  }
}

TEST(TimerWheelCost, ManyTimersInOneTickStayCheap) {
  constexpr int kTimers = 100'000;
  std::vector<int> log;
  log.reserve(kTimers);
  TimerWheel wheel(kStart);
  std::deque<Probe> timers;
  sim::SeededRandom random(1);
  for (int i = 0; i < kTimers; ++i) {
    timers.emplace_back(i, log);
    wheel.arm(timers.back(), kStart + 10s + std::chrono::nanoseconds(random.below(4'000'000)));
  }
  wheel.advance(kStart + 11s);  // takes minutes when the slot is sorted by insertion
  EXPECT_EQ(log.size(), std::size_t{kTimers});
}

}  // namespace
}  // namespace sovmesh::rt
