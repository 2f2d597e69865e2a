#include "compose/top_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "compose/admin_cli.h"

namespace sovmesh::compose {
namespace {

using nlohmann::json;

struct Column {
  const char* title;
  bool is_text = false;
};
using Line = std::vector<std::string>;

json member(const json& object, std::string_view name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() ? *found : json();
}

std::string shown(const json& value) {
  if (value.is_string()) return printable(value.get<std::string>());
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    return std::abs(number) >= 100 ? fmt::format("{:.0f}", number) : fmt::format("{:.1f}", number);
  }
  return value.is_null() ? "-" : value.dump();
}
std::string shown(const json& object, std::string_view name) { return shown(member(object, name)); }

std::string milliseconds(const json& object, std::string_view name) {
  const json value = member(member(object, "ttft_ms"), name);
  return value.is_number() ? fmt::format("{:.0f}", value.get<double>()) : "-";
}

void add_table(std::vector<std::string>& out, const std::vector<Column>& columns,
               const std::vector<Line>& lines) {
  if (lines.empty()) return;
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    widths.push_back(std::string_view(columns[i].title).size());
    for (const Line& line : lines)
      widths[i] = std::max(widths[i], line[i].size());
  }
  const auto text_of = [&](const auto& cell) {
    std::string text;
    for (std::size_t i = 0; i < columns.size(); ++i)
      text += columns[i].is_text ? fmt::format("{:<{}}  ", cell(i), widths[i])
                                 : fmt::format("{:>{}}  ", cell(i), widths[i]);
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  };
  out.emplace_back();
  out.push_back(text_of([&](std::size_t i) { return std::string(columns[i].title); }));
  for (const Line& line : lines)
    out.push_back(text_of([&](std::size_t i) { return line[i]; }));
}

// What the engine itself says, where the server has no live figures.
Line engine_line(const json& engine, bool is_live) {
  const json load = is_live ? engine : member(engine, "load");
  const json condition = member(engine, "condition");
  return {shown(engine, "name"),  shown(engine, "state"), shown(condition),
          shown(load, "running"), shown(load, "waiting"), shown(engine, "slots")};
}

void add_engines(std::vector<std::string>& out, const TopView& view) {
  const json live = member(view.live, "engines");
  const json& rows = live.is_array() ? live : view.engines;
  std::vector<Line> lines;
  if (rows.is_array())
    for (const json& row : rows)
      lines.push_back(engine_line(row, live.is_array()));
  add_table(
      out,
      {{"ENGINE", true}, {"STATE", true}, {"CONDITION", true}, {"RUNNING"}, {"WAITING"}, {"SLOTS"}},
      lines);
}

std::string pool_name(const json& name) {
  return name.is_string() && name.get_ref<const std::string&>().empty() ? "(none)" : shown(name);
}

void add_pools(std::vector<std::string>& out, const TopView& view) {
  std::vector<Line> lines;
  if (view.pools.is_array()) {
    for (const json& row : view.pools)
      if (member(row, "level") == "pool")
        lines.push_back({pool_name(member(row, "pool")), shown(row, "guaranteed"),
                         shown(row, "used"), shown(row, "borrowed"), shown(row, "running"),
                         shown(row, "waiting")});
  }
  add_table(out, {{"POOL", true}, {"GUARANTEED"}, {"USED"}, {"BORROWED"}, {"RUNNING"}, {"WAITING"}},
            lines);
}

void add_live_tenants(std::vector<std::string>& out, const json& rows) {
  std::vector<Line> lines;
  for (const json& row : rows)
    lines.push_back({shown(row, "tenant"), shown(row, "requests_per_s"),
                     shown(row, "output_tokens_per_s"), shown(row, "errors_per_s"),
                     milliseconds(row, "p50"), milliseconds(row, "p95"), shown(row, "running"),
                     shown(row, "waiting")});
  add_table(out,
            {{"TENANT", true},
             {"REQ/S"},
             {"TOKENS/S"},
             {"ERRORS/S"},
             {"TTFT P50 MS"},
             {"P95 MS"},
             {"RUNNING"},
             {"WAITING"}},
            lines);
}

// Without live figures: what each has at work, by pool.
void add_parts(std::vector<std::string>& out, const json& rows) {
  std::vector<Line> lines;
  for (const json& row : rows)
    if (member(row, "level") == "tenant")
      lines.push_back({shown(row, "part"), pool_name(member(row, "pool")), shown(row, "used"),
                       shown(row, "borrowed"), shown(row, "running"), shown(row, "waiting")});
  add_table(
      out,
      {{"TENANT", true}, {"POOL", true}, {"GPUS USED"}, {"BORROWED"}, {"RUNNING"}, {"WAITING"}},
      lines);
}

std::string first_line(const TopView& view) {
  std::string out = "sovmesh " + shown(view.system, "version") + " at " + printable(view.place);
  const json ready = member(view.system, "ready");
  if (ready.is_boolean()) out += ready.get<bool>() ? ": ready" : ": NOT READY";
  if (const json why = member(view.system, "not_ready"); why.is_array() && !why.empty()) {
    out += " (";
    for (const json& one : why)
      out += (out.ends_with('(') ? "" : ", ") + shown(one);
    out += ")";
  }
  return out;
}

std::string live_line(const json& live) {
  return fmt::format(
      "{} requests/s  {} tokens/s  {} errors/s  first token p50 {} ms p95 {} ms  {} "
      "running  {} waiting",
      shown(live, "requests_per_s"), shown(live, "output_tokens_per_s"),
      shown(live, "errors_per_s"), milliseconds(live, "p50"), milliseconds(live, "p95"),
      shown(live, "running"), shown(live, "waiting"));
}

}  // namespace

std::string top_text(const TopView& view, std::size_t width, std::size_t height) {
  std::vector<std::string> lines{first_line(view)};
  if (view.live.is_object()) lines.push_back(live_line(view.live));
  add_engines(lines, view);
  add_pools(lines, view);
  if (const json tenants = member(view.live, "tenants"); tenants.is_array())
    add_live_tenants(lines, tenants);
  else if (view.pools.is_array())
    add_parts(lines, view.pools);
  const std::size_t hidden = height > 0 && lines.size() > height ? lines.size() - height + 1 : 0;
  if (hidden > 0) {
    lines.resize(height);
    lines.back() = fmt::format("... {} lines more", hidden);
  }
  std::string out;
  for (const std::string& line : lines)
    out += line.substr(0, width) + "\n";
  return out;
}

}  // namespace sovmesh::compose
