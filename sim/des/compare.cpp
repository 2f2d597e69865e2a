#include "sim/des/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/csv.h"

namespace sovmesh::des {
namespace {

// 97.5 % points of Student's t by degrees of freedom, from 1 on.
constexpr std::array kStudent = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365,
                                 2.306,  2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
                                 2.131,  2.120, 2.110, 2.101, 2.093};
constexpr double kStudentLast = 2.0;

std::vector<std::string> distinct(std::span<const Cell> cells, std::string Cell::* member) {
  std::vector<std::string> names;
  for (const Cell& cell : cells)
    if (std::ranges::find(names, cell.*member) == names.end()) names.push_back(cell.*member);
  return names;
}

std::vector<const Cell*> of(std::span<const Cell> cells, std::string_view load,
                            std::string_view policy) {
  std::vector<const Cell*> out;
  for (const Cell& cell : cells)
    if (cell.load == load && cell.policy == policy) out.push_back(&cell);
  return out;
}

template <class F>
Interval over(const std::vector<const Cell*>& cells, F&& value) {
  std::vector<double> values;
  for (const Cell* cell : cells)
    values.push_back(static_cast<double>(value(cell->summary)));
  return interval(values);
}

Row row_of(const std::vector<const Cell*>& cells) {
  return {
      .load = cells.front()->load,
      .policy = cells.front()->policy,
      .seeds = cells.size(),
      .goodput = over(cells, [](const Summary& s) { return s.goodput; }),
      .first_p50 = over(cells, [](const Summary& s) { return s.first.p50; }),
      .first_p90 = over(cells, [](const Summary& s) { return s.first.p90; }),
      .first_p99 = over(cells, [](const Summary& s) { return s.first.p99; }),
      .per_output_p99 = over(cells, [](const Summary& s) { return s.per_output.p99; }),
      .total_p99 = over(cells, [](const Summary& s) { return s.total.p99; }),
      .hit_rate = over(cells, [](const Summary& s) { return s.hit_rate; }),
      .utilisation = over(cells, [](const Summary& s) { return s.utilisation; }),
      .imbalance = over(cells, [](const Summary& s) { return s.imbalance; }),
      .preemptions = over(cells, [](const Summary& s) { return s.preemptions; }),
      .refused = over(cells, [](const Summary& s) { return s.refused; }),
      .wasted_tokens = over(cells, [](const Summary& s) { return s.wasted_tokens; }),
      .gap_gpu_s = over(cells, [](const Summary& s) { return s.gap_gpu_s; }),
      .jain = over(cells, [](const Summary& s) { return s.jain; }),
      .starved_s = over(cells, [](const Summary& s) { return s.starved_s; }),
  };
}

// Differences of two policies on the same seeds, in points.
Interval paired_points(const std::vector<const Cell*>& ours,
                       const std::vector<const Cell*>& theirs) {
  std::vector<double> points;
  for (const Cell* our : ours)
    for (const Cell* their : theirs)
      if (our->seed == their->seed)
        points.push_back(100 * (our->summary.goodput - their->summary.goodput));
  return interval(points);
}

std::string percent(const Interval& value) {
  return value.half > 0 ? fmt::format("{:.1f} ±{:.1f}", 100 * value.mean, 100 * value.half)
                        : fmt::format("{:.1f}", 100 * value.mean);
}

void add_quantiles(std::string& out, std::string_view what, const Quantiles& q,
                   std::string_view unit, double scale) {
  out += fmt::format("{:<22}{:>10.{}f} {:>10.{}f} {:>10.{}f} {}\n", what, q.p50 * scale,
                     scale > 1 ? 1 : 3, q.p90 * scale, scale > 1 ? 1 : 3, q.p99 * scale,
                     scale > 1 ? 1 : 3, unit);
}

}  // namespace

Interval interval(std::span<const double> values) {
  if (values.empty()) return {};
  const auto size = static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values)
    sum += value;
  const double mean = sum / size;
  if (values.size() == 1) return {.mean = mean};
  double squares = 0;
  for (const double value : values)
    squares += (value - mean) * (value - mean);
  const std::size_t freedom = values.size() - 1;
  const double student = freedom <= kStudent.size() ? kStudent[freedom - 1] : kStudentLast;
  return {.mean = mean, .half = student * std::sqrt(squares / static_cast<double>(freedom) / size)};
}

