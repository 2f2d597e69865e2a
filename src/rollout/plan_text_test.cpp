#include "rollout/plan_text.h"

#include <gmock/gmock.h>

namespace sovmesh::rollout {
namespace {

using namespace std::chrono_literals;

TEST(PlanText, StepsReadAsTheyAreWritten) {
  const auto step = parse_step("12.5%:10m");
  ASSERT_TRUE(step) << step.error().message();
  EXPECT_EQ(step->share, 1'250);
  EXPECT_EQ(step->hold, 600s);
  EXPECT_EQ(to_text(*step), "12.5%:600s");
}

TEST(PlanText, GatesReadAsTheyAreWritten) {
  for (const std::string text :
       {"error_rate:1%", "refusal_rate:0.05%:5%", "ttft:41%", "tpot:0%:p99.5<200ms"}) {
    const auto gate = parse_gate(text);
    ASSERT_TRUE(gate) << text;
    EXPECT_EQ(to_text(*gate), text);
  }
  EXPECT_EQ(parse_gate("error_rate:1%:5%")->objective->rate_max, 500);
  EXPECT_EQ(parse_gate("ttft:41%:p95<2s")->objective->time_max, 2s);
  EXPECT_EQ(parse_gate("ttft:41%")->tolerance, 41);
}

TEST(PlanText, AnythingElseIsAnError) {
  for (const std::string_view text :
       {"", "5%", "5:10m", "x%:10m", "5%:1", "5%:10m:", "1.234%:10m", "5%:1ms", "999999%:1m"})
    EXPECT_FALSE(parse_step(text)) << text;
  for (const std::string_view text : {"", "errors:1%", "error_rate", "error_rate:1", "ttft:1%:5%",
                                      "ttft:1%:p95", "ttft:1%:p95<", "error_rate:1%:p95<2s"})
    EXPECT_FALSE(parse_gate(text)) << text;
}

}  // namespace
}  // namespace sovmesh::rollout
