#include "sim/des/metrics.h"

#include <gmock/gmock.h>

namespace sovmesh::des {
namespace {

using std::chrono::seconds;

Instant at(std::int64_t s) { return Instant(seconds(s)); }

TEST(Quantiles, AreTheNearestRank) {
  std::vector<float> values;
  for (int i = 100; i > 0; --i)
    values.push_back(static_cast<float>(i));
  const Quantiles q = quantiles(values);
  EXPECT_EQ(q.p50, 50);
  EXPECT_EQ(q.p90, 90);
  EXPECT_EQ(q.p99, 99);
  std::vector<float> one{7};
  EXPECT_EQ(quantiles(one).p99, 7);
  std::vector<float> none;
  EXPECT_EQ(quantiles(none).p50, 0);
}

TEST(Slo, AllowsLongPromptsMoreTime) {
  const Slo slo;
  EXPECT_TRUE(slo.met(1.9, 0.05, 0));
  EXPECT_FALSE(slo.met(2.1, 0.05, 0));
  EXPECT_TRUE(slo.met(2.9, 0.05, 8'000));
  EXPECT_FALSE(slo.met(2.9, 0.06, 8'000));
}

TEST(ServiceWatch, MeasuresTheGapOnlyWhileBothWait) {
  ServiceWatch watch(2, {1, 1});
  watch.on_wait(0, at(0));
  watch.on_service(0, 500);  // alone: no gap
  EXPECT_EQ(watch.gap_us(), 0);
  watch.on_wait(1, at(1));
  watch.on_service(0, 300);
  watch.on_service(1, 100);
  EXPECT_EQ(watch.gap_us(), 300);
  watch.on_service(1, 400);
  EXPECT_EQ(watch.gap_us(), 500);  // from 300 ahead to 200 behind
  watch.on_sent(0, at(2));
  watch.on_service(1, 9'000);
  EXPECT_EQ(watch.gap_us(), 500);
}

TEST(ServiceWatch, DividesByWeight) {
  ServiceWatch watch(2, {3, 1});
  watch.on_wait(0, at(0));
  watch.on_wait(1, at(0));
  watch.on_service(0, 300);
  watch.on_service(1, 100);
  EXPECT_EQ(watch.gap_us(), 100);
}

TEST(ServiceWatch, StarvationIsTheLongestTimeWithoutAnythingSent) {
  ServiceWatch watch(1, {});
  watch.on_wait(0, at(0));
  watch.on_wait(0, at(1));
  watch.on_wait(0, at(2));
  watch.on_sent(0, at(5));
  watch.on_sent(0, at(14));
  watch.on_left_queue(0, at(15));
  EXPECT_EQ(watch.starved_s(0), 9);
}

TEST(Summarise, CountsEachRequestOnceAndJudgesThoseWhoStayed) {
  Workload workload{.arrivals = std::vector<Arrival>(5, Arrival{.input_tokens = 100}),
                    .tenants = {"a"}};
  std::vector<Record> records(5);
  records[0] = {.wait = 0, .first = 1, .last = 2, .output = 51};  // good: 20 ms a token
  records[1] = {.wait = 0, .first = 3, .last = 4, .output = 51};  // late
  records[2] = {.refused = true};
  records[3] = {.first = 1, .last = 2, .output = 30, .left = true};  // not judged
  records[4] = {.first = 1, .output = 7, .failed = true};
  const Summary s =
      summarise(workload, records, {EngineModel(EngineSpec{})}, ServiceWatch(1, {}), Slo{});
  EXPECT_EQ(s.requests, 5U);
  EXPECT_EQ(s.completed, 2U);
  EXPECT_EQ(s.refused, 1U);
  EXPECT_EQ(s.left, 1U);
  EXPECT_EQ(s.failed, 1U);
  EXPECT_DOUBLE_EQ(s.goodput, 0.25);
  EXPECT_EQ(s.wasted_tokens, 37);
}

}  // namespace
}  // namespace sovmesh::des
