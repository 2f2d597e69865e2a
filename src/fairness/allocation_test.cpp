#include <gtest/gtest.h>

#include <bitset>

#include "fairness/pool.h"
#include "tests/support/count_allocations.h"

#ifdef SM_COUNTS_ALLOCATIONS

namespace sovmesh::fairness {
namespace {

struct Everywhere : Placement {
  bool has_room() const override { return true; }
  std::optional<double> gain(const Request& request) override {
    if (request.tag % 7 != 0 || seen[request.tag]) return 1;
    seen[request.tag] = true;  // some fit only when they are tried again
    return std::nullopt;
  }
  void hold(const Request&) override {}
  std::bitset<65'536> seen;
};

TEST(Pool, TakesNoMemoryInItsSteadyState) {
  std::vector<NodeSpec> specs;
  for (int i = 0; i < 100; ++i)
    specs.push_back({.name = "t" + std::to_string(i), .nominal = i % 2 * 0.001});
  Options options;
  options.locality_window = 10'000;
  Pool pool(PoolTree::build(specs).value(), options, {});
  Everywhere everywhere;
  Instant now{};
  std::uint64_t tag = 0;
  const auto round = [&] {
    for (NodeId node = 1; node <= 100; ++node)
      for (int i = 0; i < 3; ++i)
        (void)pool.enqueue({.tag = ++tag,
                            .node = node,
                            .user = tag % 4,
                            .priority = kAllClasses[tag % kClasses],
                            .input_cost = 100,
                            .token_cost = 10,
                            .tokens_max = 10,
                            .start_by = now + std::chrono::seconds(100),
                            .target_by = tag % 5 == 0 ? now : Instant::max()},
                           now);
    for (int step = 0; step < 8; ++step) {
      while (const auto decision = pool.next(everywhere, now)) {
        pool.on_token(decision->ticket, 4, now);
        pool.on_done(decision->ticket, {.input_cost = 100, .output_tokens = 6}, now);
      }
      now += options.recheck;
    }
  };
  for (int i = 0; i < 30; ++i)
    round();
  const std::size_t before = allocations;
  for (int i = 0; i < 20; ++i)
    round();
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(pool.report().nodes[kPoolNode].waiting, 0U);
}

}  // namespace
}  // namespace sovmesh::fairness

#endif
