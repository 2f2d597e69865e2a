#include "base/local_date.h"

#include <gtest/gtest.h>

#include "base/time_text.h"

namespace sovmesh {
namespace {

TimeZone zone(std::string_view name) {
  const auto found = TimeZone::find(name);
  EXPECT_TRUE(found) << name;
  return found.value_or(TimeZone::utc());
}
WallTime at(std::string_view text) { return parse_rfc3339(text).value(); }

TEST(LocalDate, ADayIsNamedAsTheClockThereShowsIt) {
  const WallTime late = at("2026-10-31T23:30:00Z");
  EXPECT_EQ(day_text(zone("UTC"), late), "2026-10-31");
  EXPECT_EQ(day_text(zone("Europe/Copenhagen"), late), "2026-11-01");
  EXPECT_EQ(month_text(zone("Europe/Copenhagen"), late), "2026-11");
  EXPECT_EQ(day_text(zone("Pacific/Kiritimati"), late), "2026-11-01");
  EXPECT_EQ(day_text(zone("Pacific/Pago_Pago"), late), "2026-10-31");
}

TEST(LocalDate, EveryDayOfAYearIsFoundByItsName) {
  for (const char* name : {"UTC", "Europe/Copenhagen", "America/St_Johns", "Pacific/Kiritimati",
                           "Australia/Lord_Howe", "Pacific/Pago_Pago", "Africa/Casablanca"}) {
    const TimeZone there = zone(name);
    WallTime time = there.month(at("2026-01-15T00:00:00Z")).begin;
    for (int i = 0; i < 366; ++i) {
      const TimeZone::Period day = there.day(time);
      const std::string text = day_text(there, time);
      ASSERT_EQ(text, day_text(there, day.end - std::chrono::microseconds(1))) << name;
      ASSERT_EQ(find_day(there, text), day) << name << ' ' << text;
      ASSERT_EQ(find_month(there, text.substr(0, 7)), there.month(time)) << name << ' ' << text;
      ASSERT_LT(text, day_text(there, day.end)) << name;
      time = day.end;
    }
  }
}

TEST(LocalDate, WhatIsNoDateIsNone) {
  for (const char* text :
       {"", "2026", "2026-13", "2026-00", "26-11", "2026/11", "2026-1a", "1969-01"})
    EXPECT_FALSE(find_month(TimeZone::utc(), text)) << text;
  for (const char* text : {"", "2026-11", "2026-11-31", "2026-11-00", "2026-02-29", "2026-11-1"})
    EXPECT_FALSE(find_day(TimeZone::utc(), text)) << text;
  EXPECT_TRUE(find_day(TimeZone::utc(), "2028-02-29"));
}

TEST(LocalDate, MonthsFollowEachOther) {
  EXPECT_EQ(month_before("2026-01"), "2025-12");
  EXPECT_EQ(month_after("2026-12"), "2027-01");
}

}  // namespace
}  // namespace sovmesh
