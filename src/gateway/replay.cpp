#include "gateway/replay.h"

#include <utility>

#include "gateway/exchange_reply.h"
#include "llmapi/reply.h"

namespace sovmesh::gateway {

rt::Task<void> Replays::keep(const identity::Caller& caller, RequestId request, std::string answer,
                             rt::Loop& loop) {
  auto work = [&store = store_, tenant = caller.tenant().id, request,
               policy = *caller.tenant_entry().replay,
               answer = std::move(answer)] { return store.keep(tenant, request, policy, answer); };
  const Result<void> kept = co_await rt::run_blocking(pool_, loop, std::move(work));
  if (kept) co_return;
  observe::LogLine line = log_.line(observe::Level::warning, "answer_not_kept");
  line.add("request_id", shown_id(request)).add("message", kept.error().message());
  log_.write(std::move(line));
}

rt::Task<Result<void>> Replays::give(http::Exchange& exchange, RequestRecord& record,
                                     llmapi::ReplyForm form, RequestId earlier) {
  auto work = [&store = store_, tenant = record.caller->tenant().id,
               earlier]() -> Result<std::string> {
    auto answer = store.find(tenant, earlier);
    if (!answer) return client_error(Code::idempotency_replay_unavailable, "it is not kept");
    return *std::move(answer);
  };
  CO_TRY(std::string body, co_await rt::run_blocking(pool_, exchange.loop(), std::move(work)));
  if (form.stream) {
    CO_TRY(body, llmapi::stream_of_answer(form, body));
  }
  http::ResponseHead head;
  head.add("content-type", form.stream ? "text/event-stream; charset=utf-8" : "application/json");
  head.add("cache-control", form.stream ? "no-cache" : "private, no-store");
  add_model_fields(head, record, record.model_name());
  head.add("x-sm-idempotent-replay", "true");
  add_common_fields(head, record, exchange.loop().clock().now());
  record.status = head.status;
  record.replayed = std::make_unique<const RequestId>(earlier);
  const Result<void> sent = co_await exchange.respond(head, body);
  if (!sent) note_error(record, sent.error());
  co_return Result<void>();
}

}  // namespace sovmesh::gateway
