#include "fairness/pool.h"

#include <gtest/gtest.h>

#include "fairness/simulated_pool.h"

namespace sovmesh::fairness {
namespace {

constexpr Instant kStart{};

class PoolTest : public testing::Test, public Placement {
 protected:
  void start(PoolTree tree) { pool_.emplace(std::move(tree), options_, kStart); }
  void start() { start(tree_by_weight({1, 1, 1})); }
  Ticket enqueue(const Request& request) {
    const auto result = pool_->enqueue(request, now_);
    EXPECT_TRUE(result);
    return result ? result->ticket : Ticket{};
  }
  std::optional<Refusal> refusal(const Request& request) {
    const auto result = pool_->enqueue(request, now_);
    return result ? std::nullopt : std::optional(result.error());
  }
  // The tags of all that start now, in order.
  std::vector<std::uint64_t> drain(std::size_t most = 1'000) {
    std::vector<std::uint64_t> tags;
    while (tags.size() < most) {
      const auto decision = pool_->next(*this, now_);
      if (!decision) break;
      tags.push_back(decision->request.tag);
      last_ = *decision;
    }
    return tags;
  }
  static Request request(std::uint64_t tag, NodeId node) {
    return {.tag = tag,
            .node = node,
            .input_cost = 1'000,
            .token_cost = 100,
            .tokens_max = 10,
            .tokens_expected = 5,
            .input_tokens = 10,
            .bytes = 100};
  }
  bool has_room() const override { return has_room_; }
  std::optional<double> gain(const Request& request) override {
    ++probes_;
    if (!fits_(request)) return std::nullopt;
    return gain_(request);
  }
  void hold(const Request& request) override { held_.push_back(request.tag); }
  bool is_in_the_way(const Request&) override { return in_the_way_; }

