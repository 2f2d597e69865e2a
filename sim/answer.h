#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/job.h"

namespace sovmesh::sim {

// The text of token `index`; with a trailing space, so that a client counts words.
std::string_view token_text(std::int64_t index, bool utf8);

// The JSON of one answer, in the form of its dialect. What does not change from event to event is
// made once: an event then costs a few appends.
class Answer {
 public:
  struct Variant {
    bool utf8 = false;
    bool tool_call = false;
    bool no_finish = false;
  };
  Answer(const Job& job, Variant variant);

  // Events of a stream, without "data: " and line ends.
  // An event of its own says the role, but in TGI, where each one says it.
  bool has_role_event() const { return is_chat_ && job_.dialect != llmapi::Dialect::tgi; }
  void role_event(std::string& out, int choice) const;
  // Token `index` (from 0) of a choice; `generated` counts this choice's tokens up to this one, as
  // engines report them while they stream.
  void token_event(std::string& out, int choice, std::int64_t index, std::int64_t generated) const;
  // A last event of its own, where the dialect has one.
  bool has_finish_event() const { return job_.dialect == llmapi::Dialect::llama_cpp; }
  void finish_event(std::string& out, int choice, std::int64_t generated) const;
  // After the last token; TGI's completions have it inside their last event.
  bool has_usage_event() const { return job_.include_usage && !usage_in_last_; }
  void usage_event(std::string& out, std::int64_t generated) const;

  void plain(std::string& out, std::int64_t generated) const;
  void embeddings(std::string& out, std::size_t size) const;

 private:
  void append_usage(std::string& out, std::int64_t generated) const;
  void append_timings(std::string& out, std::int64_t generated) const;
  void append_text(std::string& out, std::int64_t index) const;
  void append_finish(std::string& out, bool is_last) const;
  void close_event(std::string& out, std::int64_t generated) const;
  std::string_view finish_reason() const;

  const Job& job_;
  Variant variant_;
  std::string begin_;  // up to the choices
  bool is_chat_;
  bool usage_in_last_;
};

// An error as the dialect writes it.
std::string error_object(llmapi::Dialect dialect, std::int64_t status, std::string_view message);

}  // namespace sovmesh::sim
