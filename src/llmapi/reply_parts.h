#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "llmapi/reply.h"

// What ReplyParser finds in an engine's answer.
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
  std::int64_t total = 0;      // of the whole prompt, known before any of it is processed
};

struct ReplyEmbedding {
  std::size_t index = 0;
  std::string_view values;  // "[0.1,0.2]"
};

}  // namespace sovmesh::llmapi
