#include "gateway/client_stream.h"

#include "gateway/exchange_reply.h"
#include "http/error_reply.h"

namespace sovmesh::gateway {
namespace {

http::ResponseHead stream_head(const RequestRecord& record, Instant now) {
  http::ResponseHead head;
  head.add("content-type", "text/event-stream; charset=utf-8");
  head.add("cache-control", "no-cache");
  head.add("x-accel-buffering", "no");
  add_model_fields(head, record, record.shown_model());
  add_common_fields(head, record, now);
  return head;
}

}  // namespace

void ClientStream::commit() {
  if (committed_) return;
  committed_ = true;
  record_.status = 200;
  exchange_.start_stream(stream_head(record_, exchange_.loop().clock().now()));
}

Result<void> ClientStream::flush(std::string& out) {
  if (out.empty()) return {};
  commit();
  const Result<void> written = exchange_.write(out);
  out.clear();
  return written;
}

Result<void> ClientStream::comment() {
  commit();
  return exchange_.write(": keep-alive\n\n");
}

rt::Task<void> ClientStream::fail(Error error) {
  note_error(record_, error);
  if (error.code() == Code::client_closed) {
    exchange_.abort();
    co_return;
  }
  const std::string event = http::error_event(error, &record_.id);
  if (exchange_.buffered() + event.size() < http::Exchange::kBufferMax && exchange_.write(event)) {
    (void)co_await exchange_.finish();
  } else {
    exchange_.abort();
  }
}

}  // namespace sovmesh::gateway
