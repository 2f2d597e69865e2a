#include "gateway/idempotency.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/append.h"

namespace sovmesh::gateway {
namespace {

constexpr std::string_view kHeader = "idempotency-key";
constexpr std::size_t kKeyBytesMax = 255;

bool is_key(std::string_view text) {
  return !text.empty() && text.size() <= kKeyBytesMax &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

Error in_progress() {
  return Error(Code::idempotency_in_progress, Blame::client,
               "A request with this Idempotency-Key is still being answered.")
      .with_retry_after(std::chrono::seconds(1));
}

Error reused() {
  return {Code::idempotency_key_reused, Blame::client,
          "This Idempotency-Key was used for another request before. Please use a new one."};
}

// All that it asks for but the form of its answer: what we say to the engine ourselves is not in
// the body (llmapi::Request).
std::string asked(std::string_view path, const llmapi::Request& request) {
  std::string text(path);
  append_all(text, "\n", request.model, "\n");
  if (request.output_max) append_number(text, *request.output_max);
  append_all(text, request.base64_embeddings ? std::string_view("\nbase64\n") : "\n\n",
             request.body);
  return text;
}

}  // namespace

Result<std::optional<metering::Idempotency>> read_idempotency(const http::RequestHead& head,
                                                              const llmapi::Request& request,
                                                              const identity::Caller& caller) {
  const auto text = head.fields.find(kHeader);
  if (!text) return std::nullopt;
  if (!is_key(*text)) {
    return client_error(Code::invalid_value,
                        "The Idempotency-Key must be 1 to 255 printable ASCII characters.",
                        "Idempotency-Key");
  }
  const HmacKey* const secret = caller.tenant_entry().digest_key.get();
  const auto digest = [&](std::string_view bytes) {
    return secret != nullptr ? secret->of(bytes) : sha256(bytes);
  };
  return metering::Idempotency{.key = digest(*text), .body = digest(asked(head.path, request))};
}

Error is_over(const store::ClaimResult& earlier) {
  const metering::Counts& counts = earlier.settlement.counts;
  std::string more =
      fmt::format(R"("rid":"{}","finish":"{}","usage":{{"prompt_tokens":{},"completion_tokens":{},)"
                  R"("total_tokens":{}}})",
                  shown_id(earlier.request), metering::name(earlier.settlement.finish),
                  counts.prompt, counts.generated, counts.prompt + counts.generated);
  return Error(Code::idempotency_replay_unavailable, Blame::client,
               "The request with this Idempotency-Key is over and is not made again. Its answer "
               "is not kept.")
      .with_details({.scope = {}, .limit = {}, .reset_at = {}, .more = std::move(more)});
}

Result<IdempotencyClaim> IdempotencyClaim::take(store::Ledger& ledger,
                                                const std::optional<metering::Idempotency>& key,
                                                const RequestRecord& record) {
  IdempotencyClaim claim;
  if (!key) return claim;
  const TenantId tenant = record.caller->tenant().id;
  TRY(const store::ClaimResult result, ledger.claim(tenant, *key, record.id));
  switch (result.state) {
    case store::ClaimResult::State::in_progress:
      return fail(in_progress());
    case store::ClaimResult::State::reused:
      return fail(reused());
    case store::ClaimResult::State::finished:
      claim.earlier_ = result;
      return claim;
    case store::ClaimResult::State::claimed:
      break;
  }
  claim.ledger_ = &ledger;
  claim.key_ = *key;
  claim.tenant_ = tenant;
  claim.request_ = record.id;
  return claim;
}

}  // namespace sovmesh::gateway
