#include "base/append.h"
#include "base/bytes.h"
#include "llmapi/reply.h"
#include "llmapi/reply_body.h"
#include "llmapi/reply_parser.h"

// A whole answer of ours, kept for a repeat, as the stream that the repeat asks for.
namespace sovmesh::llmapi {
namespace {

constexpr std::string_view kChoices = R"("choices":[)";
constexpr std::string_view kUsage = R"(],"usage":)";
constexpr std::string_view kLimit = R"(,"sm_limit":)";

// The parts of an answer as we write it. In no string of it can one of the marks stand: quotes are
// escaped there.
struct Parts {
  std::string head;          // of every chunk, up to the choices
  std::string_view usage;    // the object
  std::string_view limit;    // ,"sm_limit":... or nothing
  std::string_view rest_of;  // behind the choices of every chunk but the last one
};

std::optional<Parts> parts_of(std::string_view body, bool include_usage) {
  const std::size_t head_end = body.find(kChoices);
  const std::size_t usage = body.rfind(kUsage);
  if (head_end == body.npos || usage == body.npos || usage < head_end || !body.ends_with('}'))
    return std::nullopt;
  Parts parts{.rest_of = include_usage ? R"(],"usage":null)" : "]"};
  append_all(parts.head, "data: ", body.substr(0, head_end), kChoices);
  constexpr std::string_view kWhole = R"("object":"chat.completion")";
  if (const std::size_t object = parts.head.find(kWhole); object != parts.head.npos)
    parts.head.insert(object + kWhole.size() - 1, ".chunk");
  parts.usage = body.substr(usage + kUsage.size());
  parts.usage.remove_suffix(1);
  if (const std::size_t limit = parts.usage.find(kLimit); limit != parts.usage.npos) {
    parts.limit = parts.usage.substr(limit);
    parts.usage = parts.usage.substr(0, limit);
  }
  return parts;
}

void append_texts(std::string& out, const ReplyParser& answer, const ReplyChoice& choice,
                  TextKind kind, std::string_view name) {
  bool any = false;
  for (std::size_t i = choice.texts.begin; i < choice.texts.end; ++i) {
    if (answer.text(i).kind != kind) continue;
    if (!any) append_all(out, ",\"", name, "\":\"");
    any = true;
    out += answer.text(i).json;
  }
  if (any) out += '"';
}

// In a stream each part of a tool call says which one it belongs to.
void append_tools(std::string& out, const ReplyParser& answer, const ReplyChoice& choice) {
  append_texts(out, answer, choice, TextKind::content, "content");
  append_texts(out, answer, choice, TextKind::reasoning, "reasoning_content");
  append_texts(out, answer, choice, TextKind::refusal, "refusal");
  out += ",\"tool_calls\":[";
  for (std::size_t i = choice.tools.begin; i < choice.tools.end; ++i) {
    const ReplyTool& tool = answer.tool(i);
    out += i == choice.tools.begin ? "{\"index\":" : ",{\"index\":";
    append_number(out, i - choice.tools.begin);
    append_all(out, ",\"id\":\"", tool.id, R"(","type":"function","function":{"name":")", tool.name,
               R"(","arguments":")", tool.arguments, "\"}}");
  }
  out += ']';
  for (std::size_t i = choice.others.begin; i < choice.others.end; ++i)
    append_all(out, ",", answer.member(i).name, ":", answer.member(i).value);
}

void append_text(std::string& out, const ReplyParser& answer, const ReplyChoice& choice,
                 Operation operation) {
  if (operation != Operation::chat) {
    append_all(out, ",\"text\":", choice.text.empty() ? std::string_view("\"\"") : choice.text);
  } else {
    out += R"(,"delta":{"role":"assistant")";
    if (choice.tools.end > choice.tools.begin) {
      append_tools(out, answer, choice);
    } else if (!choice.members.empty()) {
      append_all(out, ",", choice.members);
    }
    out += '}';
  }
  append_all(out,
             ",\"logprobs\":", choice.logprobs.empty() ? std::string_view("null") : choice.logprobs,
             ",\"finish_reason\":null}");
}

void begin_choice(std::string& out, const ReplyChoice& choice, std::string_view head) {
  append_all(out, head, "{\"index\":");
  append_number(out, choice.index);
}

}  // namespace

Result<std::string> stream_of_answer(const ReplyForm& form, std::string_view body) {
  ReplyParser& answer = ReplyParser::of_this_thread();
  const auto parts = parts_of(body, form.include_usage);
  if (!parts || !answer.parse(body, false, ReplyParser::Form::answer))
    return our_error(Code::internal_error, "an answer that was kept makes no sense");
  std::string out;
  for (const ReplyChoice& choice : answer.choices()) {
    begin_choice(out, choice, parts->head);
    append_text(out, answer, choice, form.operation);
    append_all(out, parts->rest_of, "}\n\n");
  }
  for (const ReplyChoice& choice : answer.choices()) {
    begin_choice(out, choice, parts->head);
    const bool is_last = &choice == &answer.choices().back();
    append_all(out,
               form.operation == Operation::chat ? std::string_view(R"(,"delta":{})")
                                                 : std::string_view(R"(,"text":"")"),
               R"(,"logprobs":null,"finish_reason":)",
               finish_text(choice.finish, choice.function_call_finish), "}", parts->rest_of,
               is_last ? parts->limit : std::string_view(), "}\n\n");
  }
  if (form.include_usage) append_all(out, parts->head, "],\"usage\":", parts->usage, "}\n\n");
  out += "data: [DONE]\n\n";
  return out;
}

}  // namespace sovmesh::llmapi
