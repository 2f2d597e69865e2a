#include <algorithm>
#include <map>

#include "base/append.h"
#include "base/bytes.h"
#include "llmapi/ending.h"
#include "llmapi/reply.h"
#include "llmapi/reply_body.h"
#include "llmapi/reply_counts.h"
#include "llmapi/reply_parser.h"
#include "llmapi/reply_text.h"

namespace sovmesh::llmapi {
namespace {

constexpr std::size_t kAnswerMax = 32U << 20U;  // bytes of one assembled answer
constexpr std::size_t kOthersMax = 32;          // members of a message that we do not know

using Outcome = StreamTranslator::Outcome;

struct Tool {
  bool seen = false;
  std::string id;  // all are insides of canonical JSON strings
  std::string name;
  std::string arguments;
};

// Members that grow: arrays by their elements, strings by their text, anything else is replaced.
using Members = std::map<std::string, std::string, std::less<>>;

void grow(Members& members, const ReplyMember& member) {
  if (members.size() >= kOthersMax && !members.contains(member.name)) return;
  std::string& value = members[std::string(member.name)];
  const std::string_view more = member.value;
  const bool joins = value.size() >= 2 && value.front() == more.front() &&
                     (more.front() == '[' || more.front() == '"');
  if (!joins) {
    value = more;
    return;
  }
  const bool comma = more.front() == '[' && value.size() > 2 && more.size() > 2;
  value.pop_back();
  if (comma) value += ',';
  value += more.substr(1);
}

struct Choice {
  bool seen = false;
  FinishReason finish = FinishReason::none;
  bool is_cut = false;  // by us: the finish is ours
  SpokenParts spoken;
  bool function_call_finish = false;
  bool has_content = false;
  bool has_refusal = false;
  std::string content;  // insides of canonical JSON strings
  std::string reasoning;
  std::string refusal;
  std::vector<Tool> tools;
  Members others;
  Members logprobs;
};

}  // namespace

struct StreamAssembler::Impl {
  Impl(const ReplyForm& form, Dialect dialect, ReplyIdentity who, TextSink* sink)
      : operation(form.operation),
        ending(form.operation == Operation::chat ? form.ending : std::string_view()),
        identity(who),
        counter(dialect, {.prompts = form.inputs, .choices = form.choices}),
        feed(sink) {}

  Result<Outcome> on_event(std::string_view data, bool padded);
  void take(const ReplyParser& parser, const ReplyChoice& choice);
  void take_text(Choice& into, const ReplyText& text);
  void append_choice(std::string& out, std::size_t index) const;
  void append_message(std::string& out, const Choice& choice) const;
  static void append_tools(std::string& out, const Choice& choice);
  Result<PlainReply> finish() const;
  PlainReply cut(std::string_view why);
  PlainReply reply(std::string_view why) const;

