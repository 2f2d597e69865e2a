#include "llmapi/reply_text.h"

namespace sovmesh::llmapi {
namespace {

std::string_view mark_of(TextKind kind) {
  switch (kind) {
    case TextKind::reasoning:
      return "\377r";
    case TextKind::refusal:
      return "\377f";
    case TextKind::tool_name:
      return "\377n";
    case TextKind::tool_arguments:
      return "\377a";
    case TextKind::content:
      break;
  }
  return "\377c";
}

}  // namespace

void TextFeed::feed_in_order(ReplyParser& reply, const ReplyChoice& choice) {
  if (sink_ == nullptr) return;
  for (std::size_t i = choice.texts.begin; i < choice.texts.end; ++i)
    feed(reply, choice.index, reply.text(i));
}

void TextFeed::feed_by_kind(ReplyParser& reply, const ReplyChoice& choice) {
  if (sink_ == nullptr) return;
  const auto each = [&](auto&& wanted) {
    for (std::size_t i = choice.texts.begin; i < choice.texts.end; ++i) {
      if (wanted(reply.text(i).kind)) feed(reply, choice.index, reply.text(i));
    }
  };
  for (const TextKind kind : {TextKind::reasoning, TextKind::content, TextKind::refusal})
    each([kind](TextKind one) { return one == kind; });
  each([](TextKind one) { return one == TextKind::tool_name || one == TextKind::tool_arguments; });
}

void TextFeed::feed(ReplyParser& reply, std::size_t choice, const ReplyText& text) {
  if (last_.size() <= choice) last_.resize(choice + 1);
  Last& last = last_[choice];
  if (last.kind != text.kind || last.tool != text.tool) {
    last = {.kind = text.kind, .tool = text.tool};
    sink_->text(choice, mark_of(text.kind));
  }
  sink_->text(choice, reply.decoded(text));
}

}  // namespace sovmesh::llmapi
