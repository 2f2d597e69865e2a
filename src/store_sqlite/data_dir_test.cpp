#include "store_sqlite/data_dir.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/result_matchers.h"

namespace sovmesh::store_sqlite {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class DataDirTest : public testing::Test {
 protected:
  DataDirTest() {
    std::string pattern = testing::TempDir() + "/sovmesh-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  ~DataDirTest() override { fs::remove_all(root_); }
  std::string root_;
};

TEST_F(DataDirTest, MakesPrivateFolders) {
  const auto dir = DataDir::open(root_ + "/data");
  ASSERT_THAT(dir, Succeeds());
  for (const std::string& path : {dir->path(), dir->secrets()}) {
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all) << path;
  }
  EXPECT_EQ(dir->ledger_db(), root_ + "/data/ledger.db");
}

TEST_F(DataDirTest, ClosesAFolderThatOthersCouldRead) {
  fs::create_directory(root_ + "/data");
  ::chmod((root_ + "/data").c_str(), 0755);
  ASSERT_THAT(DataDir::open(root_ + "/data"), Succeeds());
  EXPECT_EQ(fs::status(root_ + "/data").permissions(), fs::perms::owner_all);
}

TEST_F(DataDirTest, LetsOneInAtATimeAndNamesTheHolder) {
  {
    const auto first = DataDir::open(root_);
    ASSERT_THAT(first, Succeeds());
    const auto second = DataDir::open(root_);
    ASSERT_THAT(second, FailsWith(Code::data_dir_invalid));
    EXPECT_THAT(second.error().message(), HasSubstr("process " + std::to_string(::getpid())));
  }
  EXPECT_THAT(DataDir::open(root_), Succeeds());
}

TEST_F(DataDirTest, LeavesAFolderOfOtherFilesAlone) {
  fs::create_directory(root_ + "/home");
  std::ofstream(root_ + "/home/letter.txt") << "dear";
  ::chmod((root_ + "/home").c_str(), 0755);
  fs::create_directory_symlink(root_ + "/home", root_ + "/link");
  for (const char* name : {"/home", "/link"}) {
    const auto refused = DataDir::open(root_ + name);
    ASSERT_THAT(refused, FailsWith(Code::data_dir_invalid)) << name;
    EXPECT_THAT(refused.error().message(), HasSubstr("holds other files"));
  }
  EXPECT_EQ(fs::status(root_ + "/home").permissions(), fs::perms(0755));
  EXPECT_FALSE(fs::exists(root_ + "/home/lock"));
}

TEST_F(DataDirTest, RefusesWhatIsNoFolder) {
  EXPECT_THAT(DataDir::open("/dev/null"), FailsWith(Code::data_dir_invalid));
  EXPECT_THAT(DataDir::open(root_ + "/absent/data"), FailsWith(Code::data_dir_invalid));
}

}  // namespace
}  // namespace sovmesh::store_sqlite
