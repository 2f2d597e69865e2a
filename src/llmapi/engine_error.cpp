#include <algorithm>
#include <array>
#include <optional>

#include "base/bytes.h"
#include "llmapi/json_reader.h"
#include "llmapi/reply.h"
#include "llmapi/reply_body.h"

namespace sovmesh::llmapi {
namespace {

// What engines say about an error: {"error":{...}}, {"error":"...","error_type":"..."}, or the
// members at the top ({"object":"error",...}).
struct EngineError {
  std::string message;
  std::string type;
  std::optional<std::int64_t> status;
  std::optional<std::int64_t> prompt_tokens;
  std::optional<std::int64_t> context_tokens;
};

class ErrorReader {
 public:
  explicit ErrorReader(std::string_view body) : padded_(body), size_(body.size()) {
    padded_.append(JsonReader::kPadding, '\0');
    out_.resize(padded_.size() + JsonReader::kSlack);
  }

  // Takes what it finds before anything that is not JSON.
  EngineError read() {
    EngineError error;
    if (json_.start({padded_.data(), size_}, out_.data(), JsonReader::Surrogates::replace)) {
      members(error, true);
    }
    return error;
  }

 private:
  bool members(EngineError& error, bool outermost) {
    if (json_.kind() != JsonKind::object || !json_.open_object()) return false;
    for (;;) {
      std::string_view key;
      const JsonReader::Step step = json_.next_member(key);
      if (step != JsonReader::Step::more) return step == JsonReader::Step::end;
      if (!member(error, key, outermost)) return false;
    }
  }

  bool member(EngineError& error, std::string_view key, bool outermost) {
    if (key == "error" && outermost && json_.kind() == JsonKind::object) {
      return members(error, false);
    }
    if (key == "message" || (key == "error" && outermost)) return text(error.message);
    if (key == "type" || (key == "error_type" && outermost)) return text(error.type);
    if (key == "code" || key == "status" || key == "http_status_code") return number(error.status);
    if (key == "n_prompt_tokens") return number(error.prompt_tokens);
    if (key == "n_ctx") return number(error.context_tokens);
    return json_.value();
  }

  bool text(std::string& into) {
    if (json_.kind() != JsonKind::string) return json_.value();
    if (!json_.string()) return false;
    into.clear();
    append_decoded(into, json_.string_json());
    return true;
  }

  bool number(std::optional<std::int64_t>& into) {
    const JsonKind kind = json_.kind();
    if (!json_.value()) return false;
    if (kind == JsonKind::number) into = to_integer(json_.number_text());
    if (kind == JsonKind::string) into = to_integer(json_.string_json());
    return true;
  }

  std::string padded_;
  std::size_t size_;
  std::string out_;
  JsonReader json_;
};

bool contains(std::string_view text, std::string_view part) { return text.contains(part); }

bool is_context_error(const EngineError& error) {
  return contains(error.type, "exceed_context_size") ||
         contains(error.message, "maximum context length") ||
         contains(error.message, "exceeds the available context size") ||
         contains(error.message, "longer than the model's context length") ||
         contains(error.message, "is too large to process") ||
         contains(error.message, "longer than the maximum model length") ||
         contains(error.message, "`inputs` tokens + `max_new_tokens` must be <=") ||
         contains(error.message, "`inputs` must have less than") ||
         contains(error.message, "should not exceed max_num_tokens");
}

Error context_error(const EngineError& error) {
  std::string message = "The prompt is too long for this model";
  if (error.prompt_tokens && error.context_tokens) {
    message = "This model's maximum context length is " + std::to_string(*error.context_tokens) +
              " tokens. However, your messages resulted in " +
              std::to_string(*error.prompt_tokens) + " tokens. Please reduce their length";
  }
  return Error(Code::context_length_exceeded, Blame::client, message + ".").with_param("messages");
}

// An engine's reason for refusing a request, as far as it can be passed on: short, in one line, and
// not one of those validation reports that repeat what the client wrote.
std::string public_reason(const EngineError& error) {
  constexpr std::size_t length_max = 300;
  const std::string_view text = error.message;
  const bool quotes_input = contains(text, "'input'") || contains(text, "input_value") ||
                            contains(text, "\"input\"") || contains(text, "last read");
  const bool one_line =
      std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20; });
  if (text.empty() || quotes_input || !one_line || text.size() > length_max) {
    return "The model's engine refused the request as invalid.";
  }
  return "The model's engine refused the request: " + std::string(text);
}

Error upstream(Code code, std::string message) {
  return Error(code, Blame::upstream, std::move(message));
}

Error translate(int status, const EngineError& error) {
  constexpr std::chrono::seconds soon{1};
  if (is_context_error(error)) return context_error(error);
  if (contains(error.message, "image input is not supported")) {
    return Error(Code::unsupported_value, Blame::client, "This model does not support images.")
        .with_param("messages");
  }
  switch (status) {
    case 400:
    case 413:
    case 422:
      return Error(Code::invalid_request, Blame::client, public_reason(error));
    case 408:
    case 504:
      return upstream(Code::upstream_timeout, "The model's engine took too long.");
    case 429:
      return upstream(Code::overloaded, "The model's engine is overloaded.").with_retry_after(soon);
    case 503:
      if (contains(error.message, "oading model") || error.type == "unavailable_error") {
        return upstream(Code::model_loading, "The model is being loaded. Please try again shortly.")
            .with_retry_after(soon);
      }
      return upstream(Code::overloaded, "The model's engine is overloaded.").with_retry_after(soon);
    default:
      return upstream(Code::upstream_error,
                      "The model's engine failed (status " + std::to_string(status) + ").");
  }
}

// What status an engine means that gives none in figures.
int status_of_type(const EngineError& error) {
  if (contains(error.type, "BadRequest") || contains(error.type, "invalid_request") ||
      contains(error.type, "ValueError") || error.type == "validation")
    return 400;
  if (error.type == "overloaded") return 429;
  return 500;
}

}  // namespace

Error translate_engine_error(int status, std::string_view body) {
  return translate(status, ErrorReader(body).read());
}

Error error_in_reply(std::string_view json) {
  const EngineError error = ErrorReader(json).read();
  const bool has_status = error.status && *error.status >= 400 && *error.status <= 599;
  return translate(has_status ? static_cast<int>(*error.status) : status_of_type(error), error);
}

}  // namespace sovmesh::llmapi
