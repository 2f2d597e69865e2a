#include "base/append.h"
#include "base/bytes.h"
#include "llmapi/ending.h"
#include "llmapi/reply.h"
#include "llmapi/reply_body.h"
#include "llmapi/reply_counts.h"
#include "llmapi/reply_parser.h"
#include "llmapi/reply_text.h"

namespace sovmesh::llmapi {

// open -> done_ ([DONE] seen). Per choice: not seen -> role sent -> finished.
struct StreamTranslator::Impl {
  struct Choice {
    bool seen = false;
    bool role_sent = false;
    bool finished = false;
    SpokenParts spoken;
  };

  Impl(Operation op, Dialect dialect, ReplyIdentity who, bool wants_usage, TextSink* sink,
       ReplyShape shape, std::string_view behind)
      : operation(op),
        ending(op == Operation::chat ? behind : std::string_view()),
        hide_cached(who.hide_cached),
        client_wants_usage(wants_usage),
        counter(dialect, shape),
        feed(sink) {
    head = "data: ";
    append_reply_head(head, who,
                      op == Operation::chat ? "chat.completion.chunk" : "text_completion");
    head.shrink_to_fit();  // as long as the stream
    tail = client_wants_usage ? "],\"usage\":null}\n\n" : "]}\n\n";
  }

  Result<Outcome> on_event(std::string_view data, bool padded, std::string& out);
  Result<void> finish(std::string& out);
  void cut(std::string_view why, std::string& out);
  void append_end(std::string& out);

  Choice& at(std::size_t index) {
    if (choices.size() <= index) choices.resize(index + 1);
    return choices[index];
  }
  bool says_something(const ReplyParser& event, const ReplyChoice& choice) const;
  void append_choice(std::string& out, const ReplyChoice& choice);
  void append_chunk(std::string& out, const ReplyChoice& choice);
  bool gets_ending(const ReplyParser& event, const ReplyChoice& choice);
  void append_with_ending(std::string& out, const ReplyChoice& choice);
  void append_delta(std::string& out, const ReplyChoice& choice, Choice& state);

