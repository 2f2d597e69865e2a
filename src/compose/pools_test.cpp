#include "compose/pools.h"

#include <gmock/gmock.h>

#include "config/load.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::compose {
namespace {

using testing::HasSubstr;

// Pool p of engine far, whose own settings begin in line 6.
std::vector<config::Pool> pools(const std::string& more) {
  const auto nothing = [](std::string_view) -> std::optional<std::string> { return std::nullopt; };
  const config::Loaded loaded = config::load_text(
      "engines:\n  - {name: far, kind: remote, url: \"http://e/v1\"}\n"
      "pools:\n  - name: p\n    engines: [far]\n" +
          more,
      nothing);
  EXPECT_TRUE(loaded.config) << config::to_text(loaded.findings);
  return loaded.config ? loaded.config->pools : std::vector<config::Pool>();
}

TEST(Pools, BecomeATreeOfMembers) {
  const auto made = pool_settings(
      pools("    capacity: 4\n    locality_window: 50ms\n"
            "    reclaim_after: 2s\n    borrower_tokens_max: 64\n"
            "    targets: {first_token: 3s, per_token: 40ms}\n"
            "    cohorts: [{name: east}, {name: harbour, cohort: east}]\n"
            "    members:\n"
            "      - {tenant: aurora, cohort: harbour, guaranteed: 1.5, concurrency_max: 7}\n"
            "      - {tenant: aurora, project: web, weight: 2}\n"
            "      - {tenant: borealis, project: lab}\n"));
  ASSERT_TRUE(made) << made.error().message();
  const gateway::PoolSettings& pool = made->at(0);
  EXPECT_EQ(pool.options.locality_window, 50'000);
  EXPECT_EQ(pool.options.reclaim_after, std::chrono::seconds(2));
  EXPECT_EQ(pool.options.borrower_tokens_max, 64);
  EXPECT_EQ(pool.targets, (routing::Targets{.first_token = std::chrono::seconds(3),
                                            .first_token_per_1000 = std::chrono::milliseconds(125),
                                            .per_token = std::chrono::milliseconds(40)}));
  EXPECT_EQ(pool.capacity, 4);
  const auto tree = fairness::PoolTree::build(pool.members, pool.capacity);
  ASSERT_TRUE(tree);
  const auto aurora = tree->find("east/harbour/aurora");
  ASSERT_TRUE(aurora);
  EXPECT_EQ(tree->nodes()[*aurora].spec.nominal, 1.5);
  EXPECT_EQ(tree->nodes()[*aurora].spec.concurrency_max, 7);
  EXPECT_TRUE(tree->find("east/harbour/aurora/web"));
  EXPECT_TRUE(tree->find("borealis/lab")) << "its tenant takes part, too";
}

TEST(Pools, AnErrorNamesItsLine) {
  const auto refusal = [](const std::string& more) {
    const auto made = pool_settings(pools(more));
    return made ? "none" : made.error().message();
  };
  EXPECT_THAT(refusal("    members:\n      - {tenant: aurora}\n      - {tenant: b-2, weight: 0}\n"),
              HasSubstr(":8:9: error: pool 'p': weight: "));
  EXPECT_THAT(refusal("    members:\n      - {tenant: aurora, guaranteed: 1}\n"
                      "      - {tenant: aurora, project: web, guaranteed: 2}\n"),
              HasSubstr(":7:9: error: pool 'p': guaranteed: less than what its projects"));
  EXPECT_THAT(refusal("    capacity: 1\n    members: [{tenant: aurora, guaranteed: 2}]\n"),
              HasSubstr("pool 'p': capacity: the members are guaranteed more than there is"));
  EXPECT_THAT(
      refusal("    members:\n      - {tenant: aurora, guaranteed: 1, lending_limit: 1.5}\n"),
      HasSubstr(":7:9: error: pool 'p': lending_limit: more than what is guaranteed"));
  EXPECT_THAT(refusal("    cohorts: [{name: a, cohort: b}, {name: b, cohort: a}]\n"),
              HasSubstr("pool 'p': cohort: "));
  EXPECT_THAT(refusal("    batch_share: 0\n"), HasSubstr("or it may starve"));
}

TEST(Pools, WhatTheApiAsksForIsCheckedAlike) {
  config::Pool pool =
      pools("    capacity: 1\n    members: [{tenant: aurora, guaranteed: 0.5}]\n").front();
  config::Member more;
  more.tenant = "borealis";
  more.guaranteed = {.whole = 1};
  pool.members.push_back(more);
  const auto refused = check_pool(pool);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::invalid_value);
  EXPECT_EQ(refused.error().message(),
            "pool 'p': capacity: the members are guaranteed more than there is");
  EXPECT_THAT(pool_settings({pool}).error().message(), HasSubstr(":4:")) << "the pool's place";
  pool.members.back().guaranteed = {.millionths = 500'000};
  EXPECT_TRUE(check_pool(pool));
  pool.members.back().lending_limit = Decimal{.whole = 1};
  EXPECT_EQ(check_pool(pool).error().param(), "lending_limit");
  pool.members.back().lending_limit.reset();
  pool.members.back().weight = {};
  EXPECT_EQ(check_pool(pool).error().param(), "weight");
}

}  // namespace
}  // namespace sovmesh::compose
