#include <algorithm>
#include <array>

#include "llmapi/request_parser.h"
#include "llmapi/text_size.h"

namespace sovmesh::llmapi {
namespace {

enum Role : std::size_t { system, developer, user, assistant, tool, function };

}  // namespace

Keep RequestParser::messages() {
  const char* const begin = in_.json().mark();
  if (!in_.array(1, kMessagesMax, [this](std::size_t) { return message(); })) return Keep::fail;
  mark_prompt(begin);
  return Keep::keep;
}

// What a message must have depends on its role, which may come last.
struct RequestParser::MessageFacts {
  std::optional<std::size_t> role;
  std::int64_t tokens_floor = 0;  // of its content
  bool has_content = false;
  bool null_content = false;
  bool has_calls = false;  // or something else that an assistant says instead of content
  bool has_call_id = false;
  bool has_name = false;
};

bool RequestParser::message() {
  MessageFacts facts;
  return in_.object([&](std::string_view key) { return message_member(facts, key); }) &&
         check_message(facts);
}

bool RequestParser::check_message(const MessageFacts& facts) {
  if (!facts.role) return in_.missing("role");
  if (!facts.has_content && !(*facts.role == Role::assistant && facts.has_calls)) {
    if (!facts.null_content) return in_.missing("content");
    return in_.fail_at("content", Code::invalid_type, "Invalid type for '",
                       "': expected a string, but got null instead.");
  }
  if (*facts.role == Role::tool && !facts.has_call_id) return in_.missing("tool_call_id");
  if (*facts.role == Role::function && !facts.has_name) return in_.missing("name");
  if (*facts.role == Role::user) request_.prompt_tokens_floor += facts.tokens_floor;
  if (*facts.role <= Role::developer) request_.has_system = true;
  return true;
}

Keep RequestParser::message_member(MessageFacts& facts, std::string_view key) {
  if (key == "role") {
    std::size_t which = 0;
    if (!in_.one_of({"system", "developer", "user", "assistant", "tool", "function"}, which)) {
      return Keep::fail;
    }
    facts.role = which;
    return Keep::keep;
  }
  if (key == "content") {
    facts.null_content = in_.json().kind() == JsonKind::null;
    facts.has_content = !facts.null_content;
    if (facts.null_content) return keep(in_.json().literal());
    const std::int64_t before = tokens_floor_;
    const Keep kept = keep(content());
    facts.tokens_floor = tokens_floor_ - before;
    return kept;
  }
  static constexpr auto optional = std::to_array<std::string_view>(
      {"name", "tool_calls", "tool_call_id", "function_call", "refusal", "reasoning_content",
       "reasoning", "audio", "annotations"});
  const bool known = std::ranges::find(optional, key) != optional.end();
  if (known && in_.skip_null()) return Keep::drop;
  return optional_message_member(facts, key);
}

Keep RequestParser::optional_message_member(MessageFacts& facts, std::string_view key) {
  constexpr std::size_t id_bytes_max = 256;
  if (key == "name" || key == "tool_call_id") {
    (key == "name" ? facts.has_name : facts.has_call_id) = true;
    return keep(in_.string_up_to(id_bytes_max));
  }
  if (key == "tool_calls" || key == "function_call") {
    facts.has_calls = true;
    return keep(key == "tool_calls" ? tool_calls() : function_call());
  }
  if (key == "refusal") {
    facts.has_calls = true;
    return keep(text());
  }
  if (key == "reasoning_content" || key == "reasoning") return keep(text());
  if (key == "annotations") return drop(in_.json().value());
  return in_.unknown(key);
}

bool RequestParser::content() {
  if (in_.json().kind() == JsonKind::string) return text();
  if (in_.json().kind() != JsonKind::array) {
    return in_.wrong_type("a string or an array of content parts");
  }
  return in_.array(1, kPartsMax, [this](std::size_t) { return content_part(); });
}

bool RequestParser::content_part() {
  std::optional<std::size_t> type;
  enum Part : std::size_t { text_part, image_part, audio_part, refusal_part };
  static constexpr std::array<std::string_view, 4> members{"text", "image_url", "input_audio",
                                                           "refusal"};
  std::array<bool, 4> has{};
  const bool read = in_.object([&](std::string_view key) {
    if (key == "type") {
      std::size_t which = 0;
      if (!in_.one_of({"text", "image_url", "input_audio", "refusal"}, which)) return Keep::fail;
      type = which;
      return Keep::keep;
    }
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (key != members[i]) continue;
      has[i] = true;
      if (i == image_part) return keep(image_url());
      if (i == audio_part) return keep(input_audio());
      return keep(text());
    }
    return in_.unknown(key);
  });
  if (!read) return false;
  if (!type) return in_.missing("type");
  if (!has[*type]) return in_.missing(members[*type]);
  for (std::size_t i = 0; i < has.size(); ++i) {
    if (has[i] && i != *type) {
      return in_.fail_at(members[i], Code::unsupported_parameter, "'",
                         "' does not belong to a part of this type.");
    }
  }
  return true;
}

