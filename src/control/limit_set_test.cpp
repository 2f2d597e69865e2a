#include "control/limit_set.h"

#include <gmock/gmock.h>

#include <chrono>
#include <set>

#include "limits/limit.h"
#include "rt/sim/world.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::control {
namespace {

using limits::Measure;
using limits::Scope;
using limits::Window;
using testing::HasSubstr;

class LimitSetTest : public testing::Test {
 protected:
  LimitSetTest() {
    data_.tenants.push_back({.id = {ids_.next()},
                             .slug = *TenantSlug::parse("aurora"),
                             .time_zone = "Europe/Copenhagen",
                             .currency = "DKK"});
    data_.projects.push_back(
        {.id = {ids_.next()}, .tenant = tenant(), .slug = *ProjectSlug::parse("web")});
  }
  TenantId tenant() const { return data_.tenants[0].id; }
  store::LimitRecord& add(store::LimitHolder holder, Measure measure = Measure::requests,
                          Window window = Window::day) {
    return data_.limits.emplace_back(store::LimitRecord{.id = {ids_.next()},
                                                        .holder = std::move(holder),
                                                        .measure = measure,
                                                        .window = window,
                                                        .amount = 10});
  }
  std::vector<limits::Limit> all() const {
    auto limits = limits_of(data_, pools_);
    EXPECT_THAT(limits, Succeeds());
    for (const limits::Limit& limit : *limits)
      EXPECT_THAT(limits::validate(limit), Succeeds());
    return *std::move(limits);
  }

