#include "engine/capabilities.h"

#include <gtest/gtest.h>

#include "tests/support/result_matchers.h"

namespace sovmesh::engine {
namespace {

using llmapi::Dialect;

TEST(Capabilities, TenantSlotsAreLlamaCppAndCacheSaltIsVllm) {
  EXPECT_TRUE(default_capabilities(Dialect::llama_cpp).tenant_slots);
  EXPECT_FALSE(default_capabilities(Dialect::llama_cpp).cache_salt);
  EXPECT_TRUE(default_capabilities(Dialect::vllm).cache_salt);
  EXPECT_TRUE(default_capabilities(Dialect::tensorrt_llm).cache_salt);
  EXPECT_FALSE(default_capabilities(Dialect::tgi).cache_salt);
  EXPECT_FALSE(default_capabilities(Dialect::vllm).tenant_slots);
  EXPECT_FALSE(default_capabilities(Dialect::openai).live_usage);
}

TEST(Capabilities, NoEngineIsTrustedToCountCancelledPlainRequests) {
  for (const Dialect dialect :
       {Dialect::llama_cpp, Dialect::vllm, Dialect::sglang, Dialect::openai})
    EXPECT_FALSE(default_capabilities(dialect).counts_cancelled_plain);
}

TEST(Capabilities, OverridesChangeOnlyWhatTheyName) {
  const auto can = override_capabilities(default_capabilities(Dialect::vllm),
                                         {{"embeddings", true}, {"images", false}});
  ASSERT_THAT(can, Succeeds());
  EXPECT_TRUE(can->embeddings);
  EXPECT_FALSE(can->images);
  EXPECT_TRUE(can->cache_salt);
}

TEST(Capabilities, UnknownNameIsRefusedWithAHint) {
  const auto can = override_capabilities(Capabilities{}, {{"embedding", true}});
  ASSERT_THAT(can, FailsWith(Code::config_invalid));
  EXPECT_THAT(can.error().message(), testing::HasSubstr("did you mean \"embeddings\"?"));
}

}  // namespace
}  // namespace sovmesh::engine
