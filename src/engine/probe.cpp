#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "engine/engine.h"

namespace sovmesh::engine {
namespace {

// Which figure a metric is.
enum class Figure : std::uint8_t {
  prompt_tokens,
  generated_tokens,
  running,
  waiting,
  kv_used,      // 0 to 1
  kv_tokens,    // how many the KV memory holds
  kv_settings,  // the same, as labels: blocks, and tokens of a block
};
using Names = std::span<const std::pair<std::string_view, Figure>>;
template <std::size_t N>
using Table = std::array<std::pair<std::string_view, Figure>, N>;

constexpr Table<6> kLlamaCpp{{
    // Its first counter leaves cached tokens out; ours are all prompt tokens.
    {"llamacpp:prompt_tokens_total", Figure::prompt_tokens},
    {"llamacpp:prompt_tokens_cached_total", Figure::prompt_tokens},
    {"llamacpp:tokens_predicted_total", Figure::generated_tokens},
    {"llamacpp:requests_processing", Figure::running},
    {"llamacpp:requests_deferred", Figure::waiting},
    {"llamacpp:kv_cache_usage_ratio", Figure::kv_used},  // of older ones
}};
constexpr Table<7> kVllm{{
    {"vllm:prompt_tokens_total", Figure::prompt_tokens},
    {"vllm:generation_tokens_total", Figure::generated_tokens},
    {"vllm:num_requests_running", Figure::running},
    {"vllm:num_requests_waiting", Figure::waiting},
    {"vllm:kv_cache_usage_perc", Figure::kv_used},
    {"vllm:gpu_cache_usage_perc", Figure::kv_used},  // its name in older ones
    {"vllm:cache_config_info", Figure::kv_settings},
}};
constexpr Table<6> kSglang{{
    {"sglang:prompt_tokens_total", Figure::prompt_tokens},
    {"sglang:generation_tokens_total", Figure::generated_tokens},
    {"sglang:num_running_reqs", Figure::running},
    {"sglang:num_queue_reqs", Figure::waiting},
    {"sglang:token_usage", Figure::kv_used},
    {"sglang:max_total_num_tokens", Figure::kv_tokens},
}};

// It has the sums of histograms and no counters.
constexpr Table<4> kTgi{{
    {"tgi_request_input_length_sum", Figure::prompt_tokens},
    {"tgi_request_generated_tokens_sum", Figure::generated_tokens},
    {"tgi_batch_current_size", Figure::running},
    {"tgi_queue_size", Figure::waiting},
}};
constexpr Table<5> kTensorRtLlm{{
    {"trtllm_prompt_tokens_total", Figure::prompt_tokens},
    {"trtllm_generation_tokens_total", Figure::generated_tokens},
    {"trtllm_num_requests_running", Figure::running},
    {"trtllm_num_requests_waiting", Figure::waiting},
    {"trtllm_kv_cache_utilization", Figure::kv_used},
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

// A line of the page: `name{labels} value [timestamp]`.
struct Sample {
  Figure figure{};
  std::string_view labels;  // between the braces
  double value = 0;
};

// What is between the braces of `{label="value",...} value`; a '}' inside a quoted value does not
// end it.
std::optional<std::string_view> labels_of(std::string_view rest) {
  bool quoted = false;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (quoted && rest[i] == '\\')
      ++i;
    else if (rest[i] == '"')
      quoted = !quoted;
    else if (rest[i] == '}' && !quoted)
      return rest.substr(1, i - 1);
  }
  return std::nullopt;
}

// Nothing for comments, for what nobody asked for and for what we cannot read.
std::optional<Sample> parse_sample(std::string_view line, Names names) {
  line = trim(line);
  if (line.empty() || line.front() == '#') return std::nullopt;
  const std::size_t end = line.find_first_of("{ \t");
  if (end == line.npos) return std::nullopt;
  const auto wanted = std::ranges::find(names, line.substr(0, end), &Names::value_type::first);
  if (wanted == names.end()) return std::nullopt;
  Sample sample{.figure = wanted->second};
  std::string_view rest = line.substr(end);
  if (rest.front() == '{') {
    const auto labels = labels_of(rest);
    if (!labels) return std::nullopt;
    sample.labels = *labels;
    rest.remove_prefix(labels->size() + 2);
  }
  rest = trim(rest);
  const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), sample.value);
  if (parsed.ec != std::errc() || parsed.ptr == rest.data()) return std::nullopt;
  return sample;
}

// The number that is the value of a label: `..., name="16", ...`.
std::optional<std::int64_t> number_label(std::string_view labels, std::string_view name) {
  const std::string start = std::string(name) + "=\"";
  std::size_t at = labels.find(start);
  while (at != labels.npos && at > 0 && labels[at - 1] != ',' && labels[at - 1] != ' ')
    at = labels.find(start, at + 1);
  if (at == labels.npos) return std::nullopt;
  const char* const first = labels.data() + at + start.size();
  std::int64_t value = 0;
  const auto parsed = std::from_chars(first, labels.data() + labels.size(), value);
  if (parsed.ec != std::errc() || value < 0) return std::nullopt;
  return value;
}

constexpr std::int64_t kCountMax = std::int64_t{1} << 53;  // where doubles stop counting

// Counters come as floating point ("1.234e+06"). What no honest engine says (NaN, negative, more
// than kCountMax) is skipped like an unknown line.
std::optional<std::int64_t> to_count(double value) {
  if (!std::isfinite(value) || value < 0 || value > static_cast<double>(kCountMax))
    return std::nullopt;
  return static_cast<std::int64_t>(value);
}

// One line per label set (data-parallel ranks): counts and memory add up, shares are averaged.
class Counting {
 public:
  void take(const Sample& sample) {
    switch (sample.figure) {
      case Figure::prompt_tokens:
        return add(counters_.prompt_tokens, sample.value);
      case Figure::generated_tokens:
        return add(counters_.generated_tokens, sample.value);
      case Figure::running:
        return add(counters_.running, sample.value);
      case Figure::waiting:
        return add(counters_.waiting, sample.value);
      case Figure::kv_used:
        if (!std::isfinite(sample.value) || sample.value < 0) return;
        shares_ += std::min(sample.value, 1.0);
        ++ranks_;
        return;
      case Figure::kv_tokens:
        return add(kv_tokens_, sample.value);
      case Figure::kv_settings: {
        const auto blocks = number_label(sample.labels, "num_gpu_blocks");
        const auto block = number_label(sample.labels, "block_size");
        if (blocks && block)
          add(kv_tokens_, static_cast<double>(*blocks) * static_cast<double>(*block));
      }
    }
  }

