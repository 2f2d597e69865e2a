#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "sim/des/workload.h"

namespace sovmesh::des {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string message(const Result<Workload>& result) {
  return result ? "it was read" : result.error().message();
}

TEST(TraceReader, ReadsMooncakeAndLeavesTheIncompleteLastBlockOut) {
  const auto trace = read_trace(
      R"({"timestamp": 0, "input_length": 1100, "output_length": 6, "hash_ids": [7, 8, 9]}
{"timestamp": 2500, "input_length": 1024, "output_length": 0, "hash_ids": [7, 8]}
)",
      "t", 1);
  ASSERT_TRUE(trace) << message(trace);
  ASSERT_EQ(trace->arrivals.size(), 2U);
  EXPECT_EQ(trace->block_tokens, 512);
  EXPECT_EQ(trace->arrivals[0].chain_size, 2U);  // 1,100 tokens are two blocks and a bit
  EXPECT_EQ(trace->arrivals[1].at, std::chrono::milliseconds(2'500));
  EXPECT_EQ(trace->arrivals[1].output_tokens, 1U);
  EXPECT_TRUE(
      std::ranges::equal(trace->chain(trace->arrivals[0]), trace->chain(trace->arrivals[1])));
}

TEST(TraceReader, ReadsAzureAcrossMidnight) {
  const auto trace = read_trace(
      "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
      "2023-11-30 23:59:59.5000000,4808,10\r\n"
      "2023-12-01 00:00:01.2500000,110,27\r\n",
      "t", 1);
  ASSERT_TRUE(trace) << message(trace);
  EXPECT_EQ(trace->arrivals[0].at.count(), 0);
  EXPECT_EQ(trace->arrivals[1].at, std::chrono::milliseconds(1'750));
  EXPECT_EQ(trace->arrivals[1].input_tokens, 110U);
}

TEST(TraceReader, ReadsVidurWithTimesAndWithout) {
  const auto timed = read_trace(
      "arrived_at,num_prefill_tokens,num_decode_tokens\n0.0,374,44\n4.5,396,109\n", "t", 1);
  ASSERT_TRUE(timed) << message(timed);
  EXPECT_EQ(timed->arrivals[1].at, std::chrono::milliseconds(4'500));
  const char* untimed =
      "num_prefill_tokens,num_decode_tokens,num_total_tokens,pd_ratio\n1,2,3,0.5\n4,5,9,0.8\n";
  const auto made = read_trace(untimed, "t", 1);
  ASSERT_TRUE(made) << message(made);
  EXPECT_GT(made->arrivals[1].at, made->arrivals[0].at);
  EXPECT_EQ(made->arrivals[0].at, read_trace(untimed, "t", 1)->arrivals[0].at);
  EXPECT_NE(made->arrivals[0].at, read_trace(untimed, "t", 2)->arrivals[0].at);
}

TEST(TraceReader, SaysInWhichLineATraceIsBroken) {
  const auto read = [](std::string_view text) { return message(read_trace(text, "x.csv", 1)); };
  EXPECT_THAT(read(""), HasSubstr("empty"));
  EXPECT_THAT(read("a,b,c\n1,2,3\n"), HasSubstr("x.csv:1: not a trace that we know"));
  EXPECT_THAT(read("TIMESTAMP,ContextTokens,GeneratedTokens\n"), HasSubstr("no requests"));
  EXPECT_THAT(read("arrived_at,num_prefill_tokens,num_decode_tokens\n0,1,1\n\n1,x,1\n"),
              HasSubstr("x.csv:4: want whole numbers of tokens"));
  EXPECT_THAT(read("arrived_at,num_prefill_tokens,num_decode_tokens\n5,1,1\n4,1,1\n"),
              HasSubstr("x.csv:3: times do not go up"));
  EXPECT_THAT(read("arrived_at,num_prefill_tokens,num_decode_tokens\n5,1\n"),
              HasSubstr("x.csv:2: too few fields"));
  EXPECT_THAT(read("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-02-30 00:00:00.0,1,1\n"),
              HasSubstr("x.csv:2: want a time"));
  EXPECT_THAT(read("{\"timestamp\": 0}\n"), HasSubstr("x.csv:1: \"input_length\""));
  EXPECT_THAT(read("{\"timestamp\": -1, \"input_length\": 1}\n"), HasSubstr("\"timestamp\""));
  EXPECT_THAT(read("{oops\n"), HasSubstr("x.csv:1: not a JSON object"));
  EXPECT_THAT(
      read("{\"timestamp\":0,\"input_length\":600,\"output_length\":1,\"hash_ids\":[\"a\"]}\n"),
      HasSubstr("\"hash_ids\""));
}

// The public traces, where they lie beside the sources.
class PublicTrace : public testing::TestWithParam<std::pair<const char*, std::size_t>> {};

TEST_P(PublicTrace, IsReadWhole) {
  const auto& [name, requests] = GetParam();
  const char* const given = std::getenv("SM_SHARED_DATA");  // NOLINT(concurrency-mt-unsafe)
  const std::string data = given != nullptr ? given : SM_SOURCE_DIR "/../shared/data";
  std::ifstream file(data + "/traces/" + name);
  if (!file) GTEST_SKIP() << data << "/traces/" << name << " is not there (set SM_SHARED_DATA)";
  std::stringstream text;
  text << file.rdbuf();
  const auto trace = read_trace(text.view(), name, 1);
  ASSERT_TRUE(trace) << message(trace);
  EXPECT_EQ(trace->arrivals.size(), requests);
}

INSTANTIATE_TEST_SUITE_P(
    All, PublicTrace,
    testing::Values(std::pair{"mooncake-fast25/synthetic_trace.jsonl", std::size_t{3'993}},
                    std::pair{"azure-llm-2023/AzureLLMInferenceTrace_code.csv", std::size_t{8'819}},
                    std::pair{"azure-llm-2023/AzureLLMInferenceTrace_conv.csv",
                              std::size_t{19'366}},
                    std::pair{"vidur/splitwise_conv.csv", std::size_t{19'366}},
                    std::pair{"vidur/arxiv_summarization.csv", std::size_t{28'257}}));

}  // namespace
}  // namespace sovmesh::des
