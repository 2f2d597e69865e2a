#include "sim/des/engine_spec_text.h"

#include <gmock/gmock.h>

#include "tests/support/result_matchers.h"

namespace sovmesh::des {
namespace {

TEST(EngineSpecText, NamesWhatDiffersFromTheDefault) {
  const auto spec = parse_engine_spec("base-us=2500.5,kv-tokens=20000,streams=8");
  ASSERT_THAT(spec, Succeeds());
  EXPECT_EQ(spec->base_us, 2'500.5);
  EXPECT_EQ(spec->kv_tokens, 20'000);
  EXPECT_EQ(spec->requests_max, 8U);
  EXPECT_EQ(spec->prefill_us, EngineSpec{}.prefill_us);
  EXPECT_EQ(parse_engine_spec("default")->base_us, EngineSpec{}.base_us);
}

TEST(EngineSpecText, IsReadAgainAsItWasWritten) {
  EngineSpec spec;
  spec.prefill_us = 0.25;
  spec.wake_us = 7;
  const std::string text = to_text(spec);
  const auto read = parse_engine_spec(text);
  ASSERT_THAT(read, Succeeds());
  EXPECT_EQ(read->prefill_us, 0.25);
  EXPECT_EQ(read->wake_us, 7);
  EXPECT_EQ(to_text(*read), text);
}

TEST(EngineSpecText, WhatIsWrongIsNamed) {
  for (const auto& [text, reason] : {std::pair{"", "want \"default\""},
                                     {"base=1", "unknown setting \"base\""},
                                     {"base-us=fast", "base-us: want a number"},
                                     {"base-us=-1", "base-us: want a number"},
                                     {"streams=1.5", "streams: want a whole number"},
                                     {"kv-tokens=0", "above 0"},
                                     {"streams=8192", "chunk-tokens above streams"},
                                     {"base-us=1,,", "want \"default\""}}) {
    const auto spec = parse_engine_spec(text);
    ASSERT_THAT(spec, FailsWith(Code::config_invalid)) << text;
    EXPECT_THAT(spec.error().message(), testing::HasSubstr(reason));
  }
}

}  // namespace
}  // namespace sovmesh::des
