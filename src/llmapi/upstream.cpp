#include <algorithm>

#include "base/append.h"
#include "base/bytes.h"
#include "llmapi/json_reader.h"
#include "llmapi/request.h"

namespace sovmesh::llmapi {
namespace {

void add_llama_cpp(const UpstreamExtras& extras, bool answers_text, std::string& out) {
  if (extras.slot) {
    out += ",\"id_slot\":";
    append_number(out, *extras.slot);
  }
  if (extras.fresh_cache) out += ",\"cache_prompt\":false";
  if (extras.stream && extras.live_usage && answers_text) {
    out += ",\"timings_per_token\":true,\"return_progress\":true";
  }
  // Always all of them: an adapter that is not named keeps the scale it was loaded with.
  for (int id = 0; id < extras.adapters; ++id) {
    out += id == 0 ? ",\"lora\":[{\"id\":" : ",{\"id\":";
    append_number(out, id);
    out += extras.adapter == id ? ",\"scale\":1.0}" : ",\"scale\":0.0}";
  }
  if (extras.adapters > 0) out += ']';
}

void add_stream(const UpstreamExtras& extras, std::string& out) {
  out += ",\"stream\":true,\"stream_options\":{\"include_usage\":true";
  if (extras.live_usage && has_continuous_usage(extras.dialect))
    out += ",\"continuous_usage_stats\":true";
  out += '}';
}

void add_output_max(const Request& request, Dialect dialect, std::string& out) {
  if (!request.output_max) return;
  // The old name is the one that every engine knows; the public API's newest models refuse it.
  const bool modern = request.modern_output_max && dialect == Dialect::openai;
  out += modern ? ",\"max_completion_tokens\":" : ",\"max_tokens\":";
  append_number(out, *request.output_max);
}

}  // namespace

Result<Request> parse_again(const Request& request, const FieldPolicy& policy) {
  std::string text = request.body;
  text += text.size() > 1 ? ",\"model\":" : "\"model\":";
  append_json_string(text, request.model);
  if (request.stream) {
    text += ",\"stream\":true,\"stream_options\":{\"include_usage\":";
    text += request.include_usage ? "true}" : "false}";
  }
  if (request.output_max) {
    std::int64_t output_max = *request.output_max;
    if (request.output_max_is_ours && policy.output_tokens_max > 0)
      output_max = std::min(output_max, policy.output_tokens_max);
    if (request.output_max_is_ours && policy.context_tokens > 0)
      output_max = std::min(
          output_max, std::max<std::int64_t>(1, policy.context_tokens - request.prompt_tokens_min));
    text += request.modern_output_max ? ",\"max_completion_tokens\":" : ",\"max_tokens\":";
    append_number(text, output_max);
  }
  if (request.base64_embeddings) text += ",\"encoding_format\":\"base64\"";
  text += '}';
  const std::size_t size = text.size();
  text.append(JsonReader::kPadding, '\0');
  TRY(Request again,
      parse_request(request.operation, std::string_view(text).substr(0, size), policy));
  again.output_max_is_ours = request.output_max_is_ours;
  again.ending = request.ending;
  return again;
}

void complete_upstream(Request& request, const UpstreamExtras& extras) {
  const bool answers_text = request.operation != Operation::embeddings;
  std::string& out = request.body;
  out += out.size() > 1 ? ",\"model\":" : "\"model\":";
  append_json_string(out, extras.engine_model);
  if (answers_text) {
    add_output_max(request, extras.dialect, out);
    if (extras.stream) add_stream(extras, out);
  } else {
    out += ",\"encoding_format\":\"float\"";
  }
  if (extras.dialect == Dialect::llama_cpp) add_llama_cpp(extras, answers_text, out);
  if (has_cache_salt(extras.dialect) && answers_text && !extras.cache_salt.empty()) {
    out += ",\"cache_salt\":";
    append_json_string(out, extras.cache_salt);
  }
  out += '}';
}

}  // namespace sovmesh::llmapi
