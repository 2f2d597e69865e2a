#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <numeric>
#include <span>

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

// Where in the members of its message the content's text ends.
std::size_t end_of_content(const ReplyParser& reply, const ReplyChoice& choice) {
  for (std::size_t i = choice.texts.begin; i < choice.texts.end; ++i) {
    const ReplyText& text = reply.text(i);
    if (text.kind == TextKind::content)
      return static_cast<std::size_t>(text.json.data() + text.json.size() - choice.members.data());
  }
  return 0;
}

void append_members(std::string& out, const ReplyParser& reply, const ReplyChoice& choice,
                    std::string_view ending) {
  SpokenParts spoken;
  if (!ending.empty()) spoken.note(reply, choice);
  if (ending.empty() || !spoken.get_ending(choice.finish)) {
    out += choice.members;
    return;
  }
  const std::size_t at = end_of_content(reply, choice);
  append_all(out, choice.members.substr(0, at), ending, choice.members.substr(at));
}

void append_message(std::string& out, const ReplyParser& reply, const ReplyChoice& choice,
                    std::string_view ending) {
  out += ",\"message\":{\"role\":\"assistant\",";
  if (!choice.has_content) out += "\"content\":null,";
  if (!choice.members.empty()) {
    append_members(out, reply, choice, ending);
    out += ',';
  }
  // A refusal that the engine gave stands among the members.
  if (choice.has_refusal) {
    out.back() = '}';
  } else {
    out += "\"refusal\":null}";
  }
}

void append_choice(std::string& out, const ReplyForm& form, const ReplyParser& reply,
                   const ReplyChoice& choice) {
  out += "{\"index\":";
  append_number(out, static_cast<std::int64_t>(choice.index));
  if (form.operation == Operation::chat) {
    append_message(out, reply, choice, form.ending);
  } else {
    out += ",\"text\":";
    out += choice.text.empty() ? std::string_view("\"\"") : choice.text;
  }
  out += ",\"logprobs\":";
  out += choice.logprobs.empty() ? std::string_view("null") : choice.logprobs;
  out += ",\"finish_reason\":";
  out += finish_text(choice.finish, choice.function_call_finish);
  out += '}';
}

TokenCounts counts_of(const ReplyParser& reply) {
  TokenCounts counts;
  const ReplyUsage& usage = reply.usage();
  if (usage.present) {
    counts.prompt = usage.prompt;
    counts.cached = std::min(usage.cached, usage.prompt);
    counts.generated = usage.generated;
    counts.reasoning = std::min(usage.reasoning, usage.generated);
    counts.source = CountSource::engine_final;
    return counts;
  }
  counts.generated = std::ranges::count_if(
      reply.choices(), [](const ReplyChoice& choice) { return choice.bears_text; });
  return counts;
}

// Positions in order of index, when the indexes are 0..n-1.
template <class Row>
Result<std::vector<std::size_t>> in_order(const std::vector<Row>& rows) {
  constexpr std::size_t none = ~std::size_t{0};
  std::vector<std::size_t> order(rows.size(), none);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t index = rows[i].index;
    if (index >= rows.size() || order[index] != none) return invalid_reply("an index is wrong");
    order[index] = i;
  }
  return order;
}

// What our answer may have beyond the engine's: names, ids, members that it leaves out.
constexpr std::size_t kRoomForOurs = 256;

Result<PlainReply> text_reply(const ReplyForm& form, ReplyParser& reply, std::size_t engine_bytes,
                              const ReplyIdentity& identity, TextSink* sink) {
  if (reply.choices().empty()) return invalid_reply("it has no choices");
  TRY(const std::vector<std::size_t> order, in_order(reply.choices()));
  const bool chat = form.operation == Operation::chat;
  PlainReply plain;
  plain.counts = counts_of(reply);
  plain.body.reserve(engine_bytes + kRoomForOurs);
  append_reply_head(plain.body, identity, chat ? "chat.completion" : "text_completion");
  TextFeed feed(sink);
  for (const std::size_t i : order) {
    const ReplyChoice& choice = reply.choices()[i];
    if (choice.finish == FinishReason::none) return invalid_reply("a choice has no finish_reason");
    if (choice.index > 0) plain.body += ',';
    append_choice(plain.body, form, reply, choice);
    feed.feed_by_kind(reply, choice);
    plain.finish = choice.finish;
  }
  plain.body += "],\"usage\":";
  append_usage(plain.body, form.operation, plain.counts, identity.hide_cached);
  plain.body += '}';
  return plain;
}

// The numbers as 32-bit floats, little-endian, in base64: what the SDKs ask for.
Result<std::string> packed(std::string_view values) {
  std::vector<unsigned char> bytes;
  bytes.reserve(values.size() / 2);
  const char* at = values.data() + 1;
  const char* const end = values.data() + values.size() - 1;
  while (at < end) {
    float value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error == std::errc::result_out_of_range) {
      const double wide = to_double({at, static_cast<std::size_t>(next - at)});
      if (wide > 1 || wide < -1) return invalid_reply("an embedding is out of range");
      value = 0;
    }
    const auto word = std::bit_cast<std::uint32_t>(value);
    for (unsigned shift = 0; shift < 32; shift += 8)
      bytes.push_back(static_cast<unsigned char>(word >> shift & 0xFFU));
    at = next + 1;  // past the comma
  }
  return to_base64(bytes);
}

Result<PlainReply> embeddings_reply(const ReplyForm& form, const ReplyParser& reply,
                                    const ReplyIdentity& identity) {
  if (reply.embeddings().size() != form.inputs) {
    return invalid_reply("it has another number of embeddings than inputs");
  }
  TRY(const std::vector<std::size_t> order, in_order(reply.embeddings()));
  PlainReply plain;
  plain.counts = counts_of(reply);
  plain.counts.generated = 0;
  plain.finish = FinishReason::stop;
  plain.body = "{\"object\":\"list\",\"data\":[";
  for (const std::size_t i : order) {
    const ReplyEmbedding& row = reply.embeddings()[i];
    if (row.index > 0) plain.body += ',';
    plain.body += "{\"object\":\"embedding\",\"index\":";
    append_number(plain.body, static_cast<std::int64_t>(row.index));
    plain.body += ",\"embedding\":";
    if (form.base64_embeddings) {
      TRY(const std::string text, packed(row.values));
      plain.body.append("\"").append(text).append("\"");
    } else {
      plain.body += row.values;
    }
    plain.body += '}';
  }
  plain.body += "],\"model\":";
  append_json_string(plain.body, identity.public_model);
  plain.body += ",\"usage\":";
  append_usage(plain.body, Operation::embeddings, plain.counts, identity.hide_cached);
  plain.body += '}';
  return plain;
}

}  // namespace

Result<PlainReply> translate_plain(const ReplyForm& form, Dialect /*dialect*/,
                                   std::string_view padded_body, const ReplyIdentity& identity,
                                   TextSink* sink) {
  const bool embeddings = form.operation == Operation::embeddings;
  ReplyParser& reply = ReplyParser::of_this_thread();
  if (!reply.parse(padded_body, true,
                   embeddings ? ReplyParser::Form::embeddings : ReplyParser::Form::answer)) {
    return invalid_reply(reply.reason());
  }
  if (reply.is_error()) return fail(error_in_reply(padded_body));
  return embeddings ? embeddings_reply(form, reply, identity)
                    : text_reply(form, reply, padded_body.size(), identity, sink);
}

}  // namespace sovmesh::llmapi
