#include "metering/price.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "tests/support/result_matchers.h"

namespace sovmesh::metering {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::seconds;
__extension__ using Wide = __int128;

constexpr WallTime kStart{std::chrono::sys_days(std::chrono::year(2027) / 1 / 1)};

PriceTerms terms() {
  return {.model = "tiny",
          .currency = "EUR",
          .label = "Base 2027",
          .effective_from = kStart,
          .call = 100,
          .input = 500'000,
          .cached_input = 50'000,
          .output = 1'500'000,
          .prompt_ns = 20'000,
          .cached_ns = 1'000,
          .output_ns = 5'000'000,
          .milliwatts = 350'000,
          .pue_milli = 1'300,
          .co2_g_per_kwh = 150};
}

std::shared_ptr<const Price> price(const PriceTerms& wanted = terms()) {
  return *Price::make(wanted);
}

Usage usage(std::int64_t prompt, std::int64_t cached, std::int64_t generated) {
  return {.counts = {.prompt = prompt, .cached = cached, .generated = generated}};
}

TEST(Price, IsNamedByItsContent) {
  const auto one = price();
  EXPECT_EQ(one->id(), price()->id());
  EXPECT_EQ(one->id().size(), 14U);
  EXPECT_EQ(one->id().substr(0, 2), "p-");
  PriceTerms other = terms();
  other.output += 1;
  EXPECT_NE(price(other)->id(), one->id());
  other = terms();
  other.label = "Base 2028";
  EXPECT_NE(price(other)->id(), one->id());
  other = terms();
  other.effective_from += microseconds(1);
  EXPECT_NE(price(other)->id(), one->id());
}

// Rows name prices by id for years: what an id stands for must never change.
TEST(Price, KeepsItsIdForEver) {
  EXPECT_EQ(price()->text(),
            "sovmesh price 1\nmodel=tiny\ncurrency=EUR\nlabel=Base 2027\n"
            "from=2027-01-01T00:00:00.000000Z\ncall=100\ninput=500000\ncached_input=50000\n"
            "output=1500000\ncharacters=0\nconcurrency_hour=0\ngpu_second=0\nprompt_ns=20000\n"
            "cached_ns=1000\noutput_ns=5000000\nmilliwatts=350000\npue_milli=1300\n"
            "co2_g_per_kwh=150\n");
  EXPECT_EQ(price()->id(), "p-aaec534baf01");
}

TEST(Price, IsReadBackFromItsTextAndFromNothingElse) {
  const auto one = price();
  const auto again = Price::parse(one->text());
  ASSERT_THAT(again, Succeeds());
  EXPECT_EQ((*again)->terms(), one->terms());
  EXPECT_EQ((*again)->id(), one->id());
  const std::string& text = one->text();
  for (std::size_t cut = 0; cut < text.size(); ++cut)
    EXPECT_FALSE(Price::parse(text.substr(0, cut))) << cut;
  EXPECT_THAT(Price::parse(text + "more=1\n"), FailsWith(Code::data_dir_invalid));
  std::string padded = text;
  padded.replace(padded.find("call=100"), 8, "call=0100");
  EXPECT_THAT(Price::parse(padded), FailsWith(Code::data_dir_invalid));
}

TEST(Price, RefusesTermsThatMakeNoSense) {
  const auto refused = [](auto change, const char* param) {
    PriceTerms bad = terms();
    change(bad);
    const auto made = Price::make(bad);
    ASSERT_THAT(made, FailsWith(Code::invalid_value)) << param;
    EXPECT_EQ(made.error().param(), param);
  };
  refused([](PriceTerms& t) { t.model = ""; }, "model");
  refused([](PriceTerms& t) { t.model = "a\nb"; }, "model");
  refused([](PriceTerms& t) { t.currency = "Eur"; }, "currency");
  refused([](PriceTerms& t) { t.currency = ""; }, "currency");
  refused([](PriceTerms& t) { t.label = std::string(257, 'x'); }, "label");
  refused([](PriceTerms& t) { t.output = -1; }, "output");
  refused([](PriceTerms& t) { t.input = PriceTerms::kRateMax + 1; }, "input");
  refused([](PriceTerms& t) { t.pue_milli = 999; }, "pue_milli");
  refused([](PriceTerms& t) { t.effective_from = WallTime(seconds(-1)); }, "from");
}

TEST(Cost, IsExactAndRoundedDownOnce) {
  // 900 x 0.5 + 100 x 0.05 + 50 x 1.5 + 100 = 450 + 5 + 75 + 100
  EXPECT_EQ(cost_of(*price(), usage(1'000, 100, 50)), 630);
  PriceTerms thirds = terms();
  thirds.call = 0;
  thirds.input = thirds.cached_input = thirds.output = 333'333;
  // Each part alone is 0.33: together 0.999999, which is not one.
  EXPECT_EQ(cost_of(*price(thirds), usage(2, 1, 1)), 0);
  thirds.output = 333'334;
  EXPECT_EQ(cost_of(*price(thirds), usage(2, 1, 1)), 1) << "parts are added before rounding";
}

TEST(Cost, CountsCharactersTimeAndEngineSeconds) {
  PriceTerms other{.model = "embed", .currency = "DKK", .characters = 2'000'000};
  Usage one = usage(10, 0, 0);
  one.characters = 1'500;
  EXPECT_EQ(cost_of(*price(other), one), 3'000);
  other = {.model = "own", .currency = "DKK", .concurrency_hour = 36'000'000};
  one.open_for = seconds(90);
  EXPECT_EQ(cost_of(*price(other), one), 900'000);
  other = {.model = "own", .currency = "DKK", .gpu_second = 4'000, .output_ns = 10'000'000};
  EXPECT_EQ(cost_of(*price(other), usage(10, 0, 250)), 10'000) << "2.5 s of the engine";
}

// Never over-billed: what failed before its first token costs nothing, the call included.
TEST(Cost, OfWhatWasNotServedIsNothing) {
  for (const Finish finish : {Finish::client_closed, Finish::upstream_error, Finish::aborted,
                              Finish::recovered, Finish::revoked, Finish::drained}) {
    Usage none;
    none.finish = finish;
    none.characters = 1'000'000;
    none.open_for = hours(1);
    EXPECT_EQ(charge_of(price().get(), none, power_model()), Charge());
    none.counts.prompt = 1;
    EXPECT_GT(cost_of(*price(), none), 0) << "a prompt that the engine took is billed";
  }
  EXPECT_EQ(cost_of(*price(), Usage{.finish = Finish::stop}), 100) << "an answer without usage";
}

TEST(Cost, NeverOverflowsOnAnything) {
  PriceTerms most = terms();
  for (std::int64_t* rate : {&most.call, &most.input, &most.cached_input, &most.output,
                             &most.characters, &most.concurrency_hour, &most.gpu_second})
    *rate = PriceTerms::kRateMax;
  most.prompt_ns = most.cached_ns = most.output_ns = PriceTerms::kNanosecondsMax;
  most.milliwatts = 1'000'000'000;
  most.pue_milli = 100'000;
  most.co2_g_per_kwh = 100'000;
  Usage all = usage(INT64_MAX, INT64_MAX / 2, INT64_MAX);
  all.characters = INT64_MAX;
  all.open_for = microseconds(INT64_MAX);
  const Charge charge = charge_of(price(most).get(), all, power_model());
  EXPECT_EQ(charge.cost_micro, kCostMax);
  EXPECT_EQ(charge.gse_us, kGseMax);
  EXPECT_EQ(charge.energy.millijoules, kGseMax);
  Usage negative = usage(-5, -7, -9);
  negative.characters = -1;
  negative.open_for = microseconds(-1);
  negative.finish = Finish::stop;
  EXPECT_EQ(cost_of(*price(), negative), 100);
  EXPECT_EQ(gse_of(*price(), negative), 0);
}

// Against a second formula, over random prices and counts.
TEST(Cost, IsTheExactPriceLessThanOneMicroUnitAbove) {
  std::mt19937_64 random(7);
  const auto below = [&](std::int64_t bound) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(bound));
  };
  for (int round = 0; round < 20'000; ++round) {
    PriceTerms any = terms();
    any.call = below(3) == 0 ? below(1'000'000) : 0;
    any.input = below(30'000'000);
    any.cached_input = below(30'000'000);
    any.output = below(90'000'000);
    const auto one = price(any);
    const std::int64_t prompt = 1 + below(200'000);
    const std::int64_t cached = below(prompt + 1);
    const std::int64_t generated = below(50'000);
    const Wide exact = Wide{any.call} * 1'000'000 + Wide{prompt - cached} * any.input +
                       Wide{cached} * any.cached_input + Wide{generated} * any.output;
    const std::int64_t cost = cost_of(*one, usage(prompt, cached, generated));
    ASSERT_LE(Wide{cost} * 1'000'000, exact);
    ASSERT_GT(Wide{cost + 1} * 1'000'000, exact);
    // Never less for more.
    ASSERT_LE(cost, cost_of(*one, usage(prompt + 1, cached, generated)));
    ASSERT_LE(cost, cost_of(*one, usage(prompt, cached, generated + 1)));
    // Many small requests are never billed more than one large one of the same tokens.
    const std::int64_t part = cost_of(*one, usage(prompt, cached, 0));
    ASSERT_LE(part, cost);
  }
}

TEST(Held, IsTheChargeButNeverNothingOfWhatIsNotFree) {
  const auto whole = price();
  const Usage much = usage(1'000, 100, 50);
  EXPECT_EQ(held_for(*whole, much),
            (Held{.cost_micro = cost_of(*whole, much), .gse_us = gse_of(*whole, much)}));
  PriceTerms little{.model = "tiny", .currency = "EUR"};
  little.input = 1;
  EXPECT_EQ(held_for(*price(little), usage(1, 0, 0)), (Held{.cost_micro = 1}));
  little.input = 0;
  little.prompt_ns = 1;
  EXPECT_EQ(held_for(*price(little), usage(1, 0, 0)), (Held{.gse_us = 1}));
  little.gpu_second = 1;
  EXPECT_EQ(held_for(*price(little), usage(1, 0, 0)), (Held{.cost_micro = 1, .gse_us = 1}));
  EXPECT_EQ(held_for(*price(little), usage(0, 0, 1)), Held{}) << "answers are free";
}

TEST(Held, NeverOverflowsOnAnything) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const Held held = held_for(*price(), usage(kMost, 0, kMost));
  EXPECT_EQ(held.cost_micro, cost_of(*price(), usage(kMost, 0, kMost)));
  EXPECT_GT(held.gse_us, 0);
}

TEST(Gse, WeighsTokensByTheirKind) {
  // 900 x 20 us + 100 x 1 us + 50 x 5 ms
  EXPECT_EQ(gse_of(*price(), usage(1'000, 100, 50)), 18'000 + 100 + 250'000);
  EXPECT_EQ(gse_of(*price(), usage(10, 50, 0)), 10) << "cached is a part of the prompt";
}

TEST(Energy, IsEstimatedFromDesignPower) {
  // 100 s x 350 W x 1.3 = 45.5 kJ = 12.6 Wh
  const Energy energy = power_model().energy_of(*price(), 100'000'000);
  EXPECT_EQ(energy.millijoules, 45'500'000);
  EXPECT_EQ(energy.micrograms_co2, 1'895'833);
  EXPECT_EQ(energy.method, EnergyMethod::estimated);
  PriceTerms unknown = terms();
  unknown.milliwatts = 0;
  EXPECT_EQ(power_model().energy_of(*price(unknown), 100'000'000), Energy());
}

TEST(Charge, OfAnUnpricedRequestIsNothing) {
  EXPECT_EQ(charge_of(nullptr, usage(10, 0, 10), power_model()), Charge());
}

class PriceBookTest : public testing::Test {
 protected:
  static std::shared_ptr<const Price> from(WallTime at, std::string model = "tiny",
                                           std::string currency = "EUR") {
    PriceTerms one = terms();
    one.model = std::move(model);
    one.currency = std::move(currency);
    one.effective_from = at;
    return price(one);
  }
};

TEST_F(PriceBookTest, FindsTheNewestThatHasBegun) {
  const auto first = from(kStart);
  const auto second = from(kStart + hours(24));
  const auto book = PriceBook::make({second, first, from(kStart, "big"), from({}, "tiny", "DKK")});
  ASSERT_THAT(book, Succeeds());
  EXPECT_EQ(book->find("tiny", "EUR", kStart - microseconds(1)), nullptr) << "not yet priced";
  EXPECT_EQ(book->find("tiny", "EUR", kStart), first);
  EXPECT_EQ(book->find("tiny", "EUR", kStart + hours(24) - microseconds(1)), first);
  EXPECT_EQ(book->find("tiny", "EUR", kStart + hours(24)), second);
  EXPECT_EQ(book->find("tiny", "EUR", kStart + hours(99'999)), second);
  EXPECT_EQ(book->find("tiny", "SEK", kStart), nullptr);
  EXPECT_EQ(book->find("tin", "EUR", kStart), nullptr);
  EXPECT_EQ(book->find("tiny2", "EUR", kStart), nullptr);
  EXPECT_NE(book->find("tiny", "DKK", WallTime{}), nullptr) << "without a date it always holds";
  EXPECT_EQ(PriceBook().find("tiny", "EUR", kStart), nullptr);
}

TEST_F(PriceBookTest, RefusesTwoThatBeginAtTheSameTime) {
  PriceTerms other = terms();
  other.output += 1;
  EXPECT_THAT(PriceBook::make({price(), price(other)}), FailsWith(Code::invalid_value));
  EXPECT_THAT(PriceBook::make({price(), price()}), FailsWith(Code::invalid_value));
}

// At every instant exactly one version holds from the first one on, and they follow each other.
TEST_F(PriceBookTest, VersionsTileTime) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<WallTime> begins;
    std::vector<std::shared_ptr<const Price>> prices;
    for (int i = 0; i < 12; ++i) {
      const WallTime at = kStart + microseconds(random() % 256);
      if (std::ranges::find(begins, at) != begins.end()) continue;
      begins.push_back(at);
      prices.push_back(from(at));
    }
    const auto book = PriceBook::make(prices);
    ASSERT_THAT(book, Succeeds());
    std::ranges::sort(begins);
    for (int us = -1; us < 258; ++us) {
      const WallTime at = kStart + microseconds(us);
      const auto found = book->find("tiny", "EUR", at);
      const auto next = std::ranges::upper_bound(begins, at);
      if (next == begins.begin()) {
        ASSERT_EQ(found, nullptr);
      } else {
        ASSERT_NE(found, nullptr);
        ASSERT_EQ(found->terms().effective_from, *std::prev(next));
      }
    }
  }
}

}  // namespace
}  // namespace sovmesh::metering
