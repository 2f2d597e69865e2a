#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "modelfile/header.h"
#include "modelfile/test_support.h"

namespace sovmesh::modelfile {
namespace {

using testing::HasSubstr;

std::string file(const std::string& header, std::size_t data) {
  return Bytes().text(header).raw(std::string(data, 'w')).end();
}

Result<Header> read(const std::string& bytes) {
  TextSource source(bytes);
  return read_safetensors(source);
}

std::string refusal(const std::string& header, std::size_t data) {
  const auto read_one = read(file(header, data));
  return read_one ? "it was read" : read_one.error().message();
}

constexpr const char* kTwo =
    R"({"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},)"
    R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})";

TEST(Safetensors, SaysWhatTheModelIs) {
  const auto header = read(file(kTwo, 16));
  ASSERT_TRUE(header) << header.error().message();
  EXPECT_EQ(header->format, "safetensors");
  EXPECT_EQ(header->parameters, 7);
  EXPECT_EQ(header->tensors, 2);
  EXPECT_EQ(header->quantisation, "BF16");
}

TEST(Safetensors, WhatIsNoneIsRefused) {
  EXPECT_THAT(refusal(kTwo, 15), HasSubstr("cut off"));
  EXPECT_THAT(refusal(kTwo, 17), HasSubstr("more than tensors"));
  EXPECT_THAT(refusal("{}", 0), HasSubstr("no tensors"));
  EXPECT_THAT(refusal("[]", 0), HasSubstr("no JSON object"));
  EXPECT_THAT(refusal(R"({"a":7})", 0), HasSubstr("'a' is no tensor"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"Q4","shape":[1],"data_offsets":[0,1]}})", 1),
              HasSubstr("no known dtype"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}})", 1),
              HasSubstr("its shape needs"));
  EXPECT_THAT(
      refusal(R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,1]}})", 1),
      HasSubstr("impossible shape"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1),
              HasSubstr("impossible shape"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2),
              HasSubstr("does not begin"));
  EXPECT_THAT(refusal(R"({"a":{"b":{"c":{"d":{}}}}})", 0), HasSubstr("no JSON object"));
}

TEST(Safetensors, ANameThatStandsTwiceIsRefused) {
  EXPECT_THAT(refusal(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                      R"("a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
                      2),
              HasSubstr("names 'a' twice"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"U8","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4),
              HasSubstr("names 'dtype' twice"));
  EXPECT_THAT(refusal(R"({"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                      R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                      1),
              HasSubstr("names 'a' twice"))
      << "as another spelling, too";
  EXPECT_TRUE(read(file(kTwo, 16))) << "the same fields of two tensors are none";
}

TEST(Safetensors, AHeaderThatClaimsMoreThanThereIsIsRefused) {
  EXPECT_FALSE(read(Bytes().number(std::uint64_t{1} << 40).raw("{}").end()));
  EXPECT_FALSE(read("abc"));
}

}  // namespace
}  // namespace sovmesh::modelfile
