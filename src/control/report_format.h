#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/admin_api.h"

namespace sovmesh::control {

// In which form a report is answered. JSON is what programs read; the others are for people.
enum class ReportFormat : std::uint8_t { json, csv, text, html };
// Empty: JSON. HTML only where `with_html`.
Result<ReportFormat> parse_report_format(std::string_view text, bool with_html = false);
AdminReply in_format(ReportFormat format, std::string body);

}  // namespace sovmesh::control
