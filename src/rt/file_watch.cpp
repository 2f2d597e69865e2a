#include <sys/inotify.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "rt/epoll_loop.h"
#include "rt/real.h"

namespace sovmesh::rt {
namespace {

// A replacement is a few steps (write, rename, a symlink that moves): one call for all of them.
constexpr std::chrono::milliseconds kSettle{20};
// File systems date changes by a clock that ticks this slowly.
constexpr std::chrono::milliseconds kTick{20};

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

// What tells one content of a path from another without reading it. Symbolic links are followed:
// Kubernetes replaces a mounted secret by moving a link in the folder.
struct Version {
  bool exists = false;
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  std::int64_t modified_s = 0;
  std::int64_t modified_ns = 0;
  friend bool operator==(const Version&, const Version&) = default;
};

Version version_of(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {.exists = true,
          .device = info.st_dev,
          .inode = info.st_ino,
          .size = info.st_size,
          .modified_s = info.st_mtim.tv_sec,
          .modified_ns = info.st_mtim.tv_nsec};
}

// As its inode says: a rename counts.
bool has_changed_since(const std::string& path, WallTime since) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return false;
  const auto when =
      std::chrono::seconds(info.st_ctim.tv_sec) +
      std::chrono::floor<WallTime::duration>(std::chrono::nanoseconds(info.st_ctim.tv_nsec)) +
      kTick;
  return when >= since.time_since_epoch();
}

// The file behind all links; empty when there is none.
std::string target_of(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  return real ? std::string(real.get()) : std::string();
}

// A change counts when it is complete: when a writer has closed the file, or a rename or a link has
// put another file in its place. A file that differs and of which neither is known may be half
// written: it holds everything back until the poll finds it at rest.
class RealFileWatch final : public FileWatch, private FdHandler {
 public:
  RealFileWatch(EpollLoop& loop, Fd fd, const std::vector<std::string>& paths,
                std::function<void()> on_change, FileWatchTimes times)
      : loop_(loop),
        fd_(std::move(fd)),
        on_change_(std::move(on_change)),
        times_(times),
        poll_(*this, &poll_fired),
        settle_(*this, &settle_fired) {
    for (const std::string& path : paths) {
      const Version version = version_of(path);
      const bool is_news = has_changed_since(path, times.read_since);
      files_.push_back({.path = path,
                        .taken = is_news ? Version{} : version,
                        .polled = version,
                        .target = target_of(path)});
    }
  }
  ~RealFileWatch() override {
    if (registered_) loop_.remove(fd_.get(), *this);
  }

  Result<void> start() {
    TRY_VOID(loop_.add(fd_.get(), EPOLLIN, *this));
    registered_ = true;
    watch_folders();
    loop_.timers().arm(poll_, loop_.now() + times_.poll);
    return {};
  }

 private:
  struct File {
    std::string path;
    Version taken;       // what the last call was about
    Version polled;      // what the last poll saw
    std::string target;  // the last one that there was
    int folder = -1;     // its watch
    bool is_complete = false;
  };
  struct WatchTimer : Timer {
    WatchTimer(RealFileWatch& w, Fired fired) : Timer(fired), watch(w) {}
    RealFileWatch& watch;
  };

  // Again and again: a folder may not exist yet, or may have been replaced. For one that is watched
  // already this changes nothing. Failure leaves the poll.
  void watch_folders() {
    for (File& file : files_) {
      file.folder = ::inotify_add_watch(fd_.get(), folder_of(file.path).c_str(),
                                        IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
    }
  }

  void on_events(std::uint32_t) override {
    alignas(inotify_event) std::array<char, 16 * (sizeof(inotify_event) + NAME_MAX + 1)> buffer;
    const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
    for (std::size_t at = 0; got > 0 && at < static_cast<std::size_t>(got);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      if (event.len > 0) note(event, buffer.data() + at + sizeof event);
      at += sizeof event + event.len;
    }
    if (!settle_.armed()) loop_.timers().arm(settle_, loop_.now() + kSettle);
  }

  void note(const inotify_event& event, std::string_view name) {
    if ((event.mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) == 0) return;
    for (File& file : files_) {
      if (file.folder == event.wd && name_of(file.path) == name) file.is_complete = true;
    }
  }

  // Any link on the way may have moved, as Kubernetes does it.
  static void look_for_moved_link(File& file) {
    std::string target = target_of(file.path);
    if (target.empty() || target == file.target) return;
    if (!std::exchange(file.target, std::move(target)).empty()) file.is_complete = true;
  }

  // Where no event tells: the same in two polls, and nothing written for a while.
  void poll_file(File& file) const {
    const Version now = version_of(file.path);
    const bool is_same = now == std::exchange(file.polled, now);
    if (now == file.taken || !is_same) return;
    const auto age =
        loop_.clock().wall_now().time_since_epoch() - std::chrono::seconds(now.modified_s);
    const bool is_at_rest = age >= times_.rest || age < std::chrono::seconds(0);
    if (!now.exists || is_at_rest) file.is_complete = true;
  }

  void check() {
    watch_folders();
    bool any = false;
    for (File& file : files_) {
      look_for_moved_link(file);
      any = any || file.is_complete;
      if (!file.is_complete && version_of(file.path) != file.taken) return;
    }
    if (!any) return;
    for (File& file : files_) {
      file.is_complete = false;
      file.taken = version_of(file.path);
    }
    const auto on_change = on_change_;
    on_change();  // may destroy this object
  }

  static void poll_fired(Timer& timer) {
    RealFileWatch& self = static_cast<WatchTimer&>(timer).watch;
    self.loop_.timers().arm(self.poll_, self.loop_.now() + self.times_.poll);
    for (File& file : self.files_)
      self.poll_file(file);
    self.check();
  }
  static void settle_fired(Timer& timer) { static_cast<WatchTimer&>(timer).watch.check(); }

  EpollLoop& loop_;
  Fd fd_;
  std::function<void()> on_change_;
  FileWatchTimes times_;
  std::vector<File> files_;
  WatchTimer poll_;
  WatchTimer settle_;
  bool registered_ = false;
};

}  // namespace

Result<std::unique_ptr<FileWatch>> watch_files(Loop& loop, const std::vector<std::string>& paths,
                                               std::function<void()> on_change,
                                               FileWatchTimes times) {
  Fd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd.valid()) return fail(io_error(errno, "inotify"));
  auto watch = std::make_unique<RealFileWatch>(EpollLoop::of(loop), std::move(fd), paths,
                                               std::move(on_change), times);
  TRY_VOID(watch->start());
  return watch;
}

}  // namespace sovmesh::rt
