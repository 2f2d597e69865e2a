#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <set>
#include <string_view>
#include <utility>

#include "rt/epoll_loop.h"
#include "rt/real.h"

namespace sovmesh::rt {
namespace {

constexpr std::chrono::seconds kPoll{5};
// A replacement is a few steps (write, rename, a symlink that moves): one call for all of them.
constexpr std::chrono::milliseconds kSettle{20};

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

class RealFileWatch final : public FileWatch, private FdHandler {
 public:
  RealFileWatch(EpollLoop& loop, Fd fd, const std::vector<std::string>& paths,
                std::function<void()> on_change)
      : loop_(loop),
        fd_(std::move(fd)),
        on_change_(std::move(on_change)),
        poll_(*this, &poll_fired),
        settle_(*this, &settle_fired) {
    for (const std::string& path : paths)
      files_.push_back({.path = path, .version = version_of(path)});
  }
  ~RealFileWatch() override {
    if (registered_) loop_.remove(fd_.get(), *this);
  }

  Result<void> start() {
    TRY_VOID(loop_.add(fd_.get(), EPOLLIN, *this));
    registered_ = true;
    watch_folders();
    loop_.timers().arm(poll_, loop_.now() + kPoll);
    return {};
  }

 private:
  struct File {
    std::string path;
    Version version;
  };
  struct WatchTimer : Timer {
    WatchTimer(RealFileWatch& w, Fired fired) : Timer(fired), watch(w) {}
    RealFileWatch& watch;
  };

  // Again and again: a folder may not exist yet, or may have been replaced. For one that is watched
  // already this changes nothing. Failure leaves the poll.
  void watch_folders() {
    std::set<std::string> folders;
    for (const File& file : files_)
      folders.insert(folder_of(file.path));
    for (const std::string& folder : folders)
      ::inotify_add_watch(fd_.get(), folder.c_str(),
                          IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                              IN_ATTRIB | IN_ONLYDIR);
  }

  void on_events(std::uint32_t) override {
    alignas(inotify_event) std::array<char, 16 * (sizeof(inotify_event) + NAME_MAX + 1)> buffer;
    const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
    for (std::size_t at = 0; got > 0 && at < static_cast<std::size_t>(got);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* const name = buffer.data() + at + sizeof event;
      if (event.len > 0 && is_ours(name, event.mask)) written_ = true;
      at += sizeof event + event.len;
    }
    if (!settle_.armed()) loop_.timers().arm(settle_, loop_.now() + kSettle);
  }

  // A file rewritten twice within one tick of the kernel's clock may look like the same version;
  // these events alone count then.
  bool is_ours(std::string_view name, std::uint32_t mask) const {
    if ((mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) == 0) return false;
    return std::ranges::any_of(files_,
                               [name](const File& file) { return name_of(file.path) == name; });
  }

  bool look() {
    bool changed = std::exchange(written_, false);
    for (File& file : files_) {
      const Version now = version_of(file.path);
      changed = changed || now != file.version;
      file.version = now;
    }
    return changed;
  }

  void check() {
    watch_folders();
    if (!look()) return;
    const auto on_change = on_change_;
    on_change();  // may destroy this object
  }

  static void poll_fired(Timer& timer) {
    RealFileWatch& self = static_cast<WatchTimer&>(timer).watch;
    self.loop_.timers().arm(self.poll_, self.loop_.now() + kPoll);
    self.check();
  }
  static void settle_fired(Timer& timer) { static_cast<WatchTimer&>(timer).watch.check(); }

  EpollLoop& loop_;
  Fd fd_;
  std::function<void()> on_change_;
  std::vector<File> files_;
  WatchTimer poll_;
  WatchTimer settle_;
  bool registered_ = false;
  bool written_ = false;
};

}  // namespace

Result<std::unique_ptr<FileWatch>> watch_files(Loop& loop, const std::vector<std::string>& paths,
                                               std::function<void()> on_change) {
  Fd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd.valid()) return fail(io_error(errno, "inotify"));
  auto watch = std::make_unique<RealFileWatch>(EpollLoop::of(loop), std::move(fd), paths,
                                               std::move(on_change));
  TRY_VOID(watch->start());
  return watch;
}

}  // namespace sovmesh::rt