bool RequestParser::image_url() {
  bool has_url = false;
  const bool read = in_.object([&](std::string_view key) {
    if (key == "url") {
      has_url = true;
      if (!in_.string()) return Keep::fail;
      // An engine would fetch any other address from inside the operator's network.
      if (!in_.policy().remote_media && !in_.json().string_json().starts_with("data:")) {
        return in_.refuse(Code::invalid_value,
                          "Invalid '" + in_.where() + "': expected a data: URL.");
      }
      return Keep::keep;
    }
    if (key == "detail") {
      std::size_t which = 0;
      if (in_.skip_null()) return Keep::drop;
      return keep(in_.one_of({"auto", "low", "high"}, which));
    }
    return in_.unknown(key);
  });
  if (!read) return false;
  request_.has_images = true;
  request_.prompt_tokens_estimate += kImageTokens;
  return has_url || in_.missing("url");
}

bool RequestParser::input_audio() {
  bool has_data = false;
  bool has_format = false;
  const bool read = in_.object([&](std::string_view key) {
    std::size_t which = 0;
    if (key == "data") {
      has_data = true;
      return keep(in_.string());
    }
    if (key == "format") {
      has_format = true;
      return keep(in_.one_of({"wav", "mp3"}, which));
    }
    return in_.unknown(key);
  });
  if (!read) return false;
  request_.has_audio = true;
  request_.prompt_tokens_estimate += kImageTokens;
  return (has_data || in_.missing("data")) && (has_format || in_.missing("format"));
}

bool RequestParser::tool_calls() {
  return in_.array(1, kToolCallsMax, [this](std::size_t) { return tool_call(); });
}

bool RequestParser::tool_call() {
  bool has_id = false;
  bool has_function = false;
  const bool read = in_.object([&](std::string_view key) {
    std::size_t which = 0;
    if (key == "id") {
      has_id = true;
      return keep(in_.string_up_to(256));
    }
    if (key == "type") return keep(in_.one_of({"function"}, which));
    if (key == "function") {
      has_function = true;
      return keep(function_call());
    }
    // SDKs send a streamed call back with its place in the array.
    std::int64_t index = 0;
    if (key == "index") return drop(in_.integer(0, kToolCallsMax, index));
    return in_.unknown(key);
  });
  if (!read) return false;
  return (has_id || in_.missing("id")) && (has_function || in_.missing("function"));
}

bool RequestParser::function_call() {
  bool has_name = false;
  bool has_arguments = false;
  const bool read = in_.object([&](std::string_view key) {
    if (key == "name") {
      has_name = true;
      return keep(text());
    }
    if (key == "arguments") {
      has_arguments = true;
      return keep(text());
    }
    return in_.unknown(key);
  });
  if (!read) return false;
  return (has_name || in_.missing("name")) && (has_arguments || in_.missing("arguments"));
}

bool RequestParser::text() {
  if (!in_.string()) return false;
  const TextSize size = size_of_text(in_.json().string_json(), in_.json().string_text_size());
  request_.prompt_tokens_estimate += size.tokens_usual;
  request_.prompt_characters += size.characters;
  tokens_floor_ += size.tokens_floor;
  return true;
}

Keep RequestParser::prompt() {
  const char* const begin = in_.json().mark();
  const auto count_max = static_cast<std::size_t>(in_.policy().choices_max);
  if (!texts_or_tokens(count_max, true)) return Keep::fail;
  mark_prompt(begin);
  return Keep::keep;
}

Keep RequestParser::input() {
  const char* const begin = in_.json().mark();
  if (!texts_or_tokens(kInputsMax, false)) return Keep::fail;
  mark_prompt(begin);
  return Keep::keep;
}

// "text", ["text", ...], [token, ...] or [[token, ...], ...].
bool RequestParser::texts_or_tokens(std::size_t count_max, bool allow_empty_text) {
  const auto one_text = [&] {
    const std::int64_t before = tokens_floor_;
    if (!text()) return false;
    request_.prompt_tokens_floor += std::max<std::int64_t>(1, tokens_floor_ - before);
    if (allow_empty_text || in_.json().string_text_size() > 0) return true;
    return in_.fail(Code::invalid_value, "Invalid '" + in_.where() + "': it must not be empty.");
  };
  constexpr std::size_t tokens_max = 1U << 22U;  // a longer context does not exist
  if (in_.json().kind() == JsonKind::string) return one_text();
  if (in_.json().kind() != JsonKind::array) return in_.wrong_type("a string or an array");
  JsonKind kind = JsonKind::none;
  std::size_t count = 0;
  std::size_t longest = 0;  // in tokens
  const bool read = in_.array(1, tokens_max, [&](std::size_t index) {
    const JsonKind now = in_.json().kind();
    if (index == 0) kind = now;
    ++count;
    if (now != kind) return in_.wrong_type("the same type as the first element");
    if (now == JsonKind::number) return token();
    if (index == count_max) {
      return in_.fail(Code::array_above_max_length,
                      "Invalid '" + in_.where() + "': array too long. Expected an array with " +
                          "maximum length " + std::to_string(count_max) + ".");
    }
    if (now == JsonKind::string) return one_text();
    return in_.array(1, tokens_max, [&](std::size_t place) {
      longest = std::max(longest, place + 1);
      return token();
    });
  });
  if (!read) return false;
  if (kind == JsonKind::number) longest = count;
  request_.prompt_tokens_min = std::max<std::int64_t>(1, static_cast<std::int64_t>(longest));
  request_.inputs = kind == JsonKind::number ? 1 : count;
  return true;
}

bool RequestParser::token() {
  std::int64_t id = 0;
  ++request_.prompt_tokens_estimate;
  ++request_.prompt_tokens_floor;
  return in_.integer(0, kTokenIdMax, id);
}

}  // namespace sovmesh::llmapi
