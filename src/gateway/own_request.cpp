#include "gateway/own_request.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "gateway/exchange_reply.h"

namespace sovmesh::gateway {
namespace {

// As x-sm-request-id shows it.
std::optional<RequestId> parse_shown(std::string_view text) {
  constexpr std::string_view kPrefix = "req_";
  std::array<unsigned char, 16> bytes{};
  if (!text.starts_with(kPrefix) || text.size() != kPrefix.size() + 2 * bytes.size())
    return std::nullopt;
  text.remove_prefix(kPrefix.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t digit = std::string_view("0123456789abcdef").find(text[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    bytes.at(i / 2) = static_cast<unsigned char>(bytes.at(i / 2) * 16U + digit);
  }
  return RequestId{Ulid::from_bytes(bytes)};
}

std::string to_json(std::string_view id, const Decision& decision) {
  std::chrono::nanoseconds waited{0};
  for (const Decision::Attempt& attempt : decision.attempts)
    waited += attempt.waited;
  const Decision::Attempt& last = decision.attempts.back();
  std::string out = R"({"object":"request","id":)";
  append_json_string(out, id);
  out += R"(,"model":)";
  append_json_string(out, last.version);
  out += fmt::format(R"(,"class":"{}","queue_ms":{:.1f},"rule":)", name(decision.priority),
                     std::chrono::duration<double, std::milli>(waited).count());
  out += last.seat ? fmt::format(R"("{}")", name(last.seat->rule)) : "null";
  out += R"(,"refused":)";
  out += last.seat ? "null" : fmt::format(R"("{}")", last.outcome);
  return out + "}";
}

}  // namespace

rt::Task<Result<void>> serve_own_request(http::Exchange& exchange, std::string_view id,
                                         const Decisions& decisions, RequestRecord& record) {
  const identity::Caller& caller = *record.caller;
  CO_TRY_VOID(caller.require(tenancy::Scope::usage_read));
  std::optional<Decision> decision;
  if (const auto request = parse_shown(id)) decision = decisions.find(*request);
  if (!decision || decision->tenant != caller.tenant().id ||
      decision->project != caller.project().id) {
    co_return client_error(
        Code::not_found,
        "There is no such request among your latest ones that wanted to run on an engine.");
  }
  (void)co_await reply_json(exchange, record, http::ResponseHead{}, to_json(id, *decision));
  co_return Result<void>();
}

}  // namespace sovmesh::gateway
