#include "gateway/engine_health.h"

#include <gtest/gtest.h>

#include "tests/support/fake_engine.h"
#include "tests/support/manual_clock.h"
#include "tests/support/seeded_random.h"

namespace sovmesh::gateway {
namespace {

using namespace std::chrono_literals;
using routing::Seen;

class NoSink : public observe::LogSink {
 public:
  void write(std::string&&) override {}
  std::uint64_t dropped() const override { return 0; }
};

class EngineHealthTest : public testing::Test {
 protected:
  using Engines = std::vector<std::shared_ptr<engine::Engine>>;
  static std::shared_ptr<FakeEngine> engine(const char* name, int slots = 16) {
    return std::make_shared<FakeEngine>(name, slots);
  }
  void answer(const Engines& among, const engine::Engine& on,
              std::chrono::nanoseconds first_token = 10ms, std::int64_t uncached = 10) {
    Attempts attempts(health_, TenantId(), Digest());
    attempts.begin(among, on);
    attempts.first_token(first_token, uncached);
    attempts.succeeded(uncached);
  }
  // A request of its own each.
  void fail(const Engines& among, const engine::Engine& on, Seen seen = Seen::error) {
    Digest body{};
    body[0] = ++failed_;
    Attempts attempts(health_, TenantId(), body);
    attempts.begin(among, on);
    attempts.failed(seen, true);
  }
  void eject(const Engines& among, const engine::Engine& on) {
    for (int i = 0; i < 5; ++i)
      fail(among, on);
    ASSERT_EQ(health_.condition(on), EngineHealth::Condition::ejected);
  }

