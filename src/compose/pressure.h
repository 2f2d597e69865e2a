#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "routing/overload.h"

namespace sovmesh::compose {

// What this process has and may have. Values that cannot be told are 0 and press nothing.
struct Resources {
  std::uint64_t memory = 0;  // resident bytes of ours
  std::uint64_t memory_max = 0;
  std::uint64_t group_memory = 0;  // of our cgroup, without file pages that can be dropped
  std::uint64_t group_memory_max = 0;
  std::uint64_t fds = 0;
  std::uint64_t fds_max = 0;  // without the reserve
  std::uint64_t streams = 0;
  std::uint64_t streams_max = 0;
  std::uint64_t lag_us = 0;  // 99th percentile of the slowest loop
  std::uint64_t ledger_waiting = 0;
  std::uint64_t disk_free = 0;
  bool knows_disk = false;
};
// A loop that is so late is as full as can be.
constexpr std::uint64_t kLagFullUs = 2'000'000;
// So many records that wait for the disk are too many.
constexpr std::uint64_t kLedgerFull = 4'096;
// With so little left the disk is full.
constexpr std::uint64_t kDiskNeed = std::uint64_t{16} << 20;
routing::Pressures pressures_of(const Resources& resources);

// Reads what the system says of memory, descriptors and the disk of `data_dir`. Cheap enough for
// four times a second.
class SystemResources {
 public:
  // `root`: where /proc and /sys are, for tests.
  explicit SystemResources(std::string data_dir, std::string root = "");
  Resources read() const;

 private:
  std::string data_dir_;
  std::string root_;
  std::string group_;  // folder of our memory cgroup; empty: none
  bool is_v2_ = false;
  std::uint64_t machine_memory_ = 0;
};

}  // namespace sovmesh::compose
