#include "limits/local_limiter.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/time_text.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::limits {
namespace {

using namespace std::chrono_literals;

WallTime at(std::string_view text) { return parse_rfc3339(text).value(); }

Ulid ulid(unsigned char number) {
  std::array<unsigned char, 16> bytes{};
  bytes[15] = number;
  return Ulid::from_bytes(bytes);
}
const TenantId kAurora{ulid(1)};
const TenantId kBorealis{ulid(2)};

class LocalLimiterTest : public testing::Test {
 protected:
  static Limit limit(std::string name, Measure measure, Window window, std::int64_t amount) {
    return {.name = std::move(name),
            .target = Target::one(ScopeKey::of(kAurora), "tenant:aurora"),
            .measure = measure,
            .window = window,
            .amount = amount};
  }
  static Limit of(Limit limit, Target target) {
    limit.target = std::move(target);
    return limit;
  }
  void set(std::vector<Limit> limits) {
    ASSERT_THAT(limiter_.configure(std::move(limits), now_), Succeeds());
  }
  Result<Reservation> reserve(const Amounts& wanted = {}) {
    return limiter_.reserve(who_, wanted, now_);
  }
  void use(const Amounts& amounts) {
    auto got = reserve(amounts);
    ASSERT_THAT(got, Succeeds());
    got->settle(amounts, now_);
  }
  Status status(std::size_t which = 0) { return limiter_.status(who_, now_).at(which); }
  Error refusal(const Amounts& wanted = {}) {
    auto got = reserve(wanted);
    EXPECT_FALSE(got);
    return got ? Error(Code::internal_error, Blame::us, "") : got.error();
  }

