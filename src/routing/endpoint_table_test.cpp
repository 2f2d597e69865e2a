#include "routing/endpoint_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>

#include "tests/support/seeded_random.h"

namespace sovmesh::routing {
namespace {

using namespace std::chrono_literals;

EndpointSpec spec(std::string name) {
  return {.name = std::move(name), .kv_capacity_tokens = 100'000, .requests_max = 100};
}

// An engine with requests of ours and of others. What it says of itself is exact; its answers come
// late and in any order.
struct FakeEngine {
  Load ours;
  Load others;
  Scrape scrape(Instant at) const {
    const Load all = ours + others;
    return {.at = at,
            .waiting = all.waiting,
            .running = all.running,
            .queued_tokens = all.prefill_tokens,
            .kv_used = static_cast<double>(all.context_tokens) / 100'000};
  }
};

Load sent(std::int64_t tokens) {
  return {.prefill_tokens = tokens, .context_tokens = tokens, .waiting = 1};
}
Load decoding(std::int64_t tokens) { return {.context_tokens = tokens, .running = 1}; }

// Requests begin, get their first token and end in random order, scrapes are answered late or
// never; after each step the table must say: others as of the newest scrape, ours as of now.
// Returns the first step at which it did not.
std::optional<int> first_wrong_step(std::uint64_t seed,
                                    const std::function<bool(int)>& forgets_release) {
  SeededRandom random(seed);
  EndpointTable table(4);
  Instant now = Instant{} + 1h;
  const EndpointId id = *table.add(spec("e"), now);
  FakeEngine engine;
  struct Running {
    Load load;
    bool ours;
  };
  std::vector<Running> requests;
  std::deque<std::pair<Scrape, Load>> answers;  // under way, with what others had then
  Load others_known;
  Instant newest{};
  for (int step = 0; step < 4'000; ++step) {
    now += std::chrono::microseconds(1 + random.below(2'000));
    const std::uint32_t dice = random.below(10);
    if (dice < 3) {
      const Running request{sent(1 + random.below(500)), random.below(2) == 0};
      (request.ours ? engine.ours : engine.others) += request.load;
      if (request.ours) table.add_load(id, request.load, now);
      requests.push_back(request);
    } else if (dice < 8 && !requests.empty()) {
      std::swap(requests[random.below(static_cast<std::uint32_t>(requests.size()))],
                requests.back());
      Running& request = requests.back();
      Load& side = request.ours ? engine.ours : engine.others;
      if (request.load.waiting == 1 && random.below(2) == 0) {
        const Load after = decoding(request.load.context_tokens);
        side += after - request.load;
        if (request.ours) table.add_load(id, after - request.load, now);
        request.load = after;
      } else {
        side -= request.load;
        if (request.ours && !forgets_release(step)) table.take_load(id, request.load, now);
        requests.pop_back();
      }
    } else if (dice == 8) {
      answers.emplace_back(engine.scrape(now), engine.others);
    } else if (!answers.empty()) {
      // Any of those under way: old ones come behind newer ones and must change nothing.
      std::swap(answers[random.below(static_cast<std::uint32_t>(answers.size()))], answers.front());
      const auto [scrape, others] = answers.front();
      answers.pop_front();
      if (answers.size() > 5) answers.clear();
      const bool is_new = scrape.at >= newest;
      if (table.apply(id, scrape, now) != is_new) return step;
      if (is_new) {
        newest = scrape.at;
        others_known = others;
      }
    }
    if (table.load(id.index) != engine.ours + others_known) return step;
    if (table.own(id.index) != engine.ours) return step;
  }
  for (const Running& request : requests)
    if (request.ours) table.take_load(id, request.load, now);
  if (table.own(id.index) != Load{}) return 4'000;
  EXPECT_NEAR(table.totals().context_tokens, static_cast<double>(others_known.context_tokens), 1);
  return std::nullopt;
}

TEST(EndpointTable, LoadIsOthersOfTheLastScrapeAndOursOfNowInAnyOrderOfEvents) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed)
    EXPECT_EQ(first_wrong_step(seed, [](int) { return false; }), std::nullopt) << seed;
}

TEST(EndpointTable, TheCheckCatchesAReleaseThatIsForgotten) {
  int forgotten = 0;
  const auto once = [&](int) { return ++forgotten == 50; };
  EXPECT_TRUE(first_wrong_step(1, once).has_value());
}

class EndpointTableTest : public ::testing::Test {
 protected:
  Instant now_ = Instant{} + 1h;
  EndpointTable table_{3};
  EndpointId add(std::string name) { return table_.add(spec(std::move(name)), now_).value(); }
};

TEST_F(EndpointTableTest, AScrapeFromBeforeWhatIsRememberedChangesNothing) {
  const EndpointId id = add("a");
  const Instant before = now_;
  for (std::size_t i = 0; i <= EndpointTable::kHistory; ++i)
    table_.add_load(id, sent(1), now_ += 1ms);
  EXPECT_FALSE(table_.apply(id, {.at = before, .waiting = 5}, now_));
  EXPECT_TRUE(table_.apply(id, {.at = before + 1s, .waiting = 5}, now_ += 2s));
  EXPECT_FALSE(table_.apply(id, {.at = now_ + 1s}, now_));  // from the future
  EXPECT_EQ(table_.load(id.index), table_.own(id.index));   // all five are ours
}

TEST_F(EndpointTableTest, WaitingRequestsWithoutTokensCountAsOurMeanPrompt) {
  const EndpointId id = add("a");
  table_.add_load(id, sent(400), now_);
  EXPECT_TRUE(table_.apply(id, {.at = now_, .waiting = 3}, now_));
  EXPECT_EQ(table_.load(id.index).prefill_tokens, 400 + 2 * 400);
}

// Two requests of ours share a prompt that it holds once.
TEST_F(EndpointTableTest, KvMemoryIsWhatItSaidAndWhatOursHaveAddedSince) {
  const EndpointId id = add("a");
  EXPECT_EQ(table_.kv_projected(id.index), std::nullopt);
  table_.add_load(id, decoding(30'000), now_);
  table_.add_load(id, decoding(30'000), now_);
  EXPECT_TRUE(table_.apply(id, {.at = now_, .running = 2, .kv_used = 0.35}, now_));
  EXPECT_EQ(table_.kv_projected(id.index), 35'000);
  table_.add_load(id, sent(2'000), now_ += 1ms);
  EXPECT_EQ(table_.kv_projected(id.index), 37'000);
  table_.take_load(id, decoding(30'000), now_ += 1ms);
  EXPECT_EQ(table_.kv_projected(id.index), 7'000) << "too little for a moment, as the other stays";
  table_.take_load(id, decoding(30'000), now_ += 1ms);
  EXPECT_EQ(table_.kv_projected(id.index), 0);
  table_.forget_scrape(id);
  EXPECT_EQ(table_.kv_projected(id.index), std::nullopt);
}

// What waits in the engine is not in its memory yet, and will be.
TEST_F(EndpointTableTest, KvMemoryCountsPromptsThatItHadNotReadWhenItLooked) {
  const EndpointId id = add("a");
  table_.add_load(id, sent(8'000), now_);
  EXPECT_TRUE(table_.apply(id, {.at = now_, .waiting = 1, .kv_used = 0.5}, now_));
  EXPECT_EQ(table_.kv_projected(id.index), 58'000);
}

TEST_F(EndpointTableTest, WhatOursWereWhileItMayHaveLookedIsOurs) {
  const EndpointId id = add("a");
  const Instant asked = now_;
  table_.add_load(id, decoding(10'000), now_ += 1ms);
  table_.add_load(id, decoding(10'000), now_ += 1ms);
  table_.take_load(id, decoding(10'000), now_ += 1ms);
  Scrape scrape{.at = asked, .until = now_, .running = 3, .kv_used = 0.2};
  EXPECT_TRUE(table_.apply(id, scrape, now_));
  EXPECT_EQ(table_.foreign(id.index).running, 1);
  EXPECT_EQ(table_.foreign(id.index).context_tokens, 0);
  scrape.until = {};
  EXPECT_TRUE(table_.apply(id, scrape, now_));
  EXPECT_EQ(table_.foreign(id.index).running, 3) << "none of ours was there when it looked";
}

TEST_F(EndpointTableTest, AScrapeThatIsForgottenLeavesOurOwn) {
  const EndpointId id = add("a");
  table_.add_load(id, sent(400), now_);
  EXPECT_TRUE(table_.apply(id, {.at = now_, .waiting = 3, .kv_used = 0.9}, now_));
  EXPECT_EQ(table_.foreign(id.index).waiting, 2);
  table_.forget_scrape(id);
  EXPECT_EQ(table_.load(id.index), table_.own(id.index));
}

TEST_F(EndpointTableTest, TheSizeOfItsKvMemoryMayBecomeKnownLater) {
  const EndpointId id = add("a");
  add("b");
  table_.set_kv_capacity(id, 700'000);
  EXPECT_EQ(table_.spec(id.index).kv_capacity_tokens, 700'000);
  EXPECT_EQ(table_.columns().kv_capacity[id.index], 700'000);
  EXPECT_EQ(table_.totals().kv_capacity, 800'000);
  table_.set_kv_capacity(id, 0);  // says nothing
  EXPECT_EQ(table_.spec(id.index).kv_capacity_tokens, 700'000);
  EXPECT_TRUE(table_.remove(id));
  EXPECT_EQ(table_.totals().kv_capacity, 100'000);
}

TEST_F(EndpointTableTest, AnIndexIsUsedAgainOnlyWhenItIsReleasedAndThenByAnotherGeneration) {
  const EndpointId a = add("a");
  add("b");
  add("c");
  EXPECT_EQ(table_.add(spec("d"), now_).error().code(), Code::overloaded);
  table_.add_load(a, sent(10), now_);
  EXPECT_TRUE(table_.remove(a));
  EXPECT_FALSE(table_.remove(a));
  EXPECT_EQ(table_.add(spec("d"), now_).error().code(), Code::overloaded);
  table_.release_index(a.index);
  const EndpointId d = add("d");
  EXPECT_EQ(d.index, a.index);
  EXPECT_NE(d, a);
  EXPECT_FALSE(table_.alive(a));
  // What was on the old one ends without touching the new one.
  table_.take_load(a, sent(10), now_);
  EXPECT_EQ(table_.load(d.index), Load{});
  EXPECT_EQ(table_.find("d"), d);
  EXPECT_EQ(table_.find("a"), std::nullopt);
}

TEST_F(EndpointTableTest, ABadSpecIsRefusedWithItsReason) {
  add("a");
  EXPECT_EQ(table_.add(spec("a"), now_).error().code(), Code::conflict);
  EXPECT_EQ(table_.add(spec(""), now_).error().code(), Code::invalid_value);
  EndpointSpec bad = spec("x");
  bad.kv_capacity_tokens = 0;
  EXPECT_THAT(table_.add(bad, now_).error().message(), ::testing::HasSubstr("kv_capacity_tokens"));
  bad = spec("x");
  bad.requests_max = 0;
  EXPECT_THAT(table_.add(bad, now_).error().message(), ::testing::HasSubstr("requests_max"));
  bad = spec("x");
  bad.jurisdiction = 64;
  EXPECT_THAT(table_.add(bad, now_).error().message(), ::testing::HasSubstr("jurisdiction"));
}

TEST_F(EndpointTableTest, LorasAreThoseOfTheScrapeAndThoseSentSince) {
  const EndpointId id = add("a");
  table_.note_lora(id.index, 7);
  EXPECT_TRUE(table_.lora_holders(7).contains(id.index));
  Scrape scrape{.at = now_};
  scrape.loras.set(9);
  EXPECT_TRUE(table_.apply(id, scrape, now_));
  EXPECT_FALSE(table_.lora_holders(7).contains(id.index));
  EXPECT_TRUE(table_.lora_holders(9).contains(id.index));
  table_.remove(id);
  EXPECT_FALSE(table_.lora_holders(9).contains(id.index));
}

}  // namespace
}  // namespace sovmesh::routing
