#include "fairness/pool_tree.h"

#include <gtest/gtest.h>

#include "fairness/options.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::fairness {
namespace {

std::vector<NodeSpec> specs() {
  return {{.level = Level::project, .name = "web", .parent = "east/aurora", .nominal = 1},
          {.level = Level::cohort, .name = "east"},
          {.name = "aurora", .parent = "east", .nominal = 2, .lending_limit = 0.5},
          {.name = "borealis", .parent = "east", .nominal = 1},
          {.name = "solo", .nominal = 3}};
}

std::string param_of(const Result<PoolTree>& tree) {
  EXPECT_THAT(tree, FailsWith(Code::config_invalid));
  return tree ? "" : tree.error().param();
}

TEST(PoolTree, PutsParentsFirstAndSumsUpWhatTheyGuarantee) {
  const auto tree = PoolTree::build(specs(), 10);
  ASSERT_THAT(tree, Succeeds());
  ASSERT_EQ(tree->nodes().size(), 6);
  for (NodeId id = 1; id < 6; ++id)
    EXPECT_LT(tree->nodes()[id].parent, id);
  const auto& east = tree->nodes()[tree->find("east").value()];
  EXPECT_DOUBLE_EQ(east.spec.nominal, 3);
  EXPECT_DOUBLE_EQ(east.lendable.value(), 0.5 + 1);
  EXPECT_DOUBLE_EQ(tree->nodes()[kPoolNode].spec.nominal, 10);
  EXPECT_FALSE(tree->nodes()[kPoolNode].lendable);  // nobody there limits lending
  EXPECT_EQ(tree->nodes()[tree->find("east/aurora/web").value()].spec.level, Level::project);
  EXPECT_FALSE(tree->find("aurora"));
}

TEST(PoolTree, SaysWhichSettingIsWrong) {
  const auto with = [](std::size_t index, auto change) {
    auto all = specs();
    change(all[index]);
    return param_of(PoolTree::build(all, 10));
  };
  EXPECT_EQ(with(2, [](NodeSpec& s) { s.name = "a/b"; }), "nodes[2].name");
  EXPECT_EQ(with(3, [](NodeSpec& s) { s.name = "aurora"; }), "nodes[3].name");
  EXPECT_EQ(with(3, [](NodeSpec& s) { s.parent = "west"; }), "nodes[3].parent");
  EXPECT_EQ(with(3, [](NodeSpec& s) { s.parent = "solo"; }), "nodes[3].parent");
  EXPECT_EQ(with(0, [](NodeSpec& s) { s.parent = "east"; }), "nodes[0].parent");
  EXPECT_EQ(with(0, [](NodeSpec& s) { s.nominal = 2.5; }), "nodes[2].nominal");
  EXPECT_EQ(with(4, [](NodeSpec& s) { s.nominal = -1; }), "nodes[4].nominal");
  EXPECT_EQ(with(4, [](NodeSpec& s) { s.nominal = 8; }), "capacity");
  EXPECT_EQ(with(4, [](NodeSpec& s) { s.weight = 0; }), "nodes[4].weight");
  EXPECT_EQ(with(4, [](NodeSpec& s) { s.borrowing_limit = -1; }), "nodes[4].borrowing_limit");
  EXPECT_EQ(with(4, [](NodeSpec& s) { s.lending_limit = 1e9; }), "nodes[4].lending_limit");
  EXPECT_EQ(with(4, [](NodeSpec& s) { s.lending_limit = 3.5; }), "nodes[4].lending_limit");
  EXPECT_EQ(with(1, [](NodeSpec& s) { s.lending_limit = 3.5; }), "nodes[1].lending_limit");
  EXPECT_EQ(with(4, [](NodeSpec& s) { s.concurrency_max = 0; }), "nodes[4].concurrency_max");
  EXPECT_EQ(with(4, [](NodeSpec& s) { s.level = Level::user; }), "nodes[4].level");
}

TEST(PoolTree, ACohortMayLendWhatItsMembersHave) {
  auto all = specs();
  all[1].lending_limit = 3;
  EXPECT_THAT(PoolTree::build(all, 10), Succeeds());
}

TEST(PoolTree, HasAtMostSixLevels) {
  std::vector<NodeSpec> deep;
  std::string parent;
  for (const char* name : {"a", "b", "c", "d"}) {
    deep.push_back({.level = Level::cohort, .name = name, .parent = parent});
    parent += parent.empty() ? name : std::string("/") + name;
  }
  deep.push_back({.name = "t", .parent = parent});
  EXPECT_THAT(PoolTree::build(deep), Succeeds());
  deep.push_back({.level = Level::project, .name = "p", .parent = parent + "/t"});
  EXPECT_EQ(param_of(PoolTree::build(deep)), "nodes[5].parent");
}

TEST(PoolTree, HasAtMostSoManyNodes) {
  const std::vector<NodeSpec> many(PoolTree::kNodesMax + 1);
  EXPECT_EQ(param_of(PoolTree::build(many)), "nodes");
}

TEST(Options, SayWhichOneIsWrong) {
  EXPECT_THAT(validate(Options{}), Succeeds());
  const auto with = [](auto change) {
    Options options;
    change(options);
    const auto valid = validate(options);
    EXPECT_THAT(valid, FailsWith(Code::config_invalid));
    return valid ? "" : valid.error().param();
  };
  EXPECT_EQ(with([](Options& o) { o.classes[0].min_share = 0.7; }), "classes");
  EXPECT_EQ(with([](Options& o) { o.classes[2].min_share = 0; }), "classes");
  EXPECT_EQ(with([](Options& o) { o.classes[1].min_share = -1; }), "classes.agent.min_share");
  EXPECT_EQ(with([](Options& o) { o.tenant_caps.requests = 0; }), "tenant_caps.requests");
  EXPECT_EQ(with([](Options& o) { o.half_life = std::chrono::seconds(1); }), "half_life");
  EXPECT_EQ(with([](Options& o) { o.window_candidates = 17; }), "window_candidates");
  EXPECT_EQ(with([](Options& o) { o.requests_max = 0; }), "requests_max");
  EXPECT_EQ(with([](Options& o) { o.reclaim_after = {}; }), "reclaim_after");
  EXPECT_EQ(with([](Options& o) { o.reclaim_after = std::chrono::hours(2); }), "reclaim_after");
  EXPECT_EQ(with([](Options& o) { o.borrower_tokens_max = 0; }), "borrower_tokens_max");
}

}  // namespace
}  // namespace sovmesh::fairness
