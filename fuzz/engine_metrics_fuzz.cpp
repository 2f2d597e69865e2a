#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/engine.h"

// Property: whatever an engine's metrics page holds, a reading of it counts nothing below zero.
// The first byte chooses the dialect.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sovmesh::llmapi::Dialect;
  if (size == 0) return 0;
  constexpr Dialect kDialects[] = {Dialect::llama_cpp, Dialect::vllm, Dialect::sglang,
                                   Dialect::openai,    Dialect::tgi,  Dialect::tensorrt_llm};
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto counters = sovmesh::engine::parse_counters(kDialects[data[0] % 6], text);
  if (!counters) return 0;
  if (counters->prompt_tokens < 0 || counters->generated_tokens < 0 || counters->running < 0 ||
      counters->waiting < 0)
    std::abort();
  return 0;
}
