#include "observe/log.h"

#include <fmt/format.h>

#include "base/append.h"
#include "base/bytes.h"
#include "base/time_text.h"

namespace sovmesh::observe {

std::string_view name(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
  }
  return "";
}

LogLine::LogLine(Level level, std::string_view event, WallTime at) {
  text_.reserve(1024);
  text_ += R"({"ts":")";
  append_rfc3339(text_, at);
  append_all(text_, R"(","level":")", observe::name(level), R"(","event":)");
  append_json_string(text_, event);
}

LogLine& LogLine::add(std::string_view name, std::string_view value) {
  append_all(text_, ",\"", name, "\":");
  append_json_string(text_, value);
  return *this;
}

LogLine& LogLine::add(std::string_view name, std::int64_t value) {
  const fmt::format_int digits(value);
  append_all(text_, ",\"", name, "\":", std::string_view(digits.data(), digits.size()));
  return *this;
}

LogLine& LogLine::add_plain(std::string_view name, std::string_view value) {
  append_all(text_, ",\"", name, "\":\"", value, "\"");
  return *this;
}

LogLine& LogLine::add_hex(std::string_view name, std::string_view prefix,
                          std::span<const unsigned char> bytes) {
  append_all(text_, ",\"", name, "\":\"", prefix);
  append_hex(text_, bytes);
  text_ += '"';
  return *this;
}

LogLine& LogLine::add_bool(std::string_view name, bool value) {
  append_all(text_, ",\"", name, value ? "\":true" : "\":false");
  return *this;
}

LogLine& LogLine::add_null(std::string_view name) {
  append_all(text_, ",\"", name, "\":null");
  return *this;
}

std::string LogLine::take() && {
  text_ += '}';
  return std::move(text_);
}

void Log::say(Level level, std::string_view event, std::string_view message) const {
  if (!on(level)) return;
  LogLine out = line(level, event);
  out.add("message", message);
  write(std::move(out));
}

}  // namespace sovmesh::observe
