#include "rollout/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace sovmesh::rollout {
namespace {

// Wilson's interval of a rate, 95 %.
std::pair<double, double> wilson(std::uint64_t events, std::uint64_t total) {
  constexpr double z = 1.959964;
  const auto n = static_cast<double>(total);
  const double p = static_cast<double>(events) / n;
  const double middle = p + z * z / (2 * n);
  const double half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  const double scale = 1 + z * z / n;
  return {(middle - half) / scale, (middle + half) / scale};
}

ReportRow rate_row(std::string name, std::uint64_t stable_events, std::uint64_t stable_total,
                   std::uint64_t candidate_events, std::uint64_t candidate_total) {
  ReportRow row{.name = std::move(name), .unit = "%"};
  const auto rate = [](std::uint64_t events, std::uint64_t total) {
    return static_cast<double>(events) / static_cast<double>(total);
  };
  if (stable_total > 0) row.stable = rate(stable_events, stable_total) * 100;
  if (candidate_total > 0) row.candidate = rate(candidate_events, candidate_total) * 100;
  if (!row.stable || !row.candidate) return row;
  const auto [stable_low, stable_high] = wilson(stable_events, stable_total);
  const auto [candidate_low, candidate_high] = wilson(candidate_events, candidate_total);
  const double s = *row.stable / 100;
  const double c = *row.candidate / 100;
  row.difference_low = 100 * (c - s - std::hypot(c - candidate_low, stable_high - s));
  row.difference_high = 100 * (c - s + std::hypot(candidate_high - c, s - stable_low));
  return row;
}

struct Sizes {
  std::string_view name;
  std::string_view unit;
  double scale;  // of the unit
  const Histogram& stable;
  const Histogram& candidate;
};

void add_quantiles(Report& report, const Sizes& sizes) {
  constexpr std::array kQuantiles{std::pair("median", 0.5), std::pair("90 %", 0.9),
                                  std::pair("99 %", 0.99)};
  for (const auto& [text, q] : kQuantiles) {
    ReportRow row{.name = fmt::format("{}, {}", sizes.name, text), .unit = std::string(sizes.unit)};
    if (sizes.stable.count() > 0) row.stable = sizes.stable.quantile(q) / sizes.scale;
    if (sizes.candidate.count() > 0) row.candidate = sizes.candidate.quantile(q) / sizes.scale;
    report.rows.push_back(std::move(row));
  }
}

double share_in(const Histogram& of, std::size_t from, std::size_t to) {
  std::uint64_t sum = 0;
  for (std::size_t bucket = from; bucket < to; ++bucket)
    sum += of.in(bucket);
  return of.count() == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(of.count());
}

Chart chart(const Sizes& sizes) {
  Chart chart{.name = std::string(sizes.name), .unit = std::string(sizes.unit), .bars = {}};
  // Octave n: the buckets behind 2^(n-1) up to 2^n; the first one holds bucket 0 alone.
  for (std::size_t end = 1; end <= Histogram::kBuckets; end += Histogram::kPerOctave) {
    const std::size_t begin = end == 1 ? 0 : end - Histogram::kPerOctave;
    chart.bars.push_back({.upper = Histogram::upper_bound(end - 1) / sizes.scale,
                          .stable = share_in(sizes.stable, begin, end),
                          .candidate = share_in(sizes.candidate, begin, end)});
  }
  const auto empty = [](const ChartBar& bar) { return bar.stable == 0 && bar.candidate == 0; };
  while (!chart.bars.empty() && empty(chart.bars.back()))
    chart.bars.pop_back();
  chart.bars.erase(chart.bars.begin(), std::ranges::find_if_not(chart.bars, empty));
  return chart;
}

std::string cell(const std::optional<double>& value) {
  return value ? fmt::format("{:.2f}", *value) : "-";
}

std::string difference(const ReportRow& row) {
  if (row.difference_low)
    return fmt::format("{:+.2f} to {:+.2f} points", *row.difference_low, *row.difference_high);
  if (row.stable && row.candidate && *row.stable > 0)
    return fmt::format("x {:.2f}", *row.candidate / *row.stable);
  return "-";
}

std::string bar(double share) {
  constexpr double kWidth = 40;
  return std::string(static_cast<std::size_t>(std::lround(share * kWidth)), '#');
}

}  // namespace

void add_total_times(Report& report, const Histogram& stable_us, const Histogram& candidate_us) {
  add_quantiles(report, {"whole answer", "ms", 1'000, stable_us, candidate_us});
}

Report compare(const Arm& stable, const Arm& candidate) {
  Report report{.stable_requests = stable.requests,
                .candidate_requests = candidate.requests,
                .rows = {},
                .charts = {}};
  report.rows.push_back(
      rate_row("errors", stable.errors, stable.requests, candidate.errors, candidate.requests));
  report.rows.push_back(rate_row("refusals", stable.refusals, stable.requests, candidate.refusals,
                                 candidate.requests));
  constexpr double kMicrosecondsPerMs = 1'000;
  for (const Sizes& sizes :
       {Sizes{"time to first token", "ms", kMicrosecondsPerMs, stable.ttft_us, candidate.ttft_us},
        Sizes{"time per output token", "ms", kMicrosecondsPerMs, stable.tpot_us, candidate.tpot_us},
        Sizes{"output", "tokens", 1, stable.output_tokens, candidate.output_tokens}}) {
    add_quantiles(report, sizes);
    report.charts.push_back(chart(sizes));
  }
  return report;
}

std::string report_text(const Report& report, std::string_view stable, std::string_view candidate) {
  std::string text =
      fmt::format("stable     {}, {} requests\ncandidate  {}, {} requests\n\n", stable,
                  report.stable_requests, candidate, report.candidate_requests);
  text += fmt::format("{:<32}{:<8}{:>12}{:>12}   {}\n", "", "unit", "stable", "candidate",
                      "difference");
  for (const ReportRow& row : report.rows)
    text += fmt::format("{:<32}{:<8}{:>12}{:>12}   {}\n", row.name, row.unit, cell(row.stable),
                        cell(row.candidate), difference(row));
  for (const Chart& chart : report.charts) {
    if (chart.bars.empty()) continue;
    text += fmt::format("\n{}, share of requests up to so many {}\n", chart.name, chart.unit);
    for (const ChartBar& one : chart.bars) {
      text += fmt::format("{:>12.2f}  stable    {:5.1f} %  {}\n", one.upper, one.stable * 100,
                          bar(one.stable));
      text += fmt::format("{:>12}  candidate {:5.1f} %  {}\n", "", one.candidate * 100,
                          bar(one.candidate));
    }
  }
  // Bars of nothing leave blanks at the ends of lines.
  for (std::size_t at = text.find("  \n"); at != std::string::npos; at = text.find("  \n", at))
    text.erase(at, 2);
  return text;
}

}  // namespace sovmesh::rollout
