#include "rollout/in_force.h"

#include <gmock/gmock.h>

namespace sovmesh::rollout {
namespace {

using namespace std::chrono_literals;

TEST(Tally, CountsEachVersionUntilItIsTaken) {
  Tally tally;
  tally.add({.by_candidate = false, .first_token = 2ms, .output_tokens = 7});
  tally.add({.by_candidate = true, .failed = true});
  tally.add({.by_candidate = true, .refused = true, .per_output_token = 30ms});
  EXPECT_EQ(tally.requests().stable, 1U);
  EXPECT_EQ(tally.requests().candidate, 2U);
  const Look look = tally.take();
  EXPECT_EQ(look.stable.requests, 1U);
  EXPECT_EQ(look.stable.errors, 0U);
  EXPECT_EQ(look.stable.ttft_us.count(), 1U);
  EXPECT_EQ(look.candidate.errors, 1U);
  EXPECT_EQ(look.candidate.refusals, 1U);
  EXPECT_EQ(look.candidate.tpot_us.count(), 1U);
  EXPECT_EQ(look.candidate.output_tokens.count(), 0U);
  EXPECT_EQ(tally.take().stable.requests, 0U);
}

}  // namespace
}  // namespace sovmesh::rollout