  WallTime now_ = at("2026-05-12T10:20:30Z");
  Subject who_{.key = KeyId::parse("abcdefghijkl").value(),
               .user = "anna",
               .project = {ulid(9)},
               .project_name = "web",
               .tenant = kAurora,
               .tenant_name = "aurora",
               .pool = "commons",
               .model = "tiny"};
  LocalLimiter limiter_;
};

TEST_F(LocalLimiterTest, RefusesInTheWordsThatClientsKnow) {
  set({limit("rpm", Measure::requests, Window::minute, 2)});
  use({});
  use({});
  const Error error = refusal();
  EXPECT_EQ(error.code(), Code::rate_limit_exceeded);
  EXPECT_EQ(error.blame(), Blame::client);
  EXPECT_EQ(error.message(),
            "Rate limit reached for tiny on requests per min (RPM): Limit 2, Used 2, Requested 1. "
            "Please try again in 30s.");
  EXPECT_EQ(error.retry_after(), 30s);
  EXPECT_EQ(error.should_retry(), std::nullopt);
  ASSERT_TRUE(error.details());
  EXPECT_EQ(error.details()->scope, "tenant:aurora");
  EXPECT_EQ(error.details()->limit, 2);
  EXPECT_EQ(error.details()->reset_at, at("2026-05-12T10:21:00Z"));
  EXPECT_EQ(error.details()->unit, Error::Unit::requests);
}

TEST_F(LocalLimiterTest, NamesTokensAsTheUnit) {
  set({limit("tpm", Measure::total_tokens, Window::minute, 100)});
  use({.input_tokens = 90});
  const Error error = refusal({.input_tokens = 5, .output_tokens = 6});
  EXPECT_EQ(error.message(),
            "Rate limit reached for tiny on tokens per min (TPM): Limit 100, Used 90, Requested "
            "11. Please try again in 30s.");
  EXPECT_EQ(error.details()->unit, Error::Unit::tokens);
}

TEST_F(LocalLimiterTest, SaysThatARequestNeverFits) {
  set({limit("tpm", Measure::output_tokens, Window::minute, 100),
       limit("day", Measure::output_tokens, Window::day, 1'000)});
  Error error = refusal({.output_tokens = 101});
  EXPECT_EQ(error.code(), Code::rate_limit_exceeded);
  EXPECT_EQ(
      error.message(),
      "Request too large for tiny on output tokens per min (OTPM): Limit 100, Requested 101.");
  EXPECT_EQ(error.retry_after(), std::nullopt);
  EXPECT_EQ(error.should_retry(), false);
  EXPECT_EQ(error.details()->reset_at, std::nullopt);

  error = refusal({.output_tokens = 1'001});
  EXPECT_EQ(error.code(), Code::insufficient_quota);
  EXPECT_EQ(error.message(),
            "You exceeded your current quota for tiny on output tokens per day (OTPD): Limit 1000, "
            "Requested 1001. This request never fits.");
  EXPECT_EQ(error.retry_after(), std::nullopt);
}

TEST_F(LocalLimiterTest, TellsABudgetApartFromARate) {
  Limit money = limit("budget", Measure::money_micro, Window::month, 5'000'000);
  money.zone = TimeZone::find("Europe/Copenhagen").value();
  set({money, limit("rpm", Measure::requests, Window::minute, 1)});
  use({.money_micro = 5'000'000});
  const Error error = refusal({.money_micro = 20});
  EXPECT_EQ(error.code(), Code::insufficient_quota) << "the budget outranks the full minute";
  EXPECT_EQ(error.message(),
            "You exceeded your current quota for tiny on cost in millionths per month: Limit "
            "5000000, Used 5000000, Requested 20. It is renewed at 2026-05-31T22:00:00.000000Z.");
  EXPECT_EQ(error.should_retry(), false);
  EXPECT_EQ(error.details()->reset_at, at("2026-05-31T22:00:00Z"));
  EXPECT_EQ(now_ + *error.retry_after(), at("2026-05-31T22:00:00Z"));
}

// Otherwise a model that nobody has given a price would be a way around every budget.
TEST_F(LocalLimiterTest, ALimitOfMoneyRefusesWhatHasNoPrice) {
  Limit shadow = limit("shadow", Measure::money_micro, Window::day, 10);
  shadow.shadow = true;
  set({limit("budget", Measure::money_micro, Window::month, 5'000'000), shadow,
       limit("rpm", Measure::requests, Window::minute, 100)});
  who_.priced = false;
  const Error error = refusal();
  EXPECT_EQ(error.code(), Code::insufficient_quota);
  EXPECT_EQ(error.message(),
            "tenant:aurora has a limit of money, and the model tiny has no price in its currency, "
            "so nobody knows what this request would take of it. The operator must set a price "
            "(per_call: 0 when it is free).");
  EXPECT_EQ(error.should_retry(), false);
  EXPECT_EQ(status(2).used, 0) << "all or nothing";
  who_.priced = true;
  use({});  // what is free has a price of 0
  who_.priced = false;
  set({shadow, limit("rpm", Measure::requests, Window::minute, 100)});
  use({});
  EXPECT_EQ(limiter_.decisions().at(0).shadow_deny, 2U);
}

TEST_F(LocalLimiterTest, TellsALifetimeWithoutAReset) {
  set({limit("trial", Measure::requests, Window::lifetime, 1)});
  use({});
  const Error error = refusal();
  EXPECT_EQ(error.code(), Code::insufficient_quota);
  EXPECT_EQ(error.message(),
            "You exceeded your current quota for tiny on requests in total: Limit 1, Used 1, "
            "Requested 1.");
  EXPECT_EQ(error.retry_after(), std::nullopt);
  EXPECT_EQ(error.should_retry(), false);
}

TEST_F(LocalLimiterTest, TellsThatTooManyRun) {
  set({of(limit("own", Measure::concurrency, Window::none, 1), Target::each(Scope::user))});
  auto running = reserve();
  ASSERT_THAT(running, Succeeds());
  const Error error = refusal();
  EXPECT_EQ(error.code(), Code::concurrency_limit_exceeded);
  EXPECT_EQ(error.message(),
            "Concurrency limit reached for tiny: Limit 1, Used 1, Requested 1. Please try again "
            "when another request has ended.");
  EXPECT_EQ(error.details()->scope, "user:anna");
  EXPECT_EQ(error.details()->reset_at, std::nullopt);
  running->settle({}, now_);
  EXPECT_THAT(reserve(), Succeeds());
}

TEST_F(LocalLimiterTest, OfSeveralLimitsTellsTheLongestWait) {
  set({limit("second", Measure::requests, Window::second, 1),
       limit("hour", Measure::requests, Window::hour, 1),
       limit("minute", Measure::requests, Window::minute, 1)});
  use({});
  EXPECT_EQ(refusal().details()->reset_at, at("2026-05-12T11:00:00Z"));
  const auto told = limiter_.decisions();
  EXPECT_EQ(told[0].deny, 1U);
  EXPECT_EQ(told[1].deny, 1U);
}

// A pool belongs to many tenants: what it has and how full it is says something about the others.
TEST_F(LocalLimiterTest, DoesNotTellAMemberHowFullItsPoolIs) {
  set({of(limit("pool", Measure::requests, Window::minute, 1),
          Target::one(ScopeKey::pool("commons"), "pool:commons"))});
  use({});
  const Error error = refusal();
  EXPECT_EQ(error.message(),
            "Rate limit reached for tiny on requests per min (RPM). Please try again in 30s.");
  EXPECT_EQ(error.details()->scope, "pool:commons");
  EXPECT_EQ(error.details()->limit, std::nullopt);
  EXPECT_FALSE(limiter_.headers(who_, now_).requests);
}

TEST_F(LocalLimiterTest, GivesEachOneABalanceOfItsOwn) {
  set({of(limit("user", Measure::requests, Window::day, 1), Target::each(Scope::user)),
       of(limit("key", Measure::requests, Window::day, 2), Target::each(Scope::key, kAurora))});
  use({});
  EXPECT_EQ(refusal().details()->scope, "user:anna");
  who_.user = "ben";
  use({});
  who_.user = "cleo";
  EXPECT_EQ(refusal().details()->scope, "key:abcdefghijkl");
  // The user of that name elsewhere is somebody else, and the limit on keys is not for that tenant.
  who_.tenant = kBorealis;
  who_.tenant_name = "borealis";
  who_.user = "anna";
  use({});
  EXPECT_EQ(limiter_.status(who_, now_).size(), 1U);
  who_.user = "";
  EXPECT_EQ(limiter_.status(who_, now_).size(), 0U);
}

TEST_F(LocalLimiterTest, CountsOnlyItsModel) {
  Limit large = limit("large", Measure::requests, Window::minute, 1);
  large.model = "large";
  set({large});
  use({});
  use({});
  who_.model = "large";
  use({});
  EXPECT_EQ(refusal().code(), Code::rate_limit_exceeded);
}

TEST_F(LocalLimiterTest, ShadowCountsAndRefusesNothing) {
  Limit shadow = limit("dry run", Measure::requests, Window::minute, 1);
  shadow.shadow = true;
  set({shadow, limit("real", Measure::requests, Window::minute, 3)});
  for (int i = 0; i < 3; ++i)
    use({});
  EXPECT_EQ(refusal().details()->limit, 3);
  const auto told = limiter_.decisions();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].limit, "dry run");
  EXPECT_EQ(std::tuple(told[0].allow, told[0].deny, told[0].shadow_deny), std::tuple(1U, 0U, 3U));
  EXPECT_EQ(std::tuple(told[1].allow, told[1].deny, told[1].shadow_deny), std::tuple(3U, 1U, 0U));
  EXPECT_EQ(status(0).used, 3) << "one balance, counted once";
  EXPECT_EQ(limiter_.headers(who_, now_).requests->limit, 3);
}

TEST_F(LocalLimiterTest, HeadersTellTheTightest) {
  set({limit("rpm", Measure::requests, Window::minute, 60),
       limit("rpd", Measure::requests, Window::day, 40),
       limit("tpm", Measure::total_tokens, Window::minute, 1'000),
       limit("out", Measure::output_tokens, Window::hour, 900)});
  auto running = reserve({.input_tokens = 300, .output_tokens = 500});
  ASSERT_THAT(running, Succeeds());
  const Headers headers = limiter_.headers(who_, now_);
  ASSERT_TRUE(headers.requests && headers.tokens && headers.output_tokens);
  EXPECT_EQ(headers.requests->limit, 40);
  EXPECT_EQ(headers.requests->remaining, 39);
  EXPECT_EQ(now_ + *headers.requests->reset, at("2026-05-13T00:00:00Z"));
  EXPECT_EQ(headers.tokens->limit, 1'000);
  EXPECT_EQ(headers.tokens->remaining, 200);
  EXPECT_EQ(headers.tokens->reset, 30s);
  EXPECT_EQ(headers.output_tokens->remaining, 400);
  EXPECT_FALSE(headers.input_tokens);
  running->settle({.input_tokens = 300, .output_tokens = 1'500}, now_);
  EXPECT_EQ(limiter_.headers(who_, now_).tokens->remaining, 0);
}

TEST_F(LocalLimiterTest, HeadersOfARollingWindowTellWhenAllIsFree) {
  Limit rolling = limit("rpm", Measure::requests, Window::minute, 60);
  rolling.alignment = Alignment::rolling;
  set({rolling});
  EXPECT_EQ(limiter_.headers(who_, now_).requests->reset, 0s);
  use({});
  const auto reset = limiter_.headers(who_, now_).requests->reset.value();
  EXPECT_GE(reset, 60s);
  EXPECT_LE(reset, 61s);
}

TEST_F(LocalLimiterTest, TokensAreUsedOfTheWindowInWhichTheyAreSettled) {
  set({limit("tpm", Measure::output_tokens, Window::minute, 100)});
  auto running = reserve({.output_tokens = 60});
  now_ += 1min;
  EXPECT_EQ(status().reserved, 60) << "a new window does not free what is held";
  EXPECT_EQ(refusal({.output_tokens = 41}).code(), Code::rate_limit_exceeded);
  running->settle({.output_tokens = 70}, now_);
  EXPECT_EQ(status().used, 70);
  EXPECT_EQ(status().reserved, 0);
}

TEST_F(LocalLimiterTest, ARequestCountsWhereItWasReserved) {
  set({limit("rpm", Measure::requests, Window::minute, 2)});
  auto running = reserve();
  auto never_ran = reserve();
  EXPECT_EQ(status().used, 2);
  now_ += 1min;
  EXPECT_EQ(status().used, 0);
  running->settle({}, now_);
  never_ran->release();
  EXPECT_EQ(status().used, 0) << "nothing is given back to another window";
  auto third = reserve();
  third->release();
  EXPECT_EQ(status().used, 0);
}

TEST_F(LocalLimiterTest, AReservationEndsOnce) {
  set({limit("running", Measure::concurrency, Window::none, 10),
       limit("out", Measure::output_tokens, Window::day, 100)});
  auto one = reserve({.output_tokens = 10});
  Reservation moved = *std::move(one);
  EXPECT_FALSE(one->is_open());
  moved.settle({.output_tokens = 4}, now_);
  moved.settle({.output_tokens = 4}, now_);
  moved.release();
  EXPECT_EQ(moved.held(), Amounts{});
  EXPECT_THAT(moved.extend({.output_tokens = 1}, now_), FailsWith(Code::internal_error));
  EXPECT_EQ(status(0).reserved, 0);
  EXPECT_EQ(status(1).used, 4);
  // Moving onto an open one releases it.
  auto a = reserve({.output_tokens = 10});
  auto b = reserve({.output_tokens = 20});
  *a = *std::move(b);
  EXPECT_EQ(status(1).reserved, 20);
  EXPECT_EQ(a->held().output_tokens, 20);
}

TEST_F(LocalLimiterTest, TakesNoNumberThatIsTooLarge) {
  set({limit("total", Measure::total_tokens, Window::lifetime, kAmountMax)});
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  auto one = reserve({.input_tokens = kHuge, .output_tokens = kHuge, .money_micro = -kHuge});
  ASSERT_THAT(one, Succeeds());
  EXPECT_EQ(one->held().input_tokens, kRequestMax);
  EXPECT_EQ(one->held().money_micro, 0);
  EXPECT_THAT(one->extend({.input_tokens = kHuge}, now_), Succeeds());
  EXPECT_EQ(one->held().input_tokens, kRequestMax);
  one->settle({.input_tokens = kHuge, .output_tokens = -1}, WallTime::max());
  EXPECT_EQ(status().used, kRequestMax);
  EXPECT_EQ(status().reserved, 0);
}

TEST_F(LocalLimiterTest, ALimitThatIsAddedKnowsWhoRuns) {
  set({});
  auto running = reserve({.output_tokens = 30});
  auto another = reserve({.output_tokens = 5});
  set({limit("running", Measure::concurrency, Window::none, 2),
       limit("out", Measure::output_tokens, Window::day, 100)});
  EXPECT_EQ(status(0).reserved, 2);
  EXPECT_EQ(status(1).reserved, 35);
  EXPECT_EQ(refusal().code(), Code::concurrency_limit_exceeded);
  EXPECT_THAT(running->extend({.output_tokens = 66}, now_), FailsWith(Code::insufficient_quota));
  set({limit("out", Measure::output_tokens, Window::day, 200)});
  EXPECT_THAT(running->extend({.output_tokens = 66}, now_), Succeeds());
  set({limit("out", Measure::output_tokens, Window::day, 200),
       limit("running", Measure::concurrency, Window::none, 2)});
  running->settle({.output_tokens = 50}, now_);
  another->release();
  EXPECT_EQ(status(0).used, 50);
  EXPECT_EQ(status(0).reserved, 0);
  EXPECT_EQ(status(1).reserved, 0);
}

TEST_F(LocalLimiterTest, KeepsAllLimitsWhenOneOfTheNewIsWrong) {
  set({limit("rpm", Measure::requests, Window::minute, 1)});
  const auto twice = limiter_.configure({limit("a", Measure::requests, Window::minute, 5),
                                         limit("a", Measure::requests, Window::hour, 5)},
                                        now_);
  EXPECT_THAT(twice, FailsWith(Code::config_invalid));
  EXPECT_THAT(limiter_.configure({limit("b", Measure::requests, Window::none, 5)}, now_),
              FailsWith(Code::config_invalid));
  use({});
  EXPECT_EQ(refusal().details()->limit, 1);
}

TEST_F(LocalLimiterTest, StatusTellsEachLimitAndEachWhoUsedIt) {
  Limit rolling = limit("rolling", Measure::input_tokens, Window::hour, 500);
  rolling.alignment = Alignment::rolling;
  set({limit("daily", Measure::requests, Window::day, 9), rolling,
       of(limit("mine", Measure::requests, Window::hour, 5), Target::each(Scope::user)),
       of(limit("other", Measure::requests, Window::day, 7),
          Target::one(ScopeKey::of(kBorealis), "tenant:borealis"))});
  use({.input_tokens = 3});
  who_.user = "ben";
  use({.input_tokens = 4});
  const auto all = limiter_.status(now_, 100);
  ASSERT_EQ(all.size(), 5U);
  EXPECT_EQ(all[0].limit, "daily");
  EXPECT_EQ(all[0].used, 2);
  EXPECT_EQ(all[0].window_start, at("2026-05-12T00:00:00Z"));
  EXPECT_EQ(all[0].reset_at, at("2026-05-13T00:00:00Z"));
  EXPECT_EQ(all[1].used, 7);
  EXPECT_EQ(all[1].window_start, now_ - 1h);
  std::vector<std::string> scopes = {all[2].scope, all[3].scope};
  std::ranges::sort(scopes);
  EXPECT_EQ(scopes, (std::vector<std::string>{"user:anna", "user:ben"}));
  EXPECT_EQ(all[4].scope, "tenant:borealis");
  EXPECT_EQ(all[4].used, 0);
  EXPECT_EQ(limiter_.status(now_, 2).size(), 2U);
}

// ---- seeds --------------------------------------------------------------------------------------

class SeedTest : public LocalLimiterTest {
 protected:
  void seed(const SeedWanted& wanted, const ScopeKey& scope, std::int64_t used) {
    const std::array parts = {SeedPart{wanted.until, used}};
    limiter_.seed(wanted, scope, parts, now_);
  }
  void seed_all(std::int64_t used) {
    for (const SeedWanted& wanted : limiter_.counters_wanted(now_)) {
      seed(wanted, ScopeKey::of(kAurora), used);
      limiter_.seeded(wanted);
    }
  }
};

TEST_F(SeedTest, AsksForTheTimeFromTheWindowsBeginningUntilItCounts) {
  Limit rolling = limit("rolling", Measure::input_tokens, Window::hour, 500);
  rolling.alignment = Alignment::rolling;
  set({limit("daily", Measure::output_tokens, Window::day, 100), rolling,
       limit("ever", Measure::money_micro, Window::lifetime, 100),
       limit("running", Measure::concurrency, Window::none, 3)});
  const WallTime began = now_;
  now_ += 10min;
  const auto wanted = limiter_.counters_wanted(now_);
  ASSERT_EQ(wanted.size(), 3U) << "nothing runs after a restart";
  for (const SeedWanted& one : wanted) {
    EXPECT_EQ(one.until, began);
    EXPECT_EQ(one.target, limit("", Measure::requests, Window::day, 1).target);
    EXPECT_EQ(one.since, one.window == Window::day    ? at("2026-05-12T00:00:00Z")
                         : one.window == Window::hour ? now_ - 1h
                                                      : WallTime());
  }
}

TEST_F(SeedTest, AddsToWhatWasCountedMeanwhile) {
  set({limit("daily", Measure::output_tokens, Window::day, 100)});
  use({.output_tokens = 10});
  seed_all(80);
  EXPECT_EQ(status().used, 90);
  EXPECT_TRUE(limiter_.counters_wanted(now_).empty());
  EXPECT_TRUE(limiter_.take_thresholds().empty()) << "they were told before the restart";
  use({.output_tokens = 5});
  const auto told = limiter_.take_thresholds();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].percent, 95);
}

TEST_F(SeedTest, AChangeOfTheAmountAsksForNothing) {
  set({limit("daily", Measure::output_tokens, Window::day, 100)});
  seed_all(80);
  set({limit("daily", Measure::output_tokens, Window::day, 200),
       limit("another", Measure::output_tokens, Window::day, 300)});
  EXPECT_TRUE(limiter_.counters_wanted(now_).empty());
  EXPECT_EQ(status(1).used, 80);
}

TEST_F(SeedTest, ALimitThatComesBackAsksForTheTimeInBetween) {
  set({limit("daily", Measure::output_tokens, Window::day, 100)});
  seed_all(50);
  now_ += 1h;
  set({});
  const WallTime removed = now_;
  use({.output_tokens = 7});
  now_ += 1h;
  set({limit("daily", Measure::output_tokens, Window::day, 100)});
  EXPECT_EQ(status().used, 50);
  const auto wanted = limiter_.counters_wanted(now_);
  ASSERT_EQ(wanted.size(), 1U);
  EXPECT_EQ(wanted[0].since, removed);
  EXPECT_EQ(wanted[0].until, now_);
  seed_all(7);
  EXPECT_EQ(status().used, 57);
  // In the next window nothing of this matters.
  set({});
  now_ += 48h;
  set({limit("daily", Measure::output_tokens, Window::day, 100)});
  EXPECT_EQ(limiter_.counters_wanted(now_).at(0).since, at("2026-05-14T00:00:00Z"));
  EXPECT_EQ(status().used, 0);
}

TEST_F(SeedTest, TwoLimitsThatCountTheSameAreSeededOnce) {
  set({limit("this", Measure::output_tokens, Window::day, 100),
       of(limit("each", Measure::output_tokens, Window::day, 90), Target::each(Scope::tenant))});
  ASSERT_EQ(limiter_.counters_wanted(now_).size(), 2U);
  seed_all(40);
  EXPECT_EQ(status(0).used, 40);
  EXPECT_EQ(status(1).used, 40);
  // And one that is added when everything is counted already.
  now_ += 1h;
  set({limit("this", Measure::output_tokens, Window::day, 100),
       of(limit("within", Measure::output_tokens, Window::day, 95),
          Target::each(Scope::tenant, kAurora))});
  seed_all(40);
  EXPECT_EQ(status(0).used, 40);
}

TEST_F(SeedTest, WhoeverComesFirstAfterTheSeedIsNew) {
  set({of(limit("each", Measure::output_tokens, Window::day, 90), Target::each(Scope::user))});
  const auto wanted = limiter_.counters_wanted(now_);
  ASSERT_EQ(wanted.size(), 1U);
  seed(wanted[0], ScopeKey::user(kAurora, "anna"), 85);
  limiter_.seeded(wanted[0]);
  EXPECT_EQ(limiter_.status(now_, 9).at(0).scope, "user:anna");
  EXPECT_EQ(refusal({.output_tokens = 6}).details()->scope, "user:anna");
  who_.user = "ben";
  EXPECT_THAT(reserve({.output_tokens = 90}), Succeeds());
  EXPECT_TRUE(limiter_.counters_wanted(now_).empty());
}

TEST_F(SeedTest, AWindowThatHasEndedNeedsNoSeed) {
  set({limit("minute", Measure::output_tokens, Window::minute, 100)});
  now_ += 1min;
  EXPECT_TRUE(limiter_.counters_wanted(now_).empty());
}

// ---- thresholds ---------------------------------------------------------------------------------

TEST_F(LocalLimiterTest, TellsEachThresholdOncePerWindow) {
  set({limit("daily", Measure::output_tokens, Window::day, 100)});
  const auto percents = [&] {
    std::vector<int> all;
    for (const Threshold& one : limiter_.take_thresholds())
      all.push_back(one.percent);
    return all;
  };
  use({.output_tokens = 49});
  EXPECT_EQ(percents(), std::vector<int>());
  use({.output_tokens = 1});
  EXPECT_EQ(percents(), std::vector{50});
  auto running = reserve({.output_tokens = 10});
  running->settle({.output_tokens = 46}, now_);
  EXPECT_EQ(percents(), (std::vector{80, 95}));
  use({.output_tokens = 4});
  EXPECT_EQ(percents(), std::vector{100});
  now_ += 24h;
  use({.output_tokens = 80});
  EXPECT_EQ(percents(), (std::vector{50, 80}));
}

TEST_F(LocalLimiterTest, AThresholdSaysWhatItIsAbout) {
  set({limit("rpd", Measure::requests, Window::day, 2)});
  use({});
  const auto told = limiter_.take_thresholds();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].limit, "rpd");
  EXPECT_EQ(told[0].scope, "tenant:aurora");
  EXPECT_EQ(told[0].measure, Measure::requests);
  EXPECT_EQ(told[0].amount, 2);
  EXPECT_EQ(told[0].used, 1);
  EXPECT_EQ(told[0].at, now_);
  EXPECT_EQ(told[0].reset_at, at("2026-05-13T00:00:00Z"));
}

TEST_F(LocalLimiterTest, IsNotToldAgainWhenARequestIsGivenBack) {
  set({limit("rpd", Measure::requests, Window::day, 2)});
  use({});
  EXPECT_EQ(limiter_.take_thresholds().size(), 1U);
  for (int i = 0; i < 3; ++i) {
    auto never_ran = reserve();  // 100 %, and back to 50
  }
  EXPECT_EQ(limiter_.take_thresholds().size(), 3U) << "80, 95 and 100, once";
}

TEST_F(LocalLimiterTest, ARollingThresholdIsToldAgainAfterAWindow) {
  Limit rolling = limit("rolling", Measure::requests, Window::minute, 2);
  rolling.alignment = Alignment::rolling;
  set({rolling});
  use({});
  EXPECT_EQ(limiter_.take_thresholds().size(), 1U);
  now_ += 62s;
  use({});
  EXPECT_EQ(limiter_.take_thresholds().size(), 1U);
}

TEST_F(LocalLimiterTest, DropsThresholdsThatNobodyTakes) {
  LocalLimiter small({.thresholds_max = 2});
  ASSERT_THAT(small.configure({limit("rpd", Measure::requests, Window::day, 1)}, now_), Succeeds());
  auto one = small.reserve(who_, {}, now_);
  EXPECT_EQ(small.take_thresholds().size(), 2U);
  EXPECT_EQ(small.thresholds_dropped(), 2U);
}

// ---- bounds -------------------------------------------------------------------------------------

TEST_F(LocalLimiterTest, ForgetsBalancesWhoseWindowIsOver) {
  set({of(limit("each", Measure::requests, Window::minute, 5), Target::each(Scope::user))});
  for (int i = 0; i < 50'000; ++i) {
    who_.user = std::string_view();
    const std::string user = "user " + std::to_string(i);
    who_.user = user;
    use({});
    now_ += 10ms;  // 6,000 a minute
    who_.user = "";
  }
  EXPECT_LT(limiter_.counters(), 20'000U);
}

TEST_F(LocalLimiterTest, RefusesWhoIsNewWhenThereIsNoRoom) {
  LocalLimiter small({.counters_max = 2, .subjects_max = 2});
  ASSERT_THAT(
      small.configure(
          {of(limit("each", Measure::requests, Window::day, 5), Target::each(Scope::user))}, now_),
      Succeeds());
  auto anna = small.reserve(who_, {}, now_);
  who_.user = "ben";
  auto ben = small.reserve(who_, {}, now_);
  EXPECT_THAT(ben, Succeeds());
  who_.user = "cleo";
  EXPECT_THAT(small.reserve(who_, {}, now_), FailsWith(Code::overloaded));
  who_.user = "anna";
  EXPECT_THAT(small.reserve(who_, {}, now_), Succeeds());
  EXPECT_EQ(small.counters(), 2U);
}

TEST_F(LocalLimiterTest, OpenReservationsOutliveTheirPlaceInTheCache) {
  LocalLimiter small({.subjects_max = 1});
  ASSERT_THAT(small.configure({limit("running", Measure::concurrency, Window::none, 100)}, now_),
              Succeeds());
  std::vector<Reservation> open;
  for (const char* user : {"anna", "ben", "cleo", "dan", "eve"}) {
    who_.user = user;
    open.push_back(small.reserve(who_, {}, now_).value());
  }
  EXPECT_EQ(small.status(who_, now_).at(0).reserved, 5);
  ASSERT_THAT(small.configure({limit("other", Measure::concurrency, Window::none, 100)}, now_),
              Succeeds());
  open.clear();
  EXPECT_EQ(small.status(who_, now_).at(0).reserved, 0);
}

}  // namespace
}  // namespace sovmesh::limits
