#include "control/forecast.h"

#include <gmock/gmock.h>

#include "tests/support/report_rows.h"

namespace sovmesh::control {
namespace {

using testing::HasSubstr;

TEST(Forecast, AnEvenWeekGoesOnAsItWas) {
  ForecastDays days{.so_far = 700, .today = 0, .days_left = 14};
  for (int week = 0; week < 4; ++week)
    for (const std::int64_t value : {100, 100, 100, 100, 100, 0, 0})
      days.history.push_back(value);
  const auto out = project(days);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->expected, 700 + 1'000);
  EXPECT_EQ(out->low, out->expected);  // nothing ever differed
  EXPECT_EQ(out->high, out->expected);
}

TEST(Forecast, WeekdaysAreKeptApart) {
  ForecastDays days{.so_far = 0, .today = 0, .days_left = 1};
  for (int i = 0; i < 28; ++i)
    days.history.push_back(i % 7 == 0 ? 70 : 1);  // today is the weekday of the first
  EXPECT_EQ(project(days)->expected, 70);
  days.days_left = 2;
  EXPECT_EQ(project(days)->expected, 71);
}

TEST(Forecast, OfTodayOnlyTheRestIsToCome) {
  ForecastDays days{.history = std::vector<std::int64_t>(28, 100), .so_far = 60, .today = 60};
  EXPECT_EQ(project(days)->expected, 100);
  days.so_far = days.today = 150;
  EXPECT_EQ(project(days)->expected, 150);
  EXPECT_GE(project(days)->low, 150);
}

TEST(Forecast, TheRangeGrowsWithTheSpreadAndNeverTakesBackWhatHappened) {
  ForecastDays days{.so_far = 500, .today = 0, .days_left = 7};
  for (int i = 0; i < 28; ++i)
    days.history.push_back(i / 7 % 2 == 0 ? 0 : 200);
  const auto wild = project(days);
  EXPECT_EQ(wild->expected, 1'200);
  EXPECT_LT(wild->low, 1'000);
  EXPECT_GE(wild->low, 500);
  EXPECT_GT(wild->high, 1'400);
}

TEST(Forecast, TwoWeeksAreTheLeast) {
  ForecastDays days{.history = std::vector<std::int64_t>(13, 100), .so_far = 0};
  EXPECT_FALSE(project(days));
  days.history.push_back(100);
  EXPECT_TRUE(project(days));
}

class ForecastOfTenant : public testing::Test {
 protected:
  Forecast read(std::string_view now) {
    auto out = read_forecast(ledger_, report_data(), "aurora", at(now));
    EXPECT_TRUE(out);
    return out.value_or(Forecast());
  }
  RowLedger ledger_;
};

TEST_F(ForecastOfTenant, SaysThatTwoDaysAreTooFew) {
  add_row(ledger_, "2026-11-24T08:00:00Z", 10, 0, 5);
  add_row(ledger_, "2026-11-25T08:00:00Z", 10, 0, 5);
  const Forecast forecast = read("2026-11-26T08:00:00Z");
  EXPECT_EQ(forecast.history_days, 2U);
  EXPECT_FALSE(forecast.tokens);
  EXPECT_EQ(forecast.tokens_so_far, 20);
  EXPECT_THAT(forecast_text(forecast), HasSubstr("Too little data"));
  EXPECT_THAT(forecast_json(forecast), HasSubstr(R"("expected":null)"));
  EXPECT_FALSE(read_forecast(ledger_, report_data(), "nobody", at("2026-11-26T08:00:00Z")));
}

TEST_F(ForecastOfTenant, ProjectsTheMonthOfTheTenantsClock) {
  for (WallTime day = at("2026-10-20T11:00:00Z"); day < at("2026-11-26T00:00:00Z");
       day += std::chrono::days(1))
    add_row(ledger_, to_rfc3339(day), 60, 40, 1'000'000);
  const Forecast forecast = read("2026-11-26T08:00:00Z");  // before today's
  EXPECT_EQ(forecast.days_left, 5U);
  EXPECT_EQ(forecast.history_days, 28U);
  ASSERT_TRUE(forecast.tokens);
  EXPECT_EQ(forecast.tokens->so_far, 2'500);
  EXPECT_EQ(forecast.tokens->expected, 3'000);
  ASSERT_EQ(forecast.costs.size(), 1U);
  EXPECT_EQ(forecast.costs[0].projection->expected, 30'000'000);
  EXPECT_THAT(forecast_csv(forecast), HasSubstr("aurora,2026-11,cost,EUR,25.00,30.00,30.00,30.00"));
  // At the end of the month only today is left.
  EXPECT_EQ(read("2026-11-30T22:59:00Z").days_left, 1U);
  EXPECT_EQ(read("2026-11-30T23:01:00Z").month, "2026-12");
}

}  // namespace
}  // namespace sovmesh::control
