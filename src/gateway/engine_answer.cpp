#include "gateway/engine_answer.h"

#include <algorithm>
#include <utility>

namespace sovmesh::gateway {

bool is_event_stream(const http::ClientResponseHead& head) {
  return head.fields.find("content-type").value_or("").starts_with("text/event-stream");
}

namespace {
// An engine that lies about its length must not make us reserve for it.
constexpr std::size_t kReserveMax = std::size_t{64} * 1024;
}  // namespace

SM_OWN_FRAME rt::Task<Result<std::string>> read_rest(RelayJob& job, RelayWatch& watch, Rest what,
                                                     std::uint64_t bytes_expected) {
  const std::size_t bytes_max = what == Rest::answer ? job.settings.plain_reply_max : kErrorBodyMax;
  std::string body;
  body.reserve(std::min<std::size_t>(bytes_expected, kReserveMax) + http::Body::kPadding);
  for (;;) {
    CO_TRY(const http::BodyPiece piece, job.call->try_read());
    if (piece.kind == http::BodyPiece::Kind::end) break;
    if (piece.kind == http::BodyPiece::Kind::data) {
      if (body.size() + piece.bytes.size() > bytes_max) {
        if (what == Rest::answer) co_return fail(llmapi::answer_too_large(job.form.operation));
        co_return upstream_error(Code::upstream_invalid_response,
                                 "the engine's answer is too large");
      }
      body += piece.bytes;
      continue;
    }
    const rt::Wake wake = co_await job.call->readable().wait(watch.until());
    CO_TRY_VOID(watch.after(wake));
  }
  body.append(http::Body::kPadding, '\0');
  co_return body;
}

std::string_view unpadded(const std::string& body) {
  return std::string_view(body).substr(0, body.size() - http::Body::kPadding);
}

SM_OWN_FRAME rt::Task<Error> explain_plain_answer(RelayJob& job, RelayWatch& watch) {
  Result<std::string> body = co_await read_rest(job, watch, Rest::error);
  if (!body) co_return std::move(body).error();
  auto plain = llmapi::translate_plain(job.form, dialect_of(job), unpadded(*body), {}, nullptr);
  if (!plain) co_return std::move(plain).error();
  co_return Error(Code::upstream_invalid_response, Blame::upstream, "the engine did not stream");
}

}  // namespace sovmesh::gateway
