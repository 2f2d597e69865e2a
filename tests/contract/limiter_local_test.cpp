#include "limits/local_limiter.h"
#include "tests/contract/limiter_suite.h"
#include "tests/contract/simple_limiter.h"

namespace sovmesh::limits {
namespace {

std::unique_ptr<Limiter> make_local() { return std::make_unique<LocalLimiter>(); }
INSTANTIATE_TEST_SUITE_P(Local, LimiterSuite, testing::Values(make_local));

// The checks find what they are for.
MakeLimiter with(Defect defect) {
  return [defect] { return std::make_unique<SimpleLimiter>(defect); };
}

TEST(LimiterChecks, FindAReservationThatIsNotAtomic) {
  EXPECT_NE(wrong_at_the_edge(with(Defect::looks_then_leaps), {Measure::requests, Window::minute}),
            "");
  EXPECT_NE(wrong_at_the_edge(with(Defect::looks_then_leaps), {Measure::concurrency, Window::none}),
            "");
}

TEST(LimiterChecks, FindARefusalThatKeepsSomething) {
  EXPECT_NE(wrong_after_refusals(with(Defect::takes_some)), "");
}

TEST(LimiterChecks, FindAnOvershootThatIsForgiven) {
  EXPECT_NE(wrong_overshoot(with(Defect::forgives_overshoot)), "");
}

TEST(LimiterChecks, FindUsageThatAConfigurationLoses) {
  EXPECT_NE(wrong_after_changes(with(Defect::forgets_with_limits)), "");
}

TEST(LimiterChecks, FindReservationsThatLeak) {
  EXPECT_NE(wrong_after_a_storm(with(Defect::keeps_reservations), 1), "");
  EXPECT_NE(
      wrong_at_the_edge(with(Defect::keeps_reservations), {Measure::input_tokens, Window::day}),
      "");
}

TEST(LimiterChecks, FindRequestsThatCountTooLate) {
  EXPECT_NE(wrong_at_the_edge(with(Defect::charges_late), {Measure::requests, Window::hour}), "");
}

TEST(LimiterChecks, FindAClockStepThatRefills) {
  EXPECT_NE(wrong_after_clock_steps(with(Defect::ignores_clock_steps)), "");
}

TEST(LimiterChecks, FindDaysThatAreNotThoseOfTheZone) {
  EXPECT_NE(wrong_resets(with(Defect::renews_early)), "");
}

TEST(LimiterChecks, FindDefectsByHistoriesAlone) {
  for (const Defect defect :
       {Defect::takes_some, Defect::forgives_overshoot, Defect::forgets_with_limits,
        Defect::keeps_reservations, Defect::charges_late, Defect::renews_early}) {
    bool found = false;
    for (std::uint64_t seed = 1; seed <= 20 && !found; ++seed)
      found = !wrong_in_history(with(defect), seed, 400).empty();
    EXPECT_TRUE(found) << static_cast<int>(defect);
  }
}

TEST(LimiterChecks, FindNothingWrongWithTheModel) {
  const MakeLimiter make = with(Defect::none);
  for (const Rate& rate : all_rates())
    EXPECT_EQ(wrong_at_the_edge(make, rate), "") << to_text(rate);
  EXPECT_EQ(wrong_after_a_storm(make, 2), "");
  EXPECT_EQ(wrong_in_history(make, 3, 200), "");
  EXPECT_EQ(wrong_after_refusals(make), "");
  EXPECT_EQ(wrong_overshoot(make), "");
  EXPECT_EQ(wrong_resets(make), "");
}

}  // namespace
}  // namespace sovmesh::limits
