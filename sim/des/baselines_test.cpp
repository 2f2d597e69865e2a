#include "sim/des/baselines.h"

#include <gmock/gmock.h>

#include <set>

namespace sovmesh::des {
namespace {

using std::chrono::microseconds;

Instant at(std::int64_t us) { return Instant(microseconds(us)); }

// A pool of a few endpoints whose state the test writes down by sending and scraping.
class BaselinesTest : public testing::Test {
 protected:
  static constexpr std::int64_t kBlock = 100;

  // Another request; its number.
  RequestNumber request(std::uint32_t input, std::vector<BlockKey> chain = {}) {
    const auto begin = static_cast<std::uint32_t>(workload_.keys.size());
    workload_.keys.insert(workload_.keys.end(), chain.begin(), chain.end());
    workload_.arrivals.push_back({.input_tokens = input,
                                  .chain_begin = begin,
                                  .chain_size = static_cast<std::uint32_t>(chain.size())});
    return static_cast<RequestNumber>(workload_.arrivals.size() - 1);
  }
  // After all requests are written down.
  void use(std::string_view name, std::size_t endpoints = 3) {
    spec_.block_tokens = kBlock;
    engines_.assign(endpoints, EngineModel(spec_));
    pool_.emplace(
        PoolContext{.workload = workload_, .engine = spec_, .engines = engines_, .seed = 1});
    chooser_ = make_anchor(name, *pool_);
    ASSERT_NE(chooser_, nullptr);
  }
  EndpointNumber choose(RequestNumber request) { return *chooser_->choose(request, at(0)); }
  // Makes endpoint `to` busy with `request`, whatever the rule would have said.
  void force(RequestNumber request, EndpointNumber to) {
    for (EndpointNumber e = 0; e < engines_.size(); ++e)
      chooser_->on_health(e, e == to);
    ASSERT_EQ(choose(request), to);
    for (EndpointNumber e = 0; e < engines_.size(); ++e)
      chooser_->on_health(e, true);
  }
  void scrape(EndpointNumber endpoint, const EngineReport& report) {
    chooser_->on_scrape(endpoint, report, at(0), at(0));
  }

