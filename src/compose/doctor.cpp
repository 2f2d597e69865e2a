#include "compose/doctor.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

#include "compose/admin_cli.h"
#include "compose/serve.h"

namespace sovmesh::compose {

using Status = DoctorFinding::Status;

std::string_view name(Status status) {
  switch (status) {
    case Status::warning:
      return "warning";
    case Status::error:
      return "error";
    default:
      return "ok";
  }
}

void DoctorReport::ok(std::string name, std::string detail) {
  findings_.push_back({std::move(name), Status::ok, std::move(detail), {}});
}
void DoctorReport::warning(std::string name, std::string detail, std::string fix) {
  findings_.push_back({std::move(name), Status::warning, std::move(detail), std::move(fix)});
}
void DoctorReport::error(std::string name, std::string detail, std::string fix) {
  const auto is_told = [&](const DoctorFinding& one) {
    return one.name == name && one.detail == detail;
  };
  if (std::ranges::any_of(findings_, is_told)) return;
  // The check of the whole configuration said it with its place, and not what to do about it.
  std::erase_if(findings_, [&](const DoctorFinding& one) {
    return one.status == Status::error && one.detail.ends_with(": error: " + detail);
  });
  findings_.push_back({std::move(name), Status::error, std::move(detail), std::move(fix)});
}

bool DoctorReport::has_error() const {
  return std::ranges::find(findings_, Status::error, &DoctorFinding::status) != findings_.end();
}

std::string DoctorReport::text() const {
  std::size_t width = 0;
  for (const DoctorFinding& one : findings_)
    width = std::max(width, one.name.size());
  std::string out;
  for (const DoctorFinding& one : findings_) {
    fmt::format_to(std::back_inserter(out), "{:<8} {:<{}} {}\n", compose::name(one.status),
                   one.name, width, printable(one.detail));
    if (!one.fix.empty())
      fmt::format_to(std::back_inserter(out), "{:<8} {:<{}} -> {}\n", "", "", width, one.fix);
  }
  return out;
}

std::string DoctorReport::json() const {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const DoctorFinding& one : findings_)
    all.push_back(
        {{"name", one.name},
         {"status", compose::name(one.status)},
         {"detail", one.detail},
         {"fix", one.fix.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(one.fix)}});
  return all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

int doctor(const DoctorOptions& options) {
  const WallTime now = wall_now();
  DoctorReport report;
  examine_machine(report);
  examine_sandbox(report);
  const std::int64_t server = examine_store(report, options, now);
  examine_clock(report);
  const auto config =
      options.config.empty() ? std::nullopt : examine_config(report, options.config, now);
  examine_engines(report, config ? &*config : nullptr);
  if (config) {
    examine_ports(report, config->server, server);
    examine_certificate(report, config->server, now);
  }
  fmt::print("{}", options.json ? report.json() : report.text());
  return report.has_error() ? kExitFailed : kExitOk;
}

}  // namespace sovmesh::compose
