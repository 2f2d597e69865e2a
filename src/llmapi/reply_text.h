#pragma once

#include <cstddef>
#include <vector>

#include "llmapi/reply.h"
#include "llmapi/reply_parser.h"

namespace sovmesh::llmapi {

// Decodes generated text for a TextSink and marks where its kind changes, so that no two different
// answers look alike (docs/digests.md). A mark is a byte that UTF-8 never has and a letter.
class TextFeed {
 public:
  explicit TextFeed(TextSink* sink) : sink_(sink) {}
  // All text of a choice, in the order it came (a stream) or by kind (a whole answer).
  void feed_in_order(ReplyParser& reply, const ReplyChoice& choice);
  void feed_by_kind(ReplyParser& reply, const ReplyChoice& choice);

 private:
  struct Last {
    TextKind kind = TextKind::content;
    std::size_t tool = 0;
  };
  void feed(ReplyParser& reply, std::size_t choice, const ReplyText& text);

  TextSink* sink_;
  std::vector<Last> last_;  // by choice
};

}  // namespace sovmesh::llmapi
