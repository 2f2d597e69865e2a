#include "base/local_date.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace sovmesh {
namespace {

using std::chrono::days;
using std::chrono::hours;

// No offset from UTC comes near half a month, so the middle of a month is in it everywhere.
constexpr days kMiddle{14};

std::chrono::year_month month_of(TimeZone zone, WallTime time) {
  const WallTime middle = zone.month(time).begin + kMiddle;
  const std::chrono::year_month_day date(std::chrono::floor<days>(middle));
  return date.year() / date.month();
}

std::string text_of(std::chrono::year_month month) {
  return fmt::format("{:04}-{:02}", static_cast<int>(month.year()),
                     static_cast<unsigned>(month.month()));
}

// Exactly `width` digits.
std::optional<int> number(std::string_view text, std::size_t width) {
  if (text.size() != width) return std::nullopt;
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::optional<std::chrono::year_month> parse_month(std::string_view text) {
  if (text.size() != 7 || text[4] != '-') return std::nullopt;
  const auto year = number(text.substr(0, 4), 4);
  const auto month = number(text.substr(5), 2);
  if (!year || !month || *year < 1970) return std::nullopt;
  const std::chrono::year_month out{std::chrono::year(*year),
                                    std::chrono::month(static_cast<unsigned>(*month))};
  return out.ok() ? std::optional(out) : std::nullopt;
}

TimeZone::Period period_of(TimeZone zone, std::chrono::year_month month) {
  const std::chrono::sys_days first = month / 1;
  return zone.month(WallTime(first) + kMiddle);
}

}  // namespace

std::string month_text(TimeZone zone, WallTime time) { return text_of(month_of(zone, time)); }

std::string day_text(TimeZone zone, WallTime time) {
  const auto since = zone.day(time).begin - zone.month(time).begin;
  // Days of 23 and 25 hours: whole days to the nearest.
  const auto day = std::chrono::round<days>(since).count() + 1;
  return fmt::format("{}-{:02}", month_text(zone, time), day);
}

std::optional<TimeZone::Period> find_month(TimeZone zone, std::string_view text) {
  const auto month = parse_month(text);
  if (!month) return std::nullopt;
  return period_of(zone, *month);
}

std::optional<TimeZone::Period> find_day(TimeZone zone, std::string_view text) {
  if (text.size() != 10 || text[7] != '-') return std::nullopt;
  const auto month = parse_month(text.substr(0, 7));
  const auto day = number(text.substr(8), 2);
  if (!month || !day) return std::nullopt;
  const auto date = *month / std::chrono::day(static_cast<unsigned>(*day));
  if (!date.ok()) return std::nullopt;
  return zone.day(period_of(zone, *month).begin + days(*day - 1) + hours(12));
}

std::string month_before(std::string_view text) {
  return text_of(*parse_month(text) - std::chrono::months(1));
}
std::string month_after(std::string_view text) {
  return text_of(*parse_month(text) + std::chrono::months(1));
}

}  // namespace sovmesh