  Workload workload_{.block_tokens = kBlock};
  EngineSpec spec_;
  std::vector<EngineModel> engines_;
  std::optional<PoolContext> pool_;
  std::unique_ptr<Chooser> chooser_;
};

TEST_F(BaselinesTest, RoundRobinTakesTurns) {
  for (int i = 0; i < 6; ++i)
    request(100);
  use("round-robin");
  std::multiset<EndpointNumber> chosen;
  for (RequestNumber i = 0; i < 6; ++i)
    chosen.insert(choose(i));
  EXPECT_EQ(chosen, (std::multiset<EndpointNumber>{0, 0, 1, 1, 2, 2}));
}

TEST_F(BaselinesTest, LeastInFlightCountsRequestsAndForgetsThoseThatAreDone) {
  const auto a = request(9'000), b = request(10), c = request(10), d = request(10);
  use("least-in-flight");
  force(a, 0);
  force(b, 1);
  EXPECT_EQ(choose(c), 2);
  chooser_->on_done(a, false, at(1));
  EXPECT_EQ(choose(d), 0);
}

TEST_F(BaselinesTest, LlmDAddsItsThreeScoresFromScrapes) {
  const auto warm = request(400, {1, 2, 3, 4}), again = request(400, {1, 2, 3, 4}),
             half = request(400, {1, 2, 8, 9});
  use("llm-d");
  force(warm, 0);
  // 0: prefix 3 x 1 + queue 2 x 0 + kv 2 x 0.5 = 4; 1: 2 + 2 = 4 less a little.
  scrape(0, {.waiting = 4, .kv_used = 0.5});
  scrape(1, {.waiting = 0, .kv_used = 0.01});
  scrape(2, {.waiting = 4, .kv_used = 0});
  EXPECT_EQ(choose(again), 0);
  // Half of the prefix is 1.5 of 3: 1 wins.
  EXPECT_EQ(choose(half), 1);
}

TEST_F(BaselinesTest, LlmDInFlightSeesWhatNoScrapeHasShownYet) {
  const auto a = request(100), b = request(100), c = request(100);
  use("llm-d-in-flight", 2);
  force(a, 0);
  EXPECT_EQ(choose(b), 1);
  use("llm-d", 2);
  for (int i = 0; i < 20; ++i) {  // by scrapes alone nothing has changed: it may herd
    force(a, 0);
    chooser_->on_done(a, false, at(0));
  }
  scrape(0, {.waiting = 0});
  scrape(1, {.waiting = 1});
  EXPECT_EQ(choose(c), 0);
}

TEST_F(BaselinesTest, PrefixAffinityStaysUntilTheWaitIsTooLong) {
  const auto warm = request(500, {1, 2, 3, 4, 5}), again = request(500, {1, 2, 3, 4, 9}),
             little = request(500, {1, 2, 3, 8, 9}), huge = request(400'000),
             last = request(500, {1, 2, 3, 4, 7});
  use("prefix-affinity", 2);
  force(warm, 0);
  EXPECT_EQ(choose(again), 0);   // 80 %
  EXPECT_EQ(choose(little), 1);  // 60 %: by load
  force(huge, 0);                // 400,000 / 15,928 = 25 s
  EXPECT_EQ(choose(last), 1);
}

TEST_F(BaselinesTest, CacheAwareFollowsTheLastHolderUnlessOutOfBalance) {
  const auto warm = request(400, {1, 2, 3, 4}), other = request(400, {1, 2, 3, 5}),
             more = request(400, {1, 2, 3, 6}), miss = request(400, {7, 8, 9, 10});
  std::vector<RequestNumber> crowd;
  for (int i = 0; i < 40; ++i)
    crowd.push_back(request(10, {}));
  use("cache-aware");
  force(warm, 1);
  EXPECT_EQ(choose(other), 1);  // 75 % of the prompt
  EXPECT_NE(choose(miss), 1);   // least load
  for (const RequestNumber each : crowd)
    force(each, 1);
  EXPECT_NE(choose(more), 1);  // 42 against 1
}

TEST_F(BaselinesTest, LeastLoadTurnsTokensIntoTimeAndMindsTheCache) {
  const auto a = request(10), b = request(10), c = request(100'000), d = request(10);
  use("least-load", 2);
  scrape(0, {.queued_tokens = 12'000});  // a second
  scrape(1, {.kv_used = 0.8});           // 0.6 s
  EXPECT_EQ(choose(a), 1);
  scrape(1, {.kv_used = 0.9});  // 1.35 s
  EXPECT_EQ(choose(b), 0);
  force(c, 0);  // counts before any scrape shows it
  EXPECT_EQ(choose(d), 1);
}

TEST_F(BaselinesTest, DynamoAddsPrefillAndDecodeBlocks) {
  const auto warm = request(1'000, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  const auto again = request(1'000, {1, 2, 3, 4, 5, 6, 7, 8, 9, 11});
  const auto other = request(1'000, {21, 22, 23, 24, 25, 26, 27, 28, 29, 30});
  use("dynamo", 2);
  force(warm, 0);
  chooser_->on_first_token(warm, at(1));
  // 0: 1 block to compute, 20 held; 1: 10 to compute, 10 held.
  EXPECT_EQ(choose(again), 1);
  use("dynamo", 2);
  force(warm, 0);
  chooser_->on_done(warm, false, at(1));
  EXPECT_EQ(choose(again), 0);  // 1 + 10 against 10 + 10
  EXPECT_EQ(choose(other), 1);
}

TEST_F(BaselinesTest, LmetricMultipliesPrefillByRunningRequests) {
  const auto warm = request(1'000, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  const auto again = request(1'000, {1, 2, 3, 4, 5, 6, 7, 8, 9, 11});
  use("lmetric", 2);
  force(warm, 0);
  chooser_->on_first_token(warm, at(1));
  EXPECT_EQ(choose(again), 0);  // 100 x 2 against 1,000 x 1
}

TEST_F(BaselinesTest, NobodyIsSentToAnEndpointThatIsDown) {
  std::vector<std::string> names = anchor_names();
  for (int i = 0; i < 8; ++i)
    request(300, {1, 2, 3});
  for (const std::string& name : names) {
    use(name);
    choose(0);
    chooser_->on_health(1, false);
    for (RequestNumber i = 1; i < 8; ++i)
      EXPECT_NE(choose(i), 1) << name;
  }
}

}  // namespace
}  // namespace sovmesh::des
