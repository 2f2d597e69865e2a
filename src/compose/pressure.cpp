#include "compose/pressure.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <system_error>
#include <utility>

namespace sovmesh::compose {
namespace {

// Descriptors that listeners leave to everything else.
constexpr std::uint64_t kReserve = 64;
// cgroup v1 says "no limit" by a number as large as addresses.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 60;

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::uint64_t number_of(const std::string& path) {
  std::uint64_t value = 0;
  std::ifstream(path) >> value;
  return value;
}

// "name 123" or "name:   123 kB" in a page of such lines.
std::uint64_t number_after(const std::string& page, std::string_view name) {
  std::istringstream lines(page);
  for (std::string word; lines >> word;) {
    std::uint64_t value = 0;
    if (word == name && lines >> value) return value;
  }
  return 0;
}

// The memory controller's path in /proc/self/cgroup: "0::/a" (v2) or "5:memory:/a" (v1).
std::string group_path(const std::string& page, std::string_view mark) {
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find(mark);
    if (at != std::string::npos) return line.substr(at + mark.size());
  }
  return {};
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// From Linux 6.2 on the folder's size says it.
std::uint64_t open_descriptors() {
  constexpr const char* folder = "/proc/self/fd";
  struct stat info{};
  if (::stat(folder, &info) == 0 && info.st_size > 0)
    return static_cast<std::uint64_t>(info.st_size);
  std::error_code failed;
  std::uint64_t count = 0;
  for (std::filesystem::directory_iterator each(folder, failed), end; !failed && each != end;
       each.increment(failed))
    ++count;
  return failed ? std::numeric_limits<std::uint32_t>::max() : count;  // none is free for the look
}

}  // namespace

routing::Pressures pressures_of(const Resources& r) {
  using routing::Pressures;
  Pressures pressures;
  pressures.share[Pressures::memory] =
      std::max(share(r.memory, r.memory_max), share(r.group_memory, r.group_memory_max));
  pressures.share[Pressures::fds] = share(r.fds, r.fds_max);
  pressures.share[Pressures::streams] = share(r.streams, r.streams_max);
  pressures.share[Pressures::loop_lag] = share(r.lag_us, kLagFullUs);
  pressures.share[Pressures::ledger_queue] = share(r.ledger_waiting, kLedgerFull);
  if (r.knows_disk)
    pressures.share[Pressures::disk] = share(kDiskNeed, std::max<std::uint64_t>(r.disk_free, 1));
  return pressures;
}

SystemResources::SystemResources(std::string data_dir, std::string root)
    : data_dir_(std::move(data_dir)), root_(std::move(root)) {
  machine_memory_ = number_after(text_of(root_ + "/proc/meminfo"), "MemTotal:") * 1'024;
  const std::string groups = text_of(root_ + "/proc/self/cgroup");
  const std::string base = root_ + "/sys/fs/cgroup";
  const std::string v1 = group_path(groups, ":memory:");
  is_v2_ = v1.empty();
  const std::string path = is_v2_ ? base + group_path(groups, "0::") : base + "/memory" + v1;
  const std::string usage = is_v2_ ? "/memory.current" : "/memory.usage_in_bytes";
  // In a container the path is the host's, and the folder is the root.
  for (const std::string& folder : {path, is_v2_ ? base : base + "/memory"}) {
    if (!std::ifstream(folder + usage)) continue;
    group_ = folder;
    break;
  }
}

Resources SystemResources::read() const {
  Resources r;
  std::istringstream pages(text_of(root_ + "/proc/self/statm"));
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  pages >> size >> resident;
  r.memory = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  r.memory_max = machine_memory_;
  if (!group_.empty()) {
    const std::uint64_t max =
        number_of(group_ + (is_v2_ ? "/memory.max" : "/memory.limit_in_bytes"));
    if (max > 0 && max < kNoLimit) {  // "max": no number
      const std::uint64_t used =
          number_of(group_ + (is_v2_ ? "/memory.current" : "/memory.usage_in_bytes"));
      const std::string stat = text_of(group_ + "/memory.stat");
      const std::uint64_t droppable =
          number_after(stat, is_v2_ ? "inactive_file" : "total_inactive_file") +
          number_after(stat, is_v2_ ? "active_file" : "total_active_file");
      r.group_memory_max = max;
      r.group_memory = used - std::min(used, droppable);
      r.memory_max = std::min(r.memory_max, max);
    }
  }
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > kReserve)
    r.fds_max = files.rlim_cur - kReserve;
  r.fds = open_descriptors();
  struct statvfs disk{};
  r.knows_disk = ::statvfs(data_dir_.c_str(), &disk) == 0;
  r.disk_free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  return r;
}

}  // namespace sovmesh::compose
