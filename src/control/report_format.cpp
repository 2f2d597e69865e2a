#include "control/report_format.h"

namespace sovmesh::control {

Result<ReportFormat> parse_report_format(std::string_view text, bool with_html) {
  if (text.empty() || text == "json") return ReportFormat::json;
  if (text == "csv") return ReportFormat::csv;
  if (text == "text") return ReportFormat::text;
  if (text == "html" && with_html) return ReportFormat::html;
  return client_error(Code::invalid_value,
                      with_html ? "want json, csv, text or html" : "want json, csv or text",
                      "format");
}

AdminReply in_format(ReportFormat format, std::string body) {
  AdminReply reply{.body = std::move(body)};
  switch (format) {
    case ReportFormat::json:
      break;
    case ReportFormat::csv:
      reply.content_type = "text/csv; charset=utf-8";
      break;
    case ReportFormat::text:
      reply.content_type = "text/plain; charset=utf-8";
      break;
    case ReportFormat::html:
      reply.content_type = "text/html; charset=utf-8";
      break;
  }
  return reply;
}

}  // namespace sovmesh::control
