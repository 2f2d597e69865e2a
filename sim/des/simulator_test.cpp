#include "sim/des/simulator.h"

#include <gmock/gmock.h>

#include "sim/des/compare.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::des {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

PolicyName policy(std::string_view name) { return *parse_policy(name); }

std::vector<std::string> all_policies() {
  std::vector<std::string> names = anchor_names();
  for (const char* each : {"ours", "ect", "ect+rr", "ect+vtc", "least-load+fair"})
    names.emplace_back(each);
  return names;
}

// Every figure of a run, as bytes.
std::string figures(const Workload& workload, const SimulatorOptions& options,
                    std::string_view name, std::uint64_t seed) {
  auto summary = simulate(workload, options, policy(name), seed);
  EXPECT_THAT(summary, Succeeds());
  const std::string tenants = tenants_csv(*summary);
  return comparison_csv(std::vector{Cell{.load = "x",
                                         .policy = std::string(name),
                                         .seed = seed,
                                         .summary = std::move(*summary)}}) +
         tenants;
}

SimulatorOptions small_pool() { return {.endpoints = 3}; }

TEST(Simulator, OneRequestTakesWhatItsStepsTake) {
  const Workload one{.arrivals = {{.at = seconds(1), .input_tokens = 1'200, .output_tokens = 3}}};
  SimulatorOptions options{.endpoints = 1};
  options.engine.context_scale = 1e18;
  options.engine.context_us = 0;
  const auto summary = simulate(one, options, policy("round-robin"), 1);
  ASSERT_THAT(summary, Succeeds());
  EXPECT_EQ(summary->completed, 1U);
  EXPECT_NEAR(summary->first.p50, 1'200 * 83.3e-6, 1e-5);
  EXPECT_NEAR(summary->per_output.p50, 14'060e-6, 1e-6);
  EXPECT_EQ(summary->goodput, 1);
}

TEST(Simulator, TheSameSeedGivesTheSameBytesAndAnotherOneDoesNot) {
  const Workload load = shared_prefix({.rate = 12, .length = seconds(40)}, 7);
  for (const std::string& name : all_policies()) {
    const std::string once = figures(load, small_pool(), name, 1);
    EXPECT_EQ(once, figures(load, small_pool(), name, 1)) << name;
  }
  EXPECT_NE(figures(load, small_pool(), "least-in-flight", 1),
            figures(load, small_pool(), "least-in-flight", 2));
}

TEST(Simulator, EveryPolicySettlesEveryRequest) {
  const Workload load = multi_turn({.rate = 1, .length = seconds(60), .turns = 3}, 3);
  for (const std::string& name : all_policies()) {
    const auto summary = simulate(load, small_pool(), policy(name), 1);
    ASSERT_THAT(summary, Succeeds()) << name;
    EXPECT_EQ(summary->completed, load.arrivals.size()) << name;
    EXPECT_GE(summary->decisions, load.arrivals.size()) << name;
  }
}

TEST(Simulator, AffinityFindsWhatChanceDoesNot) {
  const Workload load = multi_turn({.rate = 1, .length = seconds(120)}, 3);
  const auto chance = simulate(load, small_pool(), policy("round-robin"), 1);
  const auto ours = simulate(load, small_pool(), policy("ours"), 1);
  EXPECT_GT(ours->hit_rate, chance->hit_rate + 0.2);
}

TEST(Simulator, ACrashIsRetriedBeforeTheFirstTokenAndSeenAfterIt) {
  const Workload load = bursts({.rate = 6, .factor = 1, .length = seconds(60)}, 5);
  SimulatorOptions options = small_pool();
  options.faults = {*parse_fault("crash:1:20:15")};
  for (const char* name : {"least-in-flight", "ours"}) {
    const auto summary = simulate(load, options, policy(name), 1);
    EXPECT_GT(summary->failed, 0U) << name;
    EXPECT_LT(summary->failed, 40U) << name;
    EXPECT_EQ(summary->completed + summary->failed, load.arrivals.size()) << name;
    EXPECT_GT(summary->wasted_tokens, 0) << name;
  }
}

TEST(Simulator, ASlowEngineGetsLessWork) {
  const Workload load = bursts({.rate = 10, .factor = 1, .length = seconds(60)}, 5);
  SimulatorOptions options = small_pool();
  options.faults = {*parse_fault("slow:0:0:60:0.3")};
  const auto blind = simulate(load, options, policy("round-robin"), 1);
  const auto ours = simulate(load, options, policy("ours"), 1);
  EXPECT_LT(ours->first.p99, blind->first.p99);
}

TEST(Simulator, ClientsWhoLeaveAreNotJudgedAndTheirTokensAreWasted) {
  const Workload load =
      attack({.attack = Attack::aborts, .requests = 50, .length = seconds(60)}, 1);
  const auto summary = simulate(load, small_pool(), policy("ours"), 1);
  EXPECT_GE(summary->left, 45U);
  EXPECT_GT(summary->wasted_tokens, 1'000);
  EXPECT_EQ(summary->completed + summary->left, load.arrivals.size());
}

// The queue's promise, measured from outside: while both wait, nobody's lead changes by more than
// 2 (U + Q). And the orders that promise nothing do worse: a check that finds nothing must be able
// to find something.
TEST(Simulator, ServiceGapStaysWithinTheBoundAndOnlyThere) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Workload load = attack(
        {.attack = Attack::flood, .requests = 600, .length = seconds(100), .polite_rate = 2}, seed);
    SimulatorOptions options{.endpoints = 1};
    const auto ours = simulate(load, options, policy("ours"), seed);
    ASSERT_TRUE(ours->bound);
    EXPECT_LE(ours->gap_gpu_s * 1e6, 2 * (ours->bound->u_us + ours->bound->q_us));
    const auto fcfs = simulate(load, options, policy("ect"), seed);
    EXPECT_GT(fcfs->gap_gpu_s, 3 * ours->gap_gpu_s) << seed;
  }
}

TEST(Simulator, SharesDivideAFullPool) {
  Workload load{.tenants = {"a", "b"}};
  for (int i = 0; i < 2'000; ++i)
    load.arrivals.push_back(
        {.tenant = static_cast<std::uint32_t>(i % 2), .input_tokens = 2'000, .output_tokens = 100});
  SimulatorOptions options{.endpoints = 1, .drain_max = seconds(60)};
  options.shares.tenants = {{.tenant = "a", .weight = 3}};
  const auto summary = simulate(load, options, policy("ours"), 1);
  ASSERT_THAT(summary, Succeeds());
  ASSERT_GT(summary->unfinished, 500U);  // both have waited all the time
  EXPECT_NEAR(summary->tenants[0].gpu_s / summary->tenants[1].gpu_s, 3, 0.15);
}

TEST(Simulator, ProgressEndsAtTheEnd) {
  const Workload load = bursts({.rate = 5, .length = seconds(60)}, 1);
  double last = 0;
  (void)simulate(load, small_pool(), policy("lmetric"), 1, [&](double done) {
    EXPECT_GE(done, last);
    last = done;
  });
  EXPECT_NEAR(last, 1, 0.02);
}

TEST(Simulator, RefusesWhatItCannotDo) {
  const Workload load = bursts({.rate = 1, .length = seconds(10)}, 1);
  EXPECT_THAT(simulate({}, small_pool(), policy("ours"), 1), FailsWith(Code::invalid_value));
  EXPECT_THAT(simulate(load, {.endpoints = 0}, policy("ours"), 1), FailsWith(Code::invalid_value));
  SimulatorOptions far = small_pool();
  far.faults = {*parse_fault("crash:9:1:1")};
  EXPECT_THAT(simulate(load, far, policy("ours"), 1), FailsWith(Code::invalid_value));
  SimulatorOptions broken = small_pool();
  broken.engine.chunk_tokens = 0;
  EXPECT_THAT(simulate(load, broken, policy("ours"), 1), FailsWith(Code::invalid_value));
}

TEST(ParseFault, SaysWhatItWants) {
  EXPECT_EQ(parse_fault("slow:3:60:30:0.25")->speed, 0.25);
  EXPECT_EQ(parse_fault("stale:3:60:30")->kind, Fault::Kind::stale);
  for (const char* bad : {"", "crash", "crash:1:2", "crash:1:2:3:4", "melt:1:2:3", "slow:1:2:0",
                          "slow:-1:2:3", "slow:1:2:3:0", "slow:1:2:3:1:1", "slow:x:2:3"})
    EXPECT_THAT(parse_fault(bad), FailsWith(Code::invalid_value)) << bad;
}

TEST(ParsePolicy, NamesAreCheckedAndNearOnesOffered) {
  EXPECT_EQ(policy("ours").text(), "ours");
  EXPECT_EQ(policy("ect+fcfs").text(), "ect");
  EXPECT_EQ(policy("lmetric+rr").text(), "lmetric+rr");
  EXPECT_THAT(parse_policy("lmetrik").error().message(), HasSubstr("did you mean \"lmetric\""));
  EXPECT_THAT(parse_policy("nothing"), FailsWith(Code::invalid_value));
  EXPECT_THAT(parse_policy("ours+fcfs"), FailsWith(Code::invalid_value));
  EXPECT_THAT(parse_policy("ect+lifo"), FailsWith(Code::invalid_value));
}

}  // namespace
}  // namespace sovmesh::des
