#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rollout/arm.h"

namespace sovmesh::rollout {

// One line of a comparison. Absent: too little to say.
struct ReportRow {
  std::string name;  // "errors", "time to first token, median"
  std::string unit;  // "%", "ms", "tokens"
  std::optional<double> stable;
  std::optional<double> candidate;
  // Rates: the 95 % interval of candidate - stable, in points (Newcombe's, from Wilson's).
  std::optional<double> difference_low;
  std::optional<double> difference_high;
};

// Shares of both versions' requests, by what is at most `upper`.
struct ChartBar {
  double upper = 0;
  double stable = 0;
  double candidate = 0;
};
struct Chart {
  std::string name;
  std::string unit;
  std::vector<ChartBar> bars;  // without the empty ones at both ends; by octave
};

struct Report {
  std::uint64_t stable_requests = 0;
  std::uint64_t candidate_requests = 0;
  std::vector<ReportRow> rows;
  std::vector<Chart> charts;
};

// Two versions side by side: of a rollout, of a mirror, of an A/B test.
Report compare(const Arm& stable, const Arm& candidate);
// Adds the times of whole answers, which not everybody counts.
void add_total_times(Report& report, const Histogram& stable_us, const Histogram& candidate_us);
// A table of columns, then the charts as bars.
std::string report_text(const Report& report, std::string_view stable, std::string_view candidate);

}  // namespace sovmesh::rollout
