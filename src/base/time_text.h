#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace sovmesh {

// "2026-11-25T08:30:00.123456Z"
std::string to_rfc3339(WallTime time);
void append_rfc3339(std::string& text, WallTime time);
std::optional<WallTime> parse_rfc3339(std::string_view text);
// As HTTP has it: "Sun, 06 Nov 1994 08:49:37 GMT"
std::string to_http_date(WallTime time);
// Go style, as in x-ratelimit-reset-*: "120ms", "6m0s", "1m30.5s".
std::string to_go_duration(std::chrono::milliseconds duration);
// Configuration durations: COUNT + ms|s|m|h|d, as in "250ms", "30s", "24h".
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
// As one of them: "250ms", "30s".
std::string duration_text(std::chrono::milliseconds duration);

}  // namespace sovmesh