  ManualClock clock_;
  SeededRandom random_{7};
  NoSink sink_;
  observe::Log log_{sink_, clock_, observe::Level::error};
  EngineHealth health_{clock_, random_, log_};
  unsigned char failed_ = 0;
};

TEST_F(EngineHealthTest, NeverTakesOutTheOnlyEngine) {
  const Engines one{engine("a")};
  for (int i = 0; i < 50; ++i)
    fail(one, *one[0]);
  EXPECT_FALSE(health_.standing(*one[0]).is_out);
  EXPECT_EQ(health_.condition(*one[0]), EngineHealth::Condition::in);
}

TEST_F(EngineHealthTest, WhoFailsIsOutAndTheOtherIsNot) {
  const Engines two{engine("a"), engine("b")};
  eject(two, *two[0]);
  EXPECT_TRUE(health_.standing(*two[0]).is_out);
  EXPECT_EQ(health_.standing(*two[1]), (EngineHealth::Standing{.allowed = 20}));
}

TEST_F(EngineHealthTest, PutsAllEnginesThatShareAModelIntoOneGroup) {
  const Engines all{engine("a"), engine("b"), engine("c")};
  const Engines ab{all[0], all[1]};
  const Engines bc{all[1], all[2]};
  answer(ab, *all[0]);
  answer({all[2]}, *all[2]);
  answer(bc, *all[2]);
  // Of three at most one.
  eject(ab, *all[0]);
  for (int i = 0; i < 10; ++i)
    fail(bc, *all[2]);
  EXPECT_EQ(health_.condition(*all[2]), EngineHealth::Condition::in);
  EXPECT_GT(health_.totals().overflows, 0U);
}

TEST_F(EngineHealthTest, AnEngineThatIsGoneGivesItsPlaceBack) {
  Engines two{engine("a"), engine("b")};
  eject(two, *two[0]);
  two[0] = engine("a");  // replaced
  clock_.advance(6s);
  answer(two, *two[0]);
  EXPECT_EQ(health_.condition(*two[0]), EngineHealth::Condition::in);
  eject(two, *two[1]);
}

TEST_F(EngineHealthTest, GivesWhoComesBackOneRequestFirst) {
  const Engines two{engine("a"), engine("b")};
  eject(two, *two[0]);
  clock_.advance(45s);
  EXPECT_EQ(health_.condition(*two[0]), EngineHealth::Condition::on_trial);
  EXPECT_FALSE(health_.standing(*two[0]).is_out);
  EXPECT_TRUE(health_.standing(*two[0]).is_on_trial);
  answer(two, *two[0]);
  EXPECT_FALSE(health_.standing(*two[0]).is_on_trial);
  EXPECT_EQ(health_.condition(*two[0]), EngineHealth::Condition::ramping);
  EXPECT_NEAR(health_.standing(*two[0]).weight, 0.1, 0.01);
  clock_.advance(15s);
  EXPECT_NEAR(health_.standing(*two[0]).weight, 0.55, 0.01);
  clock_.advance(15s);
  EXPECT_EQ(health_.condition(*two[0]), EngineHealth::Condition::in);
}

TEST_F(EngineHealthTest, HalvesTheWeightOfASlowEngine) {
  const Engines three{engine("a"), engine("b"), engine("c")};
  for (int interval = 0; interval < 4; ++interval) {
    answer(three, *three[0], 500ms, 100);
    answer(three, *three[1], 50ms, 100);
    answer(three, *three[2], 50ms, 100);
    clock_.advance(5s);
  }
  EXPECT_EQ(health_.condition(*three[0]), EngineHealth::Condition::slow);
  EXPECT_EQ(health_.standing(*three[0]).weight, 0.5);
  EXPECT_EQ(health_.standing(*three[1]).weight, 1);
}

TEST_F(EngineHealthTest, AllowsAQuarterMoreThanSlotsAndLessWhenFirstTokensComeLate) {
  const Engines one{engine("a", 16)};
  EXPECT_EQ(health_.allowed(*one[0]), 20);
  for (int i = 0; i < 60; ++i)
    answer(one, *one[0], 10ms, 10);
  for (int i = 0; i < 40; ++i) {
    clock_.advance(25ms);
    answer(one, *one[0], 10ms, 10);
  }
  EXPECT_EQ(health_.allowed(*one[0]), 20);
  for (int i = 0; i < 100; ++i) {
    clock_.advance(25ms);
    answer(one, *one[0], 60ms, 10);
  }
  EXPECT_LT(health_.allowed(*one[0]), 15);
  EXPECT_GE(health_.allowed(*one[0]), 10);
  for (int i = 0; i < 100; ++i) {
    clock_.advance(25ms);
    answer(one, *one[0], 10ms, 10);
  }
  EXPECT_EQ(health_.allowed(*one[0]), 20);
}

// What an answer shows when it begins counts then, and who begins nothing cannot show anything.
TEST_F(EngineHealthTest, LongAnswersDoNotKeepAnEngineAtTheFloorOfItsLimit) {
  const Engines one{engine("a", 16)};
  for (int i = 0; i < 60; ++i)
    answer(one, *one[0], 10ms, 10);
  for (int i = 0; i < 100; ++i) {
    clock_.advance(25ms);
    answer(one, *one[0], 60ms, 10);
  }
  std::vector<Attempts> running;
  const auto begin = [&] {
    running.emplace_back(health_, TenantId(), Digest()).begin(one, *one[0]);
  };
  int allowed = health_.allowed(*one[0]);
  ASSERT_LT(allowed, 15);
  while (static_cast<int>(running.size()) < allowed)
    begin();
  const auto look_for = [&](std::chrono::milliseconds time) {
    for (; time > 0ms; time -= 20ms) {
      clock_.advance(20ms);
      allowed = health_.standing(*one[0], static_cast<int>(running.size())).allowed;
    }
  };
  look_for(5s);
  EXPECT_EQ(allowed, static_cast<int>(running.size())) << "their first tokens have not come";
  for (int round = 0; round < 50; ++round) {
    for (Attempts& each : running)
      each.first_token(10ms, 10);
    look_for(2s);
    while (static_cast<int>(running.size()) < allowed)
      begin();
  }
  EXPECT_EQ(allowed, 20);
}

TEST_F(EngineHealthTest, AllowsExactlyTheSlotsThatBelongToTenants) {
  const auto owned = engine("a", 4);
  owned->capabilities_.tenant_slots = true;
  EXPECT_EQ(health_.allowed(*owned), 4);
}

TEST_F(EngineHealthTest, ALongSilencePassesAtOnce) {
  const Engines two{engine("a"), engine("b")};
  eject(two, *two[0]);
  clock_.advance(std::chrono::hours(24 * 365));
  EXPECT_EQ(health_.condition(*two[0]), EngineHealth::Condition::on_trial);
}

TEST_F(EngineHealthTest, FallsBackToWhoAnswersWellAndToOthersWithinTheirBudget) {
  const Engines one{engine("a")};
  const Engines two{engine("b"), engine("c")};
  enum class End : std::uint8_t { refused, failed, answered };
  const auto fall_back = [&](bool answers) {
    Attempts attempts(health_, TenantId(), Digest{1});
    attempts.begin(one, *one[0]);
    attempts.failed(Seen::error, true);
    if (!attempts.take_fallback(two, Digest{2})) return End::refused;
    EXPECT_EQ(attempts.made_here(), 0);
    attempts.begin(two, *two[0]);
    EXPECT_EQ(attempts.made(), 2);
    if (answers) {
      attempts.succeeded(0);
      return End::answered;
    }
    attempts.failed(Seen::error, true);
    return End::failed;
  };
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(fall_back(false), End::failed) << i;
  EXPECT_EQ(fall_back(false), End::refused);
  EXPECT_EQ(fall_back(true), End::refused);
  answer(two, *two[1]);
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(fall_back(true), End::answered) << i;
}

TEST_F(EngineHealthTest, AFirstAttemptAtAFallbackNeedsNoBudget) {
  const Engines one{engine("a")};
  for (int i = 0; i < 20; ++i) {
    Attempts attempts(health_, TenantId(), Digest{1});
    EXPECT_TRUE(attempts.take_fallback(one, Digest{2}));
    attempts.begin(one, *one[0]);
    attempts.failed(Seen::error, true);
  }
  EXPECT_EQ(health_.totals().retries, 0U);
}

TEST_F(EngineHealthTest, KnowsWhatAnErrorShows) {
  const auto it = engine("a");
  const auto shows = [&](Code code, Blame blame, bool has_answered) {
    return what_it_shows(Error(code, blame, ""), *it, has_answered);
  };
  EXPECT_EQ(shows(Code::upstream_error, Blame::upstream, true), Seen::error);
  EXPECT_EQ(shows(Code::upstream_error, Blame::upstream, false), Seen::local);
  EXPECT_EQ(shows(Code::first_token_timeout, Blame::upstream, true), Seen::local);
  EXPECT_EQ(shows(Code::overloaded, Blame::upstream, true), std::nullopt);
  EXPECT_EQ(shows(Code::invalid_request, Blame::client, true), std::nullopt);
  EXPECT_EQ(shows(Code::client_closed, Blame::client, true), std::nullopt);
  EXPECT_EQ(shows(Code::overloaded, Blame::us, true), std::nullopt);
  it->take_out_of_service();
  EXPECT_EQ(shows(Code::upstream_error, Blame::upstream, true), std::nullopt)
      << "an administrator ended it";
}

}  // namespace
}  // namespace sovmesh::gateway
