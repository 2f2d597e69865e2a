#include "rollout/report.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>

#include "rollout/rollout_test_support.h"

namespace sovmesh::rollout {
namespace {

const ReportRow& row(const Report& report, std::string_view name) {
  return *std::ranges::find(report.rows, name, &ReportRow::name);
}

TEST(Report, ComparesRatesWithAnInterval) {
  // Newcombe's own example: 56 of 70 and 48 of 80 differ by 0.0524 to 0.3339.
  Arm stable{.requests = 80, .errors = 48};
  Arm candidate{.requests = 70, .errors = 56};
  const Report report = compare(stable, candidate);
  const ReportRow& errors = row(report, "errors");
  EXPECT_NEAR(*errors.stable, 60, 1e-9);
  EXPECT_NEAR(*errors.candidate, 80, 1e-9);
  EXPECT_NEAR(*errors.difference_low, 5.24, 0.01);
  EXPECT_NEAR(*errors.difference_high, 33.39, 0.01);
}

TEST(Report, ComparesTimesAndLengthsByQuantiles) {
  Arm stable;
  Arm candidate;
  for (int i = 0; i < 100; ++i) {
    stable.ttft_us.add(256'000);
    candidate.ttft_us.add(i < 80 ? 512'000 : 4'096'000);
    candidate.output_tokens.add(64);
  }
  const Report report = compare(stable, candidate);
  EXPECT_NEAR(*row(report, "time to first token, median").stable, 262.1, 0.1);
  EXPECT_NEAR(*row(report, "time to first token, median").candidate, 524.3, 0.1);
  EXPECT_NEAR(*row(report, "time to first token, 90 %").candidate, 4'194.3, 0.1);
  EXPECT_EQ(row(report, "output, median").stable, std::nullopt);
  EXPECT_EQ(row(report, "output, median").candidate, 64);
}

TEST(Report, SaysNothingOfNothing) {
  const Report report = compare({}, {});
  for (const ReportRow& one : report.rows) {
    EXPECT_EQ(one.stable, std::nullopt) << one.name;
    EXPECT_EQ(one.difference_low, std::nullopt) << one.name;
  }
  for (const Chart& chart : report.charts)
    EXPECT_TRUE(chart.bars.empty());
  EXPECT_THAT(report_text(report, "a", "b"), testing::HasSubstr("candidate  b, 0 requests"));
}

TEST(Report, ChartsHoldEveryRequest) {
  Arm arm;
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{1}, std::int64_t{2},
                                   std::int64_t{1'000'000}, std::int64_t{9'000'000'000'000}})
    arm.output_tokens.add(value);
  const Chart chart = compare(arm, arm).charts[2];
  double sum = 0;
  for (const ChartBar& bar : chart.bars)
    sum += bar.stable;
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_EQ(chart.bars.front().upper, 1);
  EXPECT_NEAR(chart.bars.front().stable, 0.4, 1e-12);
  EXPECT_NEAR(chart.bars[1].stable, 0.2, 1e-12);
}

}  // namespace
}  // namespace sovmesh::rollout
