#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "modelfile/header.h"
#include "modelfile/test_support.h"

namespace sovmesh::modelfile {
namespace {

using testing::HasSubstr;

// One pair of metadata, one tensor of 2 x 32 weights in Q8_0 (68 bytes).
struct Parts {
  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::uint64_t tensors = 1;
  std::uint64_t pairs = 4;
  std::uint64_t row = 32;
  std::uint32_t type = 8;
  std::uint64_t offset = 0;
  std::size_t data = 68;

  std::string bytes() const {
    Bytes out;
    out.raw(magic).number(version).number(tensors).number(pairs);
    out.text("general.architecture").number(std::uint32_t{8}).text("llama");
    out.text("general.license").number(std::uint32_t{8}).text("mit\n");
    out.text("llama.context_length").number(std::uint32_t{4}).number(std::uint32_t{4096});
    out.text("tokens").number(std::uint32_t{9}).number(std::uint32_t{8}).number(std::uint64_t{2});
    out.text("a").text("b");
    out.text("blk.0").number(std::uint32_t{2}).number(row).number(std::uint64_t{2});
    out.number(type).number(offset);
    out.pad(32).raw(std::string(data, 'w'));
    return out.end();
  }
};

Result<Header> read(const std::string& bytes) {
  TextSource source(bytes);
  return read_gguf(source);
}

std::string refusal(const std::string& bytes) {
  const auto header = read(bytes);
  return header ? "it was read" : header.error().message();
}
std::string refusal(const Parts& parts) { return refusal(parts.bytes()); }

TEST(Gguf, SaysWhatTheModelIs) {
  const auto header = read(Parts().bytes());
  ASSERT_TRUE(header) << header.error().message();
  EXPECT_EQ(header->format, "gguf");
  EXPECT_EQ(header->architecture, "llama");
  EXPECT_EQ(header->licence, "mit ");
  EXPECT_EQ(header->context, 4096);
  EXPECT_EQ(header->parameters, 64);
  EXPECT_EQ(header->tensors, 1);
  EXPECT_EQ(header->quantisation, "Q8_0");
}

TEST(Gguf, WhatIsNoneIsRefused) {
  EXPECT_THAT(refusal({.magic = "GGML"}), HasSubstr("begin with GGUF"));
  EXPECT_THAT(refusal({.version = 1}), HasSubstr("version 1"));
  EXPECT_THAT(refusal({.tensors = 0}), HasSubstr("no tensors"));
  EXPECT_THAT(refusal({.tensors = 1'000'000'000}), HasSubstr("claims 1000000000 tensors"));
  EXPECT_THAT(refusal({.pairs = 1ULL << 60}), HasSubstr("metadata pairs"));
  EXPECT_THAT(refusal({.row = 33}), HasSubstr("whole blocks"));
  EXPECT_THAT(refusal({.row = 1ULL << 63}), HasSubstr("side of"));
  EXPECT_THAT(refusal({.type = 4}), HasSubstr("unknown type 4"));
  EXPECT_THAT(refusal({.offset = 8}), HasSubstr("multiple of 32"));
  EXPECT_THAT(refusal({.offset = 1ULL << 40}), HasSubstr("behind the end"));
  EXPECT_THAT(refusal({.data = 67}), HasSubstr("cut off"));
}

TEST(Gguf, CutOffAnywhereItIsRefused) {
  const std::string whole = Parts().bytes();
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(read(whole.substr(0, length))) << length;
}

TEST(Gguf, AnyByteChangedIsReadOrRefused) {
  const std::string whole = Parts().bytes();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char c : {'\0', '\x7f', '\xff'}) {
      std::string changed = whole;
      changed[at] = c;
      const auto header = read(changed);
      if (header) EXPECT_LE(header->parameters, 1'000'000) << at;
    }
  }
}

TEST(Gguf, TensorsLieApart) {
  Bytes out;
  out.raw("GGUF").number(std::uint32_t{3}).number(std::uint64_t{2}).number(std::uint64_t{0});
  for (const char* name : {"a", "b"}) {
    out.text(name).number(std::uint32_t{1}).number(std::uint64_t{64});
    out.number(std::uint32_t{0}).number(std::uint64_t{name[0] == 'a' ? 0U : 64U});
  }
  out.pad(32).raw(std::string(512, 'w'));
  EXPECT_THAT(refusal(out.end()), HasSubstr("'b' lies over another one"));
}

}  // namespace
}  // namespace sovmesh::modelfile
