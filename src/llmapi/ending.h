#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "llmapi/reply_parts.h"

namespace sovmesh::llmapi {

class ReplyParser;

// What one choice of a chat has brought so far, as far as it matters for what goes behind its
// content: that is for answers in words, not for calls of tools, refusals, or no words at all.
class SpokenParts {
 public:
  void note(const ReplyParser& parser, const ReplyChoice& choice);
  // The choice ended by itself with this reason: it gets the ending.
  bool get_ending(FinishReason reason) const {
    const bool is_whole = reason == FinishReason::stop || reason == FinishReason::length;
    return is_whole && has_content_ && !has_other_;
  }

 private:
  bool has_content_ = false;
  bool has_other_ = false;  // calls of tools, a refusal
};

}  // namespace sovmesh::llmapi
