#include "compose/rollout_cli.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string_view>

#include "compose/serve.h"

namespace sovmesh::compose {
namespace {

using nlohmann::json;

std::string text_at(const json& object, const char* name) {
  return printable(object.value(name, std::string()));
}

// Steps that are done, the one that holds, those to come: "[1%:600s] > 5%:600s > ...".
std::string progress(const json& rollout) {
  std::string out;
  const auto present = rollout.value("step", std::int64_t{1});
  std::int64_t number = 0;
  for (const json& step : rollout.value("steps", json::array())) {
    ++number;
    const std::string text = printable(step.get<std::string>());
    out += out.empty() ? "" : " > ";
    out += number == present ? fmt::format("[{}]", text) : text;
  }
  return out;
}

void print_report(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    fmt::print("{}\n", printable(std::string(text.substr(at, end - at))));
    at = end + 1;
  }
}

void print_status(const json& rollout) {
  fmt::print("route {}: {} -> {}\n", text_at(rollout, "route"), text_at(rollout, "stable"),
             text_at(rollout, "candidate"));
  fmt::print("state: {}, {} of the requests\n", text_at(rollout, "state"),
             text_at(rollout, "share"));
  fmt::print("steps: {}\n", progress(rollout));
  fmt::print("why: {}\n", text_at(rollout, "reason"));
  for (const json& one : rollout.value("evidence", json::array()))
    fmt::print("  {}: {}\n", text_at(one, "verdict"), text_at(one, "text"));
  fmt::print("\n");
  for (const json& event : rollout.value("events", json::array()))
    fmt::print("{}  {:>6}  {}\n", text_at(event, "at"), text_at(event, "share"),
               text_at(event, "text"));
  fmt::print("\n");
  print_report(rollout.value("report_text", std::string()));
}

void print_comparison(const std::string& route, const json& mirror) {
  fmt::print("route {}: copies of {} of the requests go to {}\n", printable(route),
             text_at(mirror, "share"), text_at(mirror, "version"));
  if (!mirror.contains("copies")) {
    fmt::print("no request was copied since the server started\n");
    return;
  }
  fmt::print("copies:");
  for (const auto& [outcome, count] : mirror["copies"].items())
    fmt::print(" {} {}", printable(outcome), count.dump());
  fmt::print("\n\n");
  print_report(mirror.value("report_text", std::string()));
}

}  // namespace

int rollout_status(const AdminCli& cli, const std::string& route) {
  const auto answer = admin_ask(cli, "GET", "/api/v1/rollouts/" + url_part(route), {});
  if (!answer || answer->status >= 300) return admin_failed(answer);
  const json rollout = json::parse(answer->body, nullptr, false);
  if (!print_plainly(cli, answer->body) && rollout.is_object()) print_status(rollout);
  return kExitOk;
}

int route_compare(const AdminCli& cli, const std::string& route) {
  const auto answer = admin_ask(cli, "GET", "/api/v1/routes/" + url_part(route) + "/mirror", {});
  if (!answer || answer->status >= 300) return admin_failed(answer);
  const json mirror = json::parse(answer->body, nullptr, false);
  if (!print_plainly(cli, answer->body) && mirror.is_object()) print_comparison(route, mirror);
  return kExitOk;
}

}  // namespace sovmesh::compose
