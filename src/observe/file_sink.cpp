#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "base/guarded.h"
#include "observe/log.h"

namespace sovmesh::observe {
namespace {

constexpr std::size_t kQueuedLinesMax = 65'536;
constexpr std::size_t kQueuedBytesMax = 64U << 20;
// Lines wait this long for company: one write for many lines, and no wake-up per line.
constexpr std::chrono::milliseconds kGather{20};
// How often a writer before a full pipe looks whether it should stop, and what a wait that ended
// sooner costs of the time that is left then: a reader that sips does not hold the process either.
constexpr std::chrono::milliseconds kLook{10};
constexpr std::chrono::milliseconds kSip{1};
// So much of a file is sent to the disk at a time; two of these behind it leave the page cache.
constexpr off_t kWindow = off_t{1} << 20;
// A pipe that is ready takes this much without blocking.
constexpr std::size_t kReadyPipeTakes = PIPE_BUF;

std::string words_of(int error) { return std::error_code(error, std::system_category()).message(); }

bool is_writable(int fd, std::chrono::milliseconds time) {
  pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
  return ::poll(&ready, 1, static_cast<int>(time.count())) > 0;
}

// A word for people that never waits, not for a pipe that nobody reads either.
void tell_stderr(const std::string& words) {
  if (!is_writable(STDERR_FILENO, std::chrono::milliseconds(0))) return;
  const std::string_view piece = std::string_view(words).substr(0, kReadyPipeTakes);
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, piece.data(), piece.size());
}

std::uint64_t lines_in(std::string_view text) {
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

struct Target {
  int fd = -1;
  bool owned = false;
  // Shared, and making it non-blocking would change it for all who share it.
  bool blocking = false;
  std::string name;
  std::optional<off_t> end{};  // of a regular file, as we know it
};

class FileSink : public LogSink {
 public:
  FileSink(Target target, std::chrono::milliseconds stop_time)
      : target_(std::move(target)), time_left_(stop_time), writer_([this] { run(); }) {}
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;
  ~FileSink() override {
    queue_.with([](Queue& queue) { queue.stop = true; });
    writer_.join();
    if (target_.owned) ::close(target_.fd);
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
      if (const std::string_view rest = write_out(batch); !rest.empty()) lose(rest);
      if (target_.end) move_on(batch.size());
      batch.clear();
    }
  }

  // What could not be written. A full disk or a closed pipe loses these lines and nothing else.
  std::string_view write_out(std::string_view text) {
    batch_error_ = 0;
    std::string_view newline = "\n";
    if (is_torn_ && !text.empty() && !push(newline)) return text;
    push(text);
    return text;
  }

  // Writes all of `text`; false: what it still holds cannot be written.
  bool push(std::string_view& text) {
    while (!text.empty()) {
      const ssize_t n = write_some(text);
      if (n > 0) {
        is_torn_ = text[static_cast<std::size_t>(n) - 1] != '\n';
        text.remove_prefix(static_cast<std::size_t>(n));
      } else if (n == 0 || errno == EAGAIN) {
        if (!wait_writable()) return false;
      } else if (errno != EINTR) {
        batch_error_ = errno;
        return false;
      }
    }
    return true;
  }

  // Who follows the file reads its end; what is older would only take memory. Of a file that
  // somebody has cut meanwhile nothing is there.
  void move_on(std::size_t written) {
    off_t& end = *target_.end;
    const off_t window = end / kWindow * kWindow;
    end += static_cast<off_t>(written);
    if (end < window + kWindow) return;
    ::sync_file_range(target_.fd, window, kWindow, SYNC_FILE_RANGE_WRITE);
    const off_t old = std::max<off_t>(0, window - 2 * kWindow);
    if (old < window) ::posix_fadvise(target_.fd, old, window - old, POSIX_FADV_DONTNEED);
  }

  ssize_t write_some(std::string_view text) const {
    if (!target_.blocking) return ::write(target_.fd, text.data(), text.size());
    if (!is_writable(target_.fd, std::chrono::milliseconds(0))) return 0;
    return ::write(target_.fd, text.data(), std::min(text.size(), kReadyPipeTakes));
  }

  // False: the sink is going and has waited long enough.
  bool wait_writable() {
    for (;;) {
      const bool ready = is_writable(target_.fd, kLook);
      if (!queue_.with([](const Queue& queue) { return queue.stop; })) {
        if (ready) return true;
        continue;
      }
      time_left_ -= ready ? kSip : kLook;
      if (ready || time_left_.count() <= 0) return time_left_.count() > 0;
    }
  }

  void lose(std::string_view text) {
    const std::uint64_t lost = lines_in(text);
    queue_.with([&](Queue& queue) { queue.dropped += lost; });
    if (std::exchange(has_said_, true)) return;
    if (batch_error_ == 0) {
      tell_stderr(fmt::format("sovmesh: the last {} lines of the log are lost: nobody reads {}\n",
                              lost, target_.name));
    } else {
      tell_stderr(
          fmt::format("sovmesh: cannot write the log to {}: {}; lines are lost, and counted in "
                      "sm_log_dropped_total\n",
                      target_.name, words_of(batch_error_)));
    }
  }

  Target target_;
  mutable Guarded<Queue> queue_;
  // Of the writer.
  std::chrono::milliseconds time_left_;  // for waiting, once the sink is going
  int batch_error_ = 0;
  bool is_torn_ = false;   // what was written last is no whole line
  bool has_said_ = false;  // once is enough: the counter tells the rest
  std::thread writer_;
};

// A pipe or a terminal can be opened once more, for us alone; a socket cannot, and neither can
// what belongs to another user. A file needs no such care.
Target standard_error() {
  Target target{.fd = STDERR_FILENO, .owned = false, .blocking = false, .name = "standard error"};
  struct stat status{};
  if (::fstat(STDERR_FILENO, &status) == 0 && S_ISREG(status.st_mode)) return target;
  const int own = ::open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  target.owned = own >= 0;
  target.blocking = own < 0;
  if (own >= 0) target.fd = own;
  return target;
}

}  // namespace

Result<std::unique_ptr<LogSink>> make_file_sink(const std::string& path,
                                                std::chrono::milliseconds stop_time) {
  if (path == "-" || path == "/dev/stderr")
    return std::make_unique<FileSink>(standard_error(), stop_time);
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  const int fd = ::open(path.c_str(), kFlags, 0640);
  if (fd < 0) {
    return our_error(Code::io_error,
                     fmt::format("cannot open the log '{}': {}", path,
                                 errno == ENXIO ? "nobody reads this pipe" : words_of(errno)));
  }
  Target target{.fd = fd, .owned = true, .blocking = false, .name = "'" + path + "'"};
  struct stat status{};
  if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) target.end = status.st_size;
  return std::make_unique<FileSink>(std::move(target), stop_time);
}

}  // namespace sovmesh::observe