std::vector<Row> rows_of(std::span<const Cell> cells) {
  std::vector<Row> rows;
  const auto policies = distinct(cells, &Cell::policy);
  for (const std::string& load : distinct(cells, &Cell::load))
    for (const std::string& policy : policies)
      if (const auto some = of(cells, load, policy); !some.empty()) rows.push_back(row_of(some));
  return rows;
}

std::vector<Verdict> verdicts(std::span<const Cell> cells, std::string_view policy) {
  std::vector<Verdict> out;
  for (const std::string& load : distinct(cells, &Cell::load)) {
    const auto ours = of(cells, load, policy);
    std::vector<const Cell*> best;
    for (const std::string& other : distinct(cells, &Cell::policy)) {
      const auto theirs = of(cells, load, other);
      if (other == policy || theirs.empty()) continue;
      if (best.empty() || row_of(theirs).goodput.mean > row_of(best).goodput.mean) best = theirs;
    }
    if (ours.empty() || best.empty()) continue;
    out.push_back(
        {.load = load, .best_other = best.front()->policy, .points = paired_points(ours, best)});
  }
  return out;
}

std::string comparison_text(std::span<const Cell> cells, std::string_view policy) {
  std::string out;
  std::string load;
  for (const Row& row : rows_of(cells)) {
    if (row.load != load) {
      load = row.load;
      out += fmt::format("{}{}: SLO goodput over {} seed{}\n", out.empty() ? "" : "\n", load,
                         row.seeds, row.seeds == 1 ? "" : "s, mean and 95 % interval");
      out += fmt::format("{:<18} {:>12} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9} {:>8}\n", "policy",
                         "goodput %", "TTFT p50", "p90", "p99 s", "TPOT p99", "hits %", "imbalance",
                         "preempt");
    }
    // "±" is two bytes and one column.
    const std::string goodput = percent(row.goodput);
    out += fmt::format(
        "{:<18} {:>{}} {:>8.2f} {:>8.2f} {:>8.2f} {:>8.3f} {:>8.1f} {:>9.2f} {:>8.0f}\n",
        row.policy, goodput, row.goodput.half > 0 ? 13 : 12, row.first_p50.mean, row.first_p90.mean,
        row.first_p99.mean, row.per_output_p99.mean, 100 * row.hit_rate.mean, row.imbalance.mean,
        row.preemptions.mean);
  }
  const auto judged = verdicts(cells, policy);
  if (judged.empty()) return out;
  double sum = 0;
  out += fmt::format("\n{} against the best other policy of each load, in points of goodput\n",
                     policy);
  for (const Verdict& verdict : judged) {
    out += fmt::format("{:<28} {:>+6.1f} ±{:.1f}  ({})\n", verdict.load, verdict.points.mean,
                       verdict.points.half, verdict.best_other);
    sum += verdict.points.mean;
  }
  out += fmt::format("{:<28} {:>+6.1f}\n", "mean", sum / static_cast<double>(judged.size()));
  return out;
}

std::string comparison_csv(std::span<const Cell> cells) {
  CsvWriter csv;
  for (const std::string_view name :
       {"load",        "policy",        "seed",       "requests",    "completed",   "failed",
        "refused",     "left",          "unfinished", "goodput",     "ttft_p50_s",  "ttft_p90_s",
        "ttft_p99_s",  "tpot_p50_s",    "tpot_p90_s", "tpot_p99_s",  "e2e_p50_s",   "e2e_p90_s",
        "e2e_p99_s",   "wait_p50_s",    "wait_p95_s", "hit_rate",    "utilisation", "imbalance",
        "preemptions", "wasted_tokens", "gap_gpu_s",  "bound_gpu_s", "jain",        "starved_s",
        "decisions",   "steps"})
    csv.plain(name);
  csv.end_line();
  const auto number = [&](double value) { csv.plain(fmt::format("{:.6g}", value)); };
  for (const Cell& cell : cells) {
    const Summary& s = cell.summary;
    csv.text(cell.load).text(cell.policy).plain(std::to_string(cell.seed));
    for (const std::uint64_t count :
         {s.requests, s.completed, s.failed, s.refused, s.left, s.unfinished})
      csv.plain(std::to_string(count));
    for (const double value :
         {s.goodput, s.first.p50, s.first.p90, s.first.p99, s.per_output.p50, s.per_output.p90,
          s.per_output.p99, s.total.p50, s.total.p90, s.total.p99, s.wait.p50, s.wait.p95,
          s.hit_rate, s.utilisation, s.imbalance})
      number(value);
    csv.plain(std::to_string(s.preemptions)).number(s.wasted_tokens);
    number(s.gap_gpu_s);
    csv.plain(s.bound ? fmt::format("{:.6g}", 2 * (s.bound->u_us + s.bound->q_us) / 1e6) : "");
    number(s.jain);
    number(s.starved_s);
    csv.plain(std::to_string(s.decisions)).plain(std::to_string(s.steps));
    csv.end_line();
  }
  return csv.take();
}

