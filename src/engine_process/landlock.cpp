#include "engine_process/landlock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace sovmesh::engine_process {
namespace {

// As linux/landlock.h defines them up to version 6; older kernels take a prefix.
struct RulesetAttributes {
  std::uint64_t files;
  std::uint64_t network;
  std::uint64_t scoped;
};
struct [[gnu::packed]] PathRule {
  std::uint64_t access;
  std::int32_t parent_fd;
};
constexpr unsigned kVersionFlag = 1;
constexpr int kPathBeneath = 1;

std::uint64_t all_file_rights(int version) {
  unsigned bits = 13;           // version 1
  if (version >= 2) bits = 14;  // REFER
  if (version >= 3) bits = 15;  // TRUNCATE
  if (version >= 5) bits = 16;  // IOCTL_DEV
  return (std::uint64_t{1} << bits) - 1;
}

RulesetAttributes everything(int version) {
  constexpr std::uint64_t kBindAndConnectTcp = 3;
  constexpr std::uint64_t kAbstractSocketsAndSignals = 3;
  return {.files = all_file_rights(version),
          .network = version >= 4 ? kBindAndConnectTcp : 0,
          .scoped = version >= 6 ? kAbstractSocketsAndSignals : 0};
}

std::size_t attributes_size(int version) {
  if (version >= 6) return sizeof(RulesetAttributes);
  if (version >= 4) return offsetof(RulesetAttributes, scoped);
  return offsetof(RulesetAttributes, network);
}

}  // namespace

int landlock_version() {
  const long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, kVersionFlag);
  return version < 0 ? 0 : static_cast<int>(version);
}

int LandlockRules::enforce() const {
  const RulesetAttributes attributes = everything(version_);
  const int ruleset = static_cast<int>(
      syscall(SYS_landlock_create_ruleset, &attributes, attributes_size(version_), 0));
  if (ruleset < 0) return errno;
  int failure = 0;
  for (const Rule& rule : rules_) {
    const int fd = open(rule.path.c_str(), O_PATH | O_CLOEXEC);
    if (fd < 0) continue;
    struct stat status{};
    fstat(fd, &status);
    const PathRule path{.access = S_ISDIR(status.st_mode) ? rule.access : rule.access & kOfFiles,
                        .parent_fd = fd};
    if (path.access != 0 && syscall(SYS_landlock_add_rule, ruleset, kPathBeneath, &path, 0) != 0 &&
        failure == 0)
      failure = errno;
    close(fd);
  }
  if (failure == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) failure = errno;
  close(ruleset);
  return failure;
}

}  // namespace sovmesh::engine_process
