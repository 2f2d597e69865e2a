#include "llmapi/request_parser.h"

#include <algorithm>
#include <array>

#include "base/buffer_cache.h"

namespace sovmesh::llmapi {
namespace {

constexpr unsigned kChat = 1;
constexpr unsigned kCompletion = 2;
constexpr unsigned kEmbeddings = 4;
constexpr unsigned kText = kChat | kCompletion;
constexpr unsigned kAll = kText | kEmbeddings;

unsigned bit_of(Operation operation) {
  switch (operation) {
    case Operation::completion:
      return kCompletion;
    case Operation::embeddings:
      return kEmbeddings;
    case Operation::chat:
      break;
  }
  return kChat;
}

constexpr std::int64_t kIntegerMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kTokensMax = 1'000'000'000;  // an output bound beyond it is a mistake
constexpr std::int64_t kChoicesMax = 128;           // the API's own

}  // namespace

struct RequestParser::Parameter {
  std::string_view name;
  unsigned operations;
  Read read;
  bool nullable = true;  // null means: not given
};

// The table of all parameters, the frequent ones first.
const RequestParser::Parameter* RequestParser::find(std::string_view name, unsigned operation) {
  using P = RequestParser;
  static constexpr auto table = std::to_array<Parameter>({
      {"messages", kChat, &P::messages, false},
      {"model", kAll, &P::model, false},
      {"stream", kText, &P::stream},
      {"max_tokens", kText, &P::max_tokens},
      {"temperature", kText, &P::temperature},
      {"prompt", kCompletion, &P::prompt, false},
      {"input", kEmbeddings, &P::input, false},
      {"stream_options", kText, &P::stream_options},
      {"max_completion_tokens", kChat, &P::max_completion_tokens},
      {"top_p", kText, &P::top_p},
      {"n", kText, &P::choices},
      {"stop", kText, &P::stop},
      {"seed", kText, &P::seed},
      {"presence_penalty", kText, &P::presence_penalty},
      {"frequency_penalty", kText, &P::frequency_penalty},
      {"logit_bias", kText, &P::logit_bias},
      {"logprobs", kChat, &P::chat_logprobs},
      {"logprobs", kCompletion, &P::completion_logprobs},
      {"top_logprobs", kChat, &P::top_logprobs},
      {"tools", kChat, &P::tools},
      {"tool_choice", kChat, &P::tool_choice},
      {"parallel_tool_calls", kChat, &P::flag},
      {"response_format", kChat, &P::response_format},
      {"reasoning_effort", kChat, &P::reasoning_effort},
      {"echo", kCompletion, &P::flag},
      {"suffix", kCompletion, &P::suffix},
      {"best_of", kCompletion, &P::best_of},
      {"dimensions", kEmbeddings, &P::dimensions},
      {"encoding_format", kEmbeddings, &P::encoding_format},
      // Known, checked, and of no use to an engine.
      {"user", kAll, &P::dropped_string},
      {"safety_identifier", kAll, &P::dropped_string},
      {"prompt_cache_key", kText, &P::dropped_string},
      {"prompt_cache_retention", kText, &P::dropped_string},
      {"service_tier", kText, &P::dropped_string},
      {"verbosity", kChat, &P::dropped_string},
      {"store", kText, &P::dropped_flag},
      {"metadata", kText, &P::dropped_object},
      {"modalities", kChat, &P::modalities},
  });
  for (const Parameter& parameter : table) {
    if (parameter.name == name && (parameter.operations & operation) != 0) return &parameter;
  }
  return nullptr;
}

// So that complete_upstream() need not copy the body to make room.
constexpr std::size_t kRoomForOurs = 512;

Result<Request> RequestParser::parse(std::string_view padded_body) {
  bool good = false;
  const std::size_t room = padded_body.size() + JsonReader::kSlack + kRoomForOurs;
  request_.body = take_buffer(room);
  request_.body.resize_and_overwrite(room, [&](char* out, std::size_t) {
    out_ = out;
    good = in_.json().start(padded_body, out, JsonReader::Surrogates::refuse) && read_all();
    return good ? written() - 1 : 0;  // without the closing brace
  });
  if (good) return std::move(request_);
  return fail(explain(padded_body));
}

Result<std::string> RequestParser::parse_model(std::string_view padded_body) {
  std::string scratch(padded_body.size() + JsonReader::kSlack, '\0');
  out_ = scratch.data();
  const bool good = in_.json().start(padded_body, out_, JsonReader::Surrogates::refuse) &&
                    in_.object([this](std::string_view key) {
                      if (key == "model") return model();
                      return in_.json().value() ? Keep::drop : Keep::fail;
                    }) &&
                    in_.json().finish() && (has_model_ || in_.missing("model"));
  if (good) return std::move(request_.model);
  return fail(explain(padded_body));
}

// A body that is no JSON at all is told so first, wherever in it the fault is.
Error RequestParser::explain(std::string_view padded_body) {
  if (!in_.error()) {
    const JsonReader& json = in_.json();
    return json_error(json.fault(), json.offset(), json.at_end());
  }
  std::string scratch(padded_body.size() + JsonReader::kSlack, '\0');
  JsonReader whole;
  if (whole.start(padded_body, scratch.data(), JsonReader::Surrogates::refuse) && whole.value() &&
      whole.finish())
    return std::move(*in_.error());
  return json_error(whole.fault(), whole.offset(), whole.at_end());
}

bool RequestParser::read_all() {
  return in_.object([this](std::string_view key) { return member(key); }) && in_.json().finish() &&
         check_whole();
}

Keep RequestParser::member(std::string_view key) {
  const Parameter* const parameter = find(key, bit_of(request_.operation));
  if (parameter == nullptr) {
    const Keep kept = in_.unknown(key);
    has_extra_ = has_extra_ || kept == Keep::keep;
    return kept;
  }
  if (parameter->nullable && in_.skip_null()) return Keep::drop;
  return (this->*parameter->read)();
}

bool RequestParser::check_whole() {
  const bool chat = request_.operation == Operation::chat;
  const std::string_view prompt = chat                                          ? "messages"
                                  : request_.operation == Operation::completion ? "prompt"
                                                                                : "input";
  if (!has_model_) return in_.missing("model");
  if (!has_prompt_) return in_.missing(prompt);
  if (has_stream_options_ && !request_.stream) {
    return in_.fail_at("stream_options", Code::invalid_value, "The '",
                       "' parameter is only allowed when 'stream' is enabled.");
  }
  if (has_top_logprobs_ && !logprobs_) {
    return in_.fail_at("top_logprobs", Code::invalid_value, "The '",
                       "' parameter is only allowed when 'logprobs' is enabled.");
  }
  if (needs_tools_ && !request_.has_tools) {
    return in_.fail_at("tool_choice", Code::invalid_value, "'",
                       "' is only allowed when 'tools' are specified.");
  }
  if (best_of_ && *best_of_ < request_.choices) {
    return in_.fail_at("best_of", Code::invalid_value, "Invalid '", "': it must not be below 'n'.");
  }
  if (best_of_ && request_.stream && *best_of_ > request_.choices) {
    return in_.fail_at("best_of", Code::invalid_value, "Invalid '",
                       "': results cannot be streamed when it is above 'n'.");
  }
  if (has_extra_) request_.prompt_tokens_floor = 1;
  request_.prompt_tokens_floor = std::max<std::int64_t>(1, request_.prompt_tokens_floor);
  request_.candidates = std::max(request_.choices, static_cast<int>(best_of_.value_or(1)));
  return true;
}

Keep RequestParser::model() {
  if (!in_.string_up_to(kModelNameMax)) return Keep::fail;
  append_decoded(request_.model, in_.json().string_json());
  if (request_.model.empty()) {
    return in_.refuse(Code::invalid_value, "Invalid 'model': it must not be empty.");
  }
  has_model_ = true;
  return Keep::drop;
}

Keep RequestParser::max_tokens() { return output_max(false); }

Keep RequestParser::max_completion_tokens() { return output_max(true); }

Keep RequestParser::output_max(bool modern) {
  const std::int64_t own = in_.policy().output_is_cut ? 0 : in_.policy().output_tokens_max;
  std::int64_t value = 0;
  if (!in_.integer(1, own > 0 ? own : kTokensMax, value)) return Keep::fail;
  if (request_.output_max) {
    return in_.refuse(Code::invalid_value,
                      "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not "
                      "supported.");
  }
  request_.output_max = value;
  request_.modern_output_max = modern;
  return Keep::drop;
}

std::int64_t RequestParser::choices_max() const {
  return in_.policy().choices_are_cut ? kChoicesMax : in_.policy().choices_max;
}

Keep RequestParser::choices() {
  std::int64_t value = 0;
  const char* const begin = in_.json().mark();
  if (!in_.integer(1, choices_max(), value)) return Keep::fail;
  request_.choices = static_cast<int>(value);
  request_.n = number_at(begin);
  return Keep::keep;
}

Keep RequestParser::best_of() {
  std::int64_t value = 0;
  const char* const begin = in_.json().mark();
  if (!in_.integer(1, choices_max(), value)) return Keep::fail;
  best_of_ = value;
  request_.best_of = number_at(begin);
  return Keep::keep;
}

Keep RequestParser::decimal(double min, double max, Request::NumberAt& place) {
  const char* const begin = in_.json().mark();
  if (!in_.decimal(min, max)) return Keep::fail;
  place = number_at(begin);
  return Keep::keep;
}

Request::NumberAt RequestParser::number_at(const char* begin) const {
  const auto from = static_cast<std::size_t>(begin - out_);
  return {.value = to_double(in_.json().number_text()),
          .begin = static_cast<std::uint32_t>(from),
          .size = static_cast<std::uint32_t>(written() - from)};
}

Keep RequestParser::seed() {
  std::int64_t value = 0;
  return keep(in_.integer(std::numeric_limits<std::int64_t>::min(), kIntegerMax, value));
}

Keep RequestParser::chat_logprobs() { return keep(in_.boolean(logprobs_)); }

Keep RequestParser::top_logprobs() {
  std::int64_t value = 0;
  has_top_logprobs_ = true;
  return keep(in_.integer(0, 20, value));
}

Keep RequestParser::completion_logprobs() {
  std::int64_t value = 0;
  return keep(in_.integer(0, 20, value));
}

Keep RequestParser::logit_bias() {
  std::size_t count = 0;
  return keep(in_.object([&](std::string_view token) {
    if (++count > kLogitBiasMax) {
      return in_.refuse(Code::array_above_max_length,
                        "Invalid 'logit_bias': too many tokens. Expected at most " +
                            std::to_string(kLogitBiasMax) + ".");
    }
    const auto id = to_integer(token);
    if (!id || *id < 0 || *id > kTokenIdMax) {
      return in_.refuse(Code::invalid_value, "Invalid key in 'logit_bias': expected a token id.");
    }
    return keep(in_.decimal(-100, 100));
  }));
}

Keep RequestParser::stop() {
  if (in_.json().kind() == JsonKind::string) return keep(in_.string());
  if (in_.json().kind() != JsonKind::array) {
    return keep(in_.wrong_type("a string or an array of strings"));
  }
  return keep(in_.array(0, kStopMax, [this](std::size_t) { return in_.string(); }));
}

Keep RequestParser::stream() { return drop(in_.boolean(request_.stream)); }

Keep RequestParser::stream_options() {
  has_stream_options_ = true;
  return drop(in_.object([this](std::string_view key) {
    bool ignored = false;
    if (key == "include_usage") {
      return in_.skip_null() ? Keep::drop : keep(in_.boolean(request_.include_usage));
    }
    if (key == "include_obfuscation") {
      return in_.skip_null() ? Keep::drop : keep(in_.boolean(ignored));
    }
    return in_.unknown(key);
  }));
}

Keep RequestParser::flag() {
  bool value = false;
  return keep(in_.boolean(value));
}

Keep RequestParser::reasoning_effort() {
  std::size_t which = 0;
  return keep(in_.one_of({"none", "minimal", "low", "medium", "high", "xhigh"}, which));
}

Keep RequestParser::dimensions() {
  std::int64_t value = 0;
  return keep(in_.integer(1, 65'536, value));
}

Keep RequestParser::encoding_format() {
  std::size_t which = 0;
  if (!in_.one_of({"float", "base64"}, which)) return Keep::fail;
  request_.base64_embeddings = which == 1;
  return Keep::drop;
}

Keep RequestParser::dropped_string() { return drop(in_.string()); }

Keep RequestParser::dropped_flag() {
  bool value = false;
  return drop(in_.boolean(value));
}

Keep RequestParser::dropped_object() { return drop(in_.any_object()); }

Keep RequestParser::modalities() {
  return drop(in_.array(1, 2, [this](std::size_t) {
    std::size_t which = 0;
    if (!in_.one_of({"text", "audio"}, which)) return false;
    return which == 0 || in_.fail(Code::unsupported_value,
                                  "Unsupported value: 'modalities' can only be text here.");
  }));
}

void RequestParser::mark_prompt(const char* begin) {
  has_prompt_ = true;
  request_.prompt_begin = static_cast<std::size_t>(begin - out_);
  request_.prompt_end = written();
}

std::size_t RequestParser::written() const {
  return static_cast<std::size_t>(in_.json().mark() - out_);
}

}  // namespace sovmesh::llmapi
