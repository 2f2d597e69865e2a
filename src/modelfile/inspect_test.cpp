#include "modelfile/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/bytes.h"

namespace sovmesh::modelfile {
namespace {

using testing::HasSubstr;

TEST(Inspect, KnowsFilesByTheirNames) {
  EXPECT_EQ(kind_of_file("model.gguf"), Kind::gguf);
  EXPECT_EQ(kind_of_file("model-00001-of-00002.safetensors"), Kind::safetensors);
  EXPECT_EQ(kind_of_file("config.json"), Kind::config);
  EXPECT_EQ(kind_of_file("tokenizer.json"), Kind::other);
  EXPECT_EQ(kind_of_file("tokenizer.model"), Kind::other);
  EXPECT_EQ(kind_of_file("LICENSE"), Kind::other);
}

TEST(Inspect, WhatCanRunCodeIsInNoModel) {
  for (const char* name : {"pytorch_model.bin", "model.pt", "modeling_x.py", "x.PKL"}) {
    const auto kind = kind_of_file(name);
    ASSERT_FALSE(kind) << name;
    EXPECT_THAT(kind.error().message(), HasSubstr("can run code")) << name;
  }
  for (const char* name : {"", ".hidden", "a/b.json", "../x.json", "a b.json", "model.exe"})
    EXPECT_FALSE(kind_of_file(name)) << name;
}

TEST(Inspect, AFolderHasWeightsOfOneFormat) {
  EXPECT_TRUE(check_folder(std::vector<std::string>{"a.safetensors", "config.json"}));
  EXPECT_FALSE(check_folder(std::vector<std::string>{"config.json"}));
  EXPECT_FALSE(check_folder(std::vector<std::string>{"a.safetensors", "b.gguf"}));
  EXPECT_FALSE(check_folder(std::vector<std::string>{"a.safetensors", "b.py"}));
}

TEST(Inspect, TheConfigSaysArchitectureAndContext) {
  Header header;
  ASSERT_TRUE(add_config(
      header, R"({"architectures":["QwenForCausalLM"],"max_position_embeddings":32768})"));
  EXPECT_EQ(header.architecture, "QwenForCausalLM");
  EXPECT_EQ(header.context, 32768);
  EXPECT_TRUE(add_config(header, R"({"architectures":7,"max_position_embeddings":-1})"));
  EXPECT_FALSE(add_config(header, "[]"));
  EXPECT_FALSE(add_config(header, "{"));
}

TEST(Inspect, AFoldersDigestIsThatOfItsListOfDigests) {
  const FileDigest a{.name = "a.safetensors", .digest = sha256("A"), .size = 1};
  const FileDigest b{.name = "b.json", .digest = sha256("B"), .size = 1};
  EXPECT_EQ(digest_of_folder({b, a}),
            sha256(to_hex(a.digest) + "  a.safetensors\n" + to_hex(b.digest) + "  b.json\n"));
}

}  // namespace
}  // namespace sovmesh::modelfile
