#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace sovmesh::observe {

enum class Level : std::uint8_t { debug, info, warning, error };
std::string_view name(Level level);

// Where finished log lines go. write() never blocks and never waits for a disk or a pipe: lines
// that do not fit into the bounded queue, or that nobody takes, are dropped and counted.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(std::string&& line) = 0;  // one JSON object, without the newline
  virtual std::uint64_t dropped() const = 0;
};

// A thread that writes batches to standard error ("-") or a file that is opened for appending.
// Lines that cannot be written count as dropped, and standard error is told once. The destructor
// writes what is queued, for at most `stop_time` while nobody takes it. The process must ignore
// SIGPIPE.
Result<std::unique_ptr<LogSink>> make_file_sink(
    const std::string& path, std::chrono::milliseconds stop_time = std::chrono::seconds(1));

// Builds one JSON line: {"ts":"...","level":"info","event":"request",...}. Values are escaped;
// nothing is ever added that the caller did not name.
class LogLine {
 public:
  LogLine(Level level, std::string_view event, WallTime at);
  LogLine& add(std::string_view name, std::string_view value);
  LogLine& add(std::string_view name, const char* value) {
    return add(name, std::string_view(value));
  }
  LogLine& add(std::string_view name, std::int64_t value);
  // A value of ours that needs no escapes by its making: hex, a slug, a word of a fixed list.
  LogLine& add_plain(std::string_view name, std::string_view value);
  // `prefix` and lower-case hexadecimal digits.
  LogLine& add_hex(std::string_view name, std::string_view prefix,
                   std::span<const unsigned char> bytes);
  LogLine& add_bool(std::string_view name, bool value);
  LogLine& add_null(std::string_view name);
  std::string take() &&;

 private:
  std::string text_;
};

// A named logger for events that are not requests (start, reload, engine state). Any thread.
class Log {
 public:
  Log(LogSink& sink, const Clock& clock, Level lowest)
      : sink_(sink), clock_(clock), lowest_(lowest) {}
  bool on(Level level) const { return level >= lowest_; }
  LogLine line(Level level, std::string_view event) const {
    return {level, event, clock_.wall_now()};
  }
  void write(LogLine&& line) const { sink_.write(std::move(line).take()); }
  // A message for people: {"event":EVENT,"message":MESSAGE}.
  void say(Level level, std::string_view event, std::string_view message) const;

 private:
  LogSink& sink_;
  const Clock& clock_;
  Level lowest_;
};

}  // namespace sovmesh::observe