std::string summary_text(const Summary& s) {
  std::string out = fmt::format("{:<22}{} in {:.0f} s\n", "requests", s.requests, s.simulated_s);
  out +=
      fmt::format("{:<22}{} done, {} failed, {} refused, {} left by their client, {} unfinished\n",
                  "", s.completed, s.failed, s.refused, s.left, s.unfinished);
  out += fmt::format("{:<22}{:.1f} %\n", "SLO goodput", 100 * s.goodput);
  out += fmt::format("{:<22}{:>10} {:>10} {:>10}\n", "", "p50", "p90", "p99");
  add_quantiles(out, "wait in our queue", s.wait, "s", 1);
  add_quantiles(out, "time to first token", s.first, "s", 1);
  add_quantiles(out, "per output token", s.per_output, "ms", 1'000);
  add_quantiles(out, "whole answer", s.total, "s", 1);
  out += fmt::format("{:<22}{:.1f} % of prompt tokens\n", "prefix cache", 100 * s.hit_rate);
  out += fmt::format("{:<22}{:.1f} %, busiest {:.2f} times the mean\n", "engines busy",
                     100 * s.utilisation, s.imbalance);
  out += fmt::format("{:<22}{}; {} tokens computed in vain\n", "preemptions", s.preemptions,
                     s.wasted_tokens);
  out +=
      fmt::format("{:<22}{:.3f} GPU-seconds between waiting tenants", "service gap", s.gap_gpu_s);
  if (s.bound)
    out += fmt::format("; bound 2(U+Q) = {:.3f}", 2 * (s.bound->u_us + s.bound->q_us) / 1e6);
  out += fmt::format("\n{:<22}{:.3f}\n{:<22}{:.1f} s\n", "Jain's index", s.jain,
                     "longest starvation", s.starved_s);
  out +=
      fmt::format("{:<22}{} of where, {} steps of engines\n\n", "decisions", s.decisions, s.steps);
  out += fmt::format("{:<20} {:>9} {:>10} {:>9} {:>9} {:>9} {:>11} {:>9}\n", "tenant", "requests",
                     "goodput %", "wait p50", "wait p95", "TTFT p99", "GPU-seconds", "starved s");
  for (const TenantSummary& t : s.tenants)
    out += fmt::format("{:<20} {:>9} {:>10.1f} {:>9.2f} {:>9.2f} {:>9.2f} {:>11.1f} {:>9.1f}\n",
                       t.name, t.requests, 100 * t.goodput, t.wait.p50, t.wait.p95, t.first.p99,
                       t.gpu_s, t.starved_s);
  return out;
}

std::string tenants_csv(const Summary& summary) {
  CsvWriter csv;
  for (const std::string_view name :
       {"tenant", "requests", "goodput", "wait_p50_s", "wait_p95_s", "ttft_p50_s", "ttft_p99_s",
        "gpu_s", "demand_gpu_s", "starved_s"})
    csv.plain(name);
  csv.end_line();
  for (const TenantSummary& t : summary.tenants) {
    csv.text(t.name).plain(std::to_string(t.requests));
    for (const double value : {t.goodput, t.wait.p50, t.wait.p95, t.first.p50, t.first.p99, t.gpu_s,
                               t.demand_gpu_s, t.starved_s})
      csv.plain(fmt::format("{:.6g}", value));
    csv.end_line();
  }
  return csv.take();
}

}  // namespace sovmesh::des
