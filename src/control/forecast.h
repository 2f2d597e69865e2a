#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/usage_report.h"

namespace sovmesh::control {

// What one figure will be at the end of a month. The method is in docs/usage.md: the days to come
// are the mean of the same weekdays of the last four weeks, the range comes from their spread.
struct Projection {
  std::int64_t so_far = 0;
  std::int64_t expected = 0;
  std::int64_t low = 0;  // of about 95 %
  std::int64_t high = 0;
};

struct ForecastDays {
  static constexpr std::size_t kHistoryMax = 28;
  static constexpr std::size_t kHistoryMin = 14;

  std::vector<std::int64_t>
      history;                // whole days before today, oldest first; the last is yesterday
  std::int64_t so_far = 0;    // this month, today included
  std::int64_t today = 0;     // today until now
  std::size_t days_left = 1;  // of this month, today included
};
// Nothing when the history is shorter than kHistoryMin days.
std::optional<Projection> project(const ForecastDays& days);

struct Forecast {
  std::string tenant;
  std::string month;
  std::string time_zone;
  std::size_t history_days = 0;  // since the first usage, at most kHistoryMax
  std::size_t days_left = 0;
  std::optional<Projection> requests;
  std::optional<Projection> tokens;
  struct Cost {
    std::string currency;
    std::int64_t so_far = 0;
    std::optional<Projection> projection;
  };
  std::vector<Cost> costs;
  std::int64_t requests_so_far = 0;
  std::int64_t tokens_so_far = 0;
  bool has_too_little_data() const { return history_days < ForecastDays::kHistoryMin; }
};
// Of the tenant's present month. Blocks on the ledger.
Result<Forecast> read_forecast(store::Ledger& ledger, const store::ControlData& data,
                               const std::string& tenant, WallTime now);
std::string forecast_json(const Forecast& forecast);
std::string forecast_csv(const Forecast& forecast);
std::string forecast_text(const Forecast& forecast);

}  // namespace sovmesh::control
