#include <fmt/format.h>

#include <utility>

#include "base/bytes.h"
#include "control/admin_access.h"
#include "control/admin_api.h"
#include "control/admin_objects.h"
#include "control/forecast.h"
#include "control/report_format.h"
#include "control/usage_report.h"

// What the admin API tells of usage: sums, charts, forecasts.
namespace sovmesh::control {
namespace {

constexpr std::chrono::milliseconds kFlushMax{1'000};
constexpr std::size_t kChartUsual = 80;  // characters of a line
constexpr std::size_t kChartMin = 40;
constexpr std::size_t kChartMax = 400;

Result<std::size_t> parse_width(const std::optional<std::string>& text) {
  if (!text) return kChartUsual;
  const auto width = parse_u64(*text);
  if (width && *width >= kChartMin && *width <= kChartMax) return *width;
  return client_error(Code::invalid_value, fmt::format("want {}..{}", kChartMin, kChartMax),
                      "width");
}

// A tenant's people ask of their own tenant, and not where it ran.
Result<void> narrow(const AdminRequest& request, const store::ControlData& data, UsageAsk& ask) {
  if (sees_all(request)) return {};
  TRY(const auto tenant, tenant_of(request, data, ask.tenant));
  if (ask.tenant.empty()) ask.tenant = slug_of(data, *tenant);
  if (!ask.engine.empty() || ask.by == "engine")
    return client_error(Code::insufficient_permissions, "engines are for people of the platform",
                        ask.engine.empty() ? "by" : "engine");
  return {};
}

}  // namespace

Result<AdminReply> AdminApi::usage(Request& request) {
  if (request.path.size() == 2) return forecast(request);
  const auto take = [&](const char* name) { return request.take(name).value_or(""); };
  UsageAsk ask{.tenant = take("tenant"),
               .by = take("by"),
               .from = take("from"),
               .until = take("until"),
               .month = take("month"),
               .project = take("project"),
               .key = take("key"),
               .model = take("model"),
               .user = take("user"),
               .cost_centre = take("cost_centre"),
               .engine = take("engine")};
  const auto chart = request.take("chart");
  TRY(const std::size_t width, parse_width(request.take("width")));
  TRY(const ReportFormat format, parse_report_format(take("format")));
  TRY_VOID(request.no_more_query());
  TRY(const store::ControlData data, load_seen(request));
  TRY_VOID(narrow(request, data, ask));
  // Who asks right after an answer finds it. When the disk is in trouble the sum is of what is
  // durable, which is worth more than no sum.
  (void)parts_.ledger.flush(kFlushMax);
  TRY(const UsageReport report, read_usage(parts_.ledger, data, ask, parts_.clock.wall_now()));
  if (chart) {
    TRY(const ChartOf of, parse_chart(*chart));
    return in_format(ReportFormat::text, usage_chart(report, of, width));
  }
  if (format == ReportFormat::csv) return in_format(format, usage_csv(report));
  if (format == ReportFormat::text) return in_format(format, usage_text(report));
  return AdminReply{.body = usage_json(report)};
}

Result<AdminReply> AdminApi::forecast(Request& request) {
  const auto tenant = request.take("tenant");
  TRY(const ReportFormat format, parse_report_format(request.take("format").value_or("")));
  TRY_VOID(request.no_more_query());
  if (!tenant)
    return client_error(Code::missing_required_parameter, "say whose: tenant=SLUG", "tenant");
  TRY(const store::ControlData data, load_seen(request));
  if (!sees_all(request)) TRY_VOID(tenant_of(request, data, tenant));
  (void)parts_.ledger.flush(kFlushMax);
  TRY(const Forecast forecast,
      read_forecast(parts_.ledger, data, *tenant, parts_.clock.wall_now()));
  if (format == ReportFormat::csv) return in_format(format, forecast_csv(forecast));
  if (format == ReportFormat::text) return in_format(format, forecast_text(forecast));
  return AdminReply{.body = forecast_json(forecast)};
}

}  // namespace sovmesh::control
