#include "base/time_zone.h"

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>

#include "base/guarded.h"

namespace sovmesh {

struct TimeZone::Zone {
  std::string name;
  absl::TimeZone zone;
};

// Loaded zones, which stay: the database has some 600 names.
struct ZoneTable {
  // The library remembers names that it did not find, too; so this bounds what a caller can make it
  // keep.
  static constexpr std::size_t kUnknownMax = 10'000;

  std::map<std::string, std::unique_ptr<const TimeZone::Zone>, std::less<>> zones;
  std::size_t unknown = 0;

  Result<TimeZone> find(std::string_view name);
};

namespace {

constexpr std::size_t kNameMax = 64;
constexpr std::string_view kUtc = "UTC";

// The library makes a path of the name.
bool is_name(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '+' || c == '-' || c == '/';
  };
  return !name.empty() && name.size() <= kNameMax && name.front() != '/' && name.back() != '/' &&
         name.find("//") == name.npos && std::ranges::all_of(name, is_letter);
}

const absl::TimeZone& library_utc() {
  static const absl::TimeZone utc = absl::UTCTimeZone();
  return utc;
}

absl::Time from(WallTime time) {
  static constexpr WallTime kFirst{std::chrono::sys_days(std::chrono::year(1) / 1 / 1)};
  static constexpr WallTime kLast{std::chrono::sys_days(std::chrono::year(9999) / 12 / 31)};
  return absl::FromUnixMicros(std::clamp(time, kFirst, kLast).time_since_epoch().count());
}
WallTime to(absl::Time time) {
  return WallTime(std::chrono::microseconds(absl::ToUnixMicros(time)));
}

// The first instant at which the clock shows `civil` or later.
absl::Time first_instant(const absl::TimeZone& zone, absl::CivilSecond civil) {
  const absl::TimeZone::TimeInfo info = zone.At(civil);
  return info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre;
}

// Days and months: from one first instant to the next.
template <class Civil>
TimeZone::Period civil_period(const absl::TimeZone& zone, WallTime time) {
  const absl::Time at = from(time);
  Civil civil(zone.At(at).cs);
  absl::Time end = first_instant(zone, absl::CivilSecond(civil + 1));
  // The clock went back over midnight: the next day (month) has begun already. Twice at most; a
  // skipped day has no instant of its own.
  while (end <= at)
    end = first_instant(zone, absl::CivilSecond(++civil + 1));
  return {to(first_instant(zone, absl::CivilSecond(civil))), to(end)};
}

// Seconds of the clock modulo `length` at an instant of 0 s Unix time.
std::int64_t phase(const absl::TimeZone& zone, absl::Time at, std::int64_t length) {
  const std::int64_t offset = zone.At(at).offset % length;
  return offset < 0 ? offset + length : offset;
}

std::int64_t floor_to(std::int64_t seconds, std::int64_t length, std::int64_t offset) {
  const std::int64_t into = (seconds + offset) % length;
  return seconds - (into < 0 ? into + length : into);
}

// Minutes and hours: cells of `length` seconds, cut where the clock moves by a part of one.
TimeZone::Period clock_period(const absl::TimeZone& zone, WallTime time, std::int64_t length) {
  const absl::Time at = from(time);
  const std::int64_t offset = phase(zone, at, length);
  const std::int64_t begin = floor_to(absl::ToUnixSeconds(at), length, offset);
  absl::Time first = absl::FromUnixSeconds(begin);
  absl::Time last = absl::FromUnixSeconds(begin + length);
  absl::TimeZone::CivilTransition change;
  // `next` is strictly later than what it is given: start one tick before the cell.
  absl::Time from_here = first - absl::Nanoseconds(1);
  while (zone.NextTransition(from_here, &change)) {
    // The instant of the change, as the clock that comes after it shows it.
    const absl::TimeZone::TimeInfo info = zone.At(change.to);
    const absl::Time instant =
        info.kind == absl::TimeZone::TimeInfo::UNIQUE ? info.pre : info.trans;
    if (instant >= last || instant <= from_here) break;
    from_here = instant;
    const bool moved =
        phase(zone, instant - absl::Nanoseconds(1), length) != phase(zone, instant, length);
    if (!moved) continue;
    if (instant <= at) {
      first = std::max(first, instant);
    } else {
      last = instant;
      break;
    }
  }
  return {to(first), to(last)};
}

}  // namespace

Result<TimeZone> ZoneTable::find(std::string_view name) {
  if (const auto known = zones.find(name); known != zones.end())
    return TimeZone(known->second.get());
  absl::TimeZone loaded;
  if (unknown >= kUnknownMax ||
      !absl::LoadTimeZone(absl::string_view(name.data(), name.size()), &loaded)) {
    unknown = std::min(unknown + 1, kUnknownMax);
    return client_error(Code::invalid_value,
                        "time zone: this machine has none of that name; want one like "
                        "\"Europe/Copenhagen\" (package tzdata)");
  }
  auto zone = std::make_unique<const TimeZone::Zone>(std::string(name), loaded);
  return TimeZone(zones.emplace(std::string(name), std::move(zone)).first->second.get());
}

Result<TimeZone> TimeZone::find(std::string_view name) {
  if (name == kUtc) return TimeZone();
  if (!is_name(name))
    return client_error(Code::invalid_value,
                        "time zone: want a name like \"Europe/Copenhagen\" or \"UTC\"");
  static Guarded<ZoneTable> table;
  return table.with([&](ZoneTable& zones) { return zones.find(name); });
}

std::string_view TimeZone::name() const { return zone_ == nullptr ? kUtc : zone_->name; }

TimeZone::Period TimeZone::minute(WallTime time) const {
  return clock_period(zone_ == nullptr ? library_utc() : zone_->zone, time, 60);
}
TimeZone::Period TimeZone::hour(WallTime time) const {
  return clock_period(zone_ == nullptr ? library_utc() : zone_->zone, time, 3600);
}
TimeZone::Period TimeZone::day(WallTime time) const {
  return civil_period<absl::CivilDay>(zone_ == nullptr ? library_utc() : zone_->zone, time);
}
TimeZone::Period TimeZone::month(WallTime time) const {
  return civil_period<absl::CivilMonth>(zone_ == nullptr ? library_utc() : zone_->zone, time);
}

}  // namespace sovmesh