  // Nothing: none of the names was there.
  std::optional<EngineCounters> take_result() {
    if (ranks_ > 0) counters_.kv_used = shares_ / ranks_;
    if (kv_tokens_ > 0) counters_.kv_tokens = kv_tokens_;
    return found_ ? std::optional(counters_) : std::nullopt;
  }

 private:
  void add(std::int64_t& sum, double value) {
    const auto count = to_count(value);
    if (!count || sum > kCountMax) return;
    sum += *count;
    found_ = true;
  }

  EngineCounters counters_;
  std::int64_t kv_tokens_ = 0;
  double shares_ = 0;
  int ranks_ = 0;
  bool found_ = false;
};

}  // namespace

Result<EngineCounters> parse_counters(llmapi::Dialect dialect, std::string_view text) {
  const Names names = names_of(dialect);
  if (names.empty())
    return upstream_error(Code::upstream_invalid_response,
                          "engines of this dialect have no counters that we know");
  Counting counting;
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    if (const auto sample = parse_sample(text.substr(0, newline), names)) counting.take(*sample);
    text = newline == text.npos ? std::string_view() : text.substr(newline + 1);
  }
  const auto counters = counting.take_result();
  if (!counters)
    return upstream_error(Code::upstream_invalid_response,
                          "the engine's metrics page has none of the names of its dialect");
  return *counters;
}

}  // namespace sovmesh::engine
