#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "llmapi/json_reader.h"
#include "llmapi/reply.h"

namespace sovmesh::llmapi {

enum class TextKind : std::uint8_t { content, reasoning, refusal, tool_name, tool_arguments };

// Generated text: the inside of a canonical JSON string.
struct ReplyText {
  TextKind kind = TextKind::content;
  std::size_t tool = 0;  // which tool call of its choice
  std::string_view json;
  bool escaped = false;
};

// A tool call, or what a chunk adds to one. Values are the insides of canonical JSON strings.
struct ReplyTool {
  std::size_t index = 0;
  std::string_view id;
  std::string_view name;
  std::string_view arguments;
};

// A member as it is written: `name` and `value` in canonical JSON, quotes included.
struct ReplyMember {
  std::string_view name;
  std::string_view value;
};

// Part of a vector of ReplyParser.
struct ReplyRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct ReplyChoice {
  std::size_t index = 0;
  FinishReason finish = FinishReason::none;
  bool function_call_finish = false;  // the old name of tool_calls
  bool has_role = false;
  bool has_content = false;  // the member, whatever its text
  bool has_refusal = false;
  bool bears_text = false;
  std::string_view members;   // inside of the delta or message: "a":1,"b":2
  std::string_view text;      // the "text" of a completion, quotes included
  std::string_view logprobs;  // a value; empty when there is none
  ReplyRange texts;
  ReplyRange tools;
  ReplyRange others;  // members of the delta or message that we do not know
  ReplyRange logprob_members;
};

struct ReplyUsage {
  bool present = false;
  std::int64_t prompt = 0;
  std::int64_t generated = 0;
  std::int64_t cached = 0;
  std::int64_t reasoning = 0;
};

// llama.cpp's running counts of one choice.
struct ReplyTimings {
  bool present = false;
  std::int64_t cached = 0;
  std::int64_t prompt = 0;  // without the cached ones
  std::int64_t predicted = 0;
};

struct ReplyProgress {
  bool present = false;
  std::int64_t cached = 0;
  std::int64_t processed = 0;  // with the cached ones
};

struct ReplyEmbedding {
  std::size_t index = 0;
  std::string_view values;  // "[0.1,0.2]"
};

// Reads one JSON text of an engine, a whole answer or one event, and keeps what we know of it,
// re-serialised. Its buffers are used again for the next text: no allocation once they have grown.
// All views end with the next parse().
class ReplyParser {
 public:
  // One for all streams of a thread, so that an idle stream holds no buffers. Whoever parses has
  // used up what it got before it lets anyone else run.
  static ReplyParser& of_this_thread();

  static constexpr std::size_t kChoicesMax = 128;
  static constexpr std::size_t kToolsMax = 128;
  static constexpr std::int64_t kCountMax = 1'000'000'000'000;  // tokens; more is garbage
  enum class Form : std::uint8_t { event, answer, embeddings };

  // False: not an answer of this form; reason() says why, without quoting it.
  bool parse(std::string_view data, bool padded, Form form);
  std::string_view reason() const { return reason_; }
  // The text is an error report (an "error" member, or "object":"error").
  bool is_error() const { return is_error_; }

  const std::vector<ReplyChoice>& choices() const { return choices_; }
  const ReplyText& text(std::size_t i) const { return texts_[i]; }
  std::string_view decoded(const ReplyText& text);  // until the next decoded()
  const ReplyTool& tool(std::size_t i) const { return tools_[i]; }
  const ReplyMember& member(std::size_t i) const { return members_[i]; }
  const std::vector<ReplyEmbedding>& embeddings() const { return embeddings_; }
  const ReplyUsage& usage() const { return usage_; }
  const ReplyTimings& timings() const { return timings_; }
  const ReplyProgress& progress() const { return progress_; }

 private:
  using Step = JsonReader::Step;

  void reset(std::size_t size);
  bool bad(std::string_view reason);
  template <class Read>
  bool object(Read&& read);  // read(key) -> bool, at the member's value
  template <class Read>
  bool array(std::size_t count_max, Read&& read);
  bool top();
  bool skip();     // any value, not kept
  bool is_null();  // and skipped
  bool count(std::int64_t& value);
  bool text_value(ReplyChoice& choice, TextKind kind, std::size_t tool);

  bool choice();
  bool choice_member(ReplyChoice& choice, std::string_view key);
  bool finish_reason(ReplyChoice& choice);
  bool logprobs(ReplyChoice& choice);
  bool message(ReplyChoice& choice);
  bool message_member(ReplyChoice& choice, std::string_view key, bool& keep);
  bool tool_calls(ReplyChoice& choice);
  bool tool_call(ReplyChoice& choice, std::size_t position);
  bool tool_call_member(ReplyChoice& choice, ReplyTool& tool, std::string_view key, bool& keep);
  bool function(ReplyChoice& choice, ReplyTool& tool);
  bool usage();
  bool timings();
  bool progress();
  bool embedding(std::size_t position);

  JsonReader json_;
  Form form_ = Form::event;
  std::string input_;            // an event that came without padding
  std::unique_ptr<char[]> out_;  // what the views point to
  std::size_t out_size_ = 0;
  std::string decoded_;
  std::string_view reason_;
  bool is_error_ = false;
  bool has_choices_ = false;
  bool has_data_ = false;
  std::vector<ReplyChoice> choices_;
  std::vector<ReplyText> texts_;
  std::vector<ReplyTool> tools_;
  std::vector<ReplyMember> members_;
  std::vector<ReplyEmbedding> embeddings_;
  ReplyUsage usage_;
  ReplyTimings timings_;
  ReplyProgress progress_;
};

}  // namespace sovmesh::llmapi
