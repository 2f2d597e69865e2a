#include <utility>

#include "gateway/exchange_reply.h"
#include "gateway/usage.h"

namespace sovmesh::gateway {
namespace {

// Who asks right after an answer finds it.
constexpr std::chrono::milliseconds kFlushMax{1'000};

store::AdminEntry entry_of(const identity::Caller& caller, const RequestRecord& record) {
  store::AdminEntry entry;
  entry.action = record.endpoint == Endpoint::usage_export ? "usage.export" : "report.read";
  entry.tenant = caller.tenant().id;
  entry.actor_type = store::AdminEntry::Actor::key;
  entry.object = "keys/" + std::string(caller.key().id.text());
  entry.request = shown_id(record.id);
  return entry;
}

}  // namespace

// Held while a report is being made; any thread lets it go.
class UsageReports::Turn {
 public:
  Turn(Guarded<std::set<TenantId>>& running, TenantId tenant)
      : running_(running), tenant_(tenant) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    running_.with([this](std::set<TenantId>& running) { running.erase(tenant_); });
  }

 private:
  Guarded<std::set<TenantId>>& running_;
  TenantId tenant_;
};

Result<std::shared_ptr<UsageReports::Turn>> UsageReports::take_turn(TenantId tenant) {
  enum class Verdict : std::uint8_t { taken, busy, full };
  const Verdict verdict = running_.with([&](std::set<TenantId>& running) {
    if (running.contains(tenant)) return Verdict::busy;
    if (running.size() >= kRunningMax) return Verdict::full;
    running.insert(tenant);
    return Verdict::taken;
  });
  if (verdict == Verdict::taken) return std::make_shared<Turn>(running_, tenant);
  if (verdict == Verdict::busy)
    return fail(Error(Code::concurrency_limit_exceeded, Blame::client,
                      "One usage report at a time: another one is being made.")
                    .with_retry_after(std::chrono::seconds(1)));
  return fail(Error(Code::overloaded, Blame::us, "Too many usage reports are being made.")
                  .with_retry_after(std::chrono::seconds(1)));
}

rt::Task<Result<void>> UsageReports::serve(http::Exchange& exchange, RequestRecord& record) {
  const identity::Caller& caller = *record.caller;
  CO_TRY_VOID(caller.require(tenancy::Scope::usage_read));
  UsageScope scope{.tenant = caller.tenant().id, .project = caller.project().id, .zone = {}};
  if (const auto zone = TimeZone::find(caller.tenant().time_zone); zone) scope.zone = *zone;
  CO_TRY(auto turn, take_turn(scope.tenant));
  const bool rows = record.endpoint == Endpoint::usage_export;
  auto work = [&ledger = ledger_, scope, rows, query = std::string(exchange.head().query),
               now = record.began_wall, turn = std::move(turn), audit = audit_,
               entry = entry_of(caller, record)]() mutable -> Result<UsageReply> {
    const auto held = std::move(turn);
    (void)ledger.flush(kFlushMax);
    auto reply = rows ? own_requests(ledger, scope, query) : own_usage(ledger, scope, query, now);
    if (reply && audit != nullptr) TRY_VOID(audit->append(std::move(entry)));
    return reply;
  };
  CO_TRY(UsageReply reply, co_await rt::run_blocking(pool_, exchange.loop(), std::move(work)));
  http::ResponseHead head;
  record.status = head.status;
  head.add("content-type", std::move(reply.content_type));
  head.add("cache-control", "private, no-store");
  if (!reply.next.empty()) head.add("x-sm-next", std::move(reply.next));
  add_common_fields(head, record, exchange.loop().clock().now());
  (void)co_await exchange.respond(head, reply.body);
  co_return Result<void>();
}

}  // namespace sovmesh::gateway
