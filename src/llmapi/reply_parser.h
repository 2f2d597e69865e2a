#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "llmapi/event_shape.h"
#include "llmapi/json_reader.h"
#include "llmapi/reply_parts.h"

namespace sovmesh::llmapi {

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
  // An event of a stream whose last one `shape` remembers.
  bool parse_event(std::string_view data, bool padded, EventShape& shape);
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

  void clear();  // all but the counts
  void take(const EventShape& shape, const EventShape::Found& found);
  void reset(std::size_t size);
  bool bad(std::string_view reason);
  template <class Read>
  bool object(Read&& read);  // read(key) -> bool, at the member's value
  template <class Read>
  bool array(std::size_t count_max, Read&& read);
  bool top();
  bool skip();  // any value, not kept
  void note(EventShape::Kind kind, std::size_t begin, std::size_t end, std::int64_t* target);
  bool is_null();  // and skipped
  bool count(std::int64_t& value);
  bool changing_count(std::int64_t& value);  // that the next event may have, too
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
  EventShape* recorder_ = nullptr;
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
