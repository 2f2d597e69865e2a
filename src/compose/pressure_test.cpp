#include "compose/pressure.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace sovmesh::compose {
namespace {

using routing::Pressures;

TEST(Pressure, IsTheShareThatIsUsedOfEachResource) {
  Resources r;
  r.memory = 30;
  r.memory_max = 100;
  r.group_memory = 80;
  r.group_memory_max = 100;
  r.fds = 50;
  r.fds_max = 200;
  r.streams = 9;
  r.streams_max = 10;
  r.lag_us = kLagFullUs / 2;
  r.ledger_waiting = kLedgerFull;
  r.disk_free = 2 * kDiskNeed;
  r.knows_disk = true;
  const Pressures p = pressures_of(r);
  EXPECT_DOUBLE_EQ(p.share[Pressures::memory], 0.8) << "the tighter of the two";
  EXPECT_DOUBLE_EQ(p.share[Pressures::fds], 0.25);
  EXPECT_DOUBLE_EQ(p.share[Pressures::streams], 0.9);
  EXPECT_DOUBLE_EQ(p.share[Pressures::loop_lag], 0.5);
  EXPECT_DOUBLE_EQ(p.share[Pressures::ledger_queue], 1);
  EXPECT_DOUBLE_EQ(p.share[Pressures::disk], 0.5);
}

TEST(Pressure, IsNoneWhereNothingIsKnown) { EXPECT_EQ(pressures_of({}).largest(), 0); }

TEST(Pressure, OfAFullDiskIsBeyondAllRungs) {
  Resources r;
  r.knows_disk = true;
  EXPECT_GT(pressures_of(r).share[Pressures::disk], 1);
}

// A folder with the pages of a machine.
class FakeMachine {
 public:
  FakeMachine() {
    std::string pattern = std::filesystem::temp_directory_path() / "pressure_test.XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    root = pattern;
    put("/proc/meminfo", "MemTotal:       1000 kB\nMemFree:    5 kB\n");
    put("/proc/self/statm", "900 10 3 0 0 0 0\n");
  }
  ~FakeMachine() { std::filesystem::remove_all(root); }
  FakeMachine(const FakeMachine&) = delete;
  FakeMachine& operator=(const FakeMachine&) = delete;
  void put(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root + path).parent_path());
    std::ofstream(root + path) << text;
  }
  std::string root;
};

TEST(SystemResources, AreOfThisProcess) {
  const Resources r = SystemResources("/tmp").read();
  EXPECT_GT(r.memory, std::uint64_t{1} << 20);
  EXPECT_GT(r.memory_max, r.memory);
  EXPECT_GE(r.fds, 3U);
  EXPECT_TRUE(r.knows_disk);
}

TEST(SystemResources, TakeTheMachinesMemoryWithoutAGroup) {
  const FakeMachine machine;
  const Resources r = SystemResources("/tmp", machine.root).read();
  EXPECT_EQ(r.memory_max, 1'024'000U);
  EXPECT_EQ(r.group_memory_max, 0U);
}

TEST(SystemResources, ReadTheSecondVersionOfGroups) {
  const FakeMachine machine;
  machine.put("/proc/self/cgroup", "0::/system.slice/sovmesh.service\n");
  const std::string group = "/sys/fs/cgroup/system.slice/sovmesh.service";
  machine.put(group + "/memory.current", "700000\n");
  machine.put(group + "/memory.max", "800000\n");
  machine.put(group + "/memory.stat", "anon 5\nactive_file 50000\ninactive_file 250000\n");
  const Resources r = SystemResources("/tmp", machine.root).read();
  EXPECT_EQ(r.group_memory, 400'000U);
  EXPECT_EQ(r.group_memory_max, 800'000U);
  EXPECT_EQ(r.memory_max, 800'000U);
  machine.put(group + "/memory.max", "max\n");
  EXPECT_EQ(SystemResources("/tmp", machine.root).read().group_memory_max, 0U);
}

TEST(SystemResources, ReadTheFirstVersionOfGroupsAlsoFromWithinAContainer) {
  const FakeMachine machine;
  machine.put("/proc/self/cgroup", "5:cpu:/x\n4:memory:/docker/0123\n");
  const std::string group = "/sys/fs/cgroup/memory";  // the path is the host's
  machine.put(group + "/memory.usage_in_bytes", "500000\n");
  machine.put(group + "/memory.limit_in_bytes", "600000\n");
  machine.put(group + "/memory.stat", "inactive_file 1\ntotal_inactive_file 100000\n");
  const Resources r = SystemResources("/tmp", machine.root).read();
  EXPECT_EQ(r.group_memory, 400'000U);
  EXPECT_EQ(r.group_memory_max, 600'000U);
  machine.put(group + "/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(SystemResources("/tmp", machine.root).read().group_memory_max, 0U);
}

}  // namespace
}  // namespace sovmesh::compose
