#include "compose/chat_client.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "http/sse.h"

namespace sovmesh::compose {
namespace {

using nlohmann::json;

constexpr std::size_t kAnswerMax = 4U << 20;

Error unexpected(std::string_view what) {
  return {Code::upstream_invalid_response, Blame::upstream, std::string(what)};
}

std::string request_body(const Question& question) {
  json messages = json::array();
  if (!question.system.empty())
    messages.push_back({{"role", "system"}, {"content", question.system}});
  messages.push_back({{"role", "user"}, {"content", question.text}});
  json body = {{"model", question.model},
               {"messages", std::move(messages)},
               {"max_tokens", question.max_tokens},
               {"temperature", 0}};
  if (question.stream) {
    body["stream"] = true;
    body["stream_options"] = {{"include_usage", true}};
  }
  return body.dump();
}

void take_usage(const json& reply, Answer& answer) {
  if (!reply.contains("usage") || !reply["usage"].is_object()) return;
  answer.prompt_tokens = reply["usage"].value("prompt_tokens", std::int64_t{0});
  answer.completion_tokens = reply["usage"].value("completion_tokens", std::int64_t{0});
}

// One event of the raw stream. False: it was the last.
Result<bool> take_event(std::string_view data, Answer& answer,
                        const std::function<void(std::string_view)>& on_text) {
  if (data == "[DONE]") return false;
  const json event = json::parse(data, nullptr, false);
  if (!event.is_object()) return fail(unexpected("an event of the stream is no JSON object"));
  if (event.contains("error")) return fail(unexpected(event["error"].dump()));
  take_usage(event, answer);
  for (const json& choice : event.value("choices", json::array())) {
    const json delta = choice.value("delta", json::object());
    if (delta.contains("content") && delta["content"].is_string()) {
      const std::string piece = delta["content"];
      if (!piece.empty()) ++answer.chunks;
      answer.text += piece;
      if (on_text) on_text(piece);
    }
    if (choice.contains("finish_reason") && choice["finish_reason"] == "stop")
      answer.stopped = true;
  }
  return true;
}

Result<void> take_plain(const std::string& body, Answer& answer) {
  const json reply = json::parse(body, nullptr, false);
  if (!reply.is_object() || !reply.contains("choices") || reply["choices"].empty()) {
    return fail(unexpected(fmt::format("not a completion: {}", body)));
  }
  const json& choice = reply["choices"][0];
  const json message = choice.value("message", json::object());
  if (message.contains("content") && message["content"].is_string()) {
    answer.text = message["content"];
  }
  answer.stopped = choice.value("finish_reason", std::string()) == "stop";
  take_usage(reply, answer);
  return {};
}

Result<void> take_events(http::SseParser& parser, std::string_view bytes, bool& open,
                         Answer& answer, const std::function<void(std::string_view)>& on_text) {
  parser.feed(bytes);
  http::SseEvent event;
  for (;;) {
    TRY(const bool more, parser.next(event));
    if (!more) return {};
    TRY(open, take_event(event.data, answer, on_text));
  }
}

// The body piece by piece: events when it is a stream, text otherwise.
rt::Task<Result<void>> read_answer(http::ClientCall& call, bool events, std::string& body,
                                   Answer& answer,
                                   const std::function<void(std::string_view)>& on_text,
                                   rt::Until until) {
  http::SseParser parser;
  bool open = true;
  for (;;) {
    CO_TRY(const http::BodyPiece piece, call.try_read());
    if (piece.kind == http::BodyPiece::Kind::end) {
      if (events && open) co_return fail(unexpected("the stream ended without [DONE]"));
      co_return Result<void>();
    }
    if (piece.kind == http::BodyPiece::Kind::would_block) {
      const rt::Wake wake = co_await call.readable().wait(until);
      CO_TRY_VOID(rt::to_result(wake, "the answer"));
      continue;
    }
    if (!events) {
      body += piece.bytes;
      if (body.size() > kAnswerMax) co_return fail(unexpected("the answer is too large"));
      continue;
    }
    CO_TRY_VOID(take_events(parser, piece.bytes, open, answer, on_text));
  }
}

}  // namespace

rt::Task<Result<Answer>> ask(http::ClientPool& pool, const http::Origin& origin, const Secret& key,
                             Question question, std::function<void(std::string_view)> on_text,
                             rt::Until until) {
  const std::string body = request_body(question);
  const std::string authorization = fmt::format("Bearer {}", key.reveal());
  http::ClientRequest request{
      .method = "POST", .target = "/v1/chat/completions", .fields = {}, .body = body};
  request.fields = {{"content-type", "application/json"}, {"authorization", authorization}};
  const std::unique_ptr<http::ClientCall> call = pool.call(origin);
  CO_TRY_VOID(co_await call->send(request, until));
  CO_TRY(const http::ClientResponseHead head, co_await call->head(until));
  Answer answer;
  answer.request_id = head.fields.find("x-sm-request-id").value_or("");
  std::string text;
  const bool events = question.stream && head.status == 200;
  CO_TRY_VOID(co_await read_answer(*call, events, text, answer, on_text, until));
  if (head.status != 200) {
    co_return fail(unexpected(fmt::format("HTTP {}: {}", head.status, text)));
  }
  if (!events) CO_TRY_VOID(take_plain(text, answer));
  co_return answer;
}

}  // namespace sovmesh::compose
