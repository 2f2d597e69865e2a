#include "llmapi/reply_body.h"

#include "base/append.h"
#include "base/bytes.h"
#include "llmapi/reply_counts.h"

namespace sovmesh::llmapi {

void append_reply_head(std::string& out, const ReplyIdentity& identity, std::string_view object) {
  out += "{\"id\":";
  append_json_string(out, identity.id);
  append_all(out, ",\"object\":\"", object, "\",\"created\":");
  append_number(out, identity.created);
  out += ",\"model\":";
  append_json_string(out, identity.public_model);
  out += ",\"choices\":[";
}

std::string_view finish_text(FinishReason reason, bool function_call) {
  switch (reason) {
    case FinishReason::stop:
      return "\"stop\"";
    case FinishReason::length:
      return "\"length\"";
    case FinishReason::tool_calls:
      return function_call ? "\"function_call\"" : "\"tool_calls\"";
    case FinishReason::content_filter:
      return "\"content_filter\"";
    case FinishReason::none:
      break;
  }
  return "null";
}

std::unexpected<Error> invalid_reply(std::string_view reason) {
  return upstream_error(
      Code::upstream_invalid_response,
      "The model's engine sent an answer that makes no sense: " + std::string(reason) + ".");
}

Error answer_too_large(Operation operation) {
  const std::string_view advice =
      operation == Operation::embeddings ? "send fewer inputs at once" : "ask for a stream";
  return Error(Code::request_too_large, Blame::client,
               "The answer is too large to be sent whole; " + std::string(advice) + ".")
      .with_param(operation == Operation::embeddings ? "input" : "stream")
      .with_should_retry(false);
}

}  // namespace sovmesh::llmapi
