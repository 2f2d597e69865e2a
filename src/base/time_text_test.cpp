#include "base/time_text.h"

#include <gtest/gtest.h>

namespace sovmesh {
namespace {

using namespace std::chrono_literals;

constexpr WallTime at(std::chrono::sys_days day, std::chrono::microseconds time) {
  return WallTime(day) + time;
}

TEST(Rfc3339, WritesSixFractionDigits) {
  using std::chrono::year;
  EXPECT_EQ(to_rfc3339(at(year(2026) / 11 / 25, 8h + 30min + 123'456us)),
            "2026-11-25T08:30:00.123456Z");
  EXPECT_EQ(to_rfc3339(WallTime{}), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(to_rfc3339(WallTime(-1us)), "1969-12-31T23:59:59.999999Z");
}

TEST(Rfc3339, ReadsWhatItWrites) {
  for (const auto time : {WallTime{}, WallTime(1'764'059'400'123'456us), WallTime(-1us)})
    EXPECT_EQ(parse_rfc3339(to_rfc3339(time)), time);
}

TEST(Rfc3339, ReadsOffsetsAndAnyFraction) {
  const auto want = parse_rfc3339("2026-11-25T08:30:00Z");
  ASSERT_TRUE(want);
  EXPECT_EQ(parse_rfc3339("2026-11-25T10:30:00+02:00"), want);
  EXPECT_EQ(parse_rfc3339("2026-11-25t03:00:00.0-05:30"), want);
  EXPECT_EQ(parse_rfc3339("2026-11-25T08:30:00.000000999z"), want);
  EXPECT_EQ(parse_rfc3339("2026-11-25T08:30:00.5Z"), *want + 500ms);
  EXPECT_TRUE(parse_rfc3339("2024-02-29T00:00:00Z"));
}

TEST(Rfc3339, RefusesImpossibleAndUnfinishedTimes) {
  for (const std::string_view bad :
       {"", "2026", "2026-11-25", "2026-11-25T08:30:00", "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.0000000000Z", "2026-01-01T00:00:00Zx",
        "2026-01-01 00:00:00Z", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+0200",
        "+026-01-01T00:00:00Z", "2026-1-01T00:00:00Z"})
    EXPECT_EQ(parse_rfc3339(bad), std::nullopt) << bad;
}

TEST(GoDuration, LooksAsGoPrintsIt) {
  EXPECT_EQ(to_go_duration(0ms), "0s");
  EXPECT_EQ(to_go_duration(120ms), "120ms");
  EXPECT_EQ(to_go_duration(6min), "6m0s");
  EXPECT_EQ(to_go_duration(90'500ms), "1m30.5s");
  EXPECT_EQ(to_go_duration(1s), "1s");
  EXPECT_EQ(to_go_duration(1'050ms), "1.05s");
  EXPECT_EQ(to_go_duration(26h), "26h0m0s");
  EXPECT_EQ(to_go_duration(-1'500ms), "-1.5s");
}

TEST(HttpDate, IsInGmtAndOfFixedWidth) {
  EXPECT_EQ(to_http_date(*parse_rfc3339("1994-11-06T08:49:37Z")), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(to_http_date(*parse_rfc3339("2027-06-30T00:00:00.9Z")),
            "Wed, 30 Jun 2027 00:00:00 GMT");
}

TEST(Duration, ReadsCountAndUnit) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("30s"), 30s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("24h"), 24h);
  EXPECT_EQ(parse_duration("7d"), 7 * 24h);
  EXPECT_EQ(parse_duration("0s"), 0ms);
}

TEST(Duration, IsWrittenAsItIsRead) {
  EXPECT_EQ(duration_text(250ms), "250ms");
  EXPECT_EQ(duration_text(1'500ms), "1500ms");
  EXPECT_EQ(duration_text(30s), "30s");
  EXPECT_EQ(duration_text(0ms), "0s");
  for (const auto time : {1ms, 999ms, 1'000ms, 86'400'000ms})
    EXPECT_EQ(parse_duration(duration_text(time)), time);
}

TEST(Duration, RefusesOtherTextsAndCenturies) {
  for (const std::string_view bad : {"", "5", "s", "5 s", "-5s", "1.5s", "5sec", "05s", "36501d",
                                     "99999999999999999999s", "18446744073709551615d"})
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace sovmesh
