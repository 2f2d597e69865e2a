#include "sim/answer.h"

#include <array>

#include "base/append.h"
#include "base/bytes.h"

namespace sovmesh::sim {
namespace {

constexpr std::array<std::string_view, 16> kWords{
    "one ",   "mesh ", "is ",    "made ",   "of ",   "many ",  "small ", "parts ",
    "which ", "all ",  "count ", "tokens ", "with ", "great ", "care ",  "today "};
constexpr std::array<std::string_view, 4> kWide{"é ", "你好 ", "🙂 ", "naïve "};

constexpr std::string_view kToolArguments = R"({\"city\":\"Oslo\"})";

std::string_view tgi_error_type(std::int64_t status) {
  if (status == 429) return "overloaded";
  return status < 500 && status != 424 ? "validation" : "generation";
}

std::string_view error_type(std::int64_t status) {
  if (status == 404) return "NotFoundError";
  if (status == 429) return "rate_limit_error";
  return status < 500 ? "BadRequestError" : "InternalServerError";
}

}  // namespace

std::string_view token_text(std::int64_t index, bool utf8) {
  const auto at = static_cast<std::size_t>(index);
  return utf8 ? kWide[at % kWide.size()] : kWords[at % kWords.size()];
}

Answer::Answer(const Job& job, Variant variant)
    : job_(job),
      variant_(variant),
      is_chat_(job.operation == llmapi::Operation::chat),
      usage_in_last_(job.dialect == llmapi::Dialect::tgi && !is_chat_) {
  begin_ = R"({"id":")" + job.id + R"(","object":")";
  if (is_chat_)
    begin_ += job.stream ? "chat.completion.chunk" : "chat.completion";
  else
    begin_ += "text_completion";
  begin_ += R"(","created":)" + std::to_string(job.created) + R"(,"model":)";
  append_json_string(begin_, job.model);
}

std::string_view Answer::finish_reason() const {
  if (variant_.tool_call) return "tool_calls";
  return job_.is_cut ? "length" : "stop";
}

void Answer::append_usage(std::string& out, std::int64_t generated) const {
  out += R"("usage":{"prompt_tokens":)";
  append_number(out, job_.prompt_tokens);
  out += R"(,"total_tokens":)";
  append_number(out, job_.prompt_tokens + generated);
  out += R"(,"completion_tokens":)";
  append_number(out, generated);
  if (job_.dialect != llmapi::Dialect::tgi) {
    out += R"(,"prompt_tokens_details":{"cached_tokens":)";
    append_number(out, job_.cached_tokens);
    out += '}';
  }
  out += '}';
}

void Answer::append_timings(std::string& out, std::int64_t generated) const {
  out += R"("timings":{"cache_n":)";
  append_number(out, job_.cached_tokens);
  out += R"(,"prompt_n":)";
  append_number(out, job_.prompt_tokens - job_.cached_tokens);
  out += R"(,"predicted_n":)";
  append_number(out, generated);
  out += '}';
}

void Answer::close_event(std::string& out, std::int64_t generated) const {
  if (job_.usage_in_chunks) {
    out += ',';
    append_usage(out, generated);
  }
  if (job_.timings_in_chunks) {
    out += ',';
    append_timings(out, generated);
  }
  out += '}';
}

void Answer::append_text(std::string& out, std::int64_t index) const {
  if (!variant_.tool_call) {
    append_json_string(out, token_text(index, variant_.utf8));
    return;
  }
  if (index == 0) {
    out += R"([{"index":0,"id":"call_sim","type":"function","function":{"name":"look_up",)";
    out += R"("arguments":""}}])";
  } else {
    out += R"([{"index":0,"function":{"arguments":")";
    if (index == 1) out += kToolArguments;
    out += R"("}}])";
  }
}

void Answer::append_finish(std::string& out, bool is_last) const {
  out += R"(,"finish_reason":)";
  if (!is_last || variant_.no_finish) {
    // TGI's completions say "" for null.
    out += usage_in_last_ ? "\"\"}]" : "null}]";
  } else {
    out += '"';
    out += finish_reason();
    out += "\"}]";
  }
}

void Answer::role_event(std::string& out, int choice) const {
  out += begin_;
  out += R"(,"choices":[{"index":)";
  append_number(out, choice);
  out += R"(,"delta":{"role":"assistant","content":)";
  out += job_.dialect == llmapi::Dialect::llama_cpp ? "null}" : "\"\"}";
  append_finish(out, false);
  close_event(out, 0);
}

