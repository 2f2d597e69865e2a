#include <gtest/gtest.h>

#include <string>

#include "engine/engine.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::engine {
namespace {

using llmapi::Dialect;

TEST(ParseCounters, ReadsALlamaCppPage) {
  const auto counters =
      parse_counters(Dialect::llama_cpp,
                     "# HELP llamacpp:prompt_tokens_total Number of prompt tokens processed\n"
                     "# TYPE llamacpp:prompt_tokens_total counter\n"
                     "llamacpp:prompt_tokens_total 23\n"
                     "llamacpp:prompt_tokens_cached_total 12\n"
                     "llamacpp:tokens_predicted_total 10\n"
                     "llamacpp:requests_processing 2\n"
                     "llamacpp:requests_deferred 1\n");
  ASSERT_THAT(counters, Succeeds());
  EXPECT_EQ(counters->prompt_tokens, 35) << "processed and cached";
  EXPECT_EQ(counters->generated_tokens, 10);
  EXPECT_EQ(counters->running, 2);
  EXPECT_EQ(counters->waiting, 1);
}

TEST(ParseCounters, AddsUpTheLabelSetsOfVllm) {
  const auto counters =
      parse_counters(Dialect::vllm,
                     "vllm:prompt_tokens_total{engine=\"0\",model_name=\"a} b\\\"\"} 1.5e+03\n"
                     "vllm:prompt_tokens_total{engine=\"1\",model_name=\"a\"} 2 1700000000000\n"
                     "vllm:generation_tokens_total{model_name=\"a\"} 1.234567e+06\r\n"
                     "vllm:num_requests_waiting{model_name=\"a\"} 4");
  ASSERT_THAT(counters, Succeeds());
  EXPECT_EQ(counters->prompt_tokens, 1502);
  EXPECT_EQ(counters->generated_tokens, 1'234'567);
  EXPECT_EQ(counters->waiting, 4);
}

TEST(ParseCounters, ReadsSglangNames) {
  const auto counters = parse_counters(Dialect::sglang,
                                       "sglang:num_running_reqs{m=\"x\"} 7.0\n"
                                       "sglang:num_queue_reqs{m=\"x\"} 8.0\n");
  ASSERT_THAT(counters, Succeeds());
  EXPECT_EQ(counters->running, 7);
  EXPECT_EQ(counters->waiting, 8);
}

TEST(ParseCounters, ReadsKvMemoryOfVllmOverItsRanks) {
  const auto counters = parse_counters(
      Dialect::vllm,
      "vllm:kv_cache_usage_perc{engine=\"0\"} 0.25\n"
      "vllm:kv_cache_usage_perc{engine=\"1\"} 0.75\n"
      "vllm:kv_cache_usage_perc{engine=\"2\"} NaN\n"
      "vllm:cache_config_info{block_size=\"16\",engine=\"0\",num_gpu_blocks=\"1000\"} 1.0\n"
      "vllm:cache_config_info{cpu_block_size=\"9\",block_size=\"32\",num_gpu_blocks=\"10\"} 1.0\n"
      "vllm:cache_config_info{block_size=\"16\",num_gpu_blocks=\"None\"} 1.0\n"
      "vllm:num_requests_running 1\n");
  ASSERT_THAT(counters, Succeeds());
  EXPECT_EQ(counters->kv_used, 0.5);
  EXPECT_EQ(counters->kv_tokens, 16'320);
}

TEST(ParseCounters, ReadsKvMemoryByTheNamesOfOthers) {
  EXPECT_EQ(
      parse_counters(Dialect::vllm, "vllm:gpu_cache_usage_perc 0.5\nvllm:num_requests_running 1\n")
          ->kv_used,
      0.5);
  const auto sglang = parse_counters(Dialect::sglang,
                                     "sglang:token_usage 0.125\nsglang:num_running_reqs 1\n"
                                     "sglang:max_total_num_tokens 4.0e+05\n");
  ASSERT_THAT(sglang, Succeeds());
  EXPECT_EQ(sglang->kv_used, 0.125);
  EXPECT_EQ(sglang->kv_tokens, 400'000);
  const auto others = parse_counters(Dialect::tensorrt_llm,
                                     "trtllm_kv_cache_utilization 1.5\n"
                                     "trtllm_num_requests_running 1\n");
  EXPECT_EQ(others->kv_used, 1) << "nothing holds more than it has";
  EXPECT_EQ(others->kv_tokens, std::nullopt);
}

TEST(ParseCounters, ReadsSumsOfHistogramsOfTgi) {
  const auto counters = parse_counters(Dialect::tgi,
                                       "tgi_request_input_length_bucket{le=\"10\"} 5\n"
                                       "tgi_request_input_length_sum 18\n"
                                       "tgi_request_input_length_count 6\n"
                                       "tgi_request_generated_tokens_sum 9\n"
                                       "tgi_batch_current_size 2\n"
                                       "tgi_queue_size 1\n");
  ASSERT_THAT(counters, Succeeds());
  EXPECT_EQ(counters->prompt_tokens, 18);
  EXPECT_EQ(counters->generated_tokens, 9);
  EXPECT_EQ(counters->running, 2);
  EXPECT_EQ(counters->waiting, 1);
}

TEST(ParseCounters, ReadsTensorRtLlmNames) {
  const auto counters = parse_counters(Dialect::tensorrt_llm,
                                       "trtllm_prompt_tokens_total{model_name=\"x\"} 5.0\n"
                                       "trtllm_generation_tokens_total{model_name=\"x\"} 6.0\n"
                                       "trtllm_num_requests_running{model_name=\"x\"} 7.0\n"
                                       "trtllm_num_requests_waiting{model_name=\"x\"} 8.0\n");
  ASSERT_THAT(counters, Succeeds());
  EXPECT_EQ(counters->prompt_tokens, 5);
  EXPECT_EQ(counters->generated_tokens, 6);
  EXPECT_EQ(counters->running, 7);
  EXPECT_EQ(counters->waiting, 8);
}

TEST(ParseCounters, SkipsNumbersThatCountNothing) {
  const auto counters = parse_counters(Dialect::vllm,
                                       "vllm:prompt_tokens_total NaN\n"
                                       "vllm:prompt_tokens_total -5\n"
                                       "vllm:prompt_tokens_total 1e300\n"
                                       "vllm:prompt_tokens_total +Inf\n"
                                       "vllm:prompt_tokens_total{unclosed=\"} 9\n"
                                       "vllm:prompt_tokens_total\n"
                                       "vllm:generation_tokens_total 3\n");
  ASSERT_THAT(counters, Succeeds());
  EXPECT_EQ(counters->prompt_tokens, 0);
  EXPECT_EQ(counters->generated_tokens, 3);
}

TEST(ParseCounters, APageWithoutAnyOfTheNamesIsAnError) {
  EXPECT_THAT(parse_counters(Dialect::vllm, "llamacpp:prompt_tokens_total 23\n"),
              FailsWith(Code::upstream_invalid_response));
  EXPECT_THAT(parse_counters(Dialect::llama_cpp, ""), FailsWith(Code::upstream_invalid_response));
  EXPECT_THAT(parse_counters(Dialect::openai, "vllm:prompt_tokens_total 1\n"),
              FailsWith(Code::upstream_invalid_response));
}

}  // namespace
}  // namespace sovmesh::engine
