#include <gtest/gtest.h>

#include "routing/circuit_breaker.h"
#include "routing/latency_watch.h"
#include "routing/slow_start.h"

namespace sovmesh::routing {
namespace {

using namespace std::chrono_literals;

TEST(LatencyWatch, ASlowEndpointHasHalfTheWeightAfterThreeIntervals) {
  LatencyWatch watch;
  const auto interval = [&](double slow) {
    for (EndpointIndex e = 0; e < 5; ++e)
      for (int i = 0; i < 50; ++i)
        watch.observe(e, (e == 2 ? slow : 1) * 0.8, 8'000);
    watch.on_interval();
  };
  interval(3.5);
  interval(3.5);
  EXPECT_EQ(watch.weight(2), 1);
  interval(3.5);
  EXPECT_EQ(watch.weight(2), 0.5);
  EXPECT_EQ(watch.weight(1), 1);
  interval(2.9);
  EXPECT_EQ(watch.weight(2), 1);
  for (int i = 0; i < 3; ++i)
    interval(9);
  EXPECT_EQ(watch.weight(2), 0.5);
  watch.forget(2);
  EXPECT_EQ(watch.weight(2), 1);
}

TEST(LatencyWatch, TwoEndpointsAreNotCompared) {
  LatencyWatch watch;
  for (int i = 0; i < 5; ++i) {
    watch.observe(0, 0.1, 1'000);
    watch.observe(1, 10, 1'000);
    watch.observe(2, 10, 0);
    watch.on_interval();
  }
  EXPECT_EQ(watch.weight(1), 1);
  EXPECT_EQ(watch.weight(77), 1);
}

TEST(SlowStart, OneTrialThenARampToAll) {
  Instant now{};
  SlowStart start = SlowStart::begin();
  EXPECT_TRUE(start.on_trial());
  EXPECT_DOUBLE_EQ(start.weight(now + 1h), 0.1);
  start.on_success(now);
  EXPECT_FALSE(start.on_trial());
  EXPECT_DOUBLE_EQ(start.weight(now), 0.1);
  EXPECT_DOUBLE_EQ(start.weight(now + 15s), 0.55);
  start.on_success(now + 15s);  // only the trial counts
  EXPECT_DOUBLE_EQ(start.weight(now + 30s), 1);
  EXPECT_DOUBLE_EQ(start.weight(now + 1h), 1);
  start.restart();
  EXPECT_TRUE(start.on_trial());
  EXPECT_DOUBLE_EQ(SlowStart::full().weight(now), 1);
}

TEST(Circuit, OpensAtItsMaximumAndPermitsGiveThemselvesBack) {
  Circuit circuit(2);
  Circuit::Permit a = circuit.enter();
  {
    const Circuit::Permit b = circuit.enter();
    EXPECT_TRUE(a && b);
    EXPECT_TRUE(circuit.open());
    EXPECT_FALSE(circuit.enter());
    EXPECT_EQ(circuit.refused(), 1U);
  }
  EXPECT_EQ(circuit.in_use(), 1);
  const Circuit::Permit moved = std::move(a);
  EXPECT_EQ(circuit.in_use(), 1);
  circuit.set_max(1);
  EXPECT_FALSE(circuit.enter());
}

TEST(Circuit, AnEngineGetsAQuarterMoreThanItsSlots) {
  EXPECT_EQ(requests_max_for(8), 10);
  EXPECT_EQ(requests_max_for(1), 2);
  EXPECT_EQ(requests_max_for(256), 320);
}

}  // namespace
}  // namespace sovmesh::routing
