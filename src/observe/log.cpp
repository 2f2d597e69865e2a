#include "observe/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <system_error>
#include <thread>

#include "base/append.h"
#include "base/bytes.h"
#include "base/guarded.h"
#include "base/time_text.h"

namespace sovmesh::observe {
namespace {

constexpr std::size_t kQueuedLinesMax = 65'536;
constexpr std::size_t kQueuedBytesMax = 64U << 20;
// Lines wait this long for company: one write for many lines, and no wake-up per line.
constexpr std::chrono::milliseconds kGather{20};

class FileSink : public LogSink {
 public:
  explicit FileSink(int fd, bool owned) : fd_(fd), owned_(owned), writer_([this] { run(); }) {}
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;
  ~FileSink() override {
    queue_.with([](Queue& queue) { queue.stop = true; });
    writer_.join();
    if (owned_) ::close(fd_);
  }

  void write(std::string&& line) override {
    queue_.with([&](Queue& queue) {
      if (queue.lines >= kQueuedLinesMax || queue.text.size() + line.size() > kQueuedBytesMax) {
        ++queue.dropped;
        return;
      }
      queue.text += line;
      queue.text += '\n';
      ++queue.lines;
    });
  }
  std::uint64_t dropped() const override {
    return queue_.with([](const Queue& queue) { return queue.dropped; });
  }

 private:
  struct Queue {
    std::string text;
    std::size_t lines = 0;
    std::uint64_t dropped = 0;
    bool stop = false;
  };

  void run() {
    std::string batch;
    for (bool stop = false; !stop;) {
      std::this_thread::sleep_for(kGather);
      queue_.with([&](Queue& queue) {
        batch.swap(queue.text);
        queue.lines = 0;
        stop = queue.stop;
      });
      write_out(batch);
      batch.clear();
    }
  }

  // A full disk or a closed pipe loses these lines and nothing else.
  void write_out(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::write(fd_, text.data(), text.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  int fd_;
  bool owned_;
  mutable Guarded<Queue> queue_;
  std::thread writer_;
};

}  // namespace

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

Result<std::unique_ptr<LogSink>> make_file_sink(const std::string& path) {
  if (path == "-") return std::make_unique<FileSink>(STDERR_FILENO, false);
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) {
    return our_error(Code::io_error,
                     fmt::format("cannot open the log '{}': {}", path,
                                 std::error_code(errno, std::system_category()).message()));
  }
  return std::make_unique<FileSink>(fd, true);
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
