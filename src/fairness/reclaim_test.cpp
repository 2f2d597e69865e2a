#include <gtest/gtest.h>

#include <cstdio>
#include <set>

#include "fairness/simulated_pool.h"

// Borrowers give way to those who are guaranteed what they run on.
namespace sovmesh::fairness {
namespace {

PoolTree tree(std::vector<NodeSpec> specs, std::optional<double> capacity = {}) {
  return PoolTree::build(specs, capacity).value();
}

Job batch_of(NodeId node, std::int32_t tokens) {
  Job job = job_of(node, milliseconds(10), tokens);
  job.request.priority = PriorityClass::batch;
  job.request.leeway = Leeway::again;
  return job;
}

Job stream_of(NodeId node, std::int32_t tokens) {
  Job job = job_of(node, milliseconds(10), tokens);
  job.request.leeway = Leeway::cut;
  return job;
}

constexpr std::int32_t kMinute = 60'000;  // tokens, of a millisecond each

// Everything by hand: `free` places, all alike but for kinds. A request of kind 2 fits only where
// one of kind 2 ran.
class ReclaimTest : public testing::Test, public Placement {
 protected:
  void start(PoolTree its) { pool_.emplace(std::move(its), options_, now_); }
  Ticket ask(const Job& job, std::uint64_t tag) {
    Request request = job.request;
    request.tag = tag;
    kinds_[tag] = request.kind;
    return pool_->enqueue(request, now_).value().ticket;
  }
  std::vector<std::uint64_t> begin() {
    std::vector<std::uint64_t> tags;
    while (const auto decision = pool_->next(*this, now_)) {
      --free_[decision->request.kind];
      running_[decision->request.tag] = decision->ticket;
      tags.push_back(decision->request.tag);
    }
    return tags;
  }
  std::vector<std::uint64_t> named() {
    std::array<Reclaim, 8> given;
    const std::size_t n = pool_->reclaim(*this, given, now_);
    std::vector<std::uint64_t> tags;
    for (std::size_t i = 0; i < n; ++i) {
      tags.push_back(given[i].tag);
      last_ = given[i];
    }
    return tags;
  }
  void end(std::uint64_t tag) {
    pool_->on_done(running_.at(tag), {.input_cost = 10'000, .output_tokens = 10}, now_);
    ++free_[kinds_[tag]];
    running_.erase(tag);
  }
  bool give_way(std::uint64_t tag) { return pool_->give_way(running_.at(tag), now_); }
  bool wait_again(std::uint64_t tag, Instant start_by = Instant::max()) {
    const Again again{.used = {.input_cost = 10'000, .output_tokens = 500},
                      .kind = kinds_[tag],
                      .start_by = start_by};
    if (!pool_->requeue(running_.at(tag), again, now_)) return false;
    ++free_[kinds_[tag]];
    running_.erase(tag);
    return true;
  }
  // Two batch requests of tenant 2 have it all when tenant 1, who is guaranteed it, comes.
  void lend_all() {
    start(tree({{.name = "owner", .nominal = 2}, {.name = "borrower"}}));
    free_[0] = 2;
    for (const std::uint64_t tag : {1U, 2U}) {
      ask(batch_of(2, kMinute), tag);
      EXPECT_EQ(begin().size(), 1);
    }
    now_ += seconds(5);
  }

  bool has_room() const override {
    return std::ranges::any_of(free_, [](const auto& kind) { return kind.second > 0; });
  }
  std::optional<double> gain(const Request& request) override {
    return free_[request.kind] > 0 ? std::optional<double>(0) : std::nullopt;
  }
  void hold(const Request&) override {}
  bool makes_room(Ticket running, const Request& claimant) const override {
    const auto its =
        std::ranges::find_if(running_, [&](const auto& one) { return one.second == running; });
    return its != running_.end() && kinds_.at(its->first) == claimant.kind;
  }

  Options options_;
  std::optional<Pool> pool_;
  Instant now_{};
  std::map<std::uint64_t, int> free_;  // by kind
  std::map<std::uint64_t, Ticket> running_;
  std::map<std::uint64_t, std::uint64_t> kinds_;
  Reclaim last_;
};

TEST_F(ReclaimTest, NamesOneBorrowerForOneWhoWaitsTheNewestFirst) {
  lend_all();
  ask(stream_of(1, 100), 10);
  EXPECT_TRUE(begin().empty());
  EXPECT_TRUE(named().empty()) << "not yet";
  EXPECT_EQ(pool_->next_wake(), now_ + options_.reclaim_after);
  now_ += options_.reclaim_after;
  EXPECT_EQ(named(), std::vector<std::uint64_t>{2});
  EXPECT_EQ(last_.leeway, Leeway::again);
  for (int i = 0; i < 20; ++i) {
    now_ += options_.reclaim_after / 4;
    EXPECT_TRUE(begin().empty());
    EXPECT_TRUE(named().empty()) << "one place is wanted";
  }
  ASSERT_TRUE(give_way(2));
  ASSERT_TRUE(wait_again(2));
  EXPECT_EQ(begin(), std::vector<std::uint64_t>{10});
  EXPECT_TRUE(begin().empty());
  EXPECT_TRUE(named().empty());
}

TEST_F(ReclaimTest, WhatGaveWayOnceIsLeftAloneFromThenOn) {
  lend_all();
  ask(stream_of(1, 100), 10);
  now_ += options_.reclaim_after;
  ASSERT_EQ(named(), std::vector<std::uint64_t>{2});
  ASSERT_TRUE(give_way(2));
  ASSERT_TRUE(wait_again(2));
  ASSERT_EQ(begin(), std::vector<std::uint64_t>{10});
  end(10);
  ASSERT_EQ(begin(), std::vector<std::uint64_t>{2});
  for (std::uint64_t tag = 20; tag < 24; ++tag)
    ask(stream_of(1, 100), tag);
  now_ += options_.reclaim_after;
  EXPECT_EQ(named(), std::vector<std::uint64_t>{1}) << "the other one";
  now_ += seconds(60);
  EXPECT_TRUE(named().empty());
  EXPECT_FALSE(give_way(2));
  EXPECT_FALSE(wait_again(2)) << "not named";
}

TEST_F(ReclaimTest, ItIsWithdrawnWhenTheOneWhoWaitsLeaves) {
  lend_all();
  const Ticket claimant = ask(stream_of(1, 100), 10);
  now_ += options_.reclaim_after;
  ASSERT_EQ(named(), std::vector<std::uint64_t>{2});
  EXPECT_TRUE(pool_->cancel(claimant, now_));
  EXPECT_FALSE(give_way(2));
  EXPECT_FALSE(wait_again(2));
  EXPECT_EQ(pool_->report().gave_way_total[static_cast<std::size_t>(Leeway::again)], 0U);
}

TEST_F(ReclaimTest, ItIsWithdrawnWhenThePlaceCameFreeOtherwise) {
  lend_all();
  ask(stream_of(1, 100), 10);
  now_ += options_.reclaim_after;
  ASSERT_EQ(named(), std::vector<std::uint64_t>{2});
  end(1);
  EXPECT_EQ(begin(), std::vector<std::uint64_t>{10});
  EXPECT_FALSE(give_way(2));
  // The next one who waits may have it then.
  ask(stream_of(1, 100), 11);
  now_ += options_.reclaim_after;
  EXPECT_EQ(named(), std::vector<std::uint64_t>{2});
  EXPECT_TRUE(give_way(2));
}

TEST_F(ReclaimTest, WhenTheNamedOneEndsAndAnotherTakesItsPlaceTheNextIsNamedAtOnce) {
  lend_all();
  ask(stream_of(1, 100), 10);
  now_ += options_.reclaim_after;
  ASSERT_EQ(named(), std::vector<std::uint64_t>{2});
  end(2);
  free_[0] = 0;  // an engine that went away with it
  EXPECT_TRUE(begin().empty());
  EXPECT_EQ(named(), std::vector<std::uint64_t>{1});
}

// Whose place came free is not who was named for the one that got it.
TEST_F(ReclaimTest, WhoIsLeftWaitingHasWhoeverIsLeftToGiveWay) {
  lend_all();
  ask(stream_of(1, 100), 10);
  ask(stream_of(1, 100), 11);
  now_ += options_.reclaim_after;
  ASSERT_EQ(named(), (std::vector<std::uint64_t>{2, 1}));
  end(1);
  EXPECT_EQ(begin(), std::vector<std::uint64_t>{10});
  EXPECT_TRUE(named().empty()) << "somebody is, already";
  EXPECT_TRUE(give_way(2));
}

TEST_F(ReclaimTest, NoMoreGiveWayThanTheTenantStillLacks) {
  start(tree({{.name = "owner", .nominal = 2}, {.name = "borrower"}}, 4));
  free_[0] = 4;
  for (std::uint64_t tag = 1; tag <= 4; ++tag)
    ask(batch_of(2, kMinute), tag);
  ASSERT_EQ(begin().size(), 4);
  for (std::uint64_t tag = 10; tag <= 13; ++tag)
    ask(stream_of(1, kMinute), tag);
  now_ += options_.reclaim_after;
  ASSERT_EQ(named(), (std::vector<std::uint64_t>{4, 3}));
  end(1);
  EXPECT_EQ(begin(), std::vector<std::uint64_t>{10});
  EXPECT_TRUE(give_way(3));
  EXPECT_FALSE(give_way(4)) << "it has one, and one comes";
  ASSERT_TRUE(wait_again(3));
  EXPECT_EQ(begin(), std::vector<std::uint64_t>{11});
  now_ += seconds(10);
  EXPECT_TRUE(named().empty());
}

TEST_F(ReclaimTest, APlaceThatComesCountsForWhoeverStillWaits) {
  lend_all();
  ask(stream_of(1, kMinute), 10);
  ask(stream_of(1, kMinute), 11);
  now_ += options_.reclaim_after;
  ASSERT_EQ(named(), (std::vector<std::uint64_t>{2, 1}));
  ASSERT_TRUE(give_way(2)) << "for the first one, which now gets another place";
  free_[0] = 1;
  ASSERT_EQ(begin(), std::vector<std::uint64_t>{10});
  EXPECT_FALSE(give_way(1)) << "the other one gets that of 2";
  ASSERT_TRUE(wait_again(2));
  EXPECT_EQ(begin(), std::vector<std::uint64_t>{11});
}

TEST_F(ReclaimTest, BothClaimsThatLeaveTakeTheirNamesBack) {
  lend_all();
  const Ticket first = ask(stream_of(1, 100), 10);
  const Ticket second = ask(stream_of(1, 100), 11);
  now_ += options_.reclaim_after;
  EXPECT_EQ(named(), (std::vector<std::uint64_t>{2, 1}));
  ASSERT_TRUE(give_way(2)) << "it has said so, and goes";
  EXPECT_TRUE(pool_->cancel(first, now_));
  EXPECT_TRUE(pool_->cancel(second, now_));
  EXPECT_FALSE(give_way(1));
  ASSERT_TRUE(wait_again(2));
  EXPECT_EQ(begin(), std::vector<std::uint64_t>{2}) << "nobody else wants it";
}

TEST_F(ReclaimTest, OnlyThePlacesThatATenantLacksAreTaken) {
  start(tree({{.name = "owner", .nominal = 1}, {.name = "borrower"}}, 4));
  free_[0] = 4;
  for (std::uint64_t tag = 1; tag <= 4; ++tag)
    ask(batch_of(2, kMinute), tag);
  ASSERT_EQ(begin().size(), 4);
  for (std::uint64_t tag = 10; tag < 20; ++tag)
    ask(stream_of(1, kMinute), tag);
  now_ += options_.reclaim_after;
  EXPECT_EQ(named(), std::vector<std::uint64_t>{4}) << "one of four is guaranteed";
  ASSERT_TRUE(give_way(4) && wait_again(4));
  EXPECT_EQ(begin(), std::vector<std::uint64_t>{10});
  for (int i = 0; i < 10; ++i) {
    now_ += options_.reclaim_after;
    EXPECT_TRUE(begin().empty());
    EXPECT_TRUE(named().empty());
  }
}

TEST_F(ReclaimTest, EachWhoWaitsIsHelpedWhenItHasWaitedLongEnough) {
  lend_all();
  ask(stream_of(1, 100), 10);
  now_ += options_.reclaim_after / 2;
  ask(stream_of(1, 100), 11);
  now_ += options_.reclaim_after / 2;
  EXPECT_EQ(named(), std::vector<std::uint64_t>{2});
  EXPECT_EQ(pool_->next_wake(), now_ + options_.reclaim_after / 2);
  now_ += options_.reclaim_after / 2;
  EXPECT_EQ(named(), std::vector<std::uint64_t>{1});
}

TEST_F(ReclaimTest, NobodyIsMadeToLackItsOwnPart) {
  start(tree({{.name = "owner", .nominal = 2}, {.name = "other", .nominal = 2}}));
  free_[0] = 4;
  for (std::uint64_t tag = 1; tag <= 4; ++tag)
    ask(batch_of(2, kMinute), tag);
  ASSERT_EQ(begin().size(), 4);
  for (std::uint64_t tag = 10; tag < 16; ++tag)
    ask(stream_of(1, kMinute), tag);
  now_ += options_.reclaim_after;
  EXPECT_EQ(named().size(), 2);
  now_ += options_.reclaim_after;
  EXPECT_TRUE(named().empty());
}

TEST_F(ReclaimTest, WhoWaitsForOneKindOfRoomHasNoUseForAnother) {
  start(tree({{.name = "owner", .nominal = 2}, {.name = "borrower"}}));
  free_[1] = free_[2] = 1;
  Job one = batch_of(2, kMinute);
  one.request.kind = 1;
  Job two = batch_of(2, kMinute);
  two.request.kind = 2;
  ask(one, 1);
  ask(two, 2);
  ASSERT_EQ(begin().size(), 2);
  Job wanted = stream_of(1, 100);
  wanted.request.kind = 1;
  ask(wanted, 10);
  ask(wanted, 11);
  now_ += options_.reclaim_after;
  EXPECT_EQ(named(), std::vector<std::uint64_t>{1});
  now_ += seconds(10);
  EXPECT_TRUE(named().empty());
}

TEST_F(ReclaimTest, WhoHasRoomWaitsForNothingOfAnybody) {
  lend_all();
  free_[0] = 1;  // it is tried again in a moment
  ask(stream_of(1, 100), 10);
  now_ += options_.reclaim_after;
  EXPECT_TRUE(named().empty());
}

TEST_F(ReclaimTest, WhoIsHeldUpByALimitOfItsOwnTakesNothing) {
  start(tree({{.name = "owner", .nominal = 3, .concurrency_max = 1}, {.name = "borrower"}}));
  free_[0] = 3;
  ask(stream_of(1, kMinute), 1);
  ask(batch_of(2, kMinute), 2);
  ask(batch_of(2, kMinute), 3);
  ASSERT_EQ(begin().size(), 3);
  ask(stream_of(1, 100), 10);
  now_ += seconds(10);
  EXPECT_TRUE(named().empty());
}

TEST_F(ReclaimTest, TheTenantThatBorrowsMostGoesFirst) {
  start(tree({{.name = "owner", .nominal = 1}, {.name = "modest"}, {.name = "eager"}}, 4));
  free_[0] = 4;
  ask(batch_of(3, kMinute), 1);
  ask(batch_of(3, kMinute), 2);
  ask(batch_of(3, kMinute), 3);
  ASSERT_EQ(begin().size(), 3);
  ask(batch_of(2, kMinute), 4);  // newer
  ASSERT_EQ(begin().size(), 1);
  ask(stream_of(1, 100), 10);
  now_ += options_.reclaim_after;
  EXPECT_EQ(named(), std::vector<std::uint64_t>{3});
}

TEST_F(ReclaimTest, StreamsAreCutAndOnlyWhereNothingCanBeginAgain) {
  start(tree({{.name = "owner", .nominal = 2}, {.name = "borrower"}}));
  free_[0] = 2;
  ask(batch_of(2, kMinute), 1);
  ask(stream_of(2, kMinute), 2);
  ASSERT_EQ(begin().size(), 2);
  pool_->on_token(running_.at(2), 100, now_);
  ask(stream_of(1, 100), 10);
  ask(stream_of(1, 100), 11);
  now_ += options_.reclaim_after;
  EXPECT_EQ(named(), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(last_.leeway, Leeway::cut);
  EXPECT_EQ(last_.tokens, 100 + options_.borrower_tokens_max);
  EXPECT_TRUE(give_way(2));
  EXPECT_FALSE(wait_again(2)) << "its client has seen something";
  end(2);
  EXPECT_EQ(pool_->report().gave_way_total[static_cast<std::size_t>(Leeway::cut)], 1U);
}

TEST_F(ReclaimTest, OneThatHasBegunToAnswerIsNamedNoLonger) {
  lend_all();
  ask(stream_of(1, 100), 10);
  now_ += options_.reclaim_after;
  ASSERT_EQ(named(), std::vector<std::uint64_t>{2});
  pool_->set_leeway(running_.at(2), Leeway::none, now_);
  EXPECT_FALSE(give_way(2));
  EXPECT_EQ(named(), std::vector<std::uint64_t>{1}) << "another one, at once";
}

TEST_F(ReclaimTest, OnlyBatchWorkBeginsAgain) {
  start(tree({{.name = "owner", .nominal = 1}, {.name = "borrower"}}));
  free_[0] = 1;
  Job agent = batch_of(2, kMinute);
  agent.request.priority = PriorityClass::agent;
  ask(agent, 1);
  ASSERT_EQ(begin().size(), 1);
  ask(stream_of(1, 100), 10);
  now_ += seconds(10);
  EXPECT_TRUE(named().empty());
}

TEST_F(ReclaimTest, WhatWaitsAgainIsBeforeItsUsersOthersAndOutlastsTheQueuesDeadline) {
  lend_all();
  Job late = batch_of(2, 10);
  late.request.start_by = now_ + seconds(2);
  ask(late, 3);
  ask(stream_of(1, 100), 10);
  now_ += options_.reclaim_after;
  ASSERT_EQ(named(), std::vector<std::uint64_t>{2});
  ASSERT_TRUE(give_way(2) && wait_again(2, now_ + seconds(100)));
  ASSERT_EQ(begin(), std::vector<std::uint64_t>{10});
  now_ += seconds(50);
  std::array<Removed, 4> out;
  ASSERT_EQ(pool_->expire(out, now_), 1U);
  EXPECT_EQ(out[0].request.tag, 3U);
  ask(batch_of(2, 10), 4);
  end(10);
  EXPECT_EQ(begin(), std::vector<std::uint64_t>{2}) << "in its old place";
  now_ += seconds(100);
  EXPECT_EQ(pool_->expire(out, now_), 0U) << "it runs";
}

TEST_F(ReclaimTest, WhatWaitsAgainIsNeitherRefusedNorDisplacedNorShed) {
  options_.requests_max = 4;
  options_.tenant_caps.requests = 1;
  lend_all();
  ask(batch_of(2, 10), 3);  // the queue of its tenant is full
  ask(stream_of(1, kMinute), 10);
  now_ += options_.reclaim_after;
  ASSERT_EQ(named(), std::vector<std::uint64_t>{2});
  ASSERT_TRUE(give_way(2) && wait_again(2));
  EXPECT_EQ(pool_->report().nodes[2].waiting, 2U);
  ASSERT_EQ(begin(), std::vector<std::uint64_t>{10});
  const auto better = pool_->enqueue(stream_of(1, 10).request, now_);
  ASSERT_TRUE(better);
  EXPECT_EQ(better->displaced->request.tag, 3U);
  std::array<Removed, 4> out;
  ASSERT_EQ(pool_->shed(out, now_), 1U);
  EXPECT_EQ(out[0].ticket, better->ticket);
  EXPECT_EQ(pool_->report().nodes[2].waiting, 1U);
}

TEST_F(ReclaimTest, WhereOnlyOneThatHasRunWaitsAFullPoolRefusesABetterOne) {
  options_.requests_max = 3;
  lend_all();
  ask(stream_of(1, kMinute), 10);
  now_ += options_.reclaim_after;
  ASSERT_EQ(named(), std::vector<std::uint64_t>{2});
  ASSERT_TRUE(give_way(2) && wait_again(2));
  ASSERT_EQ(begin(), std::vector<std::uint64_t>{10});
  const auto better = pool_->enqueue(stream_of(1, 10).request, now_);
  ASSERT_FALSE(better);
  EXPECT_EQ(better.error().reason, Refusal::Reason::pool_full);
}

// Members of a cohort lend to each other first: who is outside has no claim to what the cohort is
// guaranteed, and a member has.
TEST_F(ReclaimTest, WhatACohortIsGuaranteedIsOwedToItsMembersOnly) {
  start(tree({{.level = Level::cohort, .name = "east", .nominal = 2},
              {.name = "member", .parent = "east", .nominal = 1},
              {.name = "borrower", .parent = "east"},
              {.name = "outside", .nominal = 2}}));
  const NodeId member = pool_->tree().find("east/member").value();
  const NodeId borrower = pool_->tree().find("east/borrower").value();
  const NodeId outside = pool_->tree().find("outside").value();
  free_[0] = 4;
  for (std::uint64_t tag = 1; tag <= 3; ++tag)
    ask(batch_of(borrower, kMinute), tag);
  ask(stream_of(outside, kMinute), 4);
  ASSERT_EQ(begin().size(), 4);
  ask(stream_of(outside, kMinute), 10);
  ask(stream_of(outside, kMinute), 11);
  now_ += milliseconds(10);  // its first request was charged more than it had
  EXPECT_TRUE(begin().empty());
  now_ += options_.reclaim_after;
  EXPECT_EQ(named(), std::vector<std::uint64_t>{3}) << "the cohort has three of its two";
  ask(stream_of(member, kMinute), 20);
  now_ += options_.reclaim_after;
  EXPECT_EQ(named(), std::vector<std::uint64_t>{2});
}

TEST_F(ReclaimTest, AChangedTreeTakesNamesBack) {
  lend_all();
  ask(stream_of(1, 100), 10);
  now_ += options_.reclaim_after;
  ASSERT_EQ(named(), std::vector<std::uint64_t>{2});
  pool_->configure(tree({{.name = "owner"}, {.name = "borrower"}}), now_);
  EXPECT_FALSE(give_way(2));
  now_ += seconds(10);
  EXPECT_TRUE(named().empty());
}

// --- on simulated GPUs --------------------------------------------------------------------------

TEST(Reclaim, AShareIsBackWithinReclaimAfterAndTheTimeToCancel) {
  Pool pool(tree({{.name = "owner", .nominal = 6}, {.name = "borrower", .nominal = 2}}), {}, {});
  SimulatedPool gpus(pool, 8);
  gpus.cancel_time = milliseconds(100);
  gpus.tokens_per_event = 5;
  for (int i = 0; i < 12; ++i)
    gpus.submit(batch_of(2, 10 * kMinute));
  gpus.run_until(gpus.now() + seconds(60));
  ASSERT_EQ(gpus.running(2), 8);
  for (int i = 0; i < 12; ++i)
    gpus.submit(stream_of(1, kMinute));
  const Instant back = gpus.now();
  while (gpus.running(1) < 6 && gpus.now() - back < seconds(30))
    gpus.run_until(gpus.now() + milliseconds(10));
  const auto took = gpus.now() - back;
  EXPECT_LE(took, Options{}.reclaim_after + milliseconds(100) + milliseconds(10));
  gpus.run_until(gpus.now() + seconds(20));
  EXPECT_EQ(gpus.running(1), 6) << "no more than its part";
  EXPECT_EQ(gpus.running(2), 2);
  EXPECT_EQ(gpus.gone_again, 6U);
  std::printf("back after %lld ms; its requests take 600 s\n",
              static_cast<long long>(std::chrono::duration_cast<milliseconds>(took).count()));
}

TEST(Reclaim, AShareIsBackAfterSoManyTokensWhereNothingCanBeginAgain) {
  Options options;
  options.borrower_tokens_max = 500;
  Pool pool(tree({{.name = "owner", .nominal = 2}, {.name = "borrower"}}), options, {});
  SimulatedPool gpus(pool, 2);
  gpus.cancel_time = milliseconds(100);
  for (int i = 0; i < 3; ++i)
    gpus.submit(stream_of(2, 10 * kMinute));
  gpus.run_until(gpus.now() + seconds(10));
  gpus.submit(stream_of(1, kMinute));
  gpus.submit(stream_of(1, kMinute));
  gpus.run_until(gpus.now() + milliseconds(1'490));
  EXPECT_EQ(gpus.running(1), 0);
  gpus.run_until(gpus.now() + milliseconds(20));
  EXPECT_EQ(gpus.running(1), 2);
  EXPECT_EQ(gpus.cut, 2U);
}

// Random pools, kinds of engines, classes, hang-ups and changes of shares: nothing is lost, ends
// twice or gives way twice, and nobody has to give way for nothing.
TEST(Reclaim, NoRequestIsLostOrGivesWayTwiceWhateverHappens) {
  std::uint64_t again = 0, cut = 0, withdrawn = 0;
  for (unsigned seed = 0; seed < 24; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](int low, int high) {
      return std::uniform_int_distribution<int>(low, high)(random);
    };
    std::vector<NodeSpec> specs;
    for (int i = 0; i < 5; ++i)
      specs.push_back({.name = "t" + std::to_string(i),
                       .nominal = pick(0, 2) * 0.5,
                       .weight = static_cast<double>(pick(1, 5)),
                       .user_concurrency_max = pick(0, 3) == 0 ? std::optional(2U) : std::nullopt});
    Options options;
    options.reclaim_after = milliseconds(pick(50, 1'000));
    options.borrower_tokens_max = pick(1, 200);
    options.locality_window = pick(0, 1) * 5'000;
    Pool pool(tree(specs, 6), options, {});
    SimulatedPool gpus(pool, 6);
    gpus.cancel_time = milliseconds(pick(0, 300));
    gpus.tokens_per_event = pick(10, 50);
    std::map<std::uint64_t, int> on_kind;  // running
    std::map<std::uint64_t, int> started, gave_way, ended;
    std::uint64_t events = 0;
    gpus.gain_of = [&](const Request& request) {
      return on_kind[request.kind] < 3 ? std::optional<double>(0) : std::nullopt;
    };
    gpus.makes_room_for = [](const Request& running, const Request& claimant) {
      return running.kind == claimant.kind;
    };
    gpus.on_start = [&](const Job& job, auto) {
      ++on_kind[job.request.kind];
      ++started[job.request.tag];
    };
    gpus.on_end = [&](const Job& job) {
      --on_kind[job.request.kind];
      ++ended[job.request.tag];
      pool.room_came(std::array<std::uint64_t, 1>{job.request.kind}, gpus.now());
    };
    gpus.on_again = [&](const Job& job) {
      --on_kind[job.request.kind];
      ++gave_way[job.request.tag];
      pool.room_came(std::array<std::uint64_t, 1>{job.request.kind}, gpus.now());
      const PoolReport report = pool.report();
      EXPECT_GT(report.nodes[job.request.node].waiting, 0U);
    };
    gpus.after_event = [&] {
      if (++events % 8 != 0) return;
      const PoolReport report = pool.report();
      EXPECT_LE(report.named, report.nodes[kPoolNode].waiting);
    };
    std::uint64_t submitted = 0;
    for (int i = 0; i < 300; ++i) {
      Job job = pick(0, 1) == 0 ? batch_of(0, pick(1, 5'000)) : stream_of(0, pick(1, 2'000));
      job.request.node = static_cast<NodeId>(pick(1, 5));
      job.request.user = static_cast<std::uint64_t>(pick(0, 2));
      job.request.kind = static_cast<std::uint64_t>(pick(1, 2));
      if (pick(0, 4) == 0) job.request.leeway = Leeway::none;
      gpus.at(Instant{} + milliseconds(pick(0, 60'000)),
              [&, job] { submitted += gpus.submit(job) ? 1 : 0; });
    }
    for (int i = 0; i < 5; ++i) {
      gpus.at(Instant{} + milliseconds(pick(0, 60'000)), [&, pick] {
        for (NodeSpec& spec : specs)
          spec.nominal = pick(0, 2) * 0.5;
        pool.configure(tree(specs, 6), gpus.now());
      });
    }
    gpus.run_until(Instant{} + seconds(1'200));
    EXPECT_EQ(ended.size(), submitted) << "seed " << seed;
    for (const auto& [tag, count] : ended) {
      EXPECT_EQ(count, 1) << "seed " << seed << " request " << tag;
      EXPECT_LE(gave_way[tag], 1) << "seed " << seed << " request " << tag;
      EXPECT_EQ(started[tag], 1 + gave_way[tag]) << "seed " << seed << " request " << tag;
    }
    const PoolReport report = pool.report();
    EXPECT_EQ(report.gave_way_total[static_cast<std::size_t>(Leeway::again)], gpus.gone_again);
    EXPECT_EQ(report.gave_way_total[static_cast<std::size_t>(Leeway::cut)], gpus.cut);
    for (const NodeReport& node : report.nodes)
      EXPECT_EQ(node.waiting + node.running, 0U) << node.path;
    again += gpus.gone_again;
    cut += gpus.cut;
    withdrawn += gpus.withdrawn;
  }
  EXPECT_GT(again, 100U);
  EXPECT_GT(cut, 20U);
  EXPECT_GT(withdrawn, 10U);
}

}  // namespace
}  // namespace sovmesh::fairness
