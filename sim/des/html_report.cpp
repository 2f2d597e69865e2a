#include <fmt/format.h>

#include <algorithm>

#include "base/html.h"
#include "sim/des/compare.h"

// A page on its own: style and charts are in it, nothing is fetched, no script runs.
namespace sovmesh::des {
namespace {

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Simulated policies</title><style>
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6470;--line:#d5dae0;--paper:#fff;
--ours:#0b6e4f;--other:#8a96a3}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebee;--soft:#a2abb5;--line:#3a424b;
--paper:#15191d;--ours:#4cc38a;--other:#6d7985}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}p,li{color:var(--soft)}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .6rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left}tr.ours td{font-weight:600;color:var(--ours)}
svg{max-width:100%;height:auto}svg text{font:13px system-ui,sans-serif;fill:var(--ink)}
svg .soft{fill:var(--soft)}svg line{stroke:var(--line)}svg .ours{fill:var(--ours)}
svg .other{fill:var(--other)}svg .range{stroke:var(--ink);stroke-width:1.5}
</style></head><body>
)";

// A measure of a chart of bars.
struct Measure {
  std::string_view title;
  Interval Row::* value;
  double scale;
  std::string_view unit;
};

double longest(const std::vector<Row>& rows, const Measure& measure) {
  double most = 0;
  for (const Row& row : rows)
    most = std::max(most, (row.*measure.value).mean + (row.*measure.value).half);
  return most > 0 ? most : 1;
}

// One bar for each policy, with its interval.
std::string bars(const std::vector<Row>& rows, const Measure& measure, std::string_view ours) {
  constexpr double kLeft = 150, kWidth = 400, kStep = 24;
  const double most = longest(rows, measure);
  const double height = kStep * static_cast<double>(rows.size()) + 8;
  std::string out =
      fmt::format(R"(<svg viewBox="0 0 660 {:.0f}" width="660" role="img" aria-label="{}">)",
                  height, escape_html(measure.title));
  double y = 4;
  for (const Row& row : rows) {
    const Interval value = row.*measure.value;
    const double end = kLeft + kWidth * value.mean / most;
    const double low = kLeft + kWidth * std::max(0.0, value.mean - value.half) / most;
    const double high = kLeft + kWidth * (value.mean + value.half) / most;
    out += fmt::format(R"(<text x="{:.0f}" y="{:.0f}" text-anchor="end">{}</text>)", kLeft - 8,
                       y + 15, escape_html(row.policy));
    out +=
        fmt::format(R"(<rect class="{}" x="{:.0f}" y="{:.0f}" width="{:.1f}" height="18" rx="2"/>)",
                    row.policy == ours ? "ours" : "other", kLeft, y, end - kLeft);
    if (value.half > 0)
      out += fmt::format(R"(<line class="range" x1="{:.1f}" x2="{:.1f}" y1="{:.0f}" y2="{:.0f}"/>)",
                         low, high, y + 9, y + 9);
    out += fmt::format(R"(<text class="soft" x="{:.1f}" y="{:.0f}">{:.1f} {}</text>)", high + 6,
                       y + 15, value.mean * measure.scale, measure.unit);
    y += kStep;
  }
  return out + "</svg>\n";
}

std::string table(const std::vector<Row>& rows, std::string_view ours) {
  std::string out =
      "<div class=\"wide\"><table><tr><th>policy</th><th>goodput %</th><th>TTFT p50 s</th>"
      "<th>p90</th><th>p99</th><th>TPOT p99 ms</th><th>whole p99 s</th><th>cache hits %</th>"
      "<th>busy %</th><th>imbalance</th><th>preemptions</th><th>refused</th><th>gap GPU-s</th>"
      "<th>Jain</th><th>starved s</th></tr>\n";
  for (const Row& row : rows)
    out += fmt::format(
        "<tr{}><td>{}</td><td>{:.1f} ± {:.1f}</td><td>{:.2f}</td><td>{:.2f}</td><td>{:.2f}</td>"
        "<td>{:.1f}</td><td>{:.1f}</td><td>{:.1f}</td><td>{:.1f}</td><td>{:.2f}</td>"
        "<td>{:.0f}</td><td>{:.0f}</td><td>{:.2f}</td><td>{:.3f}</td><td>{:.1f}</td></tr>\n",
        row.policy == ours ? " class=\"ours\"" : "", escape_html(row.policy),
        100 * row.goodput.mean, 100 * row.goodput.half, row.first_p50.mean, row.first_p90.mean,
        row.first_p99.mean, 1'000 * row.per_output_p99.mean, row.total_p99.mean,
        100 * row.hit_rate.mean, 100 * row.utilisation.mean, row.imbalance.mean,
        row.preemptions.mean, row.refused.mean, row.gap_gpu_s.mean, row.jain.mean,
        row.starved_s.mean);
  return out + "</table></div>\n";
}

std::string verdict_list(std::span<const Cell> cells, std::string_view policy) {
  std::string out;
  for (const Verdict& verdict : verdicts(cells, policy))
    out +=
        fmt::format("<li>{}: {:+.1f} ± {:.1f} points against {}</li>\n", escape_html(verdict.load),
                    verdict.points.mean, verdict.points.half, escape_html(verdict.best_other));
  if (out.empty()) return out;
  return fmt::format("<h2>{} and the best other policy</h2>\n<ul>\n{}</ul>\n", escape_html(policy),
                     out);
}

}  // namespace

std::string comparison_html(std::span<const Cell> cells, std::string_view policy,
                            std::span<const std::string> about) {
  std::string out(kHead);
  out += "<h1>Simulated policies</h1>\n<ul>\n";
  for (const std::string& line : about)
    out += "<li>" + escape_html(line) + "</li>\n";
  out += "</ul>\n" + verdict_list(cells, policy);
  const std::vector<Row> all = rows_of(cells);
  for (auto from = all.begin(); from != all.end();) {
    const auto to =
        std::find_if(from, all.end(), [&](const Row& row) { return row.load != from->load; });
    const std::vector<Row> rows(from, to);
    out += "<h2>" + escape_html(rows.front().load) + "</h2>\n";
    for (const Measure& measure :
         {Measure{"SLO goodput", &Row::goodput, 100, "%"},
          Measure{"Time to first token, p90", &Row::first_p90, 1, "s"},
          Measure{"Prompt tokens from the cache", &Row::hit_rate, 100, "%"}})
      out += fmt::format("<p>{}</p>\n", measure.title) + bars(rows, measure, policy);
    out += table(rows, policy);
    from = to;
  }
  return out + "</body></html>\n";
}

}  // namespace sovmesh::des