  rt::sim::SimWorld world_{1};
  UlidSource ids_{world_.clock(), world_.random()};
  store::ControlData data_;
  std::vector<config::Pool> pools_{{.name = "gpus", .engines = {"one", "two"}}};
};

TEST_F(LimitSetTest, EachLimitSaysWhomItIsForAndHasANameOfItsOwn) {
  const KeyId key = *KeyId::parse("abcdefghijkl");
  add({.tenant = tenant()}, Measure::money_micro, Window::month);
  add({.scope = Scope::project, .tenant = tenant(), .project = data_.projects[0].id});
  add({.scope = Scope::user, .tenant = tenant(), .name = "ann"}).alignment =
      limits::Alignment::rolling;
  add({.scope = Scope::user, .tenant = tenant(), .name = "*"}).model = "small";
  add({.scope = Scope::key, .tenant = tenant(), .key = key}, Measure::concurrency, Window::none);
  add({.scope = Scope::pool, .name = "gpus"}, Measure::gpu_microseconds, Window::hour);
  add({.tenant = tenant()}).name = "ours";
  const auto limits = all();
  std::vector<std::string> names;
  std::vector<std::string> scopes;
  for (const limits::Limit& limit : limits) {
    names.push_back(limit.name);
    scopes.push_back(limit.target.text());
  }
  EXPECT_THAT(names,
              testing::ElementsAre(
                  "tenant:aurora money/month", "project:aurora/web requests/day",
                  "user:aurora/ann requests/day rolling", "user:aurora/* requests/day for small",
                  "key:abcdefghijkl concurrency", "pool:gpus gpu_seconds/hour", "ours"));
  EXPECT_THAT(scopes, testing::ElementsAre("tenant:aurora", "project:web", "user:ann", "user:*",
                                           "key:abcdefghijkl", "pool:gpus", "tenant:aurora"));
  EXPECT_EQ(limits[0].target.only(), limits::ScopeKey::of(tenant()));
  EXPECT_EQ(limits[2].target.only(), limits::ScopeKey::user(tenant(), "ann"));
  EXPECT_EQ(limits[3].target.only(), std::nullopt);
  EXPECT_EQ(limits[3].target.within(), tenant());
  EXPECT_EQ(limits[4].target.only(), limits::ScopeKey::of(key));
}

TEST_F(LimitSetTest, DaysAreThoseOfTheTenantWhereAClockCounts) {
  add({.tenant = tenant()}, Measure::requests, Window::day);
  add({.tenant = tenant()}, Measure::requests, Window::day).alignment = limits::Alignment::rolling;
  add({.tenant = tenant()}, Measure::requests, Window::second);
  add({.tenant = tenant()}, Measure::requests, Window::lifetime);
  add({.tenant = tenant()}, Measure::concurrency, Window::none);
  add({.scope = Scope::pool, .name = "gpus"}, Measure::requests, Window::day);
  const auto limits = all();
  EXPECT_EQ(limits[0].zone.name(), "Europe/Copenhagen");
  for (std::size_t i = 1; i < limits.size(); ++i)
    EXPECT_EQ(limits[i].zone, TimeZone::utc()) << limits[i].name;
}

TEST_F(LimitSetTest, AZoneThatThisMachineDoesNotKnowIsSaid) {
  data_.tenants[0].time_zone = "Atlantis/Capital";
  EXPECT_THAT(limits_of(data_, {}), Succeeds()) << "no limit needs it";
  add({.tenant = tenant()});
  const auto limits = limits_of(data_, {});
  ASSERT_THAT(limits, FailsWith(Code::config_invalid));
  EXPECT_THAT(limits.error().message(), HasSubstr("'Atlantis/Capital' of tenant 'aurora'"));
}

TEST_F(LimitSetTest, NamesThatAreTakenOrTooLongGetAnId) {
  add({.tenant = tenant()}).name = "tenant:aurora money/day";
  add({.tenant = tenant()}, Measure::money_micro);
  add({.scope = Scope::user, .tenant = tenant(), .name = std::string(250, 'u')});
  add({.scope = Scope::user, .tenant = tenant(), .name = std::string(250, 'u')}, Measure::requests,
      Window::month);
  std::set<std::string> names;
  for (const limits::Limit& limit : all()) {
    EXPECT_LE(limit.name.size(), 256U);
    EXPECT_TRUE(names.insert(limit.name).second) << limit.name;
  }
  EXPECT_THAT(names, testing::Contains(testing::StartsWith("tenant:aurora money/day #")));
}

TEST_F(LimitSetTest, APoolThatTheFileDoesNotHaveLimitsNobody) {
  add({.scope = Scope::pool, .name = "gone"});
  EXPECT_THAT(all(), testing::IsEmpty());
  EXPECT_THAT(pool_of_engine(pools_),
              testing::ElementsAre(testing::Pair("one", "gpus"), testing::Pair("two", "gpus")));
}

TEST_F(LimitSetTest, AmountsKeepEveryMillionth) {
  const auto amount = [](Measure measure, const char* text) {
    return amount_of(measure, *parse_decimal(text));
  };
  EXPECT_THAT(amount(Measure::money_micro, "250.000001"), HasValue(250'000'001));
  EXPECT_THAT(amount(Measure::gpu_microseconds, "0.5"), HasValue(500'000));
  EXPECT_THAT(amount(Measure::requests, "60"), HasValue(60));
  EXPECT_THAT(amount(Measure::requests, "1000000000000000"), HasValue(limits::kAmountMax));
  EXPECT_THAT(amount(Measure::requests, "60.5"), FailsWith(Code::invalid_value));
  EXPECT_THAT(amount(Measure::requests, "0"), FailsWith(Code::invalid_value));
  EXPECT_THAT(amount(Measure::requests, "1000000000000001"), FailsWith(Code::invalid_value));
  EXPECT_THAT(amount(Measure::money_micro, "1000000000.000001"), FailsWith(Code::invalid_value));
  EXPECT_THAT(amount(Measure::money_micro, "99999999999999"), FailsWith(Code::invalid_value));
  EXPECT_EQ(amount_text(Measure::money_micro, 250'000'000), "250.00");
  EXPECT_EQ(amount_text(Measure::gpu_microseconds, 500'000), "0.5");
  EXPECT_EQ(amount_text(Measure::output_tokens, 500'000), "500000");
  for (std::size_t i = 0; i < limits::kMeasures; ++i) {
    const auto measure = static_cast<Measure>(i);
    EXPECT_EQ(parse_measure_word(measure_word(measure)), measure);
  }
}

TEST_F(LimitSetTest, CachedInputCostsWhatInputCostsUnlessItIsSaid) {
  const auto book = price_book_of({{.model = "small", .currency = "DKK", .input = {.whole = 2}}});
  ASSERT_THAT(book, Succeeds());
  const auto price = book->find("small", "DKK", WallTime());
  ASSERT_TRUE(price);
  EXPECT_EQ(price->terms().cached_input, 2'000'000);
}

TEST_F(LimitSetTest, PricesOfTheFileMakeABook) {
  const config::Price first{
      .model = "small",
      .currency = "DKK",
      .label = "standard",
      .per_call = {.millionths = 1},
      .input = {.whole = 1, .millionths = 250'000},
      .cached_input = Decimal{.millionths = 500'000},
      .output = {.whole = 4},
      .characters = {.whole = 5},
      .concurrency_hour = {.whole = 6},
      .gpu_second = {.millionths = 12'500},
      .gse = config::GseRates{.prompt_us = {.whole = 12, .millionths = 500'000},
                              .cached_us = {.millionths = 1'000},
                              .output_us = {.whole = 900}},
      .energy = config::EnergyRates{
          .watts = 700, .pue = {.whole = 1, .millionths = 200'000}, .g_co2e_per_kwh = 112}};
  config::Price second{.model = "small", .currency = "DKK", .from = "2027-01-01"};
  const auto book = price_book_of({first, second});
  ASSERT_THAT(book, Succeeds());
  using namespace std::chrono_literals;
  const WallTime change = std::chrono::sys_days{2027y / 1 / 1};
  const auto before = book->find("small", "DKK", change - 1us);
  ASSERT_TRUE(before);
  EXPECT_EQ(before->terms(), (metering::PriceTerms{.model = "small",
                                                   .currency = "DKK",
                                                   .label = "standard",
                                                   .call = 1,
                                                   .input = 1'250'000,
                                                   .cached_input = 500'000,
                                                   .output = 4'000'000,
                                                   .characters = 5'000'000,
                                                   .concurrency_hour = 6'000'000,
                                                   .gpu_second = 12'500,
                                                   .prompt_ns = 12'500,
                                                   .cached_ns = 1,
                                                   .output_ns = 900'000,
                                                   .milliwatts = 700'000,
                                                   .pue_milli = 1'200,
                                                   .co2_g_per_kwh = 112}));
  EXPECT_EQ(book->find("small", "DKK", change)->terms().effective_from, change);
  EXPECT_EQ(book->find("small", "EUR", change), nullptr);
  second.from = "1969-01-01";
  second.position = {.file = "sovmesh.yaml", .line = 3, .column = 5};
  const auto refused = price_book_of({second});
  ASSERT_THAT(refused, FailsWith(Code::config_invalid));
  EXPECT_THAT(refused.error().message(), HasSubstr("sovmesh.yaml:3:5: error: "));
}

}  // namespace
}  // namespace sovmesh::control
