#include "sim/des/compare.h"

#include <gmock/gmock.h>

namespace sovmesh::des {
namespace {

using testing::HasSubstr;
using testing::Not;

Cell cell(std::string load, std::string policy, std::uint64_t seed, double goodput) {
  Cell out{.load = std::move(load), .policy = std::move(policy), .seed = seed};
  out.summary.goodput = goodput;
  return out;
}

TEST(Interval, IsStudents) {
  const Interval five = interval(std::vector{1.0, 2.0, 3.0, 4.0, 5.0});
  EXPECT_DOUBLE_EQ(five.mean, 3);
  EXPECT_NEAR(five.half, 2.776 * std::sqrt(2.5 / 5), 1e-9);
  EXPECT_EQ(interval(std::vector{4.0}).half, 0);
}

TEST(Verdicts, PairSeedsAgainstTheBestOtherPolicy) {
  const std::vector<Cell> cells = {cell("x", "ours", 1, 0.9),  cell("x", "ours", 2, 0.7),
                                   cell("x", "good", 1, 0.88), cell("x", "good", 2, 0.68),
                                   cell("x", "bad", 1, 0.1),   cell("x", "bad", 2, 0.99)};
  const auto judged = verdicts(cells, "ours");
  ASSERT_EQ(judged.size(), 1U);
  EXPECT_EQ(judged[0].best_other, "good");
  EXPECT_NEAR(judged[0].points.mean, 2, 1e-9);
  EXPECT_NEAR(judged[0].points.half, 0, 1e-9);  // the same on each seed
}

TEST(Comparison, PageNeedsNothingElseAndQuotesNames) {
  const std::vector<Cell> cells = {cell("<b>&", "ours", 1, 0.9), cell("<b>&", "other", 1, 0.5)};
  const std::string page = comparison_html(cells, "ours", std::vector<std::string>{"1 < 2"});
  EXPECT_THAT(page, HasSubstr("&lt;b&gt;&amp;"));
  EXPECT_THAT(page, HasSubstr("1 &lt; 2"));
  EXPECT_THAT(page, HasSubstr("<svg"));
  for (const char* outside : {"http", "src=", "url(", "<script", "<link", "@import", "<b>&"})
    EXPECT_THAT(page, Not(HasSubstr(outside)));
}

TEST(Comparison, CsvHasOneLineARun) {
  const std::vector<Cell> cells = {cell("x", "ours", 1, 0.9), cell("x", "ours", 2, 0.25)};
  const std::string csv = comparison_csv(cells);
  EXPECT_EQ(std::ranges::count(csv, '\n'), 3);
  EXPECT_THAT(csv, HasSubstr("x,ours,2,0,0,0,0,0,0,0.25,"));
}

TEST(Comparison, TextNamesTheDifference) {
  const std::vector<Cell> cells = {cell("x", "ours", 1, 0.9), cell("x", "other", 1, 0.5)};
  EXPECT_THAT(comparison_text(cells, "ours"), HasSubstr("+40.0"));
  EXPECT_THAT(comparison_text(cells, ""), Not(HasSubstr("against")));
}

}  // namespace
}  // namespace sovmesh::des
