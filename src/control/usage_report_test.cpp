#include "control/usage_report.h"

#include <gmock/gmock.h>

#include "control/report_text.h"
#include "tests/support/report_rows.h"

namespace sovmesh::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class UsageReportTest : public testing::Test {
 protected:
  UsageReport read(const UsageAsk& ask) {
    auto report = read_usage(ledger_, data_, ask, at("2026-11-26T12:00:00Z"));
    EXPECT_TRUE(report) << report.error().message();
    return report ? *std::move(report) : UsageReport();
  }
  std::optional<Code> refusal(const UsageAsk& ask) {
    const auto report = read_usage(ledger_, data_, ask, at("2026-11-26T12:00:00Z"));
    if (report) return std::nullopt;
    return report.error().code();
  }
  static std::vector<std::string> groups(const UsageReport& report) {
    std::vector<std::string> out;
    for (const UsageLine& line : report.lines)
      out.push_back(line.group);
    return out;
  }

  RowLedger ledger_;
  store::ControlData data_ = report_data();
};

TEST_F(UsageReportTest, DaysAndMonthsAreThoseOfTheTenantsClock) {
  add_row(ledger_, "2026-10-31T22:30:00Z", 1, 1);  // 23:30 in Copenhagen
  add_row(ledger_, "2026-10-31T23:30:00Z", 1, 1);  // 00:30 of the 1st
  add_row(ledger_, "2026-11-01T22:30:00Z", 1, 1);
  const UsageReport days = read({.tenant = "aurora", .by = "day"});
  EXPECT_THAT(groups(days), ElementsAre("2026-10-31", "2026-11-01"));
  EXPECT_EQ(days.lines[1].sum.requests, 2);
  EXPECT_EQ(days.lines[1].period->begin, at("2026-10-31T23:00:00Z"));
  EXPECT_EQ(days.time_zone, "Europe/Copenhagen");
  EXPECT_THAT(groups(read({.tenant = "aurora", .by = "month"})), ElementsAre("2026-10", "2026-11"));
  const UsageReport month = read({.tenant = "aurora", .month = "2026-11"});
  ASSERT_EQ(month.lines.size(), 1U);
  EXPECT_EQ(month.lines[0].sum.requests, 2);
  // Of all tenants there is no one clock: UTC.
  EXPECT_THAT(groups(read({.by = "day"})), ElementsAre("2026-10-31", "2026-11-01"));
  EXPECT_EQ(read({.by = "day"}).lines[1].sum.requests, 1);
}

TEST_F(UsageReportTest, TheLengthOfADayWithAClockChangeIsRight) {
  add_row(ledger_, "2026-10-25T22:59:00Z", 1, 1);
  const UsageReport day =
      read({.tenant = "aurora", .by = "day", .from = "2026-10-25", .until = "2026-10-26"});
  ASSERT_EQ(day.lines.size(), 1U);
  EXPECT_EQ(day.lines[0].period->end - day.lines[0].period->begin, std::chrono::hours(25));
}

TEST_F(UsageReportTest, NamesOfTwoTenantsAreNotAddedUp) {
  add_row(ledger_, "2026-11-01T08:00:00Z", 1, 1).user = "ann";
  store::UsageRow& other = add_row(ledger_, "2026-11-01T08:00:00Z", 5, 5);
  other.tenant = kBoreal;
  other.project = kOther;
  other.user = "ann";
  const UsageReport users = read({.by = "user"});
  ASSERT_EQ(users.lines.size(), 2U);
  EXPECT_EQ(users.lines[0].tenant, "aurora");
  EXPECT_EQ(users.lines[0].sum.prompt, 1);
  EXPECT_EQ(users.lines[1].tenant, "boreal");
  EXPECT_EQ(users.lines[1].sum.prompt, 5);
  EXPECT_THAT(usage_text(users), HasSubstr("tenant"));
  const UsageReport models = read({.by = "model"});
  ASSERT_EQ(models.lines.size(), 1U);
  EXPECT_EQ(models.lines[0].sum.prompt, 6);
  EXPECT_THAT(groups(read({.by = "tenant"})), ElementsAre("aurora", "boreal"));
}

TEST_F(UsageReportTest, ObjectsAreShownByTheNamesPeopleGaveThem) {
  add_row(ledger_, "2026-11-01T08:00:00Z", 1, 1);
  const UsageReport keys = read({.tenant = "aurora", .by = "key"});
  EXPECT_EQ(keys.lines[0].label, "front end");
  EXPECT_THAT(groups(read({.tenant = "aurora", .by = "project"})), ElementsAre("web"));
  EXPECT_EQ(read({.tenant = "aurora", .project = "web"}).lines.size(), 1U);
  EXPECT_EQ(read({.tenant = "aurora", .project = "lab"}).lines.size(), 0U);
  // One that is gone has its id.
  data_ = {};
  EXPECT_THAT(groups(read({.tenant = kAurora.value.text(), .by = "project"})),
              ElementsAre(kWeb.value.text()));
}

