#include "sim/job.h"

#include <simdjson.h>

#include <algorithm>

namespace sovmesh::sim {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

bool flag(const object& from, std::string_view name) {
  bool value = false;
  return from[name].get(value) == simdjson::SUCCESS && value;
}

std::optional<std::int64_t> number(const object& from, std::string_view name) {
  std::int64_t value = 0;
  if (from[name].get(value) != simdjson::SUCCESS) return std::nullopt;
  return std::clamp<std::int64_t>(value, -1, std::int64_t{1} << 40);
}

std::string text(const object& from, std::string_view name) {
  std::string_view value;
  return from[name].get(value) == simdjson::SUCCESS ? std::string(value) : std::string();
}

void add_text(std::string& to, std::string_view piece) {
  to += piece;
  to += ' ';
}

// A string, or an array of strings, of content parts, of token ids.
void add_value(std::string& to, const element& value) {
  std::string_view piece;
  array parts;
  object part;
  if (value.get(piece) == simdjson::SUCCESS) {
    add_text(to, piece);
  } else if (value.get(parts) == simdjson::SUCCESS) {
    for (const element& each : parts)
      add_value(to, each);
  } else if (value.get(part) == simdjson::SUCCESS) {
    element inner;
    if (part["text"].get(inner) == simdjson::SUCCESS) add_value(to, inner);
  } else if (value.is_int64()) {
    add_text(to, "0");
  }
}

void read_prompt(const object& root, Job& job) {
  element value;
  array messages;
  if (root["messages"].get(messages) == simdjson::SUCCESS) {
    for (const element& message : messages) {
      std::string_view role = "message";
      if (message["role"].get(value) == simdjson::SUCCESS) (void)value.get(role);
      add_text(job.prompt, role);
      if (message["content"].get(value) == simdjson::SUCCESS) add_value(job.prompt, value);
    }
  }
  for (const char* name : {"prompt", "input"})
    if (root[name].get(value) == simdjson::SUCCESS) add_value(job.prompt, value);
  array inputs;
  // A list of numbers is one text, given by its tokens.
  if (root["input"].get(inputs) == simdjson::SUCCESS && inputs.size() > 0 &&
      !(*inputs.begin()).is_int64())
    job.inputs = static_cast<std::int64_t>(inputs.size());
  job.prompt_tokens = std::max<std::int64_t>(1, count_words(job.prompt));
}

void read_options(const object& root, Job& job) {
  object stream_options;
  job.stream = flag(root, "stream");
  if (root["stream_options"].get(stream_options) == simdjson::SUCCESS) {
    job.include_usage = flag(stream_options, "include_usage");
    job.usage_in_chunks = llmapi::has_continuous_usage(job.dialect) && job.include_usage &&
                          flag(stream_options, "continuous_usage_stats");
  }
  job.timings_in_chunks = flag(root, "timings_per_token");
  job.progress = flag(root, "return_progress");
  if (job.dialect != llmapi::Dialect::tgi)  // it takes no notice of n
    job.choices = static_cast<int>(std::clamp<std::int64_t>(number(root, "n").value_or(1), 1, 64));
  job.tokens_max = number(root, "max_completion_tokens");
  if (!job.tokens_max) job.tokens_max = number(root, "max_tokens");
  if (job.tokens_max && *job.tokens_max < 0) job.tokens_max.reset();  // llama.cpp: -1 is no limit
}

void read_cache(const object& root, Job& job) {
  if (job.dialect == llmapi::Dialect::llama_cpp) {
    job.cache_key = std::to_string(number(root, "id_slot").value_or(-1));
    bool wanted = true;
    if (root["cache_prompt"].get(wanted) == simdjson::SUCCESS) job.may_use_cache = wanted;
  } else if (llmapi::has_cache_salt(job.dialect)) {
    job.cache_key = text(root, "cache_salt");
  }
}

}  // namespace

Result<Job> parse_job(llmapi::Operation operation, llmapi::Dialect dialect,
                      std::string_view padded) {
  simdjson::dom::parser parser;
  element document;
  object root;
  if (parser.parse(padded.data(), padded.size(), false).get(document) != simdjson::SUCCESS ||
      document.get(root) != simdjson::SUCCESS)
    return client_error(Code::invalid_json, "the body is no JSON object");
  Job job;
  job.operation = operation;
  job.dialect = dialect;
  job.model = text(root, "model");
  read_options(root, job);
  read_prompt(root, job);
  read_cache(root, job);
  return job;
}

std::int64_t count_words(std::string_view text) {
  std::int64_t words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    words += !space && !inside;
    inside = !space;
  }
  return words;
}

}  // namespace sovmesh::sim
