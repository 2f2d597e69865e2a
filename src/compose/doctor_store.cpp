#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

#include "base/time_text.h"
#include "compose/doctor.h"
#include "store_sqlite/inspect.h"

// The data folder.
namespace sovmesh::compose {
namespace {

constexpr std::uint64_t kMiB = 1U << 20;
constexpr std::uint64_t kFreeMin = 64 * kMiB;  // then the ledger soon takes nothing
constexpr std::uint64_t kFreeGood = 1024 * kMiB;
constexpr std::chrono::seconds kSkewMax{5};

// Who holds a flock() on the file, as /proc/locks tells; 0: nobody. Taking the lock to find out
// could keep a server from starting.
std::int64_t lock_holder(const std::string& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return 0;
  std::int64_t noted = 0;  // the holder's own word
  std::ifstream(file) >> noted;
  const std::string inode = fmt::format(":{}", info.st_ino);
  const std::string device = fmt::format("{:02x}:{:02x}", major(info.st_dev), minor(info.st_dev));
  std::ifstream locks("/proc/locks");
  std::string number, kind, how, access, place;
  std::int64_t pid = 0;
  std::string line;
  while (std::getline(locks, line)) {
    // "1: FLOCK  ADVISORY  WRITE 1234 fd:01:5678 0 EOF"; one that waits has "->" before its kind
    std::istringstream words(line);
    words >> number >> kind >> how >> access >> pid >> place;
    if (!words || kind != "FLOCK" || !place.ends_with(inode)) continue;
    // On layered file systems the device that stat() names is another one.
    const bool is_ours = place == device + inode || (noted > 0 && pid == noted);
    // The number in /proc/locks may be of another PID namespace.
    if (is_ours) return noted > 0 ? noted : -1;
  }
  return 0;
}

void examine_space(DoctorReport& report, const std::string& folder) {
  struct statvfs disk{};
  if (::statvfs(folder.c_str(), &disk) != 0) return;
  const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  const std::uint64_t all = std::uint64_t{disk.f_blocks} * disk.f_frsize;
  const std::string what = fmt::format("{} of {} MiB free", free / kMiB, all / kMiB);
  const char* const fix = "make room: without it no request can be booked, and all are refused";
  if (free < kFreeMin)
    report.error("store.space", what, fix);
  else if (free < kFreeGood)
    report.warning("store.space", what, fix);
  else
    report.ok("store.space", what);
  if (disk.f_files > 0 && disk.f_favail < 1'000)
    report.warning("store.inodes", fmt::format("{} files can still be made", disk.f_favail),
                   "remove files: the disk has no place for more of them");
}

void examine_database(DoctorReport& report, const std::string& name, const std::string& path,
                      WallTime now, bool is_ledger) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    const bool was_there = ::stat((path + ".created").c_str(), &info) == 0;
    if (was_there)
      return report.error(name, fmt::format("'{}' is gone", path), "restore it from a backup");
    return report.ok(name, "not there yet: the first start makes it");
  }
  // Opening a FIFO or a device could wait for ever.
  for (const char* const part : {"", "-wal", "-shm", "-journal"}) {
    const std::string file = path + part;
    if (::stat(file.c_str(), &info) == 0 && !S_ISREG(info.st_mode))
      return report.error(name, fmt::format("'{}' is not a regular file", file),
                          "stop the server, move it away, and restore the database from a backup");
  }
  if (::stat(path.c_str(), &info) != 0)
    return report.error(name, fmt::format("'{}' is gone", path), "restore it from a backup");
  auto& disk = store_sqlite::real_disk();
  const auto found = is_ledger ? store_sqlite::inspect_ledger(disk, path)
                               : store_sqlite::inspect_control(disk, path);
  if (!found)
    return report.error(name, std::string(found.error().message()),
                        "restore it from a backup (docs/backup.md); keep this one beside it");
  const std::string what = fmt::format("schema {}, every page is good, {} MiB", found->version,
                                       static_cast<std::uint64_t>(info.st_size) / kMiB);
  if (found->version > found->newest_version)
    report.error(name, what + fmt::format("; this release knows {} at most", found->newest_version),
                 "use the release that wrote it, or a newer one");
  else if (found->version < found->newest_version)
    report.warning(name, what + fmt::format("; this release has {}", found->newest_version),
                   "the next start brings it up to date, and keeps a copy in backups/");
  else
    report.ok(name, what);
  if (!found->newest_row) return;
  const std::string at = to_rfc3339(*found->newest_row);
  if (*found->newest_row > now + kSkewMax)
    return report.error("clock.ledger",
                        fmt::format("the last request was booked at {}, which is yet to come", at),
                        "set the clock right: it has gone back since");
  report.ok("clock.ledger", fmt::format("not behind the last booked request ({})", at));
}

}  // namespace

std::int64_t examine_store(DoctorReport& report, const DoctorOptions& options, WallTime now) {
  const std::string& folder = options.data_dir;
  struct stat info{};
  if (::stat(folder.c_str(), &info) != 0) {
    const std::string what =
        fmt::format("'{}': {}", folder, errno == ENOENT ? "is not there" : "cannot be looked at");
    if (options.is_data_dir_named || errno != ENOENT)
      report.error("store.folder", what, "name the folder that the server has: --data-dir");
    else
      report.ok("store.folder", what + ": the first start makes it");
    return 0;
  }
  if (!S_ISDIR(info.st_mode)) {
    report.error("store.folder", fmt::format("'{}' is no folder", folder), "name another one");
    return 0;
  }
  if (::access(folder.c_str(), R_OK | X_OK) != 0) {
    report.error("store.folder", fmt::format("'{}' cannot be read by this user", folder),
                 "run doctor as root or as the server's own user");
    return 0;
  }
  const std::int64_t holder = lock_holder(folder + "/lock");
  const std::string what = fmt::format("'{}', {}", folder,
                                       holder == 0  ? std::string("no server has it")
                                       : holder < 0 ? std::string("a server has it")
                                                    : fmt::format("process {} has it", holder));
  if ((info.st_mode & 0077U) != 0)
    report.warning("store.folder", what + fmt::format(", mode {:o}", info.st_mode & 0777U),
                   fmt::format("chmod 700 '{}': it holds secrets", folder));
  else
    report.ok("store.folder", what);
  examine_space(report, folder);
  examine_database(report, "store.control", folder + "/control.db", now, false);
  examine_database(report, "store.ledger", folder + "/ledger.db", now, true);
  return holder;
}

}  // namespace sovmesh::compose
