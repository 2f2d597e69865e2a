#include "compose/model_digests.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/bytes.h"
#include "base/hash.h"
#include "tests/support/memory_control.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::compose {
namespace {

class ModelDigestsTest : public testing::Test {
 protected:
  ModelDigestsTest() { std::filesystem::create_directories(folder_); }
  ~ModelDigestsTest() override { std::filesystem::remove_all(folder_); }
  std::string put(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return (folder_ / name).string();
  }
  static std::string hex(const std::string& bytes) { return to_hex(sha256(bytes)); }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("sm_digests_" + std::to_string(::getpid()));
  MemoryControl store_;
  std::atomic<bool> stop_ = false;
  ModelDigests digests_{store_, stop_};
};

TEST_F(ModelDigestsTest, AFileIsHashedOnceAndAgainWhenItIsAnotherOne) {
  const std::string large(3'000'000, 'x');  // in several pieces
  const std::string path = put("a.gguf", large);
  EXPECT_THAT(digests_.of_file(path), HasValue(hex(large)));
  // What is remembered is believed for exactly this file.
  std::string& kept = store_.values.at("model_digest/" + path);
  kept.replace(kept.rfind(' ') + 1, kept.npos, "remembered");
  EXPECT_THAT(digests_.of_file(path), HasValue(std::string("remembered")));
  put("a.gguf", large + "y");
  EXPECT_THAT(digests_.of_file(path), HasValue(hex(large + "y")));
}

TEST_F(ModelDigestsTest, AnAdapterMakesAnotherModel) {
  config::Engine engine{.model_file = put("base", "base")};
  engine.adapter_files = {put("lora", "lora")};
  gateway::AuditPolicy::Engine facts;
  ASSERT_THAT(digests_.read(engine, facts), Succeeds());
  EXPECT_EQ(facts.model_digest, hex("base"));
  ASSERT_EQ(facts.adapters.size(), 1U);
  EXPECT_EQ(facts.adapters[0], hex(hex("base") + hex("lora")));
}

TEST_F(ModelDigestsTest, WhatCannotBeReadHasNoDigest) {
  EXPECT_THAT(digests_.of_file((folder_ / "nothing").string()), FailsWith(Code::io_error));
  EXPECT_THAT(digests_.of_file(folder_.string()), FailsWith(Code::io_error)) << "a folder";
  const std::string path = put("a.gguf", "bytes");
  stop_ = true;
  EXPECT_THAT(digests_.of_file(path), FailsWith(Code::io_error));
  EXPECT_TRUE(store_.values.empty());
}

}  // namespace
}  // namespace sovmesh::compose
