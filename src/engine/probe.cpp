#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "engine/engine.h"

namespace sovmesh::engine {
namespace {

using Member = std::int64_t EngineCounters::*;
using Names = std::span<const std::pair<std::string_view, Member>>;
template <std::size_t N>
using Table = std::array<std::pair<std::string_view, Member>, N>;

constexpr Table<5> kLlamaCpp{{
    // Its first counter leaves cached tokens out; ours are all prompt tokens.
    {"llamacpp:prompt_tokens_total", &EngineCounters::prompt_tokens},
    {"llamacpp:prompt_tokens_cached_total", &EngineCounters::prompt_tokens},
    {"llamacpp:tokens_predicted_total", &EngineCounters::generated_tokens},
    {"llamacpp:requests_processing", &EngineCounters::running},
    {"llamacpp:requests_deferred", &EngineCounters::waiting},
}};
constexpr Table<4> kVllm{{
    {"vllm:prompt_tokens_total", &EngineCounters::prompt_tokens},
    {"vllm:generation_tokens_total", &EngineCounters::generated_tokens},
    {"vllm:num_requests_running", &EngineCounters::running},
    {"vllm:num_requests_waiting", &EngineCounters::waiting},
}};
constexpr Table<4> kSglang{{
    {"sglang:prompt_tokens_total", &EngineCounters::prompt_tokens},
    {"sglang:generation_tokens_total", &EngineCounters::generated_tokens},
    {"sglang:num_running_reqs", &EngineCounters::running},
    {"sglang:num_queue_reqs", &EngineCounters::waiting},
}};

// It has the sums of histograms and no counters.
constexpr Table<4> kTgi{{
    {"tgi_request_input_length_sum", &EngineCounters::prompt_tokens},
    {"tgi_request_generated_tokens_sum", &EngineCounters::generated_tokens},
    {"tgi_batch_current_size", &EngineCounters::running},
    {"tgi_queue_size", &EngineCounters::waiting},
}};
constexpr Table<4> kTensorRtLlm{{
    {"trtllm_prompt_tokens_total", &EngineCounters::prompt_tokens},
    {"trtllm_generation_tokens_total", &EngineCounters::generated_tokens},
    {"trtllm_num_requests_running", &EngineCounters::running},
    {"trtllm_num_requests_waiting", &EngineCounters::waiting},
}};

Names names_of(llmapi::Dialect dialect) {
  switch (dialect) {
    case llmapi::Dialect::llama_cpp:
      return kLlamaCpp;
    case llmapi::Dialect::vllm:
      return kVllm;
    case llmapi::Dialect::sglang:
      return kSglang;
    case llmapi::Dialect::tgi:
      return kTgi;
    case llmapi::Dialect::tensorrt_llm:
      return kTensorRtLlm;
    case llmapi::Dialect::openai:
      return {};  // no metrics page that we know
  }
  return {};
}

struct Sample {
  std::string_view name;
  double value = 0;
};

// Skips `{label="value",...}`; a '}' inside a quoted value does not end it.
std::optional<std::string_view> after_labels(std::string_view rest) {
  bool quoted = false;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (quoted && rest[i] == '\\')
      ++i;
    else if (rest[i] == '"')
      quoted = !quoted;
    else if (rest[i] == '}' && !quoted)
      return rest.substr(i + 1);
  }
  return std::nullopt;
}

// `name{labels} value [timestamp]`; nothing for comments and for what we cannot read.
std::optional<Sample> parse_sample(std::string_view line) {
  line = trim(line);
  if (line.empty() || line.front() == '#') return std::nullopt;
  const std::size_t end = line.find_first_of("{ \t");
  if (end == line.npos) return std::nullopt;
  std::string_view rest = line.substr(end);
  if (rest.front() == '{') {
    const auto after = after_labels(rest);
    if (!after) return std::nullopt;
    rest = *after;
  }
  rest = trim(rest);
  double value = 0;
  const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr == rest.data()) return std::nullopt;
  return Sample{line.substr(0, end), value};
}

constexpr std::int64_t kCountMax = std::int64_t{1} << 53;  // where doubles stop counting

// Counters come as floating point ("1.234e+06"). What no honest engine says (NaN, negative, more
// than kCountMax) is skipped like an unknown line.
std::optional<std::int64_t> to_count(double value) {
  if (!std::isfinite(value) || value < 0 || value > static_cast<double>(kCountMax))
    return std::nullopt;
  return static_cast<std::int64_t>(value);
}

}  // namespace

Result<EngineCounters> parse_counters(llmapi::Dialect dialect, std::string_view text) {
  const Names names = names_of(dialect);
  if (names.empty())
    return upstream_error(Code::upstream_invalid_response,
                          "engines of this dialect have no counters that we know");
  EngineCounters counters;
  bool found = false;
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    const auto sample = parse_sample(text.substr(0, newline));
    text = newline == text.npos ? std::string_view() : text.substr(newline + 1);
    if (!sample) continue;
    for (const auto& [name, member] : names) {
      if (sample->name != name) continue;
      // One line per label set (data-parallel ranks): they add up.
      const auto count = to_count(sample->value);
      if (!count || counters.*member > kCountMax) continue;
      counters.*member += *count;
      found = true;
    }
  }
  if (!found)
    return upstream_error(Code::upstream_invalid_response,
                          "the engine's metrics page has none of the names of its dialect");
  return counters;
}

}  // namespace sovmesh::engine
