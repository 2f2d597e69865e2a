#include "control/usage_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/csv.h"
#include "base/time_text.h"
#include "control/json_text.h"
#include "control/report_text.h"

namespace sovmesh::control {
namespace {

std::string line_json(const UsageLine& line) {
  const store::UsageSum& sum = line.sum;
  JsonText json;
  json.text("group", std::string_view(line.group));
  if (!line.tenant.empty()) json.text("tenant", std::string_view(line.tenant));
  if (!line.label.empty()) json.text("label", std::string_view(line.label));
  if (line.period) json.time("from", line.period->begin).time("until", line.period->end);
  return json.number("requests", sum.requests)
      .number("open", sum.open)
      .number("prompt_tokens", sum.prompt)
      .number("cached_tokens", sum.cached)
      .number("generated_tokens", sum.generated)
      .number("reasoning_tokens", sum.reasoning)
      .number("delivered_tokens", sum.delivered)
      .text("gse_seconds", std::string_view(seconds_text(sum.gse_us)))
      .number("energy_mj", sum.energy_mj)
      .text("energy_method", metering::name(sum.energy_method))
      .number("co2_ug", sum.co2_ug)
      .text("cost", std::string_view(money_text(sum.cost_micro)))
      .number("cost_micro", sum.cost_micro)
      .text("currency", std::string_view(sum.currency))
      .number("unpriced", sum.unpriced)
      .number("drifted", sum.drifted)
      .number("recovered", sum.recovered)
      .flag("lower_bound", sum.recovered > 0)
      .number("first_seq", sum.first_seq)
      .number("last_seq", sum.last_seq)
      .end();
}

std::string of_group(const UsageReport& report) { return report.by.empty() ? "" : report.by; }

bool names_tenants(const UsageReport& report) {
  return report.by != "tenant" && std::ranges::any_of(report.lines, [&](const UsageLine& line) {
           return !line.tenant.empty() && report.tenant.empty();
         });
}

std::vector<std::string> cells_of(const store::UsageSum& sum) {
  return {std::to_string(sum.requests),
          std::to_string(sum.open),
          std::to_string(sum.prompt),
          std::to_string(sum.cached),
          std::to_string(sum.generated),
          std::to_string(sum.delivered),
          seconds_text(sum.gse_us),
          watt_hours_text(sum.energy_mj),
          money_text(sum.cost_micro),
          sum.currency,
          std::to_string(sum.unpriced),
          sum.recovered == 0 ? "-" : fmt::format("{} (>=)", sum.recovered)};
}

void add_up(store::UsageSum& total, const store::UsageSum& sum) {
  total += sum;
  total.open += sum.open;
  total.currency = sum.currency;
  total.energy_method = std::max(total.energy_method, sum.energy_method);
}

std::map<std::string, store::UsageSum> totals_of(const UsageReport& report) {
  std::map<std::string, store::UsageSum> totals;
  for (const UsageLine& line : report.lines)
    add_up(totals[line.sum.currency], line.sum);
  return totals;
}

std::string notes_of(const std::map<std::string, store::UsageSum>& totals) {
  store::UsageSum all;
  for (const auto& [currency, sum] : totals)
    add_up(all, sum);
  std::string out;
  if (all.unpriced > 0)
    out += fmt::format("{} requests had no price: what they would cost is not in these sums.\n",
                       all.unpriced);
  if (all.recovered > 0)
    out += fmt::format(
        "(>=) the end of {} requests was lost in a crash: they are counted as far as is known, "
        "which is a lower bound.\n",
        all.recovered);
  if (all.drifted > 0)
    out += fmt::format("The engine contradicted itself by more than 2 % on {} requests.\n",
                       all.drifted);
  if (all.energy_method != metering::EnergyMethod::none)
    out += fmt::format("Energy: {}.\n", metering::name(all.energy_method));
  return out;
}

std::int64_t value_of(const store::UsageSum& sum, ChartOf of) {
  switch (of) {
    case ChartOf::tokens:
      return sum.tokens();
    case ChartOf::requests:
      return sum.requests;
    case ChartOf::cost:
      return sum.cost_micro;
  }
  return 0;
}

struct Bar {
  std::string name;
  std::string unit;  // a currency, or empty: its own scale
  std::int64_t value = 0;
};

std::vector<Bar> bars_of(const UsageReport& report, ChartOf of) {
  std::vector<Bar> bars;
  std::map<std::pair<std::string, std::string>, std::size_t> places;
  const auto bar = [&](const std::string& name, const std::string& unit) -> Bar& {
    const auto [at, is_new] = places.try_emplace({name, unit}, bars.size());
    if (is_new) bars.push_back({.name = name, .unit = unit});
    return bars[at->second];
  };
  // Days without usage between those with some have a place, too.
  std::string unit;
  if (of == ChartOf::cost && !report.lines.empty()) unit = report.lines.front().sum.currency;
  auto first = report.periods.begin();
  auto last = report.periods.begin();
  if (!report.lines.empty() && !report.periods.empty()) {
    first = std::ranges::find(report.periods, report.lines.front().group);
    last = std::ranges::find(report.periods, report.lines.back().group);
  }
  for (auto it = first; it != last; ++it)
    bar(*it, unit);
  const bool with_tenant = names_tenants(report);
  for (const UsageLine& line : report.lines) {
    std::string name = with_tenant ? line.tenant + "/" + line.group : line.group;
    if (!line.label.empty()) name += " " + line.label;
    bar(name, of == ChartOf::cost ? line.sum.currency : "").value += value_of(line.sum, of);
  }
  return bars;
}

}  // namespace

std::string usage_json(const UsageReport& report) {
  std::vector<std::string> lines;
  for (const UsageLine& line : report.lines)
    lines.push_back(line_json(line));
  JsonText json;
  report.tenant.empty() ? json.null("tenant")
                        : json.text("tenant", std::string_view(report.tenant));
  json.text("by", std::string_view(report.by))
      .text("time_zone", std::string_view(report.time_zone));
  report.from ? json.time("from", *report.from) : json.null("from");
  report.until ? json.time("until", *report.until) : json.null("until");
  return json.raw("data", json_list(lines)).end();
}

std::string usage_csv(const UsageReport& report) {
  CsvWriter csv;
  for (const std::string_view name : {"tenant",
                                      "group",
                                      "label",
                                      "from",
                                      "until",
                                      "requests",
                                      "open",
                                      "input_tokens",
                                      "cached_tokens",
                                      "output_tokens",
                                      "reasoning_tokens",
                                      "delivered_tokens",
                                      "gse_seconds",
                                      "energy_mj",
                                      "energy_method",
                                      "co2_ug",
                                      "cost",
                                      "currency",
                                      "unpriced",
                                      "recovered",
                                      "drifted",
                                      "first_seq",
                                      "last_seq"})
    csv.plain(name);
  csv.end_line();
  for (const UsageLine& line : report.lines) {
    const store::UsageSum& sum = line.sum;
    csv.text(line.tenant).text(line.group).text(line.label);
    csv.plain(line.period ? to_rfc3339(line.period->begin) : "");
    csv.plain(line.period ? to_rfc3339(line.period->end) : "");
    for (const std::int64_t number : {sum.requests, sum.open, sum.prompt, sum.cached, sum.generated,
                                      sum.reasoning, sum.delivered})
      csv.number(number);
    csv.plain(seconds_text(sum.gse_us)).number(sum.energy_mj);
    csv.plain(metering::name(sum.energy_method)).number(sum.co2_ug);
    csv.plain(money_text(sum.cost_micro)).text(sum.currency);
    for (const std::int64_t number :
         {sum.unpriced, sum.recovered, sum.drifted, sum.first_seq, sum.last_seq})
      csv.number(number);
    csv.end_line();
  }
  return csv.take();
}

std::string usage_text(const UsageReport& report) {
  const bool with_tenant = names_tenants(report);
  const bool with_label =
      std::ranges::any_of(report.lines, [](const UsageLine& line) { return !line.label.empty(); });
  std::vector<TextTable::Column> columns;
  if (with_tenant) columns.push_back({"tenant"});
  columns.push_back({report.by.empty() ? "sum" : of_group(report)});
  if (with_label) columns.push_back({"name"});
  const std::size_t before = columns.size();
  for (const char* name : {"requests", "open", "input", "cached", "output", "delivered",
                           "gse_seconds", "energy_wh", "cost"})
    columns.push_back({name, true});
  columns.push_back({"currency"});
  columns.push_back({"unpriced", true});
  columns.push_back({"recovered", true});
  TextTable table(std::move(columns));
  const auto add = [&](std::vector<std::string> names, const store::UsageSum& sum) {
    names.resize(before);
    for (std::string& cell : cells_of(sum))
      names.push_back(std::move(cell));
    table.add(std::move(names));
  };
  for (const UsageLine& line : report.lines) {
    std::vector<std::string> names;
    if (with_tenant) names.push_back(line.tenant);
    names.push_back(report.by.empty() ? "all" : line.group);
    if (with_label) names.push_back(line.label);
    add(std::move(names), line.sum);
  }
  const auto totals = totals_of(report);
  if (report.lines.size() > totals.size()) {
    table.rule();
    for (const auto& [currency, sum] : totals)
      add({"total"}, sum);
  }
  std::string out = report.lines.empty() ? "No usage.\n" : table.text();
  if (!report.periods.empty()) out += fmt::format("Time zone: {}.\n", report.time_zone);
  return out + notes_of(totals);
}

Result<ChartOf> parse_chart(std::string_view text) {
  if (text == "tokens") return ChartOf::tokens;
  if (text == "requests") return ChartOf::requests;
  if (text == "cost") return ChartOf::cost;
  return client_error(Code::invalid_value, "want tokens, requests or cost", "chart");
}

std::string usage_chart(const UsageReport& report, ChartOf of, std::size_t columns) {
  constexpr std::size_t kNameMax = 32;
  constexpr std::size_t kBarMin = 10;
  const std::vector<Bar> bars = bars_of(report, of);
  if (bars.empty()) return "No usage.\n";
  std::map<std::string, std::int64_t> max;
  std::vector<std::string> values;
  std::size_t name_width = 0;
  std::size_t value_width = 0;
  for (const Bar& bar : bars) {
    max[bar.unit] = std::max(max[bar.unit], bar.value);
    values.push_back(of == ChartOf::cost ? money_text(bar.value) + " " + bar.unit
                                         : std::to_string(bar.value));
    value_width = std::max(value_width, values.back().size());
    name_width = std::max(name_width, std::min(kNameMax, characters(bar.name)));
  }
  const std::size_t taken = name_width + value_width + 4;
  const std::size_t width = columns > taken + kBarMin ? columns - taken : kBarMin;
  std::string out;
  for (std::size_t i = 0; i < bars.size(); ++i) {
    std::string name = printable(bars[i].name.empty() ? "-" : bars[i].name);
    const std::size_t shown = characters(name);
    if (shown < name_width) name += std::string(name_width - shown, ' ');
    out += fmt::format("{}  {}  {:>{}}\n", name, bar_text(bars[i].value, max[bars[i].unit], width),
                       values[i], value_width);
  }
  return out;
}

}  // namespace sovmesh::control
