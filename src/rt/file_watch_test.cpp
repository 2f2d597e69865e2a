#include <filesystem>
#include <fstream>

#include "rt/real_test.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::rt {
namespace {

using namespace std::chrono_literals;

class FileWatchTest : public RealLoopTest {
 protected:
  void write(const std::string& name, std::string_view text) {
    std::ofstream(folder_.file(name)) << text;
  }
  void watch(const std::string& name, FileWatchTimes times = {}) {
    auto watch = watch_files(*loop_, {folder_.file(name)}, [this] { ++changes_; }, times);
    ASSERT_THAT(watch, Succeeds());
    watch_ = std::move(*watch);
  }
  // As `watch`; what it has heard of, the other one has as well: they settle in order.
  void watch_too(const std::string& name) {
    auto watch = watch_files(*loop_, {folder_.file(name)}, [this] { ++others_; });
    ASSERT_THAT(watch, Succeeds());
    other_watch_ = std::move(*watch);
  }
  bool hears_of(int changes) {
    return drive([&] { return changes_ >= changes; });
  }

  TemporaryFolder folder_;
  std::unique_ptr<FileWatch> watch_;
  std::unique_ptr<FileWatch> other_watch_;
  int changes_ = 0;
  int others_ = 0;
};

TEST_F(FileWatchTest, HearsOfWritingReplacingRemovingAndComingBack) {
  write("config.yaml", "1");
  watch("config.yaml", {.poll = 20ms, .rest = 1h});
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

TEST_F(FileWatchTest, AFileThatIsStillBeingWrittenIsLeftAlone) {
  write("config.yaml", "tenants: [aurora, boreal]");
  watch("config.yaml", {.poll = 20ms, .rest = 1h});
  watch_too("other");
  std::ofstream half(folder_.file("config.yaml"));
  half << "tenants: [" << std::flush;
  write("other", "x");
  ASSERT_TRUE(drive([this] { return others_ >= 1; }));
  EXPECT_EQ(changes_, 0);
  half << "aurora, cirrus]";
  half.close();
  ASSERT_TRUE(hears_of(1));
  EXPECT_EQ(changes_, 1);
}

TEST_F(FileWatchTest, AFileThatIsWrittenHoldsBackTheNewsOfOthers) {
  write("config.yaml", "1");
  write("secret", "1");
  auto watch = watch_files(*loop_, {folder_.file("secret"), folder_.file("config.yaml")},
                           [this] { ++changes_; });
  ASSERT_THAT(watch, Succeeds());
  watch_too("other");
  std::ofstream half(folder_.file("config.yaml"));
  half << "23" << std::flush;
  write("secret", "2");
  write("other", "x");
  ASSERT_TRUE(drive([this] { return others_ >= 1; }));
  EXPECT_EQ(changes_, 0);
  half.close();
  ASSERT_TRUE(hears_of(1));
  EXPECT_EQ(changes_, 1);
}

// An editor that removes the file and writes another one in its place.
TEST_F(FileWatchTest, AFileThatIsMadeAnewCountsOnceItIsClosed) {
  write("config.yaml", "1");
  watch("config.yaml");
  watch_too("other");
  std::filesystem::remove(folder_.file("config.yaml"));
  std::ofstream half(folder_.file("config.yaml"));
  half << "2" << std::flush;
  write("other", "x");
  ASSERT_TRUE(drive([this] { return others_ >= 1; }));
  EXPECT_EQ(changes_, 0);
  half.close();
  EXPECT_TRUE(hears_of(1));
}

// Written where inotify does not look: only the poll can tell.
TEST_F(FileWatchTest, ThePollTakesWhatHasComeToRest) {
  const TemporaryFolder elsewhere;
  const std::string real = elsewhere.file("real");
  std::ofstream(real) << "1";
  std::filesystem::create_symlink(real, folder_.file("config.yaml"));
  watch("config.yaml", {.poll = 5ms, .rest = 1h});
  std::ofstream(real) << "22";
  int polls = 0;
  auto spy = watch_files(*loop_, {folder_.file("spy")}, [&polls] { ++polls; }, {.poll = 5ms});
  ASSERT_THAT(spy, Succeeds());
  for (const int round : {1, 2, 3}) {  // some polls later
    write("spy", std::to_string(round));
    ASSERT_TRUE(drive([&] { return polls >= round; }));
  }
  EXPECT_EQ(changes_, 0);
  const auto now = std::filesystem::last_write_time(real);
  std::filesystem::last_write_time(real, now - 2h);
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

TEST_F(FileWatchTest, AChangeWhileTheCallerReadIsNewsOnceAtRest) {
  write("config.yaml", "1");
  watch("config.yaml", {.poll = 5ms, .rest = 0ms, .read_since = loop_->clock().wall_now()});
  EXPECT_TRUE(hears_of(1));
  const auto long_after = loop_->clock().wall_now() + 1h;
  watch("config.yaml", {.poll = 5ms, .rest = 0ms, .read_since = long_after});
  watch_too("other");
  write("other", "x");
  ASSERT_TRUE(drive([this] { return others_ >= 1; }));
  EXPECT_EQ(changes_, 1);
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