  Operation operation;
  std::string_view ending;  // empty: none
  ReplyIdentity identity;
  UsageCounter counter;
  EventShape shape;
  TextFeed feed;
  std::vector<Choice> choices;
  std::size_t bytes = 0;  // taken so far
  bool done = false;
};

Result<Outcome> StreamAssembler::Impl::on_event(std::string_view data, bool padded) {
  if (done) return invalid_reply("it goes on after its end");
  if (trim(data) == "[DONE]") {
    done = true;
    return Outcome::done;
  }
  ReplyParser& parser = ReplyParser::of_this_thread();
  if (!parser.parse_event(data, padded, shape)) return invalid_reply(parser.reason());
  if (parser.is_error()) return fail(error_in_reply(data));
  bytes += parser.choices().empty() ? 0 : data.size();
  if (!counter.expects(parser)) return invalid_reply("it has choices that nobody asked for");
  counter.on_event(parser);
  if (bytes > kAnswerMax) return fail(answer_too_large(operation));
  for (const ReplyChoice& choice : parser.choices()) {
    take(parser, choice);
    feed.feed_in_order(parser, choice);
  }
  return Outcome::skip;
}

void StreamAssembler::Impl::take(const ReplyParser& parser, const ReplyChoice& choice) {
  if (choices.size() <= choice.index) choices.resize(choice.index + 1);
  Choice& into = choices[choice.index];
  into.seen = true;
  if (!ending.empty()) into.spoken.note(parser, choice);
  into.has_content = into.has_content || choice.has_content;
  into.has_refusal = into.has_refusal || choice.has_refusal;
  for (std::size_t i = choice.texts.begin; i < choice.texts.end; ++i)
    take_text(into, parser.text(i));
  for (std::size_t i = choice.tools.begin; i < choice.tools.end; ++i) {
    const ReplyTool& part = parser.tool(i);
    if (into.tools.size() <= part.index) into.tools.resize(part.index + 1);
    Tool& tool = into.tools[part.index];
    tool.seen = true;
    if (tool.id.empty()) tool.id = part.id;
    tool.name += part.name;
    tool.arguments += part.arguments;
  }
  for (std::size_t i = choice.others.begin; i < choice.others.end; ++i)
    grow(into.others, parser.member(i));
  for (std::size_t i = choice.logprob_members.begin; i < choice.logprob_members.end; ++i)
    grow(into.logprobs, parser.member(i));
  if (choice.finish == FinishReason::none) return;
  into.finish = choice.finish;
  into.function_call_finish = choice.function_call_finish;
}

void StreamAssembler::Impl::take_text(Choice& into, const ReplyText& text) {
  if (text.kind == TextKind::content) into.content += text.json;
  if (text.kind == TextKind::reasoning) into.reasoning += text.json;
  if (text.kind == TextKind::refusal) into.refusal += text.json;
}

namespace {

void append_quoted(std::string& out, std::string_view name, std::string_view json) {
  out.append(",\"").append(name).append("\":\"").append(json).append("\"");
}

void append_members(std::string& out, const Members& members, bool first) {
  for (const auto& [name, value] : members) {
    if (!first) out += ',';
    first = false;
    out.append(name).append(":").append(value);
  }
}

}  // namespace

void StreamAssembler::Impl::append_tools(std::string& out, const Choice& choice) {
  bool first = true;
  for (const Tool& tool : choice.tools) {
    if (!tool.seen) continue;
    out += first ? ",\"tool_calls\":[" : ",";
    first = false;
    out.append("{\"id\":\"").append(tool.id);
    out.append("\",\"type\":\"function\",\"function\":{\"name\":\"").append(tool.name);
    out.append("\",\"arguments\":\"").append(tool.arguments).append("\"}}");
  }
  if (!first) out += ']';
}

void StreamAssembler::Impl::append_message(std::string& out, const Choice& choice) const {
  out += ",\"message\":{\"role\":\"assistant\"";
  // A turn of tool calls only has no content, any other has at least an empty one.
  const bool speaks = !choice.content.empty() || choice.tools.empty();
  if (speaks) append_quoted(out, "content", choice.content);
  if (!ending.empty() && !choice.is_cut && choice.spoken.get_ending(choice.finish))
    out.insert(out.size() - 1, ending);
  if (!speaks) out += ",\"content\":null";
  if (choice.has_refusal) append_quoted(out, "refusal", choice.refusal);
  if (!choice.has_refusal) out += ",\"refusal\":null";
  if (!choice.reasoning.empty()) append_quoted(out, "reasoning_content", choice.reasoning);
  append_tools(out, choice);
  append_members(out, choice.others, false);
  out += '}';
}

void StreamAssembler::Impl::append_choice(std::string& out, std::size_t index) const {
  const Choice& choice = choices[index];
  out += "{\"index\":";
  append_number(out, static_cast<std::int64_t>(index));
  if (operation == Operation::chat) append_message(out, choice);
  if (operation != Operation::chat) append_quoted(out, "text", choice.content);
  out += ",\"logprobs\":";
  if (choice.logprobs.empty()) {
    out += "null";
  } else {
    out += '{';
    append_members(out, choice.logprobs, true);
    out += '}';
  }
  out += ",\"finish_reason\":";
  out += finish_text(choice.finish, choice.function_call_finish);
  out += '}';
}

Result<PlainReply> StreamAssembler::Impl::finish() const {
  if (!done) return upstream_error(Code::upstream_error, "the engine ended its stream early");
  if (choices.empty()) return invalid_reply("it has no choices");
  for (const Choice& choice : choices) {
    if (!choice.seen) return invalid_reply("a choice is missing");
    if (choice.finish == FinishReason::none) return invalid_reply("a choice has no finish_reason");
  }
  return reply({});
}

PlainReply StreamAssembler::Impl::cut(std::string_view why) {
  if (choices.empty()) choices.resize(1);
  for (Choice& choice : choices) {
    if (choice.finish == FinishReason::none) {
      choice.finish = FinishReason::length;
      choice.is_cut = true;
    }
  }
  done = true;
  return reply(why);
}

// `why`: what "sm_limit" says; empty: nothing.
PlainReply StreamAssembler::Impl::reply(std::string_view why) const {
  PlainReply plain;
  plain.counts = counter.counts();
  append_reply_head(plain.body, identity,
                    operation == Operation::chat ? "chat.completion" : "text_completion");
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) plain.body += ',';
    append_choice(plain.body, i);
    plain.finish = choices[i].finish;
  }
  plain.body += "],\"usage\":";
  append_usage(plain.body, operation, plain.counts, identity.hide_cached);
  if (!why.empty()) append_all(plain.body, ",\"sm_limit\":", why);
  plain.body += '}';
  return plain;
}

StreamAssembler::StreamAssembler(const ReplyForm& form, Dialect dialect, ReplyIdentity identity,
                                 TextSink* sink)
    : impl_(std::make_unique<Impl>(form, dialect, identity, sink)) {}

StreamAssembler::~StreamAssembler() = default;

Result<Outcome> StreamAssembler::on_event(std::string_view data, bool padded) {
  return impl_->on_event(data, padded);
}

TokenCounts StreamAssembler::counts() const { return impl_->counter.counts(); }

Result<PlainReply> StreamAssembler::finish() { return impl_->finish(); }

PlainReply StreamAssembler::cut(std::string_view why) { return impl_->cut(why); }

}  // namespace sovmesh::llmapi
