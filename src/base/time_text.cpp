#include "base/time_text.h"

#include <fmt/format.h>

#include <array>
#include <concepts>
#include <cstdint>

#include "base/append.h"
#include "base/bytes.h"

namespace sovmesh {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t kFractionDigitsMax = 9;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes a text from the front; after the first failure everything fails.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : left_(text) {}
  bool ok() const { return ok_; }
  bool at_end() const { return left_.empty(); }

  unsigned number(std::size_t digits) {
    if (left_.size() < digits) return refuse();
    unsigned value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (!is_digit(left_[i])) return refuse();
      value = value * 10 + static_cast<unsigned>(left_[i] - '0');
    }
    left_.remove_prefix(digits);
    return value;
  }
  bool take(char c) {
    if (left_.empty() || left_.front() != c) return false;
    left_.remove_prefix(1);
    return true;
  }
  void want(char c) {
    if (!take(c)) refuse();
  }
  // ".5" to 500000 us; what is finer than a microsecond is cut off.
  microseconds fraction() {
    if (!take('.')) return {};
    std::int64_t value = 0;
    std::size_t digits = 0;
    for (; !left_.empty() && is_digit(left_.front()); left_.remove_prefix(1), ++digits) {
      if (digits < 6) value = value * 10 + (left_.front() - '0');
    }
    if (digits == 0 || digits > kFractionDigitsMax) refuse();
    for (std::size_t i = digits; i < 6; ++i)
      value *= 10;
    return microseconds(value);
  }
  // "Z", "+02:00": how far local time is ahead of UTC.
  minutes offset() {
    if (take('Z') || take('z')) return {};
    const bool ahead = take('+');
    if (!ahead) want('-');
    const unsigned hour = number(2);
    want(':');
    const unsigned minute = number(2);
    if (hour > 23 || minute > 59) refuse();
    const minutes size = hours(hour) + minutes(minute);
    return ahead ? size : -size;
  }

 private:
  unsigned refuse() {
    ok_ = false;
    left_ = {};
    return 0;
  }
  std::string_view left_;
  bool ok_ = true;
};

struct Unit {
  std::string_view suffix;
  std::uint64_t milliseconds;
};
constexpr std::array<Unit, 5> kUnits{
    {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
// A hundred years: adding it to any Instant cannot overflow.
constexpr std::uint64_t kDurationMax = 36'500ULL * 86'400'000;

// `count` decimal digits of `value`, which has no more, at `at`. Every log line has a time: this is
// many times cheaper than a general formatter.
void put_digits(std::string& text, std::size_t at, std::size_t count, std::integral auto value) {
  for (std::size_t i = at + count; i > at; --i, value /= 10)
    text[i - 1] = static_cast<char>('0' + value % 10);
}

}  // namespace

void append_rfc3339(std::string& text, WallTime time) {
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  const std::size_t at = text.size();
  text += "0000-00-00T00:00:00.000000Z";
  put_digits(text, at, 4, static_cast<int>(date.year()));
  put_digits(text, at + 5, 2, static_cast<unsigned>(date.month()));
  put_digits(text, at + 8, 2, static_cast<unsigned>(date.day()));
  put_digits(text, at + 11, 2, clock.hours().count());
  put_digits(text, at + 14, 2, clock.minutes().count());
  put_digits(text, at + 17, 2, clock.seconds().count());
  put_digits(text, at + 20, 6, clock.subseconds().count());
}

std::string to_rfc3339(WallTime time) {
  std::string text;
  append_rfc3339(text, time);
  return text;
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  Scanner scan(text);
  const unsigned year = scan.number(4);
  scan.want('-');
  const unsigned month = scan.number(2);
  scan.want('-');
  const unsigned day = scan.number(2);
  if (!scan.take('T')) scan.want('t');
  const unsigned hour = scan.number(2);
  scan.want(':');
  const unsigned minute = scan.number(2);
  scan.want(':');
  const unsigned second = scan.number(2);
  const microseconds fraction = scan.fraction();
  const minutes offset = scan.offset();
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(month), std::chrono::day(day));
  if (!scan.ok() || !scan.at_end() || !date.ok()) return std::nullopt;
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return WallTime(std::chrono::sys_days(date)) + hours(hour) + minutes(minute) + seconds(second) +
         fraction - offset;
}

std::string to_go_duration(milliseconds duration) {
  const std::int64_t count = duration.count();
  const std::string_view sign = count < 0 ? "-" : "";
  const std::uint64_t total =
      count < 0 ? 0 - static_cast<std::uint64_t>(count) : static_cast<std::uint64_t>(count);
  if (total == 0) return "0s";
  std::string text(sign);
  const auto add = [&text](std::uint64_t number, std::string_view unit) {
    append_number(text, number);
    text += unit;
  };
  if (total < 1'000) {
    add(total, "ms");
    return text;
  }
  if (total >= 3'600'000) add(total / 3'600'000, "h");
  if (total >= 60'000) add(total / 60'000 % 60, "m");
  append_number(text, total / 1'000 % 60);
  if (total % 1'000 != 0) {
    text += ".000";
    put_digits(text, text.size() - 3, 3, total % 1'000);
    text.erase(text.find_last_not_of('0') + 1);
  }
  text += 's';
  return text;
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  const std::size_t digits = text.find_first_not_of("0123456789");
  if (digits == std::string_view::npos) return std::nullopt;
  const auto count = parse_u64(text.substr(0, digits));
  if (!count) return std::nullopt;
  for (const Unit& unit : kUnits) {
    if (text.substr(digits) != unit.suffix) continue;
    if (*count > kDurationMax / unit.milliseconds) return std::nullopt;
    return milliseconds(static_cast<std::int64_t>(*count * unit.milliseconds));
  }
  return std::nullopt;
}

std::string duration_text(milliseconds duration) {
  if (duration.count() % 1'000 != 0) return std::to_string(duration.count()) + "ms";
  return std::to_string(duration.count() / 1'000) + "s";
}

std::string to_http_date(WallTime time) {
  constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     days[std::chrono::weekday(day).c_encoding()],
                     static_cast<unsigned>(date.day()),
                     months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace sovmesh
