#include "backup/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/result_matchers.h"

namespace sovmesh::backup {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class BackupFilesTest : public testing::Test {
 protected:
  BackupFilesTest() {
    std::string name = (fs::temp_directory_path() / "sm-backup-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~BackupFilesTest() override { fs::remove_all(folder_); }
  std::string at(const std::string& name) const { return folder_ + "/" + name; }
  static std::string text(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void put(const std::string& path, const std::string& bytes) {
    std::ofstream(path) << bytes;
  }
  static unsigned mode(const std::string& path) {
    struct stat found{};
    ::stat(path.c_str(), &found);
    return found.st_mode & 0777U;
  }
  std::string folder_;
};

TEST_F(BackupFilesTest, OutputIsWholeOrNotThere) {
  {
    auto file = OutputFile::create(at("a"), false);
    ASSERT_THAT(file, Succeeds());
    ASSERT_THAT(file->write("half"), Succeeds());
    EXPECT_FALSE(fs::exists(at("a")));
  }
  EXPECT_TRUE(fs::is_empty(folder_)) << "what was given up leaves nothing";
  put(at("a.part"), "what a killed process left, and longer");
  auto file = OutputFile::create(at("a"), false);
  ASSERT_THAT(file, Succeeds());
  EXPECT_FALSE(OutputFile::create(at("a"), false).has_value()) << "one at a time";
  ASSERT_THAT(file->write("whole"), Succeeds());
  ASSERT_THAT(file->commit(), Succeeds());
  EXPECT_EQ(text(at("a")), "whole");
  EXPECT_EQ(mode(at("a")), 0600U);
  EXPECT_FALSE(fs::exists(at("a.part")));
}

TEST_F(BackupFilesTest, NothingIsReplacedUnasked) {
  put(at("a"), "old");
  const auto refused = OutputFile::create(at("a"), false);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message(), HasSubstr("--force"));
  auto late = OutputFile::create(at("b"), false);
  ASSERT_THAT(late, Succeeds());
  put(at("b"), "came meanwhile");
  EXPECT_FALSE(late->commit().has_value());
  EXPECT_EQ(text(at("b")), "came meanwhile");
  auto forced = OutputFile::create(at("a"), true);
  ASSERT_THAT(forced, Succeeds());
  ASSERT_THAT(forced->write("new"), Succeeds());
  EXPECT_EQ(text(at("a")), "old");
  ASSERT_THAT(forced->commit(), Succeeds());
  EXPECT_EQ(text(at("a")), "new");
}

TEST_F(BackupFilesTest, WorkFoldersAreCleanedAndLocked) {
  fs::create_directories(at("work/deep"));
  put(at("work/deep/stale"), "plaintext of a killed process");
  {
    const auto work = WorkFolder::make(at("work"));
    ASSERT_THAT(work, Succeeds());
    EXPECT_TRUE(fs::is_empty(at("work")));
    EXPECT_EQ(mode(at("work")), 0700U);
    const auto second = WorkFolder::make(at("work"));
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code(), Code::conflict);
    put(at("work/new"), "x");
  }
  EXPECT_FALSE(fs::exists(at("work")));
  fs::create_directory(at("elsewhere"));
  put(at("elsewhere/precious"), "x");
  fs::create_directory_symlink(at("elsewhere"), at("link"));
  EXPECT_FALSE(WorkFolder::make(at("link")).has_value());
  EXPECT_TRUE(fs::exists(at("elsewhere/precious")));
}

TEST_F(BackupFilesTest, UnpacksPrivateFilesIntoNewFolders) {
  FolderUnpacker out(folder_);
  ASSERT_THAT(out.begin("audit/tile/0/000", 5), Succeeds());
  ASSERT_THAT(out.data("he"), Succeeds());
  ASSERT_THAT(out.data("llo"), Succeeds());
  ASSERT_THAT(out.end(), Succeeds());
  EXPECT_EQ(text(at("audit/tile/0/000")), "hello");
  EXPECT_EQ(mode(at("audit/tile/0/000")), 0600U);
  EXPECT_EQ(mode(at("audit/tile")), 0700U);
  EXPECT_FALSE(out.begin("audit/tile/0/000", 5).has_value()) << "never over a file that is there";
  ASSERT_THAT(sync_everything(folder_), Succeeds());
}

TEST_F(BackupFilesTest, KnowsAnEmptyFolder) {
  EXPECT_EQ(is_absent_or_empty(at("none")), true);
  EXPECT_EQ(is_absent_or_empty(folder_), true);
  fs::create_directory(at("lost+found"));
  EXPECT_EQ(is_absent_or_empty(folder_), true);
  put(at("file"), "x");
  EXPECT_EQ(is_absent_or_empty(folder_), false);
  EXPECT_EQ(is_absent_or_empty(at("file")), false);
}

}  // namespace
}  // namespace sovmesh::backup
