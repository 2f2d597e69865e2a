#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/des/metrics.h"

namespace sovmesh::des {

// One run of a comparison.
struct Cell {
  std::string load;
  std::string policy;
  std::uint64_t seed = 0;
  Summary summary;
};

// A mean with the half of its 95 % interval (Student's t); the half is 0 for one value.
struct Interval {
  double mean = 0;
  double half = 0;
};
Interval interval(std::span<const double> values);

// One load under one policy, over its seeds.
struct Row {
  std::string load;
  std::string policy;
  std::size_t seeds = 0;
  Interval goodput;                                                     // share
  Interval first_p50, first_p90, first_p99, per_output_p99, total_p99;  // seconds
  Interval hit_rate, utilisation, imbalance, preemptions, refused, wasted_tokens;
  Interval gap_gpu_s, jain, starved_s;
};
// In the order in which load and policy came first.
std::vector<Row> rows_of(std::span<const Cell> cells);

// Of one load: how `policy` compares with the best of the others, seed by seed.
struct Verdict {
  std::string load;
  std::string best_other;
  Interval points;  // of goodput, in percentage points, ours less theirs; paired by seed
};
std::vector<Verdict> verdicts(std::span<const Cell> cells, std::string_view policy);

// A table for people. `policy` names whose verdicts follow it; empty: nobody's.
std::string comparison_text(std::span<const Cell> cells, std::string_view policy);
// Every run, one line each.
std::string comparison_csv(std::span<const Cell> cells);
// One page with charts that needs nothing else. `about`: what was simulated, in plain text.
std::string comparison_html(std::span<const Cell> cells, std::string_view policy,
                            std::span<const std::string> about);

// One run for people, with its tenants.
std::string summary_text(const Summary& summary);
std::string tenants_csv(const Summary& summary);

}  // namespace sovmesh::des