TEST_F(UsageReportTest, WhatCannotBeMeantIsRefused) {
  EXPECT_EQ(refusal({.tenant = "aurora", .by = "colour"}), Code::invalid_value);
  EXPECT_EQ(refusal({.tenant = "nobody"}), Code::not_found);
  EXPECT_EQ(refusal({.tenant = "aurora", .project = "none"}), Code::not_found);
  EXPECT_EQ(refusal({.project = "web"}), Code::invalid_value);
  EXPECT_EQ(refusal({.tenant = "aurora", .from = "yesterday"}), Code::invalid_value);
  EXPECT_EQ(refusal({.tenant = "aurora", .from = "2026-11-02", .until = "2026-11-01"}),
            Code::invalid_value);
  EXPECT_EQ(refusal({.tenant = "aurora", .from = "2026-11-02", .month = "2026-11"}),
            Code::invalid_value);
  EXPECT_EQ(refusal({.tenant = "aurora", .month = "2026-13"}), Code::invalid_value);
  EXPECT_EQ(refusal({.tenant = "aurora", .by = "day", .from = "2000-01-01"}), Code::invalid_value);
  EXPECT_EQ(refusal({.tenant = "aurora", .by = "day", .from = "2027-01-01"}), Code::invalid_value);
}

TEST_F(UsageReportTest, MoneyOfTwoCurrenciesStaysApart) {
  add_row(ledger_, "2026-11-01T08:00:00Z", 1, 1, 1'500'000);
  add_row(ledger_, "2026-11-02T08:00:00Z", 1, 1, 2'000'001).currency = "DKK";
  add_row(ledger_, "2026-11-02T08:00:00Z", 1, 1, 250'000);
  const std::string text = usage_text(read({.tenant = "aurora", .by = "day"}));
  EXPECT_THAT(text, HasSubstr("1.75  EUR"));
  EXPECT_THAT(text, HasSubstr("2.000001  DKK"));
}

TEST_F(UsageReportTest, LowerBoundsAndMissingPricesAreSaid) {
  store::UsageRow& row = add_row(ledger_, "2026-11-01T08:00:00Z", 1, 1);
  row.price_version.clear();
  row.settlement.finish = metering::Finish::recovered;
  const UsageReport report = read({.tenant = "aurora"});
  const std::string text = usage_text(report);
  EXPECT_THAT(text, HasSubstr("1 (>=)"));
  EXPECT_THAT(text, HasSubstr("lower bound"));
  EXPECT_THAT(text, HasSubstr("1 requests had no price"));
  EXPECT_THAT(usage_json(report), HasSubstr(R"("unpriced":1,"drifted":0,"recovered":1)"));
  EXPECT_THAT(usage_json(report), HasSubstr(R"("lower_bound":true)"));
}

TEST_F(UsageReportTest, CsvIsSafeAgainstFormulas) {
  add_row(ledger_, "2026-11-01T08:00:00Z", 7, 2, 12).user = "=cmd|' /C calc'!A0";
  const std::string csv = usage_csv(read({.tenant = "aurora", .by = "user"}));
  EXPECT_THAT(csv, HasSubstr("\r\naurora,\"'=cmd|' /C calc'!A0\",,"));
  EXPECT_THAT(csv, HasSubstr(",0.000012,EUR,"));
}

TEST_F(UsageReportTest, AChartHasADayForEachDayAndNoColours) {
  add_row(ledger_, "2026-11-01T08:00:00Z", 100, 0);
  add_row(ledger_, "2026-11-03T08:00:00Z", 1, 0);
  const UsageReport report = read({.tenant = "aurora", .by = "day"});
  const std::string chart = usage_chart(report, ChartOf::tokens, 40);
  EXPECT_EQ(chart,
            "2026-11-01  #######################  100\n"
            "2026-11-02                             0\n"
            "2026-11-03  #                          1\n");
  EXPECT_EQ(chart.find('\x1b'), std::string::npos);
  EXPECT_THAT(usage_chart(report, ChartOf::cost, 40), HasSubstr("0.00 EUR"));
}

TEST_F(UsageReportTest, ATerminalIsNotToldWhatToDoByAName) {
  add_row(ledger_, "2026-11-01T08:00:00Z", 1, 1).user = "\x1b[2Jann";
  const UsageReport report = read({.tenant = "aurora", .by = "user"});
  EXPECT_THAT(usage_text(report), HasSubstr("?[2Jann"));
  EXPECT_THAT(usage_chart(report, ChartOf::tokens, 60), Not(HasSubstr("\x1b")));
}

TEST(ReportText, FiguresKeepTheirLastDigit) {
  EXPECT_EQ(money_text(12'500'000), "12.50");
  EXPECT_EQ(money_text(-1), "-0.000001");
  EXPECT_EQ(watt_hours_text(3'600'000), "1");
  EXPECT_EQ(watt_hours_text(18), "0.000005");
  EXPECT_EQ(bar_text(1, 1'000'000, 4), "#   ");
  EXPECT_EQ(bar_text(0, 5, 4), "    ");
  EXPECT_EQ(bar_text(5, 5, 4), "####");
}

}  // namespace
}  // namespace sovmesh::control
