#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time_zone.h"

namespace sovmesh {

// Dates as a zone's clock shows them: names of the periods that TimeZone cuts.

// "2026-11" and "2026-11-25" of the month and day in which `time` lies.
std::string month_text(TimeZone zone, WallTime time);
std::string day_text(TimeZone zone, WallTime time);

// The month or day of such a text; nothing when it is none (years 1970 to 9999). A day that the
// zone skipped is the one after it.
std::optional<TimeZone::Period> find_month(TimeZone zone, std::string_view text);
std::optional<TimeZone::Period> find_day(TimeZone zone, std::string_view text);
// "2026-10" for "2026-11"; the text must be a month.
std::string month_before(std::string_view text);
std::string month_after(std::string_view text);

}  // namespace sovmesh
