#include "routing/picker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "tests/support/seeded_random.h"

namespace sovmesh::routing {
namespace {

using namespace std::chrono_literals;

class PickerTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kEndpoints = 64;
  Instant now_ = Instant{} + 1h;
  SeededRandom random_{3};
  Picker picker_{{.cost = {},
                  .index = {.endpoints_max = kEndpoints, .blocks_max = 100'000},
                  .tickets_max = 5'000}};
  PickRequest request_{.input_tokens = 6'400, .output_tokens = 200};
  std::vector<BlockKey> chain_;
  std::vector<Ticket> earlier_;

  PickerTest() { picker_.rates().add_class({}); }

  void add_endpoints(std::size_t n, bool events = false) {
    for (std::size_t i = 0; i < n; ++i)
      ASSERT_TRUE(picker_.add({.name = "e" + std::to_string(i),
                               .kv_capacity_tokens = 460'000,
                               .requests_max = 64,
                               .publishes_events = events},
                              now_));
  }
  // A prompt of its own unless the seed is used again.
  PickRequest prompt(std::uint64_t seed) {
    SeededRandom random(seed);
    chain_.assign(100, 0);
    for (BlockKey& key : chain_)
      key = random.next_u64() | 1;
    request_.chain = chain_;
    return request_;
  }
  std::expected<Pick, NoEndpoint> pick(const PickRequest& request) {
    return picker_.pick(request, random_.next_u64(), now_);
  }
};

TEST_F(PickerTest, ManyRequestsAtOnceSpread) {
  add_endpoints(16);
  std::map<EndpointIndex, int> on;
  for (std::uint64_t i = 0; i < 48; ++i) {  // no scrape, no answer, not a microsecond in between
    const auto picked = pick(prompt(i));
    ASSERT_TRUE(picked) << i;
    ++on[picked->endpoint.index];
  }
  ASSERT_EQ(on.size(), 16U);
  for (const auto& [endpoint, requests] : on)
    EXPECT_EQ(requests, 3) << endpoint;
  EXPECT_FALSE(pick(prompt(48))) << "every queue is as long as it may be";
}

// What a pick leaves to enter_sent() is there for whoever asks next, in the same order.
TEST_F(PickerTest, WhatWasSentIsEnteredByWhoAsksNextOrBefore) {
  Picker later{{.cost = {},
                .index = {.endpoints_max = kEndpoints, .blocks_max = 2'000},
                .tickets_max = 5'000}};
  Picker at_once{{.cost = {},
                  .index = {.endpoints_max = kEndpoints, .blocks_max = 2'000},
                  .tickets_max = 5'000}};
  for (Picker* picker : {&later, &at_once}) {
    picker->rates().add_class({});
    for (int i = 0; i < 8; ++i)
      ASSERT_TRUE(picker->add({.name = "e" + std::to_string(i),
                               .kv_capacity_tokens = 40'000,
                               .requests_max = 64,
                               .publishes_events = i % 2 == 0},
                              now_));
  }
  for (int i = 0; i < 400; ++i) {
    now_ += 20ms;
    const PickRequest request = prompt(random_.below(40));
    const std::uint64_t random = random_.next_u64();
    const Pick one = later.pick(request, random, now_).value();
    const Pick other = at_once.pick(request, random, now_).value();
    at_once.enter_sent();
    ASSERT_EQ(one.endpoint, other.endpoint);
    ASSERT_EQ(one.matched_blocks, other.matched_blocks);
    later.on_done(one.ticket, {}, now_);
    at_once.on_done(other.ticket, {}, now_);
    if (i % 10 == 0) {
      later.clean(100, now_);
      at_once.clean(100, now_);
    }
  }
  const Pick last = later.pick(prompt(100), 1, now_).value();
  EXPECT_TRUE(later.index().holds(last.endpoint.index, chain_.back()));
  EXPECT_GT(later.index().counts().evicted, 0U);
  EXPECT_TRUE(later.index().consistent());
}

// Each shares half of its prompt with the first and computes the other half: copies serve those
// that come next, so nobody waits for the first holder.
TEST_F(PickerTest, APrefixThatManyWantIsCopied) {
  add_endpoints(16);
  const Pick first = pick(prompt(1)).value();
  picker_.on_done(first.ticket, {}, now_);
  const std::vector<BlockKey> shared(chain_.begin(), chain_.begin() + 50);
  std::map<EndpointIndex, int> on;
  int matched = 0;
  for (std::uint64_t i = 2; i < 66; ++i) {
    prompt(i);
    std::ranges::copy(shared, chain_.begin());
    const auto picked = pick(request_);
    ASSERT_TRUE(picked) << i;
    ++on[picked->endpoint.index];
    matched += picked->matched_blocks >= 50 ? 1 : 0;
  }
  EXPECT_EQ(matched, 64 - 15) << "one copy for each endpoint";
  for (const auto& [endpoint, requests] : on)
    EXPECT_LE(requests, 6) << endpoint;
}

TEST_F(PickerTest, TheNextTurnOfAConversationGoesWhereItsPrefixIs) {
  add_endpoints(16);
  for (std::uint64_t talk = 0; talk < 10; ++talk) {
    const Pick first = pick(prompt(talk)).value();
    EXPECT_EQ(first.matched_blocks, 0);
    picker_.on_done(first.ticket, {}, now_ += 1s);
    const Pick second = pick(prompt(talk)).value();
    EXPECT_EQ(second.endpoint, first.endpoint);
    EXPECT_EQ(second.matched_blocks, 100);
    EXPECT_EQ(second.uncached_tokens, 1);
    picker_.on_done(second.ticket, {}, now_ += 1s);
  }
}

TEST_F(PickerTest, AHolderThatStaysTooBusyLosesTheNextTurn) {
  add_endpoints(4);
  const Pick first = pick(prompt(1)).value();
  picker_.on_done(first.ticket, {}, now_ += 1s);
  // 1.4 s of prefill in front: computing the prompt elsewhere is dearer than waiting for some of
  // it.
  picker_.endpoints().add_load(
      first.endpoint, {.prefill_tokens = 17'000, .context_tokens = 17'000, .waiting = 3}, now_);
  prompt(1);
  for (const std::int64_t moment : {0, 10'000, 100'000}) {
    request_.waited_us = moment;
    const auto waits = pick(request_);
    ASSERT_FALSE(waits) << moment;
    EXPECT_TRUE(waits.error().wait);
  }
  request_.waited_us = 2'000'000;
  const auto elsewhere = pick(request_);
  ASSERT_TRUE(elsewhere);
  EXPECT_NE(elsewhere->endpoint, first.endpoint);
}

// What it would wait for takes longer than to compute its whole prompt again.
TEST_F(PickerTest, AHolderFarTooBusyIsNotWaitedFor) {
  add_endpoints(4);
  const Pick first = pick(prompt(1)).value();
  picker_.on_done(first.ticket, {}, now_ += 1s);
  picker_.endpoints().add_load(
      first.endpoint, {.prefill_tokens = 46'000, .context_tokens = 46'000, .waiting = 7}, now_);
  const auto elsewhere = pick(prompt(1));
  ASSERT_TRUE(elsewhere);
  EXPECT_NE(elsewhere->endpoint, first.endpoint);
}

TEST_F(PickerTest, EveryBookingIsGivenBackInAnyOrder) {
  add_endpoints(8);
  struct Request {
    Ticket ticket;
    int steps;
  };
  std::vector<Request> running;
  for (int step = 0; step < 20'000; ++step) {
    now_ += std::chrono::microseconds(random_.below(3'000));
    if (random_.below(3) == 0 || running.empty()) {
      if (const auto got = pick(prompt(random_.below(50)))) running.push_back({got->ticket, 0});
      continue;
    }
    std::swap(running[random_.below(static_cast<std::uint32_t>(running.size()))], running.back());
    Request& request = running.back();
    switch (random_.below(4)) {
      case 0:
        picker_.on_first_token(request.ticket, now_);
        break;
      case 1:
      case 2:
        picker_.on_token(request.ticket, 1 + random_.below(5), now_);
        break;
      default:
        picker_.on_done(request.ticket, {}, now_);
        picker_.on_done(request.ticket, {}, now_);  // again: nothing
        picker_.on_token(request.ticket, 5, now_);
        running.pop_back();
    }
    ASSERT_EQ(picker_.tickets(), running.size());
  }
  for (const Request& request : running)
    picker_.on_done(request.ticket, {}, now_);
  for (EndpointIndex e = 0; e < 8; ++e)
    EXPECT_EQ(picker_.endpoints().load(e), Load{}) << e;
  EXPECT_EQ(picker_.tickets(), 0U);
  EXPECT_NEAR(picker_.endpoints().totals().context_tokens, 0, 1e-6);
  EXPECT_TRUE(picker_.index().consistent());
}

TEST_F(PickerTest, AFirstTokenMovesTheRequestFromPrefillToDecode) {
  add_endpoints(1);
  const Pick got = pick(prompt(1)).value();
  EXPECT_EQ(picker_.endpoints().load(0),
            (Load{.prefill_tokens = 6'400, .context_tokens = 6'400, .waiting = 1}));
  picker_.on_first_token(got.ticket, now_ += 1s);
  EXPECT_EQ(picker_.endpoints().load(0), (Load{.context_tokens = 6'400, .running = 1}));
  picker_.on_token(got.ticket, 30, now_ += 1s);
  EXPECT_EQ(picker_.endpoints().load(0), (Load{.context_tokens = 6'430, .running = 1}));
}

TEST_F(PickerTest, RatesAreLearnedFromRequestsThatAreDone) {
  add_endpoints(1);
  const double before = picker_.rates().rates(0).a;
  for (std::uint64_t i = 0; i < 300; ++i) {
    const Pick got = pick(prompt(1'000 + i)).value();
    picker_.on_first_token(got.ticket, now_ += 1'500ms);
    for (int token = 0; token < 64; ++token)
      picker_.on_token(got.ticket, 1, now_ += 30ms);
    picker_.on_done(got.ticket, {.input_tokens = 6'000, .cached_tokens = 3'000}, now_);
  }
  // 3,000 uncached tokens with 6,000 of context took 1.5 s.
  EXPECT_NE(picker_.rates().rates(0).a, before);
  EXPECT_NEAR(picker_.rates().rates(0).a, 1.5e6 / 3'000 / 1.1, 1);
  EXPECT_GT(picker_.rates().rates(0).base, 20'000);
}

// A stream beside which prompts are computed waits for those: that is no property of streams.
TEST_F(PickerTest, StepsWithPrefillInThemTeachNothingOfDecoding) {
  add_endpoints(1);
  const Rates before = picker_.rates().rates(0);
  const Pick stream = pick(prompt(1)).value();
  picker_.on_first_token(stream.ticket, now_ += 500ms);
  std::optional<Pick> other;
  for (std::uint64_t i = 0; i < 300; ++i) {
    other = pick(prompt(1'000 + i)).value();
    for (int token = 0; token < 16; ++token)
      picker_.on_token(stream.ticket, 1, now_ += 100ms);
    picker_.on_first_token(other->ticket, now_);
    picker_.on_done(other->ticket, {}, now_);
  }
  EXPECT_EQ(picker_.rates().rates(0).base, before.base);
  EXPECT_EQ(picker_.rates().rates(0).b, before.b);
  EXPECT_EQ(picker_.rates().rates(0).c, before.c);
}

TEST_F(PickerTest, NobodyIsLeftForOneReasonOrAnother) {
  EXPECT_FALSE(pick(prompt(1)).error().wait);
  add_endpoints(3);
  picker_.endpoints().set_standing(picker_.endpoints().id_of(0), {.ejected = true});
  picker_.endpoints().set_standing(picker_.endpoints().id_of(1), {.draining = true});
  picker_.endpoints().set_standing(picker_.endpoints().id_of(2), {.requests_max = 1});
  EXPECT_EQ(pick(prompt(1))->endpoint.index, 2);
  const NoEndpoint busy = pick(prompt(1)).error();
  EXPECT_TRUE(busy.wait);
  EXPECT_EQ(busy.endpoints[static_cast<std::size_t>(Filter::ejected)], 1U);
  EXPECT_EQ(busy.endpoints[static_cast<std::size_t>(Filter::draining)], 1U);
  EXPECT_EQ(busy.endpoints[static_cast<std::size_t>(Filter::busy)], 1U);
  picker_.endpoints().set_standing(picker_.endpoints().id_of(2), {.ejected = true});
  EXPECT_FALSE(pick(prompt(1)).error().wait);
}

TEST_F(PickerTest, TicketsAreBounded) {
  Picker small({.cost = {}, .index = {.endpoints_max = 4, .blocks_max = 100}, .tickets_max = 3});
  small.rates().add_class({});
  ASSERT_TRUE(small.add({.name = "e", .kv_capacity_tokens = 460'000, .requests_max = 64}, now_));
  request_.input_tokens = 10;
  std::vector<Ticket> tickets;
  for (int i = 0; i < 3; ++i)
    tickets.push_back(small.pick(request_, 0, now_)->ticket);
  EXPECT_TRUE(small.pick(request_, 0, now_).error().wait);
  small.on_done(tickets[1], {}, now_);
  const auto next = small.pick(request_, 0, now_);
  ASSERT_TRUE(next);
  EXPECT_NE(next->ticket, tickets[1]);  // the same place, another generation
}

TEST_F(PickerTest, AnEndpointThatIsRemovedTakesNothingWithItToItsSuccessor) {
  add_endpoints(1);
  const Pick got = pick(prompt(1)).value();
  EXPECT_TRUE(picker_.remove(got.endpoint));
  EXPECT_FALSE(pick(prompt(1)));
  picker_.clean(1'000'000, now_);
  const EndpointId next =
      picker_.add({.name = "new", .kv_capacity_tokens = 460'000, .requests_max = 64}, now_).value();
  EXPECT_EQ(next.index, got.endpoint.index);
  picker_.on_first_token(got.ticket, now_ += 1s);
  picker_.on_done(got.ticket, {}, now_);
  EXPECT_EQ(picker_.endpoints().load(next.index), Load{});
  EXPECT_EQ(pick(prompt(1))->matched_blocks, 0);
}

TEST_F(PickerTest, WhereEventsArePublishedAnExpectationEndsUnlessConfirmed) {
  add_endpoints(1, true);
  const Pick first = pick(prompt(1)).value();
  picker_.on_done(first.ticket, {}, now_);
  picker_.index().confirm(0, std::span(chain_).first(20), Tier::gpu);
  EXPECT_EQ(pick(prompt(1))->matched_blocks, 100);
  picker_.clean(10'000, now_ += 10s);
  EXPECT_EQ(pick(prompt(1))->matched_blocks, 20);
}

TEST_F(PickerTest, ARequestWithALoraGoesWhereItIsLoaded) {
  add_endpoints(8);
  request_.lora = 4;
  const EndpointId first = pick(prompt(1))->endpoint;
  EXPECT_EQ(pick(prompt(2))->endpoint, first);
}

// Of what it would get, however attractive an idle endpoint is.
TEST_F(PickerTest, AnEndpointOnSlowStartGetsItsShare) {
  add_endpoints(2);
  picker_.endpoints().set_standing(picker_.endpoints().id_of(0), {.weight = 0.1F});
  int on_slow = 0;
  for (std::uint64_t i = 0; i < 2'000; ++i) {
    const auto picked = pick(prompt(i));
    ASSERT_TRUE(picked) << i;
    on_slow += picked->endpoint.index == 0;
    if (i % 2 == 0)
      picker_.on_done(picked->ticket, {}, now_);
    else
      earlier_.push_back(picked->ticket);
    if (earlier_.size() > 1) {
      picker_.on_done(earlier_.front(), {}, now_);
      earlier_.erase(earlier_.begin());
    }
  }
  EXPECT_GT(on_slow, 50);
  EXPECT_LT(on_slow, 220);
}

TEST_F(PickerTest, AnEndpointOnSlowStartTakesAllWhenItIsAlone) {
  add_endpoints(1);
  picker_.endpoints().set_standing(picker_.endpoints().id_of(0), {.weight = 0.1F});
  for (std::uint64_t i = 0; i < 20; ++i)
    picker_.on_done(pick(prompt(i)).value().ticket, {}, now_);
}

TEST_F(PickerTest, ExplainShowsWhatWasChosenAndWhatItsCostIsMadeOf) {
  add_endpoints(20);
  picker_.endpoints().set_standing(picker_.endpoints().id_of(7), {.ejected = true});
  const Pick first = pick(prompt(1)).value();
  PickExplanation why;
  const Pick got = picker_.pick(prompt(1), 0, now_, &why).value();
  EXPECT_EQ(why.candidates, 19U);
  ASSERT_EQ(why.rows.size(), PickExplanation::kRows);
  EXPECT_EQ(got.endpoint, first.endpoint);
  EXPECT_EQ(why.rows[0].endpoint, got.endpoint);
  EXPECT_EQ(why.rows[0].matched_blocks, 100);
  EXPECT_FLOAT_EQ(why.rows[0].cost.total(), got.cost_us);
  EXPECT_GT(why.rows[0].cost.terms[Cost::queue], 0);
  EXPECT_GT(why.rows[1].cost.terms[Cost::prefill], why.rows[0].cost.terms[Cost::prefill]);
  EXPECT_TRUE(std::ranges::is_sorted(why.rows, {},
                                     [](const EndpointView& row) { return row.cost.total(); }));
}

TEST_F(PickerTest, WhatFailedBeforeIsAvoided) {
  add_endpoints(2);
  const EndpointId first = pick(prompt(1))->endpoint;
  EndpointSet tried(kEndpoints);
  tried.insert(first.index);
  PickRequest again = prompt(1);
  again.avoid = &tried;
  EXPECT_NE(pick(again)->endpoint, first);
  EXPECT_EQ(
      picker_.add({.name = "x", .rate_class = 9, .kv_capacity_tokens = 1, .requests_max = 1}, now_)
          .error()
          .code(),
      Code::invalid_value);
}

}  // namespace
}  // namespace sovmesh::routing