void Answer::token_event(std::string& out, int choice, std::int64_t index,
                         std::int64_t generated) const {
  out += begin_;
  out += R"(,"choices":[{"index":)";
  append_number(out, choice);
  if (is_chat_) {
    out += R"(,"delta":{)";
    if (!has_role_event()) out += R"("role":"assistant",)";
    out += variant_.tool_call ? R"("tool_calls":)" : R"("content":)";
  } else {
    out += R"(,"text":)";
  }
  append_text(out, index);
  if (is_chat_) out += '}';
  out += R"(,"logprobs":null)";
  const bool is_last = index + 1 == job_.tokens;
  append_finish(out, !has_finish_event() && is_last);
  if (usage_in_last_ && is_last) {
    out += ',';
    append_usage(out, generated);
  }
  close_event(out, generated);
}

void Answer::finish_event(std::string& out, int choice, std::int64_t generated) const {
  out += begin_;
  out += R"(,"choices":[{"index":)";
  append_number(out, choice);
  out += is_chat_ ? R"(,"delta":{})" : R"(,"text":"")";
  append_finish(out, true);
  out += ',';
  append_timings(out, generated);
  out += '}';
}

void Answer::usage_event(std::string& out, std::int64_t generated) const {
  out += begin_;
  out += R"(,"choices":[],)";
  append_usage(out, generated);
  if (job_.dialect == llmapi::Dialect::llama_cpp) {
    out += ',';
    append_timings(out, generated);
  }
  out += '}';
}

void Answer::plain(std::string& out, std::int64_t generated) const {
  out += begin_;
  out += R"(,"choices":[)";
  for (int choice = 0; choice < job_.choices; ++choice) {
    if (choice > 0) out += ',';
    out += R"({"index":)";
    append_number(out, choice);
    std::string text;
    for (std::int64_t i = 0; i < job_.tokens; ++i)
      text += token_text(i, variant_.utf8);
    if (is_chat_ && variant_.tool_call) {
      out += R"(,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_sim",)";
      out += R"("type":"function","function":{"name":"look_up","arguments":")";
      out += kToolArguments;
      out += R"("}}]})";
    } else {
      out += is_chat_ ? R"(,"message":{"role":"assistant","content":)" : R"(,"text":)";
      append_json_string(out, text);
      if (is_chat_) out += '}';
    }
    out += R"(,"logprobs":null,"finish_reason":)";
    append_json_string(out, finish_reason());
    out += '}';
  }
  out += "],";
  append_usage(out, generated);
  out += '}';
}

void Answer::embeddings(std::string& out, std::size_t size) const {
  out += R"({"object":"list","model":)";
  append_json_string(out, job_.model);
  out += R"(,"data":[)";
  for (std::int64_t input = 0; input < job_.inputs; ++input) {
    if (input > 0) out += ',';
    out += R"({"object":"embedding","index":)";
    append_number(out, input);
    out += R"(,"embedding":[)";
    for (std::size_t i = 0; i < size; ++i) {
      if (i > 0) out += ',';
      // Exact in binary, different from input to input.
      out += (static_cast<std::size_t>(input) + i) % 2 == 0 ? "0.25" : "-0.125";
    }
    out += "]}";
  }
  out += R"(],"usage":{"prompt_tokens":)";
  append_number(out, job_.prompt_tokens);
  out += R"(,"total_tokens":)";
  append_number(out, job_.prompt_tokens);
  out += "}}";
}

std::string error_object(llmapi::Dialect dialect, std::int64_t status, std::string_view message) {
  std::string out;
  if (dialect == llmapi::Dialect::tgi) {
    out += R"({"error":)";
    append_json_string(out, message);
    out += R"(,"error_type":")";
    out += tgi_error_type(status);
    return out + "\"}";
  }
  const bool is_flat = dialect == llmapi::Dialect::tensorrt_llm;
  out += is_flat ? R"({"object":"error","message":)" : R"({"error":{"message":)";
  append_json_string(out, message);
  out += R"(,"type":")";
  out += error_type(status);
  out += R"(","param":null,"code":)" + std::to_string(status);
  return out + (is_flat ? "}" : "}}");
}

}  // namespace sovmesh::sim
