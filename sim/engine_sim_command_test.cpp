#include "sim/engine_sim_command.h"

#include <gmock/gmock.h>

#include "tests/support/result_matchers.h"

namespace sovmesh::sim {
namespace {

TEST(EngineSimArguments, AreReadInBothForms) {
  const auto parsed = parse_engine_sim_arguments(
      {"--listen", "127.0.0.1:0", "--tokens-per-second=2.5", "--prefill-ms", "10", "--dialect",
       "llama_cpp", "--slots=4", "--fault", "die-after:3", "--fault=crlf", "--record", "0"});
  ASSERT_THAT(parsed, Succeeds());
  EXPECT_EQ(parsed->listen, "127.0.0.1:0");
  EXPECT_EQ(parsed->options.tokens_per_second, 2.5);
  EXPECT_EQ(parsed->options.prefill.count(), 10);
  EXPECT_EQ(parsed->options.dialect, llmapi::Dialect::llama_cpp);
  EXPECT_EQ(parsed->options.slots, 4);
  EXPECT_EQ(parsed->options.faults.size(), 2U);
  EXPECT_EQ(parsed->options.record_max, 0U);
}

TEST(EngineSimArguments, WhatIsWrongIsNamed) {
  using Arguments = std::vector<std::string>;
  for (const Arguments& arguments :
       {Arguments{"--tokens"}, Arguments{"--tokens", "many"}, Arguments{"--slots", "0"},
        Arguments{"--fault", "dye"}, Arguments{"--dialect", "openai"}, Arguments{"--verbose", "1"},
        Arguments{"--tokens-per-second", "nan"}, Arguments{"--engine-model", "base=1"},
        Arguments{"--fault", "speed:50"}, Arguments{"--fault", "out-of-memory"}}) {
    const auto parsed = parse_engine_sim_arguments(arguments);
    ASSERT_THAT(parsed, FailsWith(Code::config_invalid)) << arguments[0];
  }
}

TEST(EngineSimArguments, AnEngineModelHasItsSettingsAndFaults) {
  const auto parsed = parse_engine_sim_arguments(
      {"--fault", "speed:50", "--engine-model=kv-tokens=20000", "--lora", "red", "--lora=blue"});
  ASSERT_THAT(parsed, Succeeds());
  EXPECT_EQ(parsed->options.engine->kv_tokens, 20'000);
  EXPECT_THAT(parsed->options.loras, testing::ElementsAre("red", "blue"));
}

TEST(EngineSimArguments, HelpListsEveryFault) {
  EXPECT_THAT(engine_sim_help(), testing::HasSubstr("die-after:K"));
  EXPECT_TRUE(parse_engine_sim_arguments({"--help"})->help);
}

}  // namespace
}  // namespace sovmesh::sim
