#include "gateway/models.h"

#include <fmt/format.h>

#include <optional>

#include "base/bytes.h"
#include "gateway/exchange_reply.h"

namespace sovmesh::gateway {
namespace {

void append_model(std::string& out, const catalog::Model& model) {
  const auto created =
      std::chrono::duration_cast<std::chrono::seconds>(model.created_at.time_since_epoch());
  out += R"({"id":)";
  append_json_string(out, model.name.text());
  out += fmt::format(R"(,"object":"model","created":{},"owned_by":)", created.count());
  append_json_string(out, model.owned_by);
  // Not of the OpenAI API; the name is the one that vLLM and SGLang give it.
  if (model.context_tokens > 0) out += fmt::format(R"(,"max_model_len":{})", model.context_tokens);
  out += '}';
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Nothing when the escapes are malformed: then no such model exists.
std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

}  // namespace

rt::Task<Result<void>> serve_models(http::Exchange& exchange, RequestRecord& record) {
  const identity::Caller& caller = *record.caller;
  CO_TRY_VOID(caller.require(tenancy::Scope::models_read));
  const auto& allowed = caller.key().models;
  std::string body = R"({"object":"list","data":[)";
  bool first = true;
  for (const catalog::Model* model :
       caller.directory().models().visible(caller.tenant().id, allowed ? &*allowed : nullptr)) {
    if (!first) body += ',';
    first = false;
    append_model(body, *model);
  }
  body += "]}";
  (void)co_await reply_json(exchange, record, http::ResponseHead{}, std::move(body));
  co_return Result<void>();
}

rt::Task<Result<void>> serve_model(http::Exchange& exchange, std::string_view encoded_id,
                                   RequestRecord& record) {
  CO_TRY_VOID(record.caller->require(tenancy::Scope::models_read));
  const std::string id = percent_decode(encoded_id).value_or(std::string(encoded_id));
  CO_TRY(const catalog::Model* model, record.caller->model(id));
  record.model = model;
  std::string body;
  append_model(body, *model);
  (void)co_await reply_json(exchange, record, http::ResponseHead{}, std::move(body));
  co_return Result<void>();
}

}  // namespace sovmesh::gateway
