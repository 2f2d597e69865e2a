#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "llmapi/request.h"

namespace sovmesh::llmapi {

enum class CountSource : std::uint8_t { engine_final, engine_live, floor };

// What an answer has cost so far. The prompt is known once the engine says it.
struct TokenCounts {
  std::int64_t prompt = 0;
  std::int64_t cached = 0;
  std::int64_t generated = 0;
  std::int64_t reasoning = 0;
  std::int64_t live_generated =
      -1;  // the engine's running count when a final one came too; else -1
  CountSource source = CountSource::floor;
};

enum class FinishReason : std::uint8_t { none, stop, length, tool_calls, content_filter };

// Receives the answer's text in the order it is delivered, for digests. Per choice: content,
// reasoning, refusal and tool-call text all count, with a mark where the kind changes that is no
// UTF-8 (docs/digests.md gives the canonical form).
class TextSink {
 public:
  virtual ~TextSink() = default;
  virtual void text(std::size_t choice, std::string_view piece) = 0;
};

// What the client sees instead of what the engine says.
struct ReplyIdentity {
  std::string_view id;  // "chatcmpl-..." / "cmpl-..."
  std::string_view public_model;
  std::int64_t created = 0;  // seconds since 1970
  bool hide_cached = false;  // strip cache counters (a hit may be a foreign one)
};

// How many answers a request asks for: `prompts` times `choices` (n).
struct ReplyShape {
  std::size_t prompts = 1;
  int choices = 1;
};

// Translates an engine's stream, event by event, into the client's. No allocation per event once
// its buffers have grown. Rules: http.md section 4 (same id/created/model in all chunks, first
// delta has the role, "usage":null members only when the client asked, injected usage, timings and
// progress removed, one [DONE]).
class StreamTranslator {
 public:
  // `sink` (may be null) must outlive the translator, and `ending` too: the inside of a JSON string
  // that goes behind the content of each choice of a chat that ends by itself, in a chunk of its
  // own. It is no part of what the sink gets or of any count.
  StreamTranslator(Operation operation, Dialect dialect, ReplyIdentity identity,
                   bool client_wants_usage, TextSink* sink, ReplyShape shape = {},
                   std::string_view ending = {});
  ~StreamTranslator();

  enum class Outcome : std::uint8_t {
    emit,  // `out` got one or more complete events ("data: ...\n\n"); they may be empty of text
    skip,  // nothing for the client (progress, stripped usage)
    done,  // [DONE] was seen; finish() gives the last bytes
  };
  // `data`: one event's data, followed by at least 64 readable bytes when `padded` (else it is
  // copied). An in-band error is a Result error with the status the engine meant (upstream_error
  // for 5xx, the client's own 4xx as invalid_request/context_length_exceeded...). Anything
  // malformed, a duplicate [DONE] or data after it is Code::upstream_invalid_response.
  Result<Outcome> on_event(std::string_view data, bool padded, std::string& out);
  // After done: the final usage chunk if asked for, and "data: [DONE]\n\n". An error when the
  // stream ended without finish_reason for every choice seen.
  Result<void> finish(std::string& out);
  // We end the answer ourselves, before the engine does: what is still open ends with "length", and
  // the last chunk says why in "sm_limit" (`why`: a JSON value). Nothing may follow.
  void cut(std::string_view why, std::string& out);
  // The stream is silent: gives up memory that only makes the next event cheaper.
  void rest();

  TokenCounts counts() const;
  // Tokens in what has been emitted to the client so far.
  std::int64_t delivered() const;
  bool text_started() const;           // a content-bearing chunk was emitted
  FinishReason finish_reason() const;  // of the last choice that ended

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A plain (not streamed) answer, translated.
struct PlainReply {
  std::string body;
  TokenCounts counts;
  FinishReason finish = FinishReason::none;
};
// `padded_body`: the engine's JSON, followed by 64 readable bytes. An error inside HTTP 200 becomes
// its real status. `form.ending` goes where StreamTranslator puts it.
Result<PlainReply> translate_plain(const ReplyForm& form, Dialect dialect,
                                   std::string_view padded_body, const ReplyIdentity& identity,
                                   TextSink* sink);

// `body`, a whole answer as PlainReply has it, as the stream that `form` asks for.
// Code::internal_error when it is none.
Result<std::string> stream_of_answer(const ReplyForm& form, std::string_view body);

// An engine's answer with an error status, as the error our client gets. 4xx that are the client's
// own doing keep their meaning (context_length_exceeded, invalid_request); everything else is the
// upstream's. The engine's text is not passed on for 5xx.
Error translate_engine_error(int status, std::string_view body);

// An answer that goes out whole is longer than it may be: what is asked for at once is too much,
// and no engine is to blame.
Error answer_too_large(Operation operation);

// Builds a plain answer from a stream, for engines that do not count cancelled plain requests.
class StreamAssembler {
 public:
  StreamAssembler(const ReplyForm& form, Dialect dialect, ReplyIdentity identity, TextSink* sink);
  ~StreamAssembler();
  Result<StreamTranslator::Outcome> on_event(std::string_view data, bool padded);
  TokenCounts counts() const;
  Result<PlainReply> finish();
  // What there is so far, ended by us: see StreamTranslator::cut().
  PlainReply cut(std::string_view why);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sovmesh::llmapi
