#include "store_sqlite/log_file.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "store_sqlite/vfs.h"

namespace sovmesh::store_sqlite {
namespace {

constexpr int kHead = 24;
constexpr int kPage = 4'096;

// An open file of the VFS that the machine's databases use.
class LogFileTest : public testing::Test {
 protected:
  LogFileTest() {
    path_.append(2, '\0');
    EXPECT_EQ(vfs_.xOpen(&vfs_, path_.data(), file(), kFlags, nullptr), SQLITE_OK);
    EXPECT_EQ(methods().xTruncate(file(), 0), SQLITE_OK);
  }
  ~LogFileTest() override {
    EXPECT_EQ(methods().xClose(file()), SQLITE_OK);
    EXPECT_EQ(::unlink(path_.c_str()), 0);
  }
  sqlite3_file* file() { return reinterpret_cast<sqlite3_file*>(memory_.data()); }
  const sqlite3_io_methods& methods() { return *file()->pMethods; }
  void write(const std::string& bytes, std::size_t at) {
    EXPECT_EQ(methods().xWrite(file(), bytes.data(), static_cast<int>(bytes.size()),
                               static_cast<sqlite3_int64>(at)),
              SQLITE_OK);
  }
  std::int64_t size() {
    sqlite3_int64 bytes = -1;
    EXPECT_EQ(methods().xFileSize(file(), &bytes), SQLITE_OK);
    return bytes;
  }
  std::string read(std::size_t count) {
    std::string bytes(count, '\0');
    EXPECT_EQ(methods().xRead(file(), bytes.data(), static_cast<int>(count), 0), SQLITE_OK);
    return bytes;
  }
  // What is in the file, past the VFS.
  std::size_t on_disk() { return std::filesystem::file_size(path_.c_str()); }

 private:
  static constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_WAL;
  sqlite3_vfs& vfs_ = real_disk().vfs();
  std::string path_ = testing::TempDir() + "log_file_" + std::to_string(::getpid());
  std::vector<std::byte> memory_{static_cast<std::size_t>(vfs_.szOsFile)};
};

TEST_F(LogFileTest, FramesWaitForTheSyncBehindThem) {
  std::size_t end = 32;
  write(std::string(end, 'l'), 0);
  for (int i = 0; i < 5; ++i) {
    write(std::string(kHead, 'h'), end);
    write(std::string(kPage, 'p'), end + kHead);
    end += kHead + kPage;
  }
  EXPECT_EQ(on_disk(), 0U);
  EXPECT_EQ(methods().xSync(file(), SQLITE_SYNC_NORMAL), SQLITE_OK);
  EXPECT_EQ(on_disk(), end);
}

TEST_F(LogFileTest, WhatWaitsIsBounded) {
  constexpr std::size_t most = 64U << 10;
  for (std::size_t end = 0; end < 5 * most; end += kPage) {
    write(std::string(kPage, 'p'), end);
    EXPECT_LE(end + kPage - on_disk(), most);
  }
}

TEST_F(LogFileTest, EveryOtherCallSeesWhatWaits) {
  write(std::string(kHead, 'a'), 0);
  EXPECT_EQ(size(), kHead);
  write(std::string(kHead, 'b'), kHead);
  EXPECT_EQ(read(2 * kHead), std::string(kHead, 'a') + std::string(kHead, 'b'));
  write(std::string(kHead, 'c'), 2 * kHead);
  EXPECT_EQ(methods().xSync(file(), SQLITE_SYNC_NORMAL), SQLITE_OK);
  EXPECT_EQ(on_disk(), 3U * kHead);
  write(std::string(kHead, 'd'), 3 * kHead);
  EXPECT_EQ(methods().xTruncate(file(), kHead), SQLITE_OK);
  EXPECT_EQ(size(), kHead);
}

// Whatever the order of calls, the file is what plain writes would have made of it.
TEST_F(LogFileTest, AnyWritesLeaveWhatTheySay) {
  std::mt19937 dice(7);
  std::string model;
  const std::size_t sizes[] = {kHead, kHead, 32, 100, kPage};
  for (int i = 0; i < 2'000; ++i) {
    const std::string bytes(sizes[dice() % 5], static_cast<char>('a' + dice() % 26));
    const std::size_t at = dice() % 3 == 0 ? dice() % (model.size() + 1) : model.size();
    write(bytes, at);
    model.resize(std::max(model.size(), at + bytes.size()));
    model.replace(at, bytes.size(), bytes);
    if (dice() % 16 == 0) ASSERT_EQ(read(model.size()), model) << i;
  }
  ASSERT_EQ(read(model.size()), model);
}

}  // namespace
}  // namespace sovmesh::store_sqlite
