#include "engine_process/memory.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace sovmesh::engine_process {
namespace {

class MemoryTest : public testing::Test {
 protected:
  MemoryTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sm-proc-XXXXXX").string();
    proc_ = mkdtemp(pattern.data());
    std::filesystem::create_directory(proc_ / "7");
  }
  ~MemoryTest() override { std::filesystem::remove_all(proc_); }

  std::optional<std::int64_t> read(const std::string& status) {
    std::ofstream(proc_ / "7" / "status") << status;
    return resident_bytes(7, proc_.string());
  }
  std::filesystem::path proc_;
};

TEST_F(MemoryTest, IsReadFromTheKernelsFile) {
  EXPECT_EQ(read("Name:\tllama-server\nVmHWM:\t  60000 kB\nVmRSS:\t   51234 kB\nThreads:\t3\n"),
            51'234 * 1'024);
}

TEST_F(MemoryTest, IsNothingWhereTheFileDoesNotSayIt) {
  EXPECT_EQ(read("Name:\tllama-server\nState:\tZ (zombie)\n"), std::nullopt);
  EXPECT_EQ(read("VmRSS:\tmany kB\n"), std::nullopt);
  EXPECT_EQ(read("VmRSS:\t5 pages\n"), std::nullopt);
  EXPECT_EQ(read("VmRSS:\t9223372036854775807 kB\n"), std::nullopt);
  EXPECT_EQ(resident_bytes(8, proc_.string()), std::nullopt) << "no such process";
}

TEST_F(MemoryTest, OurOwnIsMoreThanNothing) { EXPECT_GT(resident_bytes(getpid()), 1'000'000); }

}  // namespace
}  // namespace sovmesh::engine_process