  Operation operation;
  std::string_view ending;  // empty: none
  bool hide_cached;
  bool client_wants_usage;
  std::string head;  // of every chunk, up to the choices
  std::string_view tail;
  UsageCounter counter;
  std::unique_ptr<EventShape> shape;  // of the last event; nothing while the stream rests
  TextFeed feed;
  std::vector<Choice> choices;
  bool done = false;
  bool text_started = false;
  std::int64_t delivered = 0;
  FinishReason last_finish = FinishReason::none;
};

Result<StreamTranslator::Outcome> StreamTranslator::Impl::on_event(std::string_view data,
                                                                   bool padded, std::string& out) {
  if (done) return invalid_reply("it goes on after its end");
  if (trim(data) == "[DONE]") {
    done = true;
    return Outcome::done;
  }
  ReplyParser& parser = ReplyParser::of_this_thread();
  if (!shape) shape = std::make_unique<EventShape>();
  if (!parser.parse_event(data, padded, *shape)) return invalid_reply(parser.reason());
  if (parser.is_error()) return fail(error_in_reply(data));
  if (!counter.expects(parser)) return invalid_reply("it has choices that nobody asked for");
  counter.on_event(parser);
  for (const ReplyChoice& choice : parser.choices())
    at(choice.index).seen = true;
  bool emits = false;
  bool is_open = false;  // a chunk that further choices may join
  for (const ReplyChoice& choice : parser.choices()) {
    if (!says_something(parser, choice)) continue;
    if (!ending.empty() && gets_ending(parser, choice)) {
      if (is_open) out += tail;
      is_open = false;
      append_with_ending(out, choice);
    } else {
      out += is_open ? std::string_view(",") : std::string_view(head);
      is_open = true;
      append_choice(out, choice);
    }
    emits = true;
    feed.feed_in_order(parser, choice);
  }
  if (!emits) return Outcome::skip;
  if (is_open) out += tail;
  delivered = counter.running();
  return Outcome::emit;
}

// Reports on the prompt's progress look like empty first chunks.
bool StreamTranslator::Impl::says_something(const ReplyParser& event,
                                            const ReplyChoice& choice) const {
  if (choice.bears_text || choice.finish != FinishReason::none || !choice.logprobs.empty())
    return true;
  if (event.progress().present) return false;
  if (operation != Operation::chat) return false;
  return !choice.members.empty() || (choice.has_role && !choices[choice.index].role_sent);
}

bool StreamTranslator::Impl::gets_ending(const ReplyParser& event, const ReplyChoice& choice) {
  Choice& state = at(choice.index);
  state.spoken.note(event, choice);
  return !state.finished && state.spoken.get_ending(choice.finish);
}

// Its last words, the ending, and that it is over: a chunk each.
void StreamTranslator::Impl::append_with_ending(std::string& out, const ReplyChoice& choice) {
  const bool has_words = choice.bears_text || !choice.logprobs.empty();
  if (has_words) {
    ReplyChoice words = choice;
    words.finish = FinishReason::none;
    append_chunk(out, words);
  }
  const std::string members = "\"content\":\"" + std::string(ending) + "\"";
  append_chunk(out, {.index = choice.index, .members = members});
  ReplyChoice end = choice;
  if (has_words) end = {.index = choice.index, .finish = choice.finish};
  append_chunk(out, end);
}

void StreamTranslator::Impl::append_chunk(std::string& out, const ReplyChoice& choice) {
  out += head;
  append_choice(out, choice);
  out += tail;
}

void StreamTranslator::Impl::append_choice(std::string& out, const ReplyChoice& choice) {
  Choice& state = at(choice.index);
  text_started = text_started || choice.bears_text;
  if (operation == Operation::chat && choice.index == 0 && state.role_sent &&
      choice.finish == FinishReason::none && choice.logprobs.empty()) {  // nearly all of them
    out += "{\"index\":0,\"delta\":{";
    out += choice.members;
    out += "},\"finish_reason\":null}";
    return;
  }
  out += "{\"index\":";
  append_number(out, static_cast<std::int64_t>(choice.index));
  if (operation == Operation::chat) {
    append_delta(out, choice, state);
  } else {
    out += ",\"text\":";
    out += choice.text.empty() ? std::string_view("\"\"") : choice.text;
  }
  if (!choice.logprobs.empty() || operation == Operation::completion) {
    out += ",\"logprobs\":";
    out += choice.logprobs.empty() ? std::string_view("null") : choice.logprobs;
  }
  out += ",\"finish_reason\":";
  out += finish_text(choice.finish, choice.function_call_finish);
  out += '}';
  if (choice.finish == FinishReason::none) return;
  state.finished = true;
  last_finish = choice.finish;
}

void StreamTranslator::Impl::append_delta(std::string& out, const ReplyChoice& choice,
                                          Choice& state) {
  out += ",\"delta\":{";
  if (!state.role_sent) {
    state.role_sent = true;
    out += "\"role\":\"assistant\"";
    if (choice.members.empty()) out += ",\"content\":\"\"";
    if (!choice.members.empty()) out += ',';
  }
  out += choice.members;
  out += '}';
}

Result<void> StreamTranslator::Impl::finish(std::string& out) {
  if (!done) return upstream_error(Code::upstream_error, "the engine ended its stream early");
  bool any = false;
  for (const Choice& choice : choices) {
    any = any || choice.seen;
    if (choice.seen && !choice.finished) return invalid_reply("a choice has no finish_reason");
  }
  if (!any) return invalid_reply("it has no choices");
  append_end(out);
  return {};
}

void StreamTranslator::Impl::append_end(std::string& out) {
  if (client_wants_usage) {
    out += head;
    out += "],\"usage\":";
    append_usage(out, operation, counter.counts(), hide_cached);
    out += "}\n\n";
  }
  out += "data: [DONE]\n\n";
  delivered = counter.counts().generated;
}

void StreamTranslator::Impl::cut(std::string_view why, std::string& out) {
  at(0).seen = true;  // an answer has a choice, even one that had no time to begin
  out += head;
  bool first = true;
  for (std::size_t index = 0; index < choices.size(); ++index) {
    if (!choices[index].seen || choices[index].finished) continue;
    if (!first) out += ',';
    first = false;
    append_choice(out, {.index = index, .finish = FinishReason::length});
  }
  out += client_wants_usage ? "],\"usage\":null,\"sm_limit\":" : "],\"sm_limit\":";
  out += why;
  out += "}\n\n";
  done = true;
  append_end(out);
}

StreamTranslator::StreamTranslator(Operation operation, Dialect dialect, ReplyIdentity identity,
                                   bool client_wants_usage, TextSink* sink, ReplyShape shape,
                                   std::string_view ending)
    : impl_(std::make_unique<Impl>(operation, dialect, identity, client_wants_usage, sink, shape,
                                   ending)) {}

StreamTranslator::~StreamTranslator() = default;

Result<StreamTranslator::Outcome> StreamTranslator::on_event(std::string_view data, bool padded,
                                                             std::string& out) {
  return impl_->on_event(data, padded, out);
}

Result<void> StreamTranslator::finish(std::string& out) { return impl_->finish(out); }

void StreamTranslator::cut(std::string_view why, std::string& out) { impl_->cut(why, out); }

void StreamTranslator::rest() { impl_->shape.reset(); }

TokenCounts StreamTranslator::counts() const { return impl_->counter.counts(); }

std::int64_t StreamTranslator::delivered() const { return impl_->delivered; }

bool StreamTranslator::text_started() const { return impl_->text_started; }

FinishReason StreamTranslator::finish_reason() const { return impl_->last_finish; }

}  // namespace sovmesh::llmapi
