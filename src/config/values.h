#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "config/describe.h"

namespace sovmesh::config {

// The texts of scalar values, the same in YAML and in the environment. Errors say what is wanted.
Result<void> parse_value(std::string_view text, bool& out, Bounds bounds);
Result<void> parse_value(std::string_view text, int& out, Bounds bounds);
Result<void> parse_value(std::string_view text, std::int64_t& out, Bounds bounds);
Result<void> parse_value(std::string_view text, std::string& out, Bounds bounds);
Result<void> parse_value(std::string_view text, std::chrono::milliseconds& out, Bounds bounds);
Result<void> parse_value(std::string_view text, Decimal& out, Bounds bounds);

// "${NAME}" and "${NAME:-default}" inside a plain value. An unset name without a default is an
// error.
Result<std::string> interpolate(
    std::string_view text,
    const std::function<std::optional<std::string>(std::string_view)>& environment);

// "file:PATH" or "env:NAME"; anything else is refused, so that no secret stands in a file by
// mistake.
struct SecretRef {
  bool is_file = false;
  std::string name;
};
Result<SecretRef> parse_secret_ref(std::string_view text);

// Labels of keys: the file's, and the admin API's.
inline constexpr std::size_t kLabelsMax = 16;
inline constexpr std::size_t kLabelBytesMax = 64;
Result<void> check_label(std::string_view name, std::string_view value);

// What a browser may send as Origin: "https://app.example" or "http://127.0.0.1:3000", lower case,
// without path and without the scheme's own port. Others would never match, so they are errors.
Result<void> check_origin(std::string_view origin);

// Where we may post: https, on this machine also http, without user, query-breaking or invisible
// characters.
Result<void> check_webhook_url(std::string_view url);
// An origin, and perhaps the beginning of a path: every reader of URLs must see the same in it.
Result<void> check_webhook_place(std::string_view place);
// "2027-01-01" (midnight UTC) or a time as in RFC 3339.
std::optional<WallTime> parse_date_or_time(std::string_view text);
// A zone of the IANA database; the error says how such names look.
Result<void> check_time_zone(std::string_view text);
// 3 capitals.
Result<void> check_currency(std::string_view text);

// The whole file without trailing newlines.
Result<std::string> read_text_file(const std::string& path, std::size_t bytes_max);

}  // namespace sovmesh::config
