#include <filesystem>
#include <fstream>

#include "rt/real_test.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::rt {
namespace {

class FileWatchTest : public RealLoopTest {
 protected:
  void write(const std::string& name, std::string_view text) {
    std::ofstream(folder_.file(name)) << text;
  }
  void watch(const std::string& name) {
    auto watch = watch_files(*loop_, {folder_.file(name)}, [this] { ++changes_; });
    ASSERT_THAT(watch, Succeeds());
    watch_ = std::move(*watch);
  }
  bool hears_of(int changes) {
    return drive([&] { return changes_ >= changes; });
  }

  TemporaryFolder folder_;
  std::unique_ptr<FileWatch> watch_;
  int changes_ = 0;
};

TEST_F(FileWatchTest, HearsOfWritingReplacingRemovingAndComingBack) {
  write("config.yaml", "1");
  watch("config.yaml");
  write("config.yaml", "2");
  EXPECT_TRUE(hears_of(1));
  write("new", "3");
  std::filesystem::rename(folder_.file("new"), folder_.file("config.yaml"));
  EXPECT_TRUE(hears_of(2));
  std::filesystem::remove(folder_.file("config.yaml"));
  EXPECT_TRUE(hears_of(3));
  write("config.yaml", "4");
  EXPECT_TRUE(hears_of(4));
}

TEST_F(FileWatchTest, OtherFilesOfTheFolderDoNotMatter) {
  write("config.yaml", "1");
  watch("config.yaml");
  write("other", "x");
  write("config.yaml", "2");
  ASSERT_TRUE(hears_of(1));
  EXPECT_EQ(changes_, 1);
}

// As Kubernetes updates a mounted secret: the file is a link through a folder that is a link.
TEST_F(FileWatchTest, FollowsALinkThatMoves) {
  std::filesystem::create_directory(folder_.file("v1"));
  std::filesystem::create_directory(folder_.file("v2"));
  write("v1/tls.crt", "old");
  write("v2/tls.crt", "new");
  std::filesystem::create_symlink("v1", folder_.file("data"));
  std::filesystem::create_symlink("data/tls.crt", folder_.file("tls.crt"));
  watch("tls.crt");
  std::filesystem::create_symlink("v2", folder_.file("data_tmp"));
  std::filesystem::rename(folder_.file("data_tmp"), folder_.file("data"));
  EXPECT_TRUE(hears_of(1));
}

TEST_F(FileWatchTest, TheCallbackMayEndTheWatch) {
  write("config.yaml", "1");
  auto watch = watch_files(*loop_, {folder_.file("config.yaml")}, [this] { watch_.reset(); });
  ASSERT_THAT(watch, Succeeds());
  watch_ = std::move(*watch);
  write("config.yaml", "2");
  EXPECT_TRUE(drive([&] { return watch_ == nullptr; }));
  EXPECT_EQ(loop_->timers().size(), 0U);
}

}  // namespace
}  // namespace sovmesh::rt