  Options options_;
  std::optional<Pool> pool_;
  Instant now_ = kStart;
  bool has_room_ = true;
  bool in_the_way_ = false;
  std::function<bool(const Request&)> fits_ = [](const Request&) { return true; };
  std::function<double(const Request&)> gain_ = [](const Request&) { return 0.0; };
  std::vector<std::uint64_t> held_;
  std::size_t probes_ = 0;
  std::optional<Dispatch> last_;
};

TEST_F(PoolTest, GoesRoundAmongTenantsNotByArrival) {
  start();
  for (std::uint64_t tag = 0; tag < 3; ++tag)
    enqueue(request(tag, 1));
  enqueue(request(10, 2));
  enqueue(request(20, 3));
  const auto tags = drain();
  ASSERT_EQ(tags.size(), 5);
  EXPECT_LT(std::ranges::find(tags, 10) - tags.begin(), 3);
  EXPECT_LT(std::ranges::find(tags, 20) - tags.begin(), 3);
}

TEST_F(PoolTest, AsksNobodyWhileThereIsNoRoom) {
  start();
  has_room_ = false;
  enqueue(request(1, 1));
  EXPECT_TRUE(drain().empty());
  EXPECT_EQ(probes_, 0);
  has_room_ = true;
  EXPECT_EQ(drain(), std::vector<std::uint64_t>{1});
}

TEST_F(PoolTest, EarliestDeadlineOfAUserFirstUntilOthersHaveAged) {
  options_.aging = seconds(1);
  start();
  enqueue(request(1, 1));  // as if due in a second
  Request urgent = request(2, 1);
  urgent.start_by = now_ + milliseconds(500);
  enqueue(urgent);
  EXPECT_EQ(drain(1), std::vector<std::uint64_t>{2});
  now_ += milliseconds(900);
  urgent.start_by = now_ + milliseconds(500);
  enqueue(urgent);
  EXPECT_EQ(drain(1), std::vector<std::uint64_t>{1});
}

TEST_F(PoolTest, WhoIsLateForItsTargetLetsOthersOfItsUserGoFirst) {
  options_.aging = seconds(60);
  start();
  Request wanted = request(1, 1);
  wanted.target_by = now_ + seconds(1);
  enqueue(wanted);
  wanted = request(2, 1);
  wanted.target_by = now_ + seconds(5);
  enqueue(wanted);
  now_ += seconds(2);
  EXPECT_EQ(drain(), (std::vector<std::uint64_t>{2, 1}));
}

TEST_F(PoolTest, WhoIsLateIsNotPassedForEver) {
  options_.late_max = seconds(10);
  start();
  Request late = request(1, 1);
  late.target_by = now_ + seconds(1);
  enqueue(late);
  has_room_ = false;
  now_ += seconds(2);
  EXPECT_TRUE(drain().empty());
  now_ += seconds(9);
  Request in_time = request(2, 1);
  in_time.target_by = now_ + seconds(1);
  enqueue(in_time);
  has_room_ = true;
  EXPECT_EQ(drain(), (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(PoolTest, WhoIsLateWaitsForNoMoreThanHalfOfItsTime) {
  in_the_way_ = true;
  start();
  Request late = request(1, 1);
  late.target_by = now_;
  late.start_by = now_ + seconds(20);
  enqueue(late);
  now_ += seconds(9);
  EXPECT_TRUE(drain().empty());
  EXPECT_EQ(pool_->next_wake(), now_ + options_.recheck);
  now_ += seconds(1);
  EXPECT_EQ(drain(), std::vector<std::uint64_t>{1});
}

TEST_F(PoolTest, WhoIsLateAndInTheWayLetsAnotherTenantGoUntilThatCostsItTooMuch) {
  in_the_way_ = true;
  start();
  // U is 2,000 from the first on, and a quarter of that is what may be lost.
  Request first = request(1, 2);
  first.input_cost = 2'000;
  first.tokens_max = 0;
  enqueue(first);
  EXPECT_EQ(drain(), std::vector<std::uint64_t>{1});
  for (std::uint64_t tag = 2; tag <= 4; ++tag) {
    Request in_time = request(tag, 2);
    in_time.input_cost = 400;
    in_time.tokens_max = 0;
    enqueue(in_time);
  }
  Request late = request(9, 1);
  late.target_by = now_;
  late.input_cost = 10;
  late.tokens_max = 0;
  enqueue(late);  // begins where the other one is
  now_ += milliseconds(1);
  EXPECT_EQ(drain(), (std::vector<std::uint64_t>{2, 3, 9, 4}));
}

TEST_F(PoolTest, WhoIsLateAndInTheWayWaitsForNoOtherClass) {
  in_the_way_ = true;
  start();
  Request late = request(1, 1);
  late.target_by = now_;
  enqueue(late);
  now_ += milliseconds(1);
  EXPECT_TRUE(drain().empty());
  Request batch = request(2, 2);
  batch.priority = PriorityClass::batch;
  enqueue(batch);
  EXPECT_EQ(drain(), (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(PoolTest, InTheLocalityWindowTheBestGainGoesFirst) {
  options_.locality_window = 5'000;
  start();
  for (const NodeId node : {1U, 2U, 3U})
    enqueue(request(node, node));
  gain_ = [](const Request& request) { return request.node == 3 ? 1.0 : 0.0; };
  EXPECT_EQ(drain(1), std::vector<std::uint64_t>{3});
  Request large = request(9, 3);
  large.input_cost = 10'000;
  enqueue(large);
  EXPECT_EQ(drain(1), std::vector<std::uint64_t>{9});  // its counter is 1,000: inside
  enqueue(request(8, 3));
  EXPECT_NE(drain(1), std::vector<std::uint64_t>{8});  // 11,000: outside
}

TEST_F(PoolTest, RequestThatFitsNowhereBlocksNobody) {
  start();
  fits_ = [](const Request& request) { return request.tag != 1; };
  enqueue(request(1, 1));
  enqueue(request(2, 1));
  enqueue(request(3, 2));
  auto tags = drain();
  std::ranges::sort(tags);
  EXPECT_EQ(tags, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(pool_->next_wake(), now_ + options_.recheck);
  fits_ = [](const Request&) { return true; };
  now_ = pool_->next_wake();
  EXPECT_EQ(drain(), std::vector<std::uint64_t>{1});
}

TEST_F(PoolTest, PlaceIsHeldForOneThatOthersWentPast) {
  options_.bypass_max = 4;
  options_.holds_max = 1;
  start();
  bool may_start = false;
  fits_ = [&](const Request& request) {
    return may_start || (request.tag != 1 && request.tag != 2);
  };
  enqueue(request(1, 1));
  Request second = request(2, 2);
  const Ticket other = enqueue(second);
  for (std::uint64_t tag = 10; held_.empty() && tag < 30; ++tag) {
    enqueue(request(tag, 3));
    EXPECT_EQ(drain(), std::vector<std::uint64_t>{tag});
    now_ += options_.recheck;
    if (tag < 13) {
      EXPECT_TRUE(held_.empty()) << tag;
    }
  }
  ASSERT_EQ(held_.size(), 1);  // the other one has to wait for the hold
  now_ += options_.recheck;
  drain();
  EXPECT_EQ(held_.size(), 1);
  EXPECT_EQ(pool_->report().held_total, 1);
  const auto cancelled = pool_->cancel(other, now_);
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->held, held_[0] == 2);
  may_start = true;
  now_ += options_.recheck;
  EXPECT_EQ(drain(), std::vector<std::uint64_t>{1});
  EXPECT_EQ(last_->held, held_[0] == 1);
}

// However many there are, of one user or of many, and whoever has had least so far.
TEST_F(PoolTest, RequestsOfAKindThatIsFullHideNothingBehindThem) {
  start();
  const auto of_kind = [&](std::uint64_t kind, std::uint64_t tag, std::uint64_t user) {
    Request made = request(tag, 1);
    made.kind = kind;
    made.user = user;
    return made;
  };
  fits_ = [](const Request& request) { return request.kind == 2; };
  Request costly = of_kind(2, 1, 7);
  costly.input_cost = 10'000;
  enqueue(costly);
  EXPECT_EQ(drain(), std::vector<std::uint64_t>{1});
  for (std::uint64_t tag = 100; tag < 300; ++tag) {
    enqueue(of_kind(1, tag, 7));
    enqueue(of_kind(1, 1'000 + tag, tag));
  }
  enqueue(of_kind(2, 2, 7));
  probes_ = 0;
  EXPECT_EQ(drain(), std::vector<std::uint64_t>{2});
  EXPECT_LT(probes_, 10);
}

TEST_F(PoolTest, WhatHasGotRoomIsTriedAtOnceInTheOrderOfCounters) {
  start();
  const auto of_kind = [&](std::uint64_t kind, std::uint64_t tag, NodeId node) {
    Request made = request(tag, node);
    made.kind = kind;
    return made;
  };
  enqueue(of_kind(1, 1, 2));  // so that node 1 has had least
  EXPECT_EQ(drain(), std::vector<std::uint64_t>{1});
  bool is_full = true;
  fits_ = [&](const Request& request) { return !is_full && request.kind == 1; };
  enqueue(of_kind(1, 10, 1));
  enqueue(of_kind(1, 20, 2));
  EXPECT_TRUE(drain().empty());
  is_full = false;
  pool_->room_came(std::array<std::uint64_t, 1>{2}, now_);
  EXPECT_TRUE(drain().empty()) << "somebody else's";
  pool_->room_came(std::array<std::uint64_t, 1>{1}, now_);
  EXPECT_EQ(drain(), (std::vector<std::uint64_t>{10, 20}));
}

// Whoever else waits for what is full, one tenant for each or one for all.
TEST_F(PoolTest, WhatIsGivenBackIsOfferedToThoseAloneWhoWaitForIt) {
  constexpr std::uint64_t kKinds = 300;
  options_.probes_max = 10'000;
  start();
  std::uint64_t free = 0;  // the kind for which there is a place
  fits_ = [&](const Request& request) { return request.kind == free; };
  std::uint64_t tag = 0;
  for (std::uint64_t kind = 1; kind <= kKinds; ++kind) {
    for (const std::uint64_t user : {std::uint64_t{0}, kind}) {
      Request made = request(++tag, 1 + kind % 3);
      made.kind = kind;
      made.user = user;
      made.may_be_bypassed = false;  // no place is held for it
      enqueue(made);
    }
  }
  EXPECT_TRUE(drain().empty());
  EXPECT_EQ(probes_, kKinds) << "each kind once";
  probes_ = 0;
  for (std::uint64_t kind = 1; kind <= kKinds; ++kind) {
    free = kind;
    pool_->room_came(std::array{kind}, now_);
    const auto decision = pool_->next(*this, now_);
    ASSERT_TRUE(decision);
    EXPECT_EQ(decision->request.kind, kind);
    free = 0;
    EXPECT_FALSE(pool_->next(*this, now_));
  }
  EXPECT_EQ(probes_, 2 * kKinds) << "who gets it, and who would be next";
  EXPECT_EQ(pool_->report().offers_total, 3 * kKinds);
  now_ += options_.recheck;
  probes_ = 0;
  free = 7;
  EXPECT_EQ(drain().size(), 1U) << "room that nobody has told of";
  EXPECT_LE(probes_, kKinds + 1);
}

TEST_F(PoolTest, WhoComesIsTriedAlthoughItsUsersOthersHaveJustFittedNowhere) {
  start();
  fits_ = [](const Request& request) { return request.kind == 2; };
  Request full = request(1, 1);
  full.kind = 1;
  enqueue(full);
  EXPECT_TRUE(drain().empty());
  Request other = request(2, 1);
  other.kind = 2;
  enqueue(other);
  EXPECT_EQ(drain(), std::vector<std::uint64_t>{2});
}

TEST_F(PoolTest, OfThoseThatHadAsMuchWhoHasWaitedLongerGoesFirst) {
  start();
  const auto of_user = [&](std::uint64_t tag, std::uint64_t user) {
    Request made = request(tag, 1);
    made.user = user;
    made.kind = 1;
    return made;
  };
  bool is_full = true;
  fits_ = [&](const Request&) { return !is_full; };
  std::vector<std::uint64_t> tags;
  for (std::uint64_t tag = 1; tag <= 50; ++tag) {
    enqueue(of_user(tag, tag));
    EXPECT_TRUE(drain().empty());
    tags.push_back(tag);
  }
  is_full = false;
  pool_->room_came(std::array<std::uint64_t, 1>{1}, now_);
  EXPECT_EQ(drain(), tags);
}

// What one has had of engines that are idle is nothing to those who wait for others.
TEST_F(PoolTest, WhoComesForWhatIsFullStartsWithThoseWhoWaitForIt) {
  start();
  const auto of_kind = [&](std::uint64_t kind, std::uint64_t tag, NodeId node) {
    Request made = request(tag, node);
    made.kind = kind;
    return made;
  };
  int room = 0;
  fits_ = [&](const Request& request) { return request.kind == 1 || room > 0; };
  const auto serve_one = [&] {
    room = 1;
    pool_->room_came(std::array<std::uint64_t, 1>{2}, now_);
    const auto tags = drain(1);
    room = 0;
    return tags.at(0);
  };
  for (std::uint64_t tag = 0; tag < 40; ++tag)
    enqueue(of_kind(2, tag, 1));
  serve_one();
  for (std::uint64_t tag = 100; tag < 200; ++tag) {
    Request costly = of_kind(1, tag, 2);
    costly.input_cost = 1'000'000;
    enqueue(costly);
    EXPECT_EQ(drain(), std::vector<std::uint64_t>{tag});
  }
  enqueue(of_kind(2, 1'000, 3));
  std::vector<std::uint64_t> served;
  for (int i = 0; i < 5; ++i)
    served.push_back(serve_one());
  EXPECT_NE(std::ranges::find(served, 1'000), served.end());
}

TEST_F(PoolTest, NoPlaceIsHeldForWhatNeedsNoMoreThanOthers) {
  options_.bypass_max = 1;
  start();
  fits_ = [](const Request& request) { return request.tag >= 10; };
  Request small = request(1, 1);
  small.may_be_bypassed = false;
  enqueue(small);
  for (std::uint64_t tag = 10; tag < 20; ++tag) {
    enqueue(request(tag, 2));
    drain();
    now_ += options_.recheck;
  }
  EXPECT_TRUE(held_.empty());
}

TEST_F(PoolTest, CapsHoldPerTenantAndPerClass) {
  options_.tenant_caps = {.requests = 3, .bytes = 1'000, .tokens = 100};
  options_.classes[0].caps.requests = 4;
  start();
  for (std::uint64_t tag = 0; tag < 3; ++tag)
    enqueue(request(tag, 1));
  ASSERT_TRUE(refusal(request(3, 1)));
  EXPECT_EQ(refusal(request(3, 1))->reason, Refusal::Reason::tenant_requests);
  EXPECT_FALSE(refusal(request(3, 1))->retry_after);  // nothing is measured yet
  Request large = request(4, 2);
  large.bytes = 1'001;
  EXPECT_EQ(refusal(large)->reason, Refusal::Reason::tenant_bytes);
  large.bytes = 1;
  large.input_tokens = 91;
  EXPECT_EQ(refusal(large)->reason, Refusal::Reason::tenant_tokens);
  enqueue(request(5, 2));
  EXPECT_EQ(refusal(request(6, 3))->reason, Refusal::Reason::class_requests);
  Request batch = request(7, 3);
  batch.priority = PriorityClass::batch;
  enqueue(batch);
  EXPECT_EQ(pool_->report().refused_total, 6);
  EXPECT_EQ(pool_->report().classes[0].waiting, 4);
}

TEST_F(PoolTest, FullPoolGivesAPlaceOfTheWorstToABetterOne) {
  options_.requests_max = 4;
  start();
  for (std::uint64_t tag = 0; tag < 4; ++tag)
    enqueue(request(tag, 1));
  EXPECT_EQ(refusal(request(4, 1))->reason, Refusal::Reason::pool_full);
  const auto better = pool_->enqueue(request(5, 2), now_);  // of a tenant that has none
  ASSERT_TRUE(better);
  ASSERT_TRUE(better->displaced);
  EXPECT_EQ(better->displaced->request.tag, 3);
  Request batch = request(6, 3);
  batch.priority = PriorityClass::batch;
  EXPECT_EQ(refusal(batch)->reason, Refusal::Reason::pool_full);
  EXPECT_EQ(pool_->report().shed_total, 1);
}

TEST_F(PoolTest, ShedsInTheOrderOfWorth) {
  start();
  enqueue(request(1, 1));
  enqueue(request(2, 2));
  enqueue(request(3, 2));
  Request batch = request(4, 3);
  batch.priority = PriorityClass::batch;
  enqueue(batch);
  Request over = request(5, 1);
  over.sheddable = true;
  enqueue(over);
  std::vector<Removed> out(10);
  ASSERT_EQ(pool_->shed(std::span(out).first(4), now_), 4);
  std::vector<std::uint64_t> tags;
  for (int i = 0; i < 4; ++i)
    tags.push_back(out[static_cast<std::size_t>(i)].request.tag);
  EXPECT_EQ(tags[0], 5);  // over its quota
  EXPECT_EQ(tags[1], 4);  // batch
  EXPECT_EQ(tags[2], 3);  // the newest of the tenant that wants most
  EXPECT_EQ(pool_->shed(out, now_), 1);
  EXPECT_EQ(pool_->shed(out, now_), 0);
}

TEST_F(PoolTest, WhatWaitsPastItsDeadlineExpires) {
  start();
  Request dated = request(1, 1);
  dated.start_by = now_ + seconds(2);
  enqueue(dated);
  enqueue(request(2, 1));
  EXPECT_EQ(pool_->next_wake(), dated.start_by + Instant::duration(1));
  now_ += seconds(3);
  EXPECT_EQ(drain(), std::vector<std::uint64_t>{2});  // too late to be of use
  std::vector<Removed> out(4);
  ASSERT_EQ(pool_->expire(out, now_), 1);
  EXPECT_EQ(out[0].request.tag, 1);
  EXPECT_EQ(pool_->expire(out, now_), 0);
  EXPECT_EQ(pool_->next_wake(), Instant::max());
}

TEST_F(PoolTest, OldTicketsAreIgnored) {
  start();
  const Ticket first = enqueue(request(1, 1));
  EXPECT_TRUE(pool_->cancel(first, now_));
  EXPECT_FALSE(pool_->cancel(first, now_));
  const Ticket second = enqueue(request(2, 1));
  EXPECT_EQ(second.index, first.index);
  EXPECT_FALSE(pool_->cancel(first, now_));
  drain();
  pool_->on_token(first, 5, now_);
  pool_->on_done(first, {.output_tokens = 100}, now_);
  EXPECT_EQ(pool_->report().nodes[1].running, 1);
  EXPECT_EQ(pool_->report().nodes[1].used_total, 1'000);
  pool_->on_done(second, {.input_cost = 1'000, .output_tokens = 5}, now_);
  pool_->on_done(second, {.input_cost = 1'000, .output_tokens = 5}, now_);
  EXPECT_EQ(pool_->report().nodes[1].used_total, 1'500);
}

TEST_F(PoolTest, ChargesAreWhatWasUsedHoweverTheyCame) {
  start();
  enqueue(request(1, 1));
  drain();
  pool_->on_token(last_->ticket, 3, now_);
  pool_->on_token(last_->ticket, 4, now_);
  EXPECT_EQ(pool_->report().nodes[1].used_total, 1'700);
  pool_->on_done(last_->ticket, {.input_cost = 400, .output_tokens = 9}, now_);
  EXPECT_EQ(pool_->report().nodes[1].used_total, 1'300);
  EXPECT_EQ(pool_->report().nodes[kPoolNode].used_total, 1'300);
  EXPECT_EQ(pool_->report().classes[0].used_total, 1'300);
}

TEST_F(PoolTest, RefusesWhatOnlyABugCanHandIn) {
  start();
  EXPECT_EQ(refusal(request(1, 9))->reason, Refusal::Reason::invalid);
  EXPECT_EQ(refusal(request(1, kPoolNode))->reason, Refusal::Reason::invalid);
  Request bad = request(1, 1);
  bad.input_cost = -1;
  EXPECT_EQ(refusal(bad)->reason, Refusal::Reason::invalid);
  EXPECT_EQ(to_error(*refusal(bad)).code(), Code::internal_error);
}

TEST_F(PoolTest, ConcurrencyIsCappedPerUserAndPerTenant) {
  start(PoolTree::build(
            std::vector<NodeSpec>{{.name = "t", .concurrency_max = 3, .user_concurrency_max = 2}})
            .value());
  for (std::uint64_t tag = 0; tag < 8; ++tag) {
    Request one = request(tag, 1);
    one.user = 1 + tag % 2;
    if (tag < 4) one.user = 1;
    enqueue(one);
  }
  const auto tags = drain();
  EXPECT_EQ(tags.size(), 3);
  pool_->on_done(last_->ticket, {.input_cost = 1'000}, now_);
  EXPECT_EQ(drain().size(), 1);
}

TEST_F(PoolTest, ChangedTreeKeepsWhatWaitsAndRuns) {
  start();
  enqueue(request(1, 1));
  drain();
  const Ticket running = last_->ticket;
  enqueue(request(2, 2));
  enqueue(request(3, 3));
  // t0 is gone, t1 is in another place of the list, t9 is new.
  pool_->configure(
      PoolTree::build(
          std::vector<NodeSpec>{{.name = "t9"}, {.name = "t2"}, {.name = "t1", .nominal = 1}})
          .value(),
      now_);
  const NodeId t1 = pool_->tree().find("t1").value();
  EXPECT_EQ(pool_->report().nodes[t1].waiting, 1);
  pool_->on_done(running, {.input_cost = 1'000}, now_);
  EXPECT_EQ(drain(), (std::vector<std::uint64_t>{2, 3}));  // the guarantee counts at once
  enqueue(request(4, pool_->tree().find("t9").value()));
  EXPECT_EQ(drain(), std::vector<std::uint64_t>{4});
  for (int i = 0; i < 100; ++i)
    pool_->configure(i % 2 == 0 ? PoolTree() : tree_by_weight({1, 1, 1}), now_);
  EXPECT_EQ(pool_->report().users, 3);  // of the tenants whose requests still run
}

TEST_F(PoolTest, UsersBeyondTheBoundShareOnePlace) {
  options_.users_max = 2;
  start();
  std::vector<Ticket> tickets;
  for (std::uint64_t user = 1; user <= 5; ++user) {
    Request one = request(user, 1);
    one.user = user;
    tickets.push_back(enqueue(one));
  }
  EXPECT_EQ(pool_->report().users, 3);
  for (const Ticket& ticket : tickets)
    EXPECT_TRUE(pool_->cancel(ticket, now_));
  Request one = request(9, 1);
  one.user = 9;
  enqueue(one);
  EXPECT_LE(pool_->report().users, 3);
}

// Four GPUs, ten tenants whose backlog would take ten seconds: who cannot wait that long is told so
// at once, and when to come back; and that is then true.
TEST_F(PoolTest, EarlyRefusalIsHonest) {
  std::vector<double> weights(10, 1);
  options_.tenant_caps.requests = 10'000;
  options_.aging = seconds(1);  // so that mine is behind those that came before
  Pool pool(tree_by_weight(weights), options_, kStart);
  SimulatedPool world(pool, 4);
  for (NodeId node = 1; node <= 10; ++node)
    for (int i = 0; i < 80; ++i)
      world.submit(job_of(node, milliseconds(20), 30));
  world.run_until(kStart + seconds(4));
  Job mine = job_of(1, milliseconds(20), 30);
  mine.request.start_by = world.now() + seconds(2);
  const auto predicted = pool.predict_wait(mine.request, world.now());
  ASSERT_TRUE(predicted);
  EXPECT_NEAR(std::chrono::duration<double>(*predicted).count(), 6, 0.6);
  ASSERT_FALSE(world.submit(mine)) << "let in, and would have expired";
  const Refusal refusal = world.last_result.error();
  EXPECT_EQ(refusal.reason, Refusal::Reason::too_late);
  ASSERT_TRUE(refusal.retry_after);
  EXPECT_NEAR(static_cast<double>(refusal.retry_after->count()), 4'000, 600);
  const Error error = to_error(refusal);
  EXPECT_EQ(error.code(), Code::queue_full);
  EXPECT_EQ(error.retry_after(), refusal.retry_after);

  // Earlier it would not have helped, then it does.
  world.run_until(world.now() + *refusal.retry_after / 2);
  mine.request.start_by = world.now() + seconds(2);
  EXPECT_FALSE(world.submit(mine));
  world.run_until(world.now() + world.last_result.error().retry_after.value() + milliseconds(200));
  mine.request.start_by = world.now() + seconds(2);
  Instant::duration waited = seconds(-1);
  ASSERT_TRUE(world.submit(mine));
  world.on_start = [&](const Job& job, Instant::duration time) {
    if (job.request.start_by != Instant::max()) waited = time;
  };
  world.run_until(world.now() + seconds(3));
  EXPECT_GE(waited, seconds(0)) << "never started";
  EXPECT_LE(waited, seconds(2));
}

TEST_F(PoolTest, RefusalByACapSaysWhenThereIsRoom) {
  options_.tenant_caps.requests = 100;
  Pool pool(tree_by_weight({1, 1}), options_, kStart);
  SimulatedPool world(pool, 2);
  for (const NodeId node : {1U, 2U})
    for (int i = 0; i < 100; ++i)
      world.submit(job_of(node, milliseconds(100), 100));
  world.run_until(kStart + seconds(4));
  while (world.submit(job_of(1, milliseconds(100), 100))) {
  }
  const Refusal refusal = world.last_result.error();
  EXPECT_EQ(refusal.reason, Refusal::Reason::tenant_requests);
  ASSERT_TRUE(refusal.retry_after);
  EXPECT_NEAR(static_cast<double>(refusal.retry_after->count()), 200, 60);
}

}  // namespace
}  // namespace sovmesh::fairness
