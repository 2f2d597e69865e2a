#include "control/mirror_view.h"

#include <fmt/format.h>

#include "control/json_text.h"
#include "control/rollout_json.h"

namespace sovmesh::control {
namespace {

JsonText settings_of(const catalog::Mirror& mirror) {
  JsonText json;
  json.text("version", mirror.version.text())
      .text("share", fmt::format("{:g}%", mirror.share / 100.0))
      .number("in_flight_max", mirror.in_flight_max)
      .number("prompt_bytes_max", mirror.prompt_bytes_max);
  return json;
}

}  // namespace

std::string comparison_json(const catalog::Mirror& mirror, const MirrorView* seen) {
  JsonText json = settings_of(mirror);
  if (seen == nullptr || seen->version != mirror.version) return json.end();
  JsonText outcomes;
  for (const auto& [name, count] : seen->outcomes)
    outcomes.number(name, static_cast<std::int64_t>(count));
  return json.raw("copies", outcomes.end())
      .raw("report", report_json(seen->report))
      .text("report_text",
            report_text(seen->report, "the requests themselves", mirror.version.text()))
      .end();
}

}  // namespace sovmesh::control
