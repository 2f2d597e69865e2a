#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sovmesh::llmapi {

enum class Operation : std::uint8_t { chat, completion, embeddings };

// What kind of engine speaks; decides which extra members we may send and expect.
enum class Dialect : std::uint8_t { llama_cpp, vllm, sglang, openai, tgi, tensorrt_llm };
std::string_view name(Dialect dialect);
std::optional<Dialect> parse_dialect(std::string_view text);
// Whether it says its counts in every chunk when asked by stream_options.continuous_usage_stats.
bool has_continuous_usage(Dialect dialect);
// Whether "cache_salt" keeps the cached prefixes of requests apart.
bool has_cache_salt(Dialect dialect);

// What a model lets a request carry beyond the members this module knows.
struct FieldPolicy {
  const std::set<std::string, std::less<>>* extra_fields =
      nullptr;                 // passed on after validation as JSON
  bool reject_unknown = true;  // else they are dropped
  int choices_max = 8;
  std::int64_t output_tokens_max = 0;  // 0: no bound of our own
  // Prompt and answer must fit in; 0: the engine decides. The gateway has no tokenizer, so it
  // refuses what cannot fit for certain, and the engine refuses the rest in the same words.
  std::int64_t context_tokens = 0;
  bool remote_media = false;  // image addresses the engine would fetch; else data: only
  // Whether amend() cuts what is more to no more than these bounds: then the API's own are the only
  // ones for what the client may say.
  bool output_is_cut = false;
  bool choices_are_cut = false;
};

// A request body, read and checked once. `body` is our own serialisation of what was validated
// (compact JSON, members in the order they came): never the client's bytes. What
// complete_upstream() says itself is not in it (model, stream, stream_options, max_tokens,
// encoding_format), nor is what no engine needs (user, metadata, store, ...) or was null. It is an
// object without its closing brace, so that complete_upstream() can add to it.
struct Request {
  Operation operation = Operation::chat;
  std::string model;  // as the client wrote it
  bool stream = false;
  bool include_usage = false;  // stream_options.include_usage
  int choices = 1;             // n
  int candidates = 1;  // answers the engine makes for each prompt: n or, when larger, best_of
  std::optional<std::int64_t> output_max;  // max_completion_tokens or max_tokens
  bool modern_output_max = false;          // it came as max_completion_tokens
  // Of messages, prompt, input and tools, before an engine has counted them: for reservations and
  // waits, never billed (TextSize::tokens_usual; text_size.h).
  std::int64_t prompt_tokens_estimate = 0;
  std::size_t prompt_characters = 0;  // of the texts among it: Unicode code points
  std::size_t inputs = 1;             // number of prompts or embedding inputs
  // What the longest prompt has at least: its token ids when it is given by them.
  std::int64_t prompt_tokens_min = 1;
  // What all prompts together have at least, whatever the engine's tokenizer: token ids, and what
  // texts have that stand in every prompt (TextSize::tokens_floor). Of a chat only what users say:
  // templates may leave out the rest. 1 of a body with members that we do not know: they may cut
  // it short.
  std::int64_t prompt_tokens_floor = 0;
  bool has_tools = false;
  bool has_images = false;
  bool has_audio = false;
  bool has_json_schema = false;
  bool wants_json = false;  // response_format: a JSON object, or by a schema
  bool has_system = false;  // a message of system or developer
  // A number as it stands in `body`, for amend(); size 0: it was not given.
  struct NumberAt {
    double value = 0;
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
  };
  NumberAt temperature, top_p, presence_penalty, frequency_penalty, n, best_of;
  // `output_max` is not the client's: another model may lower it.
  bool output_max_is_ours = false;
  // Inside of a JSON string that goes behind the content of each answer; it outlives the request.
  std::string_view ending;
  bool base64_embeddings =
      false;  // encoding_format: "base64" (engines are always asked for floats)
  std::string body;
  // Where the canonical prompt lies in `body`: the serialised value of messages, prompt or input.
  // The digest of a prompt is taken over exactly these bytes (docs/digests.md, golden files).
  std::size_t prompt_begin = 0;
  std::size_t prompt_end = 0;
  std::string_view canonical_prompt() const {
    return std::string_view(body).substr(prompt_begin, prompt_end - prompt_begin);
  }
};

// No model's policy can let this field through: it is how the gateway itself talks to the engine.
bool is_reserved_field(std::string_view name);

// What of a request decides the form of its answer: all that is needed of it once it is sent.
struct ReplyForm {
  Operation operation = Operation::chat;
  bool stream = false;
  bool include_usage = false;
  bool base64_embeddings = false;
  int choices = 1;
  std::size_t inputs = 1;
  std::string_view ending;  // see Request

  ReplyForm() = default;
  ReplyForm(const Request& request)  // NOLINT(google-explicit-constructor): it is a part of it
      : operation(request.operation),
        stream(request.stream),
        include_usage(request.include_usage),
        base64_embeddings(request.base64_embeddings),
        choices(request.choices),
        inputs(request.inputs),
        ending(request.ending) {}
};

// The name in "model" only, found without validating the rest: the model's own policy decides how
// the rest is read. Fails like parse_request for bodies that are no JSON object or have no usable
// model.
Result<std::string> peek_model(std::string_view padded_body);

// Reads the whole document: strict JSON (RFC 8259, valid UTF-8, no lone surrogates, no
// NaN/Infinity, no number out of double's range, depth <= 64, no duplicate key anywhere, nothing
// after the value), then the API's own rules. `padded_body` must be followed by 64 readable bytes.
// Errors are those of the error table with `param` set ("messages[0].role").
Result<Request> parse_request(Operation operation, std::string_view padded_body,
                              const FieldPolicy& policy);

// Code::context_length_exceeded for what cannot fit into the model's context for certain.
Result<void> check_context(const Request& request, const FieldPolicy& policy);
// Code::array_above_max_length for more answers than the model gives at once.
Result<void> check_answers(const Request& request, const FieldPolicy& policy);

// The same request read again as another model wants it. `request.body` is without what
// complete_upstream() adds. What the first model's policy dropped stays dropped. Errors are those
// of parse_request().
Result<Request> parse_again(const Request& request, const FieldPolicy& policy);

// What we add for the engine.
struct UpstreamExtras {
  Dialect dialect = Dialect::openai;
  std::string_view engine_model;
  bool stream = false;          // may differ from the client's wish: plain requests can be
                                // assembled from a stream
  bool live_usage = false;      // ask for counts in every chunk where the dialect has them
  std::optional<int> slot;      // llama.cpp id_slot
  bool fresh_cache = false;     // llama.cpp cache_prompt:false
  std::string_view cache_salt;  // where the dialect has it; empty: none
  std::optional<int> adapter;   // llama.cpp LoRA id at scale 1; all others at 0
  int adapters = 0;             // how many the engine has
};
// The bytes for the engine. A plain completion/chat to llama.cpp with stream=true asks for usage.
void complete_upstream(Request& request, const UpstreamExtras& extras);

}  // namespace sovmesh::llmapi
