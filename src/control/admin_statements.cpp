#include <fmt/format.h>

#include <utility>

#include "control/admin_access.h"
#include "control/admin_api.h"
#include "control/admin_objects.h"
#include "control/explain.h"
#include "control/json_body.h"
#include "control/json_text.h"
#include "control/report_format.h"
#include "control/report_text.h"
#include "control/verify_text.h"

// What the admin API tells of money: statements, single requests, whether the ledger adds up.
namespace sovmesh::control {

Result<AdminReply> AdminApi::statements(Request& request) {
  if (request.is("POST", 3)) return adjust(request);
  TRY(const ReportFormat format, parse_report_format(request.take("format").value_or(""), true));
  TRY_VOID(request.no_more_query());
  if (!sees_all(request)) {
    TRY(const store::ControlData data, load_seen(request));
    TRY_VOID(tenant_of(request, data, request.path[1]));
  }
  TRY(Statements::Document document, statements_.with([&](Statements& statements) {
    return statements.of_month(request.path[1], request.path[2],
                               entry_of(request, "report.statement"));
  }));
  const auto& [statement, json, sha256] = document;
  AdminReply reply;
  switch (format) {
    case ReportFormat::json:
      reply = AdminReply{.body = json};
      break;
    case ReportFormat::csv:
      reply = in_format(format, statement_csv(statement));
      break;
    case ReportFormat::text:
      reply = in_format(format, statement_text(statement, sha256));
      break;
    case ReportFormat::html:
      reply = in_format(format, statement_html(statement, sha256));
      break;
  }
  if (!sha256.empty()) reply.etag = fmt::format("\"sha256:{}\"", sha256);
  return reply;
}

Result<AdminReply> AdminApi::adjust(Request& request) {
  JsonBody body(request.call.body);
  Statements::NewAdjustment wanted{.id = body.text("id").value_or(""),
                                   .amount = body.required_text("amount"),
                                   .reason = body.required_text("reason")};
  TRY_VOID(body.done());
  TRY_VOID(request.no_more_query());
  if (wanted.id.empty()) wanted.id = request.ids->next().text();
  TRY(const Adjustment made, statements_.with([&](Statements& statements) {
    return statements.adjust(request.path[1], wanted, entry_of(request, "report.adjustment"));
  }));
  return AdminReply{.status = 201,
                    .body = JsonText()
                                .text("id", std::string_view(made.id))
                                .text("tenant", std::string_view(request.path[1]))
                                .text("month", std::string_view(made.month))
                                .time("at", made.at)
                                .text("amount", std::string_view(money_text(made.amount_micro)))
                                .text("currency", std::string_view(made.currency))
                                .text("reason", std::string_view(made.reason))
                                .end()};
}

Result<AdminReply> AdminApi::explain_request(Request& request) {
  TRY(const ReportFormat format, parse_report_format(request.take("format").value_or("")));
  TRY_VOID(request.no_more_query());
  if (format == ReportFormat::csv)
    return client_error(Code::invalid_value, "want json or text", "format");
  TRY(const RequestId id, parse_request_id(request.path[1]));
  TRY(const store::ControlData data, load_seen(request));
  constexpr std::chrono::milliseconds kFlushMax{1'000};
  (void)parts_.ledger.flush(kFlushMax);  // who asks right after an answer finds it
  const bool whole = sees_all(request);
  // How engines were weighed tells of others' load.
  auto placing = whole && parts_.placing ? parts_.placing(id) : std::nullopt;
  Result<Explanation> known = explain(parts_.ledger, parts_.audit, data, id);
  if (known && !whole && !sees(request, known->row.tenant)) known = fail(no_such_request());
  if (whole && !known && known.error().code() == Code::not_found) {
    if (const auto replay = find_replay(parts_.audit, id))
      return format == ReportFormat::text ? in_format(format, replay_text(*replay))
                                          : AdminReply{.body = replay_json(*replay)};
    if (placing)
      return format == ReportFormat::text ? in_format(format, unbooked_text(id, *placing))
                                          : AdminReply{.body = unbooked_json(id, *placing)};
  }
  TRY(Explanation it, std::move(known));
  it.placing = std::move(placing);
  const DirectoryPublisher::State now = parts_.publisher.state();
  const std::string_view pool = whole ? now.directory->pool_of(it.row.engine) : "";
  it.limits = limits_of(*now.limits, it.row, pool);
  it.limits_at = parts_.clock.wall_now();
  const bool reads_entries = may(request, access::Action::read, access::Resource::audit_entries,
                                 access::Owner::of(it.row.tenant))
                                 .has_value();
  if (!whole) hide_place(it, reads_entries);
  if (format == ReportFormat::text) return in_format(format, explanation_text(it));
  return AdminReply{.body = explanation_json(it)};
}

// Takes seconds per million rows, beside the ledger's work. A POST, because it works: it changes
// nothing but the metric of the last result.
Result<AdminReply> AdminApi::verify_ledger(Request& request) {
  TRY(const ReportFormat format, parse_report_format(request.take("format").value_or("")));
  TRY_VOID(request.no_more_query());
  if (format == ReportFormat::csv)
    return client_error(Code::invalid_value, "want json or text", "format");
  TRY(const store::VerifyReport report, parts_.ledger.verify());
  if (format == ReportFormat::text) return in_format(format, verify_text(report));
  return AdminReply{.body = verify_json(report)};
}

}  // namespace sovmesh::control
