#include "limits/limit.h"

#include <gtest/gtest.h>

#include "base/time_text.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::limits {
namespace {

using namespace std::chrono_literals;

TimeZone copenhagen() { return TimeZone::find("Europe/Copenhagen").value(); }

Limit limit() {
  return {.name = "daily",
          .target = Target::one(ScopeKey::of(TenantId{}), "tenant:aurora"),
          .measure = Measure::output_tokens,
          .window = Window::day,
          .zone = copenhagen(),
          .amount = 1'000};
}

std::string param_of(const Limit& limit) {
  const auto valid = validate(limit);
  EXPECT_THAT(valid, FailsWith(Code::config_invalid));
  return valid ? "" : valid.error().param();
}

TEST(Limit, IsValidForEachMeasureInEachWindow) {
  EXPECT_THAT(validate(limit()), Succeeds());
  Limit one = limit();
  one.zone = {};
  for (const Window window : {Window::second, Window::minute, Window::hour, Window::day,
                              Window::month, Window::lifetime}) {
    one.window = window;
    EXPECT_THAT(validate(one), Succeeds()) << name(window);
  }
  one.alignment = Alignment::rolling;
  for (const Window window : {Window::second, Window::minute, Window::hour, Window::day}) {
    one.window = window;
    EXPECT_THAT(validate(one), Succeeds()) << name(window);
  }
  one.alignment = Alignment::calendar;
  one.measure = Measure::concurrency;
  one.window = Window::none;
  EXPECT_THAT(validate(one), Succeeds());
}

TEST(Limit, SaysWhichSettingCannotTakeEffect) {
  Limit wrong = limit();
  wrong.name = "";
  EXPECT_EQ(param_of(wrong), "name");

  for (const std::int64_t amount : {std::int64_t{0}, std::int64_t{-5}, kAmountMax + 1}) {
    wrong = limit();
    wrong.amount = amount;
    EXPECT_EQ(param_of(wrong), "amount");
  }
  wrong = limit();
  wrong.measure = Measure::concurrency;
  EXPECT_EQ(param_of(wrong), "window");
  wrong.window = Window::none;
  EXPECT_EQ(param_of(wrong), "zone");
  wrong.alignment = Alignment::rolling;
  EXPECT_EQ(param_of(wrong), "alignment");

  wrong = limit();
  wrong.window = Window::none;
  EXPECT_EQ(param_of(wrong), "window");

  wrong = limit();
  wrong.alignment = Alignment::rolling;
  EXPECT_EQ(param_of(wrong), "zone");
  wrong.zone = {};
  for (const Window window : {Window::month, Window::lifetime}) {
    wrong.window = window;
    EXPECT_EQ(param_of(wrong), "alignment");
  }
  for (const Window window : {Window::second, Window::lifetime}) {
    wrong = limit();
    wrong.window = window;
    EXPECT_EQ(param_of(wrong), "zone");
  }
}

TEST(Limit, HasATextForPeople) {
  EXPECT_EQ(to_text(limit()), "tenant:aurora output_tokens/day in Europe/Copenhagen");
  Limit one = limit();
  one.zone = {};
  EXPECT_EQ(to_text(one), "tenant:aurora output_tokens/day");
  one.target = Target::each(Scope::user);
  one.alignment = Alignment::rolling;
  one.model = "large";
  one.shadow = true;
  EXPECT_EQ(to_text(one), "user:* output_tokens/day rolling for large (shadow)");
  one = limit();
  one.measure = Measure::concurrency;
  one.window = Window::none;
  one.zone = {};
  EXPECT_EQ(to_text(one), "tenant:aurora concurrency");
}

TEST(Rate, IsReadAsItIsWritten) {
  for (std::size_t m = 0; m < kMeasures; ++m) {
    for (const Window window : {Window::none, Window::second, Window::lifetime}) {
      const Rate rate{static_cast<Measure>(m), window};
      const bool fits = (rate.measure == Measure::concurrency) == (window == Window::none);
      if (fits) {
        EXPECT_THAT(parse_rate(to_text(rate)), HasValue(rate));
      } else {
        EXPECT_THAT(parse_rate(to_text(rate)), FailsWith(Code::invalid_value)) << to_text(rate);
      }
    }
  }
  for (const char* text :
       {"", "/", "requests", "requests/", "requests/none", "requests/week", "tokens/day",
        "requests/day/day", "concurrency/", "concurrency/none", "Requests/day", " requests/day"})
    EXPECT_THAT(parse_rate(text), FailsWith(Code::invalid_value)) << text;
}

TEST(ScopeName, HasAKindAndAName) {
  const auto aurora = parse_scope_name("tenant:aurora");
  ASSERT_THAT(aurora, Succeeds());
  EXPECT_EQ(aurora->scope, Scope::tenant);
  EXPECT_EQ(aurora->name, "aurora");
  const auto mail = parse_scope_name("user:ann:smith@example.org");
  ASSERT_THAT(mail, Succeeds());
  EXPECT_EQ(mail->name, "ann:smith@example.org");
  EXPECT_EQ(parse_scope_name("key:*").value().name, "*");
  for (const char* text : {"", ":", "tenant", "tenant:", "Tenant:a", "team:a", ":a"})
    EXPECT_THAT(parse_scope_name(text), FailsWith(Code::invalid_value)) << text;
  EXPECT_THAT(parse_scope_name("user:" + std::string(257, 'a')), FailsWith(Code::invalid_value));
}

TEST(ScopeKey, IsSomebodyElseInAnotherTenant) {
  std::array<unsigned char, 16> other{1};
  const TenantId aurora;
  const TenantId borealis{Ulid::from_bytes(other)};
  EXPECT_NE(ScopeKey::user(aurora, "anna"), ScopeKey::user(borealis, "anna"));
  EXPECT_EQ(ScopeKey::user(aurora, "anna"), ScopeKey::user(aurora, "anna"));
  EXPECT_NE(ScopeKey::of(aurora), ScopeKey::of(ProjectId{}));
  EXPECT_NE(ScopeKey::pool("anna"), ScopeKey::user(aurora, "anna"));
}

TEST(Window, IsThatOfTheClockOrTheTimeJustPassed) {
  const WallTime now = parse_rfc3339("2026-03-29T12:34:56.789Z").value();
  const auto day = window_at(Window::day, Alignment::calendar, copenhagen(), now);
  EXPECT_EQ(day.end - day.begin, 23h);
  const auto second = window_at(Window::second, Alignment::calendar, {}, now);
  EXPECT_EQ(to_rfc3339(second.begin), "2026-03-29T12:34:56.000000Z");
  EXPECT_EQ(second.end - second.begin, 1s);
  const auto rolling = window_at(Window::hour, Alignment::rolling, {}, now);
  EXPECT_EQ(rolling.begin, now - 1h);
  EXPECT_EQ(rolling.end, now);
  const auto lifetime = window_at(Window::lifetime, Alignment::calendar, {}, now);
  EXPECT_TRUE(lifetime.contains(now));
  EXPECT_TRUE(lifetime.contains(now + 100 * 365 * 24h));
}

}  // namespace
}  // namespace sovmesh::limits
