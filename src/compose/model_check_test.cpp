#include "compose/model_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/bytes.h"
#include "modelfile/test_support.h"

namespace sovmesh::compose {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class ModelCheck : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }
  static std::string weights() {
    return modelfile::Bytes()
        .text(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})")
        .raw("wwwwwwww")
        .end();
  }
  static std::string refusal(const std::string& path) {
    const auto report = read_model(path, [](std::uint64_t) {});
    return report ? "it was read" : report.error().message();
  }

  const fs::path folder_ =
      fs::temp_directory_path() / ("sm_model_check_" + std::to_string(::getpid()) + "_" +
                                   testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(ModelCheck, AFolderIsReadAsOneModel) {
  write("a.safetensors", weights());
  write("b.safetensors", weights());
  const std::string config = R"({"architectures":["X"],"max_position_embeddings":64})";
  write("config.json", config);
  const auto report = read_model(folder_, [](std::uint64_t) {});
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->format, "safetensors");
  EXPECT_EQ(report->header.parameters, 4);
  EXPECT_EQ(report->header.context, 64);
  EXPECT_EQ(report->header.architecture, "X");
  EXPECT_EQ(report->bytes, 2 * weights().size() + config.size());
  const std::string digest = to_hex(sha256(weights()));
  EXPECT_EQ(report->digest, sha256(digest + "  a.safetensors\n" + digest + "  b.safetensors\n" +
                                   to_hex(sha256(config)) + "  config.json\n"));
}

TEST_F(ModelCheck, SaysWhichFileIsWrong) {
  write("a.safetensors", weights());
  write("b.safetensors", weights().substr(0, 20));
  EXPECT_THAT(refusal(folder_), HasSubstr("'b.safetensors': "));
}

TEST_F(ModelCheck, WhatIsNoModelIsRefused) {
  write("a.txt", "text");
  EXPECT_THAT(refusal(folder_ / "a.txt"), HasSubstr("want a .gguf file"));
  EXPECT_THAT(refusal(folder_), HasSubstr("no .safetensors file"));
  EXPECT_THAT(refusal(folder_ / "none"), HasSubstr("neither a file nor a folder"));
  write("b.gguf", "GGUF and then nonsense");
  EXPECT_THAT(refusal(folder_ / "b.gguf"), HasSubstr("GGUF version"));
  fs::create_symlink(folder_ / "b.gguf", folder_ / "c.gguf");
  EXPECT_THAT(refusal(folder_ / "c.gguf"), HasSubstr("neither a file nor a folder"));
}

}  // namespace
}  // namespace sovmesh::compose
