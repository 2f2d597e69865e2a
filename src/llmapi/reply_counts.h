#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "llmapi/reply.h"
#include "llmapi/reply_parser.h"

namespace sovmesh::llmapi {

// What a stream has cost so far. Engines report it in different ways:
//   llama.cpp  running `timings` per choice in its chunks, `prompt_progress` before them (its total
//              is the whole prompt, from the first one on), and at the end one `usage` per choice,
//              in chunks without choices (chat) or with the last text (completions): the sum over
//              choices is generated, the prompt counts once per prompt;
//   vLLM,      running `usage` per choice in chunks with choices, the total in the chunk without;
//   SGLang
//   others     a total, wherever it comes.
class UsageCounter {
 public:
  UsageCounter(Dialect dialect, ReplyShape shape) : dialect_(dialect), shape_(shape) {}

  // Whether all its choices were asked for.
  bool expects(const ReplyParser& event) const;
  void on_event(const ReplyParser& event);
  TokenCounts counts() const;
  // Generated so far, as far as is known before the final count: running counts, else chunks.
  std::int64_t running() const;
  std::size_t choices() const { return choices_.size(); }

 private:
  struct Choice {
    bool seen = false;
    std::int64_t chunks = 0;  // that bore text
    std::int64_t live = -1;   // the engine's running count
    std::int64_t prompt = 0;
    std::int64_t cached = 0;
  };

  Choice& at(std::size_t index);
  void take_live(std::size_t index, std::int64_t generated, std::int64_t prompt,
                 std::int64_t cached);
  void take_final(const ReplyUsage& usage, std::size_t index);
  std::int64_t live_sum() const;
  bool all_final() const;
  void add_prompt(TokenCounts& counts) const;

  Dialect dialect_;
  ReplyShape shape_;
  std::vector<Choice> choices_;
  std::size_t last_finished_ = 0;
  bool any_live_ = false;
  std::size_t finals_ = 0;  // usage reports that were final
  ReplyUsage final_;
  std::vector<std::int64_t> final_prompts_;  // by prompt, of requests with several
  std::int64_t accepted_ = 0;  // the prompt, as its engine says when it begins with it
  std::int64_t accepted_cached_ = 0;
};

// The usage object as a client gets it.
void append_usage(std::string& out, Operation operation, const TokenCounts& counts,
                  bool hide_cached);

}  // namespace sovmesh::llmapi
