#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "llmapi/request.h"
#include "llmapi/request_fields.h"

namespace sovmesh::llmapi {

// Bounds of the API itself; a model's policy can only be stricter.
inline constexpr std::size_t kMessagesMax = 8192;
inline constexpr std::size_t kPartsMax = 1024;  // content parts of a message
inline constexpr std::size_t kToolsMax = 128;
inline constexpr std::size_t kToolCallsMax = 128;  // of one message
inline constexpr std::size_t kStopMax = 4;
inline constexpr std::size_t kLogitBiasMax = 1024;
inline constexpr std::size_t kInputsMax = 2048;    // embedding inputs
inline constexpr std::size_t kModelNameMax = 256;  // bytes
inline constexpr std::size_t kSchemaBytesMax = 64U << 10U;
inline constexpr std::int64_t kTokenIdMax = (std::int64_t{1} << 31) - 1;
inline constexpr std::int64_t kImageTokens = 1024;  // an image or sound, in the estimate

// One request body, front to back. Each parameter's reader is called with the reader at its value.
class RequestParser {
 public:
  RequestParser(Operation operation, const FieldPolicy& policy) : in_(policy) {
    request_.operation = operation;
  }
  Result<Request> parse(std::string_view padded_body);
  // Of the whole body only the name of the model is of interest; all else must be valid JSON.
  Result<std::string> parse_model(std::string_view padded_body);

 private:
  using Read = Keep (RequestParser::*)();
  struct Parameter;
  static const Parameter* find(std::string_view name, unsigned operation);

  Error explain(std::string_view padded_body);
  bool read_all();
  Keep member(std::string_view key);
  bool check_whole();  // what can only be judged when all members are known

  // request_parser.cpp: parameters of one value.
  Keep model();
  Keep max_tokens();
  Keep max_completion_tokens();
  Keep output_max(bool modern);
  std::int64_t choices_max() const;
  Keep choices();
  Keep best_of();
  Keep temperature() { return decimal(0, 2, request_.temperature); }
  Keep top_p() { return decimal(0, 1, request_.top_p); }
  Keep presence_penalty() { return decimal(-2, 2, request_.presence_penalty); }
  Keep frequency_penalty() { return decimal(-2, 2, request_.frequency_penalty); }
  Keep decimal(double min, double max, Request::NumberAt& place);
  Request::NumberAt number_at(const char* begin) const;  // that was just read
  Keep seed();
  Keep chat_logprobs();
  Keep top_logprobs();
  Keep completion_logprobs();
  Keep logit_bias();
  Keep stop();
  Keep stream();
  Keep stream_options();
  Keep flag();
  Keep reasoning_effort();
  Keep suffix() { return keep(in_.string()); }
  Keep dimensions();
  Keep encoding_format();
  Keep dropped_string();
  Keep dropped_flag();
  Keep dropped_object();
  Keep modalities();

  // request_prompt.cpp: what the model reads.
  Keep messages();
  Keep prompt();
  Keep input();
  struct MessageFacts;
  bool message();
  Keep message_member(MessageFacts& facts, std::string_view key);
  Keep optional_message_member(MessageFacts& facts, std::string_view key);
  bool check_message(const MessageFacts& facts);
  bool content();
  bool content_part();
  bool image_url();
  bool input_audio();
  bool tool_calls();
  bool tool_call();
  bool function_call();
  bool text();  // a string that counts as prompt
  bool texts_or_tokens(std::size_t count_max, bool allow_empty_text);
  bool token();

  // request_tools.cpp
  Keep tools();
  bool tool();
  bool function_definition();
  Keep tool_choice();
  Keep response_format();
  bool json_schema();

  static Keep keep(bool good) { return good ? Keep::keep : Keep::fail; }
  static Keep drop(bool good) { return good ? Keep::drop : Keep::fail; }
  void mark_prompt(const char* begin);
  std::size_t written() const;

  RequestFields in_;
  Request request_;
  char* out_ = nullptr;
  std::optional<std::int64_t> best_of_;
  std::int64_t tokens_floor_ = 0;  // of the texts read so far
  bool has_prompt_ = false;
  bool has_extra_ = false;  // a member that we do not know goes to the engine
  bool has_model_ = false;
  bool has_stream_options_ = false;
  bool logprobs_ = false;
  bool has_top_logprobs_ = false;
  bool needs_tools_ = false;  // tool_choice names or requires one
};

}  // namespace sovmesh::llmapi
