#include <array>
#include <utility>

#include "base/bytes.h"
#include "base/time_text.h"
#include "control/admin_access.h"
#include "control/admin_api.h"
#include "control/admin_objects.h"
#include "control/json_text.h"
#include "control/report_text.h"
#include "control/usage_report.h"

// The list of requests in the admin API.
namespace sovmesh::control {
namespace {

using store::RequestCursor;
using store::RequestQuery;
using store::RequestStatus;

constexpr std::chrono::milliseconds kFlushMax{1'000};
constexpr std::array kStatuses{RequestStatus::open, RequestStatus::completed,
                               RequestStatus::cancelled, RequestStatus::failed};

Result<RequestStatus> parse_status(std::string_view text) {
  for (const RequestStatus status : kStatuses)
    if (store::name(status) == text) return status;
  return client_error(Code::invalid_value, "want open, completed, cancelled or failed", "status");
}

// "o17" among those that are open, "s20783.17" among those of a day that have ended.
std::string cursor_text(const RequestCursor& cursor) {
  if (cursor.is_open) return "o" + std::to_string(cursor.at);
  return "s" + std::to_string(cursor.day) + "." + std::to_string(cursor.at);
}

Result<RequestCursor> parse_cursor(std::string_view text) {
  constexpr std::uint64_t kDayMax = 3'000'000;
  const auto wrong = client_error(Code::invalid_value, "want the 'next' of a page", "after");
  RequestCursor cursor{.is_open = text.starts_with('o')};
  if (!cursor.is_open && !text.starts_with('s')) return wrong;
  text.remove_prefix(1);
  if (!cursor.is_open) {
    const auto point = text.find('.');
    const auto day = parse_u64(text.substr(0, point));
    if (point == text.npos || !day || *day > kDayMax) return wrong;
    cursor.day = static_cast<std::int64_t>(*day);
    text.remove_prefix(point + 1);
  }
  const auto at = parse_u64(text);
  if (!at || *at > static_cast<std::uint64_t>(INT64_MAX)) return wrong;
  cursor.at = static_cast<std::int64_t>(*at);
  return cursor;
}

Result<std::optional<WallTime>> parse_instant(const std::optional<std::string>& text,
                                              const char* param) {
  if (!text) return std::optional<WallTime>();
  if (const auto time = parse_rfc3339(*text); time) return std::optional(*time);
  return client_error(Code::invalid_value, "want a time: 2027-01-31T12:00:00Z", param);
}

// Of a project that is gone, or nobody's that the caller sees, an id finds what there is: nothing.
Result<ProjectId> project_of(const store::ControlData& data, const std::optional<TenantId>& tenant,
                             const std::string& name) {
  if (const auto id = Ulid::parse(name); id) return ProjectId{*id};
  if (!tenant)
    return client_error(Code::invalid_value, "say its tenant, or the project's id", "project");
  TRY(const tenancy::Project project, find_project_of(data, *tenant, name));
  return project.id;
}

std::int64_t milliseconds(std::chrono::microseconds time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

std::string row_json(const store::UsageRow& row, const store::ControlData& data) {
  const metering::Counts& counts = row.open ? row.checkpoint : row.settlement.counts;
  JsonText json;
  json.text("id", "req_" + row.request.value.hex())
      .time("opened_at", row.opened_at)
      .text("tenant", shown_tenant(data, row.tenant))
      .text("project", shown_project(data, row.project))
      .text("key", row.key.text());
  row.user.empty() ? json.null("owner") : json.text("owner", std::string_view(row.user));
  json.text("operation", metering::name(row.operation))
      .flag("streamed", row.streamed)
      .text("model", std::string_view(row.model));
  row.model_revision.empty() ? json.null("version")
                             : json.text("version", std::string_view(row.model_revision));
  json.text("status", store::name(store::status_of(row)));
  row.open ? json.null("outcome") : json.text("outcome", metering::name(row.settlement.finish));
  json.number("prompt_tokens", counts.prompt)
      .number("cached_tokens", counts.cached)
      .number("output_tokens", counts.generated);
  const bool has_cost = !row.open && row.is_priced();
  has_cost ? json.text("cost", std::string_view(money_text(row.charge.cost_micro)))
           : json.null("cost");
  row.currency.empty() ? json.null("currency")
                       : json.text("currency", std::string_view(row.currency));
  if (row.open) return json.null("ended_at").null("total_ms").end();
  return json.time("ended_at", row.booked_at)
      .number("total_ms", milliseconds(std::chrono::duration_cast<std::chrono::microseconds>(
                              row.settlement.settled_at - row.opened_at)))
      .end();
}

}  // namespace

Result<AdminReply> AdminApi::requests(Request& request) {
  if (request.path.size() > 1) return explain_request(request);
  const auto tenant = request.take("tenant");
  const auto project = request.take("project");
  const auto key = request.take("key");
  RequestQuery query{.model = request.take("model")};
  if (const auto status = request.take("status")) {
    TRY(query.status, parse_status(*status));
  }
  TRY(query.from, parse_instant(request.take("since"), "since"));
  TRY(query.until, parse_instant(request.take("until"), "until"));
  TRY(const PageAsk ask, page_ask(request));
  query.limit = ask.limit;
  if (ask.after) {
    TRY(query.after, parse_cursor(*ask.after));
  }
  TRY(const store::ControlData data, load_seen(request));
  if (sees_all(request) && tenant) {  // also of one that is gone
    TRY(query.tenant, tenant_of_report(data, *tenant));
  } else {
    TRY(query.tenant, tenant_of(request, data, tenant));
  }
  if (project) {
    TRY(query.project, project_of(data, query.tenant, *project));
  }
  if (key) {
    TRY(query.key, KeyId::parse(*key));
  }
  // Who asks right after an answer finds it.
  (void)parts_.ledger.flush(kFlushMax);
  TRY(const store::RequestPage page, parts_.ledger.requests(query));
  std::vector<std::string> shown_rows;
  shown_rows.reserve(page.rows.size());
  for (const store::UsageRow& row : page.rows)
    shown_rows.push_back(row_json(row, data));
  JsonText json;
  json.raw("data", json_list(shown_rows))
      .flag("has_more", page.next.has_value())
      .text_or_null("next", page.next ? std::optional(cursor_text(*page.next)) : std::nullopt);
  page.searched_until ? json.time("searched_until", *page.searched_until)
                      : json.null("searched_until");
  return AdminReply{.body = json.end()};
}

}  // namespace sovmesh::control
