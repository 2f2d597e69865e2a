#include "replay_files/replay_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "rt/sim/world.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::replay_files {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class ReplayFilesTest : public testing::Test {
 protected:
  ReplayFilesTest() {
    std::string pattern = testing::TempDir() + "/sovmesh-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    boot();
  }
  ~ReplayFilesTest() override { fs::remove_all(root_); }
  void boot(const char* secret = "a secret of 32 characters or more") {
    files_ = *ReplayFiles::open(root_ + "/replay", Secret(secret), world_.clock(), world_.random());
  }
  RequestId keep(std::string_view answer) {
    const RequestId request{ids_.next()};
    kept_ = files_->keep(tenant_, request, policy_, answer);
    return request;
  }
  std::vector<fs::path> on_disk() const {
    std::vector<fs::path> all;
    for (const auto& entry : fs::recursive_directory_iterator(root_ + "/replay"))
      if (entry.is_regular_file()) all.push_back(entry.path());
    return all;
  }

  rt::sim::SimWorld world_{1};
  UlidSource ids_{world_.clock(), world_.random()};
  TenantId tenant_{ids_.next()};
  TenantId other_{ids_.next()};
  tenancy::ReplayPolicy policy_{.ttl = 1h, .bytes_max = 10'000};
  std::string root_;
  std::unique_ptr<ReplayFiles> files_;
  Result<void> kept_;
};

TEST_F(ReplayFilesTest, KeepsAnAnswerOverARestart) {
  const RequestId request = keep("the answer");
  ASSERT_THAT(kept_, Succeeds());
  for (int boots = 0; boots < 2; ++boots) {
    EXPECT_EQ(files_->find(tenant_, request), "the answer");
    EXPECT_EQ(files_->find(other_, request), std::nullopt);
    EXPECT_EQ(files_->find(tenant_, {ids_.next()}), std::nullopt);
    boot();
  }
}

TEST_F(ReplayFilesTest, NoTextIsReadableOnTheDisk) {
  keep("a canary that sings");
  ASSERT_EQ(on_disk().size(), 1U);
  std::ifstream file(on_disk()[0], std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(bytes.find("canary"), std::string::npos);
  EXPECT_EQ(fs::status(root_ + "/replay").permissions(), fs::perms::owner_all);
}

TEST_F(ReplayFilesTest, IsGoneWhenItsTimeIsOver) {
  const RequestId request = keep("the answer");
  world_.run_for(59min);
  EXPECT_TRUE(files_->find(tenant_, request));
  world_.run_for(2min);
  EXPECT_FALSE(files_->find(tenant_, request));
  EXPECT_EQ(on_disk().size(), 1U);
  files_->retain({tenant_});
  EXPECT_EQ(on_disk().size(), 0U);
  keep("another");
  world_.run_for(2h);
  boot();
  EXPECT_EQ(on_disk().size(), 0U);
}

TEST_F(ReplayFilesTest, MakesRoomByForgettingTheOldest) {
  const std::string large(4'000, 'x');
  const RequestId first = keep(large);
  const RequestId second = keep(large);
  const RequestId third = keep(large);
  EXPECT_THAT(kept_, Succeeds());
  EXPECT_FALSE(files_->find(tenant_, first));
  EXPECT_TRUE(files_->find(tenant_, second));
  EXPECT_TRUE(files_->find(tenant_, third));
  EXPECT_EQ(on_disk().size(), 2U);
  keep(std::string(10'000, 'x'));
  EXPECT_THAT(kept_, FailsWith(Code::queue_full));
  EXPECT_TRUE(files_->find(tenant_, third)) << "nothing is forgotten for what has no room at all";
  EXPECT_THAT(files_->keep(other_, third, policy_, large), Succeeds());
  EXPECT_TRUE(files_->find(tenant_, second)) << "each tenant has room of its own";
}

TEST_F(ReplayFilesTest, ErasesTenantsThatAreGone) {
  const RequestId request = keep("the answer");
  EXPECT_THAT(files_->keep(other_, request, policy_, "the other's"), Succeeds());
  files_->retain({other_});
  EXPECT_FALSE(files_->find(tenant_, request));
  EXPECT_TRUE(files_->find(other_, request));
  EXPECT_EQ(on_disk().size(), 1U);
}

TEST_F(ReplayFilesTest, DamagedOrForeignFilesAreNoAnswers) {
  const RequestId mine = keep("mine");
  const RequestId yours = keep("yours");
  const std::string folder = root_ + "/replay/" + tenant_.value.text() + "/";
  fs::copy_file(folder + mine.value.text(), folder + yours.value.text(),
                fs::copy_options::overwrite_existing);
  EXPECT_FALSE(files_->find(tenant_, yours)) << "it was sealed for another request";
  fs::resize_file(folder + mine.value.text(), 20);
  std::ofstream(folder + "half.new") << "half";
  fs::create_directory(root_ + "/replay/what is this");
  boot();
  EXPECT_FALSE(files_->find(tenant_, mine));
  EXPECT_FALSE(fs::exists(folder + "half.new"));
  EXPECT_FALSE(fs::exists(root_ + "/replay/what is this"));
  boot("another secret of 32 characters..");
  EXPECT_FALSE(files_->find(tenant_, yours));
}

TEST_F(ReplayFilesTest, ADiskThatTakesNothingKeepsNothing) {
  fs::remove_all(root_ + "/replay");
  std::ofstream(root_ + "/replay") << "in the way";
  const RequestId request = keep("the answer");
  EXPECT_THAT(kept_, FailsWith(Code::io_error));
  EXPECT_FALSE(files_->find(tenant_, request));
  fs::remove(root_ + "/replay");
}

}  // namespace
}  // namespace sovmesh::replay_files
