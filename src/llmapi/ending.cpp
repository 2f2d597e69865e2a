#include "llmapi/ending.h"

#include "llmapi/reply_parser.h"

namespace sovmesh::llmapi {

void SpokenParts::note(const ReplyParser& parser, const ReplyChoice& choice) {
  has_other_ = has_other_ || choice.tools.end > choice.tools.begin;
  for (std::size_t i = choice.texts.begin; i < choice.texts.end; ++i) {
    const ReplyText& text = parser.text(i);
    if (text.json.empty() || text.kind == TextKind::reasoning) continue;
    (text.kind == TextKind::content ? has_content_ : has_other_) = true;
  }
}

}  // namespace sovmesh::llmapi
