#include "base/time_zone.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <random>
#include <string>

#include "base/time_text.h"
#include "tests/support/result_matchers.h"

namespace sovmesh {
namespace {

using namespace std::chrono_literals;
using Period = TimeZone::Period;
using PeriodOf = std::function<Period(WallTime)>;

TimeZone zone(std::string_view name) {
  const auto found = TimeZone::find(name);
  EXPECT_THAT(found, Succeeds()) << name;
  return found.value_or(TimeZone());
}
WallTime at(std::string_view text) {
  const auto time = parse_rfc3339(text);
  EXPECT_TRUE(time) << text;
  return time.value_or(WallTime());
}
std::string show(const Period& period) {
  return to_rfc3339(period.begin).substr(0, 19) + " " + to_rfc3339(period.end).substr(0, 19);
}

// All kinds of rules: half and quarter hours, DST at midnight, by half an hour, by two, in both
// hemispheres, skipped days, offsets with seconds, rules that end.
constexpr std::array kZones = {
    "UTC",
    "Europe/Copenhagen",
    "Europe/London",
    "Europe/Dublin",
    "Atlantic/Azores",
    "America/New_York",
    "America/St_Johns",   // 03:30; until 2011 the clock moved at one past midnight
    "America/Sao_Paulo",  // moved at midnight
    "America/Havana",
    "America/Nuuk",
    "Africa/Casablanca",  // back for the month of fasting
    "Africa/Monrovia",    // 00:44:30 until 1972
    "Africa/Cairo",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Asia/Tehran",
    "Australia/Lord_Howe",  // moves by 30 minutes
    "Pacific/Apia",         // had no 30 December 2011
    "Pacific/Chatham",      // 12:45
    "Pacific/Kwajalein",
    "Antarctica/Troll",  // moves by two hours
    "Asia/Pyongyang",
};

// "" or what is wrong: periods from the one with `from` on until `to`.
std::string not_tiled(const PeriodOf& period_of, WallTime from, WallTime to) {
  Period period = period_of(from);
  if (!period.contains(from)) return show(period) + " is without " + to_rfc3339(from);
  while (period.end < to) {
    const WallTime middle = period.begin + (period.end - period.begin) / 2;
    for (const WallTime time : {period.begin, middle, period.end - 1us})
      if (period_of(time) != period)
        return show(period) + " is not what " + to_rfc3339(time) +
               " is in: " + show(period_of(time));
    const Period next = period_of(period.end);
    if (next.begin != period.end) return show(period) + " is followed by " + show(next);
    if (next.end <= next.begin) return show(next) + " is empty";
    period = next;
  }
  return {};
}

const WallTime kFrom = at("1970-01-01T00:00:00Z");
const WallTime kTo = at("2100-01-01T00:00:00Z");

TEST(TimeZone, DaysAndMonthsTileTime) {
  for (const char* name : kZones) {
    const TimeZone here = zone(name);
    EXPECT_EQ(not_tiled([&](WallTime t) { return here.day(t); }, kFrom, kTo), "") << name;
    EXPECT_EQ(not_tiled([&](WallTime t) { return here.month(t); }, kFrom, kTo), "") << name;
  }
}

// Every day on which the clock moves, and days at random: all of them would be billions of minutes.
TEST(TimeZone, MinutesAndHoursTileTime) {
  std::mt19937_64 random(7);
  for (const char* name : kZones) {
    const TimeZone here = zone(name);
    const PeriodOf hour = [&](WallTime t) { return here.hour(t); };
    const PeriodOf minute = [&](WallTime t) { return here.minute(t); };
    int moved = 0;
    for (Period day = here.day(kFrom); day.begin < kTo; day = here.day(day.end)) {
      const bool odd = day.end - day.begin != 24h;
      if (!odd && random() % 400 != 0) continue;
      moved += odd ? 1 : 0;
      ASSERT_EQ(not_tiled(hour, day.begin - 3h, day.end + 3h), "") << name;
      if (moved % 8 == 1 || random() % 32 == 0) {
        ASSERT_EQ(not_tiled(minute, day.begin - 1h, day.end + 1h), "") << name;
      }
    }
  }
}

TEST(TimeZone, TheCheckFindsDaysOf24HoursAndDoubleMidnights) {
  const TimeZone here = zone("Europe/Copenhagen");
  const PeriodOf of_24_hours = [&](WallTime t) {
    const WallTime begin = here.day(t).begin;
    return Period{begin, begin + 24h};
  };
  EXPECT_NE(not_tiled(of_24_hours, at("2026-03-20T00:00:00Z"), at("2026-04-01T00:00:00Z")), "");
  EXPECT_NE(not_tiled(of_24_hours, at("2026-10-20T00:00:00Z"), at("2026-11-01T00:00:00Z")), "");
  // One microsecond that belongs to nobody.
  const PeriodOf late = [&](WallTime t) {
    const Period day = here.day(t);
    return Period{day.begin + 1us, day.end};
  };
  EXPECT_NE(not_tiled(late, at("2026-05-01T12:00:00Z"), at("2026-05-04T00:00:00Z")), "");
}

TEST(TimeZone, ADayIsAsLongAsItsClockSays) {
  const TimeZone here = zone("Europe/Copenhagen");
  EXPECT_EQ(show(here.day(at("2026-03-29T12:00:00Z"))), "2026-03-28T23:00:00 2026-03-29T22:00:00");
  EXPECT_EQ(show(here.day(at("2026-10-25T12:00:00Z"))), "2026-10-24T22:00:00 2026-10-25T23:00:00");
  EXPECT_EQ(show(here.day(at("2026-07-01T21:59:59Z"))), "2026-06-30T22:00:00 2026-07-01T22:00:00");
  EXPECT_EQ(show(zone("Asia/Kathmandu").day(at("2026-07-01T12:00:00Z"))),
            "2026-06-30T18:15:00 2026-07-01T18:15:00");
  EXPECT_EQ(show(zone("Australia/Lord_Howe").day(at("2026-04-05T00:00:00Z"))),
            "2026-04-04T13:00:00 2026-04-05T13:30:00");
}

TEST(TimeZone, MidnightMayBeSkippedOrShownTwice) {
  // 4 November 2018 began at 01:00 in Sao Paulo.
  EXPECT_EQ(show(zone("America/Sao_Paulo").day(at("2018-11-04T12:00:00Z"))),
            "2018-11-04T03:00:00 2018-11-05T02:00:00");
  // On 18 February 2018 the clock went from 00:00 back to 23:00: the 17th has 25 hours.
  EXPECT_EQ(show(zone("America/Sao_Paulo").day(at("2018-02-18T02:30:00Z"))),
            "2018-02-17T02:00:00 2018-02-18T03:00:00");
  // In St John's it went from 00:01 back to 23:01: the 29th had begun, and goes on.
  EXPECT_EQ(show(zone("America/St_Johns").day(at("2006-10-29T03:00:00Z"))),
            "2006-10-29T02:30:00 2006-10-30T03:30:00");
}

TEST(TimeZone, ADateMayNotExist) {
  const TimeZone apia = zone("Pacific/Apia");
  EXPECT_EQ(show(apia.day(at("2011-12-30T09:59:59Z"))), "2011-12-29T10:00:00 2011-12-30T10:00:00");
  EXPECT_EQ(show(apia.day(at("2011-12-30T10:00:00Z"))), "2011-12-30T10:00:00 2011-12-31T10:00:00");
  EXPECT_EQ(show(apia.month(at("2011-12-30T10:00:00Z"))),
            "2011-12-01T10:00:00 2011-12-31T10:00:00");
}

TEST(TimeZone, MonthsEndWithTheirLastDay) {
  const TimeZone here = zone("Europe/Copenhagen");
  EXPECT_EQ(show(here.month(at("2028-02-29T22:59:59Z"))),
            "2028-01-31T23:00:00 2028-02-29T23:00:00");
  EXPECT_EQ(show(here.month(at("2026-03-15T00:00:00Z"))),
            "2026-02-28T23:00:00 2026-03-31T22:00:00");
  EXPECT_EQ(show(here.month(at("2026-12-31T23:00:00Z"))),
            "2026-12-31T23:00:00 2027-01-31T23:00:00");
}

TEST(TimeZone, AnHourThatIsShownTwiceIsTwoHours) {
  const TimeZone here = zone("Europe/Copenhagen");
  EXPECT_EQ(show(here.hour(at("2026-10-25T00:30:00Z"))), "2026-10-25T00:00:00 2026-10-25T01:00:00");
  EXPECT_EQ(show(here.hour(at("2026-10-25T01:30:00Z"))), "2026-10-25T01:00:00 2026-10-25T02:00:00");
}

TEST(TimeZone, AnHourIsCutWhereTheClockMovesByHalfOfOne) {
  const TimeZone here = zone("Australia/Lord_Howe");
  // 02:00 becomes 01:30 at 15:00 UTC, and 02:30 again half an hour later.
  EXPECT_EQ(show(here.hour(at("2026-04-04T14:59:59Z"))), "2026-04-04T14:00:00 2026-04-04T15:00:00");
  EXPECT_EQ(show(here.hour(at("2026-04-04T15:00:00Z"))), "2026-04-04T15:00:00 2026-04-04T15:30:00");
  EXPECT_EQ(show(here.hour(at("2026-04-04T15:30:00Z"))), "2026-04-04T15:30:00 2026-04-04T16:30:00");
  EXPECT_EQ(show(zone("Asia/Kolkata").hour(at("2026-04-04T15:00:00Z"))),
            "2026-04-04T14:30:00 2026-04-04T15:30:00");
}

// A year before and after: the same month, the same rule.
TEST(TimeZone, StepsOfAYearLandInAPeriodThatContainsThem) {
  std::mt19937_64 random(8);
  for (const char* name : kZones) {
    const TimeZone here = zone(name);
    for (int i = 0; i < 500; ++i) {
      const WallTime start = kFrom + std::chrono::seconds(random() % 4'102'444'800);
      for (const WallTime time : {start - 365 * 24h, start, start + 365 * 24h, start + 366 * 24h}) {
        ASSERT_TRUE(here.minute(time).contains(time)) << name << to_rfc3339(time);
        ASSERT_TRUE(here.hour(time).contains(time)) << name << to_rfc3339(time);
        ASSERT_TRUE(here.day(time).contains(time)) << name << to_rfc3339(time);
        ASSERT_TRUE(here.month(time).contains(time)) << name << to_rfc3339(time);
        ASSERT_LE(here.month(time).begin, here.day(time).begin);
        ASSERT_GE(here.month(time).end, here.day(time).end);
      }
    }
  }
}

// 31 December 2016 had a second 23:59:60. Unix time, and so each of our instants, does not have it:
// no text means it, no period is longer for it, and the instant after 23:59:59 is in the new year.
TEST(TimeZone, ALeapSecondDoesNotExist) {
  EXPECT_EQ(parse_rfc3339("2016-12-31T23:59:60Z"), std::nullopt);
  const WallTime midnight = at("2017-01-01T00:00:00Z");
  EXPECT_EQ(at("2016-12-31T23:59:59Z") + 1s, midnight);
  EXPECT_EQ(to_rfc3339(midnight - 1us), "2016-12-31T23:59:59.999999Z");
  const TimeZone utc;
  EXPECT_EQ(show(utc.day(midnight - 1us)), "2016-12-31T00:00:00 2017-01-01T00:00:00");
  EXPECT_EQ(show(utc.minute(midnight - 1us)), "2016-12-31T23:59:00 2017-01-01T00:00:00");
  EXPECT_EQ(show(utc.day(midnight)), "2017-01-01T00:00:00 2017-01-02T00:00:00");
  // Where the day ended at another time, nothing happened at all.
  EXPECT_EQ(show(zone("Europe/Copenhagen").day(midnight)),
            "2016-12-31T23:00:00 2017-01-01T23:00:00");
}

TEST(TimeZone, TakesNoTimeTooFarAway) {
  for (const WallTime time : {WallTime::min(), WallTime::max()}) {
    const Period year = zone("Europe/Copenhagen").month(time);
    EXPECT_LT(year.begin, year.end);
    EXPECT_LT(zone("Europe/Copenhagen").hour(time).begin, zone("Asia/Tehran").hour(time).end);
  }
}

TEST(TimeZone, RefusesWhatIsNotAName) {
  for (const char* name :
       {"", "Europe/Atlantis", "europe copenhagen", "../../etc/passwd", "/etc/localtime",
        "file:/etc/passwd", "libc:localtime", ":UTC", "Europe/", "Europe//Paris"})
    EXPECT_THAT(TimeZone::find(name), FailsWith(Code::invalid_value)) << name;
  EXPECT_THAT(TimeZone::find(std::string(65, 'a')), FailsWith(Code::invalid_value));
  EXPECT_THAT(TimeZone::find(std::string_view("UTC\0", 4)), FailsWith(Code::invalid_value));
}

TEST(TimeZone, IsAValue) {
  EXPECT_EQ(zone("Europe/Copenhagen"), zone("Europe/Copenhagen"));
  EXPECT_NE(zone("Europe/Copenhagen"), zone("Europe/Oslo"));
  EXPECT_EQ(zone("UTC"), TimeZone::utc());
  EXPECT_EQ(TimeZone().name(), "UTC");
  EXPECT_EQ(zone("Europe/Copenhagen").name(), "Europe/Copenhagen");
}

}  // namespace
}  // namespace sovmesh
