#include "engine_process/command.h"

#include <gmock/gmock.h>

#include "tests/support/result_matchers.h"

namespace sovmesh::engine_process {
namespace {

using testing::ElementsAre;

engine::ManagedSpec good_spec() {
  engine::ManagedSpec spec;
  spec.name = "tiny";
  spec.program = "/opt/venv/bin/python";
  spec.program_arguments = {"-I", "/opt/launcher.py"};
  spec.model_file = "/models/tiny.gguf";
  spec.adapter_files = {"/models/pirate.gguf"};
  spec.run_dir = "/run/sovmesh";
  spec.slots = 4;
  spec.context_tokens = 2048;
  return spec;
}

TEST(EngineArguments, AreThoseOfALlamaServerThatOnlyAnswers) {
  EXPECT_THAT(engine_arguments(good_spec()),
              ElementsAre("-I", "/opt/launcher.py", "-m", "/models/tiny.gguf", "--host",
                          "engine.sock", "-c", "8192", "-np", "4", "-t", "1", "--metrics",
                          "--no-slots", "--cache-ram", "0", "--offline", "--jinja",
                          "--sse-ping-interval", "1", "--embeddings", "--pooling", "mean", "-b",
                          "2048", "-ub", "2048", "--lora-scaled", "/models/pirate.gguf:0.0"));
}

TEST(EngineArguments, EmbeddingsAreOptional) {
  engine::ManagedSpec spec = good_spec();
  spec.embeddings = false;
  EXPECT_THAT(engine_arguments(spec), testing::Not(testing::Contains("--pooling")));
}

TEST(CheckSpec, AcceptsAGoodOne) {
  EXPECT_THAT(check(good_spec()), Succeeds());
  EXPECT_EQ(socket_path(good_spec()), "/run/sovmesh/tiny/engine.sock");
}

TEST(CheckSpec, RefusesWhatCouldNeverStart) {
  const auto refuses = [](void (*spoil)(engine::ManagedSpec&)) {
    engine::ManagedSpec spec = good_spec();
    spoil(spec);
    EXPECT_THAT(check(spec), FailsWith(Code::config_invalid));
  };
  for (const char* name : {"", ".", "..", ".hidden", "a/b", "a b"}) {
    engine::ManagedSpec spec = good_spec();
    spec.name = name;
    EXPECT_THAT(check(spec), FailsWith(Code::config_invalid)) << name;
  }
  refuses([](engine::ManagedSpec& spec) { spec.program = "python"; });
  refuses([](engine::ManagedSpec& spec) { spec.model_file = "tiny.gguf"; });
  refuses([](engine::ManagedSpec& spec) { spec.model_file = "/models/tiny.bin"; });
  refuses([](engine::ManagedSpec& spec) { spec.run_dir = "run"; });
  refuses([](engine::ManagedSpec& spec) { spec.run_dir = "/" + std::string(120, 'x'); });
  refuses([](engine::ManagedSpec& spec) { spec.slots = 0; });
  refuses([](engine::ManagedSpec& spec) { spec.context_tokens = 0; });
  refuses([](engine::ManagedSpec& spec) { spec.threads = 0; });
  refuses([](engine::ManagedSpec& spec) { spec.adapter_files = {"/models/a:b.gguf"}; });
  refuses([](engine::ManagedSpec& spec) { spec.adapter_files = {"/models/a,b.gguf"}; });
}

}  // namespace
}  // namespace sovmesh::engine_process
