#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace sovmesh {

// A time zone of the IANA database ("Europe/Copenhagen"), as the machine has it (package tzdata).
// A value, one pointer wide; copies are free and zones live as long as the process. Thread safe.
//
// Periods are half-open [begin, end), and those of one kind tile time: no gap, no overlap, whatever
// the zone does. Times before year 1 or after year 9999 count as those. Unix time knows no leap
// seconds: the instant after 23:59:59 UTC is in the next day, and no period is longer for one.
class TimeZone {
 public:
  TimeZone() = default;  // UTC
  static TimeZone utc() { return {}; }
  // Code::invalid_value for what is not a zone's name, or not one that this machine has.
  static Result<TimeZone> find(std::string_view name);

  std::string_view name() const;

  struct Period {
    WallTime begin;
    WallTime end;
    bool contains(WallTime time) const { return begin <= time && time < end; }
    friend bool operator==(const Period&, const Period&) = default;
  };
  // By the zone's clock, each 60 seconds or 60 minutes long. Only where the clock moves by a part
  // of an hour (Lord Howe: 30 minutes) is one cut short at that instant. The hour that a clock
  // shows twice is two hours.
  Period minute(WallTime time) const;
  Period hour(WallTime time) const;
  // From the first instant at which the clock shows the date to the first at which it shows the
  // next: 23, 24 or 25 hours as a rule. A day begins at 01:00 where midnight is skipped, and does
  // not begin twice where the clock goes back over midnight.
  Period day(WallTime time) const;
  Period month(WallTime time) const;

  friend bool operator==(const TimeZone&, const TimeZone&) = default;

 private:
  struct Zone;
  friend struct ZoneTable;
  explicit TimeZone(const Zone* zone) : zone_(zone) {}

  const Zone* zone_ = nullptr;  // nullptr: UTC
};

}  // namespace sovmesh
